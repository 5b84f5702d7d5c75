"""How sure ratings are: the bootstrap, which rates as many resampled sets of votes as asked for.

Efron, 1979, "Bootstrap methods: another look at the jackknife", Annals of Statistics 7: votes are drawn with replacement,
which for counts is one multinomial draw a round. Few votes may fall apart when drawn (somebody lost every drawn vote); then
every vote keeps a random positive weight instead: Rubin, 1981, "The Bayesian bootstrap", Annals of Statistics 9.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from apps.model_arena.bradley_terry import expect, fit
from apps.model_arena.components import components
from apps.model_arena.counts import BOTH_BAD, FIRST, SECOND, TIE, Table, decided
from apps.model_arena.many_sides import Floats, Integers, Rows
from apps.model_arena.sandwich import invert

ROUNDS = 400
HELD = 100  # rounds worked on at once: 100 models need 8 MB for each array of them
DRAWN = 5_000_000  # numbers drawn at once
CLOSE = 1e-8  # in strength: 2e-6 points of rating
STEPS = 40


@dataclass(frozen=True)
class Resampled:
    """Strengths in resampled sets of votes.

    Attributes:
        thetas: One row a round, each with mean 0. Shape (rounds, m).
        weighted: Whether votes were given random weights, as drawing them would have left models that cannot be compared.
    """

    thetas: Floats
    weighted: bool


def resample(table: Table, members: Sequence[int], theta: Floats, rounds: int = ROUNDS, seed: int = 0) -> Resampled:
    """Rate resampled sets of votes.

    Args:
        table: The counts.
        members: Numbers of the models that were rated together.
        theta: Their strengths. Shape (m,).
        rounds: How many sets.
        seed: The same seed gives the same sets.
    """
    draws = _Draws(table, members)
    found = _all_rounds(draws, theta, rounds, seed, weighted=False)
    if found is not None:
        return Resampled(found, weighted=False)
    found = _all_rounds(draws, theta, rounds, seed, weighted=True)
    assert found is not None  # every vote keeps some weight
    return Resampled(found, weighted=True)


def _all_rounds(draws: "_Draws", theta: Floats, rounds: int, seed: int, weighted: bool) -> Floats | None:
    """Strengths of every round; None when one cannot be compared. Shape (rounds, m)."""
    chance = np.random.default_rng(seed)
    parts = [np.zeros((0, len(theta)))]
    held = max(1, min(HELD, DRAWN // len(draws.counts)))
    for start in range(0, rounds, held):
        part = _fit_all(draws.wins(chance, min(held, rounds - start), weighted), theta, draws.observed)
        if part is None:
            return None
        parts.append(part)
    return np.concatenate(parts)


class _Draws:
    """The kinds of votes among some models, with how often each was given."""

    def __init__(self, table: Table, members: Sequence[int]) -> None:
        self.size = len(members)
        cells = table.cells[np.ix_(members, members)]
        ties = cells[:, :, TIE] + cells[:, :, BOTH_BAD]
        wins = cells[:, :, FIRST] + cells[:, :, SECOND].T
        self.one, self.two = np.nonzero(np.triu(cells.sum(2) + cells.sum(2).T, 1))
        one, two = self.one, self.two
        kinds = [wins[one, two], wins[two, one], (ties + ties.T)[one, two]]
        rows = [each.merged() for each in table.rows]
        self.many = [_pairs_of(each, members, len(table.models)) for each in rows]
        self.counts = np.concatenate([*kinds, *(each.times for each in rows)])
        self.observed = table.wins[np.ix_(members, members)]

    def wins(self, chance: np.random.Generator, rounds: int, weighted: bool) -> Floats:
        """Wins in resampled sets. Shape (rounds, m, m)."""
        total = int(self.counts.sum())
        if weighted:
            draw = chance.standard_gamma(self.counts, size=(rounds, len(self.counts)))
            draw *= total / draw.sum(1, keepdims=True)
        else:
            draw = chance.multinomial(total, self.counts / total, size=rounds).astype(float)
        pairs = len(self.one)
        found = np.zeros((rounds, self.size, self.size))
        halves = draw[:, 2 * pairs : 3 * pairs] / 2
        found[:, self.one, self.two] = draw[:, :pairs] + halves
        found[:, self.two, self.one] = draw[:, pairs : 2 * pairs] + halves
        start = 3 * pairs
        for votes, places, weight, rows in self.many:
            for number in range(rounds):
                given = draw[number, start : start + rows][votes] * weight
                found[number] += np.bincount(places, given, minlength=self.size**2).reshape(self.size, self.size)
            start += rows
        return found


def _pairs_of(rows: Rows, members: Sequence[int], known: int) -> tuple[Integers, Integers, float, int]:
    """What votes with more than two sides say about pairs: which vote, which cell of the matrix of wins, how much."""
    sides, size = len(rows.models), len(members)
    numbers = np.full(known, -1)
    numbers[list(members)] = np.arange(size)
    seats = numbers[rows.models]
    one, two = np.array(decided(sides, 0 if rows.won else -1)).T
    if not rows.won:
        one, two = np.append(one, two), np.append(two, one)
    fine = (seats[one] >= 0) & (seats[two] >= 0) & (seats[one] != seats[two])
    votes = np.nonzero(fine)[1]
    return votes, (seats[one] * size + seats[two])[fine], (1.0 if rows.won else 0.5) / (sides - 1), len(rows.times)


def _fit_all(wins: Floats, theta: Floats, observed: Floats) -> Floats | None:
    """Strengths of every set, all at once; None when a set cannot be compared.

    All sets are close to the votes given, so that Newton steps with those votes' curvature go there in a few rounds, without
    a matrix to solve for each set. Sets that do not settle are fitted one by one.
    """
    chances = expect(theta)
    met = observed + observed.T
    bend = met * chances * (1 - chances)
    inverse = invert(np.diag(bend.sum(1)) - bend)
    found = np.repeat(theta[None, :], len(wins), 0)
    won, played = wins.sum(2), wins + wins.transpose(0, 2, 1)
    active = np.arange(len(wins))
    for _ in range(STEPS):
        slope = won - np.einsum("rij,rij->ri", played, expect(found[active]))
        step = slope @ inverse
        found[active] += step
        size = np.abs(step).max(1, initial=0.0)
        moving = (size > CLOSE) & (size < 1)
        if not moving.any():
            active = active[size > CLOSE]
            break
        if not moving.all():
            settled = size <= CLOSE
            keep = ~settled
            active, won, played = active[keep], won[keep], played[keep]
    for number in active.tolist():
        if len(components(wins[number])) > 1:
            return None
        found[number] = fit(wins[number])
    return np.asarray(found - found.mean(1, keepdims=True))
