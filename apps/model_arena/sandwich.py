"""How sure ratings are: sandwich errors, which stay right when the Bradley-Terry model is only nearly true.

Huber, 1967, "The behavior of maximum likelihood estimates under nonstandard conditions"; White, 1982, "Maximum likelihood
estimation of misspecified models", Econometrica 50; Liang and Zeger, 1986, Biometrika 73, for the clusters: the pairs that
one vote decides are not independent of each other, votes are.
"""

from collections.abc import Sequence

import numpy as np

from apps.model_arena.bradley_terry import curvature, expect
from apps.model_arena.counts import BOTH_BAD, FIRST, SECOND, TIE, Floats, Integers, Patterns, Table


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
    bread = invert(curvature(table.wins[here] + table.wins[here].T, expect(theta)))
    meat = _pair_scores(table.cells[here], theta)
    numbers = np.full(len(table.models) + 1, -1)
    numbers[list(members)] = np.arange(len(members))
    for each in table.patterns:
        models = numbers[each.models]
        meat = meat + scatter(models, pattern_scores(models, each, theta), each.times.astype(float), len(theta))
    return bread @ meat @ bread, bread


def invert(information: Floats) -> Floats:
    """The inverse of an information matrix in the frame where strengths add up to 0. Shape (m, m).

    Args:
        information: A matrix whose rows add up to 0, of comparable models. Shape (m, m).
    """
    even = np.full(information.shape, 1 / max(1, len(information)))
    return np.asarray(np.linalg.inv(information + even) - even)


def scatter(models: Integers, scores: Floats, times: Floats, size: int) -> Floats:
    """Sum over votes of each vote's scores, multiplied with themselves. Shape (size, size).

    Args:
        models: Number of the model on each side; -1 for none. Shape (votes, sides).
        scores: How far each side did better than expected. Shape (votes, sides).
        times: How often each vote was given. Shape (votes,).
        size: How many models there are.
    """
    total = np.zeros(size * size)
    known = np.where(models < 0, 0, models)
    scores = np.where(models < 0, 0.0, scores)
    for one in range(models.shape[1]):
        given = times * scores[:, one]
        for two in range(one + 1):
            half = 0.5 if one == two else 1.0
            product = given * scores[:, two] * half
            total += np.bincount(known[:, one] * size + known[:, two], product, minlength=size * size)
    found = total.reshape(size, size)
    return np.asarray(found + found.T)


def pattern_scores(models: Integers, patterns: Patterns, theta: Floats) -> Floats:
    """How far each side of a vote with more than two sides did better than expected. Shape (votes, sides).

    Args:
        models: The patterns' models, renumbered as in `theta`; -1 for one that is not rated. Shape (votes, sides).
        patterns: The votes.
        theta: Strengths. Shape (m,).
    """
    sides = models.shape[1]
    chances = np.zeros((len(theta) + 1, len(theta) + 1))  # the last row and column are those of -1
    chances[:-1, :-1] = expect(theta)
    found = np.zeros(models.shape)
    won = np.flatnonzero(patterns.places >= 0)
    seats, winners = models[won], patterns.places[won]
    best = seats[np.arange(len(won)), winners]
    fine = (seats >= 0) & (best >= 0)[:, None]
    lost = np.where(fine, chances[seats, best[:, None]], 0.0)
    lost[np.arange(len(won)), winners] = 0
    found[won] = -lost
    found[won, winners] = lost.sum(1)
    even = np.flatnonzero(patterns.places < 0)
    seats = models[even]
    for one in range(sides):
        for two in range(one):
            fine = (seats[:, one] >= 0) & (seats[:, two] >= 0)
            score = np.where(fine, 0.5 - chances[seats[:, one], seats[:, two]], 0.0)
            found[even, one] += score
            found[even, two] -= score
    return np.asarray(found / (sides - 1))


def _pair_scores(cells: Integers, theta: Floats) -> Floats:
    chances = expect(theta)
    ties = cells[:, :, TIE] + cells[:, :, BOTH_BAD]
    squares = cells[:, :, FIRST] * (1 - chances) ** 2 + cells[:, :, SECOND] * chances**2 + ties * (0.5 - chances) ** 2
    both = squares + squares.T
    return np.asarray(np.diag(both.sum(1)) - both)
