"""Single cells with another value, and texts with what is personal or secret in them masked; every type stays as it is."""

import base64
from collections.abc import Iterator, Sequence
from datetime import time
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import numpy as np

from apps.dataset_explorer import pii
from apps.dataset_explorer.pii import Finding
from apps.dataset_explorer.recipes import Edit
from shared.errors import PlaygroundError

if TYPE_CHECKING:
    import pyarrow
    from numpy.typing import NDArray


class Edits:
    """New values of cells, checked against the types of their columns before anything is read.

    Args:
        edits: One edit a cell at most.
        schema: The dataset's Arrow schema.
        rows: How many rows the dataset has.

    Raises:
        PlaygroundError: A row or column does not exist, or a value does not fit its column.
    """

    def __init__(self, edits: Sequence[Edit], schema: "pyarrow.Schema", rows: int) -> None:
        import pyarrow as pa

        self._new: dict[str, tuple[NDArray[np.int64], pyarrow.Array]] = {}
        columns: dict[str, dict[int, pyarrow.Array]] = {}
        for edit in edits:
            check_row(edit.row, rows)
            if edit.column not in schema.names:
                raise PlaygroundError(f"There is no column '{edit.column}'. There are: {', '.join(schema.names[:50])}.")
            columns.setdefault(edit.column, {})[edit.row] = _cell(edit, schema.field(edit.column))
        for name, cells in columns.items():
            places = sorted(cells)
            self._new[name] = (np.array(places, np.int64), pa.concat_arrays([cells[row] for row in places]))

    def apply(self, batch: "pyarrow.RecordBatch", first: int) -> "pyarrow.RecordBatch":
        """The batch with the new values in it.

        Args:
            batch: Some rows.
            first: Number of its first row in the dataset.
        """
        for name, (rows, values) in self._new.items():
            low, high = np.searchsorted(rows, [first, first + batch.num_rows])
            if low < high:
                batch = _replace(batch, name, rows[low:high] - first, values.slice(low, high - low))
        return batch


def check_row(row: int, rows: int) -> None:
    """Refuse a row that is not there.

    Raises:
        PlaygroundError: It is not.
    """
    if not 0 <= row < rows:
        last = f"They are numbered from 0 to {rows - 1:,}." if rows else "The dataset has no rows."
        raise PlaygroundError(f"There is no row {row:,}. {last}")


def mask(
    batch: "pyarrow.RecordBatch", rows: "NDArray[np.int64]", columns: Sequence[str], only: Sequence[str]
) -> "pyarrow.RecordBatch":
    """The batch with what is personal or secret replaced by its kind, such as [email], in some rows.

    Args:
        batch: Some rows.
        rows: Places in the batch that are looked at; the others stay as they are.
        columns: Columns that are looked at: the texts in them, also those inside lists and objects.
        only: Kinds that are masked, as `pii.kinds` names them.
    """
    import pyarrow as pa

    if not len(rows) or not only:
        return batch
    for name in columns:
        column = batch.column(name)
        old = column.take(pa.array(rows)).to_pylist()
        texts = list(_texts(old))
        new = iter(_masked(texts, only))
        if texts:
            values = pa.array([_refill(value, new) for value in old], column.type)
            batch = _replace(batch, name, rows, values)
    return batch


def blank(text: str, findings: Sequence[Finding], shown: bool = False) -> str:
    """A text with what was found in it replaced.

    Args:
        text: The text.
        findings: What was found, in order of place.
        shown: Put what may be shown of it, such as "j…@e….com", instead of its kind.
    """
    parts, end = [], 0
    for each in findings:
        parts += [text[end : each.start], each.masked if shown else f"[{each.kind}]"]
        end = each.end
    return "".join([*parts, text[end:]])


def _masked(texts: list[str], only: Sequence[str]) -> list[str]:
    found: dict[int, list[Finding]] = {}
    for each in pii.find(texts, only):
        if not each.reserved:
            found.setdefault(each.row, []).append(each)
    return [blank(text, found[row]) if row in found else text for row, text in enumerate(texts)]


