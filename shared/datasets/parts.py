"""Arrow batches of one or several schemas as one Parquet file, without losing a value."""

import json
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

from shared.datasets.files import Limits
from shared.datasets.rows import Tally, check_width, unique_names
from shared.datasets.writer import Writer
from shared.errors import PlaygroundError

if TYPE_CHECKING:
    import pyarrow

BATCH_ROWS = 2_048


def write_parts(
    batches: Iterable["pyarrow.RecordBatch"], target: Path, limits: Limits, tally: Tally
) -> "pyarrow.Schema":
    """Write all batches to one file; where their schemas differ, columns get a type that holds all of their values.

    Raises:
        PlaygroundError: There is no batch at all, or there are too many columns.
    """
    parts: list[tuple[Path, pyarrow.Schema]] = []
    with ExitStack() as stack:
        for batch in batches:
            fitted = _storable(batch, tally)
            if not parts or not fitted.schema.equals(parts[-1][1]):
                stack.close()
                check_width(fitted.num_columns, tally.accepted, limits)
                parts.append((target.with_name(f"part-{len(parts)}.parquet"), fitted.schema))
                writer = stack.enter_context(Writer(*parts[-1], limits))
            writer.write(fitted)
            tally.accepted += fitted.num_rows
    if not parts:
        raise PlaygroundError("There are no rows. Choose another file, split or filter.")
    if len(parts) == 1:
        parts[0][0].rename(target)
        return parts[0][1]
    schema = _join(parts, target, limits, tally)
    for path, _ in parts:
        path.unlink()
    return schema


def _storable(batch: "pyarrow.RecordBatch", tally: Tally) -> "pyarrow.RecordBatch":
    """The batch with unique names, and as text what Parquet has no type for."""
    import pyarrow as pa

    names, notes = unique_names(batch.schema.names)
    arrays, fields = list(batch.columns), []
    for place, (name, field) in enumerate(zip(names, batch.schema, strict=True)):
        if not _has_parquet_type(field):
            notes.append(f"Column '{name}' has type {field.type}, which Parquet cannot hold: kept as text.")
            arrays[place] = as_text(arrays[place])
        fields.append(pa.field(name, arrays[place].type))
    for note in notes:
        tally.note(note)
    return pa.RecordBatch.from_arrays(arrays, schema=pa.schema(fields))


def _has_parquet_type(field: "pyarrow.Field") -> bool:
    import pyarrow as pa
    import pyarrow.parquet as pq

    if not (pa.types.is_nested(field.type) or pa.types.is_union(field.type) or pa.types.is_run_end_encoded(field.type)):
        return not pa.types.is_interval(field.type)
    try:
        pq.ParquetWriter(BytesIO(), pa.schema([field])).close()
    except pa.ArrowNotImplementedError:
        return False
    return True


def as_text(array: "pyarrow.Array") -> "pyarrow.StringArray":
    """Text as it is, null as null, any other value as its JSON text."""
    import pyarrow as pa

    if pa.types.is_string(array.type):
        return array
    return pa.array([_text(value) for value in array.to_pylist()], pa.string())


def _text(value: Any) -> str | None:
    return value if value is None or type(value) is str else json.dumps(value, ensure_ascii=False, default=str)


def _join(parts: list[tuple[Path, "pyarrow.Schema"]], target: Path, limits: Limits, tally: Tally) -> "pyarrow.Schema":
    """Write the parts into one file, with the narrowest types that hold every value."""
    as_texts: set[str] = set()
    while True:
        schema = _joined_schema([schema for _, schema in parts], as_texts)
        check_width(len(schema), tally.accepted, limits)
        with Writer(target, schema, limits) as writer:
            failed = next((name for name in _pour(parts, schema, writer)), "")
        if not failed:
            break
        as_texts.add(failed)  # a value does not survive the cast: once more, with the column as text
    for name in schema.names:
        types = list(dict.fromkeys(str(part.field(name).type) for _, part in parts if name in part.names))
        texts = ("string", "null", "large_string", "dictionary<values=string")
        if str(schema.field(name).type) == "string" and not all(each.startswith(texts) for each in types):
            tally.note(f"Column '{name}' is {' and '.join(types)} in different rows: all are kept as text.")
    return schema


def _joined_schema(schemas: list["pyarrow.Schema"], as_texts: set[str]) -> "pyarrow.Schema":
    import pyarrow as pa

    fields = []
    for name in dict.fromkeys(name for schema in schemas for name in schema.names):
        types = [pa.schema([schema.field(name)]) for schema in schemas if name in schema.names]
        try:
            joined = pa.unify_schemas(types, promote_options="permissive").field(0).type
        except pa.ArrowException:
            joined = pa.string()
        fields.append(pa.field(name, pa.string() if name in as_texts else joined))
    return pa.schema(fields)


def _pour(parts: list[tuple[Path, "pyarrow.Schema"]], schema: "pyarrow.Schema", writer: Writer) -> Iterator[str]:
    """Write every part in the schema; yields the name of a column whose values it cannot hold, and stops."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    for path, _ in parts:
        with pq.ParquetFile(path) as file:
            for batch in file.iter_batches(BATCH_ROWS):
                arrays = []
                for field in schema:
                    if field.name not in batch.schema.names:
                        arrays.append(pa.nulls(batch.num_rows, field.type))
                        continue
                    array = batch.column(field.name)
                    try:
                        arrays.append(array.cast(field.type) if not _to_text(array, field) else as_text(array))
                    except pa.ArrowException:
                        yield field.name
                        return
                writer.write(pa.RecordBatch.from_arrays(arrays, schema=schema))


def _to_text(array: "pyarrow.Array", field: "pyarrow.Field") -> bool:
    import pyarrow as pa

    return pa.types.is_string(field.type) and not pa.types.is_null(array.type)
