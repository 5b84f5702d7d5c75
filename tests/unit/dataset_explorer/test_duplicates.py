"""Duplicates of three kinds: exact against brute force, on any input, and nothing distinct is ever lost."""

import gzip
import itertools
import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from apps.dataset_explorer.duplicates import Duplicates, find_duplicates, find_duplicates_steps
from apps.dataset_explorer.jaccard import classify, likely, links, twins
from apps.dataset_explorer.pairs import Pair, Tally
from apps.dataset_explorer.proof import shingles_collide
from shared import text
from shared.errors import PlaygroundError
from shared.progress import Progress
from shared.text import split_words
from tests import checkers

VOCABULARY = ["the", "a", "cat", "Cat", "mat", "internationalization", "x" * 70, "straße", "ΣΑΣ", "İx", "中", "文", "かな",
              "日本語", "e\u0301", "é", "עברית", "हिन्दी", "😀", "_", "42", "...", ""]  # fmt: skip
ROLL, ODDER = int(text.ROLL), int(text.ODDER)
KINDS = ("exact", "normalised", "near")


@st.composite
def rows_with_copies(draw: Any) -> list[str]:
    """Rows of up to 25 words, among them exact and edited copies."""
    words = st.sampled_from(draw(st.lists(st.sampled_from(VOCABULARY), min_size=2, max_size=8)))
    bases = draw(st.lists(st.lists(words, max_size=25), min_size=1, max_size=5))
    rows = []
    for base in draw(st.lists(st.sampled_from(bases), max_size=20)):
        row = list(base)
        for place in draw(st.lists(st.integers(0, 24), max_size=2)):
            if place < len(row):
                row[place] = draw(words)
        rows.append(draw(st.sampled_from([" ", " - ", "  "])).join(row))
    return rows


def check(found: Duplicates, pairs: dict[tuple[int, int], float], rows: int) -> None:
    """The result is that of brute force."""
    assert found.pairs == [Pair(*each, pairs[each]) for each in sorted(pairs)]
    assert found.pair_count == len(pairs)
    assert found.groups == checkers.groups(pairs, rows)
    assert found.removable == sorted(row for group in found.groups for row in group[1:])


@given(rows_with_copies(), st.sampled_from([0.7, 0.5, 0.3, 2 / 3, 0.9, 1.0, 0.1]))
@settings(max_examples=40, deadline=None)
def test_near_is_brute_force(rows: list[str], threshold: float) -> None:
    pairs = checkers.jaccard_pairs([checkers.shingles(row) for row in rows], threshold)
    check(find_duplicates(rows, "near", threshold), pairs, len(rows))


@given(rows_with_copies())
@settings(max_examples=40, deadline=None)
def test_exact_and_normalised_are_brute_force(rows: list[str]) -> None:
    check(find_duplicates(rows, "exact"), checkers.equal_pairs(rows), len(rows))
    forms = [checkers.normalised(row) for row in rows]
    check(find_duplicates(rows, "normalised"), checkers.equal_pairs(forms), len(rows))


@given(st.lists(st.lists(st.integers(0, 12), max_size=12), max_size=16), st.sampled_from([0.7, 0.5, 0.9, 0.25]))
@settings(max_examples=40, deadline=None)
def test_the_join_needs_no_hashes(lists: list[list[int]], threshold: float) -> None:
    """Numbers whose upper bits are all the same, which hashes never have."""
    shingles = np.array([number for row in lists for number in row], dtype=np.uint64)
    bounds = np.cumsum([0, *map(len, lists)])
    lowest = twins(shingles, bounds)
    rows = likely(shingles, bounds, lowest, threshold)
    classes = classify(shingles, bounds, rows, lowest, threshold)
    tally = Tally(classes, threshold, 10_000)
    for some, _ in links(classes, threshold):
        tally.add(some)
    expected = checkers.jaccard_pairs([set(row) for row in lists], threshold)
    assert {(pair.a, pair.b): pair.similarity for pair in tally.pairs()} == expected


