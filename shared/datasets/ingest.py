"""From a file, or from Arrow batches, to a dataset of the store.

The rules, whatever the format: rows are numbered from 0 in source order; a row that cannot be read is refused, counted and
listed with its place in the source; a file that cannot be read to its end leaves nothing behind; the same file gives the
same bytes, and so the same ref.
"""

import json
import shutil
import time
from collections.abc import Generator, Iterable, Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

from shared.datasets.columns import Columns
from shared.datasets.csv_rows import read_csv
from shared.datasets.dataset import DATA, FACTS, KIND, Dataset, Refusal, of_artifact
from shared.datasets.files import LIMITS, BrokenFile, Limits, Source
from shared.datasets.formats import Format, recognise
from shared.datasets.json_rows import read_document, read_lines
from shared.datasets.parquet_rows import ParquetSource
from shared.datasets.parts import write_parts
from shared.datasets.rows import Reader, Rows, Tally
from shared.datasets.text_rows import read_text
from shared.datasets.writer import Writer, check_disk
from shared.errors import PlaygroundError
from shared.progress import Progress
from shared.shapes import shape
from shared.store import Store

if TYPE_CHECKING:
    import pyarrow

READERS: dict[Format, Reader] = {
    "json lines": read_lines,
    "json document": read_document,
    "csv": read_csv,
    "text": read_text,
}
SAMPLE_ROWS = 200
SAMPLE_CELLS = 200_000
SAMPLE_BYTES = 8 << 20


def ingest(
    store: Store, path: Path, name: str, *, licence: str = "", source: str = "", limits: Limits = LIMITS
) -> Iterator[Progress | Dataset]:
    """Read a file into the store: JSON Lines, JSON, CSV, TSV, Parquet or plain text, also packed with gzip or zstd.

    Args:
        store: Where it goes.
        path: The file. It is not changed, and not needed afterwards.
        name: What to call the dataset.
        licence: Under which licence it may be used; "" when not known.
        source: Where it came from.
        limits: What the file may cost.

    Yields:
        How far it is; the last item is the dataset.

    Raises:
        PlaygroundError: The file as a whole cannot be read: what it is, where it breaks, what to do. The store is then
            as it was.
    """
    tally = Tally(limits.listed)
    try:
        file = Source(path, limits)
        kind = recognise(file)
        with store.writing(KIND, name) as folder:
            if kind == "parquet":
                yield from _keep_parquet(file, folder, tally)
            else:
                yield from _convert(file, READERS[kind], folder / DATA, tally)
            yield Progress("Saving", file.size, file.size, 0.0)
            dataset = _keep(store, folder, tally, name=name, licence=licence, source=source)
    except BrokenFile as error:
        before = f" {tally.accepted:,} rows could be read before that." if tally.accepted else ""
        raise PlaygroundError(f"{error}{before}") from error
    yield dataset


def write_batches(
    store: Store,
    name: str,
    batches: Iterable["pyarrow.RecordBatch"],
    *,
    licence: str = "",
    source: str = "",
    notes: Sequence[str] = (),
    refused: Sequence[Refusal] = (),
    refused_rows: int = 0,
    limits: Limits = LIMITS,
) -> Dataset:
    """Write Arrow batches into the store as one dataset, in the order given.

    Args:
        store: Where it goes.
        name: What to call the dataset.
        batches: Rows, in batches of any size; where their schemas differ, columns get a type that holds all values.
        licence: Under which licence it may be used; "" when not known.
        source: Where it came from.
        notes: What a person should know about it.
        refused: Rows of the source that could not be read.
        refused_rows: How many those were in all, when not all are listed.
        limits: How many rows and columns at once.

    Returns:
        The dataset. The same rows and facts give the same ref.

    Raises:
        PlaygroundError: There is no batch, there are too many columns, or the disk is full.
    """
    tally = Tally(limits.listed, notes=list(notes), refused=list(refused)[: limits.listed])
    tally.refused_rows = max(refused_rows, len(refused))
    with store.writing(KIND, name) as folder:
        write_parts(batches, folder / DATA, limits, tally)
        return _keep(store, folder, tally, name=name, licence=licence, source=source)


def _convert(file: Source, read: Reader, target: Path, tally: Tally) -> Iterator[Progress]:
    """Write the rows as Parquet; read the file twice when a later batch needs other types than the first."""
    columns = Columns(file.limits)
    fits = yield from _read(file, read, columns, target, tally)
    if not fits:
        target.unlink()
        tally.clear()
        columns.freeze()
        yield from _read(file, read, columns, target, tally, "Reading again, with the types that hold all rows")
    if not tally.accepted and tally.refused_rows:
        first = tally.refused[0]
        raise PlaygroundError(
            f"No row of '{file.path.name}' could be read; {tally.refused_rows:,} were refused. The first, line or record "
            f"{first.row:,}, {first.reason}."
        )
    if not columns.names:
        raise PlaygroundError(f"'{file.path.name}' holds no rows. Export or download it again.")
    columns.tell(tally)


