"""The endpoint search: by keyword, by pattern, by meaning."""

import pytest

from apps.dataset_explorer.finding import CHARACTERS, search
from shared import records
from shared import search as searching
from shared.calls import call
from shared.errors import PlaygroundError
from shared.policy import Caller
from shared.progress import Progress
from tests.unit.dataset_explorer.stored import last, stored, texts

WAYS = ("keyword", "regex", "semantic")
ROWS = [
    "The river is wide.",
    "A wide, wide bridge.",
    "今天天气很好",
    "天上的气球",
    "",
    "RIVER",
    "naïve cafe\u0301 👩‍👩‍👧",
]


def rows(found):
    return [match.row for match in found.matches]


def marked(match):
    return [match.text[start:end] for start, end in match.spans]


@pytest.mark.parametrize(
    ("query", "expected", "words"),
    [
        ("wide", [1, 0], [["wide", "wide"], ["wide"]]),
        ("river", [5, 0], [["RIVER"], ["river"]]),
        ("天气", [2, 3], [["天天气"], ["天", "气"]]),
        ("cafe\u0301", [6], [["cafe\u0301"]]),
        ("nothing", [], []),
        ("?!", [], []),
    ],
)
def test_keywords_in_every_script(house, query, expected, words):
    found = last(search(texts(house.store, *ROWS).ref, query))
    assert (rows(found), found.total) == (expected, len(expected))
    assert [marked(match) for match in found.matches] == words
    assert sorted((match.score for match in found.matches), reverse=True) == [match.score for match in found.matches]


@pytest.mark.parametrize(
    ("query", "ignore_case", "expected", "words"),
    [
        ("river", True, [0, 5], [["river"], ["RIVER"]]),
        ("river", False, [0], [["river"]]),
        (r"\bw\w+", True, [0, 1], [["wide"], ["wide", "wide"]]),
        ("天.", True, [2, 3], [["天天"], ["天上"]]),
        ("👩", True, [6], [["👩", "👩"]]),
        (r"^$", True, [4], [[]]),
    ],
)
def test_patterns_in_the_order_of_rows(house, query, ignore_case, expected, words):
    found = last(search(texts(house.store, *ROWS).ref, query, "regex", ignore_case=ignore_case))
    assert (rows(found), found.total) == (expected, len(expected))
    assert [marked(match) for match in found.matches] == words
    assert [match.score for match in found.matches] == [len(each) for each in words]


def test_meaning_finds_what_has_other_words(house):
    source = texts(
        house.store, "A kitten drinks milk.", "Share prices fell on Monday.", "The mountain is covered in snow."
    )
    found = last(search(source.ref, "the stock market", "semantic"))
    assert rows(found)[0] == 1
    assert found.total == 3
    assert 1 >= found.matches[0].score > found.matches[1].score
    assert found.matches[0].spans == []
    assert list((house.store.home / "cache" / "embeddings").iterdir())


