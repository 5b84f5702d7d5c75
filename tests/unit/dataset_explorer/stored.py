"""Datasets in the store of a test, made from columns, and what an endpoint comes to in the end."""

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import pyarrow as pa

from shared.datasets.dataset import Dataset, open_dataset
from shared.datasets.files import LIMITS
from shared.datasets.ingest import write_batches
from shared.progress import Progress
from shared.store import Store


def stored(
    store: Store, columns: dict[str, Any] | pa.Table, name: str = "set", group: int = 4, **facts: str
) -> Dataset:
    """The columns as a dataset of the store, in row groups of `group` rows."""
    table = columns if isinstance(columns, pa.Table) else pa.table(columns)
    batches = table.to_batches(max_chunksize=group) or [
        pa.RecordBatch.from_arrays([pa.array([], field.type) for field in table.schema], schema=table.schema)
    ]
    return write_batches(store, name, batches, limits=replace(LIMITS, batch_rows=group), **facts)


def texts(store: Store, *rows: str | None, name: str = "set") -> Dataset:
    return stored(store, {"text": pa.array(rows, pa.string())}, name)


def last(steps: Iterable[Any]) -> Any:
    """The result; everything before it is progress."""
    *progress, result = steps
    assert all(isinstance(each, Progress) for each in progress)
    return result


def table(store: Store, ref: str) -> pa.Table:
    import pyarrow.parquet as pq

    return pq.read_table(open_dataset(store, ref).path)


def values(store: Store, ref: str, column: str = "text") -> list[Any]:
    return table(store, ref)[column].to_pylist()
