import json
from dataclasses import asdict

import pytest

from apps.model_arena.counts import Counts
from apps.model_arena.win_rates import win_rates
from tests.unit.apps.model_arena.votes import vote


def test_rates_count_ties_half_and_come_in_order():
    found = win_rates(Counts([vote("x y", "b"), vote("x y", "b"), vote("y x", "tie"), vote("y z", "a")]).table())
    assert found.models == ["y", "x", "z"]
    assert found.rates == [[None, 2.5 / 3, 1], [0.5 / 3, None, None], [0, None, None]]
    assert found.battles == [[0, 3, 1], [3, 0, 0], [1, 0, 0]]
    assert found.means == [pytest.approx((2.5 / 3 + 1) / 2), pytest.approx(0.5 / 3), 0]


def test_intervals_are_wilsons():
    votes = [vote("x y", "a")] * 8 + [vote("x y", "b")] * 2
    found = win_rates(Counts(votes).table())
    # As R's binom::binom.confint(8, 10, methods = "wilson") has it.
    assert (found.lower[0][1], found.upper[0][1]) == (
        pytest.approx(0.4901625, abs=1e-6),
        pytest.approx(0.9433178, abs=1e-6),
    )
    once = win_rates(Counts([vote("x y", "a")]).table())
    assert once.upper[0][1] == pytest.approx(1)
    assert once.lower[0][1] == pytest.approx(0.2065493, abs=1e-6)


def test_with_more_sides_losers_are_not_compared():
    found = win_rates(Counts([vote("x y z", "a"), vote("x y z", "a")]).table())
    assert found.models == ["x", "y", "z"]
    assert found.rates[1][2] is None
    assert found.battles[0] == [0, 2, 2]


def test_no_votes_and_a_model_that_met_nobody():
    assert win_rates(Counts().table()).models == []
    found = win_rates(Counts([vote("x x", "a"), vote("い y", "a")]).table())
    assert found.models == ["い", "y", "x"]
    assert found.means == [1, 0, None]
    assert "NaN" not in json.dumps(asdict(found))
