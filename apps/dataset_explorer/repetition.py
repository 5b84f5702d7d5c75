"""How much of a row repeats itself: lines, paragraphs and word n-grams (Gopher, arXiv:2112.11446, Table A1)."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from apps.dataset_explorer.sheet import Bools, Hashes, Ints, Pieces, Sheet, mix

Once = Literal["zero", "count"]
Coverage = Literal["union", "greedy"]
Values = NDArray[np.float64]

TOP_SIZES = (2, 3, 4)
COVERED_SIZES = (5, 6, 7, 8, 9, 10)
_RADIX = np.uint64(0xD6E8FEB86659FD93)


@dataclass(frozen=True)
class Groups:
    """Positions that share a key with another position, grouped by key.

    Attributes:
        position: The positions, one group after the other, in no order within a group.
        start: Where each group starts in `position`.
        size: Positions in each group, 2 or more.
        first: The lowest position of each group.
    """

    position: Ints
    start: Ints
    size: Ints
    first: Ints


def group(keys: Hashes, position: Ints) -> Groups:
    """The positions whose key occurs more than once.

    Args:
        keys: One key a position.
        position: What to group; same shape as `keys`.
    """
    order = np.argsort(keys)
    ordered = keys[order]
    start = (
        np.flatnonzero(np.concatenate(([True], ordered[1:] != ordered[:-1]))) if len(keys) else np.zeros(0, np.int64)
    )
    size = np.diff(np.append(start, len(keys)))
    many = size > 1
    chosen = position[order[np.repeat(many, size)]]
    size = size[many]
    start = np.cumsum(size) - size
    first = np.minimum.reduceat(chosen, start) if len(size) else np.zeros(0, np.int64)
    return Groups(chosen, start, size, first)


def repeats(keys: Hashes) -> Bools:
    """Which positions hold a key that an earlier position holds already."""
    found = group(keys, np.arange(len(keys)))
    mask = np.zeros(len(keys), np.bool_)
    mask[found.position] = True
    mask[found.first] = False
    return mask


def share(part: Ints | Values, whole: Ints) -> Values:
    """`part / whole`, and 0 where the whole is nothing."""
    return np.divide(part, whole, out=np.zeros(len(whole)), where=whole > 0)


def duplicates(sheet: Sheet, pieces: Pieces) -> Bools:
    """Which pieces repeat an earlier piece of their row."""
    return repeats(sheet.hashes(pieces) ^ mix(pieces.row.astype(np.uint64)))


def paragraphs(sheet: Sheet) -> Pieces:
    """The paragraphs of each row: the text without white space at its ends, split at two or more line feeds."""
    whole = sheet.strip(Pieces(np.arange(sheet.rows), sheet.start, sheet.end))
    solid = whole.start < whole.end
    feeds = sheet.feeds
    apart = np.diff(feeds) > 1 if len(feeds) else np.zeros(0, np.bool_)
    start = feeds[np.concatenate(([True], apart))]
    end = feeds[np.concatenate((apart, [True]))] + 1
    row = sheet.row_of(start)
    inner = (end - start > 1) & (start >= whole.start[row]) & (end <= whole.end[row])
    starts = np.sort(np.concatenate((whole.start[solid], end[inner])))
    ends = np.sort(np.concatenate((whole.end[solid], start[inner])))
    return Pieces(sheet.row_of(starts), starts, ends)


class Grams:
    """The word n-grams of a sheet, up to ten words long, and which of them a row repeats."""

    def __init__(self, sheet: Sheet, once: Once, coverage: Coverage) -> None:
        self.sheet, self.once, self.coverage = sheet, once, coverage
        self.words = sheet.words
        self.keys = sheet.word_hashes
        self.sums = np.concatenate(([0], np.cumsum(self.words.length)))
        """Characters of words before each word. Shape (words + 1,)."""
        # One after the last word of the row that each word is in.
        self.stop = np.cumsum(sheet.count(self.words.row))[self.words.row]

    def repeated(self) -> Iterator[tuple[int, Groups]]:
        """For n from 2 to 10: n, and the first words of the n-grams that a row holds more than once."""
        position = np.arange(len(self.words))
        keys = self.keys + mix(self.words.row.astype(np.uint64) + np.uint64(1))
        for n in range(2, max(COVERED_SIZES) + 1):
            # A longer n-gram repeats only where its first words do: fewer candidates with each n.
            inside = position + n <= self.stop[position]
            position = position[inside]
            keys = keys[inside] * _RADIX + self.keys[position + n - 1]
            groups = group(keys, position)
            yield n, groups
            again = np.zeros(len(self.words), np.bool_)
            again[groups.position] = True
            kept = again[position]
            position, keys = position[kept], keys[kept]

    def values(self) -> dict[str, Values]:
        """The share of each row's characters, for every n: in its most frequent n-gram, or in repeated n-grams."""
        found: dict[str, Values] = {}
        for n, groups in self.repeated():
            if n in TOP_SIZES:
                found[f"gopher_top_{n}_gram"] = share(self._top(groups, n), self.sheet.length)
            elif self.coverage == "union":
                found[f"gopher_repeated_{n}_grams"] = share(self._union(groups, n), self.sheet.length)
            else:
                found[f"gopher_repeated_{n}_grams"] = share(self._greedy(n), self.sheet.length)
        return found

    def winners(self, groups: Groups) -> Bools:
        """Which group is the most frequent n-gram of its row."""
        # The highest count wins, then the n-gram that is met first, as in `Counter.most_common`.
        row = self.words.row[groups.first]
        rank = groups.size * len(self.words) + (len(self.words) - 1 - groups.first)
        best = np.full(self.sheet.rows, -1)
        np.maximum.at(best, row, rank)
        won: Bools = rank == best[row]
        return won

    def covered(self, groups: Groups, n: int) -> Bools:
        """Which words are in an n-gram that occurred before in the row. Shape (words,)."""
        edges = np.zeros(len(self.words) + 1, np.int64)
        np.add.at(edges, groups.position, 1)
        np.add.at(edges, groups.position + n, -1)
        np.add.at(edges, groups.first, -1)
        np.add.at(edges, groups.first + n, 1)
        return np.cumsum(edges[:-1]) > 0

    def _top(self, groups: Groups, n: int) -> Ints:
        """Characters, spaces between words included, of each row's most frequent n-gram times its count."""
        won = self.winners(groups)
        total = np.zeros(self.sheet.rows, np.int64)
        if self.once == "count":
            first = np.searchsorted(self.words.row, np.arange(self.sheet.rows))
            whole = self.sheet.count(self.words.row) >= n
            total[whole] = self._characters(first[whole], n) + n - 1
        times, first = groups.size[won], groups.first[won]
        total[self.words.row[first]] = times * (self._characters(first, n) + n - 1)
        return total

    def _characters(self, position: Ints, n: int) -> Ints:
        """Characters of the n words from each position on."""
        return self.sums[position + n] - self.sums[position]

    def _union(self, groups: Groups, n: int) -> Ints:
        """Characters of the words in n-grams that occurred before in the row, each word counted once."""
        covered = self.covered(groups, n)
        return self.sheet.count(self.words.row[covered], self.words.length[covered])

    @cached_property
    def _joined(self) -> tuple[Hashes, Hashes]:
        """Running sums over the characters of all words, as if they touched, and the scale at each word."""
        return self.sheet.joined(self.words, self.sums)

    def _greedy(self, n: int) -> Ints:
        """What datatrove 0.10.1 counts: a repeat skips over its n words, n-grams are compared without spaces."""
        sums, scale = self._joined
        position = np.flatnonzero(np.arange(len(self.words)) + n <= self.stop)
        row = self.words.row[position]
        keys = mix((sums[position + n] - sums[position]) * scale[position]) ^ mix(row.astype(np.uint64))
        total = np.zeros(self.sheet.rows, np.int64)
        bounds = np.searchsorted(row, np.arange(self.sheet.rows + 1))
        for each in np.unique(row[repeats(keys)]):
            low, high = bounds[each], bounds[each + 1]
            total[each] = _jump(keys[low:high].tolist(), self._characters(position[low:high], n).tolist(), n)
        return total


