import datetime
import decimal
import hashlib

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from shared.datasets.files import Limits
from shared.datasets.writer import GROUP_BYTES

from .reading import PACKERS, read, refused_whole, rows, write


def made(folder, table, name="a.parquet", **options):
    pq.write_table(table, folder / name, **options)
    return folder / name


TYPES = pa.table(
    {
        "dictionary": pa.array(["x", "y", "x"]).dictionary_encode(),
        "decimal": pa.array([decimal.Decimal("1.50"), None, decimal.Decimal("-3.25")]),
        "date": pa.array([datetime.date(2024, 1, 2)] * 3),
        "moment": pa.array([datetime.datetime(2024, 1, 2, 3, 4)] * 3, pa.timestamp("us", "UTC")),
        "image": pa.array([b"\x89PNG\x00\xff", None, b""]),
        "nested": pa.array([[{"a": [1], "b": "x"}], [], None]),
        "map": pa.array([[("k", 1)], [], None], pa.map_(pa.string(), pa.int64())),
        "nothing": pa.array([None, None, None]),
        "large": pa.array(["a", "b", None], pa.large_string()),
        "small": pa.array([1, 2, None], pa.int8()),
    }
)


@pytest.mark.parametrize("rewritten", [False, True])
def test_types_survive(house, tmp_path, rewritten):
    path = made(tmp_path, TYPES)
    dataset = read(house.store, path, Limits(batch_rows=1) if rewritten else Limits())
    assert rows(dataset) == TYPES.to_pylist()
    assert pq.read_schema(dataset.path).equals(pq.read_schema(path))
    assert dataset.types["decimal"] == "decimal128(3, 2)"
    assert dataset.types["image"] == "binary"
    same = dataset.path.read_bytes() == path.read_bytes()
    assert same != rewritten


def test_a_file_of_many_rows_a_group_is_written_anew_in_small_ones(house, tmp_path):
    table = pa.table({"n": range(60_000), "text": [f"row {i}" for i in range(60_000)]})
    dataset = read(house.store, made(tmp_path, table))
    meta = pq.ParquetFile(dataset.path).metadata
    assert max(meta.row_group(g).num_rows for g in range(meta.num_row_groups)) <= 16_384
    assert pa.Table.from_batches(dataset.batches()).equals(table)
    again = read(house.store, made(tmp_path, table, "b.parquet"))
    assert again.ref == dataset.ref


def test_a_file_of_a_handful_of_rows_a_group_is_written_anew(house, tmp_path):
    table = pa.table({"n": range(500)})
    dataset = read(house.store, made(tmp_path, table, row_group_size=5))
    assert pq.ParquetFile(dataset.path).metadata.num_row_groups == 1
    assert pa.Table.from_batches(dataset.batches()).equals(table)


def test_row_groups_without_rows(house, tmp_path):
    table = pa.table({"n": range(4)})
    with pq.ParquetWriter(tmp_path / "a.parquet", table.schema) as writer:
        for part in (table.slice(0, 0), table.slice(0, 2), table.slice(0, 0), table.slice(2)):
            writer.write_table(part)
    dataset = read(house.store, tmp_path / "a.parquet")
    assert rows(dataset) == table.to_pylist()
    assert pq.ParquetFile(dataset.path).metadata.num_row_groups == 1


def test_the_kept_file_does_not_change_with_its_source(house, tmp_path):
    path = made(tmp_path, TYPES)
    dataset = read(house.store, path)
    with path.open("r+b") as handle:
        handle.write(b"XXXX")
    assert rows(dataset) == TYPES.to_pylist()


@pytest.mark.parametrize("packing", [".gz", ".zst"])
def test_packed_parquet(house, tmp_path, packing):
    path = write(tmp_path, "a.parquet" + packing, PACKERS[packing](made(tmp_path, TYPES).read_bytes()))
    dataset = read(house.store, path)
    assert rows(dataset) == TYPES.to_pylist()
    assert sorted(each.name for each in dataset.path.parent.iterdir()) == ["data.parquet", "dataset.json"]


