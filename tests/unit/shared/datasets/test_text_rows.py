import pytest

from shared.datasets.files import Limits
from shared.datasets.rows import Refusal
from shared.datasets.text_rows import read_text

from .reading import PACKERS, tallied, write


def test_without_blank_lines_every_line_is_a_row(tmp_path):
    rows, tally = tallied(read_text, write(tmp_path, "a.txt", "\n\none\r\n  two \nthree\n\n"))
    assert rows == [{"text": "one"}, {"text": "  two "}, {"text": "three"}]
    assert tally.notes == []


@pytest.mark.parametrize("packing", PACKERS)
def test_with_blank_lines_every_paragraph_is_a_row(tmp_path, packing):
    data = PACKERS[packing]("第一行\r\n第二行\n \t\n\nsecond paragraph\n".encode())
    rows, tally = tallied(read_text, write(tmp_path, "a.txt" + packing, data))
    assert rows == [{"text": "第一行\n第二行"}, {"text": "second paragraph"}]
    assert tally.notes == ["Blank lines separate the rows: each row is a paragraph."]


def test_what_cannot_be_read_is_refused_with_line_and_byte(tmp_path):
    data = b"ok\nstill ok\n\nbad\nhere \xff\n\nlast\n"
    rows, tally = tallied(read_text, write(tmp_path, "a.txt", data))
    assert [row["text"] for row in rows] == ["ok\nstill ok", "last"]
    assert tally.refused == [Refusal(4, "is not valid UTF-8 (byte 0xff)", byte=data.index(b"\xff"))]


@pytest.mark.parametrize("text", ["a\n" + "x" * 60 + "\nb\n", "a\n\n" + "xxxxxx\n" * 9 + "\nb\n"])
def test_a_row_beyond_the_limit_is_refused(tmp_path, text):
    rows, tally = tallied(read_text, write(tmp_path, "a.txt", text), Limits(line=50))
    assert [row["text"] for row in rows] == ["a", "b"]
    assert tally.refused[0].reason.endswith("more than the 50 bytes that one row may have")


def test_batches_are_bounded(tmp_path):
    rows, _ = tallied(read_text, write(tmp_path, "a.txt", "row\n" * 10), Limits(batch_rows=3))
    assert len(rows) == 10
