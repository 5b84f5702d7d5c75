"""Group commit: one thread writes, and everything that waits becomes durable with one commit.

A commit costs one fsync however many rows it holds, so rows that arrive while the disk is busy share the next one.
Nobody is told "written" before the commit that holds their row has come back.
"""

import fcntl
import os
import queue
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Generic, TypeVar, cast

from shared.errors import PlaygroundError
from shared.folders import sync_folder

T = TypeVar("T")
Work = Callable[[sqlite3.Connection], T]
Many = Callable[[sqlite3.Connection, list[Any]], list[Any] | None]

# A larger log is copied back less often, and a page that changed many times in between is copied once.
_PRAGMAS = ("journal_mode=WAL", "synchronous=FULL", "wal_autocheckpoint=4000", "cache_size=-16000")
_LINGER = 0.002  # seconds; the most that a commit waits for the callers it has just set free
# What a piece of work may raise without harm to the others. Anything else ends the thread, and the store with it.
_EXPECTED = (
    PlaygroundError, sqlite3.Error, OSError, ValueError, TypeError, LookupError, ArithmeticError, RuntimeError,
    AttributeError, AssertionError,
)  # fmt: skip


def connect(path: Path, read_only: bool = False) -> sqlite3.Connection:
    """A connection to the rows, with the settings that durability needs; usable from any one thread at a time."""
    mode = "rw" if read_only else "rwc"
    uri = f"{path.absolute().as_uri()}?mode={mode}"
    connection = sqlite3.connect(uri, uri=True, isolation_level=None, check_same_thread=False, timeout=30)
    try:
        for pragma in ("query_only=ON",) if read_only else _PRAGMAS:
            connection.execute(f"PRAGMA {pragma}")
    except sqlite3.Error:
        connection.close()
        raise
    return connection


@contextmanager
def storing(place: Path) -> Iterator[None]:
    """Turn what a disk says (full, read-only, broken) into a sentence for a person."""
    try:
        yield
    except (OSError, sqlite3.Error) as error:
        raise PlaygroundError(
            f"The workspace {place} could not be read or written: {error}. What was saved before is safe. "
            f"Check that the disk has space and that the folder may be written, then try again."
        ) from error


class Pending(Generic[T]):
    """One piece of work and, once the disk has it, what came of it."""

    __slots__ = ("_done", "error", "item", "value", "work")

    def __init__(self, work: Work[T], item: Any = None) -> None:
        self.work = work
        self.item = item
        self.value: T | None = None
        self.error: BaseException | None = None
        self._done = threading.Lock()  # held until the outcome is known: the cheapest thing a thread can wait for
        self._done.acquire()

    def settle(self) -> None:
        """Let those who wait go on; called once, by the thread that writes."""
        self._done.release()

    def result(self) -> T:
        """Wait until the work is durable.

        Raises:
            PlaygroundError: It was not written, and why.
        """
        with self._done:
            if self.error is not None:
                raise self.error
            return cast(T, self.value)


