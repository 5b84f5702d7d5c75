"""Which models meet next: those whose vote teaches most about the model that is least well known.

One more vote on a pair adds its information to the strengths' information matrix; how much every variance shrinks follows
from the Sherman-Morrison formula (D-optimal designs are built like this: Fedorov, 1972, Theory of Optimal Experiments). Pairs are drawn with chances in
proportion to that, so that nobody can foresee them, and now and then any pair is drawn, so that what seems known is tested.
"""

import random
from collections.abc import Collection, Sequence

import numpy as np

from apps.model_arena.ballot import SIDES
from apps.model_arena.bradley_terry import curvature, expect, fit
from apps.model_arena.counts import Table
from apps.model_arena.many_sides import Floats
from shared.errors import PlaygroundError

PRIOR = 0.5  # information of two imagined even games: models without votes have wide errors, not infinite ones
WIDEST = 4  # power of the variances: the higher, the more the widest interval alone counts
GREED = 2  # power of the gain
EXPLORE = 0.05


def gains(table: Table, models: Sequence[str]) -> Floats:
    """What a vote on each pair of models is expected to teach; 0 on the diagonal. Shape (m, m).

    Args:
        table: The counts so far.
        models: Who may meet; also models without votes.
    """
    size = len(models)
    numbers = {model: place for place, model in enumerate(table.models)}
    known = [place for place, model in enumerate(models) if model in numbers]
    wins = np.zeros((size, size))
    there = [numbers[models[place]] for place in known]
    wins[np.ix_(known, known)] = table.wins[np.ix_(there, there)]
    theta = fit(wins, PRIOR)
    chances = expect(theta)
    spread = np.linalg.inv(curvature(wins + wins.T, chances) + PRIOR * np.eye(size))
    own = np.diag(spread)
    pull = (own / own.max()) ** (WIDEST - 1)
    # For every pair (i, j): sum over models m of pull_m * (V_mi - V_mj)^2, without a loop over m.
    shared = spread.T @ (pull[:, None] * spread)
    taught = np.diag(shared)[:, None] + np.diag(shared)[None, :] - 2 * shared
    information = chances * (1 - chances)
    apart = own[:, None] + own[None, :] - 2 * spread
    found = information * taught / (1 + information * apart)
    np.fill_diagonal(found, 0)
    return np.asarray(np.maximum(found, 0))


def draw(
    table: Table,
    models: Sequence[str],
    sides: int = 2,
    chance: random.Random | None = None,
    absent: Collection[str] = (),
    explore: float = EXPLORE,
) -> tuple[str, ...]:
    """Who meets next, in random order: position tells nothing.

    Args:
        table: The counts so far.
        models: Who may meet; also models without votes.
        sides: How many meet, 2 to 6.
        chance: Where chance comes from; one with a seed gives the same draws.
        absent: Models that cannot answer at present, or are kept out.
        explore: How often the models are drawn evenly, whatever is known, 0 to 1.

    Raises:
        PlaygroundError: There are fewer models than sides, one is listed twice, or the number of sides is not 2 to 6.
    """
    chance = chance or random.Random()
    if not 2 <= sides <= len(SIDES):
        raise PlaygroundError(f"A battle of {sides} sides cannot be held. Choose 2 to {len(SIDES)}.")
    twice = sorted({each for each in models if list(models).count(each) > 1})
    if twice:
        raise PlaygroundError(f"'{twice[0]}' is listed twice. List each model once.")
    left = [each for each in models if each not in absent]
    if len(left) < sides:
        gone = f" ({len(models) - len(left)} of {len(models)} cannot take part now)" if len(left) < len(models) else ""
        raise PlaygroundError(f"A battle of {sides} sides needs {sides} models, and there are {len(left)}{gone}.")
    chosen = chance.sample(left, sides)
    if chance.random() >= explore:
        chosen = [left[place] for place in _draw(gains(table, left) ** GREED, sides, chance)]
        chance.shuffle(chosen)
    return tuple(chosen)


def _draw(weights: Floats, sides: int, chance: random.Random) -> list[int]:
    """A pair by its weight, then one after another by its weights with those drawn."""
    size = len(weights)
    flat = np.triu(weights, 1).ravel().tolist()
    (pair,) = chance.choices(range(size * size), flat)
    chosen = [pair // size, pair % size]
    while len(chosen) < sides:
        with_those = weights[chosen].sum(0)
        with_those[chosen] = 0
        chosen += chance.choices(range(size), with_those.tolist())
    return chosen
