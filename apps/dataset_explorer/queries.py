"""Questions in SQL, asked in a process of their own.

DuckDB's own limits are not enough: `SELECT repeat('x', 3000000000)` takes gigabytes whatever `memory_limit` says, and
`levenshtein` of two long texts does not stop when it is interrupted. So `sandbox` runs as a process whose memory the
operating system limits, that is killed when its time is up, and whose environment holds no keys.
"""

import json
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from apps.dataset_explorer import duck
from apps.dataset_explorer.sandbox import GRACE
from shared.calls import last
from shared.datasets.dataset import Dataset
from shared.env import ROOT
from shared.errors import PlaygroundError
from shared.progress import Progress

if TYPE_CHECKING:
    import pyarrow

START = 30.0  # seconds that a busy machine may need to start the process
STEP = 0.2  # seconds between two looks: whoever stops waiting ends the process as soon
AT_ONCE = 8  # such processes, each of which may take a gigabyte
QUEUED = 60.0  # seconds to wait for one of them to end
ENVIRONMENT = {"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8", "PYTHONDONTWRITEBYTECODE": "1"}


@dataclass(frozen=True)
class Answer:
    """What a query returned.

    Attributes:
        columns: Names of the result's columns; two may be the same.
        types: Their types, as DuckDB names them.
        rows: The cells of each row, as JSON has them (`cells.shown`).
        truncated: Whether there was more than was asked for, or than fits in an answer (16 MiB).
        seconds: How long DuckDB took, without the start of the process.
    """

    columns: list[str]
    types: list[str]
    rows: list[list[Any]]
    truncated: bool
    seconds: float


def query(dataset: Dataset, sql: str, limit: int = 1000, seconds: float = 30.0, *, spill: Path | None = None) -> Answer:
    """The answer to one SELECT over the table `data`; as `query_steps`, without its progress."""
    answer: Answer = last(query_steps(dataset, sql, limit, seconds, spill=spill))
    return answer


def query_steps(
    dataset: Dataset, sql: str, limit: int = 1000, seconds: float = 30.0, *, spill: Path | None = None
) -> Iterator[Progress | Answer]:
    """The answer to one SELECT over the table `data`, whose first column is the row number.

    Args:
        dataset: The dataset.
        sql: The question, in DuckDB's SQL. The row number is called `row`, or `_row` where the data has a `row`.
        limit: Rows of the answer, at most.
        seconds: Time that DuckDB may take.
        spill: Where a sort may put up to 2 GiB that do not fit in memory; the system's folder for temporary files.

    Yields:
        Progress five times a second while DuckDB works; at last the answer. Closed before that, its process is ended.

    Raises:
        PlaygroundError: It is not one SELECT, names something else than `data`, has a fault, or takes too much time
            (more than `seconds`) or memory (more than 512 MiB).
    """
    with _sandbox(dataset, sql, limit, seconds, spill, stream=False) as process:
        try:
            out, problem = yield from _wait(process, seconds)
        finally:
            process.kill()
    _raise_from(process, seconds, problem)
    yield Answer(**json.loads(out))


def _wait(process: "subprocess.Popen[bytes]", seconds: float) -> Generator[Progress, None, tuple[bytes, bytes]]:
    """What the process says until it ends."""
    end = time.monotonic() + seconds + GRACE + START
    while True:
        try:
            return process.communicate(timeout=STEP)
        except subprocess.TimeoutExpired:
            if time.monotonic() > end:
                raise duck.too_long(seconds) from None
            yield Progress("Asking in SQL")


@contextmanager
def stream(
    dataset: Dataset, sql: str, seconds: float, *, spill: Path | None = None
) -> "Iterator[tuple[pyarrow.Schema, Iterator[pyarrow.RecordBatch]]]":
    """All rows of the answer to one SELECT, a batch at a time, in its order.

    Args:
        dataset: The dataset.
        sql: The question, as for `query`.
        seconds: Time that the process may take, with what is done with the batches meanwhile.
        spill: As for `query`.

    Yields:
        The schema, and the batches.

    Raises:
        PlaygroundError: As for `query`; here, or while the batches are read.
    """
    import pyarrow as pa

    with _sandbox(dataset, sql, 0, seconds, spill, stream=True) as process:
        assert process.stdout is not None
        try:
            try:
                reader = pa.ipc.open_stream(process.stdout)
            except (pa.ArrowInvalid, OSError):  # nothing came: its last words tell why
                _raise_from(process, seconds)
                raise
            yield reader.schema, _batches(reader, process, seconds)
        finally:
            process.kill()


def _batches(
    reader: "Iterator[pyarrow.RecordBatch]", process: "subprocess.Popen[bytes]", seconds: float
) -> "Iterator[pyarrow.RecordBatch]":
    import pyarrow as pa

    try:
        yield from reader
    except (pa.ArrowInvalid, OSError):  # it ended early
        _raise_from(process, seconds)
        raise
    _raise_from(process, seconds)


@contextmanager
def _sandbox(
    dataset: Dataset, sql: str, limit: int, seconds: float, spill: Path | None, stream: bool
) -> "Iterator[subprocess.Popen[bytes]]":
    place = (spill or Path(tempfile.gettempdir())) / f"query-{uuid4().hex}"
    task = {
        "path": str(dataset.path), "columns": dataset.columns, "sql": sql, "limit": limit, "seconds": seconds,
        "spill": str(place), "stream": stream,
    }  # fmt: skip
    program = [sys.executable, "-m", "apps.dataset_explorer.sandbox"]
    pipe = subprocess.PIPE
    if not _seats().acquire(timeout=QUEUED):
        raise PlaygroundError("Too many questions in SQL are being answered. Try again in a minute.")
    try:
        process = subprocess.Popen(program, cwd=ROOT, env=ENVIRONMENT, stdin=pipe, stdout=pipe, stderr=pipe)
        with process:
            assert process.stdin is not None
            process.stdin.write(json.dumps(task).encode())
            process.stdin.close()
            process.stdin = None  # `communicate` would write to it
            yield process
    finally:
        _seats().release()
        shutil.rmtree(place, ignore_errors=True)


@cache
def _seats() -> threading.BoundedSemaphore:
    return threading.BoundedSemaphore(AT_ONCE)


def _raise_from(process: "subprocess.Popen[bytes]", seconds: float, problem: bytes = b"") -> None:
    """Turn an end other than a good one into a sentence."""
    if process.stderr is not None and not process.stderr.closed:
        problem = process.stderr.read()
    code = process.wait()
    if code == 0:
        return
    last = problem.strip().split(b"\n")[-1]
    if code == 1 and last.startswith(b'{"error"'):
        raise PlaygroundError(json.loads(last)["error"])
    if code == -signal.SIGALRM:
        raise duck.too_long(seconds)
    # DuckDB, or the C library below it, gives up in one way or another when it gets no more memory
    if code < 0 or b"cannot allocate memory" in problem:
        raise duck.out_of_memory()
    raise RuntimeError(f"The query's process ended with {code}: {problem.decode(errors='replace')[-2000:]}")
