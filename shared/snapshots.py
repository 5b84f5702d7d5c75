"""A repository of the Hugging Face Hub, fetched into the cache that its own library reads.

Weights come as safetensors only, data as Parquet, Arrow, JSON, CSV and text: never pickles, never Python. Big files go on
where an earlier process was stopped.
"""

import fcntl
import hashlib
import re
import shutil
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from shared.catalog import Kind
from shared.errors import PlaygroundError
from shared.progress import Progress

Watch = Callable[[Progress], object]

ABOUT = ("*.md", "LICENSE*", "NOTICE*", "COPYING*")
MODEL_FILES = (
    "*.safetensors",
    "*.json",
    "*.jinja",
    "*.txt",
    "tokenizer*.model",
    "sentencepiece*.model",
    "spiece.model",
)
DATA_FILES = (
    "*.parquet",
    "*.arrow",
    *(f"*.{e}{z}" for e in ("json", "jsonl", "csv", "tsv", "txt") for z in ("", ".gz", ".zst")),
)
NEVER = ("*.py", "*.bin", "*.pt", "*.pth", "*.ckpt", "*.pkl", "*.pickle", "*.npy", "*.npz", "*.joblib", "*.so")
AGAIN = ("consolidated*.safetensors", "original/*", "metal/*", "onnx/*", "openvino/*")  # the same weights, once more
NO_DATA = ("dataset_info*.json", "requirements*.txt")
RESUMED = 8 * 2**20  # bytes from which on a file is worth going on with


@dataclass(frozen=True)
class Repository:
    """One repository, and where and with which key to ask for it.

    Attributes:
        id: Its name, `owner/name`.
        kind: "models" or "datasets".
        revision: Branch, tag or commit.
        endpoint: The Hub's address.
        token: The key for that address: a string; None for the one `hf auth login` stored; False for none.
        cache: The folder to fetch into; None is the cache of huggingface_hub (HF_HUB_CACHE, or `hub` in HF_HOME).
    """

    id: str
    kind: Kind
    revision: str = "main"
    endpoint: str = "https://huggingface.co"
    token: str | bool | None = field(default=None, repr=False)
    cache: Path | None = None

    @property
    def type(self) -> str:
        """The kind as the Hub's library calls it: "model" or "dataset"."""
        return self.kind.removesuffix("s")

    @property
    def page(self) -> str:
        """Its page."""
        return f"{self.endpoint}/{'datasets/' if self.kind == 'datasets' else ''}{self.id}"


@dataclass(frozen=True)
class Contents:
    """What a repository holds that may be fetched.

    Attributes:
        commit: The commit that its revision names now.
        sizes: Bytes of each file that is wanted; empty when what matters is missing.
        missing: Those that are not in the cache yet, smallest first.
        ignored: Patterns of what is left out.
    """

    commit: str
    sizes: dict[str, int]
    missing: list[str]
    ignored: list[str]

    @property
    def needs(self) -> int:
        """Bytes still to be fetched."""
        return sum(self.sizes[name] for name in self.missing)


def wanted(names: Iterable[str], kind: Kind) -> tuple[list[str], list[str]]:
    """Files of a repository that are safe and useful.

    Args:
        names: Every file.
        kind: "models" or "datasets".

    Returns:
        The files, and patterns of what was left out. No files at all when there are no safetensors, or no data.
    """
    safe = [name for name in names if not _matches(name, NEVER)]
    if kind == "datasets":
        found = [name for name in safe if _matches(name, DATA_FILES + ABOUT)]
        return (found if any(_matches(name, DATA_FILES) and not _matches(name, NO_DATA) for name in found) else []), [
            *NEVER
        ]
    found = [name for name in safe if _matches(name, MODEL_FILES + ABOUT)]
    once = [name for name in found if not _matches(name, AGAIN)]
    if any(name.endswith(".safetensors") for name in once):
        return once, [*NEVER, *AGAIN]
    return (found if any(name.endswith(".safetensors") for name in found) else []), [*NEVER]


def look(repository: Repository) -> Contents:
    """Ask the Hub what a repository holds.

    Raises:
        OSError: The Hub refuses; an error of huggingface_hub.
        httpx2.HTTPError: The Hub cannot be reached.
    """
    from huggingface_hub import HfApi, try_to_load_from_cache

    api = HfApi(endpoint=repository.endpoint, token=repository.token)
    about = api.dataset_info if repository.kind == "datasets" else api.model_info
    info = about(repository.id, revision=repository.revision, files_metadata=True, timeout=20)
    sizes = {each.rfilename: int(each.size or 0) for each in info.siblings or []}
    names, ignored = wanted(sizes, repository.kind)
    commit = str(info.sha)

    def cached(name: str) -> bool:
        found = try_to_load_from_cache(
            repository.id, name, cache_dir=repository.cache, revision=commit, repo_type=repository.type
        )
        return isinstance(found, str)

    missing = sorted((name for name in names if not cached(name)), key=sizes.__getitem__)
    return Contents(commit, {name: sizes[name] for name in names}, missing, ignored)


