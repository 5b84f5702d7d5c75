"""Values of a dataset or of a query's answer, as JSON can carry them: for pages, for the API and for exported files.

In a page, whole numbers beyond 2^53 are text, because JavaScript would round them; not-a-number and the infinities are
text; long values are cut, and say so. In a file, numbers keep all digits, not-a-number is null, and nothing is cut.
"""

import base64
import math
from collections.abc import Sequence
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any
from uuid import UUID

if TYPE_CHECKING:
    import pyarrow

LONGEST = 10_000
EXACT = 2**53 - 1
NUMBER = 8  # what a number counts against `LONGEST`


def shown(value: Any, longest: int = LONGEST) -> Any:
    """A value for a page: only what JSON has, and not too much of it.

    Args:
        value: What DuckDB or Arrow returned.
        longest: Characters to keep, over all that is nested in the value; what is cut is marked with "…".

    Returns:
        None, a bool, a number that JavaScript can hold, a text, or lists and dicts of these. Dates are ISO 8601; bytes
        are "base64:" and their base64.
    """
    return _Shown(longest).value(value)


def stored(value: Any) -> Any:
    """A value for a JSON file: whole and exact. Not-a-number and infinities, which JSON lacks, are None."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if value is None or isinstance(value, (bool, int, str)):
        return value
    if isinstance(value, dict):
        return {str(key): stored(each) for key, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [stored(each) for each in value]
    return _plain(value)


def values(column: "pyarrow.Array | pyarrow.ChunkedArray") -> list[Any]:
    """The values of a column as Python has them, maps as dicts; asking for these makes plain columns six times slower."""
    import pyarrow as pa

    found: list[Any] = (
        column.to_pylist(maps_as_pydicts="lossy") if pa.types.is_nested(column.type) else column.to_pylist()
    )
    return found


def cut_mark(length: str) -> str:
    """What ends a text that was cut; `length` is that of the whole text."""
    return f"… [{length} characters]"


class _Shown:
    """One cell. The room left is counted down through everything that is nested in it."""

    def __init__(self, room: int) -> None:
        self._room = room

    def value(self, value: Any) -> Any:
        if isinstance(value, str):
            return self._text(value)
        if isinstance(value, dict):
            return self._dict(value)
        if isinstance(value, (list, tuple)):
            return self._list(value)
        self._room -= NUMBER
        if isinstance(value, float):
            return value if math.isfinite(value) else str(value).replace("inf", "Infinity").replace("nan", "NaN")
        if value is None or isinstance(value, bool):
            return value
        if isinstance(value, (bytes, bytearray, memoryview)):
            return self._text(_plain(bytes(value)[: self._room + NUMBER]), len(value) * 4 // 3)
        plain = value if isinstance(value, int) else _plain(value)
        if isinstance(plain, int) and abs(plain) > EXACT:
            return self._text(str(plain))
        return self._text(plain) if isinstance(plain, str) else plain

    def _text(self, value: str, length: int = 0) -> str:
        room, length = max(self._room, 0), max(length, len(value))
        self._room -= length
        return value if length <= room else value[:room] + cut_mark(f"{length:,}")

    def _list(self, value: Sequence[Any]) -> list[Any]:
        found: list[Any] = []
        for place, each in enumerate(value):
            if self._room <= 0:
                return [*found, f"… [{len(value) - place:,} more]"]
            found.append(self.value(each))
        return found

    def _dict(self, value: dict[Any, Any]) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for place, (key, each) in enumerate(value.items()):
            if self._room <= 0:
                return found | {"…": f"[{len(value) - place:,} more]"}
            self._room -= len(str(key))
            found[str(key)] = self.value(each)
        return found


def _plain(value: Any) -> Any:
    """What neither JSON nor a container is, as a number or a text."""
    if isinstance(value, Decimal):
        return _number(value)
    if isinstance(value, (datetime, date, time)):
        return value.isoformat()
    if isinstance(value, (bytes, bytearray, memoryview)):
        return "base64:" + base64.b64encode(value).decode()
    if isinstance(value, (timedelta, UUID)):
        return str(value)
    return str(value)


def _number(value: Decimal) -> int | float | str:
    """A decimal as the JSON number that is exactly it, else as text."""
    if not value.is_finite():
        return str(value)
    if value == value.to_integral_value():
        return int(value)
    close = float(value)
    return close if Decimal(repr(close)) == value else str(value)
