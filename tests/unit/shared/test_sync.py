"""Copies at a remote: nothing is lost, nothing blocks, and replicas end with the same set."""

import json
import os
import random
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from shared import sync as module
from shared.errors import Conflict, PlaygroundError
from shared.remotes import Folder
from shared.store import Store
from shared.sync import Sync

from .faults import full_disk, refusing

pytestmark = pytest.mark.disk


@pytest.fixture
def make(workspace: Path) -> Iterator[Callable[..., tuple[Store, Sync]]]:
    """Stores and their syncs, all with the same remote, closed at the end."""
    made: list[tuple[Store, Sync]] = []

    def one(name: str = "one", **options: object) -> tuple[Store, Sync]:
        store = Store(workspace / name)
        made.append((store, Sync(store, f"folder:{workspace / 'remote'}", **options)))
        return made[-1]

    yield one
    for store, sync in made:
        sync.stop(0.5)
        store.close()


@pytest.fixture
def remote(workspace: Path) -> Path:
    return workspace / "remote"


def shards(remote: Path) -> list[Path]:
    return sorted(remote.glob("rows/*/*.jsonl"))


def content(store: Store, kind: str = "votes") -> set[tuple[str, str | None, str]]:
    return {(row.id, row.key, json.dumps(row.body)) for row in store.rows(kind)}


def eventually(true: Callable[[], bool], seconds: float = 10.0) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "it did not come true"
        time.sleep(0.01)


def test_without_a_remote_nothing_happens(workspace: Path) -> None:
    store = Store(workspace / "one")
    sync = Sync(store, "")
    store.append("votes", {})
    before = set(threading.enumerate())  # other tests' servers may still be ending theirs
    sync.start()
    assert set(threading.enumerate()) <= before
    assert (sync.pull(), sync.flush(), sync.stop(), sync.state().remote) == (0, sync.state(), sync.state(), "")
    assert [path.name for path in workspace.iterdir()] == ["one"]
    store.close()
    with pytest.raises(PlaygroundError, match="folder:PATH"):
        Sync(store, "s3:bucket")


def test_rows_go_out_once_and_come_in_once(make: Callable[..., tuple[Store, Sync]], remote: Path) -> None:
    store, sync = make("one")
    for n in range(5):
        store.append("votes", {"n": n}, key=str(n))
    assert (sync.state().waiting, sync.state().synced, sync.state().last_time) == (5, 0, "")
    state = sync.flush()
    assert (state.waiting, state.synced, state.last_error, state.next_try_seconds) == (0, 5, "", 0.0)
    assert state.last_time > store.rows("votes")[0].time
    (only,) = shards(remote)
    before = only.read_bytes()
    assert sync.flush().synced == 5
    store.append("votes", {"n": 5}, key="5")
    sync.flush()
    assert len(shards(remote)) == 2
    assert only.read_bytes() == before  # a shard is never written again

    other, second = make("two")
    assert second.pull() == 6
    assert content(other) == content(store)
    assert (second.state().synced, second.state().waiting) == (6, 0)
    second.flush()
    assert len(shards(remote)) == 2  # what came in does not go out again
    assert second.pull() == sync.pull() == 0
    assert [row.seq for row in other.rows("votes")] == list(range(1, 7))


def test_a_restart_on_an_empty_disk_has_everything(make: Callable[..., tuple[Store, Sync]], workspace: Path) -> None:
    store, sync = make("one")
    row = store.append("records", {"id": "x"}, key="x")
    sync.stop()
    store.close()
    shutil.rmtree(workspace / "one")
    again, resumed = make("one")
    assert resumed.pull() == 1
    assert again.row("records", "x").id == row.id
    with pytest.raises(Conflict):
        again.append("records", {}, key="x")


def test_a_restart_on_the_same_disk_sends_nothing_twice(make: Callable[..., tuple[Store, Sync]], remote: Path) -> None:
    store, sync = make("one")
    store.append("votes", {"n": 1})
    sync.stop()
    store.close()
    again, resumed = make("one")
    assert (resumed.state().synced, resumed.state().waiting) == (1, 0)
    assert resumed.pull() == 0
    again.append("votes", {"n": 2})
    assert resumed.state().waiting == 1
    assert resumed.flush().synced == 2
    assert len(shards(remote)) == 2