def _read(
    file: Source, read: Reader, columns: Columns, target: Path, tally: Tally, stage: str = "Reading, in bytes"
) -> Generator[Progress, None, bool]:
    """Write the rows as long as they fit the frozen schema; returns whether all did."""
    started = time.monotonic()
    first: list[Rows] = []  # the first batch, in parts: all of it decides the schema
    fits, writer = True, None
    with ExitStack() as stack:
        for rows in read(file, tally):
            if rows.columns:
                fits = columns.learn(rows) and fits
                if writer is None:
                    first.append(rows)
                elif fits:
                    writer.write(columns.batch(rows))
            if first and (len(first) == file.limits.parts or tally.accepted >= file.limits.batch_rows):
                writer, first, fits = _begin(first, columns, target, file, stack), [], True
            yield _progress(stage, file, started)
        if first:
            _begin(first, columns, target, file, stack)
            fits = True
    return fits


def _begin(first: list[Rows], columns: Columns, target: Path, file: Source, stack: ExitStack) -> Writer:
    """A writer with the schema of the first rows, which are written."""
    columns.freeze()
    writer = stack.enter_context(Writer(target, columns.schema, file.limits))
    for rows in first:
        writer.write(columns.batch(rows))
    return writer


def _progress(stage: str, file: Source, started: float) -> Progress:
    left = (time.monotonic() - started) * (file.size - file.done) / max(1, file.done)
    return Progress(stage, file.done, file.size, left)


def _keep_parquet(file: Source, folder: Path, tally: Tally) -> Iterator[Progress]:
    """Read a Parquet file through; keep it as it is when its row groups are small enough, else write it anew."""
    path = file.path
    if file.packing:
        path = folder / "unpacked.parquet"
        yield from _unpack(file, path)
    parquet = ParquetSource(path, file.limits, file.path.name)
    check_disk(folder, path.stat().st_size, file.limits)
    with ExitStack() as stack:
        writer = None if parquet.sane else stack.enter_context(Writer(folder / DATA, parquet.schema, file.limits))
        for batch in parquet.batches(tally):
            if writer is not None:
                writer.write(batch)
            yield Progress("Reading rows", tally.accepted + tally.refused_rows, parquet.rows)
    if writer is None and (tally.refused_rows or not parquet.sane):
        tally.clear()
        with Writer(folder / DATA, parquet.schema, file.limits) as good:
            for batch in parquet.batches(tally):
                good.write(batch)
    elif writer is None:
        shutil.copyfile(path, folder / DATA)  # a link would change with the file it was made from
    if file.packing:
        path.unlink()


def _unpack(file: Source, target: Path) -> Iterator[Progress]:
    with target.open("wb") as handle:
        for chunk in file.unpacked():
            check_disk(target.parent, len(chunk), file.limits)
            handle.write(chunk)
            yield Progress("Unpacking", file.done, file.size)


def _keep(store: Store, folder: Path, tally: Tally, *, name: str, licence: str, source: str) -> Dataset:
    """Write down what is known about the rows in the folder, and put it into the store."""
    import pyarrow.parquet as pq

    with pq.ParquetFile(folder / DATA) as file:
        schema, rows = file.schema_arrow, file.metadata.num_rows
        found = shape(schema.names, _sample(file) if rows else [])
    dataset = Dataset(
        ref="",
        name=name,
        rows=rows,
        columns=schema.names,
        types={field.name: str(field.type) for field in schema},
        shape=found,
        licence=licence,
        source=source,
        refused=tally.refused,
        refused_rows=tally.refused_rows,
        notes=tally.notes,
    )
    text = json.dumps(dataset.facts(), ensure_ascii=False, indent=1)
    (folder / FACTS).write_text(text, encoding="utf-8")
    return of_artifact(store.put(KIND, name, folder))


def _sample(file: Any) -> list[dict[str, Any]]:
    """The first rows, as many as are quick to look at."""
    width = max(1, len(file.schema_arrow))
    batch = next(file.iter_batches(max(1, min(SAMPLE_ROWS, SAMPLE_CELLS // width)), row_groups=[0]))
    count = max(1, batch.num_rows * SAMPLE_BYTES // max(SAMPLE_BYTES, batch.nbytes))
    rows: list[dict[str, Any]] = batch.slice(0, count).to_pylist()
    return rows