def test_the_part_around_the_first_match_is_shown(house):
    source = texts(house.store, "x " * 5000 + "needle in a haystack, needle" + " y" * 5000)
    (match,) = last(search(source.ref, "needle")).matches
    assert len(match.text) == CHARACTERS
    assert marked(match) == ["needle", "needle"]
    (match,) = last(search(source.ref, r"x needle.*", "regex")).matches
    assert match.spans == [(CHARACTERS // 4, CHARACTERS)]


def test_the_limit_keeps_the_best_and_counts_all(house):
    source = texts(house.store, *[f"word {'filler ' * number}" for number in range(30)])
    for way in ("keyword", "regex"):
        found = last(search(source.ref, "word", way, limit=3))
        assert (rows(found), found.total) == ([0, 1, 2], 30)


def test_a_column_is_searched_alone(house):
    source = stored(house.store, {"q": ["apple", "pear"], "n": [7, 12], "tags": [["pear", "x"], None]})
    for way in ("keyword", "regex"):
        assert rows(last(search(source.ref, "pear", way))) in ([0, 1], [1, 0])
        assert rows(last(search(source.ref, "pear", way, column="q"))) == [1]
        assert rows(last(search(source.ref, "pear", way, column="tags"))) == [0]
        assert rows(last(search(source.ref, "12", way, column="n"))) == [1]


GIVEN = {"none": [], "one": ["one"], "equal": ["same"] * 3, "empty": ["", None], "hebrew": ["שלום"]}


@pytest.mark.parametrize("way", ["keyword", "regex"])
@pytest.mark.parametrize("given", GIVEN.values(), ids=GIVEN)
def test_any_rows(house, given, way):
    found = last(search(texts(house.store, *given).ref, "same", way))
    expected = [row for row, text in enumerate(given) if text == "same"]
    assert (rows(found), found.total) == (expected, len(expected))


def test_any_rows_have_a_meaning(house):
    assert last(search(texts(house.store).ref, "same", "semantic")).matches == []
    source = texts(house.store, "same", "", None, "same", "שלום", "👩‍👩‍👧")
    found = last(search(source.ref, "same", "semantic"))
    assert (rows(found)[:2], found.total) == ([0, 3], 6)
    assert found.matches[0].score == found.matches[1].score == pytest.approx(1, abs=1e-5)


def test_rows_of_a_megabyte_and_a_pattern_that_backtracks(house):
    """(a+)+$ takes 2 ** 1,000,000 steps where an engine backtracks."""
    source = texts(house.store, "a" * 1_000_000 + "!", "短" * 350_000, "word " * 200_000)
    assert rows(last(search(source.ref, "(a+)+$", "regex"))) == []
    assert rows(last(search(source.ref, "(a|aa)+!", "regex"))) == [0]
    assert rows(last(search(source.ref, "短"))) == [1]
    (match,) = last(search(source.ref, "word", "regex")).matches
    assert (match.score, len(match.text)) == (100, CHARACTERS)


@pytest.mark.parametrize("way", WAYS)
def test_the_record_searches_again(house, way):
    found = last(search("builtin:english-instructions", "the weather", way, column="instruction", limit=4))
    record = records.load(house.store, found.record)
    assert (record.action, record.results) == ("search", {"total": found.total, "matches": len(found.matches)})
    assert record.inputs["dataset"].startswith("builtin:english-instructions@")
    again = last(search(**record.settings))
    assert (rows(again), again.total) == (rows(found), found.total)
    assert again.record not in ("", found.record)


def test_an_index_is_built_once_and_again_when_it_is_torn(house, monkeypatch):
    source = texts(house.store, *ROWS)
    first = last(search(source.ref, "river")).matches
    (kept,) = (house.store.home / "cache" / "keywords").iterdir()
    with monkeypatch.context() as patch:
        patch.setattr(searching, "build_index", None)
        assert last(search(source.ref, "river")).matches == first
    for torn in (kept.read_bytes()[:-40], b"", b"PK"):
        kept.write_bytes(torn)
        *steps, again = search(source.ref, "river")
        assert again.matches == first
        assert any(isinstance(step, Progress) for step in steps)
        assert [each.name for each in kept.parent.iterdir()] == [kept.name]
    last(search(source.ref, "river", column="text"))
    assert len(list(kept.parent.iterdir())) == 2


def test_two_searches_at_once(house):
    """The second finds a file that is whole, or none."""
    source = texts(house.store, *ROWS)
    one, two = search(source.ref, "river"), search(source.ref, "river")
    next(one)
    next(two)
    assert rows(last(one)) == rows(last(two)) == [5, 0]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"query": "  "}, "query is empty"),
        ({"query": "(", "way": "regex"}, r"regular expression '\(' cannot be used"),
        ({"query": r"(a)\1", "way": "regex"}, "Backreferences"),
        ({"query": "a" * 3000, "way": "regex"}, "3,000 characters"),
        ({"query": "a", "way": "fuzzy"}, "way"),
        ({"query": "a", "limit": 0}, "limit"),
        ({"query": "a", "limit": 501}, "limit"),
        ({"query": "a", "column": "answer"}, "no column 'answer'"),
        ({"query": "a", "column": "answer", "way": "regex"}, "no column 'answer'"),
        ({"query": "a", "column": "answer", "way": "semantic"}, "no column 'answer'"),
        ({"query": "a", "dataset": "builtin:nothing"}, "no sample 'nothing'"),
        ({"query": "a", "dataset": "hub:openai/gsm8k"}, "Load it first"),
    ],
)
def test_what_cannot_be_asked(house, arguments, message):
    given = {"dataset": texts(house.store, "a").ref, **arguments}
    with pytest.raises(PlaygroundError, match=message):
        last(call(search, given))
    assert records.find(house.store) == []


def test_a_visitor_leaves_no_record(house):
    found = last(call(search, {"dataset": texts(house.visitors, "a").ref, "query": "a"}, Caller("v", owner=False)))
    assert (rows(found), found.record) == ([0], "")
    assert records.find(house.store) == []
