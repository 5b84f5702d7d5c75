"""Markup: what a person typed never becomes a tag."""

from html.parser import HTMLParser

import pytest

from apps import card, cards
from shared.progress import Progress
from shared.ui import pieces

EVIL = '<img src=x onerror="alert(1)">&"\''


class Tags(HTMLParser):
    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: object) -> None:
        self.found.append(tag)


@pytest.mark.parametrize(
    "text",
    [
        pieces.tile(EVIL, EVIL, EVIL), pieces.chip(EVIL, "warn"), pieces.header_html(EVIL, EVIL, [(EVIL, "ref")]),
        pieces.section_html(EVIL, EVIL), pieces.empty_html(EVIL, EVIL), pieces.bars([1, 2], EVIL),
        pieces.progress_html(Progress(EVIL, 1, 2)), pieces.turns_html([(EVIL, EVIL)]), pieces.table_html([EVIL], [["x"]], label=EVIL),
    ],
)  # fmt: skip
def test_texts_are_escaped(text: str) -> None:
    assert "img" not in Tags(text).found
    assert "&lt;img" in text


def test_navigation_marks_the_page_and_its_links_work_behind_a_proxy() -> None:
    bar = pieces.nav_html(card("dataset_explorer"), cards())
    assert 'href="../datasets/" aria-current="page"' in bar
    assert 'href="../"' in bar
    assert 'href="./datasets/"' in pieces.nav_html(card("portal"), cards())
    assert 'class="brand" href="./"' in pieces.nav_html(card("dataset_explorer"), [card("dataset_explorer")])


def test_rows_open_to_their_details() -> None:
    text = pieces.table_html(["Row", "Text"], [["0", "a"], ["1", "b"]], ["num", ""], details=["<b>A</b>", "<b>B</b>"])
    assert text.count('aria-expanded="false"') == 2
    assert text.count('<tr class="opened" hidden>') == 2
    with pytest.raises(ValueError, match="longer"):
        pieces.table_html(["a", "b"], [["only one"]])


def test_long_texts_are_cut_and_counted() -> None:
    assert "2 more characters" in pieces.turns_html([("user", "abcdef")], limit=4)
    assert "empty" in pieces.turns_html([("user", "")])


def test_progress_says_what_how_far_and_how_long() -> None:
    told = pieces.progress_html(Progress("Reading rows", 1_000, 4_000, 125))
    assert "Reading rows" in told
    assert "1,000 of 4,000, 2 min left" in told
    assert 'value="0.2500"' in told
    assert "value=" not in pieces.progress_html(Progress("Starting"))


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0, "0 s"), (89, "89 s"), (600, "10 min"), (4_800, "80 min"), (6_000, "1 h 40 min"), (-3, "0 s")],
)
def test_durations(seconds: float, words: str) -> None:
    assert pieces.duration(seconds) == words


def test_bars_of_nothing_and_of_zero() -> None:
    assert "rect" not in pieces.bars([], "none")
    assert 'height="0.0"' in pieces.bars([0], "zero")
