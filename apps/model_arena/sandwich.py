"""How sure ratings are: sandwich errors, which stay right when the Bradley-Terry model is only nearly true.

Huber, 1967, "The behavior of maximum likelihood estimates under nonstandard conditions"; White, 1982, "Maximum likelihood
estimation of misspecified models", Econometrica 50; Liang and Zeger, 1986, Biometrika 73, for the clusters: the pairs that
one vote decides are not independent of each other, votes are.
"""

from collections.abc import Sequence

import numpy as np

from apps.model_arena.bradley_terry import curvature, expect
from apps.model_arena.counts import BOTH_BAD, FIRST, SECOND, TIE, Table
from apps.model_arena.many_sides import UNIT, Floats, Integers, Rows

# Pairs of sides of tied votes that are looked at: above it every second, third, ... kind of tie stands for all.
MOST = 400_000


def covariance(table: Table, members: Sequence[int], theta: Floats) -> tuple[Floats, Floats]:
    """Covariance of the strengths around their mean, and what the model alone would say it is.

    Args:
        table: The counts.
        members: Numbers of the models that were rated together.
        theta: Their strengths. Shape (m,).

    Returns:
        The sandwich and the inverse of Fisher's information, each of shape (m, m); rows add up to 0.
    """
    here = np.ix_(members, members)
    chances = expect(theta)
    bread = invert(curvature(table.wins[here] + table.wins[here].T, chances))
    meat = _pair_scores(table.cells[here], chances)
    if table.rows:
        known = np.full((len(table.models),) * 2, np.nan)
        known[here] = chances
        meat = meat + _many_scores(table, known)[here]
    return bread @ meat @ bread, bread


def invert(information: Floats) -> Floats:
    """The inverse of an information matrix in the frame where strengths add up to 0. Shape (m, m).

    Args:
        information: A matrix whose rows add up to 0, of comparable models. Shape (m, m).
    """
    even = np.full(information.shape, 1 / max(1, len(information)))
    return np.asarray(np.linalg.inv(information + even) - even)


def scatter(models: Integers, scores: Floats, size: int, times: Floats | Integers) -> Floats:
    """Sum over votes of each vote's scores, multiplied with themselves. Shape (size, size).

    Args:
        models: Number of the model on each side. Shape (sides, votes).
        scores: How far each side did better than expected; those of one vote add up to 0. Shape (sides, votes).
        size: How many models there are.
        times: How often each vote was given. Shape (votes,).
    """
    one, two = np.triu_indices(len(models), 1)
    products = times * scores[one] * scores[two]
    total = np.bincount((models[one] * size + models[two]).ravel(), products.ravel(), size * size)
    return _balanced(np.asarray(total, float).reshape(size, size))


def _balanced(found: Floats) -> Floats:
    """The matrix with its mirror image added, and a diagonal that makes its rows add up to 0."""
    found = found + found.T
    np.fill_diagonal(found, 0)
    return np.asarray(np.diag(-found.sum(1)) + found)


def _pair_scores(cells: Integers, chances: Floats) -> Floats:
    ties = cells[:, :, TIE] + cells[:, :, BOTH_BAD]
    squares = cells[:, :, FIRST] * (1 - chances) ** 2 + cells[:, :, SECOND] * chances**2 + ties * (0.5 - chances) ** 2
    return _balanced(-squares)


def _many_scores(table: Table, chances: Floats) -> Floats:
    """The part of votes with more than two sides; pairs without a chance say nothing. Shape (m, m)."""
    missed, even = np.nan_to_num(chances.T), np.nan_to_num(0.5 - chances)
    total = np.zeros(chances.shape)
    if table.triples is not None:
        total += _triple_scores(table.triples, missed) / UNIT**2
    ties = [rows for rows in table.rows if not rows.won]
    step = -(-sum(len(rows.times) * len(rows.models) ** 2 // 2 for rows in ties) // MOST)
    for rows in ties:
        total += _row_scores(rows.every(step), even, np.triu_indices(len(rows.models), 1))
    for rows in table.rows if table.triples is None else ():
        if rows.won:
            others = np.arange(1, len(rows.models))
            total += _row_scores(rows, missed, (np.zeros_like(others), others))
    return total


def _triple_scores(triples: Floats, missed: Floats) -> Floats:
    """Squares of the scores of all votes with a winner, from sums over the winner and any two losers.

    A winner w that missed a sure win over l by q_l has the score sum of q_l (e_w - e_l); its square needs q_l q_k alone.
    """
    both = np.einsum("wlk,wl,wk->lk", triples, missed, missed)
    won = missed * np.einsum("wlk,wk->wl", triples, missed)
    return np.asarray(both - won - won.T + np.diag(won.sum(1)))


def _row_scores(rows: Rows, better: Floats, pairs: tuple[Integers, Integers]) -> Floats:
    """Squares of the scores of votes that are kept one by one, from how much better each of some pairs of sides did."""
    one, two = pairs
    sides, size = len(rows.models), len(better)
    signs = np.eye(sides)[:, one] - np.eye(sides)[:, two]
    found = better.ravel().take(rows.models[one] * size + rows.models[two])
    return scatter(rows.models, signs @ found / (sides - 1), size, rows.times)
