"""From what a person named, uploaded or picked, to a dataset in the store."""

import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from shared.datasets.dataset import Dataset, open_dataset
from shared.datasets.hub import load_hub
from shared.datasets.ingest import ingest
from shared.errors import PlaygroundError
from shared.policy import Caller
from shared.progress import Progress
from shared.store import Artifact, Store
from shared.suite import suite
from shared.uploads import Upload, local_file
from shared.visitors import watched

HUB_NAME = re.compile(r"^(hub:)?[\w.-]+/[\w.-]+(@[\w.-]+)?(#.*)?$")
UNSAFE = re.compile(r"[^\w.-]+")
FORMS = (
    "Upload a file, type a Hub name such as 'openai/gsm8k', a ref such as 'local:name@0123456789ab', or try a sample."
)


@dataclass(frozen=True)
class Origin:
    """Where a dataset came from, so that the same load can be run again.

    Attributes:
        source: The `source` argument that loads the very same rows again.
        inputs: Refs of what was read, by name.
    """

    source: str
    inputs: dict[str, str]


def read(source: str | Upload, split: str, config: str, caller: Caller) -> Iterator[Progress | tuple[Dataset, Origin]]:
    """Read a source into the store; the last item is the dataset and its origin.

    Args:
        source: An upload, or a text: a sample, a ref, an allowed path, or a Hub name.
        split: Part of a Hub dataset, such as "train".
        config: Configuration of a Hub dataset.
        caller: Whose token may be used.

    Raises:
        PlaygroundError: The source does not exist, cannot be read, or is too large for a visitor.
    """
    store = suite().store_of(caller)
    yield from watched(store, _read(store, source, split, config, caller))


def _read(
    store: Store, source: str | Upload, split: str, config: str, caller: Caller
) -> Iterator[Progress | tuple[Dataset, Origin]]:
    if isinstance(source, Upload):
        yield from _read_raw(store, _keep(store, source.path, source.name, ours=True))
        return
    text = source.strip()
    if not text:
        raise PlaygroundError(f"No dataset was named. {FORMS}")
    if text.startswith("builtin:"):
        yield open_dataset(store, text), Origin(text, {"source": text})
    elif text.startswith("local:"):
        yield from _read_local(store, text)
    elif path := local_file(text, suite().environment):
        yield from _read_raw(store, _keep(store, path, path.name, ours=False))
    elif HUB_NAME.match(text):
        yield from _read_hub(store, text, split, config, caller)
    else:
        raise PlaygroundError(f"'{text[:200]}' names no dataset. {FORMS}")


def _keep(store: Store, path: Path, name: str, ours: bool) -> Artifact:
    """The raw file as an artifact of its own, so that the load can be replayed: linked when it is ours, else copied."""
    with store.writing("uploads", name) as folder:
        target = folder / (UNSAFE.sub("_", name)[-60:].lstrip(".") or "file")  # messages name the file
        if ours:
            target.hardlink_to(path)
        else:  # its owner may go on writing into it
            shutil.copyfile(path, target)
        return store.put("uploads", name, folder)


def _read_raw(store: Store, raw: Artifact) -> Iterator[Progress | tuple[Dataset, Origin]]:
    origin = Origin(raw.ref, {"source": raw.ref})
    (file,) = raw.path.iterdir()
    for item in ingest(store, file, file.name, source=raw.ref):
        yield (item, origin) if isinstance(item, Dataset) else item


def _read_local(store: Store, text: str) -> Iterator[Progress | tuple[Dataset, Origin]]:
    found = store.find(text)
    if found.kind == "uploads":
        yield from _read_raw(store, found)
        return
    dataset = open_dataset(store, text)
    yield dataset, Origin(dataset.ref, {"source": dataset.ref})


def _read_hub(
    store: Store, text: str, split: str, config: str, caller: Caller
) -> Iterator[Progress | tuple[Dataset, Origin]]:
    name, _, part = text.removeprefix("hub:").partition("#")
    name, _, revision = name.partition("@")
    from_ref = part.split("/") if part else []
    config = config or (from_ref[0] if len(from_ref) > 1 else "")
    split = split or (from_ref[-1] if from_ref else "")
    environment = suite().environment
    steps = load_hub(
        store,
        name,
        config=config,
        split=split,
        revision=revision,
        token=caller.token,
        endpoint=environment.hub_endpoint,
        cache=store.home / "cache" / "hub",
    )
    for item in steps:
        yield (item, Origin(item.source, {"source": item.source})) if isinstance(item, Dataset) else item
