"""Kinds of JSON values, and how kinds unify over rows so that no value is lost.

| seen together                          | become                                                             |
|----------------------------------------|--------------------------------------------------------------------|
| anything and null                      | that kind                                                          |
| whole and decimal numbers              | decimal numbers, if every whole number is within 2^53, else text   |
| objects with different keys            | one struct with all keys; a missing key is null                    |
| objects with more keys than the limit  | their JSON text                                                    |
| objects that are all empty             | their JSON text (Parquet has no empty struct)                      |
| lists                                  | one list; its items unify in the same way                          |
| nesting deeper than the limit          | its JSON text                                                      |
| whole numbers beyond 64 bits           | their digits, as text                                              |
| anything else                          | text: text as it is, other values as their JSON text               |
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from itertools import chain
from operator import itemgetter
from typing import TYPE_CHECKING, Any

from shared.datasets.files import LIMITS, Limits

if TYPE_CHECKING:
    import pyarrow

EXACT = 1 << 53  # every whole number up to here is a float64
LARGEST = (1 << 63) - 1


@dataclass(frozen=True)
class Kind:
    """What the values of a column, or of a part of one, have in common.

    Attributes:
        name: null, bool, int, long (beyond 2^53), float, text, list, struct, or json: kept as text, see `why`.
        items: Kind of a list's items.
        fields: Kinds of a struct's fields, in the order in which they first appear.
        why: Of a json: mixed, large, wide, deep or empty.
    """

    name: str
    items: "Kind | None" = None
    fields: tuple[tuple[str, "Kind"], ...] = ()
    why: str = ""

    @property
    def plain(self) -> bool:
        """Whether Arrow takes the values as they are: no part is kept as JSON text."""
        if self.items is not None:
            return self.items.plain
        return self.name != "json" and all(kind.plain for _, kind in self.fields)


NULL, BOOL, INT, LONG, FLOAT, TEXT = (Kind(name) for name in ("null", "bool", "int", "long", "float", "text"))
MIXED, LARGE, WIDE, DEEP, EMPTY = (Kind("json", why=why) for why in ("mixed", "large", "wide", "deep", "empty"))
WORDS = {
    bool: "true or false",
    int: "a whole number",
    float: "a decimal number",
    str: "text",
    list: "a list",
    dict: "an object",
}
_SCALARS = {bool: BOOL, float: FLOAT, str: TEXT}


def infer(values: list[Any], limits: Limits = LIMITS, depth: int = 0) -> Kind:
    """The kind of JSON values, whatever they are, `depth` levels inside a row.

    Works column-wise, the items of all lists together and the values of each key together: a few passes in C.
    """
    types = set(map(type, values))
    types.discard(type(None))
    if not types:
        return NULL
    if types <= {int, float}:
        return _number(values, types)
    if len(types) > 1:
        return MIXED
    kind = types.pop()
    if kind in _SCALARS:
        return _SCALARS[kind]
    if depth >= limits.depth:
        return DEEP
    if kind is list:
        return Kind("list", infer(list(chain.from_iterable(v for v in values if v is not None)), limits, depth + 1))
    return _struct(values, limits, depth + 1)


def _number(values: list[Any], types: set[type]) -> Kind:
    if types == {float}:
        return FLOAT
    whole = [v for v in values if type(v) is int]
    size = max(max(whole), -min(whole))
    if size <= EXACT:
        return FLOAT if float in types else INT
    if float in types:
        return MIXED
    return LONG if size <= LARGEST or (max(whole) <= LARGEST and size == LARGEST + 1) else LARGE


def _struct(values: list[Any], limits: Limits, depth: int) -> Kind:
    parts = _parts([value for value in values if value is not None], limits)
    if parts is None:
        return WIDE
    return Kind("struct", fields=tuple((key, infer(part, limits, depth)) for key, part in parts.items()))


def _parts(objects: list[dict[str, Any]], limits: Limits) -> dict[str, list[Any]] | None:
    """The values of each key; None when there are too many keys."""
    keys = list(objects[0])
    if len(keys) <= limits.keys and set(map(len, objects)) == {len(keys)}:
        try:  # most often all objects have the same keys: one pass in C for each
            return {key: list(map(itemgetter(key), objects)) for key in keys}
        except KeyError:
            pass
    parts: dict[str, list[Any]] = {}
    for value in objects:
        for key, part in value.items():
            if key in parts:
                parts[key].append(part)
            else:
                parts[key] = [part]
                if len(parts) > limits.keys:
                    return None
    return parts


def merge(a: Kind, b: Kind, limits: Limits = LIMITS) -> Kind:
    """The kind of values of either kind; the order of the two decides nothing but the order of a struct's fields."""
    if a == b or b is NULL or b.name == "null":
        return a
    if a.name == "null":
        return b
    names = {a.name, b.name}
    if names == {"int", "long"}:
        return LONG
    if names == {"int", "float"}:
        return FLOAT
    if names == {"list"}:
        return Kind("list", merge(a.items or NULL, b.items or NULL, limits))
    if names == {"struct"}:
        fields = dict(a.fields)
        for key, kind in b.fields:
            fields[key] = merge(fields.get(key, NULL), kind, limits)
        return Kind("struct", fields=tuple(fields.items())) if len(fields) <= limits.keys else WIDE
    if LARGE in (a, b) and names & {"int", "long"}:
        return LARGE
    return WIDE if WIDE in (a, b) and "struct" in names else MIXED


def seal(kind: Kind) -> Kind:
    """The kind that is written: nothing but nulls, and structs without fields, become text."""
    if kind.name == "null":
        return TEXT
    if kind.name == "long":
        return INT
    if kind.items is not None:
        return Kind("list", seal(kind.items))
    if kind.name == "struct":
        return Kind("struct", fields=tuple((key, seal(part)) for key, part in kind.fields)) if kind.fields else EMPTY
    return kind


def arrow_type(kind: Kind) -> "pyarrow.DataType":
    """The Arrow type of a sealed kind."""
    import pyarrow as pa

    if kind.items is not None:
        return pa.list_(arrow_type(kind.items))
    if kind.name == "struct":
        return pa.struct([pa.field(key, arrow_type(part)) for key, part in kind.fields])
    return {"bool": pa.bool_(), "int": pa.int64(), "float": pa.float64()}.get(kind.name, pa.string())


def json_text(value: Any) -> str:
    """A value as JSON, with every character as it is."""
    return json.dumps(value, ensure_ascii=False)


def fit(value: Any, kind: Kind, path: str, seen: Callable[[str, str, Any], None]) -> Any:
    """A value with every part that is kept as text turned into text.

    Args:
        value: Any JSON value of this kind.
        kind: A sealed kind.
        path: Column and keys that lead here, such as `messages[].content`.
        seen: Called with path, reason and value for every part that is kept as text.
    """
    if value is None:
        return None
    if kind.name == "json":
        seen(path, kind.why, value)
        return value if type(value) is str else json_text(value)
    if kind.items is not None:
        return [fit(item, kind.items, f"{path}[]", seen) for item in value]
    if kind.name == "struct":
        kinds = dict(kind.fields)
        return {key: fit(part, kinds[key], f"{path}.{key}", seen) for key, part in value.items()}
    return value
