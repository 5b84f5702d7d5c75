"""The sample datasets that ship: small, our own, under the project's licence; a page offers them when it is empty."""

import hashlib
import tomllib
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from shared import env
from shared.datasets.dataset import Dataset
from shared.datasets.ingest import ingest
from shared.errors import PlaygroundError
from shared.refs import Ref
from shared.store import Store

FOLDER = env.ROOT / "manifests" / "samples"
INDEX = "samples.toml"


@dataclass(frozen=True)
class Sample:
    """A dataset that ships.

    Attributes:
        name: What `builtin:` refs call it.
        title: What a page calls it.
        sentence: What is in it.
        licence: Under which licence it may be used.
        path: Its file.
    """

    name: str
    title: str
    sentence: str
    licence: str
    path: Path

    @property
    def ref(self) -> str:
        """Its name with its content, for a record: `builtin:name@` and twelve digits of the file's SHA-256."""
        return f"builtin:{self.name}@{hashlib.sha256(self.path.read_bytes()).hexdigest()[:12]}"


def samples(folder: Path = FOLDER) -> list[Sample]:
    """All samples, in the order in which a page offers them."""
    with (folder / INDEX).open("rb") as handle:
        listed = tomllib.load(handle)
    return [
        Sample(name, facts["title"], facts["sentence"], facts["licence"], folder / facts["file"])
        for name, facts in listed.items()
    ]


def open_sample(store: Store, ref: Ref, offered: Iterable[Sample] | None = None) -> Dataset:
    """A sample as a dataset; it is ingested when it is opened, which takes milliseconds and gives the same bytes.

    Args:
        store: Where it goes.
        ref: `builtin:name`, or `builtin:name@sha` for exactly that content.
        offered: The samples there are; None is those that ship.

    Raises:
        PlaygroundError: There is no such sample, or it has other content by now.
    """
    known = {sample.name: sample for sample in (samples() if offered is None else offered)}
    sample = known.get(ref.name)
    if sample is None:
        raise PlaygroundError(f"There is no sample '{ref.name}'. The samples are: {', '.join(known)}.")
    if ref.revision and not sample.ref.partition("@")[2].startswith(ref.revision[:12].lower()):
        raise PlaygroundError(
            f"'{ref}' is another version of the sample than this one ships, {sample.ref}. Use that, or the version of the "
            "project that recorded the ref."
        )
    *_, dataset = ingest(store, sample.path, sample.name, licence=sample.licence, source=f"builtin:{sample.name}")
    assert isinstance(dataset, Dataset)
    return replace(dataset, ref=sample.ref)
