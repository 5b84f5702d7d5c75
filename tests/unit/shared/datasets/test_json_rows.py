import codecs
import gzip
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.datasets import files
from shared.datasets.files import BrokenFile, Limits
from shared.datasets.json_document import Scanner
from shared.datasets.json_rows import read_document, read_lines
from shared.datasets.json_values import depth
from shared.datasets.rows import Refusal
from shared.errors import PlaygroundError

from .reading import lines, tallied, write

DEEP = "[" * 100_000 + "]" * 100_000


def test_lines_in_order_with_missing_keys_as_none(tmp_path):
    path = write(tmp_path, "a.jsonl", '{"a": 1}\n\n  \t\r\n{"b": "x", "a": null}\r\n{"a": 3}')
    rows, tally = tallied(read_lines, path)
    assert rows == [{"a": 1, "b": None}, {"a": None, "b": "x"}, {"a": 3, "b": None}]
    assert (tally.refused_rows, tally.notes) == (0, [])


BROKEN = [
    (b'{"a": 1,}', "is not valid JSON: expecting property name enclosed in double quotes at '}'", 8),
    (b'{"a": ', "is not valid JSON: expecting value at its end", 6),
    (b'{"a": "x\xff"}', "is not valid UTF-8 (byte 0xff)", 8),
    ('{"ü": 1} x'.encode(), "has more than one JSON value in one line", 9),
    (b'{"a": "\\ud83d"}', "holds half of a surrogate pair (such as \\ud83d alone), which is no text", 0),
    (b'{"\\udc00": 1}', "holds half of a surrogate pair (such as \\ud83d alone), which is no text", 0),
    (b'{"a": ' + b"7" * 5_000 + b"}", "has a whole number of more than 4,300 digits", 0),
    (b'{"a": ' + DEEP.encode() + b"}", "is nested more than 256 levels deep", 0),
    (b'{"a": ' + b"[" * 300 + b"]" * 300 + b"}", "is nested more than 256 levels deep", 0),
    (b"null", "is null, where the other rows are objects", 0),
    (b"[1, 2]", "is a list, where the other rows are objects", 0),
    (b'"text"', "is text, where the other rows are objects", 0),
]


@pytest.mark.parametrize(("line", "reason", "byte"), BROKEN)
def test_a_broken_line_is_refused_with_its_place(tmp_path, line, reason, byte):
    rows, tally = tallied(read_lines, write(tmp_path, "a.jsonl", b'{"a": 0}\n' + line + b'\n{"a": 2}\n'))
    assert [row["a"] for row in rows] == [0, 2]
    assert tally.refused_rows == 1
    assert tally.refused == [Refusal(2, reason, byte=9 + byte)]


def test_surrogate_pairs_and_deep_but_legal_rows_are_kept(tmp_path):
    nested = "[" * 250 + "]" * 250
    rows, tally = tallied(
        read_lines, write(tmp_path, "a", '{"a": "\\ud83d\\ude00 \\\\ud83d"}\n{"a": ' + nested + "}\n")
    )
    assert rows[0] == {"a": "😀 \\ud83d"}
    assert json.dumps(rows[1]["a"]) == nested
    assert not tally.refused


def test_brackets_in_text_are_no_nesting(tmp_path):
    rows, tally = tallied(read_lines, write(tmp_path, "a", json.dumps({"a": "[{" * 5_000 + '\\"'}) + "\n"))
    assert len(rows) == 1
    assert not tally.refused


def test_numbers_that_json_does_not_know(tmp_path):
    rows, _ = tallied(
        read_lines, write(tmp_path, "a", '{"a": NaN}\n{"a": -Infinity}\n{"a": 123456789012345678901234}\n')
    )
    assert [str(row["a"]) for row in rows] == ["nan", "-inf", "123456789012345678901234"]


def test_the_last_of_equal_keys_wins_with_one_note(tmp_path):
    path = write(tmp_path, "a", '{"k": 0}\n{"k": 1, "k": 2}\n{"k": 3, "k": 4, "z": {"y": 1, "y": 2}}\n')
    rows, tally = tallied(read_lines, path)
    assert [row["k"] for row in rows] == [0, 2, 4]
    assert rows[2]["z"] == {"y": 2}
    assert tally.notes == [
        "Key 'k' is there twice in one object (first in row 1): the last one counts.",
        "Key 'k' is there twice in one object (first in row 2): the last one counts.",
        "Key 'y' is there twice in one object (first in row 2): the last one counts.",
    ]


