"""Edits and masks: the value that was asked for or a sentence, and nothing else in the batch changes."""

import datetime as dt
from decimal import Decimal

import numpy as np
import pyarrow as pa
import pytest

from apps.dataset_explorer import pii
from apps.dataset_explorer.edits import Edits, blank, check_row, mask
from apps.dataset_explorer.recipes import Edit
from shared.errors import PlaygroundError

UTC = dt.UTC


def edited(column: pa.Array, value: object, row: int = 1) -> object:
    """The column's cell after the edit; every other cell and the type are checked to be as they were."""
    batch = pa.RecordBatch.from_arrays([column, pa.array(range(len(column)))], names=["a", "b"])
    made = Edits([Edit(row, "a", value)], batch.schema, len(column)).apply(batch, 0)
    made.validate(full=True)
    assert made.schema == batch.schema
    assert made.column("b") == batch.column("b")
    others = [place for place in range(len(column)) if place != row]
    assert made.column("a").take(pa.array(others)).to_pylist() == column.take(pa.array(others)).to_pylist()
    return made.column("a")[row].as_py()


GOOD = [
    (pa.string(), ["x", None, "z"], "ש🌍", "ש🌍"),
    (pa.large_string(), ["x", "y", "z"], "n", "n"),
    (pa.int8(), [1, 2, 3], 127, 127),
    (pa.int64(), [1, 2, 3], "9007199254740993", 9007199254740993),
    (pa.int64(), [1, 2, 3], 4.0, 4),
    (pa.float64(), [1.5, None, 2.5], 3, 3.0),
    (pa.float32(), [1.5, None, 2.5], 0.5, 0.5),
    (pa.bool_(), [True, False, None], True, True),
    (pa.decimal128(5, 2), [Decimal("1.20"), None, Decimal("3.00")], "1.25", Decimal("1.25")),
    (pa.decimal128(5, 2), [Decimal("1.20"), None, Decimal("3.00")], 1.1, Decimal("1.10")),
    (pa.date32(), [dt.date(2020, 1, 1)] * 3, "2024-02-29", dt.date(2024, 2, 29)),
    (pa.time64("us"), [dt.time(1)] * 3, "12:30:00.5", dt.time(12, 30, 0, 500000)),
    (pa.timestamp("us"), [dt.datetime(2020, 1, 1)] * 3, "2024-01-02T03:04:05", dt.datetime(2024, 1, 2, 3, 4, 5)),
    (pa.timestamp("us", "UTC"), [dt.datetime(2020, 1, 1, tzinfo=UTC)] * 3, "2024-01-02T03:04:05+00:00",
     dt.datetime(2024, 1, 2, 3, 4, 5, tzinfo=UTC)),
    (pa.binary(), [b"a", None, b"c"], "base64:/w==", b"\xff"),
    (pa.list_(pa.string()), [["a"], [], None], ["b", None], ["b", None]),
    (pa.struct([("x", pa.int64()), ("y", pa.string())]), [{"x": 1, "y": "a"}, None, None], {"x": 2}, {"x": 2, "y": None}),
    (pa.map_(pa.string(), pa.int64()), [[("k", 1)], [], None], {"m": 2}, [("m", 2)]),
    (pa.dictionary(pa.int32(), pa.string()), ["x", "x", "y"], "new", "new"),
    (pa.list_(pa.struct([("role", pa.string()), ("n", pa.int64())])), [[], None, []], [{"role": "u", "n": 1}],
     [{"role": "u", "n": 1}]),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "cells", "value", "expected"), GOOD, ids=lambda case: str(case)[:30])
def test_a_value_that_fits_is_there_afterwards(kind, cells, value, expected):
    assert edited(pa.array(cells, kind), value) == expected
    assert edited(pa.array(cells, kind), None) is None


BAD = [
    (pa.string(), 5), (pa.string(), ["a"]), (pa.string(), "\ud800"),
    (pa.int64(), 1.5), (pa.int64(), True), (pa.int64(), "many"), (pa.int8(), 300), (pa.int64(), 2**70),
    (pa.float64(), "n/a"), (pa.float64(), True), (pa.float64(), 2**60 + 1), (pa.bool_(), 1), (pa.bool_(), "maybe"),
    (pa.decimal128(5, 2), "1.255"), (pa.decimal128(5, 2), 123456), (pa.date32(), 5), (pa.date32(), "tomorrow"),
    (pa.time64("us"), "noon"), (pa.timestamp("us"), "2024-13-01"), (pa.binary(), "text"), (pa.binary(), "base64:%"),
    (pa.list_(pa.string()), "abc"), (pa.list_(pa.int64()), [1, "a"]), (pa.list_(pa.int64()), [1.5]),
    (pa.struct([("x", pa.int64())]), {"z": 1}), (pa.struct([("x", pa.int64())]), {"x": 1, "z": 2}),
    (pa.struct([("x", pa.int64())]), "x"), (pa.duration("s"), "5"),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "value"), BAD, ids=lambda case: str(case)[:30])
