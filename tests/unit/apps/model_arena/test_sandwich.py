import numpy as np
import pytest

from apps.model_arena.bradley_terry import SCALE, fit
from apps.model_arena.components import components
from apps.model_arena.counts import Counts
from apps.model_arena.position import Z
from apps.model_arena.sandwich import covariance, invert
from tests.unit.apps.model_arena.votes import drawn, real, vote


def by_hand(votes, theta, models):
    """The sandwich vote by vote: the score of each vote as a vector, its square added up."""
    size = len(models)
    bread, meat = np.zeros((size, size)), np.zeros((size, size))
    for each in votes:
        score = np.zeros(size)
        sides = [models.index(model) for model in each.models]
        for one in range(len(sides)):
            for two in range(one + 1, len(sides)):
                if each.place >= 0 and each.place not in (one, two):
                    continue
                i, j, share = sides[one], sides[two], 1 / (len(sides) - 1)
                p = 1 / (1 + np.exp(theta[j] - theta[i]))
                outcome = 0.5 if each.place < 0 else float(each.place == one)
                direction = np.eye(size)[i] - np.eye(size)[j]
                score += share * (outcome - p) * direction
                bread += share * p * (1 - p) * np.outer(direction, direction)
        meat += np.outer(score, score)
    inverse = np.linalg.pinv(bread, rcond=1e-9)
    return inverse @ meat @ inverse, inverse


@pytest.mark.parametrize("sides", [2, 3, 4, 6])
def test_counts_give_the_sandwich_of_single_votes(sides):
    votes = drawn(150, np.linspace(-0.5, 0.5, 7), sides, sides, 0.2)
    table = Counts(votes).table()
    members = list(range(7))
    theta = fit(table.wins)
    spread, plain = covariance(table, members, theta)
    expected, inverse = by_hand(votes, theta, table.models)
    assert np.allclose(spread, expected, atol=1e-12)
    assert np.allclose(plain, inverse, atol=1e-12)
    assert np.allclose(spread.sum(0), 0)


def test_only_pairs_among_the_rated_count():
    votes = [
        *drawn(60, np.zeros(4), 1, 3, 0.1),
        vote("m0 m1 best", "c"),
        vote("m2 best m3", "tie"),
        vote("m0 best", "b"),
    ]
    votes[-2] = vote("worst m2 m3", "b")
    table = Counts(votes).table()
    members = components(table.wins)[0]
    names = [table.models[member] for member in members]
    assert sorted(names) == ["m0", "m1", "m2", "m3"]
    theta = fit(table.wins[np.ix_(members, members)])
    spread, _ = covariance(table, members, theta)
    # By hand, the two votes with an outsider are what they say about pairs among the four.
    kept = votes[:60]
    expected, _ = by_hand([*kept, vote("m2 m3", "a")], theta, names)
    score = np.zeros(4)
    i, j = names.index("m2"), names.index("m3")
    score[[i, j]] = [1, -1]
    p = 1 / (1 + np.exp(theta[j] - theta[i]))
    bread = _bread(kept, theta, names) + 0.5 * p * (1 - p) * np.outer(score, score)
    inverse = np.linalg.pinv(bread, rcond=1e-9)
    meat = _meat(kept, theta, names) + (0.5 * (1 - p)) ** 2 * np.outer(score, score)
    assert np.allclose(spread, inverse @ meat @ inverse)
    assert not np.allclose(spread, expected)


def _bread(votes, theta, names):
    return np.linalg.pinv(by_hand(votes, theta, names)[1], rcond=1e-9)


def _meat(votes, theta, names):
    bread = _bread(votes, theta, names)
    return bread @ by_hand(votes, theta, names)[0] @ bread


@pytest.mark.parametrize("name", ["llmfao", "food", "simple"])
def test_errors_of_real_votes_are_those_of_the_reference(real_data, name):
    votes, reference = real(real_data, name)
    table = Counts(votes).table()
    spread, _ = covariance(table, range(len(table.models)), fit(table.wins))
    errors = SCALE * np.sqrt(np.diag(spread))
    for model, error in zip(table.models, errors.tolist(), strict=True):
        assert error == pytest.approx(reference["sandwich_se"][model], rel=1e-5)


def coverage(rounds, count, models, seed):
    """How often 95% intervals hold the true strength, for votes without ties."""
    strengths = np.linspace(-1, 1, models)
    truth = dict(zip((f"m{number}" for number in range(models)), strengths, strict=True))
    hits = total = 0
    for number in range(rounds):
        table = Counts(drawn(count, strengths, seed + number)).table()
        if len(table.models) < models or len(components(table.wins)) > 1:
            continue
        theta = fit(table.wins)
        errors = np.sqrt(np.diag(covariance(table, range(models), theta)[0]))
        right = np.array([truth[model] for model in table.models])
        hits += int((np.abs(theta - right) <= Z * errors).sum())
        total += models
    return hits / total


def test_intervals_hold_the_truth_small():
    assert 0.90 < coverage(25, 600, 6, 100) < 0.99


@pytest.mark.slow
def test_intervals_hold_the_truth_93_to_97_times_in_100():
    assert 0.93 <= coverage(400, 1500, 10, 1000) <= 0.97


def test_the_inverse_stays_in_its_frame():
    information = np.array([[3, -1, -2], [-1, 4, -3], [-2, -3, 5.0]])
    assert np.allclose(invert(information), np.linalg.pinv(information))
    assert invert(np.zeros((0, 0))).shape == (0, 0)
