import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from shared.datasets.files import LIMITS, Limits
from shared.datasets.parts import as_text, write_parts
from shared.datasets.rows import Tally
from shared.errors import PlaygroundError


def batch(**columns):
    return pa.RecordBatch.from_pydict(columns)


def joined(folder, *batches, limits=LIMITS):
    tally = Tally()
    schema = write_parts(batches, folder / "data.parquet", limits, tally)
    assert [path.name for path in folder.iterdir()] == ["data.parquet"]
    table = pq.read_table(folder / "data.parquet")
    assert table.schema.equals(schema)
    assert tally.accepted == table.num_rows
    return table, tally.notes


def test_one_schema_is_written_as_it_is(tmp_path):
    table, notes = joined(tmp_path, batch(a=[1], b=["x"]), batch(a=[2], b=[None]))
    assert table.to_pylist() == [{"a": 1, "b": "x"}, {"a": 2, "b": None}]
    assert notes == []


A, B = pa.int64(), pa.string()


@pytest.mark.parametrize(
    ("first", "second", "kind", "values", "note"),
    [
        ([None], ["x"], pa.string(), [None, "x"], ""),
        ([1], [0.5], pa.float64(), [1.0, 0.5], ""),
        ([2**53 + 1], [0.5], pa.string(), ["9007199254740993", "0.5"], "is int64 and double"),
        ([1], ["x"], pa.string(), ["1", "x"], "is int64 and string"),
        ([True], [1], pa.string(), ["true", "1"], "is bool and int64"),
        (pa.array([1], pa.int8()), pa.array([300], pa.int32()), pa.int32(), [1, 300], ""),
        ([{"a": 1}], [{"b": "y"}], pa.struct([("a", A), ("b", B)]), [{"a": 1, "b": None}, {"a": None, "b": "y"}], ""),
        ([{"a": 1}], [{"a": "y"}], pa.string(), ['{"a": 1}', '{"a": "y"}'], "is struct<"),
        ([[1]], [[0.5]], pa.list_(pa.float64()), [[1.0], [0.5]], ""),
        (pa.array(["x"]).dictionary_encode(), ["y"], pa.string(), ["x", "y"], ""),
        ([{}], [{"a": 1}], pa.string(), ["{}", '{"a": 1}'], "Parquet cannot hold"),
    ],
)
def test_different_types_unify_without_loss(tmp_path, first, second, kind, values, note):
    table, notes = joined(tmp_path, batch(c=first, n=[0]), batch(c=second, n=[1]), batch(c=first, n=[2]))
    assert table.column("c").type.equals(kind)
    assert table.column("c").to_pylist() == [*values, values[0]]
    assert table.column("n").to_pylist() == [0, 1, 2]
    assert note in " ".join(notes)
    assert bool(notes) == bool(note)


def test_columns_that_are_not_everywhere_are_null_there(tmp_path):
    table, _ = joined(tmp_path, batch(a=[1]), batch(b=["x"]), batch(b=["y"], a=[3]))
    assert table.to_pylist() == [{"a": 1, "b": None}, {"a": None, "b": "x"}, {"a": 3, "b": "y"}]


def test_what_parquet_cannot_hold_becomes_text_with_a_note(tmp_path):
    table, notes = joined(tmp_path, pa.RecordBatch.from_arrays([pa.array([{}]), pa.array([[{}]])], names=["", "b"]))
    assert table.to_pylist() == [{"column_1": "{}", "b": "[{}]"}]
    assert notes == [
        "Column 1 has no name; it is called 'column_1' here.",
        "Column 'column_1' has type struct<>, which Parquet cannot hold: kept as text.",
        "Column 'b' has type list<item: struct<>>, which Parquet cannot hold: kept as text.",
    ]


def test_as_text():
    assert as_text(pa.array(["x", None])).to_pylist() == ["x", None]
    assert as_text(pa.array([["é"], None])).to_pylist() == ['["é"]', None]


def test_nothing_and_too_many_columns(tmp_path):
    with pytest.raises(PlaygroundError, match="There are no rows"):
        joined(tmp_path)
    with pytest.raises(PlaygroundError, match="2 different columns; at most 1"):
        joined(tmp_path, batch(a=[1]), batch(b=[1]), limits=Limits(columns=1))
