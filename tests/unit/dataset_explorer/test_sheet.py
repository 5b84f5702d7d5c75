import re

import numpy as np
import pyarrow as pa
import pytest

from apps.dataset_explorer.sheet import Pieces, Sheet, classes, portions
from shared.text import words
from shared.utf8 import arrow, joined

TEXTS = [
    "",
    "one",
    "two words\r\nand three\r",
    "\n\nlead and trail\n",
    "你好，世界 and Kana かな",
    "नमस्ते दुनिया",
    "مرحبا بالعالم",
    "e\u0301clair 😀\u2028next\x85more\x1cend",
    " \t ",
    "x" * 3000,
]


def cut(sheet, pieces):
    rows = [[] for _ in range(sheet.rows)]
    for row, start, end in zip(pieces.row, pieces.start, pieces.end, strict=True):
        rows[row].append(sheet.text[start:end])
    return rows


def test_words_are_the_product_words():
    assert [[word.lower() for word in row] for row in cut(Sheet(TEXTS), Sheet(TEXTS).words)] == [
        words(t) for t in TEXTS
    ]


def test_lines_and_tokens_are_those_of_python():
    sheet = Sheet(TEXTS)
    assert cut(sheet, sheet.lines) == [text.split("\n") for text in TEXTS]
    assert cut(sheet, sheet.split_lines) == [text.splitlines() for text in TEXTS]
    assert cut(sheet, sheet.tokens) == [text.split() for text in TEXTS]


def test_strip_is_that_of_python():
    sheet = Sheet(TEXTS)
    assert cut(sheet, sheet.strip(sheet.lines)) == [[line.strip() for line in text.split("\n")] for text in TEXTS]
    blank = Sheet(["", " \n"])
    assert cut(blank, blank.strip(blank.lines)) == [[""], ["", ""]]


def test_hashes_depend_on_characters_alone():
    first, second = Sheet(["ab ab", "ba"]), Sheet(["something else before", "ab"])
    one, two, other = first.word_hashes
    assert one == two != other
    assert second.word_hashes[-1] == one


def test_joined_hashes_ignore_what_is_between():
    sheet = Sheet(["ab c, a bc"])
    before = np.concatenate(([0], np.cumsum(sheet.words.length)))
    sums, scale = sheet.joined(sheet.words, before)
    first, second = (sums[[2, 4]] - sums[[0, 2]]) * scale[[0, 2]]
    assert first == second


def test_find_looks_through_case_and_keeps_positions():
    sheet = Sheet(["İ LOREM Ipsum", "lorem ipsumlorem ipsum"])
    assert sheet.find("lorem ipsum").tolist() == [2, 14, 25]
    assert sheet.find("nothing").tolist() == []


def test_per_row_counts_positions_and_weights():
    sheet = Sheet(["a#b#", "", "#"])
    places = np.flatnonzero(sheet.codes == ord("#"))
    assert sheet.per_row(places).tolist() == [2, 0, 1]
    assert sheet.per_row(places, np.array([5, 6, 7])).tolist() == [11, 0, 7]


def test_bits_of_no_pieces():
    nothing = np.zeros(0, np.int64)
    assert Sheet(["a"]).any_bits(Pieces(nothing, nothing, nothing)).shape == (0,)


@pytest.mark.parametrize(("check", "bit"), [(str.isspace, 8), (str.isalpha, 4)])
def test_classes_agree_with_python(check, bit):
    points = [point for point in range(0x110000) if not 0xD800 <= point < 0xE000]
    mine = (classes()[points] & bit) != 0
    theirs = np.fromiter((check(chr(point)) for point in points), bool)
    # A letter that Python knows and the words do not cannot be: every letter is part of a word.
    assert np.array_equal(mine, theirs)


def test_breaks_are_those_of_splitlines():
    found = {chr(point) for point in np.flatnonzero(classes() & 32)}
    assert found == {chr(point) for point in range(0x3000) if len(f"a{chr(point)}b".splitlines()) == 2}
    assert re.match(r"\s", "\x1c")


def test_portions_of_every_kind_of_rows():
    rows = ["ab", "", "c\ud800d", "😀" * 5, "e"]
    kinds = [rows, ["ab", None, *rows[2:]], arrow(row.encode("utf-8", "surrogatepass") for row in rows)]
    kinds.append(joined([row.encode("utf-8", "surrogatepass") for row in rows]))
    for texts in kinds:
        assert list(portions(texts, 4)) == [["ab", "", "c\ud800d"], ["😀" * 5], ["e"]]
    assert list(portions(pa.array(["a", None]), 100)) == [["a", ""]]
    assert list(portions([], 4)) == []
