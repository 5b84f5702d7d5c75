"""Bootstrap percentile intervals of any metric that is a function of sums over items, and paired differences of two models.

Every metric here is `score(sum over items of a row of numbers)`: a mean is hits / items, bits per byte is bits / bytes, BLEU and
chrF are functions of summed counts. So one routine draws items with replacement, sums their rows and scores the sums, for all draws at once.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from shared.errors import PlaygroundError

Floats = NDArray[np.float64]
Score = Callable[[Floats], Floats]

BLOCK = 2_000_000  # picks held in memory at once


@dataclass(frozen=True)
class Interval:
    """A value with how sure it is.

    Attributes:
        value: The metric over all items.
        lower: Lower end of the interval; None for a single item, from which nothing can be said about others.
        upper: Upper end.
        n: Items.
    """

    value: float
    lower: float | None
    upper: float | None
    n: int


@dataclass(frozen=True)
class Gap:
    """How much the first model's metric is above the second's on the same items.

    Attributes:
        value: First minus second.
        lower: Lower end of the interval; None for a single item.
        upper: Upper end.
        n: Items that both have.
        p: How often a difference at least as far on the other side of 0 is drawn, two-sided, never 0: 1 / (draws + 1) at least.
    """

    value: float
    lower: float | None
    upper: float | None
    n: int
    p: float


def ratio(sums: Floats) -> Floats:
    """First column by second: a mean when the second counts items, a rate when it counts bytes.

    Args:
        sums: Shape (..., 2).
    """
    quotient: Floats = sums[..., 0] / sums[..., 1]
    return quotient


def bootstrap(
    rows: ArrayLike, score: Score = ratio, level: float = 0.95, draws: int = 1000, seed: int = 0, share: bool = False
) -> Interval:
    """The metric over all items, with its bootstrap percentile interval.

    Efron and Tibshirani, An Introduction to the Bootstrap (1993), chapter 13: draw as many items with replacement as there are,
    score them, repeat; the interval holds the middle `level` of the scores. It is somewhat narrow below 20 items.

    Args:
        rows: One row an item, shape (n, k): what is summed.
        score: From sums, shape (..., k), to values, shape (...).
        level: How often the interval should hold the truth, between 0 and 1.
        draws: Repetitions.
        seed: The same seed gives the same interval.
        share: Rows are (0 or 1, 1). When all are alike the bootstrap says "no doubt at all", so the exact interval of Clopper and
            Pearson (1934) is given instead: n of n is at least (alpha / 2) ** (1 / n).

    Raises:
        PlaygroundError: There is no item.
    """
    table = _table(rows)
    n = len(table)
    value = float(score(table.sum(axis=0)))
    tail = (1 - level) / 2
    if share and value in (0.0, 1.0):
        edge = tail ** (1 / n)
        return Interval(value, edge if value else 0.0, 1.0 if value else 1 - edge, n)
    if n == 1:
        return Interval(value, None, None, n)
    scores = score(_resampled(table, draws, seed))
    lower, upper = np.quantile(scores, [tail, 1 - tail])
    return Interval(value, float(lower), float(upper), n)


def paired(
    first: ArrayLike,
    second: ArrayLike,
    score: Score = ratio,
    level: float = 0.95,
    draws: int = 1000,
    seed: int = 0,
    share: bool = False,
) -> Gap:
    """The difference of two models on the same items, both scored on the same draws.

    Paired bootstrap resampling as in Koehn, Statistical Significance Tests for Machine Translation Evaluation (EMNLP 2004).

    Args:
        first: Rows of the first model, shape (n, k).
        second: Rows of the second model, in the same order.
        score: From sums to values.
        level: How often the interval should hold the truth.
        draws: Repetitions.
        seed: The same seed gives the same interval.
        share: Rows are (0 or 1, 1). When the models differ alike on every item the bootstrap says "no doubt at all", which two
            items cannot show; then the interval is exact, as in `bootstrap`, and p is that of the sign test.

    Raises:
        PlaygroundError: There is no item, or one model has more than the other.
    """
    one, two = _table(first), _table(second)
    if one.shape != two.shape:
        raise PlaygroundError(
            f"Pairs need the same items: the first model has {len(one)} and the second {len(two)}. Evaluate both on the same tasks."
        )
    n, width = one.shape
    value = float(score(one.sum(axis=0)) - score(two.sum(axis=0)))
    if n == 1:
        return Gap(value, None, None, n, 1.0)
    if share and value in (-1.0, 0.0, 1.0) and (one - two == [value, 0.0]).all():
        edge = ((1 - level) / 2) ** (1 / n)  # at least as many of all items would come out like these
        lower, upper = (2 * edge - 1, 1.0) if value > 0 else (-1.0, 1 - 2 * edge) if value else (edge - 1, 1 - edge)
        return Gap(value, lower, upper, n, 2 * 0.5**n if value else 1.0)
    sums = _resampled(np.concatenate([one, two], axis=1), draws, seed)
    gaps = score(sums[:, :width]) - score(sums[:, width:])
    lower, upper = np.quantile(gaps, [(1 - level) / 2, (1 + level) / 2])
    beyond = min(int((gaps <= 0).sum()), int((gaps >= 0).sum()))
    return Gap(value, float(lower), float(upper), n, min(1.0, 2 * (beyond + 1) / (draws + 1)))


def _table(rows: ArrayLike) -> Floats:
    table = np.asarray(rows, dtype=np.float64)
    if table.ndim != 2 or not len(table):
        raise PlaygroundError("There is no item to measure. Give at least one.")
    return table


def _resampled(table: Floats, draws: int, seed: int) -> Floats:
    """Sums of `draws` samples with replacement, shape (draws, k)."""
    n, width = table.shape
    random = np.random.default_rng(seed)
    sums = np.empty((draws, width))
    block = max(1, BLOCK // n)
    for start in range(0, draws, block):
        size = min(block, draws - start)
        picks = random.integers(n, size=(size, n)) + n * np.arange(size)[:, None]
        counts = np.bincount(picks.ravel(), minlength=size * n).reshape(size, n)
        sums[start : start + size] = counts.astype(np.float64) @ table
    return sums
