"""What visitors make: apart from the owner's, not too large, gone after a day."""

import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from shared import folders
from shared.env import Environment
from shared.errors import PlaygroundError
from shared.policy import OWNER, Caller
from shared.store import Artifact
from shared.suite import Suite
from shared.visitors import VisitorStore, size

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


def age(path: Path, seconds: float = 4000) -> None:
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
    with pytest.raises(PlaygroundError, match=r"The files of 'local:first@\w+' are gone .* Load or make it again"):
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
    with pytest.raises(PlaygroundError, match="not in the workspace"):
        suite.store.find(made.ref)
    assert suite.store.artifacts("datasets") == []
    suite.close()