def test_rows_that_are_no_objects_make_one_column(tmp_path):
    texts, tally = tallied(read_lines, write(tmp_path, "a", '"one"\n"two"\n{"a": 1}\n'))
    assert texts == [{"text": "one"}, {"text": "two"}]
    assert tally.refused == [Refusal(3, "is an object, where the other rows are values", byte=12)]
    values, _ = tallied(read_lines, write(tmp_path, "b", "[1, 2]\n3\n"))
    assert values == [{"value": [1, 2]}, {"value": 3}]


def test_a_line_beyond_the_limit_is_refused_with_size_and_place_and_reading_goes_on(tmp_path):
    long = b'{"a": "' + b"x" * 3_000_000 + b'"}'
    path = write(tmp_path, "a", b'{"a": 1}\n' + long + b'\n{"a": 3}\n')
    rows, tally = tallied(read_lines, path, Limits(line=2 << 20))
    assert [row["a"] for row in rows] == [1, 3]
    assert tally.refused == [Refusal(2, "has 2.9 MiB, more than the 2.0 MiB that one row may have", byte=9)]


def test_refusals_are_all_counted_and_the_first_listed(tmp_path):
    rows, tally = tallied(read_lines, write(tmp_path, "a", '{"a": 1}\n' + "broken\n" * 50), Limits(listed=3))
    assert len(rows) == 1
    assert tally.refused_rows == 50
    assert [refusal.row for refusal in tally.refused] == [2, 3, 4]


def test_batches_are_bounded_by_rows_bytes_and_cells(tmp_path):
    from shared.datasets.files import Source
    from shared.datasets.rows import Tally

    path = write(tmp_path, "a", lines(*({"a": i, "b": "x" * 90} for i in range(100))))

    def sizes(**limits):
        return [part.count for part in read_lines(Source(path, Limits(parts=1, **limits)), Tally())]

    assert sizes() == [100]
    assert sizes(batch_rows=40) == [40, 40, 20]
    assert max(sizes(batch_bytes=1_000)) <= 10
    assert sizes(cells=60) == [30, 30, 30, 10]


def test_too_many_columns_are_a_sentence(tmp_path):
    path = write(tmp_path, "a", lines(*({f"id{i}": 1} for i in range(30))))
    with pytest.raises(PlaygroundError, match=r"30 different columns; at most 20 are allowed\. If the names are ids"):
        tallied(read_lines, path, Limits(columns=20))


@pytest.mark.parametrize("text", ["broken\n" * 40, "[" + "x, " * 40 + "x]"])
def test_a_reader_that_finds_nothing_still_hands_on_so_that_it_can_be_stopped(tmp_path, text):
    from shared.datasets.files import Source
    from shared.datasets.rows import Rows, Tally

    source = Source(write(tmp_path, "a", text), Limits(batch_rows=10, parts=1))
    reader = read_document if text.startswith("[") else read_lines
    assert list(reader(source, Tally())) == [Rows({}, 0, 0)] * 5


# Documents

ROWS = [{"a": 1, "b": "x, ]}"}, {"a": None, "b": '"quoted" \\'}, {"a": 3, "b": "中文 😀"}]


@pytest.mark.parametrize("chunk", [1, 2, 3, 5, 1 << 20])
@pytest.mark.parametrize("indent", [None, 2])
@pytest.mark.parametrize("ascii_only", [True, False])
def test_an_array_wherever_chunks_end(tmp_path, monkeypatch, chunk, indent, ascii_only):
    monkeypatch.setattr(files, "CHUNK", chunk)
    text = json.dumps(ROWS, indent=indent, ensure_ascii=ascii_only)
    assert tallied(read_document, write(tmp_path, "a.json", text))[0] == ROWS


def test_arrays_of_text_of_numbers_and_with_a_comma_too_many(tmp_path):
    assert tallied(read_document, write(tmp_path, "a", '["x", "y",\n]'))[0] == [{"text": "x"}, {"text": "y"}]
    assert tallied(read_document, write(tmp_path, "b", "[1, 22, 333]"))[0] == [{"value": n} for n in (1, 22, 333)]
    assert tallied(read_document, write(tmp_path, "c", "[]"))[0] == []


