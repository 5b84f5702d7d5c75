"""The workspace: append-only rows in one SQLite file, and immutable folders named by their content.

One process writes (a lock file keeps others out, and is free again when that process ends, however it ends); any number
may read meanwhile. An append comes back when its row is on the disk, together with all others that waited.
"""

import json
import sqlite3
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, TypeVar
from uuid import uuid4

from shared import folders
from shared.commits import Pending, Work, Writer, closed, connect, storing
from shared.errors import Conflict, PlaygroundError
from shared.refs import FORMS, Ref, parse
from shared.rows import COLUMNS, SCHEMA, Appended, Row, insert, insert_all, kind_of, row_of, values_of

__all__ = ["ARTIFACTS", "Appended", "Artifact", "Row", "Store"]

T = TypeVar("T")
ARTIFACTS = "artifacts"


@dataclass(frozen=True)
class Artifact:
    """A folder that never changes.

    Attributes:
        kind: What it is: "datasets", "adapters".
        name: What it was called; decoration, its hash is what counts.
        sha: SHA-256 of its content, 64 digits.
        path: The folder.
        time: When it was put there, UTC.
        size: Bytes of all files together.
    """

    kind: str
    name: str
    sha: str
    path: Path
    time: str
    size: int

    @property
    def ref(self) -> str:
        """The name that apps, records and people use: `local:name@` and twelve digits."""
        return f"local:{self.name}@{self.sha[:12]}"


