"""The portrait of a whole dataset: batch by batch in this process, or by several when there is enough to do.

The workers are started afresh ("spawn"): a server has threads, and a fork of it may stand still for ever. What depends on the
order of the rows is measured here, over all of them, so that the figures are the same however many processes there are.
"""

import time
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import replace
from multiprocessing import get_context
from typing import TYPE_CHECKING

from apps.dataset_explorer.diversity import Meter
from apps.dataset_explorer.portrait import Portrait, Questions, batch_texts
from shared.datasets.dataset import Dataset
from shared.errors import PlaygroundError
from shared.hardware import machine
from shared.progress import Progress

if TYPE_CHECKING:
    import pyarrow as pa

ROWS = 4096  # rows of a portion: about a tenth of a second
BYTES = 2 << 20
WORKERS = 4  # each takes some 150 MB
WORTH = 12 << 20  # bytes of rows below which starting workers takes longer than they save


def survey(dataset: Dataset, asked: Questions, workers: int = 0) -> Iterator[Progress | Portrait]:
    """Look at every row of a dataset.

    Args:
        dataset: The dataset.
        asked: What to find out.
        workers: How many processes look, this one among them; 0 chooses by the size of the dataset and the cores there are.

    Returns:
        Progress after every portion; at last the portrait. The workers end when the generator is closed.

    Raises:
        PlaygroundError: The column or the tokenizer is unknown, or a worker was killed.
    """
    workers = workers or choose_workers(dataset)
    meter = Meter() if asked.varied else None
    parts: list[Portrait] = [Portrait()]
    begun = time.monotonic()
    drawn = _draw_here(dataset, asked, meter) if workers == 1 else _draw_there(dataset, asked, meter, workers)
    done = 0
    for part in drawn:
        done += part.rows
        _join(parts, part)
        left = (time.monotonic() - begun) / max(1, done) * (dataset.rows - done)
        yield Progress("Looking at rows", done, dataset.rows, max(0.0, left))
    whole = Portrait()
    for part in parts:
        whole += part
    yield replace(whole, diversity=meter.partial()) if meter else whole


def choose_workers(dataset: Dataset) -> int:
    """How many processes are worth it: 1 is this one alone.

    Args:
        dataset: The dataset.
    """
    import pyarrow.parquet as pq

    facts = pq.read_metadata(dataset.path)
    size = sum(facts.row_group(group).total_byte_size for group in range(facts.num_row_groups))
    if size < WORTH:
        return 1
    return min(WORKERS, machine(dataset.path.parent).cores)


def portions(dataset: Dataset) -> Iterator[tuple[int, "pa.RecordBatch"]]:
    """All rows in order, in batches of at most 4,096 rows and about 2 MiB, with the number of the first row.

    Args:
        dataset: The dataset.
    """
    first = 0
    for batch in dataset.batches():
        step = max(1, min(ROWS, int(BYTES / max(1.0, batch.nbytes / max(1, batch.num_rows)))))
        for start in range(0, batch.num_rows, step):
            yield first + start, batch.slice(start, step)
        first += batch.num_rows


def _draw_here(dataset: Dataset, asked: Questions, meter: Meter | None) -> Iterator[Portrait]:
    for first, batch in portions(dataset):
        _measure(meter, batch, asked)
        yield Portrait.of(batch, replace(asked, varied=False), first)


def _draw_there(dataset: Dataset, asked: Questions, meter: Meter | None, workers: int) -> Iterator[Portrait]:
    """Portraits in the order of the rows. What the workers have no time for is drawn here."""
    waiting: deque[Future[Portrait] | Portrait] = deque()
    alone = replace(asked, varied=False)
    with _pool(workers - 1) as pool:
        for first, batch in portions(dataset):
            _measure(meter, batch, asked)
            busy = sum(isinstance(each, Future) and not each.done() for each in waiting)
            there = busy < 2 * (workers - 1)
            waiting.append(pool.submit(draw, _pack(batch), alone, first) if there else Portrait.of(batch, alone, first))
            while waiting and _ready(waiting[0]):
                yield _taken(waiting.popleft())
        while waiting:
            yield _taken(waiting.popleft())


def _ready(part: "Future[Portrait] | Portrait") -> bool:
    return isinstance(part, Portrait) or part.done()


def _taken(part: "Future[Portrait] | Portrait") -> Portrait:
    return part if isinstance(part, Portrait) else part.result()


@contextmanager
def _pool(workers: int) -> Iterator[ProcessPoolExecutor]:
    """Processes that are gone when the block ends, however it ends."""
    pool = ProcessPoolExecutor(workers, get_context("spawn"))
    try:
        yield pool
    except BrokenProcessPool as error:
        raise PlaygroundError(
            "A process that looked at rows was ended from outside, most likely because memory ran out. "
            "Close other programs, or look at one column instead of whole rows."
        ) from error
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def draw(packed: bytes, asked: Questions, first: int) -> Portrait:
    """What a worker does.

    Args:
        packed: A batch as an Arrow stream.
        asked: What to find out.
        first: Number of the batch's first row.
    """
    import pyarrow as pa

    with pa.ipc.open_stream(packed) as stream:
        return Portrait.of(stream.read_next_batch(), asked, first)


def _pack(batch: "pa.RecordBatch") -> bytes:
    """A slice pickles with all of the batch that it was cut from; an Arrow stream holds the slice alone."""
    import pyarrow as pa

    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, batch.schema) as stream:
        stream.write_batch(batch)
    packed: bytes = sink.getvalue().to_pybytes()
    return packed


def _measure(meter: Meter | None, batch: "pa.RecordBatch", asked: Questions) -> None:
    if meter:
        meter.add(batch_texts(batch, asked.column))


def _join(parts: list[Portrait], part: Portrait) -> None:
    """Add neighbours of about one size, so that no row's key is copied more than a few times."""
    while parts and parts[-1].rows <= part.rows:
        part = parts.pop() + part
    parts.append(part)
