"""Small datasets for the tests of this package, written as the product writes them."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from shared.datasets.dataset import Dataset
from shared.datasets.ingest import ingest
from shared.shapes import shape
from shared.store import Store

ODD = 'se"l; DROP TABLE data --'


def dataset(folder: Path, columns: dict[str, Any] | pa.Table, group: int = 3) -> Dataset:
    """The columns as a dataset of its own, in row groups of `group` rows."""
    table = columns if isinstance(columns, pa.Table) else pa.table(columns)
    path = folder / "data.parquet"
    pq.write_table(table, path, row_group_size=group)
    names = table.column_names
    types = {field.name: str(field.type) for field in table.schema}
    return Dataset("local:set@000000000000", "set", table.num_rows, names, types, shape(names, []), path=path)


def read(folder: Path, path: Path) -> Dataset:
    """A file as `load` reads it."""
    store = Store(folder)
    *_, found = ingest(store, path, "again")
    store.close()
    assert isinstance(found, Dataset)
    return found


def column(rows: Sequence[Sequence[Any]], place: int) -> list[Any]:
    return [row[place] for row in rows]
