"""What a model writes, in the real page in a real browser: nothing leaves, nothing runs, nothing covers the buttons."""

from collections.abc import Iterator
from functools import partial

import pytest
from playwright.sync_api import Browser, Page, expect

from apps.model_arena.ballot import SIDES
from tests.browser.page import SIZES, Watched, browser
from tests.server import Server, serving
from tests.told_server import ToldServer
from tests.unit.apps.model_arena.test_sanitising import CORPUS

pytestmark = pytest.mark.browser
MODELS = [f"bad-{side}" for side in SIDES]
ROUNDS = -(-len(CORPUS) // len(SIDES))
PARTS = 4
GOOD = (
    "Inline $a_1$ and \\(b_2\\), and two of their own:\n\n$$\\frac{1}{2}$$\n\n\\[\\sum_i x_i\\]\n\n"
    "| a | b |\n|---|---|\n| 1 | 2 |\n\n```python\nprint('<b>code</b>')\n```\n\nThat was **all**."
)

# Buttons that somebody who presses in their middle would miss.
COVERED = """() => [...document.querySelectorAll('button')].filter(b => b.checkVisibility({visibilityProperty: true}) && b.textContent.trim() && !b.closest('.talk, .visually-hidden, [aria-hidden=true]')).flatMap(b => {
  b.scrollIntoView({block: 'center', behavior: 'instant'});
  const box = b.getBoundingClientRect(), hit = document.elementFromPoint(box.x + box.width / 2, box.y + box.height / 2);
  return !box.width || b.contains(hit) ? [] : [b.textContent.trim() + ' is under ' + (hit ? hit.outerHTML.slice(0, 120) : 'nothing')];
})"""
# What no answer may hold, and links that lead elsewhere than to a page.
FOREIGN = """() => [...document.querySelectorAll('.talk [data-testid=bot] *, .talk [data-testid=user] *')].flatMap(e => [
  ...(/^(SCRIPT|STYLE|LINK|META|BASE|IFRAME|FRAME|OBJECT|EMBED|FORM|INPUT|TEXTAREA|SELECT|VIDEO|AUDIO|IMG|PICTURE|DIALOG|MARQUEE|MATH-FIELD)$/.test(e.tagName) ? [e.outerHTML.slice(0, 120)] : []),
  ...[...e.attributes].filter(a => /^on/.test(a.name) || (/(href|src|action)$/.test(a.name) && !/^(https?:|#)/.test(a.value))).map(a => a.name + '=' + a.value),
])"""


def attack(place: int, prompt: str) -> str:
    """What the model of one side says: the next attack of the corpus, a part of all of them at once, or something good."""
    word, _, number = prompt.partition(" ")
    if word == "Attack":
        at = int(number) * len(SIDES) + place
        return f"Hello.\n\n{CORPUS[at]}\n\nThat was number {at}." if at < len(CORPUS) else "That was all."
    return "\n\n".join([*CORPUS[int(number) :: PARTS], f"End of part {number}."]) if word == "Part" else GOOD


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    home = tmp_path_factory.mktemp("attacks") / "home"
    models = {name: partial(attack, place) for place, name in enumerate(MODELS)}
    with ToldServer(models) as bad, serving(home, PLAYGROUND_SERVERS=bad.declared("fake")) as running:
        yield running


@pytest.fixture(scope="module")
def chrome() -> Iterator[Browser]:
    with browser() as made:
        yield made


@pytest.fixture
def watched(server: Server, chrome: Browser) -> Iterator[Watched]:
    """The arena's page; alerts, new windows and requests that leave are its faults."""
    watching = Watched(chrome, server.url)
    page = watching.page

    def told(dialog) -> None:
        watching.faults.append(f"a script ran: {dialog.message}")
        dialog.dismiss()

    page.on("dialog", told)
    page.on("popup", lambda other: watching.faults.append(f"a window opened: {other.url}"))
    watching.open("/arena/")
    page.get_by_role("tab", name="Chat").click()
    expect(page.get_by_label("Model", exact=True).locator("visible=true")).not_to_have_value("")  # models are known
    page.get_by_role("tab", name="Battle").click()
    yield watching
    page.close()


def choose(page: Page, label: str, *refs: str) -> None:
    """Type refs into a box that names models."""
    box = page.get_by_label(label).locator("visible=true").first
    for ref in refs:
        box.fill(ref)
        box.press("Enter")


def check(page: Page) -> None:
    assert page.evaluate(COVERED) == []
    assert page.evaluate(FOREIGN) == []


def test_the_whole_corpus_in_battles_of_six(watched: Watched) -> None:
    page = watched.page
    page.get_by_role("button", name="Who may meet").click()
    choose(page, "Models (empty: all of this machine)", *(f"openai:fake/{name}" for name in MODELS))
    page.get_by_label("Sides").locator("visible=true").first.fill(str(len(SIDES)))
    seen = ""
    for number in range(ROUNDS):
        page.get_by_label("Prompt", exact=True).locator("visible=true").first.fill(f"Attack {number}")
        page.get_by_role("button", name="Ask", exact=True).click()
        cards = page.locator(".talk:visible")
        expect(cards.last).to_contain_text(f"Attack {number}")
        expect(page.get_by_role("button", name="F is better")).to_be_enabled()
        assert cards.count() == len(SIDES)
        seen += " ".join(cards.all_inner_texts())
        check(page)
        if number % 5 == 0:
            watched.shot(f"arena-attacks-{number}")
    for at in range(len(CORPUS)):
        assert f"That was number {at}." in seen, f"the answer with {CORPUS[at]!r} is not shown to its end"
    width, height = SIZES["phone"]
    page.set_viewport_size({"width": width, "height": height})
    page.wait_for_timeout(1000)  # the sidebar slides away
    check(page)
    page.get_by_role("button", name="All are bad").click()
    expect(page.get_by_text("Saved.")).to_be_visible()
    assert watched.faults == []
    assert page.url.startswith(f"{watched.url}/arena/")


def test_many_attacks_at_once_in_a_chat_and_then_formulas_and_code(watched: Watched) -> None:
    page = watched.page
    page.get_by_role("tab", name="Chat").click()
    choose(page, "Model", f"openai:fake/{MODELS[0]}")
    talk = page.locator(".talk:visible").first
    ends = {f"Part {number}": f"End of part {number}." for number in range(PARTS)} | {"Be good": "That was all."}
    for prompt, end in ends.items():
        page.get_by_label("Prompt", exact=True).locator("visible=true").first.fill(prompt)
        page.get_by_role("button", name="Send", exact=True).click()
        expect(talk.locator("[data-testid=bot]").last).to_contain_text(end)
        expect(page.locator(".tile:visible", has_text="complete")).to_be_visible()
        check(page)
    good = talk.locator("[data-testid=bot]").last
    expect(good.locator(".katex")).to_have_count(4)
    expect(good.locator(".katex-display")).to_have_count(2)
    expect(good.locator("pre code")).to_contain_text("print('<b>code</b>')")
    expect(good.locator("table td")).to_have_count(2)
    expect(good.locator("strong")).to_have_text("all")
    watched.shot("arena-formulas")
    assert watched.faults == []


@pytest.mark.parametrize(
    ("raw", "seen"),
    [
        ("<img src='http://evil.example/track.png'>", "left the machine: http://evil.example/track.png"),
        ("<img src='data:,' onerror='alert(7)'>", "a script ran: 7"),
    ],
)
def test_what_is_not_made_safe_would_be_seen(watched: Watched, raw: str, seen: str) -> None:
    page = watched.page
    with page.expect_event("request" if "http" in raw else "dialog"):
        page.evaluate("raw => document.querySelector('.talk').insertAdjacentHTML('beforeend', raw)", raw)
    assert watched.faults == [seen]


def test_what_covers_a_button_would_be_seen(watched: Watched) -> None:
    page = watched.page
    check(page)
    over = "<div style='position:fixed;inset:0;z-index:9999' data-testid='bot'><form></form></div>"
    page.evaluate("over => document.querySelector('.talk').insertAdjacentHTML('beforeend', over)", over)
    assert any(line.startswith("Ask is under") for line in page.evaluate(COVERED))
    assert page.evaluate(FOREIGN) == ["<form></form>"]