def _jump(keys: list[int], lengths: list[int], n: int) -> int:
    seen: set[int] = set()
    total = index = 0
    while index < len(keys):
        if keys[index] in seen:
            total += lengths[index]
            index += n
        else:
            seen.add(keys[index])
            index += 1
    return total


def measure_repetition(sheet: Sheet, once: Once = "zero", coverage: Coverage = "union") -> dict[str, Values]:
    """The repetition values of every row, each between 0 and 1 (top n-grams may overlap and then exceed 1).

    Args:
        sheet: The rows.
        once: "zero": an n-gram that occurs once is no repetition; "count": it counts, as in datatrove.
        coverage: "union": every character of a repeated n-gram, once; "greedy": datatrove's walk without overlaps.

    Returns:
        For each value of the rules `gopher_duplicate_*`, `gopher_top_*` and `gopher_repeated_*`, shape (rows,).
    """
    found: dict[str, Values] = {}
    for name, pieces, extra in (("paragraph", paragraphs(sheet), None), ("line", *_lines(sheet))):
        again = duplicates(sheet, pieces)
        total = sheet.count(pieces.row)
        double = sheet.count(pieces.row[again])
        if extra is not None:
            total, double = total + extra, double + (extra == 2)
        characters = sheet.count(pieces.row[again], pieces.length[again])
        found[f"gopher_duplicate_{name}s"] = share(double, total)
        found[f"gopher_duplicate_{name}_characters"] = share(characters, sheet.length)
    return found | Grams(sheet, once, coverage).values()


def _lines(sheet: Sheet) -> tuple[Pieces, Ints]:
    r"""Lines by `re.split("\n+", text)`: the filled ones, and how many empty ones (first or last) each row has."""
    lines = sheet.lines
    filled = lines.where(lines.start < lines.end)
    some = sheet.length > 0
    ends = (sheet.codes[np.where(some, sheet.start, 0)] == 10) & some, (sheet.codes[sheet.end - 1] == 10) & some
    return filled, ends[0].astype(np.int64) + ends[1]
