import random
from collections import Counter

import numpy as np
import pytest

from apps.model_arena.bradley_terry import curvature, expect, fit
from apps.model_arena.counts import Counts
from apps.model_arena.sampling import PRIOR, draw, gains
from benchmarks.pair_sampling import simulate
from shared.errors import PlaygroundError
from tests.unit.apps.model_arena.votes import drawn

SETTLED = Counts(drawn(4000, np.linspace(-1, 1, 6), 1)).table()
NAMES = [f"m{number}" for number in range(6)]


def test_gains_are_what_one_more_vote_takes_from_the_widest():
    table = Counts(drawn(60, np.zeros(4), 2)).table()
    names = [*table.models, "new"]
    found = gains(table, names)
    wins = np.zeros((5, 5))
    wins[:4, :4] = table.wins
    theta = fit(wins, PRIOR)
    chances = expect(theta)
    information = curvature(wins + wins.T, chances) + PRIOR * np.eye(5)
    own = np.diag(np.linalg.inv(information))
    for one in range(5):
        for two in range(one):
            apart = np.eye(5)[one] - np.eye(5)[two]
            more = information + chances[one, two] * chances[two, one] * np.outer(apart, apart)
            lost = own - np.diag(np.linalg.inv(more))
            assert found[one, two] == pytest.approx((own / own.max()) ** 3 @ lost, rel=1e-6)
    assert not np.diag(found).any()


def test_a_new_model_meets_most_often():
    chance = random.Random(1)
    pairs = [draw(SETTLED, [*NAMES, "new"], 2, chance) for _ in range(200)]
    assert sum("new" in pair for pair in pairs) > 150
    rivals = Counter(model for pair in pairs for model in pair if model != "new")
    assert len(rivals) == 6  # and not always against the same one


def test_positions_are_even_and_the_seed_decides():
    chance = random.Random(2)
    firsts = sum(draw(SETTLED, [*NAMES, "new"], 2, chance)[0] == "new" for _ in range(300))
    assert 100 < firsts < 200
    one, two = ([draw(SETTLED, NAMES, 3, random.Random(7)) for _ in range(2)] for _ in range(2))
    assert one == two


@pytest.mark.parametrize("sides", [2, 3, 4, 5, 6])
def test_any_number_of_sides_without_a_model_twice(sides):
    chance = random.Random(3)
    for _ in range(30):
        chosen = draw(SETTLED, NAMES, sides, chance)
        assert len(set(chosen)) == sides
        assert set(chosen) <= set(NAMES)


def test_without_votes_every_pair_is_as_likely():
    chance = random.Random(4)
    pairs = Counter(frozenset(draw(Counts().table(), ["x", "y", "z"], 2, chance)) for _ in range(600))
    assert len(pairs) == 3
    assert min(pairs.values()) > 150
    assert set(draw(Counts().table(), ["い", "ろ"])) == {"い", "ろ"}


def test_models_that_are_absent_never_meet():
    chance = random.Random(5)
    for _ in range(50):
        assert "new" not in draw(SETTLED, [*NAMES, "new"], 2, chance, absent={"new"})


def test_now_and_then_any_pair_is_drawn():
    chance = random.Random(6)
    even = [draw(SETTLED, [*NAMES, "new"], 2, chance, explore=1.0) for _ in range(350)]
    assert 60 < sum("new" in pair for pair in even) < 140  # 2 of 7


@pytest.mark.parametrize(
    ("models", "sides", "absent", "said"),
    [
        (["x"], 2, (), "needs 2 models, and there are 1."),
        ([], 2, (), "there are 0."),
        (["x", "y", "z"], 3, ("z",), "1 of 3 cannot take part now"),
        (["x", "y", "x"], 2, (), "'x' is listed twice"),
        (["x", "y"], 1, (), "1 sides cannot be held"),
        (list("uvwxyzq"), 7, (), "Choose 2 to 6"),
    ],
)
def test_what_cannot_be_drawn_is_said(models, sides, absent, said):
    with pytest.raises(PlaygroundError, match=said):
        draw(SETTLED, models, sides, absent=absent)


def test_new_models_are_known_sooner():
    even, ours = (simulate(uniform, 0, within=90, settled=10, new=2, look=10) for uniform in (True, False))
    assert ours <= 0.6 * even


@pytest.mark.slow
def test_three_models_beside_twenty_need_two_fifths_of_the_votes():
    even, ours = (simulate(uniform, 3) for uniform in (True, False))
    assert ours <= 0.4 * even
