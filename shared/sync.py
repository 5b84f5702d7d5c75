"""Copies of the rows at a remote, so that a restart on an empty disk, or another replica, has them too.

Rows go out in shards that are written once and never changed; shards of others come in and are merged as sets. A remote
that is gone, slow or full costs nothing but time: rows wait here, safe, and go when it is back.
"""

import sqlite3
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from itertools import islice
from typing import BinaryIO
from uuid import uuid4

from shared.errors import PlaygroundError
from shared.remotes import Folder, parse_remote
from shared.rows import Row, merge, now, of_line, to_line
from shared.store import ARTIFACTS, Store

PRIVATE = ("private.",)
_LOOK = 1.0  # seconds between two looks at what waits
_SLOW = 10.0  # seconds after which a remote that says nothing is called slow
_LONGEST = 300.0  # seconds; the longest pause after failures
_ROWS, _BYTES = 5000, 8_000_000  # the most that one shard holds
_AT_ONCE = 500  # rows taken in with one commit, so that appends in between wait for milliseconds only
_TABLES = (
    "CREATE TABLE IF NOT EXISTS sync_remotes (id TEXT PRIMARY KEY, place TEXT NOT NULL, last TEXT NOT NULL DEFAULT '',"
    " upto INTEGER NOT NULL DEFAULT 0, sent INTEGER NOT NULL DEFAULT 0, received INTEGER NOT NULL DEFAULT 0)",
    "CREATE TABLE IF NOT EXISTS sync_shards (remote TEXT NOT NULL, name TEXT NOT NULL, size INTEGER NOT NULL,"
    " skipped INTEGER NOT NULL, PRIMARY KEY (remote, name)) WITHOUT ROWID",
)
_SAFE = "Rows are safe here and wait."
_NOBODY = "-"  # the id of a remote that was never reached; no row has it as its origin


@dataclass(frozen=True)
class SyncState:
    """How far the copies are, for a page.

    Attributes:
        remote: PLAYGROUND_REMOTE; "" when nothing is ever sent.
        synced: Rows that are at the remote: sent from here, or received from there.
        waiting: Rows that are safe here and not yet there.
        last_time: When rows last went out or came in, UTC; "" when they never did.
        last_error: What is wrong with the remote; "" when nothing is.
        next_try_seconds: Seconds until the next try after a failure, else 0.
        skipped: Damaged lines that were found at the remote and left out.
    """

    remote: str
    synced: int = 0
    waiting: int = 0
    last_time: str = ""
    last_error: str = ""
    next_try_seconds: float = 0.0
    skipped: int = 0