class Store:
    """Rows and artifacts under one folder on a local disk.

    Args:
        home: The workspace; made at the first write.
        group: The most rows that one commit makes durable; 1 is for measuring what grouping saves.
    """

    def __init__(self, home: Path, group: int = 1024) -> None:
        self.home = home.absolute()
        self._path = self.home / "rows.sqlite"
        self._group = group
        self._gate = threading.Lock()
        self._writer: Writer | None = None
        self._closed = False
        self._idle: list[sqlite3.Connection] = []

    def claim(self) -> None:
        """Become the process that writes here; the first write does it too, a server does it when it starts.

        Folders that a killed process left half-written are removed.

        Raises:
            PlaygroundError: Another process writes here, the folder cannot be written, or the store is closed.
        """
        with self._gate:
            if self._closed:
                raise closed(self.home)
            if self._writer is None:
                self._writer = Writer(self._path, SCHEMA, insert_all, self._group)
                folders.remove(self.home / "artifacts" / folders.UNFINISHED)

    def close(self) -> None:
        """Write what waits and let go of the folder; appends are refused from here on, a second close does nothing."""
        with self._gate:
            self._closed = True
            writer, idle, self._idle = self._writer, self._idle, []
        if writer is not None:
            writer.close()
        for connection in idle:
            connection.close()

    # Rows

    def append(self, kind: str, body: dict[str, Any], key: str | None = None) -> Row:
        """Write one row; returns when it is on the disk.

        Raises:
            Conflict: There is a row of this kind and key already; nothing was written.
            PlaygroundError: The disk refuses, another process writes here, or the store is closed.
        """
        return self.append_later(kind, body, key).result()

    def append_later(self, kind: str, body: dict[str, Any], key: str | None = None) -> Appended:
        """Write one row without waiting: `.result()` waits. A caller with many rows in hand saves most of the waiting.

        Raises:
            PlaygroundError: Another process writes here, the folder cannot be written, or the store is closed.
        """
        values = values_of(kind, body, key)
        return Appended(self._submit(partial(insert, values), values), values)

    def append_many(self, kind: str, bodies_with_keys: Sequence[tuple[dict[str, Any], str | None]]) -> list[Row]:
        """Write several rows, all or none; returns when they are on the disk, in the order given.

        Raises:
            Conflict: A key is taken, or given twice; none was written.
            PlaygroundError: The disk refuses, another process writes here, or the store is closed.
        """
        many = [values_of(kind, body, key) for body, key in bodies_with_keys]
        numbers = self.write(lambda connection: [insert(values, connection) for values in many])
        return [row_of((seq, *values[:4], values[5])) for seq, values in zip(numbers, many, strict=True)]

    def rows(self, kind: str, after: int = 0, limit: int = 0) -> list[Row]:
        """Rows of a kind, oldest first.

        Args:
            kind: What they are.
            after: Only rows with a higher number: what is new since the last look.
            limit: The most rows; 0 is all.
        """
        sql = f"{COLUMNS} INDEXED BY rows_by_kind WHERE kind = ? AND seq > ? ORDER BY seq LIMIT ?"
        return [row_of(found) for found in self.read(sql, (kind, after, limit or -1))]

    def newest(self, kind: str, page: int = 200) -> Iterator[Row]:
        """Rows of a kind, the latest time first, read a page at a time: stop when you have enough."""
        numbers = [n for (n,) in self.read("SELECT seq FROM rows WHERE kind = ? ORDER BY time DESC, seq DESC", (kind,))]
        for start in range(0, len(numbers), page):
            wanted = json.dumps(numbers[start : start + page])
            sql = f"{COLUMNS} WHERE seq IN (SELECT value FROM json_each(?)) ORDER BY time DESC, seq DESC"
            yield from map(row_of, self.read(sql, (wanted,)))

    def row(self, kind: str, key: str) -> Row | None:
        """The one row of this kind and key, or None."""
        found = self.read(f"{COLUMNS} WHERE kind = ? AND key = ?", (kind, key))
        return row_of(found[0]) if found else None

    def count(self, kind: str) -> int:
        """How many rows of a kind there are."""
        found = self.read("SELECT count(*) FROM rows WHERE kind = ?", (kind,))
        return int(found[0][0]) if found else 0

    def read(self, sql: str, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """All results of a reading query; none when nothing was ever written here.

        Raises:
            PlaygroundError: The file is broken or cannot be read.
        """
        if not self._path.exists():
            return []
        with storing(self.home), self._reader() as connection:
            if not connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'rows_by_kind'").fetchone():
                return []  # the first writer is just making the tables
            return connection.execute(sql, values).fetchall()

    def write(self, work: Work[T]) -> T:
        """Run a piece of work in the next commit and wait until it is durable; when it raises, it alone is undone."""
        return self._submit(work).result()

    # Artifacts

    @contextmanager
    def writing(self, kind: str, name: str) -> Iterator[Path]:
        """An empty folder on the workspace's own disk to write an artifact in; then give it to `put`.

        It is removed when the block raises, and by the next start when the process is killed.

        Raises:
            PlaygroundError: Another process writes here, the folder cannot be written, or the store is closed.
        """
        self.claim()
        folder = self.home / "artifacts" / folders.UNFINISHED / f"{kind_of(kind)}-{folders.tidy(name)}-{uuid4().hex}"
        with storing(self.home):
            folder.mkdir(parents=True)
        kept = False
        try:
            yield folder
            kept = True
        finally:
            if not kept:
                folders.remove(folder)

    def put(self, kind: str, name: str, folder: Path) -> Artifact:
        """Keep a folder for ever: it moves into the workspace, under the hash of its content.

        The same content put twice is one artifact (the second copy is dropped), under each of its names.

        Args:
            kind: What it is.
            name: What to call it; characters other than letters, digits, dots, dashes and underscores are replaced.
            folder: The finished folder; it is gone afterwards.

        Raises:
            PlaygroundError: The folder is empty, holds links or devices, or the disk refuses.
        """
        self.claim()
        with storing(self.home):
            sha, size = folders.seal(folder)
            folders.move(folder, self.home / "artifacts" / kind_of(kind) / sha)
        body = {"kind": kind, "name": folders.tidy(name), "sha": sha, "size": size}
        key = f"{sha}/{kind}/{body['name']}"
        try:
            return self._artifact(self.append(ARTIFACTS, body, key))
        except Conflict:
            (found,) = self.read(f"{COLUMNS} WHERE kind = ? AND key = ?", (ARTIFACTS, key))
            return self._artifact(row_of(found))

    def find(self, ref: str | Ref, kind: str = "") -> Artifact:
        """The artifact that a ref names.

        The hash decides, the name helps: among several that begin with the same digits the one of that name is meant;
        a name that does not fit is accepted when the digits fit one artifact alone.

        Args:
            ref: `local:name@sha` with at least twelve digits.
            kind: What it must be; "" for anything.

        Raises:
            PlaygroundError: It is not here, its files are gone, or several fit.
        """
        wanted = ref if isinstance(ref, Ref) else parse(ref)
        if wanted.scheme != "local" or wanted.adapter is not None:
            raise PlaygroundError(f"'{wanted}' does not name something in this workspace. Write {FORMS['local']}.")
        sql = f"{COLUMNS} WHERE kind = ? AND key >= ? AND key < ? ORDER BY seq"
        found = self.read(sql, (ARTIFACTS, wanted.revision, wanted.revision + "~"))
        fitting = [each for each in map(self._artifact, map(row_of, found)) if kind in ("", each.kind)]
        fitting = [each for each in fitting if each.name == wanted.name] or fitting
        places = {each.path: each for each in reversed(fitting)}
        if not places:
            what = f"'{wanted}'" + (f" ({kind})" if kind else "")
            raise PlaygroundError(f"{what} is not in the workspace {self.home}. Load or make it again.")
        if len(places) > 1:
            both = " and ".join(sorted(f"{each.kind} local:{each.name}@{each.sha}" for each in places.values()))
            raise PlaygroundError(f"'{wanted}' fits more than one thing: {both}. Give more digits of the hash.")
        (only,) = places.values()
        if not only.path.is_dir():
            raise PlaygroundError(f"The files of '{wanted}' are gone from {only.path}. Load or make it again.")
        return only

    def artifacts(self, kind: str) -> list[Artifact]:
        """All artifacts of a kind whose files are here, newest first; one with two names is there twice."""
        found = [self._artifact(row) for row in reversed(self.rows(ARTIFACTS)) if row.body["kind"] == kind]
        return [each for each in found if each.path.is_dir()]

    # Inside

    def _artifact(self, row: Row) -> Artifact:
        body = row.body
        path = self.home / "artifacts" / body["kind"] / body["sha"]
        return Artifact(body["kind"], body["name"], body["sha"], path, row.time, body["size"])

    def _submit(self, work: Work[T], item: Any = None) -> Pending[T]:
        if self._writer is None or self._closed:
            self.claim()
        assert self._writer is not None
        return self._writer.submit(work, item)

    @contextmanager
    def _reader(self) -> Iterator[sqlite3.Connection]:
        """A connection of this reader's own for as long as it reads; kept for the next one."""
        with self._gate:
            connection = self._idle.pop() if self._idle else None
        connection = connection or connect(self._path, read_only=True)
        try:
            yield connection
        except sqlite3.Error:
            connection.close()
            raise
        with self._gate:
            keep = not self._closed
            if keep:
                self._idle.append(connection)
        if not keep:
            connection.close()
