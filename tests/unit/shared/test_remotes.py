"""A folder as a remote: its mark, and shards that are whole or not there."""

import json
from pathlib import Path

import pytest

from shared import remotes
from shared.errors import PlaygroundError
from shared.remotes import Folder, parse_remote

from .faults import full_disk, refusing, watched_syncs

pytestmark = pytest.mark.disk


def test_a_folder_and_nothing_are_the_places_there_are(workspace: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert parse_remote("") is None
    assert parse_remote("  ") is None
    assert parse_remote(f" folder:{workspace}/a:b ").root == workspace / "a:b"
    monkeypatch.setenv("HOME", str(workspace))
    assert parse_remote("folder:~/rows").root == workspace / "rows"
    monkeypatch.chdir(workspace)
    assert parse_remote("folder:rows").root == workspace / "rows"


@pytest.mark.parametrize("text", ["folder:", "folder", "/data", "s3:x", ":", "Folder:/x", "bucket"])
def test_other_places_are_refused_with_the_form(text: str) -> None:
    with pytest.raises(
        PlaygroundError, match=r"not a place that rows can be copied to. Write PLAYGROUND_REMOTE as folder:PATH"
    ):
        parse_remote(text)


@pytest.mark.parametrize("text", ["bucket:me/rows", "dataset:me/rows"])
def test_places_on_the_hub_are_not_there_yet(text: str) -> None:
    with pytest.raises(PlaygroundError, match=r"this version cannot copy rows to a (bucket|dataset).*folder:PATH"):
        parse_remote(text)


def test_the_first_to_come_marks_the_folder(workspace: Path) -> None:
    remote = Folder(workspace / "remote")
    mark = remote.attach(used=False)
    assert len(mark) == 32
    assert Folder(workspace / "remote").attach(used=False) == remote.attach(used=True) == mark
    assert [path.name for path in remote.root.iterdir()] == ["playground.json"]


def test_one_of_two_who_come_first_makes_the_mark(workspace: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    remote = Folder(workspace)
    real = remotes._write

    def slow(path: Path, content: bytes) -> None:
        real(path, content)
        monkeypatch.setattr(remotes, "_write", real)
        Folder(workspace).attach(used=False)  # the other one, meanwhile

    monkeypatch.setattr(remotes, "_write", slow)
    assert remote.attach(used=False) == Folder(workspace).attach(used=False)
    assert [path.name for path in workspace.iterdir()] == ["playground.json"]


def test_a_disk_without_links_is_marked_all_the_same(workspace: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError("no links here")

    monkeypatch.setattr("os.link", refuse)
    assert Folder(workspace).attach(used=False) == Folder(workspace).attach(used=True)
    assert [path.name for path in workspace.iterdir()] == ["playground.json"]


def test_a_folder_that_was_used_and_is_gone_is_not_made_again(workspace: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"The folder is gone; is its disk mounted\?.*remote"):
        Folder(workspace / "remote").attach(used=True)
    assert not (workspace / "remote").exists()
    with pytest.raises(FileNotFoundError):  # nor are its parents ever made: they may be where a disk belongs
        Folder(workspace / "a" / "b").attach(used=False)


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"{}", b'{"id": 3}', b"\xff\xff"])
def test_a_mark_that_cannot_be_read_says_what_to_do(workspace: Path, content: bytes) -> None:
    (workspace / "playground.json").write_bytes(content)
    with pytest.raises(PlaygroundError, match=r"playground.json cannot be read. Delete that file"):
        Folder(workspace).attach(used=True)


def test_shards_are_listed_oldest_first(workspace: Path) -> None:
    remote = Folder(workspace)
    remote.attach(used=False)
    assert list(remote.shards()) == []
    remote.write("rows/2026-02-01/b.jsonl", b"22")
    remote.write("rows/2026-01-01/c.jsonl", b"1")
    remote.write("rows/2026-02-01/a.jsonl", b"333")
    (workspace / "rows" / "2026-02-01" / ".x.jsonl.part").write_bytes(b"half")
    (workspace / "rows" / "notes.txt").write_bytes(b"of a person")
    names = [("rows/2026-01-01/c.jsonl", 1), ("rows/2026-02-01/a.jsonl", 3), ("rows/2026-02-01/b.jsonl", 2)]
    assert list(remote.shards()) == names
    with remote.open(names[1][0]) as file:
        assert file.read() == b"333"


def test_nothing_is_left_of_a_shard_that_did_not_fit(workspace: Path) -> None:
    remote = Folder(workspace)
    with full_disk(1000), pytest.raises(OSError, match="File too large"):
        remote.write("rows/2026-01-01/a.jsonl", b"x" * 2000)
    assert list((workspace / "rows" / "2026-01-01").iterdir()) == []
    remote.write("rows/2026-01-01/a.jsonl", b"x" * 2000)
    with refusing(workspace / "rows" / "2026-01-01"), pytest.raises(PermissionError):
        remote.write("rows/2026-01-01/b.jsonl", b"x")
    assert [name for name, _ in remote.shards()] == ["rows/2026-01-01/a.jsonl"]


def test_a_shard_is_durable_before_it_has_its_name(workspace: Path) -> None:
    day = workspace / "rows" / "2026-01-01"
    with watched_syncs() as seen:
        Folder(workspace).write("rows/2026-01-01/a.jsonl", b"x")
    assert seen == [str(workspace), str(day.parent), str(day / ".a.jsonl.part"), str(day)]
    with watched_syncs() as seen:
        Folder(workspace).attach(used=False)
    assert seen[-1] == str(workspace)


def test_a_root_that_vanished_is_not_made_by_a_shard(workspace: Path) -> None:
    with pytest.raises(FileNotFoundError):
        Folder(workspace / "gone").write("rows/2026-01-01/a.jsonl", b"x")
    assert not (workspace / "gone").exists()


def test_the_mark_is_plain_json(workspace: Path) -> None:
    mark = Folder(workspace).attach(used=False)
    found = json.loads((workspace / "playground.json").read_text())
    assert found["id"] == mark
    assert found["schema"] == 1
