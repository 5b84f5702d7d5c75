"""Bradley-Terry strengths: the likeliest ones, by Newton's method on counts of wins.

Bradley and Terry, 1952, "Rank analysis of incomplete block designs", Biometrika 39. A tie is half a win each. Ratings are
on the scale of chess: 400 points are odds of ten to one, and the mean over the models is 1000.
"""

import math

import numpy as np

from apps.model_arena.many_sides import Floats

SCALE = 400 / math.log(10)
MEAN = 1000.0
ROUNDS = 200
APART = "the models cannot be compared: the likeliest strengths are infinite"
ROUGH = 0.01
EXTREME = 700.0  # beyond it exp() overflows


def fit(wins: Floats, ridge: float = 0.0) -> Floats:
    """The likeliest strengths, with mean 0; `SCALE` times a difference is a difference of ratings.

    Args:
        wins: Wins of the row's model over the column's, ties as half a win each, with any positive weights; all models must
            be comparable (see `components`) unless there is a ridge. Shape (m, m).
        ridge: How strongly strengths are held to 0; 0 not at all.

    Returns:
        Natural logarithms of odds, exact to about 1e-13. Shape (m,).

    Raises:
        ArithmeticError: There are no likeliest strengths: the models cannot be compared.
    """
    size = len(wins)
    theta, met = np.zeros(size), wins + wins.T
    held = ridge * np.eye(size) + np.full((size, size), 1 / max(1, size))
    largest = math.inf
    for _ in range(ROUNDS):
        chances = expect(theta)
        # Each win by how unlikely it was: exact also where the sums of wins and of chances are nearly one huge number.
        surprise = wins * chances.T
        slope = surprise.sum(1) - surprise.sum(0) - ridge * theta
        step = solve(curvature(met, chances) + held, slope)
        before, largest = largest, float(np.abs(step).max(initial=0.0))
        if largest < 1e-11 or (largest < 1e-6 and largest >= before):  # steps of rounding alone shrink no further
            return centred(theta + step)
        theta = theta + step * shorten(float((np.abs(step[:, None] - step) * (met > 0)).max()))
    if largest < ROUGH:
        return centred(theta)  # one vote against a chain of millions: doubles cannot tell more
    raise ArithmeticError(APART)


def shorten(moved: float) -> float:
    """How much of a Newton step to take so that the likelihood surely rises.

    It does while no logarithm of odds moves by more than 1.79: Bach, 2010, "Self-concordant analysis for logistic regression",
    Electronic Journal of Statistics 4, proposition 1.

    Args:
        moved: By how much the whole step would move one at most.
    """
    return min(1.0, 1.5 / max(moved, 1e-300))


def solve(matrix: Floats, right: Floats) -> Floats:
    """Solve a system of linear equations.

    Raises:
        ArithmeticError: It has no single solution: models on the way to infinity have no curvature left.
    """
    try:
        return np.asarray(np.linalg.solve(matrix, right))
    except np.linalg.LinAlgError as error:
        raise ArithmeticError(APART) from error


def expect(theta: Floats) -> Floats:
    """How likely the row's model wins against the column's. Shape (..., m, m).

    Args:
        theta: Strengths. Shape (..., m).
    """
    if theta.size and float(np.abs(theta).max()) < EXTREME / 2:
        odds = np.exp(theta)
        return np.asarray(odds[..., :, None] / (odds[..., :, None] + odds[..., None, :]))
    apart = theta[..., None, :] - theta[..., :, None]
    return np.asarray(1 / (1 + np.exp(np.clip(apart, -EXTREME, EXTREME))))


def curvature(met: Floats, chances: Floats) -> Floats:
    """How sharply the likelihood bends at its top: Fisher's information. Shape (m, m).

    Args:
        met: How often each pair met. Shape (m, m).
        chances: What `expect` returned.
    """
    bend = met * chances * chances.T
    return np.asarray(np.diag(bend.sum(1)) - bend)


def rate(theta: Floats) -> Floats:
    """Strengths as ratings around 1000. Shape (m,).

    Args:
        theta: Strengths. Shape (m,).
    """
    return np.asarray(MEAN + SCALE * centred(theta))


def centred(theta: Floats) -> Floats:
    """The strengths moved so that their mean is 0. Shape (m,)."""
    return np.asarray(theta - theta.mean() if len(theta) else theta)
