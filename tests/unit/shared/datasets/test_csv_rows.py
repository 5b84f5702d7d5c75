import codecs

import pytest

from shared.datasets import files
from shared.datasets.csv_rows import delimiter, read_csv
from shared.datasets.files import BrokenFile, Limits, Source
from shared.datasets.rows import Refusal
from shared.errors import PlaygroundError

from .reading import tallied, write


def test_quotes_newlines_and_delimiters_inside_quotes(tmp_path):
    text = 'id,text,note\r\n1,"a, ""b""\r\nsecond line",\r\n\r\n2,plain "quoted",x'
    rows, tally = tallied(read_csv, write(tmp_path, "a.csv", text))
    assert rows == [
        {"id": "1", "text": 'a, "b"\r\nsecond line', "note": ""},
        {"id": "2", "text": 'plain "quoted"', "note": "x"},
    ]
    assert (tally.refused, tally.notes) == ([], [])


def test_newlines_by_the_chunk_inside_quotes_and_between_records(tmp_path, monkeypatch):
    monkeypatch.setattr(files, "CHUNK", 4)
    path = write(tmp_path, "a.csv", 'a,b\n\n\n\n\n\n\n\n\n1,"x\n\n\n\n\n\n\n\n\n\n\ny"\n\n\n2\n')
    rows, tally = tallied(read_csv, path)
    assert rows == [{"a": "1", "b": "x" + "\n" * 11 + "y"}]
    assert tally.refused == [Refusal(24, "has 1 value, the header 2", byte=32)]


@pytest.mark.parametrize("mark", [",", ";", "\t", "|"])
def test_delimiters_are_recognised(tmp_path, mark):
    text = "".join(
        mark.join(cells) + "\n" for cells in (["id", "what"], ["1", "a b: c"], ["2", '"x,;\t|y"'], ["3", ""])
    )
    rows, tally = tallied(read_csv, write(tmp_path, "a.csv", text))
    assert rows == [{"id": "1", "what": "a b: c"}, {"id": "2", "what": "x,;\t|y"}, {"id": "3", "what": ""}]
    assert not tally.refused


def test_semicolons_win_over_decimal_commas_and_tabs_where_the_name_says_so(tmp_path):
    assert delimiter(Source(write(tmp_path, "a.csv", "a;b\n1,5;2,5\n3;4,5\n"))) == ";"
    both = "a\tb,c\n1\t2,3\n"
    rows, _ = tallied(read_csv, write(tmp_path, "b.tsv", both))
    assert rows == [{"a": "1", "b,c": "2,3"}]
    assert tallied(read_csv, write(tmp_path, "b.csv", both))[0] == [{"a\tb": "1\t2", "c": "3"}]


def test_a_delimiter_is_found_although_a_line_is_broken_and_the_head_is_cut_inside_quotes(tmp_path):
    text = 'a;b\n"x"y;1\n1;2\n' + "".join(f'{i};"text, {i}\nmore"\n' for i in range(9_000))
    rows, tally = tallied(read_csv, write(tmp_path, "a.csv", text))
    assert len(rows) == 9_001
    assert tally.refused_rows == 1


def test_one_column(tmp_path):
    rows, _ = tallied(read_csv, write(tmp_path, "a.csv", 'text\nhello\n"hello, world"\n""\n'))
    assert rows == [{"text": "hello"}, {"text": "hello, world"}, {"text": ""}]


def test_ragged_rows_are_refused_with_their_lines(tmp_path):
    text = "a,b,c\n1,2,3\n1,2\n1,2,3,4\n\n4,5,6\nx\n"
    rows, tally = tallied(read_csv, write(tmp_path, "a.csv", text))
    assert [row["a"] for row in rows] == ["1", "4"]
    assert tally.refused == [
        Refusal(3, "has 2 values, the header 3", byte=12),
        Refusal(4, "has 4 values, the header 3", byte=16),
        Refusal(7, "has 1 value, the header 3", byte=31),
    ]


def test_a_quote_that_is_never_closed_costs_its_line_only(tmp_path):
    text = 'a,b\n1,x\n2,"never closed\n3,y\n4,z\n'
    rows, tally = tallied(read_csv, write(tmp_path, "a.csv", text))
    assert [row["a"] for row in rows] == ["1", "3", "4"]
    assert tally.refused == [Refusal(3, "opens a quote that is never closed", byte=8)]


