"""Duplicates as a rule of a recipe: which rows go, and which row stays in the place of each.

Of every group one row stays: the lowest that no other rule drops. So no text is lost because one rule takes a row and another
takes its copies.

Whole rows are the same when all their cells are: two rows whose texts are the same, but whose words stand in other columns, in
other items of a list, or which differ in bytes alone, are different rows, and both stay. A missing text and an empty one are
the same.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from apps.dataset_explorer.duplicates import Duplicates, Kind, find_duplicates_steps
from apps.dataset_explorer.sieves import Reason
from shared.progress import Progress

if TYPE_CHECKING:
    import pyarrow

EVIDENCE = 100_000  # pairs that are kept to tell how alike two rows are


@dataclass(frozen=True)
class Repeats:
    """The rows that go as duplicates of one kind.

    Attributes:
        kind: "exact", "normalised" or "near".
        says: What the rule drops, for a person.
        rows: The rows that go, ascending.
        partners: The row that stays in the place of each.
        threshold: For near-duplicates, the similarity that is asked for.
        alike: For some rows, a row that they are alike, and how much.
        gone: Which rows other rules drop. Shape (rows of the dataset,).
    """

    kind: Kind
    says: str
    rows: NDArray[np.int64]
    partners: NDArray[np.int64]
    threshold: float
    alike: dict[int, tuple[int, float]]
    gone: NDArray[np.bool_] = field(repr=False)

    def reason(self, at: int) -> Reason:
        """Why the row at a position of `rows` goes."""
        row, partner = int(self.rows[at]), int(self.partners[at])
        if self.kind != "near":
            what = "is the same" if self.kind == "exact" else "has the same letters and digits"
            return Reason(f"It {what} as row {partner:,}.", partner=partner)
        other, similarity = self.alike.get(row, (partner, None))
        if similarity is None:
            return Reason(f"Rows that are alike lead from it to row {partner:,}.", None, None, None, partner=partner)
        says = f"It is like row {other:,}: {similarity:.3f}, and {self.threshold:g} is enough."
        if other != partner and not self.gone[partner]:
            says += f" Row {partner:,} stays."
        return Reason(says, similarity, None, self.threshold, partner=partner)


def find_repeats(
    kind: Kind, texts: "Iterable[pyarrow.Array]", threshold: float, gone: NDArray[np.bool_]
) -> Iterator[Progress | Repeats]:
    """Find the rows that go as duplicates.

    Args:
        kind: Which duplicates.
        texts: The text of every row, or its cells (see `cell_keys`), as Arrow arrays in row order.
        threshold: The similarity for near-duplicates.
        gone: Which rows other rules drop. Shape (rows,).

    Returns:
        Progress; at last the rows.
    """
    for item in find_duplicates_steps(texts, kind, threshold, EVIDENCE if kind == "near" else 0):
        if isinstance(item, Progress):
            yield item
            continue
        rows, partners = _settle(item, gone)
        says = {
            "exact": "The same as a row before it",
            "normalised": "The letters and digits of a row before it",
            "near": f"Like a row before it (Jaccard {threshold:g} or more)",
        }[kind]
        yield Repeats(kind, says, rows, partners, threshold, _alike(item, rows, partners), gone)


def _settle(found: Duplicates, gone: NDArray[np.bool_]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """All rows but one of each group, and that one beside each."""
    rows: list[int] = []
    partners: list[int] = []
    for group in found.groups:
        stays = next((row for row in group if not gone[row]), group[0])
        others = [row for row in group if row != stays]
        rows += others
        partners += [stays] * len(others)
    order = np.argsort(np.array(rows, np.int64), kind="stable")
    return np.array(rows, np.int64)[order], np.array(partners, np.int64)[order]


def _alike(found: Duplicates, rows: NDArray[np.int64], partners: NDArray[np.int64]) -> dict[int, tuple[int, float]]:
    """For each row of a listed pair the other row and the similarity; the row that stays comes before any other."""
    listed = np.array([(pair.a, pair.b) for pair in found.pairs], np.int64).reshape(-1)
    at = np.flatnonzero(np.isin(rows, listed))
    stays = dict(zip(rows[at].tolist(), partners[at].tolist(), strict=True))
    alike: dict[int, tuple[int, float]] = {}
    for pair in found.pairs:
        for row, other in ((pair.a, pair.b), (pair.b, pair.a)):
            if row in stays and (row not in alike or stays[row] == other):
                alike[row] = (other, pair.similarity)
    return alike


def cell_keys(batch: "pyarrow.RecordBatch") -> "pyarrow.StringArray":
    """A digest of each row's cells (BLAKE2b, 128 bits, hexadecimal): the same for rows whose cells are the same.

    Args:
        batch: Some rows.
    """
    import pyarrow as pa

    rows = _join([_keys(column) for column in batch.columns]).to_pylist()
    return pa.array([blake2b(row, digest_size=16).hexdigest() for row in rows], pa.string())


def _join(arrays: "list[pyarrow.Array]") -> "pyarrow.Array":
    import pyarrow as pa
    import pyarrow.compute as pc

    return pc.binary_join_element_wise(*arrays, pa.scalar(b"", pa.large_binary())) if len(arrays) > 1 else arrays[0]


def _measured(values: "pyarrow.Array", sizes: "pyarrow.Array") -> "pyarrow.Array":
    """Each value behind its size: what follows cannot be taken for a part of it."""
    import pyarrow as pa
    import pyarrow.compute as pc

    heads = pc.cast(pc.cast(sizes, pa.string()), pa.large_binary())
    return pc.binary_join_element_wise(heads, values, pa.scalar(b":", pa.large_binary()))


def _keys(array: "pyarrow.Array") -> "pyarrow.Array":
    """One binary value for each value of any Arrow type; none is null."""
    import pyarrow as pa
    import pyarrow.compute as pc

    kind, types = array.type, pa.types
    if isinstance(kind, pa.BaseExtensionType):
        return _keys(array.storage)
    if types.is_dictionary(kind):
        return _keys(array.dictionary_decode())
    if types.is_struct(kind):
        return _join([_keys(field) for field in array.flatten()] or [_keys(pa.nulls(len(array)))])
    if types.is_map(kind):
        return _keys(array.cast(pa.list_(pa.struct([("key", kind.key_type), ("value", kind.item_type)]))))
    if types.is_list(kind) or types.is_large_list(kind) or types.is_fixed_size_list(kind):
        return _list_keys(array)
    if not _is_bytes(kind):
        array = _digits(array)
    values = pc.fill_null(pc.cast(array, pa.large_binary()), b"")
    return _measured(values, pc.binary_length(values))


def _is_bytes(kind: "pyarrow.DataType") -> bool:
    import pyarrow as pa

    tests: list[Callable[[pyarrow.DataType], bool]] = [
        pa.types.is_string, pa.types.is_large_string, pa.types.is_string_view, pa.types.is_binary,
        pa.types.is_large_binary, pa.types.is_binary_view, pa.types.is_fixed_size_binary, pa.types.is_null,
    ]  # fmt: skip
    return any(test(kind) for test in tests)


def _digits(array: "pyarrow.Array") -> "pyarrow.Array":
    """Numbers, times and truth values as text, different for different bits; null stays null."""
    import pyarrow as pa
    import pyarrow.compute as pc

    kind = array.type
    if pa.types.is_floating(kind):
        array = array.view({16: pa.int16(), 32: pa.int32(), 64: pa.int64()}[kind.bit_width])
    elif pa.types.is_duration(kind):
        array = array.cast(pa.int64())
    try:
        return pc.cast(array, pa.string())
    except (pa.ArrowNotImplementedError, pa.ArrowInvalid):
        return pa.array([None if value is None else repr(value) for value in array.to_pylist()], pa.string())


def _list_keys(array: "pyarrow.Array") -> "pyarrow.Array":
    import pyarrow as pa
    import pyarrow.compute as pc

    sizes = pc.fill_null(pc.list_value_length(array), 0)
    offsets = np.concatenate(([0], np.cumsum(sizes.to_numpy(zero_copy_only=False))))
    lists = pa.LargeListArray.from_arrays(pa.array(offsets, pa.int64()), _keys(array.flatten()))
    return _measured(pc.binary_join(lists, pa.scalar(b"", pa.large_binary())), sizes)
