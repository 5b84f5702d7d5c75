import importlib
import math

import numpy as np
import pytest

from apps.model_arena.bradley_terry import MEAN, SCALE, curvature, expect, fit, rate
from apps.model_arena.counts import Counts
from tests.unit.apps.model_arena.votes import drawn, real, vote

# https://en.wikipedia.org/wiki/Bradley-Terry_model, "Worked example of solution procedure": wins of the row over the column,
# and the parameters that the iteration there converges to (products of them are 1).
WIKIPEDIA = np.array([[0, 2, 0, 1], [3, 0, 5, 0], [0, 3, 0, 1], [4, 0, 3, 0]], float)
CONVERGED = [0.640, 1.043, 0.660, 2.270]


def test_the_worked_example_of_wikipedia():
    strengths = np.exp(fit(WIKIPEDIA))
    assert strengths.round(3).tolist() == CONVERGED


def test_zermelos_iteration_converges_to_the_same():
    p = np.ones(4)
    for _ in range(5000):
        p = np.array(
            [
                WIKIPEDIA[i].sum() / sum((WIKIPEDIA[i, j] + WIKIPEDIA[j, i]) / (p[i] + p[j]) for j in range(4))
                for i in range(4)
            ]
        )
        p /= np.exp(np.log(p).mean())
    assert np.abs(np.log(p) - fit(WIKIPEDIA)).max() < 1e-10


def test_two_models_have_the_odds_of_their_wins():
    theta = fit(np.array([[0, 30], [10, 0.0]]))
    assert theta[0] - theta[1] == pytest.approx(math.log(3))
    assert rate(theta)[0] - rate(theta)[1] == pytest.approx(400 * math.log10(3))
    assert rate(theta).mean() == pytest.approx(MEAN)
    assert pytest.approx(math.log(10)) == 400 / SCALE


@pytest.mark.parametrize("name", ["llmfao", "food", "simple"])
def test_real_votes_are_rated_as_in_the_reference(real_data, name):
    votes, reference = real(real_data, name)
    table = Counts(votes).table()
    ratings = dict(zip(table.models, rate(fit(table.wins)).tolist(), strict=True))
    # The reference has six digits behind the point, hence half of the last one on top of nothing.
    assert max(abs(ratings[model] - value) for model, value in reference["ratings"].items()) <= 1e-6
    assert ratings.keys() == reference["ratings"].keys()


def test_evalica_and_choix_agree():
    evalica = pytest.importorskip("evalica", reason="evalica is a test oracle; see requirements-dev.txt")
    choix = pytest.importorskip("choix", reason="choix is a test oracle; see requirements-dev.txt")
    votes = drawn(600, np.linspace(-1, 1, 7), 5, ties=0.25)
    table = Counts(votes).table()
    ratings = rate(fit(table.wins))
    ends = {"a": evalica.Winner.X, "b": evalica.Winner.Y, "tie": evalica.Winner.Draw}
    theirs = evalica.bradley_terry(
        [v.models[0] for v in votes], [v.models[1] for v in votes], [ends[v.winner] for v in votes], tolerance=1e-12
    ).scores
    logs = np.log(np.array([theirs[model] for model in table.models]))
    assert np.abs(MEAN + SCALE * (logs - logs.mean()) - ratings).max() < 1e-8
    # choix takes whole wins alone: count everything twice, a tie as one win each.
    data = [(i, j) for i in range(7) for j in range(7) for _ in range(round(2 * table.wins[i, j]))]
    found = choix.ilsr_pairwise(7, data, alpha=0, tol=1e-12)
    assert np.abs(rate(found) - ratings).max() < 1e-5
    assert importlib.metadata.version("evalica") >= "0.4"


def test_models_that_cannot_be_compared_have_no_strengths():
    with pytest.raises(ArithmeticError, match="cannot be compared"):
        fit(np.array([[0, 5], [0, 0.0]]))
    held = fit(np.array([[0, 5], [0, 0.0]]), ridge=0.5)
    assert 0 < held[0] - held[1] < 10
    assert fit(np.zeros((3, 3)), ridge=1.0).tolist() == [0, 0, 0]


def test_extreme_votes_converge():
    chain = np.zeros((30, 30))
    for number in range(29):
        chain[number, number + 1], chain[number + 1, number] = 1e6, 1
    theta = fit(chain)
    assert np.diff(theta) == pytest.approx(np.full(29, -math.log(1e6)))
    assert np.isfinite(expect(theta)).all()
    wide = expect(np.array([400.0, -400.0]))
    assert wide[0, 1] == pytest.approx(1)
    assert np.isfinite(wide).all()


def test_votes_may_be_few():
    assert fit(np.zeros((0, 0))).shape == (0,)
    assert fit(np.zeros((1, 1))).tolist() == [0]
    assert rate(fit(Counts([vote("x y", "tie")]).table().wins)).tolist() == [1000, 1000]


def test_curvature_is_the_slope_of_the_expected_wins():
    theta, step = np.array([0.3, -0.4, 0.1]), 1e-6
    met = np.array([[0, 3, 4], [3, 0, 5], [4, 5, 0.0]])
    bend = curvature(met, expect(theta))
    for place in range(3):
        moved = theta + step * np.eye(3)[place]
        slope = ((met * expect(moved)).sum(1) - (met * expect(theta)).sum(1)) / step
        assert slope == pytest.approx(bend[:, place], abs=1e-5)


def test_votes_that_doubles_can_hardly_tell_apart_do_not_crash():
    ring = np.zeros((9, 9))
    for one, two, wins in (
        (0, 3, 173), (1, 6, 88482), (2, 5, 7270), (2, 6, 1925099), (3, 1, 1082861), (4, 2, 67395), (4, 3, 3567055),
        (5, 0, 4), (5, 4, 4557), (6, 7, 1), (7, 8, 1), (8, 1, 4877), (8, 4, 612405), (8, 7, 19025),
    ):  # fmt: skip
        ring[one, two] = wins
    theta = fit(ring)
    chances = expect(theta)
    assert np.abs(ring.sum(1) - ((ring + ring.T) * chances).sum(1)).max() < 1e-3
    assert np.isfinite(theta).all()


def test_no_strengths_nearby_are_likelier():
    chance = np.random.default_rng(0)
    for _ in range(20):
        wins = np.floor(10 ** chance.uniform(0, 5, (5, 5)))
        np.fill_diagonal(wins, 0)
        theta = fit(wins)
        best = (wins * np.log(expect(theta))).sum()
        for _ in range(10):
            near = theta + chance.normal(0, 0.05, 5)
            assert (wins * np.log(expect(near))).sum() < best
