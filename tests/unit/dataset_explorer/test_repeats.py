"""Duplicates as a rule: no row is lost that is not in another one, and cells, not texts, decide what is the same."""

import datetime as dt
import itertools
from decimal import Decimal

import numpy as np
import pyarrow as pa
import pytest

from apps.dataset_explorer.duplicates import find_duplicates
from apps.dataset_explorer.repeats import Repeats, cell_keys, find_repeats
from tests.unit.dataset_explorer.stored import last

KINDS = {
    "text": pa.array(["a b", "a", None, "", "a b", "ab"]),
    "large": pa.array(["a b", "a", None, "", "a b", "ab"], pa.large_string()),
    "whole": pa.array([1, 11, None, 0, 1, 2], pa.int8()),
    "unsigned": pa.array([2**64 - 1, 11, None, 0, 2**64 - 1, 2], pa.uint64()),
    "float": pa.array([1.0, 0.1 + 0.2, None, 0.3, 1.0, float("nan")]),
    "half": pa.array([1.0, 1.5, None, 2.0, 1.0, 3.0], pa.float16()),
    "single": pa.array([1.0, 1.5, None, 2.0, 1.0, 3.0], pa.float32()),
    "truth": pa.array([True, False, None, False, True, None]),
    "decimal": pa.array([Decimal("1.20"), Decimal("1.21"), None, None, Decimal("1.20"), Decimal("0.01")]),
    "date": pa.array([dt.date(2020, 1, 1), dt.date(2020, 1, 2), None, None, dt.date(2020, 1, 1), dt.date(1999, 1, 1)]),
    "nanoseconds": pa.array([1, 2, None, 3, 1, 4], pa.timestamp("ns", "UTC")),
    "duration": pa.array([1, 2, None, 3, 1, 4], pa.duration("ms")),
    "time": pa.array([1, 2, None, 3, 1, 4], pa.time64("ns")),
    "interval": pa.array([(1, 2, 3), (1, 2, 4), None, (0, 0, 0), (1, 2, 3), (9, 9, 9)], pa.month_day_nano_interval()),
    "bytes": pa.array([b"\xff\x00", b"\xff", None, b"", b"\xff\x00", b"\x00\xff"]),
    "fixed": pa.array([b"ab", b"ba", None, b"aa", b"ab", b"bb"], pa.binary(2)),
    "list": pa.array([["a b"], ["a", "b"], None, [], ["a b"], ["a", None, "b"]]),
    "large list": pa.array([["a b"], ["a", "b"], None, [], ["a b"], ["a", None, "b"]], pa.large_list(pa.string())),
    "fixed list": pa.array([[1, 2], [2, 1], None, [0, 0], [1, 2], [None, 1]], pa.list_(pa.int8(), 2)),
    "nested list": pa.array([[["a"], ["b"]], [["a", "b"]], None, [[]], [["a"], ["b"]], [["a"], ["b"], []]]),
    "object": pa.array([{"x": 1, "y": None}, {"x": None, "y": 1}, None, {"x": 11, "y": 1}, {"x": 1, "y": None}, {"x": 1, "y": 11}]),
    "map": pa.array([[("k", 1)], [("k", None)], None, [], [("k", 1)], [("k1", 1)]], pa.map_(pa.string(), pa.int64())),
    "categories": pa.array(["x", "y", None, "", "x", "xy"]).dictionary_encode(),
    "uuid": pa.array([b"0" * 16, b"1" * 16, None, b"2" * 16, b"0" * 16, b"3" * 16], pa.uuid()),
    "nothing": pa.nulls(6),
}  # fmt: skip


def plain(value: object) -> object:
    """A value that can be compared: what is empty is None, floats by their bits."""
    if isinstance(value, float):
        return np.float64(value).tobytes()
    if isinstance(value, dict):
        return (
            tuple((key, plain(each)) for key, each in value.items())
            if any(v is not None for v in value.values())
            else None
        )
    if isinstance(value, list | tuple):
        return tuple(plain(each) for each in value) or None
    return value if value not in ("", b"") else None


@pytest.mark.parametrize("name", KINDS)
def test_keys_are_equal_for_equal_cells_alone(name):
    column = KINDS[name]
    keys = cell_keys(pa.RecordBatch.from_arrays([column], names=["a"])).to_pylist()
    cells = column.cast(pa.int64()).to_pylist() if name in ("nanoseconds", "time", "duration") else column.to_pylist()
    for one, two in itertools.combinations(range(6), 2):
        assert (keys[one] == keys[two]) == (plain(cells[one]) == plain(cells[two])), (name, cells[one], cells[two])


