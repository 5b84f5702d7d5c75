import random
from itertools import pairwise

import numpy as np
import pytest

from apps.dataset_explorer.spreads import Bin, Spread


def test_a_worked_example():
    found = Spread.of([3, 1, 3, 8]).lengths("words")
    assert (found.total, found.least, found.median, found.mean, found.most) == (15, 1, 3.0, 3.75, 8)
    assert found.p95 == pytest.approx(7.25)
    assert found.bins == [Bin(n, n + 1, {1: 1, 3: 2, 8: 1}.get(n, 0)) for n in range(1, 9)]


@pytest.mark.parametrize("seed", range(5))
def test_quantiles_are_numpys_and_bins_hold_every_row_once(seed):
    dice = random.Random(seed)
    numbers = [int(dice.lognormvariate(4, seed)) for _ in range(dice.randint(1, 900))]
    spread = Spread.of(numbers)
    for share in (0, 0.1, 0.5, 0.95, 1):
        assert spread.quantile(share) == pytest.approx(np.quantile(numbers, share))
    bins = spread.bins()
    assert len(bins) <= 42
    assert [each.rows for each in bins] == [sum(each.start <= n < each.end for n in numbers) for each in bins]
    assert sum(each.rows for each in bins) == len(numbers)
    assert all(one.end == two.start for one, two in pairwise(bins))


def test_sums_are_spreads_of_all_rows():
    one, two = [5, 5, 0, 9], [9, 2]
    assert Spread.of(one) + Spread.of(two) == Spread.of(one + two) != Spread.of(one)
    assert Spread.of(one) + Spread.of([]) == Spread.of(one)
    assert Spread.of([1]) != 1


def test_nothing_is_all_zeros():
    found = Spread.of([]).lengths("tokens")
    assert (found.total, found.least, found.median, found.mean, found.p95, found.most) == (0, 0, 0.0, 0.0, 0.0, 0)
    assert found.bins == []
    assert Spread.of([]).above(0) == 0


def test_one_long_row_does_not_squeeze_the_others():
    bins = Spread.of([*range(100, 300), 1_000_000]).bins()
    assert bins[-1].rows == 1
    assert bins[-1].end == 1_000_001
    assert bins[0] == Bin(100, 105, 5)


def test_above_counts_only_what_is_longer():
    assert Spread.of([2047, 2048, 2049, 5000]).above(2048) == 2
