"""The columns of a dataset as its rows go by: what has been seen, and what is written."""

import re
from collections import defaultdict
from functools import partial
from typing import TYPE_CHECKING, Any

from shared.datasets.files import Limits
from shared.datasets.kinds import FLOAT, INT, LONG, NULL, TEXT, WORDS, Kind, arrow_type, fit, infer, merge, seal
from shared.datasets.rows import Rows, Tally, check_width, unique_names

if TYPE_CHECKING:
    import pyarrow

_WHOLE = re.compile(r"-?[1-9][0-9]{0,18}|0")
_REASONS = {
    "large": "has whole numbers beyond 64 bits (first in row {rows}): kept as text, with all digits.",
    "wide": "has objects with more than {keys} different keys (first in row {rows}): kept as JSON text.",
    "deep": "is nested more than {depth} levels deep (first in row {rows}): what lies deeper is kept as JSON text.",
    "empty": "has only empty objects (first in row {rows}): kept as JSON text.",
}


class Columns:
    """Unifies the kinds of all columns, and makes Arrow batches of one schema.

    The first batch freezes the schema. When a later batch needs another one, `learn` says so, and the file is read
    again with what was learned: nothing is converted twice, so nothing can be lost on the way.
    """

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._seen: dict[str, Kind] = {}
        self._written: dict[str, Kind] = {}
        self._kept: dict[tuple[str, str], dict[str, int]] = defaultdict(dict)

    def learn(self, rows: Rows) -> bool:
        """Take in what a batch holds.

        Returns:
            Whether the batch fits the schema that was frozen.

        Raises:
            PlaygroundError: There are more columns than a dataset may have.
        """
        for name, values in rows.columns.items():
            known = self._seen.get(name, NULL)
            if rows.literal:
                self._seen[name] = _merge_literals(known, _infer_literals(values, known))
            else:
                self._seen[name] = merge(known, infer(values, self._limits), self._limits)
        check_width(len(self._seen), rows.start + rows.count, self._limits)
        return self._sealed() == self._written

    def freeze(self) -> None:
        """From now on, write the schema of everything learned so far."""
        self._written = self._sealed()
        self._kept.clear()

    @property
    def names(self) -> list[str]:
        """Columns seen so far."""
        return list(self._seen)

    def _sealed(self) -> dict[str, Kind]:
        return {name: seal(kind) for name, kind in self._seen.items()}

    @property
    def schema(self) -> "pyarrow.Schema":
        """The frozen schema."""
        import pyarrow as pa

        names, _ = unique_names(list(self._written))
        kinds = self._written.values()
        return pa.schema([pa.field(name, arrow_type(kind)) for name, kind in zip(names, kinds, strict=True)])

    def batch(self, rows: Rows) -> "pyarrow.RecordBatch":
        """The rows as Arrow, in the frozen schema."""
        import pyarrow as pa

        schema = self.schema
        arrays = []
        for (name, kind), field in zip(self._written.items(), schema, strict=True):
            if name not in rows.columns:
                arrays.append(pa.nulls(rows.count, field.type))
            elif rows.literal:
                arrays.append(pa.array(_read_literals(rows.columns[name], kind), field.type))
            elif kind.plain:
                arrays.append(pa.array(rows.columns[name], field.type))
            else:
                arrays.append(pa.array(self._fitted(name, kind, rows), field.type))
        return pa.RecordBatch.from_arrays(arrays, schema=schema)

    def _fitted(self, name: str, kind: Kind, rows: Rows) -> list[Any]:
        values = enumerate(rows.columns[name], start=rows.start)
        return [fit(value, kind, name, partial(self._keep, row)) for row, value in values]

    def _keep(self, row: int, path: str, why: str, value: Any) -> None:
        self._kept[path, why].setdefault(WORDS[type(value)], row)

    def tell(self, tally: Tally) -> None:
        """Note what was kept as text and why, and which columns got another name."""
        for (path, why), first in self._kept.items():
            rows = f"{min(first.values()):,}"
            if why != "mixed":
                reason = _REASONS[why].format(rows=rows, keys=self._limits.keys, depth=self._limits.depth)
                tally.note(f"Column '{path}' {reason}")
            else:
                mix = ", ".join(f"{what} (first in row {row:,})" for what, row in first.items())
                tally.note(f"Column '{path}' holds {mix}: all are kept as text, what is not text as JSON.")
        for note in unique_names(list(self._written))[1]:
            tally.note(note)


def _infer_literals(values: list[str], known: Kind) -> Kind:
    """int, long or float when every value is the text that Python writes for that number; empty values are left out."""
    if known is TEXT:
        return TEXT
    given = [value for value in values if value]
    if not given:
        return NULL
    if all(map(_WHOLE.fullmatch, given)):
        size = max(abs(int(value)) for value in given)
        return INT if size <= 1 << 53 else LONG if size < 1 << 63 else TEXT
    return FLOAT if all(map(_is_number, given)) else TEXT


def _is_number(value: str) -> bool:
    if _WHOLE.fullmatch(value):
        return abs(int(value)) <= 1 << 53
    try:
        return value[-1].isdigit() and repr(float(value)) == value
    except ValueError:
        return False


def _merge_literals(a: Kind, b: Kind) -> Kind:
    both = merge(a, b)
    return TEXT if both.name == "json" else both


def _read_literals(values: list[str], kind: Kind) -> list[Any]:
    if kind == INT:
        return [int(value) if value else None for value in values]
    if kind == FLOAT:
        return [float(value) if value else None for value in values]
    return list(values)