@given(rows_with_copies(), st.integers(0, 12))
@settings(max_examples=30, deadline=None)
def test_the_limit_keeps_the_first_pairs_and_counts_all(rows: list[str], limit: int) -> None:
    every = find_duplicates(rows, "near", 0.5)
    some = find_duplicates(rows, "near", 0.5, limit)
    assert some.pairs == every.pairs[:limit]
    assert (some.pair_count, some.groups, some.removable) == (every.pair_count, every.groups, every.removable)


def test_near_worked_example() -> None:
    """8 words have 4 shingles; another last word leaves 3 of 5: 0.6."""
    rows = ["one two three four five six seven eight", "something else", "One, two three four five six seven NINE!"]
    found = find_duplicates(rows, "near", 0.6)
    assert found == Duplicates([[0, 2]], [Pair(0, 2, 0.6)], 1, [2])
    assert find_duplicates(rows, "near", 0.61).pairs == []


def test_groups_are_chains_of_pairs() -> None:
    rows = ["a b c d e f g h", "a b c d e f g x", "q b c d e f g x", "other row"]
    found = find_duplicates(rows, "near", 0.6)
    assert [(pair.a, pair.b) for pair in found.pairs] == [(0, 1), (1, 2)]
    assert found.groups == [[0, 1, 2]]
    assert found.removable == [1, 2]


@given(st.lists(st.text("中文字一二三abc ，。!", max_size=6), max_size=30), st.sampled_from(KINDS))
@settings(max_examples=30, deadline=None)
def test_no_distinct_short_or_chinese_row_is_lost(rows: list[str], kind: Any) -> None:
    """A row shorter than a shingle goes only when a row stays that has the same words, letters or bytes."""
    form = {"exact": str, "normalised": checkers.normalised, "near": checkers.words}[kind]
    gone = set(find_duplicates(rows, kind).removable)
    kept = [form(row) for number, row in enumerate(rows) if number not in gone]
    for row in gone:
        assert kind == "exact" or form(rows[row])
        assert form(rows[row]) in kept or (kind == "near" and len(checkers.words(rows[row])) > 4)


@pytest.mark.parametrize("kind", KINDS)
def test_distinct_short_rows_of_many_scripts_all_stay(kind: Any) -> None:
    rows = [
        "cat",
        "dog",
        "猫",
        "狗",
        "好的",
        "好",
        "是",
        "不是",
        "いいえ",
        "はい",
        "कि",
        "की",
        "ไม่",
        "ใช่",
        "نعم",
        "لا",
        "כן",
        "לא",
        "7",
        "8",
    ]
    assert find_duplicates(rows, kind).removable == []


@pytest.mark.parametrize("kind", KINDS)
def test_a_thousand_distinct_chinese_rows_all_stay(kind: Any) -> None:
    signs = "天地玄黄宇宙洪荒日月"
    rows = ["".join(letters) for letters in itertools.product(signs, repeat=3)]
    assert find_duplicates(rows, kind).removable == []


@pytest.mark.parametrize(("kind", "groups"), [("exact", [[0, 2], [1, 4]]), ("normalised", []), ("near", [])])
def test_rows_without_words(kind: Any, groups: list[list[int]]) -> None:
    """By their bytes they may be equal; without letters, digits and words they are like no other."""
    assert find_duplicates(["...", "", "...", "😀", "", "❤️"], kind).groups == groups


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("rows", [[], ["one row"]])
def test_no_rows_and_one_row(kind: Any, rows: list[str]) -> None:
    assert find_duplicates(rows, kind) == Duplicates([], [], 0, [])


@pytest.mark.parametrize("kind", KINDS)
def test_all_rows_equal(kind: Any) -> None:
    count = 20_000
    found = find_duplicates(["the same words in every row, again and again"] * count, kind, limit=10)
    assert found.groups == [list(range(count))]
    assert found.pairs == [Pair(0, other, 1.0) for other in range(1, 11)]
    assert found.pair_count == count * (count - 1) // 2
    assert found.removable == list(range(1, count))


def test_a_template_in_every_row() -> None:
    """All rows share all words but the last: half a billion pairs are counted, and a few listed."""
    count = 30_000
    rows = [f"the quick brown fox jumps over the lazy dog and the old cat {number}" for number in range(count)]
    found = find_duplicates(rows, "near", limit=3)
    assert found.pairs == [Pair(0, other, 9 / 11) for other in (1, 2, 3)]
    assert found.pair_count == count * (count - 1) // 2
    assert len(found.groups) == 1


