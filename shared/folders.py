"""Folders that are named by their content: hashing, making durable, moving into place."""

import errno
import hashlib
import json
import os
import re
import shutil
from pathlib import Path
from uuid import uuid4

from shared.errors import PlaygroundError

UNFINISHED = ".unfinished"
_OTHER = re.compile(r"[^A-Za-z0-9._-]+")


def tidy(name: str) -> str:
    """A name of 1 to 64 letters, digits, dots, dashes and underscores.

    Other characters become dashes. Where letters or digits are lost that way (Chinese, accents) or the name is cut,
    six digits of the hash of the whole name follow, so that different names stay different.
    """
    plain = _OTHER.sub("-", name).strip("-.")
    lost = any(character.isalnum() and not character.isascii() for character in name)
    if plain and not lost and len(plain) <= 64:
        return plain
    digits = hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest()[:6]
    return f"{plain[:57].rstrip('-.') or 'unnamed'}-{digits}"


def seal(folder: Path) -> tuple[str, int]:
    """Make a folder durable and name its content.

    Returns:
        SHA-256 (64 digits) over the relative path, SHA-256 and size of every file, and the size in bytes of them all.

    Raises:
        PlaygroundError: It is no folder, it is empty, or something in it is neither file nor folder.
        OSError: The disk refuses.
    """
    if not folder.is_dir() or folder.is_symlink():
        raise PlaygroundError(f"'{folder}' is not a folder, so it cannot be kept as an artifact.")
    parts: list[tuple[str, str, int]] = []
    for place, _, names in os.walk(folder, topdown=False):
        for name in names:
            path = Path(place, name)
            parts.append((path.relative_to(folder).as_posix(), *_seal_file(path)))
        sync_folder(Path(place))
    links = [path for path in folder.rglob("*") if path.is_symlink()]
    if links:
        raise PlaygroundError(f"'{links[0]}' is a link. An artifact holds files only: copy what it points to.")
    if not parts:
        raise PlaygroundError(f"The folder '{folder}' holds no file, so there is nothing to keep.")
    text = json.dumps(sorted(parts), separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest(), sum(size for _, _, size in parts)


def _seal_file(path: Path) -> tuple[str, int]:
    """Hash, size; the file's bytes are on the disk afterwards."""
    if path.is_symlink() or not path.is_file():
        raise PlaygroundError(f"'{path}' is not a plain file. An artifact holds files only: copy what it points to.")
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
        os.fsync(file.fileno())
        return digest, file.tell()


def move(folder: Path, target: Path) -> None:
    """Rename a sealed folder to its place; when the same content is there already, this copy is dropped.

    Raises:
        PlaygroundError: The folder is another artifact.
        OSError: The disk refuses.
    """
    if folder.resolve() == target.resolve():
        return
    shelf = target.parent.parent
    if folder.resolve().is_relative_to(shelf.resolve()) and shelf / UNFINISHED not in folder.absolute().parents:
        raise PlaygroundError(f"'{folder}' is part of another artifact and stays there. Put a copy.")
    if not target.parent.is_dir():
        target.parent.mkdir(parents=True, exist_ok=True)
        sync_folder(shelf.parent)
        sync_folder(shelf)
    if target.exists():
        remove(folder)
        return
    try:
        folder.rename(target)
    except OSError as error:
        if error.errno == errno.EXDEV:
            _move_far(folder, target)
        elif error.errno in (errno.ENOTEMPTY, errno.EEXIST):  # somebody else put the same content a moment ago
            remove(folder)
        else:
            raise
    sync_folder(target.parent)


def _move_far(folder: Path, target: Path) -> None:
    """The same from another disk: copy first, so that the last step is a rename all the same."""
    near = target.parent.parent / UNFINISHED / uuid4().hex
    try:
        shutil.copytree(folder, near)
        seal(near)
        move(near, target)
    finally:
        remove(near)
    remove(folder)


def remove(folder: Path) -> None:
    """Remove a folder or file as far as that is possible; nothing is said when it is not there."""
    if folder.is_file():
        folder.unlink(missing_ok=True)
    shutil.rmtree(folder, ignore_errors=True)


def sync_folder(folder: Path) -> None:
    """Make the names in a folder durable."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    except OSError as error:
        if error.errno != errno.EINVAL:  # some mounted remotes have no such thing
            raise
    finally:
        os.close(handle)
