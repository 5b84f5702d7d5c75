"""Where copies of the rows can go. A remote holds a mark with its own id, and shards that are never changed."""

import errno
import json
import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO
from uuid import uuid4

from shared.errors import PlaygroundError
from shared.folders import sync_folder
from shared.rows import now

FORMS = "Write PLAYGROUND_REMOTE as folder:PATH, such as folder:/data/playground, or leave it empty to send nothing."
_LATER = ("bucket", "dataset")


class Folder:
    """A folder that other machines see too: a mounted bucket, a network disk, a folder that is synchronised.

    Args:
        root: The folder. It is made when it is first used, inside a folder that is there.
    """

    def __init__(self, root: Path) -> None:
        self.root = root

    def attach(self, used: bool) -> str:
        """The id of this remote, from its mark; a folder without one gets one.

        What was sent is counted by this id: a folder that comes back empty, or another disk mounted in its place, has
        another id and gets all rows again.

        Args:
            used: Whether rows went here before. Then a missing folder is one that is gone, not one to make.

        Raises:
            OSError: The folder is gone or refuses.
            PlaygroundError: The mark cannot be read.
        """
        mark = self.root / "playground.json"
        if not self.root.is_dir():
            if used:
                raise FileNotFoundError(errno.ENOENT, "The folder is gone; is its disk mounted?", str(self.root))
            self.root.mkdir()
        with suppress(FileNotFoundError):
            return _id(mark)
        fresh = mark.with_name(f".{uuid4().hex}.part")
        _write(fresh, json.dumps({"schema": 1, "id": uuid4().hex, "made": now()}).encode())
        try:
            os.link(fresh, mark)  # unlike a rename it does not replace the mark of another who came first
        except FileExistsError:
            pass
        except OSError:  # some mounted remotes have no links
            fresh.replace(mark)
        finally:
            fresh.unlink(missing_ok=True)
        sync_folder(self.root)
        return _id(mark)

    def shards(self) -> Iterator[tuple[str, int]]:
        """Name and size of every shard, in the order in which they were written."""
        for path in sorted((self.root / "rows").glob("*/*.jsonl")):
            yield path.relative_to(self.root).as_posix(), path.stat().st_size

    def open(self, name: str) -> BinaryIO:
        """A shard, to be read."""
        return (self.root / name).open("rb")

    def write(self, name: str, content: bytes) -> None:
        """Write a shard; it has its name only when all of it is on the disk.

        Raises:
            OSError: The folder is gone, full or refuses; nothing of the shard is left.
        """
        path = self.root / name
        for folder in (path.parent.parent, path.parent):
            if not folder.is_dir():
                folder.mkdir(exist_ok=True)
                sync_folder(folder.parent)
        part = path.with_name(f".{path.name}.part")
        try:
            _write(part, content)
            part.rename(path)
        finally:
            with suppress(OSError):
                part.unlink(missing_ok=True)
        sync_folder(path.parent)


def parse_remote(text: str) -> Folder | None:
    """The remote that PLAYGROUND_REMOTE names; None when it is empty.

    Raises:
        PlaygroundError: It is none of the forms that there are.
    """
    scheme, colon, rest = text.strip().partition(":")
    if not scheme and not colon:
        return None
    if scheme in _LATER and colon:
        raise PlaygroundError(f"'{text}': this version cannot copy rows to a {scheme} of the Hub yet. {FORMS}")
    if scheme != "folder" or not rest:
        raise PlaygroundError(f"'{text}' is not a place that rows can be copied to. {FORMS}")
    return Folder(Path(rest).expanduser().absolute())


def _id(mark: Path) -> str:
    try:
        found = json.loads(mark.read_bytes())
    except ValueError:
        found = None
    if not isinstance(found, dict) or not isinstance(found.get("id"), str):
        raise PlaygroundError(f"{mark} cannot be read. Delete that file: all rows are then sent there again.")
    return str(found["id"])


def _write(path: Path, content: bytes) -> None:
    with path.open("xb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
