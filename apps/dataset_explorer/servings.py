"""What each part gives to a mix: which rows, under which names, in which form; and the columns and shape of the whole."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from apps.dataset_explorer.chats import calls_tools, chat_schema, convert, convertible
from apps.dataset_explorer.recipes import provenance
from apps.dataset_explorer.shares import Rows, choose
from apps.dataset_explorer.unions import fit, unite
from shared.datasets.dataset import Dataset
from shared.datasets.rows import unique_names
from shared.errors import PlaygroundError
from shared.shapes import Shape, shape

if TYPE_CHECKING:
    import pyarrow

MARK = "mixed_from"


@dataclass(frozen=True)
class Serving:
    """What one part gives.

    Attributes:
        dataset: The part.
        rows: Numbers of its rows, ascending; a row that is taken twice is there twice.
        names: New names of its columns.
        chats: Whether its rows become conversations; then `tools` says in which form.
        tools: Whether conversations of the mix have calls of tools.
        mark: Column that says which part a row is from; "" for none.
    """

    dataset: Dataset
    rows: Rows
    names: dict[str, str] = field(default_factory=dict)
    chats: bool = False
    tools: bool = False
    mark: str = ""

    def batches(self, schema: "pyarrow.Schema") -> "Iterator[pyarrow.RecordBatch]":
        """The rows in the form of the mix; only batches that give any.

        Args:
            schema: The schema of the mix.
        """
        import pyarrow as pa

        first = 0
        for batch in self.dataset.batches():
            low, high = np.searchsorted(self.rows, [first, first + batch.num_rows])
            if low < high:
                taken = batch.take(pa.array(self.rows[low:high] - first))
                yield fit(self._formed(taken), schema)
            first += batch.num_rows

    def _formed(self, batch: "pyarrow.RecordBatch") -> "pyarrow.RecordBatch":
        import pyarrow as pa

        if self.chats:
            batch = convert(batch, self.dataset.shape, self.tools)
        arrays = list(batch.columns)
        names = [self.names.get(name, name) for name in batch.schema.names]
        if self.mark:
            arrays.append(pa.repeat(pa.scalar(self.dataset.ref), batch.num_rows))
            names.append(self.mark)
        return pa.RecordBatch.from_arrays(arrays, names=names)


@dataclass(frozen=True)
class Table:
    """What the servings make together.

    Attributes:
        servings: One a part.
        schema: Columns of the mix.
        shape: Row shape of the mix.
        marks: Columns that say where a row is from.
        notes: What a person should know.
    """

    servings: list[Serving]
    schema: "pyarrow.Schema"
    shape: Shape
    marks: list[str]
    notes: list[str]


def lay(parts: Sequence[Dataset], counts: Sequence[int], seed: int, chats: bool, mark: bool) -> Table:
    """Decide what each part gives, and how it fits the others.

    Args:
        parts: The parts.
        counts: Rows of each in the mix.
        seed: Chooses the rows.
        chats: Make every row a conversation.
        mark: Add a column that says which part a row is from.

    Raises:
        PlaygroundError: The parts do not fit together: which, why, and what to do.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    schemas = [pq.read_schema(each.path) for each in parts]
    notes: list[str] = []
    names: list[dict[str, str]] = [{} for _ in parts]
    tools = chats and any(calls_tools(each.shape, own) for each, own in zip(parts, schemas, strict=True))
    if chats:
        notes += _check_convertible(parts)
        schema = chat_schema(tools)
        found = shape(schema.names, [])
    else:
        _check_shapes(parts)
        names = [_align(parts[0], each) for each in parts]
        notes += [
            f"Column '{old}' of {each.name} is '{new}' here."
            for each, own in zip(parts, names, strict=True)
            for old, new in own.items()
        ]
        schema = unite([(each.name, _renamed(own, new)) for each, own, new in zip(parts, schemas, names, strict=True)])
        found = _joined(parts, names)
    marks = [name for each in parts for name in provenance(each) if name in schema.names]
    if mark:
        marks.append(unique_names([*schema.names, MARK])[0][-1])
        schema = schema.append(pa.field(marks[-1], pa.string()))
    servings = [
        Serving(each, choose(each.rows, count, seed, place), new, chats, tools, marks[-1] if mark else "")
        for place, (each, count, new) in enumerate(zip(parts, counts, names, strict=True))
    ]
    return Table(servings, schema, found, list(dict.fromkeys(marks)), notes)


def _check_shapes(parts: Sequence[Dataset]) -> None:
    if len({each.shape.name for each in parts}) > 1:
        shapes = ", ".join(f"{each.name} is {each.shape.name}" for each in parts)
        able = all(convertible(each.shape) for each in parts)
        way = ", or set to_messages to make every row a conversation" if able else ""
        raise PlaygroundError(f"The rows have different shapes: {shapes}. Mix parts of one shape{way}.")


def _check_convertible(parts: Sequence[Dataset]) -> list[str]:
    """What is left out when rows become conversations."""
    notes = []
    for each in parts:
        if not convertible(each.shape):
            raise PlaygroundError(
                f"{each.name} is {each.shape.name}, and such rows are no conversations: something of them would be lost. "
                "Leave it out, or do not set to_messages."
            )
        left = [name for name in each.columns if name not in each.shape.roles.values()]
        if left:
            notes.append(f"Of {each.name} these columns are left out: {', '.join(left)}.")
    return notes


def _align(first: Dataset, part: Dataset) -> dict[str, str]:
    """New names for the columns that play in a part what other columns play in the first one."""
    names = {}
    for role, new in first.shape.roles.items():
        old = part.shape.roles.get(role, new)
        if old != new:
            if new in part.columns:
                raise PlaygroundError(
                    f"The {role} is in '{new}' in {first.name} and in '{old}' in {part.name}, which has another column "
                    f"'{new}'. Give that one another name, or set to_messages."
                )
            names[old] = new
    return names


def _renamed(schema: "pyarrow.Schema", names: dict[str, str]) -> "pyarrow.Schema":
    import pyarrow as pa

    fields = [field.with_name(names.get(field.name, field.name)) for field in schema]
    return pa.schema(fields, metadata=schema.metadata)


def _joined(parts: Sequence[Dataset], names: Sequence[dict[str, str]]) -> Shape:
    """The shape that all parts have, with the roles that any of them has."""
    roles: dict[str, str] = {}
    for each, new in zip(parts, names, strict=True):
        roles = {role: new.get(column, column) for role, column in each.shape.roles.items()} | roles
    return Shape(parts[0].shape.name, roles, parts[0].shape.reason)