@pytest.mark.parametrize("name", KINDS)
def test_keys_do_not_depend_on_where_a_batch_is_cut(name):
    batch = pa.RecordBatch.from_arrays([KINDS[name], KINDS["text"]], names=["a", "b"])
    whole = cell_keys(batch).to_pylist()
    assert cell_keys(batch.slice(2, 3)).to_pylist() == whole[2:5]
    assert cell_keys(batch.slice(0, 0)).to_pylist() == []


def test_words_in_other_columns_make_another_row():
    batch = pa.record_batch({"a": ["x y", "x", "", "x y"], "b": ["z", "y z", "x y z", "z"]})
    keys = cell_keys(batch).to_pylist()
    assert len(set(keys)) == 3
    assert keys[0] == keys[3]


def found(kind, rows, gone=(), threshold=0.7) -> Repeats:
    mask = np.zeros(len(rows), np.bool_)
    mask[list(gone)] = True
    return last(find_repeats(kind, [pa.array(rows, pa.string())], threshold, mask))


def test_the_lowest_row_that_nothing_else_drops_stays():
    rows = ["same", "same", "other", "same"]
    assert found("exact", rows).rows.tolist() == [1, 3]
    assert found("exact", rows).partners.tolist() == [0, 0]
    assert found("exact", rows, gone=[0]).rows.tolist() == [0, 3]
    assert found("exact", rows, gone=[0]).partners.tolist() == [1, 1]
    assert found("exact", rows, gone=[0, 1, 3]).rows.tolist() == [1, 3]


def test_reasons_name_the_row_that_stays():
    assert found("exact", ["a", "a"]).reason(0).why == "It is the same as row 0."
    normalised = found("normalised", ["The Cat!", "the cat"]).reason(0)
    assert (normalised.why, normalised.partner) == ("It has the same letters and digits as row 0.", 0)


BASE = [f"w{number}" for number in range(30)]


def chain() -> list[str]:
    """Four rows, each like the next and not like the one after that."""
    return [" ".join(BASE[start : start + 16]) for start in range(0, 8, 2)]


def test_near_duplicates_show_how_alike_they_are():
    near = found("near", [" ".join(BASE[:20]), " ".join([*BASE[:19], "end"])])
    reason = near.reason(0)
    assert near.rows.tolist() == [1]
    assert reason.value == pytest.approx(15 / 17)
    assert (reason.most, reason.partner) == (0.7, 0)
    assert reason.why == f"It is like row 0: {15 / 17:.3f}, and 0.7 is enough."


def test_a_chain_says_which_row_it_is_like_and_which_stays():
    near = found("near", chain())
    assert near.rows.tolist() == [1, 2, 3]
    assert near.partners.tolist() == [0, 0, 0]
    assert near.reason(0).why.startswith("It is like row 0: 0.714")
    assert near.reason(2).why.startswith("It is like row 2: 0.714")
    assert near.reason(2).why.endswith("Row 0 stays.")
    assert "stays" not in found("near", chain(), gone=range(4)).reason(2).why


def test_a_pair_beyond_the_evidence_is_told_without_a_number():
    near = Repeats("near", "", np.array([7]), np.array([2]), 0.7, {}, np.zeros(8, np.bool_))
    assert near.reason(0).why == "Rows that are alike lead from it to row 2."
    assert near.reason(0).value is None


SHORT = [
    "cat",
    "dog",
    "cat",
    "猫",
    "狗",
    "猫",
    "",
    "",
    "yes",
    "no",
    "Yes",
    "是",
    "不是",
    "42",
    "43",
    "שלום",
    "👍",
    "👎",
    "!",
    "?",
]


@pytest.mark.parametrize("kind", ["exact", "normalised", "near"])
@pytest.mark.parametrize("gone", [[], [0], [3, 5], [2, 8]])
def test_no_distinct_short_or_chinese_row_is_lost(kind, gone):
    repeats = found(kind, SHORT, gone)
    left = set(range(len(SHORT))) - set(repeats.rows.tolist()) - set(gone)
    alike = str if kind == "exact" else str.lower
    for text in SHORT:
        holders = {row for row, other in enumerate(SHORT) if alike(other) == alike(text)}
        assert holders & left or holders <= set(gone), text


@pytest.mark.parametrize("kind", ["exact", "normalised", "near"])
def test_counts_are_those_of_the_duplicates_endpoint(kind):
    rows = [*chain(), *SHORT, *chain()]
    assert found(kind, rows).rows.tolist() == find_duplicates(rows, kind).removable


@pytest.mark.parametrize("rows", [[], ["a"], ["", ""], ["a", "b"]])
@pytest.mark.parametrize("kind", ["normalised", "near"])
def test_nothing_to_find(kind, rows):
    assert found(kind, rows).rows.tolist() == []
