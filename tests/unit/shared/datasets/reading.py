"""What the tests of this package share: bytes in, rows out."""

import gzip
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import zstandard

from shared.datasets.dataset import Dataset
from shared.datasets.files import LIMITS, Limits, Source
from shared.datasets.ingest import ingest
from shared.datasets.rows import Reader, Tally
from shared.errors import PlaygroundError
from shared.store import Store


def write(folder: Path, name: str, content: bytes | str) -> Path:
    path = folder / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def lines(*rows: object) -> str:
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)


def unfinished(store: Store) -> list[Path]:
    folder = store.home / "artifacts" / ".unfinished"
    return list(folder.iterdir()) if folder.exists() else []


def read(store: Store, path: Path, limits: Limits = LIMITS, **facts: str) -> Dataset:
    *progress, dataset = ingest(store, path, facts.pop("name", "set"), limits=limits, **facts)
    assert isinstance(dataset, Dataset)
    assert progress
    assert not unfinished(store)
    return dataset


def rows(dataset: Dataset) -> list[dict[str, object]]:
    return dataset.page(0, dataset.rows)


@contextmanager
def refused_whole(store: Store, *words: str) -> Iterator[None]:
    """The block raises a PlaygroundError that says all these words, and the store stays as it was."""
    before = store.artifacts("datasets")
    with pytest.raises(PlaygroundError) as caught:
        yield
    for word in words:
        assert word in str(caught.value), str(caught.value)
    assert store.artifacts("datasets") == before
    assert not unfinished(store)


def tallied(reader: Reader, path: Path, limits: Limits = LIMITS) -> tuple[list[dict[str, object]], Tally]:
    """What one reader makes of a file: rows with None for what is missing, and the tally."""
    tally = Tally(limits.listed)
    found: list[dict[str, object]] = []
    for part in reader(Source(path, limits), tally):
        assert part.start == len(found)
        found += [{name: values[at] for name, values in part.columns.items()} for at in range(part.count)]
    assert len(found) == tally.accepted
    return found, tally


PACKERS = {"": lambda data: data, ".gz": lambda data: gzip.compress(data, mtime=0), ".zst": zstandard.compress}
