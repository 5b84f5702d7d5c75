"""One thread writes; what waits shares a commit; what fails fails alone."""

import sqlite3
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from shared.commits import Pending, Writer, connect, storing
from shared.errors import Conflict, PlaygroundError

from .faults import full_disk

pytestmark = pytest.mark.disk
SCHEMA = "CREATE TABLE IF NOT EXISTS notes (n INTEGER PRIMARY KEY, text TEXT UNIQUE)"


def insert(text: str):
    def work(connection: sqlite3.Connection) -> str:
        connection.execute("INSERT INTO notes (text) VALUES (?)", (text,))
        return text

    return work


def many(connection: sqlite3.Connection, texts: list[str]) -> list[str] | None:
    if "one by one" in texts:
        connection.execute("INSERT INTO notes (text) VALUES ('undone')")
        return None
    connection.executemany("INSERT INTO notes (text) VALUES (?)", [(text,) for text in texts])
    return [f"together {text}" for text in texts]


@pytest.fixture
def writer(workspace: Path) -> Iterator[Writer]:
    made = Writer(workspace / "rows.sqlite", SCHEMA, many)
    yield made
    made.close()


@pytest.fixture
def gate(writer: Writer) -> Iterator[threading.Event]:
    """Work that holds the first commit open, so that all that is submitted meanwhile shares the second."""
    opened, begun = threading.Event(), threading.Event()

    def hold(connection: sqlite3.Connection) -> None:
        begun.set()
        opened.wait(10)

    writer.submit(hold)
    begun.wait(10)
    yield opened
    opened.set()


def texts(workspace: Path) -> list[str]:
    connection = connect(workspace / "rows.sqlite", read_only=True)
    found = [text for (text,) in connection.execute("SELECT text FROM notes ORDER BY n")]
    connection.close()
    return found


def test_the_settings_are_those_that_durability_needs(workspace: Path, writer: Writer) -> None:
    assert writer.submit(lambda c: c.execute("PRAGMA journal_mode").fetchone()).result() == ("wal",)
    assert writer.submit(lambda c: c.execute("PRAGMA synchronous").fetchone()).result() == (2,)  # FULL
    reader = connect(workspace / "rows.sqlite", read_only=True)
    with pytest.raises(sqlite3.OperationalError, match="readonly"):
        reader.execute("INSERT INTO notes (text) VALUES ('x')")
    reader.close()


def test_nobody_is_told_before_the_commit(workspace: Path, writer: Writer, gate: threading.Event) -> None:
    pending = writer.submit(insert("a"))
    assert texts(workspace) == []
    assert pending._done.locked()
    gate.set()
    assert pending.result() == "a"
    assert pending.result() == "a"  # asking twice is fine
    assert texts(workspace) == ["a"]


def test_work_that_waits_shares_one_commit(workspace: Path, writer: Writer, gate: threading.Event) -> None:
    counts: list[int] = []

    def seen(connection: sqlite3.Connection) -> int:
        reader = connect(workspace / "rows.sqlite", read_only=True)
        counts.extend(reader.execute("SELECT count(*) FROM notes").fetchone())
        reader.close()
        return connection.execute("SELECT count(*) FROM notes").fetchone()[0]

    pending = [writer.submit(insert(str(n))) for n in range(50)] + [writer.submit(seen)]
    gate.set()
    assert [each.result() for each in pending] == [*map(str, range(50)), 50]
    assert counts == [0]  # the fifty were written, and no other connection could see them yet


