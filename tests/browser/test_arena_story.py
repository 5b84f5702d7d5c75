"""The arena in a real browser: two embedded models battle, a vote is cast, the leaderboard moves; chat, checks, imported votes."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.page import Watched, browser
from tests.conftest import SHARED
from tests.server import Server, serving

pytestmark = pytest.mark.browser
LLMFAO = SHARED / "data" / "votes" / "llmfao" / "llmfao.csv"
SLOW = 120_000  # the first answer waits for torch and transformers to be imported


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with serving(tmp_path_factory.mktemp("arena") / "home") as running:
        yield running


@pytest.fixture(scope="module")
def chrome() -> Iterator[Browser]:
    with browser() as made:
        yield made


def arena(watched: Watched) -> Page:
    page = watched.open("/arena/")
    expect(page.locator(".chip", has_text="models")).to_be_visible()
    return page


def tab(page: Page, name: str) -> None:
    """Open a tab; those that do not fit stand behind a button with three dots."""
    shown = page.get_by_role("tab", name=name, exact=True)
    if not shown.is_visible():
        page.locator(".overflow-menu > button").click()
        page.locator(".overflow-dropdown button", has_text=name).click()
        return
    shown.click()


def settled(page: Page, name: str) -> None:
    """Until a button may be pressed."""
    expect(page.get_by_role("button", name=name, exact=True)).to_be_enabled(timeout=SLOW)


def answers(page: Page) -> list[str]:
    return [text.strip() for text in page.locator(".talk:visible .bot-row .prose").all_inner_texts()]


@pytest.mark.parametrize(("size", "mode"), [("wide", "light"), ("phone", "dark")])
def test_a_battle_a_vote_and_the_leaderboard(server: Server, chrome: Browser, size: str, mode: str) -> None:
    watched = Watched(chrome, server.url, size, mode)
    page = arena(watched)
    before = page.locator(".chip", has_text="vote").inner_text()
    expect(page.get_by_role("button", name="A is better")).to_be_disabled()
    page.get_by_role("button", name="What is 46 + 27?").click()
    settled(page, "A is better")
    assert len(answers(page)) == 2
    assert all(answers(page))
    cards = page.locator(".duel:visible").inner_text()
    assert "builtin:" not in cards, "names are hidden until the vote"
    watched.shot("arena-answered")
    page.get_by_placeholder("Ask hidden models").fill("Spell the word chair.")
    page.get_by_role("button", name="Say next").click()
    expect(page.locator(".talk:visible .bot-row")).to_have_count(4, timeout=SLOW)
    settled(page, "B is better")
    page.get_by_role("button", name="A is better" if size == "wide" else "B is better").click()
    expect(page.get_by_text("Saved. A was")).to_be_visible()
    cards = page.locator(".duel:visible").inner_text()
    assert cards.count("builtin:") >= 2
    assert "tokens/s" in cards
    expect(page.get_by_role("button", name="A is better")).to_be_disabled()
    expect(page.locator(".chip", has_text="vote")).not_to_have_text(before)
    watched.shot("arena-voted")
    page.get_by_role("button", name="Share this battle").click()
    link = page.locator("a.link:visible").get_attribute("href")
    tab(page, "Leaderboard")
    expect(page.locator("table.data:visible")).to_contain_text("builtin:")
    watched.shot("arena-board")
    page.goto(f"{server.url}/arena/{link}&__theme={mode}")
    expect(page.get_by_text("A shared battle")).to_be_visible(timeout=SLOW)
    expect(page.locator(".who:visible").first).to_contain_text("builtin:")
    assert watched.faults == []
    page.close()


def test_chat_with_an_embedded_model(server: Server, chrome: Browser) -> None:
    watched = Watched(chrome, server.url)
    page = arena(watched)
    tab(page, "Chat")
    page.get_by_role("button", name="What is 38 + 47?").click()
    tokens = page.locator(".tile:visible", has_text="Answer")
    expect(tokens).to_contain_text("complete", timeout=SLOW)
    assert len(answers(page)) == 1
    page.get_by_role("button", name="Prompt as sent").click()
    expect(page.locator(".mono:visible textarea")).to_have_value(
        "<|im_start|>user\nWhat is 38 + 47?<|im_end|>\n<|im_start|>assistant\n"
    )
    page.get_by_placeholder("Say something").fill("Write a story about Mia and a drum.")
    page.get_by_placeholder("Say something").press("Enter")
    expect(page.locator(".talk:visible .bot-row")).to_have_count(2, timeout=SLOW)
    expect(tokens).to_contain_text("complete", timeout=SLOW)
    watched.shot("arena-chat")
    page.get_by_role("button", name="Save as record").click()
    expect(page.get_by_text("Saved as record")).to_be_visible()
    page.get_by_role("button", name="New chat").click()
    expect(page.locator(".talk:visible .bot-row")).to_have_count(0)
    page.get_by_role("button", name="Send", exact=True).click()
    expect(page.locator(".toast-body")).to_contain_text("The prompt is empty")
    assert watched.faults == []
    page.close()


def test_checks_of_two_models_side_by_side(server: Server, chrome: Browser) -> None:
    watched = Watched(chrome, server.url)
    page = arena(watched)
    tab(page, "Check")
    expect(page.get_by_text("Nothing checked yet")).to_be_visible()
    page.get_by_label("Core 32 only").check()
    page.get_by_role("button", name="Run the checks").click()
    expect(page.get_by_text("Saved as record")).to_be_visible(timeout=SLOW)
    expect(page.locator(".tile:visible")).to_have_count(2)
    page.locator(".opener:visible").first.click()
    expect(page.locator(".turns:visible")).to_contain_text("Asked")
    watched.shot("arena-checks")
    tab(page, "Models")
    expect(page.locator("table.data:visible").last).to_contain_text("not here")
    watched.shot("arena-models")
    assert watched.faults == []
    page.close()


def test_imported_votes_are_ranked(server: Server, chrome: Browser, tmp_path: Path) -> None:
    """The 8,931 real votes where they are beside the project, otherwise a few of our own."""
    file, added, first = LLMFAO, "8,931", "GPT 4"
    if not LLMFAO.is_file():
        file, added, first = tmp_path / "own.csv", "4", "red"
        file.write_text("left,right,winner\nred,blue,left\nred,blue,right\nblue,red,right\nred,blue,tie\n")
    watched = Watched(chrome, server.url)
    page = arena(watched)
    tab(page, "Votes")
    page.locator("input[type=file]").first.set_input_files(file)
    expect(page.locator(".file-preview:visible")).to_contain_text(file.suffix)
    page.get_by_role("button", name="Import", exact=True).click()
    expect(page.locator(".tile:visible", has_text="Votes added")).to_contain_text(added, timeout=SLOW)
    watched.shot("arena-imported")
    tab(page, "Leaderboard")
    expect(page.locator("table.data:visible")).to_contain_text(first)
    page.get_by_role("button", name="Win rates and position").click()
    page.get_by_role("button", name="Show win rates").click()
    expect(page.get_by_text("Being shown first")).to_be_visible(timeout=SLOW)
    page.locator(".js-plotly-plot:visible").nth(1).wait_for()
    watched.shot("arena-ranked")
    assert watched.faults == []
    page.close()