def test_a_kill_between_shard_and_note_doubles_nothing(
    make: Callable[..., tuple[Store, Sync]], monkeypatch: pytest.MonkeyPatch, remote: Path
) -> None:
    store, sync = make("one")
    store.append("votes", {"n": 1}, key="a")
    store.append("votes", {"n": 2})

    def killed(*_: object) -> None:
        raise OSError("killed here")

    with monkeypatch.context() as patch:
        patch.setattr(module, "_mark_sent", killed)
        assert sync.flush().waiting == 2
    assert len(shards(remote)) == 1
    assert sync.flush().waiting == 0
    assert len(shards(remote)) == 2  # the same two rows again, under another name
    assert sync.pull() == 0
    other, second = make("two")
    assert second.pull() == 2
    assert content(other) == content(store)


@pytest.mark.parametrize("replicas", [2, 3])
def test_replicas_end_with_the_same_set(make: Callable[..., tuple[Store, Sync]], replicas: int) -> None:
    pairs = [make(str(n)) for n in range(replicas)]
    lots = random.Random(replicas)
    for step in range(60):
        store, sync = lots.choice(pairs)
        with suppress(Conflict):
            store.append("votes", {"step": step}, key=lots.choice([None, "a", "b", "c", f"own {step}"]))
        if lots.random() < 0.2:
            sync.flush()
        if lots.random() < 0.2:
            sync.pull()
    for _, sync in pairs:
        sync.flush()
    lots.shuffle(pairs)
    for _, sync in pairs:
        sync.pull()
    first, *others = [content(store) for store, _ in pairs]
    assert all(other == first for other in others)
    assert {key for _, key, _ in first} >= {"a", "b", "c", None}
    for store, _ in pairs:
        keys = [row.key for row in store.rows("votes") if row.key]
        assert len(keys) == len(set(keys))
        assert store.read("PRAGMA integrity_check") == [("ok",)]


def test_of_two_rows_with_one_key_the_earlier_stays_everywhere(make: Callable[..., tuple[Store, Sync]]) -> None:
    (one, first), (two, second) = make("one"), make("two")
    early = one.append("votes", {"by": "one"}, key="battle")
    late = two.append("votes", {"by": "two"}, key="battle")
    assert (early.time, early.id) < (late.time, late.id)
    second.flush()
    assert first.pull() == 0
    first.flush()
    assert second.pull() == 1
    assert one.row("votes", "battle").id == two.row("votes", "battle").id == early.id
    assert two.row("votes", "battle").seq > late.seq  # so that whoever reads "what is new" sees the change


def test_private_rows_and_artifacts_stay(make: Callable[..., tuple[Store, Sync]], remote: Path) -> None:
    store, sync = make("one", private=("private.", "traces"))
    for kind in ("private.uploads", "private.", "traces", "artifacts", "tracesx", "votes"):
        if kind != "private.":
            store.append(kind, {"kind": kind})
    assert sync.state().waiting == 2
    assert sync.flush().synced == 2
    assert {json.loads(line)["kind"] for line in shards(remote)[0].read_text().splitlines()} == {"tracesx", "votes"}
    other, second = make("two")  # takes traces in, because it was not told otherwise
    open_, third = make("three", private=("votes",))
    assert (second.pull(), third.pull()) == (2, 1)
    assert (other.count("votes"), open_.count("votes"), open_.count("tracesx")) == (1, 0, 1)


# What may happen to a remote


def test_damaged_lines_are_skipped_and_counted(make: Callable[..., tuple[Store, Sync]], remote: Path) -> None:
    store, sync = make("one")
    for n in range(4):
        store.append("votes", {"n": n})
    sync.flush()
    lines = shards(remote)[0].read_bytes().splitlines(keepends=True)
    lines[1] = lines[1].replace(b'"n":1', b'"n":7')
    damaged = b"".join(lines)[:-5]
    shards(remote)[0].write_bytes(damaged)
    (remote / "rows" / "2026-01-01").mkdir()
    (remote / "rows" / "2026-01-01" / "odd.jsonl").write_bytes(b"\x00\xff\n\n{}\n" + b"x" * 100_000)
    other, second = make("two")
    assert second.pull() == 2
    assert [row.body["n"] for row in other.rows("votes")] == [0, 2]
    assert (second.state().skipped, second.state().last_error) == (6, "")
    assert second.pull() == 0
    shards(remote)[-1].write_bytes(damaged + lines[3][-5:])  # the copy was just not complete yet
    assert second.pull() == 1
    assert second.state().skipped == 5
    assert Sync(other, f"folder:{remote}").state().skipped == 5


