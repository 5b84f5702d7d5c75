import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from shared.datasets.files import LIMITS, Limits
from shared.datasets.writer import GROUP_BYTES, Writer, check_disk
from shared.errors import PlaygroundError


def groups(folder, batches, limits=LIMITS):
    path = folder / "a.parquet"
    with Writer(path, batches[0].schema, limits) as writer:
        for batch in batches:
            writer.write(batch)
    meta = pq.ParquetFile(path).metadata
    assert pq.read_table(path).equals(pa.Table.from_batches(batches))
    return [meta.row_group(group).num_rows for group in range(meta.num_row_groups)]


def numbers(*sizes):
    return [pa.RecordBatch.from_pydict({"n": pa.array(range(size), pa.int64())}) for size in sizes]


def test_small_batches_share_a_row_group_and_large_ones_are_cut(tmp_path):
    assert groups(tmp_path, numbers(3, 3, 3, 3), Limits(batch_rows=7)) == [6, 6]
    assert groups(tmp_path, numbers(20), Limits(batch_rows=7)) == [7, 7, 6]
    assert groups(tmp_path, numbers(0, 2, 0)) == [2]
    assert groups(tmp_path, numbers(0)) == []


def test_row_groups_are_bounded_in_bytes(tmp_path):
    batch = pa.RecordBatch.from_pydict({"a": ["x" * (1 << 20)] * 40})
    assert max(groups(tmp_path, [batch])) <= GROUP_BYTES >> 20


def test_a_full_disk_is_a_sentence(tmp_path):
    check_disk(tmp_path, 1, Limits())
    with pytest.raises(PlaygroundError, match=r"must stay free\. Make room, or set PLAYGROUND_HOME"):
        check_disk(tmp_path, 1, Limits(spare=1 << 60))
