"""How many rows each part gives, which, and in which order."""

import itertools
from fractions import Fraction

import numpy as np
import pytest

from apps.dataset_explorer.shares import apportion, choose, most, permutation


def test_a_worked_example():
    assert apportion([2, 1], 10) == [7, 3]
    assert apportion([1, 1, 1], 100) == [34, 33, 33]
    assert apportion([5, 3, 1], 0) == [0, 0, 0]
    assert most([3, 1], [7473, 5000]) == 9964


def test_weights_are_the_decimals_that_were_written():
    assert apportion([0.1, 0.2, 0.7], 10) == [1, 2, 7]
    assert most([0.1, 0.2, 0.7], [10, 20, 70]) == 100
    assert most([0.1 + 0.2, 0.7], [3, 7]) == 9  # 0.30000000000000004 was given, and is meant


@pytest.mark.parametrize("weights", [[1], [1, 2], [0.3, 0.3, 0.4], [1e-9, 1, 1e9], [7, 7, 7, 7, 7]])
def test_shares_add_up_and_are_within_one_row(weights):
    """Hamilton's method, written again: sorted by the part behind the point, ties to the earlier."""
    for rows in (0, 1, 2, 3, 7, 99, 100, 12345):
        counts = apportion(weights, rows)
        quotas = [Fraction(str(weight)) * rows / sum(Fraction(str(each)) for each in weights) for weight in weights]
        assert sum(counts) == rows
        up = [place for place, (count, quota) in enumerate(zip(counts, quotas, strict=True)) if count > quota]
        down = [place for place in range(len(weights)) if place not in up]
        assert all(abs(count - quota) < 1 for count, quota in zip(counts, quotas, strict=True))
        for one, two in itertools.product(up, down):
            assert (quotas[one] % 1, -one) >= (quotas[two] % 1, -two)


@pytest.mark.parametrize("sizes", [[1], [1, 1], [10, 3], [5, 1, 100], [7473, 1319, 4535]])
def test_most_takes_no_row_twice_and_one_more_would(sizes):
    for weights in itertools.product([0.1, 1, 2.5], repeat=len(sizes)):
        rows = most(list(weights), sizes)
        counts = apportion(list(weights), rows)
        assert all(count <= size for count, size in zip(counts, sizes, strict=True))
        whole = [Fraction(str(weight)) for weight in weights]
        assert any((rows + 1) * weight / sum(whole) > size for weight, size in zip(whole, sizes, strict=True))


def test_an_order_is_a_permutation_and_depends_on_seed_and_stream_alone():
    one = permutation(1000, 7, 0)
    assert sorted(one.tolist()) == list(range(1000))
    assert one.tolist() == permutation(1000, 7, 0).tolist()
    assert one.tolist() != permutation(1000, 8, 0).tolist() != permutation(1000, 7, 1).tolist()
    assert permutation(0, 0, 0).tolist() == []


def test_the_order_is_that_of_pcg64s_raw_numbers():
    assert permutation(10, 0, 0).tolist() == [3, 2, 1, 8, 6, 0, 7, 4, 5, 9]
    raw = np.random.PCG64(np.random.SeedSequence([5, 2])).random_raw(50).tolist()
    assert permutation(50, 5, 2).tolist() == sorted(range(50), key=raw.__getitem__)


@pytest.mark.parametrize(("size", "count"), [(5, 0), (5, 3), (5, 5), (5, 12), (1, 4), (0, 0), (300, 299)])
def test_rows_are_chosen_as_evenly_as_can_be(size, count):
    rows = choose(size, count, 1, 0)
    assert len(rows) == count
    assert (np.diff(rows) >= 0).all()
    times = np.bincount(rows, minlength=size)
    assert not size or times.max() - times.min() <= 1
