"""The votes as counts: how often each pair of models met and how it ended, kept up to date as votes arrive.

Ratings, errors, rank ranges and win rates need only these counts, so that a leaderboard costs the same after a hundred
votes and after a hundred million.
"""

import threading
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

import numpy as np

from apps.model_arena.ballot import Ballot, place_of
from apps.model_arena.many_sides import UNIT, Floats, Integers, ManySides, Rows, wider
from shared.errors import PlaygroundError

FIRST, SECOND, TIE, BOTH_BAD = range(4)
PLAIN = {"a": FIRST, "b": SECOND, "tie": TIE, "both_bad": BOTH_BAD}
BATCH = 10_000  # votes counted at once


@dataclass(frozen=True)
class Table:
    """The counts at one moment; it does not change any more.

    Attributes:
        models: The models, in the order in which they first met.
        cells: Two-sided votes by first model, second model and outcome (first, second, tie, both bad). Shape (m, m, 4).
        wins: Wins of the row's model over the column's, a tie as half of one each; with n sides, the winner's win over each
            other counts 1/(n-1), and so do ties. Shape (m, m).
        met: How many votes said something about a pair. Shape (m, m).
        decided: How many of these one of the two won. Shape (m, m).
        battles: How many votes each model was in. Shape (m,).
        votes: How many votes there are.
        selves: Two-sided votes between a model and itself (under two settings, say), which are in no other number here.
        places: How many votes each place won, by number of sides.
        rows: The votes with more than two sides, by number of sides and whether somebody won.
        triples: Of the same votes, by winner and any two losers, the square of 1/(n-1) in parts of 1/`UNIT` squared; None when
            there are none, or too many models. Shape (m, m, m).
    """

    models: tuple[str, ...]
    cells: Integers
    wins: Floats
    met: Integers
    decided: Integers
    battles: Integers
    votes: int
    selves: int
    places: dict[int, Integers]
    rows: tuple[Rows, ...]
    triples: Floats | None

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
        self._cells = np.zeros((0, 0, 4), np.int64)
        self._many = ManySides()
        self.add_all(ballots)

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
        one, two = counts._number(left_names), counts._number(right_names)
        # Counted by the columns' own codes first: one pass over the votes, and the rest is as small as the models are few.
        shape = (len(one), len(two), len(end_names))
        found = np.bincount((lefts * shape[1] + rights) * shape[2] + ends, minlength=int(np.prod(shape))).reshape(shape)
        for place, name in enumerate(end_names):
            np.add.at(counts._cells[:, :, outcomes[name]], np.ix_(one, two), found[:, :, place])
        return counts

    def add(self, ballot: Ballot, times: int = 1) -> None:
        """Count one vote; excluded ones as well, so pass those over yourself.

        Args:
            ballot: The vote.
            times: How often; -1 takes back a vote that was counted before.
        """
        sides = len(ballot.models)
        ends = np.array([end_of(ballot.winner, sides)])
        self.add_numbers(ballot.models, np.arange(sides)[None], ends, np.array([times]))

    def add_all(self, ballots: Iterable[Ballot]) -> None:
        """Count votes; excluded ones as well."""
        waiting = iter(ballots)
        while batch := list(islice(waiting, BATCH)):
            names: dict[str, int] = {}
            for sides in sorted({len(each.models) for each in batch}):
                these = [each for each in batch if len(each.models) == sides]
                models = [[names.setdefault(model, len(names)) for model in each.models] for each in these]
                ends = [end_of(each.winner, sides) for each in these]
                self.add_numbers(list(names), np.array(models), np.array(ends), np.ones(len(these), np.int64))

    def add_numbers(self, names: Sequence[str], models: Integers, ends: Integers, times: Integers) -> None:
        """Count votes with one number of sides that are written as numbers.

        Args:
            names: What the numbers of models stand for.
            models: The models, in the order in which they were shown. Shape (votes, sides).
            ends: How each vote ended, as `end_of` has it. Shape (votes,).
            times: How often each was given. Shape (votes,).
        """
        known = np.unique(models)
        with self._lock:
            numbers = np.zeros(len(names), np.int64)
            numbers[known] = self._number(names[each] for each in known.tolist())
            models = numbers[models]
            if models.shape[1] == 2:
                np.add.at(self._cells, (models[:, 0], models[:, 1], ends), times)
            else:
                self._many.add(models, ends, times)

    def table(self) -> Table:
        """The counts as they are now."""
        with self._lock:
            size, many = len(self._numbers), self._many
            cells = self._cells[:size, :size].copy()
            every = np.arange(size)
            selves = int(cells[every, every].sum())
            cells[every, every] = 0
            won = cells[:, :, FIRST] + cells[:, :, SECOND].T
            ties = cells[:, :, TIE] + cells[:, :, BOTH_BAD]
            ties, beaten = ties + ties.T, many.beaten[:size, :size]
            met = won + won.T + ties
            return Table(
                models=tuple(self._numbers),
                cells=cells,
                wins=won + ties / 2 + many.wins[:size, :size] / UNIT,
                met=met + beaten + beaten.T + many.tied[:size, :size],
                decided=won + won.T + beaten + beaten.T,
                battles=met.sum(1) + many.battles[:size],
                votes=int(cells.sum()) + many.votes,
                selves=selves,
                places={2: cells[:, :, [FIRST, SECOND]].sum((0, 1)), **many.places},
                rows=many.rows(),
                triples=None if many.triples is None else many.triples[:size, :size, :size].copy(),
            )

    def _number(self, models: Iterable[str]) -> Integers:
        """The models' numbers; new models get the next ones, and room."""
        numbers = self._numbers
        found = np.array([numbers.setdefault(model, len(numbers)) for model in models], np.int64)
        if more := wider(len(self._cells), len(numbers)):
            self._cells = np.pad(self._cells, [(0, more), (0, more), (0, 0)])
            self._many.grow(len(numbers))
        return found


def end_of(winner: str, sides: int) -> int:
    """How a vote ended, as a number: with two sides one of `FIRST` to `BOTH_BAD`, with more the winner's place or -1.

    Args:
        winner: The letter of the side that won, "tie" or "both_bad".
        sides: How many sides there were.

    Raises:
        ValueError: No battle with so many sides ends like that.
    """
    place = place_of(winner, sides)
    return PLAIN[winner] if sides == 2 else place


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
