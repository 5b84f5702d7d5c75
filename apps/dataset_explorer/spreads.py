"""How numbers such as lengths are spread, exactly, as a partial result that merges."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Integers = NDArray[np.int64]

BINS = 40
BULK = 0.99  # bins of one width cover this share of the rows; the last one takes the rest, however long


@dataclass(frozen=True)
class Bin:
    """Rows whose number lies in one interval.

    Attributes:
        start: The smallest number in it.
        end: One more than the largest number in it.
        rows: How many rows.
    """

    start: int
    end: int
    rows: int


@dataclass(frozen=True)
class Lengths:
    """How long rows are, in one unit. Without rows, every number is 0.

    Attributes:
        unit: "characters", "words" or "tokens".
        total: All rows together.
        least: The shortest row.
        median: Half of the rows are shorter; between two rows, their mean.
        mean: Total / rows.
        p95: 95 of 100 rows are shorter, by linear interpolation between two rows.
        most: The longest row.
        bins: At most 41 intervals, ascending, without gaps; all have one width but the last, which goes up to the longest
            row.
    """

    unit: str
    total: int
    least: int
    median: float
    mean: float
    p95: float
    most: int
    bins: list[Bin]


@dataclass(frozen=True, eq=False)
class Spread:
    """How often each number occurs; the sum of two is the spread of all their rows together.

    Attributes:
        values: The different numbers, ascending, none below 0.
        counts: How many rows have each.
    """

    values: Integers
    counts: Integers

    @classmethod
    def of(cls, numbers: Any) -> "Spread":
        """The spread of one number a row.

        Args:
            numbers: Whole numbers, 0 or more; shape (rows,).
        """
        values, counts = np.unique(np.asarray(numbers, np.int64), return_counts=True)
        return cls(values, counts.astype(np.int64))

    def __add__(self, other: "Spread") -> "Spread":
        values, place = np.unique(np.concatenate((self.values, other.values)), return_inverse=True)
        counts = np.zeros(values.size, np.int64)
        np.add.at(counts, place, np.concatenate((self.counts, other.counts)))
        return Spread(values, counts)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Spread):
            return NotImplemented
        return np.array_equal(self.values, other.values) and np.array_equal(self.counts, other.counts)

    __hash__ = None  # type: ignore[assignment]

    @property
    def rows(self) -> int:
        """How many rows there are."""
        return int(self.counts.sum())

    def above(self, limit: int) -> int:
        """How many rows have more than `limit`.

        Args:
            limit: Any number.
        """
        return int(self.counts[self.values > limit].sum())

    def quantile(self, share: float) -> float:
        """The number below which a share of the rows lies, as `numpy.quantile` has it; 0 without rows.

        Args:
            share: From 0 to 1.
        """
        if not self.values.size:
            return 0.0
        place = share * (self.rows - 1)
        low, high = self.values[np.searchsorted(np.cumsum(self.counts), [math.floor(place), math.ceil(place)], "right")]
        return float(low + (high - low) * (place - math.floor(place)))

    def bins(self) -> list[Bin]:
        """At most 41 intervals without gaps, from the shortest row to the longest; empty without rows."""
        if not self.values.size:
            return []
        least, most = int(self.values[0]), int(self.values[-1])
        bulk = max(math.ceil(self.quantile(BULK)), least)
        width = _round_width((bulk + 1 - least) / BINS)
        first = least // width * width
        edges = list(range(first, bulk + 1, width))
        edges.append(edges[-1] + width)
        if most >= edges[-1]:
            edges.append(most + 1)
        below = np.append(0, np.cumsum(self.counts))[np.searchsorted(self.values, edges)]
        return [Bin(*each) for each in zip(edges, edges[1:], np.diff(below).tolist(), strict=False)]

    def lengths(self, unit: str) -> Lengths:
        """The numbers that describe it.

        Args:
            unit: What was counted: "characters", "words" or "tokens".
        """
        total, rows = int(self.values @ self.counts), self.rows
        return Lengths(
            unit,
            total,
            int(self.values.min(initial=2**62)) if rows else 0,
            self.quantile(0.5),
            total / rows if rows else 0.0,
            self.quantile(0.95),
            int(self.values.max(initial=0)),
            self.bins(),
        )


def _round_width(least: float) -> int:
    """The smallest of 1, 2, 5, 10, 20, 50 and so on that is no smaller."""
    if least <= 1:
        return 1
    scale: int = 10 ** math.floor(math.log10(least))
    steps: Sequence[int] = (1, 2, 5, 10)
    return next(step * scale for step in steps if step * scale >= least)