@pytest.mark.parametrize("chunk", [1, 4, 1 << 20])
def test_a_broken_element_is_refused_with_record_and_byte_and_reading_goes_on(tmp_path, monkeypatch, chunk):
    monkeypatch.setattr(files, "CHUNK", chunk)
    data = '[{"ü": 1}, {"ü" 2}, 7, {"ü": "\\ud83d"}, {"ü": "'.encode() + b'\xff"}, {"\xc3\xbc": 9}, x]'
    rows, tally = tallied(read_document, write(tmp_path, "a", data))
    assert [row["ü"] for row in rows] == [1, 9]
    assert [(refusal.row, refusal.byte) for refusal in tally.refused] == [
        (2, data.index(b" 2}") + 1),
        (3, data.index(b"7")),
        (4, data.index(b'{"\xc3\xbc": "\\ud83d')),
        (5, data.index(b"\xff")),
        (7, data.index(b"x]")),
    ]
    assert "expecting ':' delimiter at '2}'" in tally.refused[0].reason
    assert tally.refused[3].reason == "is not valid UTF-8 (byte 0xff)"


def test_a_byte_order_mark_counts_in_offsets(tmp_path):
    data = codecs.BOM_UTF8 + b'[{"a": 1}, {"a" 2}]'
    _, tally = tallied(read_document, write(tmp_path, "a", data))
    assert tally.refused[0].byte == data.index(b" 2}") + 1


@pytest.mark.parametrize("quote", ['"', ""])
def test_an_element_beyond_the_limit_is_skipped_in_bounded_memory(tmp_path, monkeypatch, quote):
    monkeypatch.setattr(files, "CHUNK", 1_000)
    body = json.dumps('\\" ]} ' * 3_000) if quote else json.dumps([[1, {"b": [2]}]] * 3_000)
    rows, tally = tallied(
        read_document, write(tmp_path, "a", '[{"a": 1}, {"a": ' + body + '}, {"a": 3}]'), Limits(line=5_000)
    )
    assert [row["a"] for row in rows] == [1, 3]
    assert tally.refused[0].row == 2
    assert tally.refused[0].byte == 11
    assert "more than the 4.9 KiB that one row may have" in tally.refused[0].reason


def test_an_element_beyond_the_limit_that_came_in_one_piece_is_refused_too(tmp_path):
    rows, tally = tallied(read_document, write(tmp_path, "a", '[{"a": "' + "x" * 50 + '"}, {"a": 2}]'), Limits(line=20))
    assert rows == [{"a": 2}]
    assert tally.refused[0].reason == "has 59 bytes, more than the 20 bytes that one row may have"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('[{"a": 1}, {"a": 2}', "breaks off at byte 19, after record 2"),
        ('[{"a": 1}, {"a": [2', "breaks off inside record 2, which begins at byte 11"),
        ('[{"a": 1}, {"a": "2', "breaks off inside record 2"),
        (
            '[{"a": 1}, {"a": [2}, {"a": 3}]',
            "'}' at byte 19, in record 2, which begins at byte 11, closes what another",
        ),
        ('[{"a": 1} {"a": 2}]', "at byte 10, after record 1, is '{' where ',' or ']' should be"),
        ('[{"a": 1}] [2]', "it goes on after its end, with '[' at byte 11"),
        ('{"data": [{"a": 1}], "x" 3}', "at byte 25, after key 'x', is '3' where ':' should be"),
        ('{"data": [{"a": 1}], 5: 3}', "at byte 22 is no key in quotes"),
        ('{"data": [{"a": 1}', "breaks off at byte 18, after record 1"),
        ('{"data": [{"a": 1}]', "breaks off at byte 19, after the value of 'data'"),
        ('{"data": [{"a": 1}]} 7', "it goes on after its end"),
        ("[", "breaks off at byte 1."),
        ('{"data": [{"a": 1}], "x":', "breaks off at byte 25."),
        ('[{"a": 1}, ', "breaks off at byte 11."),
    ],
)
def test_a_document_whose_end_cannot_be_found_is_broken(tmp_path, text, words):
    with pytest.raises(BrokenFile, match=r"'a\.json'") as caught:
        tallied(read_document, write(tmp_path, "a.json", text))
    assert words in str(caught.value)


def test_a_skipped_element_that_never_ends(tmp_path, monkeypatch):
    monkeypatch.setattr(files, "CHUNK", 100)
    with pytest.raises(BrokenFile, match="breaks off inside record 1, which begins at byte 1"):
        tallied(read_document, write(tmp_path, "a.json", '["' + "x" * 2_000), Limits(line=500))


def test_an_object_around_one_array_is_unwrapped(tmp_path):
    text = '{"version": "1.1", "langs": ["en"], "data": [{"a": 1}, {"a": 2}], "end": {"x": [1]}}'
    rows, tally = tallied(read_document, write(tmp_path, "a", text))
    assert rows == [{"a": 1}, {"a": 2}]
    assert tally.notes == ["The rows are what 'data' holds; left out are version, end, langs."]


