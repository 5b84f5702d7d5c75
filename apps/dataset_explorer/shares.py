"""Which rows a mix takes from each part, and in which order: exact counts, and the same rows for the same seed everywhere.

Chance comes from the raw 64-bit stream of NumPy's PCG64 (O'Neill 2014, seeded through SeedSequence), whose values NumPy
promises never to change, unlike those of `Generator`'s methods: the order of n rows is that of n raw values, sorted.
"""

from collections.abc import Sequence
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

Rows = NDArray[np.int64]


def most(weights: Sequence[float], sizes: Sequence[int]) -> int:
    """How many rows a mix can have at most when no row is taken twice.

    Args:
        weights: One a part, above 0; taken as the decimal numbers that they are written as.
        sizes: Rows of each part.
    """
    exact = [Fraction(repr(weight)) for weight in weights]
    return min(int(size * sum(exact) / weight) for size, weight in zip(sizes, exact, strict=True))


def apportion(weights: Sequence[float], rows: int) -> list[int]:
    """Whole numbers that add up to `rows` and are as close to the weights as can be: the largest remainders are rounded up.

    Hamilton's method, in exact arithmetic; of equal remainders the earlier part's is rounded up.

    Args:
        weights: One a part, above 0.
        rows: The sum.
    """
    exact = [Fraction(repr(weight)) for weight in weights]
    quotas = [rows * weight / sum(exact) for weight in exact]
    counts = [int(quota) for quota in quotas]
    order = sorted(range(len(quotas)), key=lambda place: counts[place] - quotas[place])
    for place in order[: rows - sum(counts)]:
        counts[place] += 1
    return counts


def permutation(size: int, seed: int, stream: int) -> Rows:
    """The numbers from 0 to `size` - 1 in an order that depends on seed and stream alone.

    Args:
        size: How many.
        seed: The seed, from 0.
        stream: Which of the orders of that seed.
    """
    raw = np.random.PCG64(np.random.SeedSequence([seed, stream])).random_raw(size)
    return np.argsort(np.asarray(raw, np.uint64), kind="stable").astype(np.int64)


def choose(size: int, count: int, seed: int, stream: int) -> Rows:
    """Numbers of `count` rows out of `size`, ascending; when that is more than there are, each as often as any other, or once more.

    Args:
        size: Rows of the part; at least 1 unless none is wanted.
        count: Rows wanted.
        seed: The seed.
        stream: The part's own stream.
    """
    whole, rest = divmod(count, size) if size else (0, 0)
    chosen = permutation(size, seed, stream)[:rest]
    return np.sort(np.concatenate([np.tile(np.arange(size, dtype=np.int64), whole), chosen]))
