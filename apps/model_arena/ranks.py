"""Rank ranges: the best and the worst place that each model may really have.

Mogstad, Romano, Shaikh and Wilhelm, 2024, "Inference for ranks with applications to mobility across neighbourhoods and
academic achievement across countries", Review of Economic Studies 91: a model's best possible rank is one more than the
number of models that are surely better, its worst one leaves below it those that are surely worse, where "surely" holds for
all its comparisons together (here by Bonferroni's inequality, which needs no simulation).
"""

from statistics import NormalDist

import numpy as np

from apps.model_arena.many_sides import Floats, Integers

LEVEL = 0.95


def rank_ranges(theta: Floats, covariance: Floats, level: float = LEVEL) -> tuple[Integers, Integers]:
    """The best and the worst rank of each model, 1 being the first.

    With probability `level` or more a model's range holds its true rank.

    Args:
        theta: Strengths. Shape (m,).
        covariance: Their covariance. Shape (m, m).
        level: How sure each range is to be, between 0 and 1.

    Returns:
        Best and worst ranks, each of shape (m,).
    """
    size = len(theta)
    z = NormalDist().inv_cdf(1 - (1 - level) / 2 / max(1, size - 1))
    own = np.diag(covariance)
    spread = np.sqrt(np.maximum(own[:, None] + own[None, :] - 2 * covariance, 0))
    ahead = theta[:, None] - theta[None, :] > z * spread + 1e-12
    return 1 + ahead.sum(0), size - ahead.sum(1)