def test_all_rows_begin_alike() -> None:
    rows = [
        f"all rows share these five {number} {number + 1} {number * 7} {number} x{number}" for number in range(5000)
    ]
    assert find_duplicates(rows, "near").pairs == []


def test_rows_of_a_megabyte() -> None:
    long = " ".join(f"w{number}" for number in range(150_000))
    rows = [long, long + " end", "x" * 1_000_000, "x" * 1_000_000, "x" * 999_999 + "y"]
    assert find_duplicates(rows, "near").groups == [[0, 1], [2, 3]]
    assert find_duplicates(rows, "normalised").groups == [[2, 3]]


def test_one_shingle_half_a_million_times() -> None:
    rows = ["ha " * 300_000, "ha " * 10, "ha " * 300_001, "ho " * 7]
    assert find_duplicates(rows, "near").groups == [[0, 1, 2]]


def test_more_shingles_than_are_worked_on_at_once() -> None:
    """Random rows, which have nothing in common, and of every tenth a copy without its last ten words."""
    chance = np.random.default_rng(3)
    rows = [" ".join(map(str, row)) for row in chance.integers(0, 10**9, (4000, 104)).tolist()]
    copies = [row.rsplit(" ", 10)[0] for row in rows[::10]]
    found = find_duplicates(rows + copies, "near")
    assert found.pairs == [Pair(10 * number, 4000 + number, 0.9) for number in range(400)]


def test_combining_marks_and_direction() -> None:
    rows = ["caf\u00e9 au lait", "cafe\u0301 au lait", "cafe au lait", "שלום עולם", "שלום, עולם!", "\u202eשלום עולם"]
    assert find_duplicates(rows, "normalised").groups == [[0, 1], [3, 4, 5]]
    assert find_duplicates(rows, "near").groups == [[3, 4, 5]]


@pytest.mark.parametrize(
    ("one", "two"), [("igcmjwfugwlnqhqt", "tmtkptwnsdfddvbg"), ("ieqwrz97ln33pu89", "xg69j073dzhn3hw")]
)
def test_words_that_meet_in_one_hash_are_told_apart(one: str, two: str) -> None:
    """These words do have the same hash under the first salt; only their bytes tell them apart."""
    hashes = split_words(pa.array([one, two])).hashes()
    assert hashes[0] == hashes[1]
    rows = [f"a row with {one} in the middle of it", f"a row with {two} in the middle of it", f"{one} x {one}"]
    assert find_duplicates(rows, "near", 0.3) == Duplicates([], [], 0, [])


def test_long_words_that_meet_in_one_hash_are_told_apart() -> None:
    rows = pa.array(["x" * 80, "x" * 79 + "y", "x" * 81])
    assert len(set(split_words(rows).hashes().tolist())) == 3
    assert find_duplicates([rows], "near", 0.1).groups == []


@pytest.mark.parametrize(
    ("row", "collide"),
    [
        ([1, 2, 3, 4, 5], False),  # the same shingle
        ([1, 2, 3, 5, 6], False),
        ([1, 2, 3, 5, 5 - ROLL], True),  # the hash is a polynomial in ROLL: 4 * ROLL + 5 = 5 * ROLL + (5 - ROLL)
        ([1, 2, 4, 4 - ROLL, 5], True),
        ([(((1 * ROLL + 2) * ROLL + 3) * ROLL + 4) * ROLL + 5 - ODDER * ROLL], True),  # a row of one word
    ],
)
def test_shingles_that_meet_in_one_hash_are_seen(row: list[int], collide: bool) -> None:
    codes = np.array([1, 2, 3, 4, 5, 9, *(code % 2**64 for code in row)], dtype=np.uint64)
    assert shingles_collide(codes, np.array([0, 5, 6, 6 + len(row)])) == collide


def test_twins_have_the_same_shingles_in_the_same_order() -> None:
    shingles = np.array([1, 2, 3, 3, 2, 1, 1, 2, 3], dtype=np.uint64)
    assert twins(shingles, np.array([0, 3, 6, 6, 9])).tolist() == [0, 1, -1, 0]


