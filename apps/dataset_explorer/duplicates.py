"""Rows that say the same: byte for byte, when only letters and digits count, or nearly.

* exact: the same bytes. Two empty rows are the same; a missing value is an empty row.
* normalised: the same letters and digits (`shared.text.normalise`); a row without any is like no other.
* near: the sets of 5-word shingles have a Jaccard similarity |A ∩ B| / |A ∪ B| of the threshold or more (Broder, On the
  resemblance and containment of documents, 1997). A row of fewer than five words is one shingle, the whole row, so that two
  short rows are alike only when all their words are; a row without words is like no other.

All three are exact: no pair is missed and none is wrong. Near-duplicates are found by 64-bit hashes of words and shingles;
before they are reported, the words of every row in a group are compared, and should two different words or shingles have
met in one hash, everything is done again with other hashes. What that cannot see is a pair missed because two different
shingles of one row have one hash: a chance below 1e-8 for a million rows of 400 words.
"""

from collections.abc import Generator, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import count, pairwise
from typing import TYPE_CHECKING, Literal

import numpy as np

from apps.dataset_explorer.jaccard import Classes, Links, classify, likely, links, twins
from apps.dataset_explorer.pairs import Pair, Tally
from apps.dataset_explorer.proof import SHINGLE, proven
from shared.errors import PlaygroundError
from shared.progress import Progress
from shared.text import Hashes, Places, Texts, byte_rows, joined, normalise, pieces, split_words, utf8, windows

if TYPE_CHECKING:
    import pyarrow as pa

Kind = Literal["exact", "normalised", "near"]
BATCH = 1024  # rows of a list made into one Arrow array
PIECE = 1 << 21  # bytes of text whose words are compared at once


@dataclass(frozen=True)
class Duplicates:
    """The duplicates among the rows of a dataset; rows are counted from 0.

    Attributes:
        groups: Rows linked by pairs, directly or through others: each group ascending, the one with the lowest row first.
        pairs: The pairs, by `a` and then by `b`, up to the limit.
        pair_count: How many pairs there are, listed or not.
        removable: All rows but the lowest of each group, ascending: without them, no two rows are a pair.
    """

    groups: list[list[int]]
    pairs: list[Pair]
    pair_count: int
    removable: list[int]


def find_duplicates(
    texts: "Iterable[pa.StringArray] | Sequence[str]", kind: Kind, threshold: float = 0.7, limit: int = 10_000
) -> Duplicates:
    """Find the rows that say the same.

    Args:
        texts: The rows, as a list of texts or as Arrow arrays in row order.
        kind: "exact", "normalised" or "near".
        threshold: For "near", the similarity from which two rows are a pair, more than 0 and at most 1.
        limit: How many pairs to list at most; 0 lists none. The count and the groups are always of all pairs.

    Returns:
        The groups, the pairs with their similarity, their number, and the rows that can go.

    Raises:
        PlaygroundError: The kind, the threshold or the limit is none of those.
    """
    *_, found = find_duplicates_steps(texts, kind, threshold, limit)
    assert isinstance(found, Duplicates)
    return found


def find_duplicates_steps(
    texts: "Iterable[pa.StringArray] | Sequence[str]", kind: Kind, threshold: float = 0.7, limit: int = 10_000
) -> Iterator[Progress | Duplicates]:
    """As `find_duplicates`, but saying how far it is: the last item is the result.

    Args:
        texts: The rows, as a list of texts or as Arrow arrays in row order.
        kind: "exact", "normalised" or "near".
        threshold: For "near", the similarity from which two rows are a pair, more than 0 and at most 1.
        limit: How many pairs to list at most; 0 lists none.

    Raises:
        PlaygroundError: The kind, the threshold or the limit is none of those.
    """
    if kind not in ("exact", "normalised", "near"):
        raise PlaygroundError(f'There is no kind of duplicates "{kind}". Choose "exact", "normalised" or "near".')
    if not 0 < threshold <= 1:
        raise PlaygroundError(f"The threshold is {threshold}. Give a similarity above 0 and up to 1, such as 0.7.")
    if limit < 0:
        raise PlaygroundError(f"The limit is {limit}. Give the number of pairs to list, 0 or more.")
    arrays = _arrays(texts)
    yield from _near(arrays, threshold, limit) if kind == "near" else _equal(arrays, kind == "normalised", limit)


def _arrays(texts: "Iterable[pa.StringArray] | Sequence[str]") -> "Iterator[pa.StringArray | Texts]":
    if isinstance(texts, Sequence) and (not texts or isinstance(texts[0], str)):
        for begin in range(0, len(texts), BATCH):
            some = texts[begin : begin + BATCH]
            try:
                yield joined([text.encode() for text in some])
            except UnicodeEncodeError:  # half a surrogate pair
                yield joined([text.encode("utf-8", "surrogatepass") for text in some])
    else:
        yield from texts


