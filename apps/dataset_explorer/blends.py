"""Writing a mix: the rows of all parts in their order, in bounded memory however many there are.

Rows in random order are first dealt into files by where they will stand, each small enough to be held; then file after file is
put in order and written.
"""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from apps.dataset_explorer.servings import Serving
from apps.dataset_explorer.shares import Rows, permutation
from shared.datasets.files import LIMITS
from shared.datasets.writer import Writer, check_disk
from shared.progress import Progress

if TYPE_CHECKING:
    import pyarrow

HELD = 64 << 20  # bytes of rows that are held and put in order at once, roughly
FILES = 256  # files that rows are dealt into, at most


def blend(
    servings: Sequence[Serving], schema: "pyarrow.Schema", target: Path, seed: int, shuffle: bool, held: int = HELD
) -> Iterator[Progress]:
    """Write the rows of a mix to a Parquet file.

    Args:
        servings: What each part gives.
        schema: Columns of the mix.
        target: The file to write.
        seed: Decides the order.
        shuffle: Whether rows are put into a random order; else parts follow each other.
        held: Bytes of rows to hold at once, roughly.
    """
    order = arrangement(servings, seed, shuffle)
    places = np.empty_like(order)
    places[order] = np.arange(len(order))
    with Writer(target, schema, LIMITS) as writer:
        if shuffle:
            yield from _deal(servings, schema, writer, places, target.with_name("dealt"), held)
            return
        for done, batch in _read(servings, schema):
            writer.write(batch)
            yield Progress("Writing rows", done + batch.num_rows, len(order))


def arrangement(servings: Sequence[Serving], seed: int, shuffle: bool) -> Rows:
    """For each row of the mix its number among the rows of all servings, one after the other. Shape (rows,).

    Args:
        servings: What each part gives.
        seed: Decides the order.
        shuffle: Whether rows are put into a random order.
    """
    total = sum(len(each.rows) for each in servings)
    return permutation(total, seed, len(servings)) if shuffle else np.arange(total)


def write_origins(servings: Sequence[Serving], order: Rows, target: Path) -> None:
    """Write which row of which part each row of the mix is, as `part` and `row`.

    Args:
        servings: What each part gives.
        order: What `arrangement` returned.
        target: The Parquet file to write.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    parts = np.repeat(np.arange(len(servings), dtype=np.int32), [len(each.rows) for each in servings])
    rows = np.concatenate([each.rows for each in servings])
    pq.write_table(pa.table({"part": parts[order], "row": rows[order]}), target, compression="zstd")


def _read(servings: Sequence[Serving], schema: "pyarrow.Schema") -> "Iterator[tuple[int, pyarrow.RecordBatch]]":
    """Every batch, part by part, with how many rows come before it."""
    done = 0
    for serving in servings:
        for batch in serving.batches(schema):
            yield done, batch
            done += batch.num_rows


def _size(serving: Serving) -> int:
    """Bytes of a part's rows in the mix, unpacked: an estimate."""
    import pyarrow.parquet as pq

    meta = pq.read_metadata(serving.dataset.path)
    whole = sum(meta.row_group(group).total_byte_size for group in range(meta.num_row_groups))
    return int(whole * len(serving.rows) // max(1, serving.dataset.rows))


def _deal(
    servings: Sequence[Serving], schema: "pyarrow.Schema", writer: Writer, places: Rows, folder: Path, held: int
) -> Iterator[Progress]:
    """Deal the rows into files by their place, then write file after file."""
    import pyarrow as pa

    size, total = sum(map(_size, servings)), len(places)
    check_disk(folder.parent, size, LIMITS)
    files = min(FILES, 1 + size // held)
    folder.mkdir()
    paths = [folder / str(number) for number in range(files)]
    wide = schema.append(pa.field("place", pa.int64()))  # found by position: a column of the mix may be called so
    with ExitStack() as stack:
        options = pa.ipc.IpcWriteOptions(compression="lz4")
        hands = [stack.enter_context(pa.ipc.new_stream(path, wide, options=options)) for path in paths]
        for done, batch in _read(servings, schema):
            here = places[done : done + batch.num_rows]
            batch = pa.RecordBatch.from_arrays([*batch.columns, pa.array(here)], schema=wide)
            hand = here * files // total
            for number in np.unique(hand).tolist():
                hands[number].write_batch(batch.take(pa.array(np.flatnonzero(hand == number))))
            yield Progress("Reading rows", done + batch.num_rows, total)
    for number, path in enumerate(paths):
        writer.write(_ordered(path, schema))
        path.unlink()
        yield Progress("Writing rows", total * (number + 1) // files, total)
    folder.rmdir()


def _ordered(path: Path, schema: "pyarrow.Schema") -> "pyarrow.RecordBatch":
    """The rows of one file by their place."""
    import pyarrow as pa

    with pa.memory_map(str(path)) as source:
        batches = list(pa.ipc.open_stream(source))
    order = np.argsort(np.concatenate([batch.columns[-1].to_numpy() for batch in batches]), kind="stable")
    columns = [pa.concat_arrays([batch.columns[at] for batch in batches]) for at in range(len(schema))]
    return pa.RecordBatch.from_arrays(columns, schema=schema).take(pa.array(order))
