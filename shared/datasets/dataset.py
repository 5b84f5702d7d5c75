"""A dataset of the store: what is known about it, and its rows in order."""

import json
from bisect import bisect_left
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from shared.datasets.rows import Refusal
from shared.datasets.texts import column_texts, row_texts
from shared.errors import PlaygroundError
from shared.refs import Ref, parse
from shared.shapes import Shape
from shared.store import Artifact, Store

if TYPE_CHECKING:
    import pyarrow
    import pyarrow.parquet

__all__ = ["DATA", "FACTS", "KIND", "Dataset", "Refusal", "of_artifact", "open_dataset"]

KIND = "datasets"
DATA = "data.parquet"
FACTS = "dataset.json"


@dataclass(frozen=True)
class Dataset:
    """A dataset of the store.

    Attributes:
        ref: Its name for good: `local:name@sha` or, for a sample, `builtin:name@sha`.
        name: What a person calls it.
        rows: How many rows; they are numbered from 0 in source order.
        columns: Column names, in order, all different.
        types: Arrow type of each column, as text.
        shape: What the rows are: conversations, pairs, questions and answers.
        licence: As given where it came from; "" when not known.
        source: Where it came from.
        refused: The first rows of the source that could not be read.
        refused_rows: How many could not be read.
        notes: What else a person should know about how it was read.
        path: Its Parquet file.
    """

    ref: str
    name: str
    rows: int
    columns: list[str]
    types: dict[str, str]
    shape: Shape
    licence: str = ""
    source: str = ""
    refused: list[Refusal] = field(default_factory=list)
    refused_rows: int = 0
    notes: list[str] = field(default_factory=list)
    path: Path = Path()

    def facts(self) -> dict[str, Any]:
        """Everything but where it is stored, as JSON has it."""
        return {name: value for name, value in asdict(self).items() if name not in ("ref", "path")}

    def batches(self, columns: list[str] | None = None) -> Iterator["pyarrow.RecordBatch"]:
        """All rows in order, a row group at a time (at most 16,384 rows and, as Arrow, about 32 MiB).

        Args:
            columns: Only these columns, in this order; None is all.

        Raises:
            PlaygroundError: There is no such column.
        """
        names = self.columns if columns is None else [self._column(name) for name in columns]
        with self._open() as file:
            for group in range(file.metadata.num_row_groups):
                yield _read_group(file, group, names)

    def texts(self, column: str = "") -> Iterator["pyarrow.StringArray"]:
        """The text of every row in order, a row group at a time; what has no text is "".

        Args:
            column: Whose text; "" is the whole row: the texts of all columns joined by one space. Lists and structs
                are their leaf values joined by one space.

        Raises:
            PlaygroundError: There is no such column.
        """
        for batch in self.batches([column] if column else None):
            yield _texts(batch, column)

    def texts_of(self, rows: Iterable[int], column: str = "") -> dict[int, str]:
        """The texts of some rows, by row number; reads only the row groups that they are in.

        Args:
            rows: Numbers of rows; those that the dataset does not have are left out.
            column: Whose text; "" is the whole row, as in `texts`.

        Raises:
            PlaygroundError: There is no such column.
        """
        wanted = sorted(set(rows))
        names = [self._column(column)] if column else self.columns
        found: dict[int, str] = {}
        with self._open() as file:
            first = 0
            for group in range(file.metadata.num_row_groups):
                size = file.metadata.row_group(group).num_rows
                some = wanted[bisect_left(wanted, first) : bisect_left(wanted, first + size)]
                if some:
                    batch = _read_group(file, group, names).take([row - first for row in some])
                    found |= zip(some, _texts(batch, column).to_pylist(), strict=True)
                first += size
        return found

    def page(self, start: int, count: int) -> list[dict[str, Any]]:
        """Rows `start` to `start + count`, as far as there are any; reads only the row groups that they are in.

        Args:
            start: Number of the first row, from 0.
            count: How many.

        Raises:
            PlaygroundError: A number is negative.
        """
        if start < 0 or count < 0:
            raise PlaygroundError(f"Rows {start} to {start + count} are asked for. Rows are numbered from 0.")
        found: list[dict[str, Any]] = []
        with self._open() as file:
            first = 0
            for group in range(file.metadata.num_row_groups):
                size = file.metadata.row_group(group).num_rows
                begin, end = max(start, first), min(start + count, first + size)
                if begin < end:
                    found += _read_group(file, group, self.columns).slice(begin - first, end - begin).to_pylist()
                first += size
                if first >= start + count:
                    break
        return found

    def _column(self, name: str) -> str:
        if name not in self.types:
            raise PlaygroundError(f"'{self.name}' has no column '{name}'. It has: {', '.join(self.columns[:50])}.")
        return name

    def _open(self) -> "pyarrow.parquet.ParquetFile":
        import pyarrow.parquet as pq

        return pq.ParquetFile(self.path, pre_buffer=False)


def _texts(batch: "pyarrow.RecordBatch", column: str) -> "pyarrow.StringArray":
    import pyarrow.compute as pc

    return pc.fill_null(column_texts(batch.column(0)), "") if column else row_texts(batch)


def _read_group(file: "pyarrow.parquet.ParquetFile", group: int, names: list[str]) -> "pyarrow.RecordBatch":
    """One row group as one batch, also one without rows."""
    import pyarrow as pa

    # Parquet takes "a" for a struct's fields "a.b" too, so what comes back may be more than was asked for.
    table = file.read_row_group(group, columns=names, use_threads=False).select(names).combine_chunks()
    return next(iter(table.to_batches()), pa.RecordBatch.from_pylist([], table.schema))


def of_artifact(artifact: Artifact) -> Dataset:
    """The dataset that an artifact of kind "datasets" holds.

    Raises:
        PlaygroundError: Its files are not those of a dataset.
    """
    try:
        facts = json.loads((artifact.path / FACTS).read_text(encoding="utf-8"))
        shape = Shape(**facts.pop("shape"))
        refused = [Refusal(**each) for each in facts.pop("refused")]
        return Dataset(ref=artifact.ref, shape=shape, refused=refused, path=artifact.path / DATA, **facts)
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise PlaygroundError(f"'{artifact.ref}' is no dataset that this version can read. Load it again.") from error


def open_dataset(store: Store, ref: str | Ref) -> Dataset:
    """The dataset that a ref names.

    Args:
        store: Where it is.
        ref: `local:name@sha` of anything loaded before, or `builtin:name` of a sample that ships.

    Raises:
        PlaygroundError: It is not there, or it is no dataset.
    """
    wanted = ref if isinstance(ref, Ref) else parse(ref)
    if wanted.scheme == "builtin":
        from shared.datasets.samples import open_sample  # samples are ingested, and ingesting makes datasets

        return open_sample(store, wanted)
    if wanted.scheme == "hub":
        raise PlaygroundError(f"'{wanted}' is on the Hub. Load it first; loading returns the ref of the copy here.")
    return of_artifact(store.find(wanted, KIND))
