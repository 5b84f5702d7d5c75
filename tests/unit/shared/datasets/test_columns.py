import pyarrow as pa
import pytest

from shared.datasets.columns import Columns
from shared.datasets.files import LIMITS, Limits
from shared.datasets.rows import Rows, Tally
from shared.errors import PlaygroundError


def rows(start=0, literal=False, **columns):
    return Rows(columns, len(next(iter(columns.values()))), start, literal)


def written(*parts, limits=LIMITS):
    """All parts in the schema that holds all of them, and the notes."""
    columns, tally = Columns(limits), Tally()
    for part in parts:
        columns.learn(part)
    columns.freeze()
    table = pa.Table.from_batches([columns.batch(part) for part in parts])
    table.validate(full=True)
    columns.tell(tally)
    return table, tally.notes


def test_a_batch_that_needs_another_type_does_not_fit():
    columns = Columns(Limits())
    columns.learn(rows(a=[1]))
    columns.freeze()
    assert columns.learn(rows(a=[2, None]))
    assert not columns.learn(rows(a=[0.5]))
    assert not columns.learn(rows(a=[1]))  # what was seen stays seen
    columns.freeze()
    assert columns.learn(rows(a=[1]))
    assert not columns.learn(rows(b=["x"]))
    assert columns.names == ["a", "b"]


def test_nothing_but_nulls_is_text_so_that_text_fits_later():
    columns = Columns(Limits())
    columns.learn(rows(a=[None]))
    columns.freeze()
    assert columns.learn(rows(a=["x"]))


def test_missing_columns_are_null_and_order_is_that_of_first_sight():
    table, notes = written(rows(b=[1], a=["x"]), rows(1, c=[True], a=["y"]))
    assert table.to_pylist() == [{"b": 1, "a": "x", "c": None}, {"b": None, "a": "y", "c": True}]
    assert notes == []


def test_whole_and_decimal_numbers_unify_only_without_loss():
    table, notes = written(rows(a=[1, 2]), rows(2, a=[0.5]))
    assert table.column("a").to_pylist() == [1.0, 2.0, 0.5]
    table, notes = written(rows(a=[2**53 + 1, 2]), rows(2, a=[0.5]))
    assert table.column("a").to_pylist() == ["9007199254740993", "2", "0.5"]
    assert notes == [
        "Column 'a' holds a whole number (first in row 0), a decimal number (first in row 2): all are kept as text, "
        "what is not text as JSON."
    ]


def test_mixed_columns_become_text_with_the_first_row_of_each_type():
    table, notes = written(rows(a=["x", None, 5]), rows(3, a=[True, {"k": [1.5, None]}, ["é"]]))
    assert table.column("a").to_pylist() == ["x", None, "5", "true", '{"k": [1.5, null]}', '["é"]']
    assert notes == [
        "Column 'a' holds text (first in row 0), a whole number (first in row 2), true or false (first in row 3), "
        "an object (first in row 4), a list (first in row 5): all are kept as text, what is not text as JSON."
    ]


def test_only_the_part_that_is_mixed_becomes_text():
    table, notes = written(
        rows(m=[[{"role": "user", "content": "hi"}], [{"role": "x", "content": [{"type": "image"}]}]])
    )
    assert table.column("m").to_pylist()[1] == [{"role": "x", "content": '[{"type": "image"}]'}]
    assert notes[0].startswith("Column 'm[].content' holds text (first in row 0), a list (first in row 1)")


def test_digits_beyond_64_bits_stay():
    table, notes = written(rows(a=[1, 2**64, -(2**70)]))
    assert table.column("a").to_pylist() == ["1", str(2**64), str(-(2**70))]
    assert notes == ["Column 'a' has whole numbers beyond 64 bits (first in row 0): kept as text, with all digits."]


def test_structs_merge_over_batches_and_wide_deep_or_empty_ones_become_text():
    limits = Limits(keys=2, depth=2)
    first = rows(s=[{"a": 1}], w=[{"a": 1, "b": 1}], d=[[[[1]]]], e=[{}])
    table, notes = written(first, rows(1, s=[{"b": "x"}], w=[{"c": 1}], d=[None], e=[{}]), limits=limits)
    assert table.to_pylist() == [
        {"s": {"a": 1, "b": None}, "w": '{"a": 1, "b": 1}', "d": [["[1]"]], "e": "{}"},
        {"s": {"a": None, "b": "x"}, "w": '{"c": 1}', "d": None, "e": "{}"},
    ]
    assert notes == [
        "Column 'w' has objects with more than 2 different keys (first in row 0): kept as JSON text.",
        "Column 'd[][]' is nested more than 2 levels deep (first in row 0): what lies deeper is kept as JSON text.",
        "Column 'e' has only empty objects (first in row 0): kept as JSON text.",
    ]


def test_a_column_without_a_name_gets_one():
    table, notes = written(rows(**{"": [1], "column_1": [2]}))
    assert table.column_names == ["column_1_2", "column_1"]
    assert notes == ["Column 1 has no name; it is called 'column_1_2' here."]


@pytest.mark.parametrize(
    ("values", "kept"),
    [
        (["1", "-20", "0", ""], [1, -20, 0, None]),
        (["007", "1"], ["007", "1"]),
        (["+1"], ["+1"]),
        (["-0"], ["-0"]),
        (["1 "], ["1 "]),
        (["1.5", "2", ""], [1.5, 2.0, None]),
        (["1.50"], ["1.50"]),
        (["1e5"], ["1e5"]),
        (["1e+16", "-0.0"], [1e16, -0.0]),
        (["0.1", "9007199254740993"], ["0.1", "9007199254740993"]),
        (["9007199254740993"], [9007199254740993]),
        (["9223372036854775808"], ["9223372036854775808"]),
        (["nan"], ["nan"]),
        (["inf", "1.0"], ["inf", "1.0"]),
        (["１"], ["１"]),
        (["1_000"], ["1_000"]),
        (["2024-01-02", "2024-01-03"], ["2024-01-02", "2024-01-03"]),
        (["true", "false"], ["true", "false"]),
        (["", ""], ["", ""]),
        (["x", ""], ["x", ""]),
    ],
)
def test_text_is_a_number_only_when_it_round_trips(values, kept):
    table, notes = written(rows(literal=True, a=values))
    assert table.column("a").to_pylist() == kept
    assert notes == []


def test_text_that_is_no_number_later_makes_the_whole_column_text():
    table, notes = written(
        rows(literal=True, a=["1", ""]), rows(2, True, a=["2.5"]), rows(3, True, a=["007"]), rows(4, True, a=["8"])
    )
    assert table.column("a").to_pylist() == ["1", "", "2.5", "007", "8"]
    table, _ = written(rows(literal=True, a=["9007199254740993"]), rows(1, True, a=["2.5"]))
    assert table.column("a").to_pylist() == ["9007199254740993", "2.5"]
    assert notes == []


def test_too_many_columns_over_all_batches():
    columns = Columns(Limits(columns=2))
    columns.learn(rows(a=[1], b=[1]))
    with pytest.raises(PlaygroundError, match="first 2 rows have 3 different columns; at most 2"):
        columns.learn(rows(1, c=[1]))