class Writer:
    """The one thread that writes to one SQLite file, and the lock that keeps other processes from writing too.

    Args:
        path: The SQLite file; `writer.lock` lies beside it.
        schema: SQL that makes the tables when they are not there.
        many: Does all jobs of a commit that carry an item in one go: takes their items, returns their values, or None
            when they must be done one by one.
        limit: The most jobs in one commit.

    Raises:
        PlaygroundError: Another process writes here, or the folder cannot be written.
    """

    def __init__(self, path: Path, schema: str, many: Many, limit: int = 1024) -> None:
        self._path = path
        self._many = many
        self._limit = max(1, limit)
        self._lock = _lock(path.with_name("writer.lock"), path.parent)
        try:
            with storing(path.parent):
                self._connection: sqlite3.Connection | None = connect(path)
                self._connection.executescript(f"BEGIN IMMEDIATE; {schema}; COMMIT")
        except PlaygroundError:
            os.close(self._lock)
            raise
        self._gate = threading.Lock()
        self._closed = False
        self._queue: queue.SimpleQueue[Pending[Any] | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="rows", daemon=True)
        self._thread.start()

    def submit(self, work: Work[T], item: Any = None) -> Pending[T]:
        """Queue work for the next commit.

        Args:
            work: Called with the connection, inside a transaction; when it raises, it alone is undone.
            item: What `many` needs to do the same work together with others, which is cheaper.

        Raises:
            PlaygroundError: The workspace is closed.
        """
        pending = Pending(work, item)
        with self._gate:
            if self._closed:
                raise closed(self._path.parent)
            self._queue.put(pending)
        return pending

    def close(self) -> None:
        """Write what waits, then let go of the file; more work is refused from here on."""
        with self._gate:
            if not self._closed:
                self._closed = True
                self._queue.put(None)
        self._thread.join()

    def _run(self) -> None:
        jobs: list[Pending[Any]] = []
        last, seconds = 0, 0.0
        try:
            while jobs := self._take(last, seconds):
                started = time.perf_counter()
                self._commit(jobs)
                last, seconds = len(jobs), time.perf_counter() - started
                for job in jobs:
                    job.settle()
                jobs = []
        finally:
            self._stop(jobs)

    def _take(self, last: int, seconds: float) -> list[Pending[Any]]:
        """What goes into the next commit: all that waits; empty when it is time to stop.

        Callers that the last commit set free are likely to come back at once. Waiting a moment for them (half a commit
        at most) keeps all clients in one commit; without it they fall into two halves that wait for each other.
        """
        first = self._queue.get()
        if first is None:
            return []
        jobs = [first]
        hoped = min(last + self._queue.qsize(), self._limit) if last > 1 else 0
        deadline = time.perf_counter() + min(_LINGER, seconds / 2)
        while len(jobs) < self._limit:
            left = deadline - time.perf_counter() if len(jobs) < hoped else 0.0
            try:
                job = self._queue.get(timeout=left) if left > 0 else self._queue.get_nowait()
            except queue.Empty:
                break
            if job is None:
                self._queue.put(None)
                break
            jobs.append(job)
        return jobs

    def _commit(self, jobs: list[Pending[Any]]) -> None:
        """Do the work and make it durable; a job that fails is undone alone, a disk that fails is told to all."""
        try:
            with storing(self._path.parent):
                connection = self._connection = self._connection or connect(self._path)
                connection.execute("BEGIN IMMEDIATE")
                for job in self._together(connection, jobs):
                    _attempt(connection, job)
                connection.execute("COMMIT")
        except PlaygroundError as error:
            self._drop()
            for job in jobs:
                job.error = PlaygroundError(str(error))

    def _together(self, connection: sqlite3.Connection, jobs: list[Pending[Any]]) -> list[Pending[Any]]:
        """Do at once what can be done at once; returns the jobs that are left, which are all when one of them fails."""
        alike = [job for job in jobs if job.item is not None]
        if len(alike) < 2:
            return jobs
        connection.execute("SAVEPOINT together")
        try:
            values = self._many(connection, [job.item for job in alike])
        except _EXPECTED:
            if not connection.in_transaction:
                raise
            values = None
        if values is None:
            connection.execute("ROLLBACK TO together")
        connection.execute("RELEASE together")
        if values is None:
            return jobs
        for job, value in zip(alike, values, strict=True):
            job.value = value
        return [job for job in jobs if job.item is None]

    def _drop(self) -> None:
        """Forget a connection whose commit failed: the next one finds out afresh what is on the disk."""
        if self._connection is not None:
            self._connection.close()  # rolls back
            self._connection = None

    def _stop(self, jobs: list[Pending[Any]]) -> None:
        with self._gate:
            self._closed = True
        while not self._queue.empty():
            left = self._queue.get()
            jobs += [left] if left else []
        for job in jobs:
            job.error = closed(self._path.parent)
            job.settle()
        try:
            self._drop()
        finally:
            os.close(self._lock)


def closed(home: Path) -> PlaygroundError:
    """What to say to a caller who comes after the end."""
    return PlaygroundError(f"The workspace {home} is closed, and nothing was written. Start the playground again.")


def _attempt(connection: sqlite3.Connection, job: Pending[Any]) -> None:
    """Do one job; when it fails, undo it alone and keep the error for its caller."""
    connection.execute("SAVEPOINT job")
    try:
        job.value = job.work(connection)
    except _EXPECTED as error:
        if not connection.in_transaction:  # the disk failed and SQLite has undone the whole commit
            raise
        job.error = error
        connection.execute("ROLLBACK TO job")
    connection.execute("RELEASE job")


def _lock(path: Path, home: Path) -> int:
    """Hold the file that only one writing process may hold; the system lets go of it when the process ends, however.

    Raises:
        PlaygroundError: Another process writes here.
    """
    with storing(home):
        if not home.is_dir():
            home.mkdir(parents=True, exist_ok=True)
            sync_folder(home.parent)
        handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        holder = os.pread(handle, 32, 0).decode("ascii", "replace").strip() or "unknown"
        os.close(handle)
        raise PlaygroundError(
            f"Another process (number {holder}) writes to the workspace {home}, and only one may. "
            f"Stop it, or choose another folder with PLAYGROUND_HOME."
        ) from None
    with suppress(OSError):  # the number is for the message above; a full disk does not matter here
        os.ftruncate(handle, 0)
        os.pwrite(handle, f"{os.getpid()}\n".encode(), 0)
    return handle
