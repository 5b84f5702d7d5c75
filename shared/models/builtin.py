"""The models and adapters that ship with the project, each with the hash of what decides its answers."""

import hashlib
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Literal

from shared import env
from shared.errors import PlaygroundError
from shared.models.servers import nearest
from shared.models.weights import CARD, adapted, card

FOLDER = env.ROOT / "embedded" / "weights"
ADAPTERS = "adapters"
COUNTED = ("*.safetensors", "*.json", "*.jinja")  # a card may be corrected without the model becoming another one


@dataclass(frozen=True)
class Builtin:
    """A model or adapter that ships.

    Attributes:
        ref: What it is called: `builtin:name`.
        folder: Its files.
        sha: SHA-256 of its weights, settings, tokenizer and template together, 64 digits.
        title: Its name for people.
        kind: "model", or "adapter", which needs a model under it.
        base: For an adapter, the ref of the model it was made for; else "".
    """

    ref: str
    folder: Path
    sha: str
    title: str
    kind: Literal["model", "adapter"]
    base: str = ""

    @property
    def name(self) -> str:
        """Its name without the scheme."""
        return self.ref.partition(":")[2]

    @property
    def pinned(self) -> str:
        """The ref that means these very bytes, for a record: `builtin:name@` and twelve digits."""
        return f"{self.ref}@{self.sha[:12]}"


def builtins(folder: Path = FOLDER) -> list[Builtin]:
    """Everything that ships, models first, by name.

    Args:
        folder: A folder a model, and in `adapters` a folder an adapter.
    """
    models = [_open(path, "model") for path in _folders(folder, "config.json")]
    return models + [_open(path, "adapter") for path in _folders(folder / ADAPTERS, "adapter_config.json")]


def builtin(name: str, revision: str = "", folder: Path = FOLDER) -> Builtin:
    """One model or adapter that ships.

    Args:
        name: "mini", or "builtin:mini".
        revision: First digits of the hash that it must have; "" for any.
        folder: Where they are.

    Raises:
        PlaygroundError: There is none of that name, or its content is another by now.
    """
    plain = name.removeprefix("builtin:")
    # a name holds no slashes when it comes from a ref; from elsewhere it must not lead out of the folder
    found = next((path for path in _everything(folder) if path.name == plain), None)
    if found is None:
        known = [f"builtin:{path.name}" for path in _everything(folder)]
        raise PlaygroundError(f"There is no model 'builtin:{plain}'. {nearest(f'builtin:{plain}', known)}")
    made = _open(found, "adapter" if found.parent.name == ADAPTERS else "model")
    if not made.sha.startswith(revision):
        raise PlaygroundError(
            f"'{made.ref}@{revision}' is another version than this one ships, {made.pinned}. Use that, or the version of the"
            " project that recorded the ref."
        )
    return made


def _everything(folder: Path) -> list[Path]:
    return [*_folders(folder, "config.json"), *_folders(folder / ADAPTERS, "adapter_config.json")]


def _folders(folder: Path, mark: str) -> list[Path]:
    """Folders that hold a finished model or adapter: its settings and its weights."""
    return sorted(path.parent for path in folder.glob(f"*/{mark}") if any(path.parent.glob("*.safetensors")))


def _open(folder: Path, kind: Literal["model", "adapter"]) -> Builtin:
    files = sorted({path for pattern in (*COUNTED, CARD) for path in folder.glob(pattern)})
    times = [path.stat() for path in files]
    return _read(
        folder, kind, tuple(files), tuple((each.st_size, each.st_mtime_ns, each.st_ctime_ns) for each in times)
    )


@lru_cache(maxsize=64)
def _read(
    folder: Path, kind: Literal["model", "adapter"], files: tuple[Path, ...], _: tuple[tuple[int, ...], ...]
) -> Builtin:
    """What the files say; their sizes and times tell when to look again."""
    base = ""
    if kind == "adapter":
        # adapters are written beside their base, whose path on the machine that made them means nothing here
        name = adapted(folder).removeprefix("builtin:").partition("@")[0].rstrip("/").rpartition("/")[2]
        base = f"builtin:{name}" if name else ""
    counted = [path for path in files if path.name != CARD]
    return Builtin(f"builtin:{folder.name}", folder, _hash(counted), card(folder).title or folder.name, kind, base)


def _hash(files: list[Path]) -> str:
    """SHA-256 over name and SHA-256 of each file."""
    whole = hashlib.sha256()
    for path in files:
        with path.open("rb") as file:
            whole.update(f"{path.name} {hashlib.file_digest(file, 'sha256').hexdigest()}\n".encode())
    return whole.hexdigest()