@pytest.mark.parametrize("kind", KINDS)
def test_arrow_arrays_are_the_same_as_a_list(kind: Any) -> None:
    rows = [
        "one two three four five six",
        "",
        None,
        "One two three four five six",
        "一二三四五六",
        "",
        "一二三四五六",
    ] * 3
    arrays = [
        pa.array(rows[:4], pa.string()),
        pa.array(rows[4:9], pa.large_string()),
        pa.array(rows, pa.string()).slice(9),
    ]
    assert find_duplicates(arrays, kind) == find_duplicates([row or "" for row in rows], kind)


@pytest.mark.parametrize("kind", KINDS)
def test_half_a_surrogate_pair_is_no_error(kind: Any) -> None:
    assert find_duplicates(["ab \ud83d cd", "ab cd", "ab \ud83e cd", "ab \ud83d cd"], kind).groups[0][0] == 0


def test_steps_say_how_far_it_is() -> None:
    *steps, last = find_duplicates_steps(["a b c d e f"] * 3000, "near")
    assert isinstance(last, Duplicates)
    assert all(isinstance(step, Progress) for step in steps)
    assert [step.done for step in steps if step.stage == "Reading words"] == [1024, 2048, 3000]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"kind": "fuzzy"}, 'There is no kind of duplicates "fuzzy"'),
        ({"kind": "near", "threshold": 0.0}, "The threshold is 0.0"),
        ({"kind": "near", "threshold": 1.5}, "The threshold is 1.5"),
        ({"kind": "near", "threshold": float("nan")}, "The threshold is nan"),
        ({"kind": "near", "limit": -1}, "The limit is -1"),
    ],
)
def test_settings_that_make_no_sense(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(PlaygroundError, match=message):
        find_duplicates(["a"], **settings)


def read(path: Path) -> list[dict[str, Any]]:
    content = (gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()).decode()
    try:
        return list(json.loads(content))
    except ValueError:
        return [json.loads(line) for line in content.split("\n") if line.strip()]


@pytest.mark.parametrize(
    ("name", "rows", "removable"),
    [
        ("gpteacher/toolformer-dedupe-only.json", 7673, 1637),
        ("gpteacher/toolformer-similarity-0.9.json", 5959, 375),
        ("gpteacher/toolformer-similarity-0.6.json", 2396, 15),
        ("gpteacher/codegen-instruct.json", 4535, 15),
        ("belle/eval_set.json", 1000, 0),
    ],
)
def test_near_counts_of_real_datasets(real_data: Path, name: str, rows: int, removable: int) -> None:
    texts = [" ".join(map(str, row.values())) for row in read(real_data / "instruct" / name)]
    assert (len(texts), len(find_duplicates(texts, "near").removable)) == (rows, removable)


def test_the_one_pair_of_gsm8k(real_data: Path) -> None:
    rows = [row["question"] for row in read(real_data / "instruct" / "gsm8k" / "train.jsonl")]
    (pair,) = find_duplicates(rows, "near").pairs
    assert (pair.a, pair.b, round(pair.similarity, 3)) == (2483, 6691, 0.929)
    assert find_duplicates(rows, "exact").groups == find_duplicates(rows, "normalised").groups == []


def test_repeated_rows_of_mbpp(real_data: Path) -> None:
    rows = read(real_data / "instruct" / "mbpp" / "mbpp.jsonl")
    assert len(find_duplicates([row["text"] for row in rows], "exact").removable) == 4
    assert find_duplicates([row["code"] for row in rows], "exact").removable == []


@pytest.mark.slow
@pytest.mark.parametrize(
    "name", ["gpteacher/codegen-instruct.json", "belle/eval_set.json", "mbpp/mbpp.jsonl", "gsm8k/train.jsonl"]
)
def test_real_datasets_are_as_brute_force_says(real_data: Path, name: str) -> None:
    rows = [" ".join(map(str, row.values())) for row in read(real_data / "instruct" / name)]
    pairs = checkers.jaccard_pairs([checkers.shingles(row) for row in rows], 0.7)
    check(find_duplicates(rows, "near"), pairs, len(rows))
    check(
        find_duplicates(rows, "normalised"), checkers.equal_pairs([checkers.normalised(row) for row in rows]), len(rows)
    )
