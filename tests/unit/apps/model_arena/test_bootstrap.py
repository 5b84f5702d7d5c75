import numpy as np
import pytest

from apps.model_arena.bootstrap import resample
from apps.model_arena.bradley_terry import MEAN, SCALE, fit
from apps.model_arena.components import components
from apps.model_arena.counts import Counts
from apps.model_arena.sandwich import covariance
from tests.unit.apps.model_arena.votes import drawn, real, vote


def rated(votes):
    table = Counts(votes).table()
    members = components(table.wins)[0]
    return table, members, fit(table.wins[np.ix_(members, members)])


@pytest.mark.parametrize("sides", [2, 3, 5])
def test_errors_are_near_those_of_the_sandwich(sides):
    table, members, theta = rated(drawn(1500, np.linspace(-0.5, 0.5, 6), 3, sides, 0.2))
    found = resample(table, members, theta, 250, seed=1)
    errors = np.sqrt(np.diag(covariance(table, members, theta)[0]))
    assert found.thetas.shape == (250, 6)
    assert not found.weighted
    assert found.thetas.std(0) / errors == pytest.approx(np.ones(6), rel=0.2)
    assert np.abs(found.thetas.mean(0) - theta).max() < 0.02


def test_the_same_seed_gives_the_same():
    table, members, theta = rated(drawn(300, np.zeros(4), 1))
    one, two, three = (resample(table, members, theta, 130, seed) for seed in (0, 0, 1))
    assert np.array_equal(one.thetas, two.thetas)
    assert not np.array_equal(one.thetas, three.thetas)


def test_every_round_is_the_likeliest_of_its_votes():
    # Votes drawn anew, one by one and fitted one by one, spread as the rounds do.
    votes = drawn(400, np.array([0.4, 0, -0.4]), 8, ties=0.1)
    table, members, theta = rated(votes)
    chance, plain = np.random.default_rng(5), []
    for _ in range(300):
        again = Counts([votes[place] for place in chance.integers(len(votes), size=len(votes))]).table()
        strengths = dict(zip(again.models, fit(again.wins), strict=True))
        plain.append([strengths[model] for model in table.models])
    found = resample(table, members, theta, 300).thetas
    assert found.std(0) == pytest.approx(np.std(plain, 0), rel=0.15)
    assert np.abs(found.mean(1)).max() < 1e-12


def test_few_votes_get_random_weights():
    table, members, theta = rated([vote("x y", "a"), vote("x y", "b"), vote("y z", "tie"), vote("y z x", "b")])
    found = resample(table, members, theta, 120)
    assert found.weighted
    assert np.isfinite(found.thetas).all()
    assert found.thetas.std(0).min() > 0.1
    assert resample(table, members, theta, 0).thetas.shape == (0, 3)


def test_intervals_of_real_votes_are_those_of_the_reference(real_data):
    votes, reference = real(real_data, "llmfao")
    table, members, theta = rated(votes)
    draws = resample(table, members, theta, 300).thetas
    low, high = np.quantile(MEAN + SCALE * draws, [0.025, 0.975], axis=0)
    theirs = np.array([reference["boot_ci_1000_seed0"][model] for model in table.models])
    assert np.mean(high - low) / np.mean(theirs[:, 1] - theirs[:, 0]) == pytest.approx(1, abs=0.04)
    assert np.abs(np.array([low, high]).T - theirs).max() < 20
