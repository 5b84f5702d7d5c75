import math

import numpy as np
import pytest

from apps.model_arena.bradley_terry import SCALE
from apps.model_arena.counts import Counts
from apps.model_arena.position import estimate
from tests.unit.apps.model_arena.votes import drawn, real, vote


def test_two_models_in_both_orders_show_the_advantage():
    votes = [vote("x y", "a")] * 30 + [vote("x y", "b")] * 10 + [vote("y x", "a")] * 30 + [vote("y x", "b")] * 10
    found = estimate(Counts(votes).table())
    assert found.advantage == pytest.approx(SCALE * math.log(3))
    assert found.standard_error == pytest.approx(SCALE * math.sqrt(1 / 60 + 1 / 20))
    assert found.lower < found.advantage < found.upper
    assert found.shares == {"2": [0.75, 0.25]}
    assert found.votes == {"2": 80}
    assert found.ratings == pytest.approx({"x": 1000, "y": 1000})


def test_without_bias_the_interval_holds_nothing():
    found = estimate(Counts(drawn(3000, np.linspace(-1, 1, 8), 6, ties=0.2)).table())
    assert found.lower < 0 < found.upper


def test_real_votes_have_the_bias_of_the_reference(real_data):
    votes, reference = real(real_data, "llmfao")
    found = estimate(Counts(votes).table())
    assert found.advantage == pytest.approx(reference["position_effect_elo_first_listed"], abs=1e-4)
    for model, rating in reference["ratings_with_position_term"].items():
        assert found.ratings[model] == pytest.approx(rating, abs=2e-4)
    assert found.lower > 0


@pytest.mark.parametrize(
    "votes",
    [
        [],
        [vote("x y", "a")],
        [vote("x y", "a"), vote("y x", "a")],
        [vote("x y", "a"), vote("y x", "b")],
        [vote("x y", "tie")],
        [vote("x y", "a"), vote("x y", "b")],
        [vote("x y", "a")] * 50 + [vote("y x", "a")] * 50,
        [vote("x y", "a"), vote("y z", "a"), vote("z x", "a"), vote("x y", "tie")],
    ],
)
def test_few_votes_never_give_infinities(votes):
    found = estimate(Counts(votes).table())
    numbers = [found.advantage, found.standard_error, found.lower, found.upper, *found.ratings.values()]
    assert all(number is None or math.isfinite(number) for number in numbers)
    if not votes:
        assert found.shares == {}


def test_shares_are_told_for_any_number_of_sides():
    votes = [vote("x y z", "a"), vote("x y z", "c"), vote("x y z", "tie"), vote("x y z w", "tie")]
    found = estimate(Counts(votes).table())
    assert found.shares == {"3": [0.5, 0, 0.5]}
    assert found.votes == {"3": 2}
    assert found.advantage is None
