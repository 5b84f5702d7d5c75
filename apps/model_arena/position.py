"""Position bias: what it is worth to be shown first.

A Bradley-Terry model with one term more for the first side ("home advantage": Agresti, 2002, Categorical Data Analysis, 10.6).
With random positions it does no harm to ratings, but tells how attentively people voted.
"""

from dataclasses import dataclass, field

import numpy as np

from apps.model_arena.bradley_terry import MEAN, SCALE
from apps.model_arena.components import components
from apps.model_arena.counts import BOTH_BAD, FIRST, SECOND, TIE, Table
from apps.model_arena.style import Duels, explain

Z = 1.959963984540054


@dataclass(frozen=True)
class PositionBias:
    """How much the order on the screen decided.

    Attributes:
        advantage: What being shown first is worth, in points of rating; None where it cannot be told.
        standard_error: Its standard error, in the same points.
        lower: Lower end of its 95% interval.
        upper: Upper end of its 95% interval.
        shares: Of the votes with a winner and so many sides, the share that each place won: {"2": [0.53, 0.47]}.
        votes: How many votes had a winner, by number of sides.
        ratings: Ratings with the bias taken out.
    """

    advantage: float | None = None
    standard_error: float | None = None
    lower: float | None = None
    upper: float | None = None
    shares: dict[str, list[float]] = field(default_factory=dict)
    votes: dict[str, int] = field(default_factory=dict)
    ratings: dict[str, float] = field(default_factory=dict)


def estimate(table: Table) -> PositionBias:
    """What being shown first is worth, from all votes with two sides; shares of wins by place for any number of sides.

    Args:
        table: The counts.
    """
    shares, votes = _shares(table)
    pairs = table.cells.sum(2)
    decided = table.cells[:, :, FIRST] + table.cells[:, :, SECOND].T
    ties = table.cells[:, :, TIE] + table.cells[:, :, BOTH_BAD]
    groups = components(decided + (ties + ties.T) / 2) if len(pairs) else []
    members = groups[0] if groups else []
    duels = _duels(table, members)
    firsts = float((duels.outcomes * duels.times).sum())
    if len(members) < 2 or not 0 < firsts < float(duels.times.sum()):
        return PositionBias(shares=shares, votes=votes)  # one place won everything: the term would be infinite
    try:
        found = explain(duels, len(members), ridge=0.0)
    except ArithmeticError:
        # The order explains every vote of some pair, or each pair stood in one order alone: strengths and order are one.
        return PositionBias(shares=shares, votes=votes)
    value, error = SCALE * float(found.effects[0]), SCALE * float(np.sqrt(max(0.0, found.covariance[-1, -1])))
    if not np.isfinite([value, error]).all() or abs(value) > SCALE * 20:
        return PositionBias(shares=shares, votes=votes)
    ratings = (MEAN + SCALE * found.theta).tolist()
    names = [table.models[member] for member in members]
    return PositionBias(
        value, error, value - Z * error, value + Z * error, shares, votes, dict(zip(names, ratings, strict=True))
    )


def _duels(table: Table, members: list[int]) -> Duels:
    """Two-sided votes in the order shown, those that are alike as one, with the order as their only feature."""
    cells = table.cells[np.ix_(members, members)]
    three = np.stack([cells[:, :, FIRST], cells[:, :, SECOND], cells[:, :, TIE] + cells[:, :, BOTH_BAD]], 2)
    first, second, outcome = np.nonzero(three)
    rows = len(first)
    return Duels(
        first.astype(np.int64),
        second.astype(np.int64),
        np.array([1.0, 0.0, 0.5])[outcome],
        np.ones(rows),
        np.ones((rows, 1)),
        np.arange(rows),
        three[first, second, outcome].astype(float),
        np.tile(np.array([0, 1]), (rows, 1)),
    )


def _shares(table: Table) -> tuple[dict[str, list[float]], dict[str, int]]:
    kept = {str(sides): wins for sides, wins in table.places.items() if wins.sum()}
    shares = {sides: (wins / wins.sum()).tolist() for sides, wins in kept.items()}
    return shares, {sides: int(wins.sum()) for sides, wins in kept.items()}