def test_a_quote_that_another_one_far_below_closes_costs_its_line_only(tmp_path):
    text = 'a,b\n1,"open\n2,y\n3,"fine"\n4,z\n'
    rows, tally = tallied(read_csv, write(tmp_path, "a.csv", text))
    assert [row["a"] for row in rows] == ["2", "3", "4"]
    assert tally.refused == [Refusal(2, "closes a quote in line 4, and neither delimiter nor newline follows", byte=4)]


def test_a_quote_open_for_longer_than_a_row_may_be(tmp_path):
    text = 'a,b\n1,"open\n' + "".join(f"{i},y\n" for i in range(2, 200))
    rows, tally = tallied(read_csv, write(tmp_path, "a.csv", text), Limits(line=128 * 20))
    assert [row["a"] for row in rows] == [str(i) for i in range(2, 200)]
    assert tally.refused == [Refusal(2, "opens a quote that is not closed in the next 20 lines", byte=4)]


def test_a_line_beyond_the_limit(tmp_path):
    text = "a,b\n1,x\n2," + "y" * 900 + '\n3,z\n4,"q\n' + "w" * 900 + '"\n5,v\n'
    rows, tally = tallied(read_csv, write(tmp_path, "a.csv", text), Limits(line=500))
    assert [row["a"] for row in rows] == ["1", "3", "5"]
    assert [(refusal.row, refusal.byte) for refusal in tally.refused] == [(3, 8), (5, 915), (6, 920)]
    assert tally.refused[0].reason == "has 902 bytes, more than the 500 bytes that one row may have"


def test_invalid_utf8_is_refused_with_column_and_byte(tmp_path):
    data = b"a,b\n1,\xc3\xa4\n2,\xe4x\n3,ok\n\xff,\xff\n"
    rows, tally = tallied(read_csv, write(tmp_path, "a.csv", data))
    assert rows == [{"a": "1", "b": "ä"}, {"a": "3", "b": "ok"}]
    assert tally.refused == [
        Refusal(3, "is not valid UTF-8 (byte 0xe4)", "b", 11),
        Refusal(5, "is not valid UTF-8 (byte 0xff)", "", 19),
    ]


def test_carriage_returns_outside_quotes(tmp_path):
    _, tally = tallied(read_csv, write(tmp_path, "a.csv", "a,b\n1,x\ry\n2,z\n"))
    assert tally.refused == [Refusal(2, "has a carriage return outside quotes", byte=4)]


def test_header_names_are_made_unique_with_notes(tmp_path):
    rows, tally = tallied(read_csv, write(tmp_path, "a.csv", codecs.BOM_UTF8 + b"a,a,,a_2,\n1,2,3,4,5\n"))
    assert rows == [{"a": "1", "a_3": "2", "column_3": "3", "a_2": "4", "column_5": "5"}]
    assert tally.notes == [
        "Column 2 is called 'a' like one before it; it is called 'a_3' here.",
        "Column 3 has no name; it is called 'column_3' here.",
        "Column 5 has no name; it is called 'column_5' here.",
    ]


def test_a_header_alone_gives_its_columns(tmp_path):
    parts = list(read_csv(Source(path := write(tmp_path, "a.csv", "a,b\n")), tallied(read_csv, path)[1]))
    assert [(part.columns, part.count) for part in parts] == [({"a": [], "b": []}, 0)]


def test_a_header_that_cannot_be_read(tmp_path):
    with pytest.raises(BrokenFile, match="has no header that can be read: its first line opens a quote that is never"):
        tallied(read_csv, write(tmp_path, "a.csv", '"a,b\n'))
    with pytest.raises(BrokenFile, match="its first line has no line that is not empty"):
        tallied(read_csv, write(tmp_path, "b.csv", "\n\n"))
    with pytest.raises(PlaygroundError, match="3 different columns; at most 2"):
        tallied(read_csv, write(tmp_path, "c.csv", "a,b,c\n1,2,3\n"), Limits(columns=2))


def test_batches_are_bounded(tmp_path):
    path = write(tmp_path, "a.csv", "a,b\n" + "1,2\n" * 10)
    sizes = [part.count for part in read_csv(Source(path, Limits(batch_rows=4, parts=1)), tallied(read_csv, path)[1])]
    assert sizes == [4, 4, 2]
    sizes = [part.count for part in read_csv(Source(path, Limits(batch_bytes=9, parts=1)), tallied(read_csv, path)[1])]
    assert sizes == [3, 3, 3, 1]
    sizes = [part.count for part in read_csv(Source(path, Limits(cells=10, parts=1)), tallied(read_csv, path)[1])]
    assert sizes == [5, 5, 0]