class Sync:
    """The copy of one store's rows at one remote.

    Args:
        store: The rows.
        remote: `folder:PATH`; "" sends nothing anywhere, and every method does nothing.
        private: Kinds that are never sent nor taken in; one that ends with a dot stands for all that begin with it.
            Rows about artifacts are left out too: their folders are on this disk alone.
        within: The most seconds that a row waits.
        rows: As many waiting rows go at once.

    Raises:
        PlaygroundError: The remote is none of the forms that there are.
    """

    def __init__(
        self, store: Store, remote: str, private: tuple[str, ...] = PRIVATE, within: float = 30.0, rows: int = 100
    ) -> None:
        self._store = store
        self._remote = remote.strip()
        self._folder = parse_remote(remote)
        self._private = (*private, ARTIFACTS)
        self._within, self._rows, self._look = within, rows, min(_LOOK, within / 10)
        self._name = uuid4().hex[:12]  # this process's own: no two ever write shards of the same name
        self._turn = threading.Lock()  # one at a time talks to the remote
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None
        self._id, self._upto, self._skipped = _NOBODY, 0, 0
        self._pulled = False
        self._begun = 0.0
        self._failures, self._next, self._error = 0, 0.0, ""
        if self._folder is not None and (last := self._known("ORDER BY last DESC LIMIT 1")):
            self._remember(last[0])

    def start(self) -> None:
        """Keep the remote up to date from now on, in a thread of its own."""
        if self._folder is None or self._thread is not None:
            return
        self._stopping.clear()
        self._thread = threading.Thread(target=self._run, name="sync", daemon=True)
        self._thread.start()

    def stop(self, timeout: float = 10.0) -> SyncState:
        """Send what waits, as far as the remote lets us within so many seconds, and stop; a second stop is harmless."""
        self._stopping.set()
        state = self.flush(timeout)
        if self._thread is not None:
            self._thread.join(0.1 if self._turn.locked() else timeout)  # a thread that hangs ends with the process
            self._thread = None
        return state

    def flush(self, timeout: float = 10.0) -> SyncState:
        """Send what waits now; returns when it is done or failed, or after so many seconds."""
        self._soon([self._send], timeout)
        return self.state()

    def pull(self, timeout: float = 20.0) -> int:
        """Take in what others wrote; a remote that needs longer than so many seconds is read on in the background.

        Returns:
            How many rows came in (so far).
        """
        return self._soon([self._pull], timeout)

    def state(self) -> SyncState:
        """How far the copies are."""
        if self._folder is None:
            return SyncState("")
        counts = self._known("AND id = ?", self._id)
        synced, last = (counts[2], counts[3]) if counts else (0, "")
        error, begun = self._error, self._begun
        if begun and time.monotonic() - begun > _SLOW:
            error = f"{self._remote} has not answered for {time.monotonic() - begun:.0f} s. {_SAFE}"
        pause = max(0.0, self._next - time.monotonic()) if self._failures else 0.0
        return SyncState(self._remote, synced, self._waiting(), last, error, round(pause, 1), self._skipped)

    # The thread

    def _run(self) -> None:
        since = 0.0
        while not self._stopping.wait(self._look):
            if self._failures and time.monotonic() < self._next:
                continue
            waiting = self._waiting(self._rows)
            since = (since or time.monotonic()) if waiting else 0.0
            old = waiting > 0 and time.monotonic() - since >= self._within - 2 * self._look
            if old or waiting >= self._rows or self._failures or not self._pulled or self._far_behind():
                self._try([self._send] if self._pulled else [self._send, self._pull], self._within)
                since = 0.0

    def _soon(self, steps: list[Callable[[], int]], seconds: float) -> int:
        """Do the steps in a thread and wait for it only so long: a mounted remote that hangs cannot be interrupted."""
        if self._folder is None:
            return 0
        moved: list[int] = []
        thread = threading.Thread(target=lambda: moved.append(self._try(steps, seconds)), name="sync once", daemon=True)
        thread.start()
        thread.join(seconds)
        return sum(moved)

    def _try(self, steps: list[Callable[[], int]], patience: float) -> int:
        """Talk to the remote; returns the rows that moved. What goes wrong is kept for `state` and tried again later."""
        if not self._turn.acquire(timeout=patience):
            return 0
        moved, trouble = 0, ""
        try:
            self._begun = time.monotonic()
            for step in steps:
                try:
                    moved += step()
                except (OSError, PlaygroundError) as error:
                    trouble = trouble or f"{self._remote}: {str(error).rstrip('.')}. {_SAFE}"
            self._failures = self._failures + 1 if trouble else 0
            self._next = time.monotonic() + min(_LONGEST, 2.0 ** min(self._failures, 10))
            self._error = trouble
        finally:
            self._begun = 0.0
            self._turn.release()
        return moved

    # Out

    def _send(self) -> int:
        folder, sent, newest = self._attach(), 0, self._newest()
        while lines := self._batch():
            content = b"".join(line for _, line in lines)
            name = f"rows/{now()[:10]}/{now()}-{self._name}-{uuid4().hex[:8]}.jsonl".replace(":", "")
            folder.write(name, content)
            last = lines[-1][0]
            self._store.write(partial(_mark_sent, self._id, last, len(lines), name, len(content)))
            self._upto = last
            sent += len(lines)
        self._upto = max(self._upto, newest)  # what is left up to there is private or came from the remote
        return sent

    def _batch(self) -> list[tuple[int, bytes]]:
        """The next rows that fit into one shard: number and line of each."""
        where, values = self._unsent()
        total, last = 0, 0
        for seq, size in self._store.read(f"SELECT seq, length(body) FROM rows {where} LIMIT {_ROWS}", values):
            if last and total + size > _BYTES:
                break
            total, last = total + size, seq
        where, values = self._unsent(last)
        found = self._store.read(f"SELECT seq, id, kind, key, time, body FROM rows {where}", values)
        return [(seq, to_line(*rest)) for seq, *rest in found]

    def _unsent(self, last: int | None = None) -> tuple[str, list[object]]:
        """Which rows are to be sent: new ones that did not come from this remote and are not private."""
        kinds = "".join(
            f" AND substr(kind, 1, {len(each)}) != ?" if each.endswith(".") else " AND kind != ?"
            for each in self._private
        )
        upper = "" if last is None else f" AND seq <= {last}"
        return f"WHERE seq > ?{upper} AND origin != ?{kinds} ORDER BY seq", [self._upto, self._id, *self._private]

    def _waiting(self, most: int = -1) -> int:
        where, values = self._unsent()
        found = self._store.read(f"SELECT count(*) FROM (SELECT 1 FROM rows {where} LIMIT {most})", values)
        return int(found[0][0]) if found else 0

    def _newest(self) -> int:
        found = self._store.read("SELECT max(seq) FROM rows")
        return int(found[0][0] or 0) if found else 0

    def _far_behind(self) -> bool:
        """Whether many private rows lie between what was sent and now, which every look would pass over again."""
        return self._newest() - self._upto > _ROWS

    # In

    def _pull(self) -> int:
        folder, added = self._attach(), 0
        seen = dict(self._store.read("SELECT name, size FROM sync_shards WHERE remote = ?", (self._id,)))
        trouble: OSError | None = None
        for name, size in folder.shards():
            if seen.get(name) == size:
                continue
            try:
                with folder.open(name) as file:
                    added += self._receive(name, size, file)
            except OSError as error:  # the others can be read nevertheless
                trouble = error
        self._count_skipped()
        if trouble is not None:
            raise trouble
        self._pulled = True
        return added

    def _receive(self, name: str, size: int, file: BinaryIO) -> int:
        """Take in one shard: a few hundred rows a commit, and with the last ones the note that it was read."""
        lines = iter(file)
        added, skipped = 0, 0
        while chunk := list(islice(lines, _AT_ONCE)):
            rows = [row for row in map(of_line, chunk) if row is not None]
            skipped += len(chunk) - len(rows)
            wanted = [row for row in rows if not self._is_private(row.kind)]
            added += self._store.write(partial(_take_in, wanted, self._id))
        self._store.write(partial(_mark_read, self._id, name, size, skipped))
        return added

    def _is_private(self, kind: str) -> bool:
        return any(kind.startswith(each) if each.endswith(".") else kind == each for each in self._private)

    # What is remembered

    def _attach(self) -> Folder:
        """The remote, reached and known by its id."""
        assert self._folder is not None
        self._store.write(_make_tables)
        id = self._folder.attach(used=self._known("LIMIT 1") is not None)
        if id != self._id:
            self._store.write(partial(_meet, id, str(self._folder.root)))
            self._remember(id)
        return self._folder

    def _remember(self, id: str) -> None:
        known = self._known("AND id = ?", id)
        self._id, self._upto, self._pulled = id, known[1] if known else 0, False
        self._count_skipped()

    def _count_skipped(self) -> None:
        found = self._store.read("SELECT sum(skipped) FROM sync_shards WHERE remote = ?", (self._id,))
        self._skipped = int(found[0][0] or 0)

    def _known(self, which: str, *values: str) -> tuple[str, int, int, str] | None:
        """Id, last number sent, rows synced and time of a remote that was at this place."""
        assert self._folder is not None
        if not self._store.read("SELECT 1 FROM sqlite_master WHERE name = 'sync_shards'"):
            return None
        sql = f"SELECT id, upto, sent + received, last FROM sync_remotes WHERE place = ? {which}"
        found = self._store.read(sql, (str(self._folder.root), *values))
        return (str(found[0][0]), int(found[0][1]), int(found[0][2]), str(found[0][3])) if found else None


