"""Values of any Arrow type as text, column-wise: lists and structs are their leaf values joined by one space."""

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import pyarrow


def row_texts(batch: "pyarrow.RecordBatch") -> "pyarrow.StringArray":
    """The text of each row: the texts of its columns joined by one space, null as ""."""
    import pyarrow as pa
    import pyarrow.compute as pc

    columns = [pc.fill_null(column_texts(column), "") for column in batch.columns]
    if not columns:
        return pa.array([""] * batch.num_rows, pa.string())
    return pc.binary_join_element_wise(*columns, " ") if len(columns) > 1 else columns[0]


def column_texts(array: "pyarrow.Array") -> "pyarrow.StringArray":
    """The text of each value; null stays null, and so does what has no text: bytes, and lists of nothing but nulls.

    Whole numbers and truth values are written as JSON does, decimal numbers as Python does, times as ISO 8601 with a
    space.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    kind = array.type
    if pa.types.is_string(kind):
        return array
    if isinstance(kind, pa.BaseExtensionType):
        return column_texts(array.storage)
    if pa.types.is_dictionary(kind):
        return column_texts(array.dictionary_decode())
    if pa.types.is_struct(kind):
        return _struct_texts(array)
    if pa.types.is_map(kind):
        return _list_texts(array.cast(pa.list_(pa.struct([("key", kind.key_type), ("value", kind.item_type)]))))
    if pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind):
        return _list_texts(array)
    if pa.types.is_null(kind) or pa.types.is_binary(kind) or pa.types.is_large_binary(kind):
        return pa.nulls(len(array), pa.string())
    if any(test(kind) for test in (pa.types.is_integer, pa.types.is_boolean, pa.types.is_decimal, pa.types.is_date)):
        return pc.cast(array, pa.string())
    if pa.types.is_timestamp(kind) or pa.types.is_time(kind):
        return pc.cast(array, pa.string())
    # Floats, whose digits Arrow writes in another way, and durations, which it writes as bare numbers.
    return pa.array([None if value is None else str(value) for value in array.to_pylist()], pa.string())


def _struct_texts(array: "pyarrow.StructArray") -> "pyarrow.StringArray":
    """Fields that are null are left out, and leave no space."""
    import pyarrow as pa
    import pyarrow.compute as pc

    given = np.zeros(len(array), np.bool_)
    parts = []
    for field in array.flatten():
        text = column_texts(field)
        given |= _valid(text)
        # Each text brings its space along: null_handling="skip" loses whole rows in pyarrow 26.
        parts.append(pc.fill_null(pc.binary_join_element_wise(" ", text, ""), ""))
    if not given.any():
        return pa.nulls(len(array), pa.string())
    joined = pc.utf8_slice_codeunits(pc.binary_join_element_wise(*parts, ""), 1)
    return pc.if_else(pa.array(given), joined, None)


def _list_texts(array: Any) -> "pyarrow.StringArray":
    """Items that are null are left out, and leave no space."""
    import pyarrow as pa
    import pyarrow.compute as pc

    items = column_texts(array.flatten())
    sizes = pc.fill_null(pc.list_value_length(array), 0).to_numpy(zero_copy_only=False)
    # Offsets of the lists once the items that are null are gone.
    kept = np.concatenate(([0], np.cumsum(_valid(items))))
    offsets = kept[np.concatenate(([0], np.cumsum(sizes)))].astype(np.int32)
    joined = pc.binary_join(pa.ListArray.from_arrays(pa.array(offsets), items.drop_null()), " ")
    return pc.if_else(pa.array(np.diff(offsets) > 0), joined, None)


def _valid(array: "pyarrow.Array") -> "np.ndarray[Any, np.dtype[np.bool_]]":
    valid: np.ndarray[Any, np.dtype[np.bool_]] = array.is_valid().to_numpy(zero_copy_only=False)
    return valid
