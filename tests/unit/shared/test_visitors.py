"""What visitors make: apart from the owner's, not too large, gone after a day."""

import os
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from shared import folders
from shared.env import Environment
from shared.errors import PlaygroundError
from shared.policy import OWNER, Caller
from shared.progress import Progress
from shared.store import Artifact
from shared.suite import Suite
from shared.visitors import VisitorStore, size, watched

VISITOR = Caller("v", owner=False)


@pytest.fixture
def store(workspace: Path) -> Iterator[VisitorStore]:
    made = VisitorStore(workspace / "visitors", kept=3600, each=1000, whole=1500)
    yield made
    made.close()


def keep(store: VisitorStore, name: str, bytes_: int) -> Artifact:
    with store.writing("datasets", name) as folder:
        (folder / "data").write_bytes(name.encode().ljust(bytes_))
        return store.put("datasets", name, folder)


def age(path: Path, seconds: float = 8000) -> None:
    os.utime(path, (time.time() - seconds,) * 2)


def test_what_is_too_large_is_refused_and_leaves_nothing(store: VisitorStore) -> None:
    with pytest.raises(PlaygroundError, match=r"more than 0\.0 GiB, the most for a visitor"):
        keep(store, "big", 1001)
    assert size(store.home / "artifacts") == 0
    with store.writing("datasets", "big") as folder:
        (folder / "data").write_bytes(bytes(1001))
        with pytest.raises(PlaygroundError, match="the most for a visitor"):
            store.check_growing()
        folders.remove(folder)
    assert size(store.home / "artifacts") == 0
    assert keep(store, "small", 1000).size == 1000


def test_all_visitors_together_have_a_limit(workspace: Path) -> None:
    store = VisitorStore(workspace / "visitors", whole=200_000)
    keep(store, "one", 150_000)
    keep(store, "two", 150_000)
    with pytest.raises(PlaygroundError, match="What visitors opened here takes"):
        keep(store, "three", 1)
    store.close()


def test_what_is_old_is_removed_and_can_be_loaded_again(store: VisitorStore, workspace: Path) -> None:
    beside = workspace / "uploads"
    (beside / "old").mkdir(parents=True)
    (beside / "new").mkdir()
    store._beside = beside
    first, second = keep(store, "first", 10), keep(store, "second", 10)
    words = store.home / "cache" / "keywords" / "words.npz"
    words.parent.mkdir(parents=True)
    words.write_bytes(b"x")
    for path in (first.path, words, beside / "old"):
        age(path)
    keep(store, "third", 10)
    assert not first.path.exists()
    with pytest.raises(PlaygroundError, match=r"'local:first@\w+' is not here.* Load or make it again"):
        store.find(first.ref)
    assert store.find(second.ref).path.is_dir()
    assert not words.exists()
    assert [path.name for path in beside.iterdir()] == ["new"]
    assert keep(store, "first", 10).ref == first.ref
    assert store.find(first.ref).path.is_dir()


def test_loading_again_begins_the_time_anew(store: VisitorStore) -> None:
    first = keep(store, "first", 10)
    age(first.path, 3000)
    keep(store, "first", 10)
    age_before = time.time() - first.path.stat().st_mtime
    assert age_before < 1000


def test_a_visitor_and_the_owner_have_stores_of_their_own(workspace: Path) -> None:
    suite = Suite(Environment(home=workspace / "home", space="me/space"))
    assert suite.store_of(OWNER) is suite.store
    mine = suite.store_of(VISITOR)
    assert isinstance(mine, VisitorStore)
    assert mine is suite.store_of(Caller("w", owner=False))
    made = keep(mine, "secret", 10)
    suite.start()
    assert not made.path.exists(), "a server that starts has no visitor yet"
    assert "visitors' data" in {thread.name for thread in threading.enumerate()}, "what is old goes by itself"
    with pytest.raises(PlaygroundError, match="not in the workspace"):
        suite.store.find(made.ref)
    assert suite.store.artifacts("datasets") == []
    suite.close()