def test_what_fails_is_undone_alone(workspace: Path, writer: Writer, gate: threading.Event) -> None:
    def half(connection: sqlite3.Connection) -> None:
        insert("half")(connection)
        raise Conflict("taken")

    good = writer.submit(insert("a"))
    bad = [writer.submit(half), writer.submit(insert("a")), writer.submit(lambda _: 1 // 0)]
    last = writer.submit(insert("b"))
    gate.set()
    assert (good.result(), last.result()) == ("a", "b")
    for pending, kind in zip(bad, (Conflict, sqlite3.IntegrityError, ZeroDivisionError), strict=True):
        with pytest.raises(kind):
            pending.result()
    assert texts(workspace) == ["a", "b"]


@pytest.mark.parametrize("spoiler", ["one by one", "a"])
def test_items_go_in_together_or_one_by_one(
    workspace: Path, writer: Writer, gate: threading.Event, spoiler: str
) -> None:
    a, b = writer.submit(insert("a"), "a"), writer.submit(insert("b"), "b")
    gate.set()
    assert (a.result(), b.result()) == ("together a", "together b")
    opened, begun = threading.Event(), threading.Event()
    writer.submit(lambda _: (begun.set(), opened.wait(10)))
    begun.wait(10)
    c, spoilt = writer.submit(insert("c"), "c"), writer.submit(insert(spoiler), spoiler)
    opened.set()
    assert c.result() == "c"
    if spoiler == "a":  # taken: `many` raised, and then this one alone
        with pytest.raises(sqlite3.IntegrityError):
            spoilt.result()
    else:
        assert spoilt.result() == spoiler
    assert "undone" not in texts(workspace)
    assert texts(workspace)[:3] == ["a", "b", "c"]


def test_a_full_disk_is_told_to_all_and_then_forgotten(workspace: Path, writer: Writer) -> None:
    writer.submit(insert("kept")).result()
    with full_disk((workspace / "rows.sqlite-wal").stat().st_size):
        pending = [writer.submit(insert(f"lost {n}" + "x" * 100_000), None) for n in range(3)]
        for each in pending:
            with pytest.raises(PlaygroundError, match=r"could not be read or written.*saved before is safe"):
                each.result()
    assert writer.submit(insert("again")).result() == "again"
    assert texts(workspace) == ["kept", "again"]


def test_a_limit_of_one_gives_each_its_own_commit(workspace: Path) -> None:
    writer = Writer(workspace / "rows.sqlite", SCHEMA, many, limit=1)
    pending = [writer.submit(insert(str(n)), str(n)) for n in range(5)]
    assert [each.result() for each in pending] == list("01234")  # `many` was never asked
    writer.close()


def test_close_writes_what_waits_and_refuses_more(workspace: Path, writer: Writer, gate: threading.Event) -> None:
    pending = [writer.submit(insert(str(n))) for n in range(3)]
    closing = threading.Thread(target=writer.close)
    closing.start()
    gate.set()
    closing.join(10)
    assert [each.result() for each in pending] == ["0", "1", "2"]
    with pytest.raises(PlaygroundError, match=r"is closed.*Start the playground again"):
        writer.submit(insert("late"))
    writer.close()
    assert texts(workspace) == ["0", "1", "2"]


def test_the_lock_is_held_until_the_end(workspace: Path, writer: Writer) -> None:
    with pytest.raises(PlaygroundError, match=r"Another process \(number \d+\) writes to the workspace"):
        Writer(workspace / "rows.sqlite", SCHEMA, many)
    writer.close()
    Writer(workspace / "rows.sqlite", SCHEMA, many).close()


def test_a_file_that_is_no_database_is_said_to_be_one(workspace: Path) -> None:
    (workspace / "rows.sqlite").write_bytes(b"this is not a database, whatever its name says" * 100)
    for _ in range(2):  # the lock is free again after the refusal
        with pytest.raises(PlaygroundError, match="not a database"):
            Writer(workspace / "rows.sqlite", SCHEMA, many)


@pytest.mark.parametrize("together", [True, False])
def test_a_disk_that_fails_in_the_middle_is_told_to_all(
    workspace: Path, writer: Writer, gate: threading.Event, together: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(connection: sqlite3.Connection, *_: object) -> None:
        connection.execute("ROLLBACK")  # as SQLite does by itself after some errors
        raise sqlite3.OperationalError("disk I/O error")

    if together:
        monkeypatch.setattr(writer, "_many", fails)
    before = writer.submit(insert("before"))
    pending = [writer.submit(fails, name if together else None) for name in "xy"]
    gate.set()
    for each in [before, *pending]:
        with pytest.raises(PlaygroundError, match="disk I/O error"):
            each.result()
    assert texts(workspace) == []
    assert writer.submit(insert("again")).result() == "again"


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_when_the_writing_thread_ends_nobody_waits_for_ever(workspace: Path) -> None:
    writer = Writer(workspace / "rows.sqlite", SCHEMA, many)
    opened, begun = threading.Event(), threading.Event()

    def ends(_: sqlite3.Connection) -> None:
        begun.set()
        opened.wait(10)
        raise SystemExit

    pending: list[Pending[None]] = [writer.submit(ends)]
    begun.wait(10)
    pending.append(writer.submit(insert("still in the queue")))
    opened.set()
    for each in pending:
        with pytest.raises(PlaygroundError, match="closed"):
            each.result()
    writer.close()
    with pytest.raises(PlaygroundError, match="closed"):
        writer.submit(insert("late"))
    Writer(workspace / "rows.sqlite", SCHEMA, many).close()  # and the lock is free
    assert texts(workspace) == []


def test_storing_leaves_other_errors_alone(workspace: Path) -> None:
    with pytest.raises(KeyError), storing(workspace):
        raise KeyError("a bug")
