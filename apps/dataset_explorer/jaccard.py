"""The exact join behind near-duplicates: every pair of rows whose sets of shingles have a Jaccard similarity of t or more.

|A ∩ B| / |A ∪ B| >= t needs an overlap of at least t * max(|A|, |B|). So, from the cheap to the dear:

1. Rows with the same shingles in the same order are one row from here on.
2. A row of whose shingles more than (1 - t) occur nowhere else has no partner. In most corpora that is nearly every row.
3. Of the rows left, the shingles that only one of them has count for its size and for nothing else. Rows that share all the
   others are one class: for two rows of a class, or of two classes, the similarity depends on their sizes alone, so that
   thousands of rows under one template are counted by a binary search and not one by one.
4. Two classes can only reach t if they meet in their rarest shingles (the prefix filter), at a place that leaves room for
   the overlap (the positional filter), and are of similar size. Those pairs are counted in full.

Nothing is estimated and nothing is sampled. Sources: Bayardo et al., Scaling up all pairs similarity search (WWW 2007); Xiao
et al., Efficient similarity joins for near duplicate detection (WWW 2008).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from shared.text import Bytes, Hashes, Places, scramble

BLOCK = 1 << 21  # numbers worked on at once
SLACK = 1e-6  # what rounding may cost a bound; the last comparison is exact
ODD = np.uint64(0x9E3779B97F4A7C15)


@dataclass(frozen=True)
class Classes:
    """Rows, in classes of those that share all their shared shingles.

    Attributes:
        items: The shingles of each class by rank (0 is the rarest), ascending within a class.
        bounds: Class k has items[bounds[k]:bounds[k + 1]]; classes with fewer items come first.
        rows: The rows, by class, then by size, then by number.
        sizes: How many different shingles each of `rows` has, shared or not.
        first: Class k has rows[first[k]:first[k + 1]].
    """

    items: Places
    bounds: Places
    rows: Places
    sizes: Places
    first: Places

    @property
    def weights(self) -> Places:
        """How many items each class has."""
        return np.diff(self.bounds)

    @property
    def least(self) -> Places:
        """The size of each class's smallest row."""
        return self.sizes[self.first[:-1]]


@dataclass(frozen=True)
class Links:
    """Classes that may hold partners: class `one[i]` and class `two[i]` have `overlap[i]` shingles in common."""

    one: Places
    two: Places
    overlap: Places


def ragged(starts: Places, lengths: Places) -> Places:
    """The numbers of many ranges one after the other: starts[0], starts[0] + 1, ... for lengths[0] numbers, and so on.

    Args:
        starts: First number of each range.
        lengths: How many numbers each range has.
    """
    ends = np.cumsum(lengths)
    total = int(ends[-1]) if ends.size else 0
    return np.arange(total) + np.repeat(starts - ends + lengths, lengths)


