"""One schema for the rows of several datasets: columns by name, types that hold every value as it is, or a sentence."""

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from shared.errors import PlaygroundError

if TYPE_CHECKING:
    import pyarrow

FEATURES = b"huggingface"


def unite(schemas: "Sequence[tuple[str, pyarrow.Schema]]") -> "pyarrow.Schema":
    """The schema of all rows: every column of any part, in the order in which they first appear.

    A type gives way to another only where no value can change by it: null to any, a narrow number to a wide one of the same
    kind, an object to one with more fields; categories become their values.

    Args:
        schemas: Name and schema of each part.

    Raises:
        PlaygroundError: Parts hold different things under one name.
    """
    import pyarrow as pa

    fields: dict[str, tuple[pyarrow.DataType, str]] = {}
    loose = {name for _, schema in schemas for name in schema.names if _loose(name, schemas)}
    for part, schema in schemas:
        for field in schema:
            kind = _plain(field.type)
            known, owner = fields.get(field.name, (kind, part))
            wider = _wider(known, kind)
            if wider is None:
                raise PlaygroundError(
                    f"Column '{field.name}' is {_short(known)} in {owner} and {_short(kind)} in {part}. Make them the same, or "
                    "give one of them another name."
                )
            fields[field.name] = (wider, owner if wider == known else part)
    return pa.schema(
        [pa.field(name, kind, name in loose) for name, (kind, _) in fields.items()], metadata=_metadata(schemas)
    )


def fit(batch: "pyarrow.RecordBatch", schema: "pyarrow.Schema") -> "pyarrow.RecordBatch":
    """A part's rows in the schema of all; what the part has not is null.

    Args:
        batch: Rows of one part.
        schema: What `unite` returned.
    """
    import pyarrow as pa

    arrays = []
    for field in schema:
        if field.name not in batch.schema.names:
            arrays.append(pa.nulls(batch.num_rows, field.type))
            continue
        column = batch.column(field.name)
        arrays.append(column if column.type == field.type else column.cast(field.type))
    return pa.RecordBatch.from_arrays(arrays, schema=schema)


def _loose(name: str, schemas: "Sequence[tuple[str, pyarrow.Schema]]") -> bool:
    """Whether some row may have nothing in this column."""
    return any(name not in schema.names or schema.field(name).nullable for _, schema in schemas)


def _short(kind: "pyarrow.DataType") -> str:
    text = str(kind)
    return text if len(text) <= 80 else text[:77] + "..."


def _plain(kind: "pyarrow.DataType") -> "pyarrow.DataType":
    """The type without categories, however deep."""
    import pyarrow as pa

    types = pa.types
    if types.is_dictionary(kind):
        return _plain(kind.value_type)
    if types.is_struct(kind):
        return pa.struct([field.with_type(_plain(field.type)) for field in kind])
    if types.is_list(kind):
        return pa.list_(kind.value_field.with_type(_plain(kind.value_type)))
    if types.is_large_list(kind):
        return pa.large_list(kind.value_field.with_type(_plain(kind.value_type)))
    return kind


def _wider(one: "pyarrow.DataType", two: "pyarrow.DataType") -> "pyarrow.DataType | None":
    """The type that holds all values of both as they are; None when there is none."""
    import pyarrow as pa

    types = pa.types
    if one == two or types.is_null(two):
        return one
    if types.is_null(one):
        return two
    for is_one, is_two in ((one, two), (two, one)):
        if _holds(is_one, is_two):
            return is_one
    if types.is_struct(one) and types.is_struct(two):
        return _wider_struct(one, two)
    lists = (types.is_list, types.is_large_list)
    if any(test(one) for test in lists) and any(test(two) for test in lists):
        items = _wider(one.value_type, two.value_type)
        make = pa.large_list if types.is_large_list(one) or types.is_large_list(two) else pa.list_
        return None if items is None else make(items)
    return None


def _holds(wide: "pyarrow.DataType", narrow: "pyarrow.DataType") -> bool:
    """Whether every value of the one type is a value of the other, for types without parts."""
    import pyarrow as pa

    types = pa.types
    if types.is_integer(wide) and types.is_integer(narrow):
        if types.is_signed_integer(wide) == types.is_signed_integer(narrow):
            return bool(wide.bit_width >= narrow.bit_width)
        return bool(types.is_signed_integer(wide) and wide.bit_width > narrow.bit_width)
    if types.is_floating(wide) and types.is_floating(narrow):
        return bool(wide.bit_width >= narrow.bit_width)
    text = types.is_large_string(wide) and types.is_string(narrow)
    return bool(text or (types.is_large_binary(wide) and types.is_binary(narrow)))


def _wider_struct(one: "pyarrow.StructType", two: "pyarrow.StructType") -> "pyarrow.StructType | None":
    import pyarrow as pa

    fields = {field.name: field.type for field in one}
    for field in two:
        wider = _wider(fields.get(field.name, field.type), field.type)
        if wider is None:
            return None
        fields[field.name] = wider
    return pa.struct(list(fields.items()))


def _metadata(schemas: "Sequence[tuple[str, pyarrow.Schema]]") -> dict[bytes, bytes] | None:
    """What the parts say about their columns beyond types: the names of classes, above all.

    Raises:
        PlaygroundError: The same number means one class in one part and another in the next.
    """
    features: dict[str, tuple[Any, str]] = {}
    for part, schema in schemas:
        for name, feature in _features(schema).items():
            known, owner = features.setdefault(name, (feature, part))
            if known != feature and "ClassLabel" in (_type(known), _type(feature)):
                raise PlaygroundError(
                    f"The numbers in column '{name}' stand for other classes in {owner} than in {part}. Give one of them "
                    "another name, or write the classes out as text."
                )
    if not features:
        return None
    told = {"info": {"features": {name: feature for name, (feature, _) in features.items()}}}
    return {FEATURES: json.dumps(told).encode()}


def _type(feature: Any) -> str:
    return str(feature.get("_type", "")) if isinstance(feature, dict) else ""


def _features(schema: "pyarrow.Schema") -> dict[str, Any]:
    try:
        told = json.loads((schema.metadata or {}).get(FEATURES, b"{}"))
        return dict(told["info"]["features"])
    except (ValueError, KeyError, TypeError):
        return {}
