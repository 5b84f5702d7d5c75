"""A repository fetched into the cache: what is taken, and that a big file goes on where it was stopped."""

import fcntl
import hashlib
import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from shared.errors import PlaygroundError
from shared.progress import Progress
from shared.snapshots import Repository, cached, fetch, look, wanted
from tests.hub_server import Hub

WEIGHTS = os.urandom(9 * 2**20)  # more than snapshots.RESUMED
MODEL = {"config.json": "{}", "tokenizer.json": "{}", "model.safetensors": WEIGHTS, "README.md": "# A"}


@pytest.fixture
def hub(workspace: Path) -> Iterator[Hub]:
    with Hub(workspace / "hub") as server:
        yield server


def test_wanted_takes_weights_once() -> None:
    shards = ["model-1.safetensors", "consolidated.safetensors", "original/model.safetensors", "config.json"]
    names, ignored = wanted(shards, "models")
    assert names == ["model-1.safetensors", "config.json"]
    assert "consolidated*.safetensors" in ignored
    assert wanted(["consolidated.safetensors", "params.json"], "models")[0] == [
        "consolidated.safetensors",
        "params.json",
    ]
    assert wanted(["a.bin", "config.json"], "models")[0] == []
    assert wanted([], "datasets")[0] == []
    data = ["data/a.parquet", "b.jsonl.zst", "c.csv.gz", "README.md", "LICENSE", "x.py", "y.pkl", "z.tar"]
    assert wanted(data, "datasets")[0] == data[:5]


def big(workspace: Path, hub: Hub) -> tuple[Repository, Path]:
    hub.add("models", "tester/big", MODEL)
    repository = Repository("tester/big", "models", endpoint=hub.url, token=False, cache=workspace / "cache")
    blobs = workspace / "cache" / "models--tester--big" / "blobs"
    blobs.mkdir(parents=True)
    return repository, blobs / f"{hashlib.sha256(WEIGHTS).hexdigest()}.part"


@pytest.mark.hub
def test_a_big_file_goes_on_where_an_earlier_process_stopped(workspace: Path, hub: Hub) -> None:
    repository, part = big(workspace, hub)
    part.write_bytes(WEIGHTS[: 6 * 2**20])
    seen: list[Progress] = []
    fetch(repository, look(repository), seen.append)
    assert (cached(repository) / "model.safetensors").read_bytes() == WEIGHTS
    assert not part.exists()
    first = next(each for each in seen if each.stage == "model.safetensors")
    assert first.done > 6 * 2**20
    assert first.total == len(WEIGHTS)
    assert seen[-1] == Progress("model.safetensors", len(WEIGHTS), len(WEIGHTS), 0.0)
    fetch(repository, replace(look(repository), missing=["model.safetensors"]), seen.append)  # a blob without a link


@pytest.mark.hub
def test_a_part_of_something_else_is_found_out_and_removed(workspace: Path, hub: Hub) -> None:
    repository, part = big(workspace, hub)
    part.write_bytes(bytes(6 * 2**20))
    with pytest.raises(PlaygroundError, match=r"model\.safetensors arrived damaged"):
        fetch(repository, look(repository), lambda _: None)
    assert not part.exists()
    fetch(repository, look(repository), lambda _: None)
    assert (cached(repository) / "model.safetensors").read_bytes() == WEIGHTS


@pytest.mark.hub
def test_two_processes_do_not_write_the_same_file(workspace: Path, hub: Hub) -> None:
    repository, part = big(workspace, hub)
    with part.open("ab") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        with pytest.raises(PlaygroundError, match=r"Another process is fetching model\.safetensors"):
            fetch(repository, look(repository), lambda _: None)


@pytest.mark.hub
def test_a_connection_that_is_cut_is_taken_up_again(workspace: Path, hub: Hub) -> None:
    repository, _ = big(workspace, hub)
    hub.fault("GET", "/resolve/.*safetensors", cut=3 * 2**20)
    fetch(repository, look(repository), lambda _: None)
    assert (cached(repository) / "model.safetensors").read_bytes() == WEIGHTS