def test_a_remote_that_is_gone_and_comes_back(
    make: Callable[..., tuple[Store, Sync]], remote: Path, workspace: Path
) -> None:
    store, sync = make("one")
    store.append("votes", {"n": 1})
    sync.flush()
    remote.rename(workspace / "unplugged")
    store.append("votes", {"n": 2})
    for tries in (1, 2, 3):
        state = sync.flush()
        assert "The folder is gone; is its disk mounted?" in state.last_error
        assert "Rows are safe here and wait" in state.last_error
        assert state.waiting == 1
        assert 2 ** (tries - 1) < state.next_try_seconds <= 2**tries
    assert not remote.exists()
    (workspace / "unplugged").rename(remote)
    state = sync.flush()
    assert (state.waiting, state.synced, state.last_error, state.next_try_seconds) == (0, 2, "", 0.0)
    other, second = make("two")
    assert second.pull() == 2
    assert content(other) == content(store)


def test_the_pause_between_tries_stays_bearable(make: Callable[..., tuple[Store, Sync]], remote: Path) -> None:
    _, sync = make("one")
    remote.write_text("a file where a folder belongs")
    sync._failures = 2000
    assert 250 < sync.flush().next_try_seconds <= 300


def test_a_remote_that_comes_back_empty_gets_everything_again(
    make: Callable[..., tuple[Store, Sync]], remote: Path
) -> None:
    store, sync = make("one")
    _, second = make("two")
    store.append("votes", {"n": 1})
    sync.flush()
    second.pull()
    shutil.rmtree(remote)
    remote.mkdir()
    store.append("votes", {"n": 2})
    assert sync.flush().synced == 2
    shutil.rmtree(remote)
    remote.mkdir()
    assert second.flush().synced == 1  # also what it had from there: the folder is another one now
    third, last = make("three")
    assert last.pull() == 1
    assert sync.flush().synced == 2
    assert last.pull() == 1
    assert content(third) == content(store)


def test_another_remote_gets_everything_too(make: Callable[..., tuple[Store, Sync]], workspace: Path) -> None:
    store, sync = make("one")
    store.append("votes", {"n": 1})
    sync.stop()
    moved = Sync(store, f"folder:{workspace / 'elsewhere'}")
    assert (moved.state().waiting, moved.state().synced) == (1, 0)
    assert moved.flush().synced == 1
    back = Sync(store, f"folder:{workspace / 'remote'}")
    assert (back.state().waiting, back.state().synced) == (0, 1)


def test_a_remote_that_refuses_or_is_full(make: Callable[..., tuple[Store, Sync]], remote: Path) -> None:
    store, sync = make("one")
    store.append("votes", {"n": "x" * 3000})
    sync.flush()
    kept = store.append("votes", {"n": "y" * 5000})
    with full_disk(4000):
        state = sync.flush()
        assert (state.waiting, "File too large" in state.last_error) == (1, True)
    day = shards(remote)[0].parent
    with refusing(day):
        state = sync.flush()
        assert (state.waiting, "Permission denied" in state.last_error) == (1, True)
    day.rename(day.with_name("aside"))
    day.write_text("a file in place of a folder")
    assert "File exists" in sync.flush().last_error
    day.unlink()
    day.with_name("aside").rename(day)
    assert sync.flush().waiting == 0
    assert sorted(path.suffix for path in day.iterdir()) == [".jsonl", ".jsonl"]
    other, second = make("two")
    second.pull()
    assert kept.id in {row.id for row in other.rows("votes")}


def test_a_shard_that_cannot_be_opened_does_not_hide_the_others(
    make: Callable[..., tuple[Store, Sync]], remote: Path
) -> None:
    store, sync = make("one")
    store.append("votes", {"n": 1})
    sync.flush()
    odd = shards(remote)[0].with_name("0-odd.jsonl")
    odd.mkdir()
    other, second = make("two")
    assert second.pull() == 0
    assert "Is a directory" in second.state().last_error
    assert other.count("votes") == 1  # it came in nevertheless, and is counted
    assert second.state().synced == 1
    odd.rmdir()
    second.pull()
    assert second.state().last_error == ""


