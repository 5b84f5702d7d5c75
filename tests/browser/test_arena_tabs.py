"""Every tab of the arena, empty and filled, at both sizes and in both modes; by keyboard alone; with texts of every kind."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.page import Watched, browser
from tests.browser.test_arena_story import tab
from tests.server import Server, serving
from tests.told_server import ToldServer

pytestmark = pytest.mark.browser
TABS = ("Battle", "Leaderboard", "Chat", "Compare", "Check", "Measure", "Prompts", "Votes", "Models")
STORY = "Once there was a lamp. " * 12
VOTES = "left,right,winner\nred,blue,left\nred,blue,right\nblue,green,right\nred,green,tie\nred,blue,perhaps\n"
SLOW = 60_000
ARABIC = "ما هي عاصمة مصر؟"
# The names that a screen reader reads out for inputs that can be seen; the wheel of a slider is named by its label.
NAMELESS = """() => [...document.querySelectorAll('input, textarea, select')].filter(e => e.type !== 'file' && e.checkVisibility({visibilityProperty: true})
  && !(e.labels && [...e.labels].some(l => l.textContent.trim())) && !e.getAttribute('aria-label') && !e.getAttribute('aria-labelledby')).map(e => e.outerHTML.slice(0, 160))"""
UNFOLD = "() => [...document.querySelectorAll('.tabitem .label-wrap:not(.open)')].filter(e => e.checkVisibility()).forEach(e => e.click())"
FOCUS = "() => getComputedStyle(document.activeElement).outlineStyle + ' ' + getComputedStyle(document.activeElement).outlineWidth"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """The arena with two models that answer at once, and with some votes."""
    home = tmp_path_factory.mktemp("tabs") / "home"
    models = {"one": lambda prompt: f"{STORY}{prompt}", "two": lambda prompt: "42"}
    with ToldServer(models) as told, serving(home, "model_arena", PLAYGROUND_SERVERS=told.declared("far")) as running:
        yield running


@pytest.fixture(scope="module")
def chrome() -> Iterator[Browser]:
    with browser() as made:
        yield made


def arena(watched: Watched) -> Page:
    page = watched.open("/")
    expect(page.locator(".chip", has_text="models")).to_be_visible()
    expect(
        page.get_by_text("without a vote after 24 hours")
    ).to_be_visible()  # what is kept is said before anything is asked
    return page


def choose(page: Page, label: str, *refs: str) -> None:
    """Name other models than those that stand in a box."""
    box = page.get_by_label(label, exact=True).locator("visible=true").first
    clear = box.locator("xpath=..").locator(".remove-all")
    if clear.count():
        clear.click()
    for ref in refs:
        box.fill(ref)
        box.press("Enter")
    box.press("Tab")  # closes the list, which lies over what is below


def ask(page: Page, prompt: str) -> None:
    page.get_by_placeholder("Ask hidden models").fill(prompt)
    page.get_by_role("button", name="Ask", exact=True).click()


def meet(page: Page) -> None:
    """Let the two quick models meet."""
    page.get_by_role("button", name="Who may meet").click()
    choose(page, "Models (empty: all of this machine)", "openai:far/one", "openai:far/two")


def test_the_empty_leaderboard_leads_to_a_battle_and_to_the_import(
    server: Server, chrome: Browser, tmp_path: Path
) -> None:
    watched = Watched(chrome, server.url)
    page = arena(watched)
    tab(page, "Leaderboard")
    expect(page.get_by_text("No votes yet").locator("visible=true")).to_be_visible()
    watched.shot("arena-board-empty")
    page.get_by_role("button", name="Fight the first battle").click()
    expect(page.get_by_placeholder("Ask hidden models")).to_be_visible()
    tab(page, "Leaderboard")
    page.get_by_role("button", name="Import votes").click()
    file = tmp_path / "votes.csv"
    file.write_text(VOTES)
    page.locator("input[type=file]").first.set_input_files(file)
    expect(page.locator(".file-preview:visible")).to_contain_text("csv")
    page.get_by_role("button", name="Import", exact=True).click()
    expect(page.locator(".tile:visible", has_text="Votes added")).to_contain_text("4")
    expect(page.get_by_text("is no outcome")).to_be_visible()
    expect(page.locator(".chip", has_text="4 votes")).to_be_visible()
    watched.shot("arena-votes")
    tab(page, "Leaderboard")
    expect(page.locator("table.data:visible")).to_contain_text("green")
    expect(page.get_by_role("button", name="Fight the first battle")).to_be_hidden()
    assert watched.faults == []
    page.close()


@pytest.mark.parametrize("mode", ["light", "dark"])
@pytest.mark.parametrize("size", ["wide", "phone"])
def test_every_tab_at_every_size_and_in_both_modes(server: Server, chrome: Browser, size: str, mode: str) -> None:
    watched = Watched(chrome, server.url, size, mode)
    page = arena(watched)
    for name in TABS:
        tab(page, name)
        expect(page.get_by_role("tab", name=name, exact=True)).to_have_attribute("aria-selected", "true")
        if name in ("Leaderboard", "Models"):
            page.locator("table.data:visible, .nothing:visible").first.wait_for()
        page.evaluate(UNFOLD)
        watched.shot(f"arena-tab-{name.lower()}")
        nameless = page.evaluate(NAMELESS)
        assert nameless == [], f"{name}: inputs without a name"
        assert page.get_by_role("button", name="Run", exact=True).count() == 0, "a button that nobody meant"
        for stop in page.get_by_role("button", name="Stop", exact=True).locator("visible=true").all():
            expect(stop).to_be_disabled()
    assert watched.faults == []
    page.close()


@pytest.mark.parametrize(("size", "mode"), [("wide", "light"), ("phone", "dark")])
def test_every_tab_that_asks_models_filled(server: Server, chrome: Browser, size: str, mode: str) -> None:
    watched = Watched(chrome, server.url, size, mode)
    page = arena(watched)
    tab(page, "Compare")
    choose(page, "Models, two to six", "openai:far/one", "openai:far/two")
    page.get_by_role("button", name="What is 61 - 25?").click()
    expect(page.locator("table.data:visible")).to_contain_text("openai:far/two", timeout=SLOW)
    watched.shot("arena-compared")
    tab(page, "Check")
    choose(page, "Models to check", "openai:far/one", "openai:far/two")
    page.get_by_label("Core 32 only").check()
    page.get_by_role("button", name="Run the checks").click()
    expect(page.get_by_text("Saved as record").locator("visible=true")).to_be_visible(timeout=SLOW)
    page.locator(".opener:visible").first.click()
    watched.shot("arena-checked")
    tab(page, "Measure")
    choose(page, "Models to measure", "openai:far/one", "openai:far/two")
    choose(page, "Tasks (empty: those that ship)", "answers")
    page.get_by_role("button", name="Measure", exact=True).click()
    expect(page.get_by_text("Saved as record").locator("visible=true")).to_be_visible(timeout=SLOW)
    page.locator("details.more:visible > summary").click()
    watched.shot("arena-measured")
    tab(page, "Prompts")
    choose(page, "Models to ask", "openai:far/one", "openai:far/two")
    page.get_by_role("button", name="Try three prompts").click()
    expect(page.get_by_text("Saved as record").locator("visible=true")).to_be_visible(timeout=SLOW)
    page.locator(".opener:visible").first.click()
    expect(page.locator(".turns:visible")).to_contain_text("Difference of the first two")
    watched.shot("arena-asked")
    assert watched.faults == []
    page.close()


def test_a_battle_by_keyboard_alone(server: Server, chrome: Browser) -> None:
    watched = Watched(chrome, server.url)
    page = arena(watched)
    meet(page)
    page.get_by_label("Prompt", exact=True).locator("visible=true").focus()
    page.keyboard.type("Hello")
    assert page.evaluate(FOCUS) == "solid 2px"
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name="A is better")).to_be_enabled(timeout=SLOW)
    page.get_by_label("Prompt", exact=True).locator("visible=true").focus()
    for _ in range(40):
        page.keyboard.press("Tab")
        assert page.evaluate(FOCUS).startswith("solid"), page.evaluate("document.activeElement.outerHTML.slice(0, 200)")
        if page.evaluate("document.activeElement.textContent.trim()") == "B is better":
            break
    expect(page.get_by_role("button", name="B is better")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_text("Saved. A was")).to_be_visible()
    assert watched.faults == []
    page.close()


@pytest.mark.parametrize("size", ["wide", "phone"])
def test_texts_of_every_kind(server: Server, chrome: Browser, size: str) -> None:
    watched = Watched(chrome, server.url, size)
    page = arena(watched)
    meet(page)
    for prompt in ("用一句话介绍北京的春天。", "a" * 3000, ARABIC):
        ask(page, prompt)
        expect(page.locator(".talk:visible .user-row").first).to_contain_text(prompt[:100], timeout=SLOW)
        expect(page.get_by_role("button", name="A is better")).to_be_enabled(timeout=SLOW)
        watched.shot(f"arena-text-{len(prompt)}")
    said = page.locator(".talk:visible .user-row .prose p").first
    assert said.evaluate("e => getComputedStyle(e).unicodeBidi") == "plaintext", "Arabic begins at the right"
    ask(page, "long " * 20_001)
    expect(page.locator(".toast-body").last).to_contain_text("100,005 characters")
    expect(page.get_by_role("button", name="Ask", exact=True)).to_be_enabled()
    assert watched.faults == []
    page.close()