# Work for `Store.write`


def _make_tables(connection: sqlite3.Connection) -> None:
    for table in _TABLES:
        connection.execute(table)


def _meet(id: str, place: str, connection: sqlite3.Connection) -> None:
    sql = "INSERT INTO sync_remotes (id, place) VALUES (?, ?) ON CONFLICT (id) DO UPDATE SET place = excluded.place"
    connection.execute(sql, (id, place))


def _mark_sent(id: str, last: int, rows: int, name: str, size: int, connection: sqlite3.Connection) -> None:
    sql = "UPDATE sync_remotes SET upto = ?, sent = sent + ?, last = ? WHERE id = ?"
    connection.execute(sql, (last, rows, now(), id))
    _mark_read(id, name, size, 0, connection)


def _mark_read(id: str, name: str, size: int, skipped: int, connection: sqlite3.Connection) -> None:
    connection.execute("INSERT OR REPLACE INTO sync_shards VALUES (?, ?, ?, ?)", (id, name, size, skipped))


def _take_in(rows: list[Row], id: str, connection: sqlite3.Connection) -> int:
    added = sum(merge(connection, row, id) for row in rows)
    sql = "UPDATE sync_remotes SET received = received + ?, last = ? WHERE id = ?"
    connection.execute(sql, (added, now(), id))
    return added
