import numpy as np

from apps.model_arena.bradley_terry import fit
from apps.model_arena.components import components
from apps.model_arena.counts import Counts
from apps.model_arena.ranks import rank_ranges
from apps.model_arena.sandwich import covariance
from tests.unit.apps.model_arena.votes import drawn


def test_ranges_follow_from_sure_differences():
    best, worst = rank_ranges(np.array([2.0, 0.1, 0, -2]), np.diag([0.01] * 4))
    assert best.tolist() == [1, 2, 2, 4]
    assert worst.tolist() == [1, 3, 3, 4]


def test_without_knowledge_any_rank_is_possible():
    best, worst = rank_ranges(np.array([1.0, 0, -1]), np.diag([100.0] * 3))
    assert best.tolist() == [1, 1, 1]
    assert worst.tolist() == [3, 3, 3]
    assert [each.tolist() for each in rank_ranges(np.zeros(1), np.zeros((1, 1)))] == [[1], [1]]
    assert [each.tolist() for each in rank_ranges(np.zeros(2), np.zeros((2, 2)))] == [[1, 1], [2, 2]]


def test_a_difference_can_be_sure_where_single_ratings_are_not():
    # Two models that are only known together: their difference is exact.
    covariance = np.array([[1.0, 1.0], [1.0, 1.0]])
    assert rank_ranges(np.array([0.1, 0.0]), covariance)[1].tolist() == [1, 2]


def test_ranges_hold_the_true_rank():
    strengths = np.linspace(0.6, -0.6, 8)
    hits = total = 0
    for seed in range(30):
        table = Counts(drawn(500, strengths, seed)).table()
        assert len(components(table.wins)[0]) == 8
        theta = fit(table.wins)
        best, worst = rank_ranges(theta, covariance(table, range(8), theta)[0])
        for place, model in enumerate(table.models):
            hits += best[place] <= int(model[1:]) + 1 <= worst[place]
            total += 1
    assert hits / total >= 0.95
