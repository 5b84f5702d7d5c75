"""Answers that never end, in the page: Stop ends the server's work, nothing typed is lost, and one can ask again."""

import time
from collections.abc import Iterator
from itertools import repeat

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.page import Watched, browser
from tests.server import Server, serving
from tests.told_server import ToldServer

pytestmark = pytest.mark.browser
SAMPLE = "What is 38 + 47?"


@pytest.fixture(scope="module")
def endless() -> Iterator[ToldServer]:
    models = {
        name: lambda prompt: repeat("on and ") if "forever" in prompt else f"You said {prompt}"
        for name in ("one", "two")
    }
    with ToldServer(models) as running:
        running.faults.delay = 0.05  # an answer of more than some 1,000 pieces is cut: not before Stop is pressed
        yield running


@pytest.fixture(scope="module")
def server(endless: ToldServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with serving(
        tmp_path_factory.mktemp("stop") / "home", "model_arena", PLAYGROUND_SERVERS=endless.declared("far")
    ) as running:
        yield running


@pytest.fixture(scope="module")
def chrome() -> Iterator[Browser]:
    with browser() as made:
        yield made


def quiet(endless: ToldServer) -> None:
    """Until the server answers nobody any more."""
    end = time.monotonic() + 20
    while endless.faults.running and time.monotonic() < end:
        time.sleep(0.02)
    assert endless.faults.running == 0


def choose(page: Page, label: str, *refs: str) -> None:
    box = page.get_by_label(label, exact=False).first
    for ref in refs:
        box.fill(ref)
        box.press("Enter")


def test_a_chat_is_stopped_and_goes_on(server: Server, chrome: Browser, endless: ToldServer) -> None:
    watched = Watched(chrome, server.url)
    page = watched.open("/")
    expect(page.locator(".chip", has_text="models")).to_be_visible()
    page.get_by_role("tab", name="Chat", exact=True).click()
    choose(page, "Model", "openai:far/one")
    prompt = page.get_by_placeholder("Say something")
    prompt.fill("Talk forever")
    prompt.press("Enter")
    expect(page.locator(".talk:visible .bot-row")).to_contain_text("on and on and")
    expect(prompt).to_be_disabled()
    expect(page.get_by_role("button", name="Send", exact=True)).to_be_disabled()
    expect(page.get_by_role("button", name=SAMPLE)).to_be_disabled()
    assert endless.faults.running == 1
    page.get_by_role("button", name="Stop", exact=True).click()
    quiet(endless)
    expect(prompt).to_be_enabled()
    expect(page.locator(".talk:visible .bot-row")).to_contain_text("on and on and")
    prompt.fill("something short")
    page.get_by_role("button", name="Send", exact=True).click()
    expect(page.locator(".talk:visible .bot-row").last).to_contain_text("You said something short")
    expect(prompt).to_be_enabled()
    choose(page, "Model", "openai:far/nobody")
    prompt.fill("keep these words")
    prompt.press("Enter")
    expect(page.locator(".toast-body").last).to_contain_text("does not exist")
    expect(prompt).to_have_value("keep these words")
    expect(prompt).to_be_enabled()
    assert watched.faults == []
    page.close()


def test_a_battle_is_stopped_and_asked_again(server: Server, chrome: Browser, endless: ToldServer) -> None:
    watched = Watched(chrome, server.url)
    page = watched.open("/")
    expect(page.locator(".chip", has_text="models")).to_be_visible()
    page.get_by_role("button", name="Who may meet").click()
    choose(page, "Models (empty", "openai:far/one", "openai:far/two")
    page.get_by_placeholder("Ask hidden models").fill("Talk forever")
    page.get_by_role("button", name="Ask", exact=True).click()
    expect(page.locator(".talk:visible .bot-row").first).to_contain_text("on and on and")
    expect(page.get_by_role("button", name="Ask", exact=True)).to_be_disabled()
    page.get_by_role("button", name="Stop", exact=True).click()
    quiet(endless)
    expect(page.get_by_role("button", name="A is better")).to_be_disabled()
    expect(page.get_by_role("button", name="Regenerate")).to_be_enabled()
    page.get_by_role("button", name="Regenerate").click()
    expect(page.locator(".talk:visible .bot-row").first).to_contain_text("on and on and")
    page.get_by_role("button", name="Stop", exact=True).click()
    quiet(endless)
    page.get_by_placeholder("Ask hidden models").fill("a few words")
    page.get_by_role("button", name="Ask", exact=True).click()
    expect(page.get_by_role("button", name="A is better")).to_be_enabled()
    expect(page.locator(".talk:visible .bot-row").first).to_contain_text("You said a few words")
    assert watched.faults == []
    page.close()
