"""Folders named by their content."""

import hashlib
import json
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.errors import PlaygroundError
from shared.folders import UNFINISHED, move, remove, seal, sync_folder, tidy

from .faults import watched_syncs

pytestmark = pytest.mark.disk
OTHER_DISK = Path("/dev/shm")


def fill(folder: Path, files: dict[str, bytes]) -> Path:
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return folder


def by_hand(files: dict[str, bytes]) -> str:
    parts = sorted([name, hashlib.sha256(content).hexdigest(), len(content)] for name, content in files.items())
    return hashlib.sha256(json.dumps(parts, separators=(",", ":")).encode()).hexdigest()


@pytest.mark.parametrize(
    ("name", "tidied"),
    [
        ("gsm8k_v1.2-clean", "gsm8k_v1.2-clean"),
        ("my data (2).csv", "my-data-2-.csv"),
        ("../../etc/passwd", "etc-passwd"),
        ("..", "unnamed-5ec1f7"),
        ("", "unnamed-e3b0c4"),
    ],
)
def test_a_name_becomes_plain(name: str, tidied: str) -> None:
    assert tidy(name) == tidied


def test_names_that_lose_letters_stay_different() -> None:
    names = ["数据集", "数学集", "café", "cafè", "x" * 64, "x" * 65, "x" * 66, "a数", "\ud800"]
    assert len({tidy(name) for name in names}) == len(names)


@given(st.text(max_size=200))
def test_any_name_is_short_plain_and_no_way_out(name: str) -> None:
    tidied = tidy(name)
    assert 1 <= len(tidied) <= 64
    assert all(character.isascii() and (character.isalnum() or character in "._-") for character in tidied)
    assert tidied not in (".", "..")
    assert tidy(tidied) == tidied


def test_the_hash_is_that_of_paths_contents_and_sizes(workspace: Path) -> None:
    files = {"data.parquet": b"abc", "deep/er/x.json": b"", "数据.txt": b"\x00" * 1000}
    assert seal(fill(workspace / "a", files)) == (by_hand(files), 1003)


@pytest.mark.parametrize(
    "other",
    [{"a": b"1", "b": b"3"}, {"a": b"1", "c": b"2"}, {"a": b"1"}, {"a": b"1", "b": b"2", "d": b""}, {"a": b"12"}],
)
def test_another_content_has_another_hash(workspace: Path, other: dict[str, bytes]) -> None:
    first, _ = seal(fill(workspace / "a", {"a": b"1", "b": b"2"}))
    again, _ = seal(fill(workspace / "z", {"b": b"2", "a": b"1"}))
    second, _ = seal(fill(workspace / "b", other))
    assert first == again != second


def test_what_is_no_folder_of_files_is_refused(workspace: Path) -> None:
    (workspace / "empty" / "inner").mkdir(parents=True)
    fill(workspace / "file", {"x": b"1"})
    fill(workspace / "linked", {"x": b"1"}).joinpath("link").symlink_to("/etc/passwd")
    fill(workspace / "linked folder", {"x": b"1"}).joinpath("link").symlink_to(workspace)
    os.mkfifo(fill(workspace / "pipe", {"x": b"1"}) / "pipe")
    (workspace / "link").symlink_to(workspace / "file")
    for name, says in [
        ("missing", "not a folder"),
        ("file/x", "not a folder"),
        ("link", "not a folder"),
        ("empty", "holds no file"),
        ("linked", "not a plain file"),
        ("linked folder", "is a link"),
        ("pipe", "not a plain file"),
    ]:
        with pytest.raises(PlaygroundError, match=says):
            seal(workspace / name)


def test_a_folder_moves_to_its_place_and_a_second_copy_is_dropped(workspace: Path) -> None:
    target = workspace / "artifacts" / "datasets" / "abc"
    move(fill(workspace / "a", {"x": b"1"}), target)
    move(fill(workspace / "b", {"x": b"1"}), target)
    assert (target / "x").read_bytes() == b"1"
    assert not (workspace / "a").exists()
    assert not (workspace / "b").exists()
    move(target, target)  # it is there already, and stays
    assert (target / "x").exists()


def test_every_file_and_name_is_durable_before_the_folder_has_its_place(workspace: Path) -> None:
    folder, target = fill(workspace / "a", {"x": b"1", "deep/y": b"2"}), workspace / "artifacts" / "datasets" / "abc"
    with watched_syncs() as seen:
        seal(folder)
        move(folder, target)
    inside = [str(folder / name) for name in ("x", "deep/y", "deep")]
    assert set(seen[:3]) == {*inside}
    assert seen[3:] == [str(folder), str(workspace), str(workspace / "artifacts"), str(target.parent)]


def test_part_of_another_artifact_stays_where_it_is(workspace: Path) -> None:
    shelf = workspace / "artifacts"
    kept = fill(shelf / "datasets" / "abc", {"deep/x": b"1"})
    for folder in (kept, kept / "deep"):
        with pytest.raises(PlaygroundError, match="part of another artifact"):
            move(folder, shelf / "models" / "abc")
    assert (kept / "deep" / "x").exists()
    move(fill(shelf / UNFINISHED / "new", {"x": b"2"}), shelf / "models" / "abc")


class Late(type(Path())):
    """A place that looks free, as it does when somebody else puts the same content there a moment later."""

    def exists(self, **_: object) -> bool:
        return False


def test_two_who_put_the_same_at_once_both_succeed(workspace: Path) -> None:
    target = Late(workspace / "artifacts" / "datasets" / "abc")
    fill(Path(target), {"x": b"1"})
    move(fill(workspace / "a", {"x": b"1"}), target)
    assert not (workspace / "a").exists()
    assert (target / "x").read_bytes() == b"1"


def test_another_fault_of_the_rename_is_told(workspace: Path) -> None:
    target = Late(workspace / "artifacts" / "datasets" / "abc")
    target.parent.mkdir(parents=True)
    target.write_bytes(b"a file where a folder belongs")
    folder = fill(workspace / "a", {"x": b"1"})
    with pytest.raises(NotADirectoryError):
        move(folder, target)
    assert (folder / "x").exists()


@pytest.mark.skipif(not OTHER_DISK.is_dir(), reason="there is no second disk to move from")
def test_a_folder_on_another_disk_is_copied_and_then_renamed(workspace: Path) -> None:
    far = OTHER_DISK / f"playground-test-{os.getpid()}"
    if OTHER_DISK.stat().st_dev == workspace.stat().st_dev:
        pytest.skip("the second disk is the same disk")
    try:
        move(fill(far, {"deep/x": b"1"}), workspace / "artifacts" / "datasets" / "abc")
        assert not far.exists()
    finally:
        remove(far)
    assert (workspace / "artifacts" / "datasets" / "abc" / "deep" / "x").read_bytes() == b"1"
    assert list((workspace / "artifacts" / UNFINISHED).iterdir()) == []


def test_what_is_not_there_needs_no_removal(workspace: Path) -> None:
    remove(workspace / "missing")
    sync_folder(workspace)
    if Path("/proc").is_dir():
        sync_folder(Path("/proc"))  # knows no fsync, like some mounted remotes
    with pytest.raises(FileNotFoundError):
        sync_folder(workspace / "missing")