def fetch(repository: Repository, contents: Contents, watch: Watch) -> None:
    """Fetch what is missing.

    Args:
        repository: From where.
        contents: What `look` found.
        watch: Called many times: stage is a file's name, done and total are its bytes, eta_seconds its time left.

    Raises:
        PlaygroundError: A file arrived damaged, or another process is fetching it.
        OSError: The Hub refuses, the network breaks off or the disk is full; an error of huggingface_hub.
        httpx2.HTTPError: The Hub cannot be reached.
    """
    from huggingface_hub import hf_hub_download
    from huggingface_hub.constants import MAX_HTTP_DOWNLOAD_SIZE

    for name in contents.missing:
        size = contents.sizes[name]
        bar = _bar(watch, name, size)
        if RESUMED <= size < MAX_HTTP_DOWNLOAD_SIZE:
            _resume(repository, contents.commit, name, bar)
        hf_hub_download(
            repository.id,
            name,
            repo_type=repository.type,
            revision=contents.commit,
            cache_dir=repository.cache,
            endpoint=repository.endpoint,
            token=repository.token,
            tqdm_class=bar,
        )
        watch(Progress(name, size, size, 0.0))
    cached(repository, contents.ignored, ask=True)


def cached(repository: Repository, ignored: Iterable[str] = (), ask: bool = False) -> Path:
    """The folder of a repository in the cache, complete.

    Args:
        repository: Which.
        ignored: Patterns of what need not be there.
        ask: Ask the Hub which commit the revision names and note it, so that the revision is found without a network
            later on; else look at this machine alone.

    Raises:
        OSError: It is not there, or not complete; an error of huggingface_hub.
    """
    from huggingface_hub import snapshot_download

    found = snapshot_download(
        repository.id,
        repo_type=repository.type,
        revision=repository.revision,
        cache_dir=repository.cache,
        allow_patterns=[*(DATA_FILES if repository.kind == "datasets" else MODEL_FILES), *ABOUT],
        ignore_patterns=[*ignored],
        endpoint=repository.endpoint,
        token=repository.token,
        local_files_only=not ask,
        tqdm_class=_bar(lambda _: None, "", 0),
    )
    return Path(found)


def disk(repository: Repository) -> tuple[Path, int]:
    """The folder of the cache, and the bytes that are free on its disk."""
    from huggingface_hub.constants import HF_HUB_CACHE

    folder = place = repository.cache or Path(HF_HUB_CACHE)
    while not place.exists():
        place = place.parent
    return folder, shutil.disk_usage(place).free


def _matches(name: str, patterns: Iterable[str]) -> bool:
    """Whether a path fits a pattern; a star stands for slashes too, as in huggingface_hub."""
    return any(fnmatchcase(name, pattern) for pattern in patterns)


class _Bar:
    """Bytes of one file. Does what huggingface_hub 2.4 wants of a tqdm bar, and nothing more."""

    def __init__(self, watch: Watch, name: str, size: int, done: int) -> None:
        self.n: float = done
        self.total: float | None = size
        self.format_dict: dict[str, Any] = {}
        self._watch, self._name, self._size, self._first = watch, name, size, done
        self._start = time.monotonic()

    def __enter__(self) -> "_Bar":
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def update(self, n: float | None = 1) -> None:
        """Count bytes that were written."""
        self.n += n or 0
        gained, seconds = self.n - self._first, time.monotonic() - self._start
        eta = (self._size - self.n) * seconds / gained if gained > 0 else None
        self._watch(Progress(self._name, int(self.n), self._size, eta))

    def _nothing(self, *_: object, **__: object) -> None:
        """Calls that would redraw or rename a bar, or count bytes on the wire."""

    close = refresh = update_transfer = _nothing
    set_postfix_str = set_transfer_postfix_str = set_description = set_description_str = _nothing


def _bar(watch: Watch, name: str, size: int) -> type[_Bar]:
    """A class, because the library makes the object itself."""

    class Bound(_Bar):
        def __init__(self, *_: object, initial: int = 0, **__: object) -> None:
            super().__init__(watch, name, size, initial)

    return Bound


def _resume(repository: Repository, commit: str, name: str, bar: Any) -> None:
    """Fetch a big file so that a later process goes on where this one is stopped.

    huggingface_hub throws a partial file away when its process ends (its pull request 4228; still so in 2.4). So the
    bytes go into a file of ours beside its blobs, are checked, and become the blob that it looks for.
    """
    from huggingface_hub import get_hf_file_metadata, hf_hub_url
    from huggingface_hub.file_download import http_get, repo_folder_name
    from huggingface_hub.utils._headers import build_hf_headers

    place = {"repo_id": repository.id, "repo_type": repository.type}
    url = hf_hub_url(repository.id, name, repo_type=repository.type, revision=commit, endpoint=repository.endpoint)
    about = get_hf_file_metadata(url, token=repository.token, endpoint=repository.endpoint)
    tag = about.etag or ""
    blob = disk(repository)[0] / repo_folder_name(**place) / "blobs" / tag
    if not re.fullmatch(r"[0-9a-f]{64}", tag) or blob.exists():  # only then is the tag the content's SHA-256
        return
    blob.parent.mkdir(parents=True, exist_ok=True)
    part = blob.with_name(f"{tag}.part")
    with part.open("ab") as file, _alone(file, name):
        headers = build_hf_headers(token=repository.token)
        done = part.stat().st_size
        http_get(url, file, resume_size=done, headers=headers, expected_size=about.size, tqdm_class=bar)
        file.flush()
        with part.open("rb") as written:
            whole = hashlib.file_digest(written, "sha256").hexdigest() == tag
        if not whole:
            part.unlink()
            raise PlaygroundError(f"{name} arrived damaged and was removed. Run it again.")
        part.replace(blob)


@contextmanager
def _alone(file: Any, name: str) -> Iterator[None]:
    """Two processes must not write the same file."""
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        raise PlaygroundError(f"Another process is fetching {name}. Wait for it.") from error
    yield
