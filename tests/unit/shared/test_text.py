"""Words, shingles and normalised text: the vectorised form says what the definition says, in every script."""

import itertools

import numpy as np
import pyarrow as pa
import pytest
import regex
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.characters import BREAKS, CONTEXT, PLANES, characters, letters, lower_case
from shared.text import Words, arrow, byte_rows, joined, normalise, pieces, shingles, split_words, utf8, windows, words
from tests import checkers

PIECES = ["a", "The", "__x", "7", "straße", "ΟΔΟΣ", "Σ", "İstanbul", "\u212b", "中", "文字", "かな", "ラーメン", "한국어",
          "עִבְרִית", "العربية", "हिन्दी", "ไทย", "e\u0301", "é", "👩‍👩‍👧", "❤️", "🇩🇪", "1️⃣", "x" * 9, "y" * 70, "\u3000", "٣", "ß",
          "\ufffd", "𝒜𝓑", "𠀀", "ǅ", "\x00", "\n", "-", "'", " ", "  ", "。", "’"]  # fmt: skip
ASSIGNED = st.characters(exclude_categories=["Cs", "Cn"])  # `regex` knows characters that this Python does not know yet
TEXT = st.lists(st.sampled_from(PIECES), max_size=12).map("".join) | st.text(ASSIGNED, max_size=30)
ROWS = st.lists(TEXT, max_size=8)


def rows_of(found: Words) -> list[list[str]]:
    texts = found.texts()
    return [texts[begin:end] for begin, end in itertools.pairwise(found.rows.tolist())]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Janet’s ducks lay 16 eggs.", ["janet", "s", "ducks", "lay", "16", "eggs"]),
        ("snake_case __init__ 3.14", ["snake_case", "__init__", "3", "14"]),
        ("Straße CAFÉ cafe\u0301", ["straße", "café", "cafe\u0301"]),
        ("请用Python写2个函数", ["请", "用", "python", "写", "2", "个", "函", "数"]),
        ("カナとかな ｶﾅ", ["カ", "ナ", "と", "か", "な", "ｶ", "ﾅ"]),
        ("한국어 단어", ["한국어", "단어"]),
        ("हिन्दी में", ["हिन्दी", "में"]),
        ("שָׁלוֹם עולם", ["שָׁלוֹם", "עולם"]),
        ("ΟΔΟΣ Σ", ["οδος", "σ"]),
        ("İ I", ["i̇", "i"]),
        ("😀 -- !!!", []),
        ("", []),
    ],
)
def test_words_of_many_scripts(text: str, expected: list[str]) -> None:
    assert words(text) == expected
    assert rows_of(split_words(arrow([text.encode()]))) == [expected]


@given(ROWS)
@settings(max_examples=60, deadline=None)
def test_split_words_says_what_the_definition_says(rows: list[str]) -> None:
    found = rows_of(split_words(pa.array(rows, pa.string())))
    assert found == [words(row) for row in rows]
    assert found == [checkers.words(row) for row in rows]


def test_every_character_is_split_alike() -> None:
    """Each character of the planes with letters, between letters, alone, and twice; all in one row."""
    known = [chr(code) for code in range(0x20000) if not 0xD800 <= code < 0xE000]
    text = " ".join(f"a{character}{character}b" for character in known)
    assert split_words(arrow([text.encode()])).texts() == words(text)


def test_every_capital_gets_its_lower_case() -> None:
    for capital in regex.findall(r"\p{Changes_When_Lowercased}", "".join(map(chr, range(0x80, 0xD800)))):
        if characters()[ord(capital)] != CONTEXT:
            assert chr(lower_case()[ord(capital)]) == capital.lower()


def test_no_letters_in_the_planes_that_are_not_looked_at() -> None:
    others = "".join(map(chr, itertools.chain(range(PLANES, 0xE0000), range(0xE1000, 0x110000))))
    assert not regex.search(r"[\p{L}\p{M}\p{N}_]", others)
    assert np.all(characters()[PLANES:0xE0000] == BREAKS)
    assert not letters()[0xE1000:].any()


def test_nulls_slices_and_other_types() -> None:
    rows = pa.array(["left out", "Ünder_score", None, "", "two words", "left out"])
    expected = [["ünder_score"], [], [], ["two", "words"]]
    assert rows_of(split_words(rows.slice(1, 4))) == expected
    assert rows_of(split_words(rows.slice(1, 4).cast(pa.large_string()))) == expected
    assert rows_of(split_words(rows.slice(1, 4).cast(pa.string_view()))) == expected
    assert rows_of(split_words(rows.slice(1, 4).dictionary_encode())) == expected
    assert rows_of(split_words(rows.slice(0, 0))) == []
    assert rows_of(split_words(pa.array([None, None], pa.string()))) == [[], []]


