"""A dataset, or the answer to a query, as a file to take away."""

import csv
import json
import os
import shutil
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from json.encoder import encode_basestring
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, get_args

from apps.dataset_explorer import cells, queries
from shared.datasets.dataset import Dataset
from shared.errors import PlaygroundError
from shared.progress import Progress

if TYPE_CHECKING:
    import pyarrow

Format = Literal["jsonl", "json", "csv", "parquet"]
SECONDS = 600.0  # that a query may take
GROUP = 16_384  # rows of a row group, at most
GROUP_BYTES = 32 << 20

_ENCODE = json.JSONEncoder(ensure_ascii=False, allow_nan=False).encode  # `json.dumps` would make one at each call


@dataclass(frozen=True)
class Saved:
    """A file that was written.

    Attributes:
        path: The file.
        rows: How many rows it holds.
    """

    path: Path
    rows: int


def export(
    dataset: Dataset, format: Format = "jsonl", sql: str = "", folder: Path = Path(), *, spill: Path | None = None
) -> Iterator[Progress | Saved]:
    """Write a dataset, or the answer to a query, to `folder/NAME.FORMAT`; the file appears when it is whole.

    Rows keep their order. "parquet", "jsonl" and "json" keep every value; not-a-number and infinities are null in JSON,
    dates ISO 8601, bytes "base64:" and their base64. "csv" has lists and objects as JSON text, and cannot tell null from
    an empty text.

    Args:
        dataset: The dataset.
        format: How rows are written.
        sql: Write what this SELECT returns, as for `queries.query`; empty: the whole dataset.
        folder: Where to.
        spill: Where a sort may put what does not fit in memory.

    Returns:
        Progress as rows are written; at last the file.

    Raises:
        PlaygroundError: The format is unknown, the SQL has a fault, or the disk is full.
    """
    if format not in get_args(Format):
        raise PlaygroundError(f"'{format}' is no format. Formats are {', '.join(get_args(Format))}.")
    target = folder / f"{dataset.name}.{format}"
    part = folder / f".{target.name}.part"
    try:
        rows = 0
        for rows in _write(dataset, format, sql, part, spill):
            yield Progress("Writing rows", rows, 0 if sql else dataset.rows)
        part.replace(target)
    except OSError as error:
        raise PlaygroundError(
            f"'{target.name}' could not be written: {error.strerror or error}. Free some disk."
        ) from error
    finally:
        part.unlink(missing_ok=True)
    yield Saved(target, rows)


def _write(dataset: Dataset, format: str, sql: str, part: Path, spill: Path | None) -> Iterator[int]:
    """Write the file; yields how many rows it has so far."""
    if format == "parquet" and not sql:
        _copy(dataset.path, part)
        yield dataset.rows
        return
    rows = 0
    with _source(dataset, sql, spill) as (schema, batches), _WRITERS[format](part, schema) as write:
        for batch in batches:
            write(batch)
            rows += batch.num_rows
            yield rows


def _copy(source: Path, target: Path) -> None:
    """The dataset's own file: it never changes, so a second name for it is enough on the same disk."""
    try:
        os.link(source, target)
    except OSError:
        shutil.copyfile(source, target)


@contextmanager
def _source(
    dataset: Dataset, sql: str, spill: Path | None
) -> "Iterator[tuple[pyarrow.Schema, Iterable[pyarrow.RecordBatch]]]":
    import pyarrow.parquet as pq

    if sql:
        with queries.stream(dataset, sql, SECONDS, spill=spill) as found:
            yield found
    else:
        yield pq.read_schema(dataset.path), dataset.batches()


def _lines(batch: "pyarrow.RecordBatch") -> Iterator[str]:
    """Each row as a JSON object. Columns are written first and then put together, which is faster than row by row."""
    keys = [_ENCODE(name).replace("%", "%%") for name in batch.schema.names]
    form = "{" + ", ".join(f"{key}: %s" for key in keys) + "}"
    return (form % row for row in zip(*map(_json_cells, batch.columns), strict=True))


def _json_cells(column: "pyarrow.Array") -> list[str]:
    import pyarrow as pa

    values = cells.values(column)
    if pa.types.is_string(column.type):
        return ["null" if value is None else encode_basestring(value) for value in values]
    if pa.types.is_integer(column.type):
        return ["null" if value is None else str(value) for value in values]
    return [_ENCODE(cells.stored(value)) for value in values]


def _csv_cells(column: "pyarrow.Array") -> list[Any]:
    import pyarrow as pa

    values = cells.values(column)
    if pa.types.is_string(column.type) or pa.types.is_integer(column.type):
        return values
    plain = (cells.stored(value) for value in values)
    return [_ENCODE(value) if isinstance(value, (bool, list, dict)) else value for value in plain]


@contextmanager
def _jsonl(part: Path, schema: "pyarrow.Schema") -> "Iterator[Callable[[pyarrow.RecordBatch], None]]":
    with part.open("w", encoding="utf-8", newline="") as file:
        yield lambda batch: file.writelines(f"{line}\n" for line in _lines(batch))


@contextmanager
def _json(part: Path, schema: "pyarrow.Schema") -> "Iterator[Callable[[pyarrow.RecordBatch], None]]":
    with part.open("w", encoding="utf-8", newline="") as file:
        file.write("[")

        def write(batch: "pyarrow.RecordBatch") -> None:
            for line in _lines(batch):
                file.write(f"{',' if file.tell() > 1 else ''}\n{line}")

        yield write
        file.write("\n]\n")


@contextmanager
def _csv(part: Path, schema: "pyarrow.Schema") -> "Iterator[Callable[[pyarrow.RecordBatch], None]]":
    with part.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)  # RFC 4180: quotes where needed, CRLF
        writer.writerow(schema.names)
        yield lambda batch: writer.writerows(zip(*map(_csv_cells, batch.columns), strict=True))


@contextmanager
def _parquet(part: Path, schema: "pyarrow.Schema") -> "Iterator[Callable[[pyarrow.RecordBatch], None]]":
    import pyarrow as pa
    import pyarrow.parquet as pq

    held: list[pa.RecordBatch] = []
    with pq.ParquetWriter(part, schema, compression="zstd") as writer:

        def flush() -> None:
            if held:
                writer.write_table(pa.Table.from_batches(held, schema))
                held.clear()

        def write(batch: "pyarrow.RecordBatch") -> None:
            full = sum(each.num_rows for each in held) + batch.num_rows > GROUP
            if full or sum(each.nbytes for each in held) > GROUP_BYTES:
                flush()
            held.append(batch)

        yield write
        flush()


_WRITERS = {"jsonl": _jsonl, "json": _json, "csv": _csv, "parquet": _parquet}