def _equal(arrays: "Iterator[pa.StringArray | Texts]", normalised: bool, limit: int) -> Iterator[Progress | Duplicates]:
    """Rows with the same bytes, before or after normalisation."""
    seen: dict[bytes, int] = {}
    lowest: list[int] = []
    for array in arrays:
        for row in byte_rows(array):
            text = normalise(row.decode("utf-8", "surrogatepass")).encode() if normalised else row
            lowest.append(-1 if normalised and not text else seen.setdefault(text, len(lowest)))
        yield Progress("Reading rows", len(lowest))
    del seen
    same = np.array(lowest, dtype=np.int64)
    rows = np.flatnonzero(same >= 0)
    _, owner, count = np.unique(same[rows], return_inverse=True, return_counts=True)
    rows, owner = rows[count[owner] > 1], owner[count[owner] > 1]
    order = np.argsort(owner, kind="stable")
    classes, first = np.unique(owner[order], return_index=True)
    one, numbers = np.ones(rows.size, dtype=np.int64), np.arange(classes.size)
    tally = Tally(
        Classes(numbers, np.arange(classes.size + 1), rows[order], one, np.append(first, rows.size)), 1.0, limit
    )
    tally.add(Links(numbers, numbers, one[: classes.size]))
    yield _duplicates(tally)


def _near(arrays: "Iterator[pa.StringArray | Texts]", threshold: float, limit: int) -> Iterator[Progress | Duplicates]:
    """Near-duplicates by one set of hashes, and by others until no two words or shingles of a group have met in one."""
    kept: list[pa.StringArray | Texts] = []
    for salt in count():  # pragma: no branch
        shingles, bounds = yield from _shingles(kept if salt else arrays, salt, [] if salt else kept)
        yield Progress("Comparing rows")
        lowest = twins(shingles, bounds)
        rows = likely(shingles, bounds, lowest, threshold)
        classes = classify(shingles, bounds, rows, lowest, threshold)
        del shingles
        tally = Tally(classes, threshold, limit)
        for some, ready in links(classes, threshold):
            tally.add(some)
            yield Progress("Comparing rows", ready, classes.weights.size)
        if all(proven(piece, salt) for piece in _grouped(kept, tally)):
            yield _duplicates(tally)
            return


def _shingles(
    arrays: "Iterable[pa.StringArray | Texts]", salt: int, kept: "list[pa.StringArray | Texts]"
) -> Generator[Progress, None, tuple[Hashes, Places]]:
    """The hashes of all shingles, and where each row's begin and end; the arrays are kept in the list."""
    parts: list[Hashes] = []
    counts = [np.zeros(1, dtype=np.int64)]
    done = 0
    for array in arrays:
        kept.append(array)
        for piece in pieces(array):
            words = split_words(piece)
            shingles, bounds = windows(words.hashes(salt), words.rows, SHINGLE, whole=True)
            parts.append(shingles)
            counts.append(np.diff(bounds))
        done += len(array)
        yield Progress("Reading words", done)
    bounds = np.cumsum(np.concatenate(counts))
    return _joined(parts, int(bounds[-1])), bounds


def _joined(parts: list[Hashes], size: int) -> Hashes:
    """All parts in one array; each is freed once it is copied, so that they are hardly ever in memory twice."""
    whole = np.empty(size, dtype=np.uint64)
    end = size
    while parts:
        part = parts.pop()
        whole[end - part.size : end] = part
        end -= part.size
    return whole


def _grouped(arrays: "list[pa.StringArray | Texts]", tally: Tally) -> Iterator[Texts]:
    """The different texts of the rows in groups, whole groups at a time."""
    rows, bounds = tally.groups()
    if not rows.size:
        return
    begins = np.cumsum([0, *(len(array) for array in arrays)])
    length = np.concatenate([np.diff(utf8(array)[1]) for array in arrays])[rows]
    size = np.add.reduceat(length, bounds[:-1])
    for part in np.split(np.arange(size.size), np.flatnonzero(np.diff(np.cumsum(size) // PIECE)) + 1):
        some = np.sort(rows[bounds[part[0]] : bounds[part[-1] + 1]])
        cuts = np.searchsorted(some, begins)
        different: dict[bytes, None] = {}
        for array, begin, low, high in zip(arrays, begins, cuts, cuts[1:], strict=False):
            raw, places = utf8(array)
            for row in (some[low:high] - begin).tolist():
                different[raw[places[row] : places[row + 1]].tobytes()] = None
        yield joined(different)


def _duplicates(tally: Tally) -> Duplicates:
    rows, bounds = tally.groups()
    lowest = np.zeros(rows.size, dtype=bool)
    lowest[bounds[:-1]] = True
    listed, places = rows.tolist(), bounds.tolist()
    groups = [listed[begin:end] for begin, end in pairwise(places)]
    return Duplicates(groups, tally.pairs(), tally.count, np.sort(rows[~lowest]).tolist())
