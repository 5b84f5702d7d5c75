"""The votes as counts: how often each pair of models met and how it ended, kept up to date as votes arrive.

Ratings, errors, rank ranges and win rates need only these counts, so that a leaderboard costs the same after a hundred
votes and after a hundred million.
"""

import threading
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from apps.model_arena.ballot import Ballot
from shared.errors import PlaygroundError

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

FIRST, SECOND, TIE, BOTH_BAD = range(4)
UNIT = 120  # parts of a vote: halves of 1/1 to 1/5 are whole numbers, so adding and taking away leaves no residue
PLAIN = {"a": FIRST, "b": SECOND, "tie": TIE, "both_bad": BOTH_BAD}


@dataclass(frozen=True)
class Patterns:
    """Votes on battles with one number of sides above two; equal votes are one row.

    Attributes:
        models: Numbers of the models, in the order in which they were shown. Shape (rows, sides).
        places: Which side won, from 0; -1 when none did. Shape (rows,).
        times: How many votes were like that. Shape (rows,).
    """

    models: Integers
    places: Integers
    times: Integers


class _Pile:
    """The patterns of one number of sides, in arrays that grow."""

    def __init__(self, sides: int) -> None:
        self.rows: dict[tuple[int, ...], int] = {}
        self.models = np.zeros((16, sides), np.int64)
        self.places = np.zeros(16, np.int64)
        self.times = np.zeros(16, np.int64)

    def add(self, models: tuple[int, ...], place: int, times: int) -> None:
        row = self.rows.setdefault((*models, place), len(self.rows))
        if row == len(self.times):
            self.models = np.concatenate([self.models, np.zeros_like(self.models)])
            self.places = np.concatenate([self.places, np.zeros_like(self.places)])
            self.times = np.concatenate([self.times, np.zeros_like(self.times)])
        self.models[row], self.places[row] = models, place
        self.times[row] += times

    def patterns(self) -> Patterns:
        kept = np.flatnonzero(self.times[: len(self.rows)])
        return Patterns(self.models[kept], self.places[kept], self.times[kept])


@dataclass(frozen=True)
class Table:
    """The counts at one moment; it does not change any more.

    Attributes:
        models: The models, in the order in which they first met.
        cells: Two-sided votes by first model, second model and outcome (first, second, tie, both bad). Shape (m, m, 4).
        patterns: Votes with more sides.
        wins: Wins of the row's model over the column's, a tie as half of one each; with n sides, the winner's win over each
            other counts 1/(n-1), and so do ties. Shape (m, m).
        met: How many votes said something about a pair. Shape (m, m).
        battles: How many votes each model was in. Shape (m,).
        votes: How many votes there are.
        selves: Two-sided votes between a model and itself (under two settings, say), which are in no other number here.
    """

    models: tuple[str, ...]
    cells: Integers
    patterns: tuple[Patterns, ...]
    wins: Floats
    met: Integers
    battles: Integers
    votes: int
    selves: int

    def place(self, model: str) -> int:
        """The model's number.

        Raises:
            PlaygroundError: No vote was about it.
        """
        if model not in self.models:
            known = ", ".join(sorted(self.models)[:20]) or "none"
            raise PlaygroundError(f"No vote counted here is about '{model}'. Models with votes: {known}.")
        return self.models.index(model)


