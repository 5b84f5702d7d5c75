"""Rows: things that happened, written once; how they are checked, inserted, read back and merged."""

import hashlib
import json
import re
import sqlite3
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

from shared.commits import Pending
from shared.errors import Conflict

Values = tuple[str, str, str | None, str, str, str]

# `origin` is the remote that a row came from, "" for rows written here; numbers are never used twice (AUTOINCREMENT),
# so that "everything after number n" stays true when a merge replaces a row.
SCHEMA = """
CREATE TABLE IF NOT EXISTS rows (
    seq INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, kind TEXT NOT NULL, key TEXT, time TEXT NOT NULL,
    origin TEXT NOT NULL, body TEXT NOT NULL, UNIQUE (kind, key));
CREATE INDEX IF NOT EXISTS rows_by_kind ON rows (kind);
"""
COLUMNS = "SELECT seq, id, kind, key, time, body FROM rows"
_INSERT = "INSERT INTO rows (id, kind, key, time, origin, body) VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING"
_KIND = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")
_LINE = re.compile(rb'\{"check": "(?P<check>[0-9a-f]{16})", (?P<rest>.*)')
_encode = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode
_encode_ascii = json.JSONEncoder(allow_nan=False, separators=(",", ":")).encode


@dataclass(frozen=True)
class Row:
    """One thing that happened, never changed afterwards.

    Attributes:
        seq: Number in this workspace, ascending in the order of writing; another workspace has another number for it.
        id: 32 hexadecimal digits, the same in every workspace.
        kind: What it is: "records", "votes".
        key: What there may be only one of within the kind; None when that does not matter.
        time: When it was written, UTC, as 2026-11-22T02:31:53.123456Z.
        body: The content, as it comes back from JSON.
    """

    seq: int
    id: str
    kind: str
    key: str | None
    time: str
    body: dict[str, Any]


class Appended:
    """A row on its way to the disk."""

    __slots__ = ("_pending", "_values")

    def __init__(self, pending: Pending[int], values: Values) -> None:
        self._pending = pending
        self._values = values

    def result(self) -> Row:
        """Wait until the row is durable.

        Raises:
            Conflict: There is a row of this kind and key already.
            PlaygroundError: The row was not written, and why.
        """
        return row_of((self._pending.result(), *self._values[:4], self._values[5]))


def merge(connection: sqlite3.Connection, row: Row, origin: str) -> bool:
    """Take in a row from another workspace, as work for `Store.write`; returns whether anything changed.

    A row that is here already (by its id) is left alone. Of two rows with the same kind and key the one with the
    smaller (time, id) stays, in every workspace, whatever the order in which they meet: workspaces merge as sets.

    Args:
        connection: The writing connection.
        row: The row; it gets a number of this workspace.
        origin: The remote that it came from.
    """
    if connection.execute("SELECT 1 FROM rows WHERE id = ?", (row.id,)).fetchone():
        return False
    sql = "SELECT time, id, seq FROM rows WHERE kind = ? AND key = ?"
    other = connection.execute(sql, (row.kind, row.key)).fetchone()
    if other is not None:
        if (other[0], other[1]) < (row.time, row.id):
            return False
        connection.execute("DELETE FROM rows WHERE seq = ?", (other[2],))
    connection.execute(_INSERT, (row.id, row.kind, row.key, row.time, origin, to_text(row.body)))
    return True


def to_text(body: dict[str, Any]) -> str:
    """A body as JSON that any disk and any reader takes; half of a surrogate pair is written as an escape.

    Raises:
        TypeError: The body holds something that JSON does not have.
        ValueError: The body holds NaN or infinity.
    """
    text = _encode(body)
    try:
        text.encode()
    except UnicodeEncodeError:
        return _encode_ascii(body)
    return text


def now() -> str:
    """The time as rows have it: UTC, always 27 characters, so that text order is time order."""
    return datetime.now(UTC).isoformat(timespec="microseconds")[:26] + "Z"


def kind_of(kind: str) -> str:
    """The kind, when it is one: it becomes a folder's name.

    Raises:
        ValueError: It is not a short word of a-z, 0-9, dots, dashes and underscores.
    """
    if not _KIND.fullmatch(kind):
        raise ValueError(f"A kind is a short word of a-z, 0-9, dots, dashes and underscores, not {kind!r}")
    return kind


def values_of(kind: str, body: dict[str, Any], key: str | None) -> Values:
    """A new row as the table has it, with an id and the time.

    Raises:
        ValueError: The kind is no kind, or the body holds NaN or infinity.
        TypeError: The body holds something that JSON does not have.
    """
    return uuid4().hex, kind_of(kind), key, now(), "", to_text(body)


def row_of(found: tuple[Any, ...]) -> Row:
    """A row from the table's columns, in the order of `COLUMNS`."""
    seq, id, kind, key, time, body = found
    return Row(seq, id, kind, key, time, json.loads(body))


def insert(values: Values, connection: sqlite3.Connection) -> int:
    """Insert one row, as work for `Store.write`; returns its number.

    Raises:
        Conflict: There is a row of this kind and key already.
    """
    cursor = connection.execute(_INSERT, values)
    if cursor.rowcount == 0:
        raise Conflict(f"'{values[2]}' is in {values[1]} already. Nothing was written.")
    return int(cursor.lastrowid or 0)


def insert_all(connection: sqlite3.Connection, many: list[Any]) -> list[Any] | None:
    """The numbers of all rows, inserted in one go; None when a key is taken, so that they go in one by one."""
    if connection.executemany(_INSERT, many).rowcount < len(many):
        return None
    last = connection.execute("SELECT last_insert_rowid()").fetchone()[0]
    return list(range(last - len(many) + 1, last + 1))


def to_line(row_id: str, kind: str, key: str | None, time: str, body: str) -> bytes:
    """A row as one line of a shard: JSON that begins with a check of all that follows it.

    Args:
        row_id: The row's id.
        kind: The row's kind.
        key: The row's key.
        time: The row's time.
        body: The row's body, as JSON.
    """
    head = json.dumps({"id": row_id, "kind": kind, "key": key, "time": time})
    rest = f'{head[1:-1]}, "body": {body}}}'.encode()
    return b'{"check": "%s", %s\n' % (_check(rest), rest)


def of_line(line: bytes) -> Row | None:
    """The row in a line, numbered 0; None when the line is cut off, changed or no row."""
    found = _LINE.fullmatch(line.rstrip(b"\r\n"))
    if found is None or _check(found["rest"]) != found["check"]:
        return None
    try:
        row = json.loads(b"{" + found["rest"])
        taken = Row(0, row["id"], kind_of(row["kind"]), row["key"], row["time"], row["body"])
    except (ValueError, TypeError, KeyError):
        return None
    texts = isinstance(taken.id, str) and isinstance(taken.time, str) and isinstance(taken.key, str | None)
    return taken if texts and isinstance(taken.body, dict) else None


def _check(rest: bytes) -> bytes:
    return hashlib.sha256(rest).hexdigest()[:16].encode()