def test_a_value_that_does_not_fit_is_refused_with_its_column_and_row(kind, value):
    with pytest.raises(PlaygroundError, match=r"does not fit column 'a'.*row 1"):
        edited(pa.nulls(3, kind), value)


def test_a_long_value_is_shown_in_part():
    with pytest.raises(PlaygroundError) as caught:
        edited(pa.array([1, 2, 3]), "x" * 10_000)
    assert len(str(caught.value)) < 250


def test_a_column_without_empty_cells_takes_no_null():
    schema = pa.schema([pa.field("a", pa.int64(), nullable=False)])
    with pytest.raises(PlaygroundError, match="no empty cells"):
        Edits([Edit(0, "a", None)], schema, 1)


@pytest.mark.parametrize(("row", "rows", "words"), [(3, 3, "from 0 to 2"), (0, 0, "has no rows"), (-1, 3, "no row -1")])
def test_a_row_that_is_not_there_is_refused(row, rows, words):
    with pytest.raises(PlaygroundError, match=words):
        check_row(row, rows)


def test_a_column_that_is_not_there_is_refused():
    with pytest.raises(PlaygroundError, match=r"no column 'z'.*There are: a, b"):
        Edits([Edit(0, "z", 1)], pa.schema([("a", pa.int64()), ("b", pa.int64())]), 1)


def test_edits_find_their_batch():
    batches = pa.table({"a": list(range(10)), "b": ["x"] * 10}).to_batches(max_chunksize=4)
    edits = Edits([Edit(9, "a", -9), Edit(3, "b", "y"), Edit(4, "a", -4), Edit(0, "a", 100)], batches[0].schema, 10)
    made = pa.Table.from_batches([edits.apply(batch, 4 * place) for place, batch in enumerate(batches)])
    assert made["a"].to_pylist() == [100, 1, 2, 3, -4, 5, 6, 7, 8, -9]
    assert made["b"].to_pylist() == ["x", "x", "x", "y", *["x"] * 6]


def test_masks_reach_every_text_and_nothing_else():
    kind = pa.list_(pa.struct([("role", pa.string()), ("at", pa.timestamp("ns")), ("d", pa.decimal128(4, 1))]))
    turns = [{"role": "write to ann.smith@gmail.com or bob@web.de!", "at": 1, "d": Decimal("1.5")}, None]
    batch = pa.RecordBatch.from_arrays(
        [
            pa.array(["ann.smith@gmail.com", "call bob@web.de", "בוב bob@web.de 😀"]),
            pa.array([turns, [], turns], kind),
            pa.array([1, 2, 3]),
            pa.array([{"k": "bob@web.de"}, {"k": None}, None]),
            pa.array([[("to", "bob@web.de")], None, []], pa.map_(pa.string(), pa.string())),
            pa.array(["bob@web.de", "x", "bob@web.de"]).dictionary_encode(),
        ],
        names=list("abcdef"),
    )
    made = mask(batch, np.array([0, 2]), list("abcdef"), ["email"])
    made.validate(full=True)
    assert made.schema == batch.schema
    assert made.column("a").to_pylist() == ["[email]", "call bob@web.de", "בוב [email] 😀"]
    assert made.column("b")[0].values[0]["role"].as_py() == "write to [email] or [email]!"
    assert made.column("b")[0].values.field("at") == batch.column("b")[0].values.field("at")
    assert made.column("b")[0].values.field("d") == batch.column("b")[0].values.field("d")
    assert made.column("b")[1] == batch.column("b")[1]
    assert made.column("c") == batch.column("c")
    assert made.column("d").to_pylist() == [{"k": "[email]"}, {"k": None}, None]
    assert made.column("e").to_pylist() == [[("to", "[email]")], None, []]
    assert made.column("f").to_pylist() == ["[email]", "x", "[email]"]


def test_only_the_kinds_asked_for_are_masked():
    batch = pa.record_batch({"a": ["bob@web.de at 8.8.8.8"]})
    assert mask(batch, np.array([0]), ["a"], ["ipv4"]).column("a").to_pylist() == ["bob@web.de at [ipv4]"]
    assert mask(batch, np.array([0]), ["a"], []) is batch
    assert mask(batch, np.array([], np.int64), ["a"], ["ipv4"]) is batch


def test_reserved_addresses_stay():
    batch = pa.record_batch({"a": ["someone@example.com"]})
    assert mask(batch, np.array([0]), ["a"], ["email"]).column("a").to_pylist() == ["someone@example.com"]


def test_blank_puts_the_kind_or_what_may_be_shown():
    text = "mail ann.smith@gmail.com, bob@web.de."
    found = pii.find([text])
    assert blank(text, found) == "mail [email], [email]."
    shown = blank(text, found, shown=True)
    assert "ann.smith" not in shown
    assert shown.startswith("mail a…@")
    assert blank(text, []) == text