def _texts(value: Any) -> Iterator[str]:
    """Every text in a value, however deep, in order."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for each in value.values():
            yield from _texts(each)
    elif isinstance(value, list | tuple):
        for each in value:
            yield from _texts(each)


def _refill(value: Any, new: Iterator[str]) -> Any:
    """The value with its texts taken from `new`, in the order of `_texts`."""
    if isinstance(value, str):
        return next(new)
    if isinstance(value, dict):
        return {key: _refill(each, new) for key, each in value.items()}
    if isinstance(value, list):
        return [_refill(each, new) for each in value]
    return tuple(_refill(each, new) for each in value) if isinstance(value, tuple) else value


def _replace(
    batch: "pyarrow.RecordBatch", name: str, places: "NDArray[np.int64]", values: "pyarrow.Array"
) -> "pyarrow.RecordBatch":
    """The batch with other values at some places of a column; works for every Arrow type that can be taken from."""
    import pyarrow as pa

    column, at = batch.column(name), batch.schema.get_field_index(name)
    indices = np.arange(len(column))
    indices[places] = len(column) + np.arange(len(values))
    made = pa.concat_arrays([column, values]).take(pa.array(indices))
    arrays = [made if place == at else array for place, array in enumerate(batch.columns)]
    return pa.RecordBatch.from_arrays(arrays, schema=batch.schema)


def _cell(edit: Edit, field: "pyarrow.Field") -> "pyarrow.Array":
    """The new value as an Arrow array of one."""
    import pyarrow as pa

    value, kind = edit.value, field.type
    if value is None:
        if not field.nullable:
            raise PlaygroundError(f"Column '{edit.column}' has no empty cells. Give row {edit.row:,} a value.")
        return pa.nulls(1, kind)
    try:
        made = _read(value, kind)
    except (pa.ArrowException, TypeError, ValueError, OverflowError, ArithmeticError):
        made = None
    if made is None or (not isinstance(value, str) and not _same(value, made[0].as_py())):
        shown = repr(value) if len(repr(value)) <= 80 else repr(value)[:77] + "..."
        raise PlaygroundError(
            f"{shown} does not fit column '{edit.column}', whose type is {kind}. Give row {edit.row:,} a value of that type."
        )
    return made


def _read(value: Any, kind: "pyarrow.DataType") -> "pyarrow.Array | None":
    import pyarrow as pa

    types = pa.types
    if types.is_decimal(kind) and isinstance(value, float):
        return pa.array([Decimal(repr(value))], kind)
    holds = kind.value_type if types.is_dictionary(kind) else kind
    if not isinstance(value, str) or types.is_string(holds) or types.is_large_string(holds):
        return pa.array([value], kind)
    if types.is_nested(kind):
        return None
    if types.is_time(kind):
        return pa.array([time.fromisoformat(value)], kind)
    if types.is_binary(kind) or types.is_large_binary(kind) or types.is_fixed_size_binary(kind):
        head, _, rest = value.partition("base64:")
        return None if head or "base64:" not in value else pa.array([base64.b64decode(rest, validate=True)], kind)
    if types.is_timestamp(kind) and kind.tz is None:
        return pa.array([value.removesuffix("Z")]).cast(kind)
    return pa.array([value]).cast(kind)


def _same(given: Any, made: Any) -> bool:
    """Whether Arrow kept all of a value: it cuts decimals off whole numbers and drops keys that a struct has not."""
    if isinstance(given, dict):
        made = dict(made) if isinstance(made, list) else made
        return isinstance(made, dict) and all(key in made and _same(each, made[key]) for key, each in given.items())
    if isinstance(given, list):
        return (
            isinstance(made, list)
            and len(given) == len(made)
            and all(_same(one, two) for one, two in zip(given, made, strict=True))
        )
    if isinstance(given, float) and isinstance(made, Decimal):
        return Decimal(repr(given)) == made
    return isinstance(given, bool) == isinstance(made, bool) and bool(given == made)
