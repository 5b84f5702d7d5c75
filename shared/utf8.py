"""Rows of text as what they are in memory: UTF-8 bytes, one row after the other, and where each begins and ends."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import pyarrow as pa

Bytes = NDArray[np.uint8]
Places = NDArray[np.int64]


@dataclass(frozen=True)
class Texts:
    """Rows of text in NumPy alone, for where nothing else needs Arrow, which takes as long to import as NumPy does.

    Attributes:
        raw: Their UTF-8, one row after the other.
        bounds: Row r is raw[bounds[r]:bounds[r + 1]].
    """

    raw: Bytes
    bounds: Places

    def __len__(self) -> int:
        return self.bounds.size - 1

    def slice(self, begin: int, length: int) -> "Texts":
        """Some of the rows, not copied; as an Arrow array's method.

        Args:
            begin: The first of them.
            length: How many.
        """
        bounds = self.bounds[min(begin, len(self)) : begin + length + 1]
        return Texts(self.raw[bounds[0] : bounds[-1]], bounds - bounds[0])


def joined(rows: Iterable[bytes]) -> Texts:
    """Rows of UTF-8 one after the other.

    Args:
        rows: The rows; half a surrogate pair, which JSON allows, may be among their characters.
    """
    rows = list(rows)
    bounds = np.zeros(len(rows) + 1, dtype=np.int64)
    np.cumsum(np.fromiter(map(len, rows), dtype=np.int64, count=len(rows)), out=bounds[1:])
    return Texts(np.frombuffer(b"".join(rows), dtype=np.uint8), bounds)


def arrow(rows: Iterable[bytes]) -> "pa.StringArray":
    """Rows of UTF-8 as an Arrow array of large_string.

    `pyarrow.array` would do, were it not that it imports pandas, which takes longer than a million rows do.

    Args:
        rows: The rows; half a surrogate pair, which JSON allows, may be among their characters.
    """
    import pyarrow as pa

    texts = joined(rows)
    buffers = [None, pa.py_buffer(texts.bounds), pa.py_buffer(texts.raw)]
    return pa.Array.from_buffers(pa.large_string(), len(texts), buffers)


def utf8(texts: "pa.StringArray | Texts") -> tuple[Bytes, Places]:
    """The bytes of an Arrow array's rows, one after the other and not copied, and where each row begins and ends.

    Args:
        texts: Rows of text (string or large_string; any other type is cast first); a null is an empty row.
    """
    if isinstance(texts, Texts):
        return texts.raw, texts.bounds
    import pyarrow as pa

    if not (pa.types.is_string(texts.type) or pa.types.is_large_string(texts.type)):
        texts = texts.cast(pa.large_string())
    if texts.null_count:
        texts = texts.fill_null("")
    wide = np.int64 if pa.types.is_large_string(texts.type) else np.int32
    _, offsets, content = texts.buffers()
    if not len(texts) or content is None:
        return np.zeros(0, dtype=np.uint8), np.zeros(len(texts) + 1, dtype=np.int64)
    bounds = np.frombuffer(offsets, dtype=wide)[texts.offset : texts.offset + len(texts) + 1].astype(np.int64)
    return np.frombuffer(content, dtype=np.uint8)[bounds[0] : bounds[-1]], bounds - bounds[0]


def byte_rows(texts: "pa.StringArray | Texts") -> Iterator[bytes]:
    """The rows of an Arrow array, each as its UTF-8 bytes.

    Args:
        texts: Rows of text; a null is an empty row.
    """
    raw, bounds = utf8(texts)
    data = raw.tobytes()
    return (data[begin:end] for begin, end in pairwise(bounds.tolist()))


def pieces(texts: "pa.StringArray | Texts", size: int = 1 << 20) -> "Iterator[pa.StringArray | Texts]":
    """The rows in consecutive slices of about `size` bytes, so that the work on one stays in the processor's cache.

    Args:
        texts: Rows of text.
        size: Bytes; a longer row is a slice of its own.
    """
    _, bounds = utf8(texts)
    begin = 0
    while begin < len(texts):
        end = int(np.searchsorted(bounds, bounds[begin] + size, side="right")) - 1
        end = min(max(end, begin + 1), len(texts))
        yield texts.slice(begin, end - begin)
        begin = end