class Counts:
    """Counts of votes, kept as they arrive; any thread may add, and any may read.

    Args:
        ballots: Votes to begin with.
    """

    def __init__(self, ballots: Iterable[Ballot] = ()) -> None:
        self._lock = threading.Lock()
        self._numbers: dict[str, int] = {}
        self._cells = np.zeros((8, 8, 4), np.int64)
        self._wins = np.zeros((8, 8), np.int64)
        self._met = np.zeros((8, 8), np.int64)
        self._battles = np.zeros(8, np.int64)
        self._piles: dict[int, _Pile] = {}
        self._votes = self._selves = 0
        for ballot in ballots:
            self.add(ballot)

    @classmethod
    def of_columns(
        cls,
        left: Any,
        right: Any,
        winner: Any,
        outcomes: Mapping[str, int] | None = None,
    ) -> "Counts":
        """Counts of two-sided votes in columns, such as those of a data frame: millions in less than a second.

        Args:
            left: Name of the first model in each vote; a pandas Series, an Arrow array or any sequence of text.
            right: Name of the second one.
            winner: How each vote ended.
            outcomes: What stands for which outcome; None: "model_a", "model_b", "tie", "tie (bothbad)".

        Raises:
            PlaygroundError: A vote ended in an outcome that is not among them; nothing is counted as a tie silently.
        """
        outcomes = outcomes or {"model_a": FIRST, "model_b": SECOND, "tie": TIE, "tie (bothbad)": BOTH_BAD}
        (lefts, left_names), (rights, right_names), (ends, end_names) = map(_encode, (left, right, winner))
        unknown = sorted(set(end_names) - set(outcomes))
        if unknown:
            raise PlaygroundError(f"'{unknown[0]}' is no outcome. Outcomes are {', '.join(outcomes)}.")
        counts = cls()
        number = counts._number
        one = np.array([number(name) for name in left_names], np.int64)
        two = np.array([number(name) for name in right_names], np.int64)
        # Counted by the columns' own codes first: one pass over the votes, and the rest is as small as the models are few.
        shape = (len(one), len(two), len(end_names))
        found = np.bincount((lefts * shape[1] + rights) * shape[2] + ends, minlength=int(np.prod(shape))).reshape(shape)
        for place, name in enumerate(end_names):
            np.add.at(counts._cells[:, :, outcomes[name]], np.ix_(one, two), found[:, :, place])
        counts._settle()
        return counts

    def add(self, ballot: Ballot, times: int = 1) -> None:
        """Count one vote; excluded ones as well, so pass those over yourself.

        Args:
            ballot: The vote.
            times: How often; -1 takes back a vote that was counted before.
        """
        with self._lock:
            models = tuple(self._number(model) for model in ballot.models)
            if len(models) == 2:
                self._add_pair(models[0], models[1], PLAIN[ballot.winner], times)
            else:
                self._add_many(models, ballot.place, times)
                self._votes += times

    def table(self) -> Table:
        """The counts as they are now."""
        with self._lock:
            size = len(self._numbers)
            kept = [pile.patterns() for _, pile in sorted(self._piles.items())]
            return Table(
                tuple(self._numbers),
                self._cells[:size, :size].copy(),
                tuple(each for each in kept if len(each.times)),
                self._wins[:size, :size] / UNIT,
                self._met[:size, :size].copy(),
                self._battles[:size].copy(),
                self._votes,
                self._selves,
            )

    def _number(self, model: str) -> int:
        number = self._numbers.setdefault(model, len(self._numbers))
        if number == len(self._battles):
            wider = [(0, number)]
            self._battles = np.pad(self._battles, wider)
            self._wins, self._met = np.pad(self._wins, wider * 2), np.pad(self._met, wider * 2)
            self._cells = np.pad(self._cells, [*wider * 2, (0, 0)])
        return number

    def _add_pair(self, one: int, two: int, outcome: int, times: int) -> None:
        if one == two:
            self._selves += times
            return
        self._cells[one, two, outcome] += times
        self._met[[one, two], [two, one]] += times
        self._battles[[one, two]] += times
        self._votes += times
        self._wins[one, two] += times * (UNIT, 0, UNIT // 2, UNIT // 2)[outcome]
        self._wins[two, one] += times * (0, UNIT, UNIT // 2, UNIT // 2)[outcome]

    def _add_many(self, models: tuple[int, ...], place: int, times: int) -> None:
        pile = self._piles.setdefault(len(models), _Pile(len(models)))
        pile.add(models, place, times)
        whole = times * UNIT // (len(models) - 1)
        for one, two in decided(len(models), place):
            first, second = models[one], models[two]
            if first != second:
                self._wins[first, second] += whole if place >= 0 else whole // 2
                self._wins[second, first] += 0 if place >= 0 else whole // 2
                self._met[[first, second], [second, first]] += times
        for model in set(models):
            self._battles[model] += times

    def _settle(self) -> None:
        """Work out everything else from the cells alone."""
        every = np.arange(len(self._battles))
        self._selves = int(self._cells[every, every].sum())
        self._cells[every, every] = 0
        ties = self._cells[:, :, TIE] + self._cells[:, :, BOTH_BAD]
        self._wins = UNIT * (self._cells[:, :, FIRST] + self._cells[:, :, SECOND].T) + UNIT // 2 * (ties + ties.T)
        self._met = self._cells.sum(2) + self._cells.sum(2).T
        self._battles = self._met.sum(1)
        self._votes = int(self._cells.sum())


def decided(sides: int, place: int) -> list[tuple[int, int]]:
    """The pairs of sides that a vote says something about: the winner and each other one, or all when nobody won.

    Args:
        sides: How many sides there were.
        place: Which one won, from 0; -1 when none did.
    """
    if place >= 0:
        return [(place, other) for other in range(sides) if other != place]
    return [(one, two) for one in range(sides) for two in range(one + 1, sides)]


def _encode(column: Any) -> tuple[Integers, Sequence[str]]:
    """A column of text as numbers, and what each number stands for."""
    import pyarrow as pa

    array = pa.array(column) if not isinstance(column, (pa.Array, pa.ChunkedArray)) else column
    if isinstance(array, pa.ChunkedArray):
        array = array.combine_chunks()
    if not pa.types.is_dictionary(array.type):
        array = array.dictionary_encode()
    if array.null_count:
        raise PlaygroundError(f"{array.null_count:,} votes lack a model or an outcome. Leave them out, or mend them.")
    return array.indices.to_numpy(zero_copy_only=False).astype(np.int64), array.dictionary.to_pylist()