def test_words_do_not_run_across_rows() -> None:
    assert rows_of(split_words(pa.array(["ab", "cd", "e", "中", "文f"]))) == [
        ["ab"],
        ["cd"],
        ["e"],
        ["中"],
        ["文", "f"],
    ]


def test_half_a_surrogate_pair_parts_words() -> None:
    row = "ab\ud83dcd Σ".encode("utf-8", "surrogatepass")
    assert split_words(arrow([row])).texts() == ["ab", "cd", "σ"]


def test_a_megabyte_in_one_word_and_in_one_row() -> None:
    rows = pa.array(["x" * 1_100_000, "a b " * 275_000, "y"])
    found = split_words(rows)
    assert np.diff(found.rows).tolist() == [1, 550_000, 1]
    assert [len(piece) for piece in pieces(rows)] == [1, 1, 1]  # of a megabyte, a longer row by itself
    assert len(set(found.hashes().tolist())) == 4


@given(st.lists(st.sampled_from(["a", "b", "abcdefgh", "abcdefghi", "x" * 64, "x" * 65, "x" * 66, "中", "straße"])))
@settings(max_examples=25, deadline=None)
def test_hashes_are_equal_for_equal_words_only(chosen: list[str]) -> None:
    found = split_words(arrow([" ".join(chosen).encode()]))
    for salt in (0, 1):
        assert len(set(found.hashes(salt).tolist())) == len(set(found.texts()))
    assert not set(found.hashes(0).tolist()) & set(found.hashes(1).tolist())


def test_words_of_eight_bytes_never_share_a_hash() -> None:
    every = ["".join(letters) for letters in itertools.product("abcdefgh", repeat=5)]
    found = split_words(arrow([" ".join(every).encode()])).hashes()
    assert len(np.unique(found)) == len(every)


@given(ROWS, st.integers(1, 6), st.booleans())
@settings(max_examples=40, deadline=None)
def test_windows_are_the_ngrams_inside_each_row(rows: list[str], size: int, whole: bool) -> None:
    found = split_words(pa.array(rows, pa.string()))
    hashes, bounds = windows(found.hashes(), found.rows, size, whole)
    expected = []
    for row in map(words, rows):
        grams = [tuple(row[start : start + size]) for start in range(len(row) - size + 1)]
        expected.append(grams or ([tuple(row)] if row and whole else []))
    assert np.diff(bounds).tolist() == [len(grams) for grams in expected]
    every = [gram for grams in expected for gram in grams]
    assert len(set(zip(every, hashes.tolist(), strict=True))) == len(set(every)) == len(set(hashes.tolist()))


def test_shingles() -> None:
    assert shingles(["a", "b", "c"], 2) == {("a", "b"), ("b", "c")}
    assert shingles(["a", "b"], 5) == {("a", "b")}
    assert shingles([], 5) == set()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Hello, World! 42", "helloworld42"),
        ("ﬁne Ｆｕｌｌ Ⅳ ２", "finefulliv2"),
        ("cafe\u0301", "café"),
        ("कि की", "किकी"),
        ("❤️ 😀 …", ""),
        ("1️⃣", "1"),
        ("a_b-c", "abc"),
        ("你好，世界！", "你好世界"),
        ("葛\U000e0100", "葛"),
        ("", ""),
    ],
)
def test_normalised_text(text: str, expected: str) -> None:
    assert normalise(text) == expected


@given(TEXT)
@settings(max_examples=100, deadline=None)
def test_normalise_says_what_the_checker_says(text: str) -> None:
    assert (normalise(text) or None) == checkers.normalised(text)


def test_normalise_drops_half_a_surrogate_pair() -> None:
    assert normalise("é\ud83d!") == "é"


@given(ROWS, st.integers(0, 8), st.integers(0, 8))
@settings(max_examples=25, deadline=None)
def test_rows_without_arrow_are_the_same(rows: list[str], begin: int, length: int) -> None:
    encoded = [row.encode() for row in rows]
    some = encoded[begin : begin + length]
    texts = joined(encoded).slice(begin, len(some))
    assert list(byte_rows(texts)) == list(byte_rows(arrow(some))) == some
    assert split_words(texts).texts() == split_words(arrow(some)).texts()


@given(ROWS, st.integers(1, 40))
@settings(max_examples=25, deadline=None)
def test_pieces_are_all_rows_in_order(rows: list[str], size: int) -> None:
    found = list(pieces(pa.array(rows, pa.string()), size))
    assert [row for piece in found for row in byte_rows(piece)] == [row.encode() for row in rows]
    assert all(len(piece) == 1 or utf8(piece)[0].size <= size for piece in found)