def twins(shingles: Hashes, bounds: Places) -> Places:
    """The lowest row that has the same shingles in the same order, for each row; -1 for a row without shingles.

    Args:
        shingles: The shingles of all rows.
        bounds: Row r has shingles[bounds[r]:bounds[r + 1]].
    """
    lengths = np.diff(bounds)
    lowest = np.full(lengths.size, -1)
    rows = np.flatnonzero(lengths)
    if not rows.size:
        return lowest
    signature = np.add.reduceat(shingles, bounds[rows]) * ODD + lengths[rows].astype(np.uint64)
    _, first, inverse = np.unique(signature, return_index=True, return_inverse=True)
    lowest[rows] = rows[first[inverse]]
    again = rows[lowest[rows] != rows]
    for some in np.array_split(again, 1 + int(lengths[again].sum()) // BLOCK):
        length = np.minimum(lengths[some], lengths[lowest[some]])
        mine, theirs = ragged(bounds[some], length), ragged(bounds[lowest[some]], length)
        differ = np.repeat(some, length)[shingles[mine] != shingles[theirs]]
        lowest[differ] = differ
    return lowest


def likely(shingles: Hashes, bounds: Places, lowest: Places, threshold: float) -> Places:
    """The rows that may have a partner, ascending: few of their shingles surely occur nowhere else.

    Of twins, the two lowest: so that all their shingles are seen to be shared.

    Args:
        shingles: The shingles of all rows.
        bounds: Row r has shingles[bounds[r]:bounds[r + 1]].
        lowest: What `twins` returned.
        threshold: The similarity that makes two rows partners.
    """
    rows = np.arange(lowest.size)
    again = np.flatnonzero((lowest >= 0) & (lowest != rows))
    second = again[np.unique(lowest[again], return_index=True)[1]]
    rows = np.flatnonzero(lowest == rows)
    lone = _lone(shingles)
    cuts = np.searchsorted(bounds[rows], np.arange(0, shingles.size, BLOCK // 8))
    alone = np.zeros(rows.size, dtype=np.int64)
    for low, high in pairwise(np.append(cuts, rows.size).tolist()):
        if low < high:
            begin, end = bounds[rows[low]], bounds[rows[high - 1] + 1]
            some = lone.take((shingles[begin:end] >> np.uint64(64 - lone.size.bit_length() + 1)).view(np.int64))
            alone[low:high] = np.add.reduceat(some, bounds[rows[low:high]] - begin, dtype=np.int64)
    rows = rows[alone <= (1 - threshold) * np.diff(bounds)[rows] + SLACK]
    return np.sort(np.concatenate((rows, second)))


def _lone(shingles: Hashes) -> Bytes:
    """By the first bits of a hash: 1 if it surely occurs once, 0 if it occurs more often or its first bits do."""
    halves = shingles.view("<u4")[1::2].copy()
    halves.sort()
    width = min(24, max(16, int(np.count_nonzero(halves[1:] == halves[:-1])).bit_length() + 2))
    lone = np.ones(1 << width, dtype=np.uint8)
    for begin in range(0, halves.size, BLOCK // 8):
        some = halves[begin : begin + BLOCK // 8 + 1]
        lone[some[np.flatnonzero(some[1:] == some[:-1])] >> np.uint32(32 - width)] = 0
    return lone


def classify(shingles: Hashes, bounds: Places, rows: Places, lowest: Places, threshold: float) -> Classes:
    """Put the rows that may have a partner, and their twins, into classes.

    Args:
        shingles: The shingles of all rows.
        bounds: Row r has shingles[bounds[r]:bounds[r + 1]].
        rows: What `likely` returned.
        lowest: What `twins` returned.
        threshold: The similarity that makes two rows partners.
    """
    keys, sizes = _sets(shingles, bounds, rows, threshold)  # row << 32 | item
    alive, begin = np.unique(keys >> 32, return_index=True)
    leader = _alike(keys & 0xFFFFFFFF, np.append(begin, keys.size))
    chosen = np.flatnonzero(leader == np.arange(leader.size))
    weight = np.diff(np.append(begin, keys.size))[chosen]
    chosen, weight = (each[np.argsort(weight, kind="stable")] for each in (chosen, weight))
    number = np.zeros(leader.size, dtype=np.int64)
    number[chosen] = np.arange(chosen.size)
    classes, size = np.full(lowest.size, -1), np.zeros(lowest.size, dtype=np.int64)
    classes[rows[alive]], size[rows[alive]] = number[leader], sizes[alive]
    members = np.flatnonzero(lowest >= 0)
    members = members[classes[lowest[members]] >= 0]
    mine, size = classes[lowest[members]], size[lowest[members]]
    order = np.lexsort((members, size, mine))
    return Classes(
        items=(keys & 0xFFFFFFFF)[ragged(begin[chosen], weight)],
        bounds=np.append(0, np.cumsum(weight)),
        rows=members[order],
        sizes=size[order],
        first=np.searchsorted(mine[order], np.arange(weight.size + 1)),
    )


def links(classes: Classes, threshold: float) -> Iterator[tuple[Links, int]]:
    """Every two classes with rows that may be partners, and the classes done so far, block by block.

    A class of two or more rows is linked to itself.

    Args:
        classes: The rows in classes.
        threshold: The similarity that makes two rows partners.
    """
    many = np.flatnonzero(np.diff(classes.first) > 1)
    yield Links(many, many, classes.weights[many]), 0
    prefix = _prefix(classes, threshold)
    work = np.cumsum(np.bincount(prefix.owner, prefix.reach, minlength=classes.weights.size).astype(np.int64))
    begin = 0
    while begin < work.size:
        before = int(work[begin - 1]) if begin else 0
        end = max(begin + 1, int(np.searchsorted(work, before + BLOCK, side="right")))
        pairs = _met(classes, prefix, begin, end, threshold)
        yield _overlapping(classes, pairs, threshold), end
        begin = end


@dataclass(frozen=True)
class _Prefix:
    """The rarest items of each class, and for each the earlier classes that have it among theirs.

    Attributes:
        owner: The class of each entry, ascending.
        place: Where the item stands in its class, from 0.
        start: The first of those classes in `listed`.
        reach: How many they are.
        listed: Entries, those with the same item together and ordered by class.
    """

    owner: Places
    place: Places
    start: Places
    reach: Places
    listed: Places


def _prefix(classes: Classes, threshold: float) -> _Prefix:
    needed = np.ceil(threshold * classes.least - SLACK).astype(np.int64)
    length = np.maximum(classes.weights - needed + 1, 0)
    owner = np.repeat(np.arange(length.size), length)
    at = ragged(classes.bounds[:-1], length)
    item = classes.items[at]
    common = np.bincount(item)[item] > 1
    owner, at, item = owner[common], at[common], item[common]
    keys = item << 32 | owner
    listed = np.argsort(keys)
    smallest = np.searchsorted(classes.weights, needed)  # a class with fewer items cannot overlap enough
    ordered = keys[listed]
    start, reach = np.empty_like(listed), np.empty_like(listed)
    start[listed] = first = np.searchsorted(ordered, (ordered & ~0xFFFFFFFF) | smallest[ordered & 0xFFFFFFFF])
    reach[listed] = np.arange(listed.size) - first
    return _Prefix(owner, at - classes.bounds[owner], start, reach, listed)


def _met(classes: Classes, prefix: _Prefix, begin: int, end: int, threshold: float) -> Places:
    """The pairs (later class << 32 | earlier class) of the classes begin to end that meet early enough in a rare item."""
    entries = np.arange(*np.searchsorted(prefix.owner, [begin, end]))
    found = []
    for some in np.array_split(entries, 1 + int(prefix.reach[entries].sum()) // (2 * BLOCK)):
        other = prefix.listed[ragged(prefix.start[some], prefix.reach[some])]
        mine = np.repeat(some, prefix.reach[some])
        one, two = prefix.owner[mine], prefix.owner[other]
        left = np.minimum(classes.weights[one] - prefix.place[mine], classes.weights[two] - prefix.place[other])
        found.append(_different((one << 32 | two)[left >= _needed(classes, one, two, threshold)]))
    return _different(np.concatenate(found))


def _different(keys: Places) -> Places:
    keys.sort()
    return keys[np.flatnonzero(np.append(True, keys[1:] != keys[:-1])[: keys.size])]


def _needed(classes: Classes, one: Places, two: Places, threshold: float) -> NDArray[np.float64]:
    """The overlap that the smallest rows of two classes need."""
    both = (classes.least[one] + classes.least[two]).astype(np.float64)
    return both * (threshold / (1 + threshold)) - SLACK


def _overlapping(classes: Classes, pairs: Places, threshold: float) -> Links:
    """Those of the pairs of classes that overlap enough, with their overlap."""
    one, two = pairs >> 32, pairs & 0xFFFFFFFF
    cost = np.cumsum(classes.weights[one] + classes.weights[two])
    overlap = np.zeros(pairs.size, dtype=np.int64)
    begin = 0
    while begin < pairs.size:
        before = int(cost[begin - 1]) if begin else 0
        end = max(begin + 1, int(np.searchsorted(cost, before + BLOCK, side="right")))
        keys = np.concatenate([_keyed(classes, each[begin:end]) for each in (one, two)])
        keys.sort()
        overlap[begin:end] = np.bincount(keys[1:][keys[1:] == keys[:-1]] >> 32, minlength=end - begin)
        begin = end
    enough = overlap >= _needed(classes, one, two, threshold)
    return Links(one[enough], two[enough], overlap[enough])


def _keyed(classes: Classes, chosen: Places) -> Places:
    """The items of the chosen classes, each with the position of its class among them in the upper half."""
    length = classes.weights[chosen]
    return np.repeat(np.arange(chosen.size) << 32, length) | classes.items[ragged(classes.bounds[chosen], length)]


def _sets(shingles: Hashes, bounds: Places, rows: Places, threshold: float) -> tuple[Places, Places]:
    """The shared shingles of those rows that have enough of them, and how many different shingles each row has.

    The shared ones come as keys, ascending: position among the rows << 32 | number of the shingle, 0 for the rarest.
    """
    length = np.diff(bounds)[rows]
    row, count, again = _incidences(shingles, bounds, rows, length)
    sizes = length - np.bincount(row[again], minlength=rows.size)
    keep = np.ones(row.size, dtype=bool)
    keep[again] = False  # a row is a set: the same shingle counts once
    before = 2 * row.size
    while row.size and row.size < 0.98 * before:
        before = row.size
        left = np.add.reduceat(keep, np.cumsum(count) - count, dtype=np.int64)
        keep &= np.repeat(left > 1, count)
        row, count = row.take(np.flatnonzero(keep)), left[left > 1]
        enough = np.bincount(row, minlength=rows.size) >= threshold * sizes - SLACK
        keep = enough.take(row)  # and without the other rows, these may no longer share what they shared with them
    keys = row << 32 | np.repeat(_rank(count), count)
    keys.sort()
    return keys, sizes


def _incidences(shingles: Hashes, bounds: Places, rows: Places, length: Places) -> tuple[Places, Places, Places]:
    """Where the shingles occur that occur more than once, equal ones together.

    Returns:
        The rows (their positions) of each shingle, ascending; how many there are for each shingle; and which of the first
        array say again what the place before them says.
    """
    codes, packed = _packed(shingles, bounds, rows, length)
    owner = np.repeat(np.arange(rows.size, dtype=np.int32), length)
    row = np.empty(codes.size, dtype=np.int64)
    none = np.zeros(0, dtype=np.int64)
    counts, agains, done = [none], [none], 0
    for place, code in _repeats(codes, packed):
        some = row[done : done + place.size]
        some[:] = owner.take(place)
        first = np.append(True, code[1:] != code[:-1])
        agains.append(np.flatnonzero(~first[1:] & (some[1:] == some[:-1])) + (done + 1))
        counts.append(np.diff(np.append(np.flatnonzero(first), place.size)))
        done += place.size
    return row[:done], np.concatenate(counts), np.concatenate(agains)


def _packed(shingles: Hashes, bounds: Places, rows: Places, length: Places) -> tuple[Hashes, Hashes]:
    """The shingles of the rows; and, sorted, their upper bits with their places in the lower.

    NumPy sorts plain numbers several times faster than it sorts places by them.
    """
    ends = np.cumsum(length)
    codes = np.empty(int(ends[-1]) if ends.size else 0, dtype=np.uint64)
    packed = np.empty_like(codes)
    width = np.uint64(codes.size.bit_length())
    cuts = np.searchsorted(ends, np.arange(0, codes.size, BLOCK // 8))
    for low, high in pairwise(np.append(cuts, rows.size).tolist()):
        begin, end = int(ends[low] - length[low]), int(ends[high - 1]) if high else 0
        if begin < end:
            codes[begin:end] = some = shingles.take(ragged(bounds[rows[low:high]], length[low:high]))
            packed[begin:end] = some >> width << width | np.arange(begin, end, dtype=np.uint64)
    packed.sort()
    return codes, packed


def _repeats(codes: Hashes, packed: Hashes) -> Iterator[tuple[Places, Hashes]]:
    """Places of the numbers that occur more than once, equal ones together and ascending, and those numbers."""
    width = np.uint64(codes.size.bit_length())
    lower = (np.uint64(1) << width) - np.uint64(1)
    begin, size = 0, packed.size
    while begin < size:
        end = min(size, begin + BLOCK // 8)
        end = size if end == size else int(np.searchsorted(packed, packed[end] & ~lower))
        if end <= begin:  # more equal numbers than a block has
            end = int(np.searchsorted(packed, packed[begin] | lower, side="right"))
        top = packed[begin:end] >> width
        twice = np.append(False, top[1:] == top[:-1])
        twice[:-1] |= twice[1:]
        place = (packed[begin:end].take(np.flatnonzero(twice)) & lower).view(np.int64)
        code = codes.take(place)
        mixed = np.flatnonzero((code[1:] != code[:-1]) & (code[1:] >> width == code[:-1] >> width))
        if mixed.size:  # the upper bits met, the numbers differ
            some = np.flatnonzero(np.isin(code >> width, code[mixed] >> width))
            order = some[np.lexsort((place[some], code[some]))]
            place[some], code[some] = place[order], code[order]
        if place.size:
            yield place, code
        begin = end


def _rank(counts: Places) -> Places:
    """Number things from the rarest, which is 0, to the most frequent."""
    rank = np.empty_like(counts)
    rank[np.sort(counts << 32 | np.arange(counts.size)) & 0xFFFFFFFF] = np.arange(counts.size)
    return rank


def _alike(items: Places, bounds: Places) -> Places:
    """The first row with the same items, for each row."""
    return twins(scramble(items.astype(np.uint64)), bounds)