def test_equal_and_empty_column_names(house, tmp_path):
    table = pa.Table.from_arrays([pa.array([1]), pa.array([2]), pa.array([3])], names=["a", "a", ""])
    dataset = read(house.store, made(tmp_path, table))
    assert rows(dataset) == [{"a": 1, "a_2": 2, "column_3": 3}]
    assert len(dataset.notes) == 2


def bad_text(count, bad):
    """Text columns of which some values are no UTF-8."""
    values = [b"row \xff" if i in bad else b"row %d" % i for i in range(count)]
    return pa.table({"n": range(count), "text": pa.array(values, pa.binary()).cast(pa.string(), safe=False)})


@pytest.mark.parametrize("size", [16_384, 100_000])
def test_rows_whose_text_is_not_utf8_are_refused(house, tmp_path, size):
    path = made(tmp_path, bad_text(5_000, {1, 3_000}), row_group_size=size)
    limits = Limits() if size == 16_384 else Limits(batch_rows=1_000)
    dataset = read(house.store, path, limits)
    assert dataset.rows == 4_998
    assert [row["n"] for row in dataset.page(0, 3)] == [0, 2, 3]
    assert dataset.refused_rows == 2
    assert [(refusal.row, refusal.column) for refusal in dataset.refused] == [(2, "text"), (3_001, "text")]
    assert "UTF8" in dataset.refused[0].reason


def test_a_damaged_page_is_found_with_its_row_group(house, tmp_path):
    noise = [hashlib.sha256(str(i).encode()).hexdigest() for i in range(20_000)]
    path = made(
        tmp_path, pa.table({"text": noise}), row_group_size=5_000, use_dictionary=False, write_page_checksum=True
    )
    data = bytearray(path.read_bytes())
    middle = pq.ParquetFile(path).metadata.row_group(2).column(0).data_page_offset + 5_000
    data[middle : middle + 50] = bytes(50)
    path.write_bytes(data)
    with refused_whole(house.store, "'a.parquet' is damaged in row group 3 of 4", "Download it again"):
        read(house.store, path)


def test_a_cut_file_and_one_that_only_begins_like_parquet(house, tmp_path):
    data = made(tmp_path, TYPES).read_bytes()
    with refused_whole(house.store, "'cut.parquet' is not a Parquet file that can be read"):
        read(house.store, write(tmp_path, "cut.parquet", data[: len(data) // 2]))
    with refused_whole(house.store, "'b.parquet' is not a Parquet file"):
        read(house.store, write(tmp_path, "b.parquet", b"PAR1" + b"x" * 100 + b"PAR1"))


def test_a_parquet_bomb(house, tmp_path):
    path = made(tmp_path, pa.table({"a": ["x" * 3_000_000]}), compression="zstd")
    with refused_whole(house.store, "zip bomb", "unpacks to"):
        read(house.store, path, Limits(unpacked=1 << 20, ratio=100))


def test_a_long_value_repeated_often_makes_small_row_groups(house, tmp_path):
    table = pa.table({"a": ["x" * 10_000] * 5_000})
    path = made(tmp_path, table)
    assert path.stat().st_size < 100_000
    dataset = read(house.store, path)
    sizes = [batch.nbytes for batch in dataset.batches()]
    assert max(sizes) <= GROUP_BYTES < sum(sizes)
    assert dataset.rows == 5_000


def test_without_rows_and_without_columns(house, tmp_path):
    empty = read(house.store, made(tmp_path, pa.table({"a": pa.array([], pa.string())})))
    assert (empty.rows, empty.columns) == (0, ["a"])
    with refused_whole(house.store, "has no columns"):
        read(house.store, made(tmp_path, pa.table({}), "b.parquet"))
    with refused_whole(house.store, "3 different columns; at most 2"):
        read(house.store, made(tmp_path, pa.table({"a": [1], "b": [1], "c": [1]}), "c.parquet"), Limits(columns=2))