def test_after_its_time_it_is_not_found_but_who_reads_it_can_finish(store: VisitorStore) -> None:
    made = keep(store, "first", 10)
    age(made.path, 3700)
    store.sweep()
    with pytest.raises(PlaygroundError, match="removed after 1 hours"):
        store.find(made.ref)
    assert (made.path / "data").read_bytes()
    assert keep(store, "first", 10).ref == made.ref
    assert store.find(made.ref)


def test_what_is_not_found_tells_nothing_of_the_server(store: VisitorStore, workspace: Path) -> None:
    made = keep(store, "first", 10)
    for ref in (made.ref, "local:first@000000000000"):
        with pytest.raises(PlaygroundError) as told:
            store.find(ref, "models")
        assert str(workspace) not in str(told.value)
    with pytest.raises(PlaygroundError, match="is not a ref"):
        store.find("first")


def test_what_somebody_puts_again_is_not_swept_meanwhile(store: VisitorStore) -> None:
    made = keep(store, "first", 10)
    age(made.path)
    stop = threading.Event()

    def sweep() -> None:
        while not stop.is_set():
            store.sweep()

    sweeping = threading.Thread(target=sweep)
    sweeping.start()
    try:
        for _ in range(30):
            if made.path.exists():
                age(made.path)
            assert store.find(keep(store, "first", 10).ref).path.is_dir()
    finally:
        stop.set()
        sweeping.join()


def test_uploads_count_once_under_both_names(workspace: Path) -> None:
    beside = workspace / "uploads"
    (beside / "sent").mkdir(parents=True)
    (beside / "sent" / "data").write_bytes(bytes(900))
    assert size(workspace) == size(workspace, beside) == 900
    os.link(beside / "sent" / "data", workspace / "other")
    assert size(workspace) == 900
    store = VisitorStore(workspace / "visitors", whole=800, beside=beside)
    with pytest.raises(PlaygroundError, match="What visitors opened here takes"):
        keep(store, "one", 1)
    store.close()


def test_sizes_of_what_goes_meanwhile(workspace: Path) -> None:
    stop = threading.Event()

    def come_and_go() -> None:
        while not stop.is_set():
            folder = workspace / "a" / "b"
            folder.mkdir(parents=True)
            (folder / "x").write_bytes(b"x")
            folders.remove(workspace / "a")

    going = threading.Thread(target=come_and_go)
    going.start()
    try:
        assert all(size(workspace) in (0, 1) for _ in range(2000))
    finally:
        stop.set()
        going.join()


def test_links_to_pages_and_everybodys_vectors_go_too(store: VisitorStore, workspace: Path) -> None:
    store._beside = workspace / "uploads"
    link, vectors = store._beside / "deep_links" / "old", store.home / "cache" / "embeddings" / "minilm.sqlite"
    link.mkdir(parents=True)
    vectors.parent.mkdir(parents=True)
    vectors.write_bytes(bytes(1001))
    age(link)
    store.sweep()
    assert not link.exists()
    assert link.parent.exists()
    assert not vectors.exists()


def test_work_that_writes_too_much_is_ended(store: VisitorStore) -> None:
    ended = []

    def work(folder: Path) -> Iterator[Progress]:
        try:
            with (folder / "data").open("wb") as file:
                while True:
                    file.write(bytes(300))
                    file.flush()
                    yield Progress("Writing")
        finally:
            ended.append(True)

    with pytest.raises(PlaygroundError, match="the most for a visitor"), store.writing("exports", "x") as folder:
        for _ in watched(store, work(folder)):
            pass
    assert ended
    assert size(store.home / "artifacts") == 0


def test_what_everybody_writes_together_has_a_limit(store: VisitorStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shared.visitors.LOOK", -1.0)
    with store.writing("a", "1") as first, store.writing("a", "2") as second:
        (first / "x").write_bytes(bytes(900))
        store.check_growing()
        (second / "x").write_bytes(bytes(900))
        with pytest.raises(PlaygroundError, match="What visitors opened here takes"):
            store.check_growing()