def test_a_remote_that_hangs_blocks_nothing(
    make: Callable[..., tuple[Store, Sync]], remote: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store, sync = make("one", within=0.1)
    remote.mkdir()
    os.mkfifo(remote / "playground.json")  # whoever opens it waits for a writer
    assert sync.pull(0.05) == 0
    sync.start()
    for n in range(10):
        store.append("votes", {"n": n})
    monkeypatch.setattr(module, "_SLOW", 0.01)
    state = sync.flush(0.05)
    assert (state.waiting, state.synced) == (10, 0)
    assert "has not answered for" in state.last_error
    assert sync.stop(0.05).waiting == 10
    (remote / "playground.json").rename(remote / "pipe")
    with (remote / "pipe").open("w") as pipe:
        pipe.write('{"id": "late"}')
    eventually(lambda: not sync._turn.locked())
    assert sync.flush().waiting == 0


def test_a_full_disk_here_is_told_and_tried_again(make: Callable[..., tuple[Store, Sync]]) -> None:
    store, sync = make("one")
    store.append("votes", {"n": "x" * 100_000})
    sync.flush()
    other, second = make("two")
    other.claim()
    with full_disk(50_000):
        assert second.pull() == 0
        assert "has space" in second.state().last_error
    assert second.pull() == 1
    assert content(other) == content(store)


# By itself, in the background


def test_rows_go_within_the_time_or_when_many_wait(make: Callable[..., tuple[Store, Sync]], remote: Path) -> None:
    store, sync = make("one", within=0.2, rows=1000)
    sync.start()
    sync.start()  # twice is once
    store.append("votes", {"n": 1})
    eventually(lambda: sync.state().synced == 1)
    sync.stop()

    store, sync = make("two", within=2.0, rows=3)  # looks every 0.2 s, and sends one row after 1.6 s
    sync.start()
    eventually(lambda: sync._pulled)
    store.append_many("votes", [({}, None)] * 2)
    time.sleep(0.3)
    assert sync.state().waiting == 2
    store.append("votes", {})
    eventually(lambda: sync.state().waiting == 0)


def test_the_start_takes_in_what_others_wrote_even_if_the_remote_is_late(
    make: Callable[..., tuple[Store, Sync]], remote: Path, workspace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_LONGEST", 0.05)
    store, sync = make("one")
    store.append("votes", {"n": 1})
    sync.stop()
    remote.rename(workspace / "late")
    remote.write_text("not mounted yet")
    other, second = make("two", within=0.1)
    assert second.pull() == 0
    second.start()
    eventually(lambda: second._failures > 2)
    remote.unlink()
    (workspace / "late").rename(remote)
    eventually(lambda: other.count("votes") == 1)
    eventually(lambda: second.state().last_error == "")


def test_stop_sends_what_waits_and_more_can_follow(make: Callable[..., tuple[Store, Sync]], remote: Path) -> None:
    store, sync = make("one")
    sync.start()
    store.append("votes", {"n": 1})
    assert sync.stop().waiting == 0
    assert [thread.name for thread in threading.enumerate() if thread.name.startswith("sync")] == []
    store.append("votes", {"n": 2})
    sync.start()
    assert sync.stop().waiting == 0
    assert sync.stop().synced == 2
    store.close()
    assert sync.stop().synced == 2  # harmless after the end, too


def test_many_private_rows_are_passed_over_once(
    make: Callable[..., tuple[Store, Sync]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_ROWS", 10)
    store, sync = make("one", within=0.1)
    sync.start()
    store.append_many("private.x", [({}, None)] * 50)
    eventually(lambda: sync._upto == 50)
    store.append("votes", {})
    eventually(lambda: sync.state().synced == 1)


def test_a_long_backlog_goes_in_shards_of_bearable_size(
    make: Callable[..., tuple[Store, Sync]], remote: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_ROWS", 4)
    monkeypatch.setattr(module, "_AT_ONCE", 3)
    monkeypatch.setattr(module, "_BYTES", 1000)
    store, sync = make("one")
    store.append_many("votes", [({"n": n}, None) for n in range(10)])
    for size in (990, 2000, 5):
        store.append("votes", {"n": "x" * size})
    assert sync.flush().synced == 13
    assert [len(path.read_bytes().splitlines()) for path in shards(remote)] == [4, 4, 2, 1, 1, 1]
    other, second = make("two")
    assert second.pull() == 13
    assert content(other) == content(store)


def test_appends_go_on_while_a_lot_comes_in(make: Callable[..., tuple[Store, Sync]]) -> None:
    store, sync = make("one")
    store.append_many("votes", [({"n": n}, None) for n in range(3000)])
    sync.flush()
    other, second = make("two")
    coming = threading.Thread(target=second.pull)
    coming.start()
    mine = [other.append("votes", {"mine": n}).id for n in range(20)]
    coming.join(10)
    assert other.count("votes") == 3020
    assert set(mine) < {row.id for row in other.rows("votes")}


def test_two_processes_never_choose_the_same_name(make: Callable[..., tuple[Store, Sync]], remote: Path) -> None:
    for n in range(3):
        store, sync = make(str(n))
        store.append("votes", {"n": n})
        sync.flush()
    names = [path.name for path in shards(remote)]
    assert len({name.split("-", 3)[-1] for name in names}) == 3
    assert [size for _, size in Folder(remote).shards()] == [path.stat().st_size for path in shards(remote)]