def test_broken_elements_of_a_wrapped_array(tmp_path):
    rows, tally = tallied(read_document, write(tmp_path, "a", '{"data": [{"a": 1}, {"a" 2}, {"a": 3}]}'))
    assert [row["a"] for row in rows] == [1, 3]
    assert tally.refused[0].row == 2


def test_an_object_of_lists_of_one_length_is_columns(tmp_path):
    rows, _ = tallied(read_document, write(tmp_path, "a", '{"q": ["x", "y", "z"], "n": [1, null, {"k": 2}]}'))
    assert rows == [{"q": "x", "n": 1}, {"q": "y", "n": None}, {"q": "z", "n": {"k": 2}}]
    rows, _ = tallied(read_document, write(tmp_path, "b", json.dumps({"q": [1] * 25})), Limits(batch_rows=10))
    assert rows == [{"q": 1}] * 25


def test_columns_that_are_too_large_or_broken(tmp_path):
    with pytest.raises(PlaygroundError, match=r"must be held in memory whole\. Save it as JSON Lines"):
        tallied(read_document, write(tmp_path, "a", '{"q": ["x", "y"]}'), Limits(document=10))
    with pytest.raises(PlaygroundError, match="object of columns, and 'utf-8' codec can't decode"):
        tallied(read_document, write(tmp_path, "b", b'{"q": ["\xff", "y"]}'))
    with pytest.raises(PlaygroundError, match="object of columns, and holds half of a surrogate pair"):
        tallied(read_document, write(tmp_path, "c", '{"q": ["\\udc00", "y"]}'))
    with pytest.raises(PlaygroundError, match="3 different columns; at most 2"):
        tallied(read_document, write(tmp_path, "d", '{"a": [1], "b": [1], "c": [1]}'), Limits(columns=2))


def test_several_arrays_of_rows_need_a_choice(tmp_path):
    with pytest.raises(PlaygroundError, match=r"several arrays of rows: 'train' \(2 rows\), 'test' \(1 rows\)"):
        tallied(read_document, write(tmp_path, "a", '{"train": [{"a": 1}, {"a": 2}], "test": [{"a": 3}]}'))


def test_one_object_is_one_row_and_objects_one_after_another_are_rows(tmp_path):
    rows, tally = tallied(read_document, write(tmp_path, "a", '{"a": 1, "b": [1, 2]}'))
    assert rows == [{"a": 1, "b": [1, 2]}]
    assert tally.notes == ["The file is one JSON object that holds no array of rows: it is one row."]
    rows, tally = tallied(read_document, write(tmp_path, "b", '{\n"a": 1}\n{\n"a": [{"x": 2}]}{"a": 3}'))
    assert [row["a"] for row in rows] == [1, [{"x": 2}], 3]
    assert tally.notes == []


@pytest.mark.parametrize(
    "text", ['{"messages": [{"role": "user", "content": "x"}]}', '{"id": 1, "chat": [{"from": "a", "value": "x"}]}']
)
def test_one_conversation_is_one_row(tmp_path, text):
    rows, _ = tallied(read_document, write(tmp_path, "a", text))
    assert rows == [json.loads(text)]


def test_depth_is_counted_without_recursion():
    assert depth('[[1], "[[[", {"a": {}}]') == 3
    assert depth(DEEP) == 100_000
    assert depth('"\\"["') == 0


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner, max_size=4),
    max_leaves=10,
)


@settings(deadline=None, max_examples=25)
@given(json_values, st.integers(1, 9), st.booleans())
def test_the_scanner_finds_the_end_of_any_value(value, step, ascii_only):
    text = json.dumps([value], ensure_ascii=ascii_only)
    whole, scanner, at = text + ", [", Scanner(), -1
    for begin in range(0, len(whole), step):
        at = scanner.feed(whole[begin : begin + step], 0)
        if at >= 0:
            at += begin
            break
    assert at == len(text)


@settings(deadline=None, max_examples=25)
@given(st.lists(st.dictionaries(st.text(max_size=4), json_values, max_size=4), min_size=1, max_size=5))
def test_any_rows_come_back_from_lines_and_from_an_array(rows):
    import tempfile
    from pathlib import Path

    names = {name: None for row in rows for name in row}
    expected = [{name: row.get(name) for name in names} for row in rows]
    with tempfile.TemporaryDirectory() as folder:
        as_lines = tallied(read_lines, write(Path(folder), "a", lines(*rows)))[0]
        packed = gzip.compress(json.dumps(rows).encode())
        as_array = tallied(read_document, write(Path(folder), "b", packed))[0]
    assert as_lines == expected
    assert as_array == expected
