"""The main job in a real browser: open a dataset, page, filter, ask, save; then find, compare and replay it in the portal."""

import gzip
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.page import CONTRAST, Watched, browser
from tests.conftest import SHARED
from tests.server import Server, serving

pytestmark = pytest.mark.browser
REAL = SHARED / "data" / "instruct"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with serving(tmp_path_factory.mktemp("browser") / "home") as running:
        yield running


@pytest.fixture(scope="module")
def chrome() -> Iterator[Browser]:
    with browser() as made:
        yield made


@pytest.fixture(scope="module")
def chinese(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small Chinese question-answer file of our own, gzipped."""
    path = tmp_path_factory.mktemp("own") / "chinese.jsonl.gz"
    rows = [{"question": f"第{i}题：{i}加{i}等于多少？", "answer": f"等于{2 * i}。"} for i in range(60)]
    path.write_bytes(gzip.compress("".join(json.dumps(r, ensure_ascii=False) + "\n" for r in rows).encode()))
    return path


def upload(page: Page, path: Path) -> None:
    page.locator("input[type=file]").first.set_input_files(path)


def opened(page: Page, rows: str) -> None:
    page.locator(".tile", has_text="Rows").first.get_by_text(rows, exact=True).wait_for()
    page.locator("table.data").first.wait_for()


def write(page: Page, sql: str) -> None:
    """Type a query; a tab that was opened just now may still put its example over the first try."""
    box = page.get_by_role("textbox", name="SQL").first
    expect(box).to_have_value("SELECT * FROM data LIMIT 20")
    page.wait_for_timeout(1000)
    box.fill(sql)
    expect(box).to_have_value(sql)


def explore(page: Page, word: str, sql: str, count: str) -> None:
    """Page, filter, read a row, ask and save."""
    page.get_by_role("button", name="Next").click()
    expect(page.get_by_text("Rows 21 to 40 of")).to_be_visible()
    page.locator("table.data .opener").first.click()
    expect(page.locator(".turns").first).to_be_visible()
    page.get_by_label("Value").fill(word)
    page.get_by_label("Value").press("Enter")
    expect(page.get_by_text("Rows 1 to", exact=False)).to_be_visible()
    expect(page.locator("table.data").first).to_contain_text(word)
    page.get_by_role("tab", name="Ask in SQL").click()
    write(page, sql)
    page.get_by_role("button", name="Run", exact=True).click()
    expect(page.locator("table.data", has_text=count).last).to_be_visible()
    page.get_by_role("tab", name="Save").click()
    page.get_by_role("button", name="Write the file").click()
    page.locator("a[download]").first.wait_for()


def test_a_chinese_upload_from_the_empty_page_to_a_saved_file(server: Server, chrome: Browser, chinese: Path) -> None:
    watched = Watched(chrome, server.url)
    page = watched.open("/datasets/")
    page.get_by_text("Nothing is open yet").wait_for()
    watched.shot("datasets-empty")
    upload(page, chinese)
    opened(page, "60")
    watched.shot("datasets-chinese")
    explore(page, "第33题", "SELECT count(*) AS n FROM data WHERE question LIKE '%加5等%'", "1")
    watched.shot("datasets-saved")
    with page.expect_download() as download:
        page.locator("a[download]:visible").last.click()
    lines = Path(download.value.path()).read_text("utf-8").splitlines()
    assert json.loads(lines[33]) == {"question": "第33题：33加33等于多少？", "answer": "等于66。"}
    assert watched.faults == []
    page.close()


def test_gsm8k(server: Server, chrome: Browser) -> None:
    if not REAL.is_dir():
        pytest.skip("the real datasets are not beside the project (../shared/data)")
    watched = Watched(chrome, server.url)
    page = watched.open("/datasets/")
    upload(page, REAL / "gsm8k" / "train.jsonl")
    opened(page, "7,473")
    watched.shot("datasets-gsm8k")
    explore(page, "Josie", "SELECT count(*) AS n FROM data", "7473")
    assert watched.faults == []
    page.close()


def test_a_mistake_is_told_and_loses_nothing(server: Server, chrome: Browser) -> None:
    watched = Watched(chrome, server.url)
    page = watched.open("/datasets/")
    page.locator(".samples button").first.click()
    page.locator("table.data").first.wait_for()
    before = page.locator("table.data").first.inner_text()
    page.get_by_label("Dataset", exact=False).first.fill("/etc/passwd")
    page.get_by_role("button", name="Open", exact=True).click()
    expect(page.locator(".toast-body")).to_contain_text("outside the folders that may be opened")
    page.wait_for_timeout(500)  # it slides in
    assert page.locator(".toast-body").bounding_box()["y"] > 450, "a message lies over the tabs"
    assert page.locator("table.data").first.inner_text() == before
    watched.shot("datasets-mistake")
    page.get_by_role("tab", name="Ask in SQL").click()
    write(page, "DELETE FROM data")
    page.get_by_role("button", name="Run", exact=True).click()
    expect(page.locator(".toast-body").last).to_contain_text("SELECT")
    assert watched.faults == []
    page.close()


@pytest.mark.parametrize("mode", ["light", "dark"])
@pytest.mark.parametrize("size", ["wide", "phone"])
def test_every_page_at_every_size_and_in_both_modes(server: Server, chrome: Browser, size: str, mode: str) -> None:
    watched = Watched(chrome, server.url, size, mode)
    page = watched.open("/datasets/")
    page.locator(".samples button").first.click()
    page.locator("table.data").first.wait_for()
    page.locator("table.data .opener").first.click()
    watched.shot("datasets-sample")
    page = watched.open("/")
    page.get_by_role("heading", name="This machine").wait_for()
    page.locator(".tile").first.wait_for()
    watched.shot("portal")
    page.get_by_role("tab", name="Experiments").click()
    page.locator("table.data:visible").first.wait_for()
    watched.shot("portal-experiments")
    page.get_by_role("tab", name="Catalog").click()
    page.locator("table.data:visible").first.wait_for()
    watched.shot("portal-catalog")
    assert watched.faults == []
    page.close()


def test_the_portal_replays_compares_and_exports(server: Server, chrome: Browser) -> None:
    watched = Watched(chrome, server.url)
    page = watched.open("/datasets/")
    page.locator(".samples button").first.click()
    page.locator("table.data").first.wait_for()
    page.get_by_role("link", name="LLM Playground").click()
    page.get_by_role("tab", name="Experiments").click()
    again = page.get_by_role("button", name="Run again")
    again.first.wait_for()
    before = again.count()
    again.first.click()
    expect(page.get_by_text("The same results came out.")).to_be_visible()
    expect(again).to_have_count(before + 1)  # the list shows the new record, too
    box = page.get_by_label("Experiments").last
    box.click()
    for place in range(2):
        page.get_by_role("option").nth(place).click()
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Compare").click()
    expect(page.get_by_text("more are equal in all").or_(page.get_by_text("are equal in all")).first).to_be_visible()
    watched.shot("portal-compared")
    page.get_by_role("button", name="Write the file").click()
    page.locator("a[download]").first.wait_for()
    assert watched.faults == []
    page.close()


def test_light_and_dark_follow_the_switch_and_the_links(server: Server, chrome: Browser) -> None:
    watched = Watched(chrome, server.url)
    page = watched.open("/")
    page.get_by_role("heading", name="This machine").wait_for()
    page.locator(".tile").first.wait_for()
    page.get_by_role("button", name="Switch between light and dark").click()
    assert page.evaluate("document.body.classList.contains('dark')")
    assert page.evaluate(CONTRAST) == []
    page.add_style_tag(content=".gradio-container h1, .tile dd { color: #171a1f !important }")
    faint = [line.split(" ", 1)[1] for line in page.evaluate(CONTRAST)]  # the same look finds what is too faint
    assert "LLM Playground" in faint
    assert page.locator(".tile dd").first.inner_text() in faint
    page.get_by_role("link", name="Datasets", exact=True).click()
    page.get_by_text("Nothing is open yet").wait_for()
    assert "__theme=dark" in page.url
    assert page.evaluate("document.body.classList.contains('dark')")
    assert watched.faults == []
    page.close()


def test_work_is_stopped_and_says_so_until_it_runs_again(server: Server, chrome: Browser, tmp_path: Path) -> None:
    file = tmp_path / "many.jsonl"
    words = [
        "the",
        "river",
        "flows",
        "under",
        "bridges",
        "while",
        "birds",
        "sing",
        "in",
        "trees",
        "and",
        "people",
        "walk",
    ]
    texts = (" ".join(words[(i * step) % len(words)] for step in range(60)) for i in range(20_000))
    file.write_text("".join(json.dumps({"text": f"{text} {i}"}) + "\n" for i, text in enumerate(texts)))
    watched = Watched(chrome, server.url)
    page = watched.open("/datasets/")
    upload(page, file)
    opened(page, "20,000")
    go = tab(page, "Profile").get_by_role("button", name="Profile", exact=True)
    stop = page.get_by_role("button", name="Stop", exact=True).locator("visible=true").last
    expect(stop).to_be_disabled()
    go.click()
    expect(stop).to_be_enabled()
    expect(go).to_be_disabled()
    expect(page.locator(".working:visible")).to_be_visible()
    stop.click()
    told = page.get_by_text("Stopped. Nothing was saved.").locator("visible=true")
    expect(told).to_be_visible()
    page.wait_for_timeout(2000)  # what stopping it is called, a failure, comes later
    expect(told).to_be_visible()
    expect(go).to_be_enabled()
    expect(stop).to_be_disabled()
    go.click()
    expect(page.locator(".tile:visible", has_text="Median length")).to_be_visible()
    expect(told).to_have_count(0)
    expect(page.locator(".working:visible")).to_have_count(0)
    expect(go).to_be_enabled()
    assert watched.faults == []
    page.close()


def test_a_dirty_dataset_is_profiled_checked_cleaned_and_compared(server: Server, chrome: Browser) -> None:
    watched = Watched(chrome, server.url)
    page = watched.open("/datasets/")
    page.get_by_role("button", name="A dataset that needs cleaning").click()
    opened(page, "130")
    tab(page, "Search").get_by_label("Query").fill("端午节")
    page.get_by_role("button", name="Search", exact=True).click()
    expect(page.locator("mark:visible").first).to_be_visible()
    tab(page, "Profile").get_by_role("button", name="Profile", exact=True).click()
    page.locator(".js-plotly-plot .xtick:visible").first.wait_for()
    page.locator("[data-pick]:visible").first.click()
    expect(page.get_by_role("heading", name="Why row")).to_be_visible(timeout=20_000)
    watched.shot("datasets-profile")
    tab(page, "Check").get_by_role("button", name="Find", exact=True).first.click()
    expect(page.get_by_text("all but the first of each group")).to_be_visible()
    page.get_by_role("button", name="Ask", exact=True).click()
    expect(page.get_by_text("May be used commercially").first).to_be_visible()
    watched.shot("datasets-check")
    for rule in ("Exact", "Near", "Empty answers"):
        tab(page, "Clean").get_by_label(rule, exact=True).check()
    page.get_by_role("button", name="Preview").click()
    expect(page.get_by_text("Would go")).to_be_visible(timeout=20_000)
    page.locator(".opener:visible").first.click()
    watched.shot("datasets-clean")
    page.get_by_role("button", name="Save the clean part").click()
    page.get_by_role("button", name="Open the clean part").click()
    opened(tab(page, "Browse"), "104")
    tab(page, "Compare").get_by_label("With").fill("builtin:dirty-mixture")
    page.get_by_label("With").press("Enter")
    page.get_by_role("button", name="Compare", exact=True).click()
    expect(page.get_by_text("Every number of both")).to_be_visible(timeout=30_000)
    watched.shot("datasets-compare")
    assert watched.faults == []
    page.close()


def tab(page: Page, name: str) -> Page:
    """Open a tab of the page."""
    page.get_by_role("tab", name=name, exact=True).click()
    return page
