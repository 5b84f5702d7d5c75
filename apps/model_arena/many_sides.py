"""Votes on battles with more than two sides as counts: by pair, by winner and any two losers, and the kinds of votes.

The winner of a battle with n sides beats each other side with weight 1/(n-1); without a winner every pair is a tie with that
weight. Errors of ratings need the products of what a vote says about two pairs. When somebody won, both pairs have the winner,
so sums over (winner, loser, loser) hold all of them, however many votes there were. Ties need the sets of models that tied.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

UNIT = 120  # parts of a vote: halves of 1/1 to 1/5 are whole numbers, so adding and taking away leaves no residue
FEW = 20_000  # kinds of votes with a winner up to which going through them is no slower than going through triples
DENSE = 160  # models up to which triples are counted: 8 bytes each, 33 MB at most
STEP = 16  # models by which the arrays grow
MIXERS = np.array([0x9E3779B97F4A7C15, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9, 0xD6E8FEB86659FD93, 0xFF51AFD7ED558CCD,
                   0xC4CEB9FE1A85EC53], np.uint64)  # fmt: skip


@dataclass(frozen=True)
class Rows:
    """Votes with one number of sides; equal ones may stand in several rows, and votes that were taken back as less than 0.

    Attributes:
        models: Numbers of the models. The winner is first, all others ascend. Shape (sides, rows).
        times: How many votes were like that. Shape (rows,).
        won: Whether they had a winner.
    """

    models: Integers
    times: Integers
    won: bool

    def merged(self) -> "Rows":
        """Equal votes as one row, in an order that does not depend on when they came."""
        # Sorting hashes is faster than sorting rows. Rows with one hash are few and are told apart all the same.
        hashes = (self.models.astype(np.uint64) * MIXERS[: len(self.models), None]).sum(0)
        order = np.argsort(hashes, kind="stable")
        models, times = self.models[:, order], self.times[order]
        new = np.append(True, (models[:, 1:] != models[:, :-1]).any(0))[: len(order)]
        totals = np.add.reduceat(times, np.flatnonzero(new)) if len(order) else times
        kept = totals != 0
        return Rows(models[:, new][:, kept], totals[kept], self.won)

    def every(self, step: int) -> "Rows":
        """Every so many rows, each standing for as many; rows are in no order that has to do with models."""
        return self if step <= 1 else Rows(self.models[:, ::step], self.times[::step] * step, self.won)


class _Pile:
    """Rows that grow at the end: those given out before stay as they are."""

    def __init__(self, sides: int, won: bool) -> None:
        self.all = Rows(np.zeros((sides, 64), np.int32), np.zeros(64, np.int64), won)
        self.used = 0

    def add(self, models: Integers, times: Integers) -> None:
        end = self.used + len(times)
        if end > len(self.all.times):
            kept = self.rows().merged()
            self.used = len(kept.times)
            end = self.used + len(times)
            room = [(0, max(64, 2 * end) - self.used)]
            self.all = Rows(np.pad(kept.models, [(0, 0), *room]), np.pad(kept.times, room), kept.won)
        self.all.models[:, self.used : end], self.all.times[self.used : end] = models.T, times
        self.used = end

    def rows(self) -> Rows:
        return Rows(self.all.models[:, : self.used], self.all.times[: self.used], self.all.won)


class ManySides:
    """Counts of votes with more than two sides; it locks nothing.

    Attributes:
        wins: Wins of the row's model over the column's, ties as half of one each, in parts of 1/`UNIT`. Shape (c, c), where c is
            the number of models or a little more.
        beaten: How many votes the row's model won, with the column's model among the others. Shape (c, c).
        tied: How many votes with both had no winner. Shape (c, c).
        battles: How many votes each model was in. Shape (c,).
        votes: How many votes there are.
        places: How many votes each place won, by number of sides.
        triples: Weight of the votes by winner and any two losers: the square of 1/(n-1), in parts of 1/`UNIT` squared. None
            while there are `FEW` kinds of such votes, and above `DENSE` models. Shape (c, c, c).
    """

    def __init__(self) -> None:
        self.wins, self.beaten, self.tied = (np.zeros((0, 0), np.int64) for _ in range(3))
        self.battles = np.zeros(0, np.int64)
        self.votes = 0
        self.places: dict[int, Integers] = {}
        self.triples: Floats | None = None
        self._piles: dict[tuple[int, bool], _Pile] = {}

    def grow(self, models: int) -> None:
        """Make room for so many models."""
        more = [(0, wider(len(self.battles), models))]
        self.wins, self.beaten, self.tied = (np.pad(each, more * 2) for each in (self.wins, self.beaten, self.tied))
        self.battles = np.pad(self.battles, more)
        if len(self.battles) > DENSE:
            self.triples = None
        elif self.triples is not None:
            self.triples = np.pad(self.triples, more * 3)

    def add(self, models: Integers, places: Integers, times: Integers) -> None:
        """Count votes that had one number of sides.

        Args:
            models: Numbers of the models, in the order in which they were shown. Shape (votes, sides).
            places: Which side won, from 0; -1 when none did. Shape (votes,).
            times: How often each was given. Shape (votes,).
        """
        sides, won = models.shape[1], places >= 0
        self.votes += int(times.sum())
        before = self.places.get(sides, np.zeros(sides, np.int64))
        self.places[sides] = before + np.bincount(places[won], times[won], sides).astype(np.int64)
        everyone = np.sort(models, 1)
        first = np.diff(everyone, axis=1, prepend=-1) != 0  # a model on two sides is in one battle
        np.add.at(self.battles, everyone, times[:, None] * first)
        if won.any():
            others = np.arange(sides) != places[won, None]
            losers = np.sort(models[won][others].reshape(-1, sides - 1), 1)
            self._add_won(models[won, places[won]], losers, times[won])
        if not won.all():
            self._add_even(everyone[~won], times[~won])

    def rows(self) -> tuple[Rows, ...]:
        """The votes, by number of sides and whether somebody won."""
        return tuple(pile.rows() for _, pile in sorted(self._piles.items()))

    def _add_won(self, winners: Integers, losers: Integers, times: Integers) -> None:
        share = UNIT // losers.shape[1]
        given = times[:, None] * (losers != winners[:, None])  # a win over oneself says nothing
        np.add.at(self.wins, (winners[:, None], losers), share * given)
        np.add.at(self.beaten, (winners[:, None], losers), given)
        self._pile(losers.shape[1] + 1, won=True).add(np.column_stack([winners, losers]), times)
        if self.triples is not None:
            self._add_triples(winners, losers, times)
        elif len(self.battles) <= DENSE and sum(pile.used for (_, won), pile in self._piles.items() if won) > FEW:
            self.triples = np.zeros((len(self.battles),) * 3)
            for rows in self.rows():
                if rows.won:
                    self._add_triples(rows.models[0], rows.models[1:].T, rows.times)

    def _add_triples(self, winners: Integers, losers: Integers, times: Integers) -> None:
        assert self.triples is not None
        fine = losers != winners[:, None]
        weights = (UNIT // losers.shape[1]) ** 2 * times[:, None, None] * (fine[:, :, None] & fine[:, None, :])
        np.add.at(self.triples, (winners[:, None, None], losers[:, :, None], losers[:, None, :]), weights.astype(float))

    def _add_even(self, models: Integers, times: Integers) -> None:
        sides = models.shape[1]
        one, two = np.triu_indices(sides, 1)
        first, second = models[:, one], models[:, two]
        given = times[:, None] * (first != second)
        for row, column in ((first, second), (second, first)):
            np.add.at(self.wins, (row, column), UNIT // (sides - 1) // 2 * given)
            np.add.at(self.tied, (row, column), given)
        self._pile(sides, won=False).add(models, times)

    def _pile(self, sides: int, won: bool) -> _Pile:
        return self._piles.setdefault((sides, won), _Pile(sides, won))


def wider(room: int, models: int) -> int:
    """By how much arrays with room for some models must grow to hold so many."""
    return max(0, -(-models // STEP) * STEP - room)
