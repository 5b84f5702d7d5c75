"""Pairs of rows, counted in full and listed up to a limit, and the groups that they make."""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from apps.dataset_explorer.jaccard import BLOCK, Classes, Links, ragged
from shared.text import Places


@dataclass(frozen=True)
class Pair:
    """Two rows that are duplicates of each other.

    Attributes:
        a: The lower row, counted from 0.
        b: The higher row.
        similarity: How alike they are, from the threshold to 1.
    """

    a: int
    b: int
    similarity: float


@dataclass(frozen=True)
class _Partners:
    """Members of classes (positions in `Classes.rows`) and their partners in one class: the `count` smallest rows of it."""

    member: Places
    start: Places
    count: Places
    overlap: Places


@dataclass
class Tally:
    """What the links between classes come to: how many pairs, which groups, and the first pairs.

    Attributes:
        classes: The rows in classes.
        threshold: The similarity that makes two rows partners.
        limit: How many pairs are kept, those with the lowest rows.
        count: Pairs found so far.
    """

    classes: Classes
    threshold: float
    limit: int
    count: int = 0
    _label: Places = field(init=False)
    _keys: Places = field(init=False)
    _similarities: NDArray[np.float64] = field(init=False)

    def __post_init__(self) -> None:
        self._label = np.arange(self.classes.rows.size)
        self._keys = np.zeros(0, dtype=np.int64)
        self._similarities = np.zeros(0)

    def add(self, links: Links) -> None:
        """Count the pairs of rows of these classes, join their groups, and keep the first of them.

        Args:
            links: Pairs of classes; each pair is added once.
        """
        other = np.flatnonzero(links.one != links.two)
        one = np.concatenate((links.one, links.two[other]))
        two = np.concatenate((links.two, links.one[other]))
        partners, itself = self._partners(one, two, np.concatenate((links.overlap, links.overlap[other])))
        self.count += (int(partners.count.sum()) - itself) // 2
        self._join(partners.member, partners.start)
        self._list(partners)

    def pairs(self) -> list[Pair]:
        """The first pairs, by `a` and then by `b`."""
        a, b = (self._keys >> 32).tolist(), (self._keys & 0xFFFFFFFF).tolist()
        return [Pair(*each) for each in zip(a, b, self._similarities.tolist(), strict=True)]

    def groups(self) -> tuple[Places, Places]:
        """Rows that are linked by pairs, directly or through others.

        Returns:
            The rows, group by group and ascending in each, and where each group begins and ends; the group with the lowest
            row is the first.
        """
        rows = self.classes.rows
        lowest = np.full(rows.size, np.iinfo(np.int64).max)
        np.minimum.at(lowest, self._label, rows)
        lowest = lowest[self._label]
        order = np.lexsort((rows, lowest))
        lowest, rows = lowest[order], rows[order]
        sizes = np.unique_counts(lowest).counts
        several = np.repeat(sizes > 1, sizes)
        return rows[several], np.append(0, np.cumsum(sizes[sizes > 1]))

    def _partners(self, one: Places, two: Places, overlap: Places) -> tuple[_Partners, int]:
        """The partners in class two[i] of each member of class one[i], and how many members were their own."""
        sizes, first = self.classes.sizes, self.classes.first
        length = np.diff(first)[one]
        member, link = ragged(first[one], length), np.repeat(np.arange(one.size), length)
        room = _largest(overlap, self.threshold)[link] - sizes[member]
        start = first[two[link]]
        keys = np.repeat(np.arange(first.size - 1) << 32, np.diff(first)) | sizes
        count = np.searchsorted(keys, two[link] << 32 | np.clip(room, 0, 1 << 31), side="right") - start
        some = count > 0
        itself = int(np.count_nonzero((one == two)[link] & (room >= sizes[member])))
        return _Partners(member[some], start[some], count[some], overlap[link][some]), itself

    def _join(self, one: Places, two: Places) -> None:
        """Give the members that are linked one label: the lowest, by hooking the higher root under the lower one."""
        while True:
            left, right = self._label[one], self._label[two]
            apart = left != right
            if not np.any(apart):
                return
            one, two, left, right = one[apart], two[apart], left[apart], right[apart]
            np.minimum.at(self._label, np.maximum(left, right), np.minimum(left, right))
            while np.any((above := self._label[self._label]) != self._label):
                self._label = above

    def _list(self, partners: _Partners) -> None:
        """Keep the pairs with the lowest rows, without ever writing down all of them."""
        order = np.argsort(self.classes.rows[partners.member])
        rows = self.classes.rows[partners.member][order]
        work = np.cumsum(partners.count[order])
        begin = 0
        while begin < rows.size and (
            self._keys.size < self.limit or (self.limit and rows[begin] <= self._keys[-1] >> 32)
        ):
            before = int(work[begin - 1]) if begin else 0
            end = max(begin + 1, int(np.searchsorted(work, before + BLOCK, side="right")))
            self._keep(partners, order[begin:end])
            begin = end

    def _keep(self, partners: _Partners, some: Places) -> None:
        rows, sizes = self.classes.rows, self.classes.sizes
        count = partners.count[some]
        one = np.repeat(partners.member[some], count)
        two = ragged(partners.start[some], count)
        overlap = np.repeat(partners.overlap[some], count)
        up = rows[two] > rows[one]
        one, two, overlap = one[up], two[up], overlap[up]
        keys = np.concatenate((self._keys, rows[one] << 32 | rows[two]))
        similarities = np.concatenate((self._similarities, overlap / (sizes[one] + sizes[two] - overlap)))
        order = np.argsort(keys)[: self.limit]
        self._keys, self._similarities = keys[order], similarities[order]


def _largest(overlap: Places, threshold: float) -> Places:
    """The largest sum of two sets' sizes with which that overlap still is a similarity of the threshold."""
    union = np.maximum(np.floor(overlap / threshold), 1)
    union += overlap / (union + 1) >= threshold
    union -= overlap / union < threshold
    return union.astype(np.int64) + overlap
