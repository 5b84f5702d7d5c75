"""Win rates: how often each model was preferred to each other one, with intervals, as a table of all pairs.

Intervals are Wilson's (1927, "Probable inference, the law of succession, and statistical inference", JASA 22), which stay
between 0 and 1 and are not of no width after one vote.
"""

from dataclasses import dataclass

import numpy as np

from apps.model_arena.counts import Table
from apps.model_arena.many_sides import Floats, Integers
from apps.model_arena.position import Z


@dataclass(frozen=True)
class WinRates:
    """Win rates of the row's model against the column's; None where the two never met.

    Attributes:
        models: The models, the one with the highest mean win rate first.
        rates: Wins plus half the ties, as a share of the votes on that pair, 0 to 1.
        lower: Lower ends of 95% intervals.
        upper: Upper ends of 95% intervals.
        battles: Votes that say something about the pair.
        means: Mean of each model's rates over those it met; None for one that met nobody.
    """

    models: list[str]
    rates: list[list[float | None]]
    lower: list[list[float | None]]
    upper: list[list[float | None]]
    battles: list[list[int]]
    means: list[float | None]


def win_rates(table: Table) -> WinRates:
    """How often each model was preferred to each other one.

    Args:
        table: The counts.
    """
    total = table.wins + table.wins.T
    known = total > 0
    rates = np.divide(table.wins, total, out=np.zeros_like(total), where=known)
    lower, upper = wilson(rates, np.maximum(table.met, 1))
    opponents = known.sum(1)
    means = rates.sum(1) / np.maximum(opponents, 1)
    order = sorted(range(len(means)), key=lambda one: (not opponents[one], -means[one], table.models[one]))

    def listed(values: np.ndarray) -> list[list[float | None]]:
        return [[float(values[one, two]) if known[one, two] else None for two in order] for one in order]

    return WinRates(
        [table.models[one] for one in order],
        listed(rates),
        listed(lower),
        listed(upper),
        [[int(table.met[one, two]) for two in order] for one in order],
        [float(means[one]) if opponents[one] else None for one in order],
    )


def wilson(rates: Floats, votes: Floats | Integers) -> tuple[Floats, Floats]:
    """Lower and upper ends of 95% intervals of shares, 0 to 1; they hold the share itself.

    Args:
        rates: The shares, 0 to 1.
        votes: How many votes each is a share of, at least 1; of the same shape.
    """
    middle = (rates + Z**2 / (2 * votes)) / (1 + Z**2 / votes)
    half = Z / (1 + Z**2 / votes) * np.sqrt(rates * (1 - rates) / votes + Z**2 / (4 * votes**2))
    return np.clip(middle - half, 0, rates), np.clip(middle + half, rates, 1)
