import numpy as np
import pytest

from apps.model_arena import many_sides, sandwich
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
                if i == j:
                    continue
                p = 1 / (1 + np.exp(theta[j] - theta[i]))
                outcome = 0.5 if each.place < 0 else float(each.place == one)
                direction = np.eye(size)[i] - np.eye(size)[j]
                score += share * (outcome - p) * direction
                bread += share * p * (1 - p) * np.outer(direction, direction)
        meat += np.outer(score, score)
    inverse = np.linalg.pinv(bread, rcond=1e-9)
    return inverse @ meat @ inverse, inverse


@pytest.mark.parametrize("few", [0, 20_000], ids=["by triple", "by row"])
@pytest.mark.parametrize("sides", [2, 3, 4, 6])
def test_counts_give_the_sandwich_of_single_votes(sides, few, monkeypatch):
    monkeypatch.setattr(many_sides, "FEW", few)
    votes = drawn(150, np.linspace(-0.5, 0.5, 7), sides, sides, 0.2)
    votes += [vote(" ".join(["m0", "m0", "m1", "m2", "m2", "m3"][-sides:]), end) for end in ("a", "b", "tie")]
    table = Counts(votes).table()
    assert (table.triples is not None) == (sides > 2 and not few)
    members = list(range(7))
    theta = fit(table.wins)
    spread, plain = covariance(table, members, theta)
    expected, inverse = by_hand(votes, theta, table.models)
    assert np.allclose(spread, expected, atol=1e-12)
    assert np.allclose(plain, inverse, atol=1e-12)
    assert np.allclose(spread.sum(0), 0)


def mixed(count, models, seed):
    """Votes with 2 to 6 sides."""
    strengths = np.linspace(-0.8, 0.8, models)
    found = [drawn(count, strengths, seed + sides, sides, 0.25) for sides in range(2, 7)]
    return [votes[place] for place in range(count) for votes in found]


def test_what_is_kept_as_votes_arrive_is_what_all_votes_say(monkeypatch):
    votes = mixed(60, 12, 3)
    counts = Counts()
    for place, each in enumerate([*votes, *votes[:40]]):
        monkeypatch.setattr(many_sides, "FEW", 100)  # triples begin somewhere on the way
        counts.add(each)
        if place >= len(votes):
            counts.add(each, -1)
    table = counts.table()
    assert table.triples is not None
    monkeypatch.setattr(many_sides, "FEW", 10**9)
    whole = Counts(votes).table()
    assert whole.triples is None
    order = [table.models.index(model) for model in whole.models]
    theta = fit(whole.wins)
    expected = by_hand(votes, theta, whole.models)
    for each, members in ((whole, range(12)), (table, order)):
        found = covariance(each, members, theta)
        for one, two in zip(found, expected, strict=True):
            assert np.abs(one - two).max() < 1e-9 * np.abs(two).max()


def test_many_models_are_counted_row_by_row(monkeypatch):
    monkeypatch.setattr(many_sides, "FEW", 10)
    counts = Counts(mixed(20, 9, 1))
    assert counts.table().triples is not None
    monkeypatch.setattr(many_sides, "DENSE", 16)
    counts.add_all([vote(f"m0 n{place} n{place + 1}", "tie") for place in range(20)])
    counts.add_all([vote("m0 m1 m2", "c")] * 30)
    table = counts.table()
    assert table.triples is None
    theta = np.linspace(-1, 1, len(table.models))
    found, _ = covariance(table, range(len(theta)), theta)
    monkeypatch.undo()
    everyone = mixed(20, 9, 1)
    everyone += [vote(f"m0 n{place} n{place + 1}", "tie") for place in range(20)] + [vote("m0 m1 m2", "c")] * 30
    assert np.allclose(found, by_hand(everyone, theta, table.models)[0], atol=1e-12)


def test_very_many_kinds_of_ties_stand_for_each_other(monkeypatch):
    """Whoever looks at every third kind of tie only comes close; up to the limit nothing is left out."""
    votes = drawn(3000, np.linspace(-1, 1, 20), 5, 6, 0.5)
    table = Counts(votes).table()
    theta = fit(table.wins)
    exact = np.sqrt(np.diag(covariance(table, range(20), theta)[0]))
    pairs = sum(18 * len(rows.times) for rows in table.rows if not rows.won)
    monkeypatch.setattr(sandwich, "MOST", pairs)
    assert np.array_equal(np.sqrt(np.diag(covariance(table, range(20), theta)[0])), exact)
    monkeypatch.setattr(sandwich, "MOST", pairs // 3 + 1)
    near = np.sqrt(np.diag(covariance(table, range(20), theta)[0]))
    assert near == pytest.approx(exact, rel=0.03)
    assert not np.array_equal(near, exact)


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


def test_intervals_hold_the_truth_in_a_small_simulation():
    assert 0.93 <= coverage(100, 400, 6, 100) <= 0.97


@pytest.mark.slow
def test_intervals_hold_the_truth_93_to_97_times_in_100():
    assert 0.93 <= coverage(400, 1500, 10, 1000) <= 0.97


def test_the_inverse_stays_in_its_frame():
    information = np.array([[3, -1, -2], [-1, 4, -3], [-2, -3, 5.0]])
    assert np.allclose(invert(information), np.linalg.pinv(information))
    assert invert(np.zeros((0, 0))).shape == (0, 0)
