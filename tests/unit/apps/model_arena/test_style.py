import numpy as np
import pytest

from apps.model_arena.bradley_terry import fit
from apps.model_arena.counts import Counts
from apps.model_arena.sandwich import covariance
from apps.model_arena.style import described, duels_of, explain, measure
from tests.unit.apps.model_arena.votes import drawn, vote

MARKED = "# One\n\n- a\n- b\n1. c\n\n**bold** and __too__ 2 * 3 ** 4\n```\n# no\n- no\n**no**\n```\n## Two"


def test_markdown_is_counted_outside_code():
    assert measure(MARKED) == (2, 3, 2)
    assert measure("") == (0, 0, 0)
    assert measure("# 見出し\n* 項目\n**太字**") == (1, 1, 1)
    assert measure("```\n# never closed") == (0, 0, 0)


def styled(count, strengths, seed, effect, sides=2):
    """Votes where longer answers are liked: each side's odds grow with its length."""
    chance, found = np.random.default_rng(seed), []
    for number in range(count):
        chosen = chance.choice(len(strengths), sides, replace=False)
        lengths = chance.integers(50, 400, sides) + 150 * chosen  # stronger models are longer too
        one, two = lengths[0], lengths[1]
        logit = strengths[chosen[0]] - strengths[chosen[1]] + effect * (one - two) / (one + two + 1)
        winner = "a" if chance.random() < 1 / (1 + np.exp(-logit)) else "b"
        marks = tuple((int(chance.integers(3)), 0, 0) for _ in range(sides))
        models = " ".join(f"m{place}" for place in chosen)
        found.append(vote(models, winner, str(number), lengths=tuple(lengths.tolist()), markdown=marks))
    return found


def fitted(votes, ridge=0.5):
    table = Counts(votes).table()
    numbers = {model: place for place, model in enumerate(table.models)}
    return table, explain(duels_of(votes, numbers), len(numbers), ridge)


def test_length_that_decided_is_taken_out():
    strengths = np.array([-0.2, -0.1, 0, 0.1])
    votes = styled(4000, strengths, 1, 3.0)
    table, found = fitted(votes)
    truth = np.array([strengths[int(model[1])] for model in table.models])
    errors = np.sqrt(np.diag(found.covariance)[:4])
    assert np.abs((found.theta - truth) / errors).max() < 3.5
    assert found.effects[0] > 10 * abs(found.effects[1])
    assert found.effects[2:].tolist() == [0, 0]
    assert fit(table.wins)[np.argsort(truth)][-1] > 2 * found.theta.max()  # without control, length passes for strength


def test_errors_agree_with_single_votes_added_up():
    votes = styled(300, np.zeros(4), 2, 1.0)
    table, found = fitted(votes)
    duels = duels_of(votes, {model: place for place, model in enumerate(table.models)})
    design = np.hstack([np.eye(4)[duels.first] - np.eye(4)[duels.second], duels.features])
    params = np.concatenate([found.theta, found.effects])
    chances = 1 / (1 + np.exp(-design @ params))
    bread = (design * (chances * (1 - chances))[:, None]).T @ design + np.diag([0] * 4 + [0.5] * 4)
    residuals = duels.outcomes - chances
    slope = design.T @ residuals - np.array([0] * 4 + [0.5] * 4) * params
    assert np.abs(slope).max() < 1e-8
    inverse = np.linalg.pinv(bread, rcond=1e-9)
    meat = (design * (residuals**2)[:, None]).T @ design
    assert np.allclose(found.covariance, inverse @ meat @ inverse, atol=1e-10)


@pytest.mark.parametrize("sides", [2, 3, 5])
def test_without_differences_it_is_bradley_terry(sides):
    votes = [
        vote(" ".join(each.models), each.winner, lengths=(5,) * sides, markdown=((1, 1, 1),) * sides)
        for each in drawn(200, np.linspace(-1, 1, 6), 4, sides, 0.2)
    ]
    table, found = fitted(votes)
    theta = fit(table.wins)
    assert np.abs(found.theta - theta).max() < 1e-9
    assert np.allclose(found.covariance[:6, :6], covariance(table, range(6), theta)[0])
    assert np.allclose(duels_of(votes, {m: n for n, m in enumerate(table.models)}).wins(6), table.wins)


def test_swapping_the_sides_changes_nothing():
    votes = styled(200, np.zeros(3), 3, 2.0)
    other = [
        vote(
            " ".join(reversed(v.models)),
            {"a": "b", "b": "a"}[v.winner],
            lengths=v.lengths[::-1],
            markdown=v.markdown[::-1],
        )
        for v in votes
    ]
    (_, one), (table, two) = fitted(votes), fitted(other)
    order = [table.models.index(model) for model in Counts(votes).table().models]
    assert np.allclose(one.theta, two.theta[order])
    assert np.allclose(one.effects, two.effects)


def test_votes_without_description_are_passed_over():
    plain = vote("x y", "a")
    full = vote("x y", "b", lengths=(1, 2), markdown=((0, 0, 0), (0, 0, 0)))
    assert not described(plain)
    assert not described(vote("x y", "a", lengths=(1,), markdown=((0, 0, 0),)))
    assert described(full)
    assert len(duels_of([plain, full], {"x": 0, "y": 1}).first) == 1
    assert len(duels_of([full], {"x": 0}).first) == 0
    assert explain(duels_of([], {}), 0).theta.shape == (0,)


def test_style_that_decided_every_vote_stays_finite():
    looks = {"lengths": (900, 10), "markdown": ((0, 0, 0), (0, 0, 0))}
    votes = [vote("x y", "a", **looks), vote("y x", "a", **looks)] * 20
    found = fitted(votes)[1]
    assert np.isfinite(found.covariance).all()
    assert 1 < found.effects[0] < 20
    assert np.abs(found.theta).max() < 1e-9


def test_models_that_cannot_be_compared_raise():
    votes = [vote("x y", "a", lengths=(5, 5), markdown=((0, 0, 0), (0, 0, 0)))]
    with pytest.raises(ArithmeticError, match="cannot be compared"):
        fitted(votes)
