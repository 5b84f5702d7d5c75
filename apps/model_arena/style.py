"""Style control: what ratings would be if all answers were equally long and equally decorated with Markdown.

The idea is that of LMArena, 2024, "Does style matter? Disentangling style and substance in Chatbot Arena": differences in
length and in headers, list items and bold pieces are explained together with the strengths. Each difference is taken relative
to the sum, (a-b)/(a+b+1), and divided by its root mean square, so that swapping the sides changes nothing.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from apps.model_arena.ballot import Ballot
from apps.model_arena.bradley_terry import APART, EXTREME, centred, shorten, solve
from apps.model_arena.counts import decided
from apps.model_arena.many_sides import Floats, Integers
from apps.model_arena.sandwich import scatter

NAMES = ("length", "headers", "list items", "bold pieces")
RIDGE = 0.5  # on the coefficients of style alone: they stay finite also when style decided every vote
ROUNDS = 100
_FENCE = re.compile(r"```.*?(?:```|\Z)", re.DOTALL)
_HEADER = re.compile(r"^ {0,3}#{1,6}\s", re.MULTILINE)
_ITEM = re.compile(r"^\s*(?:[-*+]|\d{1,9}[.)])\s", re.MULTILINE)
_BOLD = re.compile(r"\*\*[^*\n]+\*\*|__[^_\n]+__")


@dataclass(frozen=True)
class Duels:
    """Pairs of models that votes say something about, with what else may explain the outcome.

    Attributes:
        first: Number of the first model. Shape (n,).
        second: Number of the second one. Shape (n,).
        outcomes: 1 when the first one won, 0 when the second one did, 0.5 for a tie. Shape (n,).
        weights: How much of its vote each one is. Shape (n,).
        features: What else differs, from the first one's side. Shape (n, k).
        votes: Number of the vote that each one is from. Shape (n,).
        times: How often each vote was given. Shape (votes,).
        seats: On which side of its vote each model sat, (first, second). Shape (n, 2).
    """

    first: Integers
    second: Integers
    outcomes: Floats
    weights: Floats
    features: Floats
    votes: Integers
    times: Floats
    seats: Integers

    def wins(self, size: int) -> Floats:
        """Wins of the row's model over the column's, as in a `Table`. Shape (size, size)."""
        total = np.zeros((size, size))
        given = self.weights * self.times[self.votes]
        np.add.at(total, (self.first, self.second), given * self.outcomes)
        np.add.at(total, (self.second, self.first), given * (1 - self.outcomes))
        return total


@dataclass(frozen=True)
class Explained:
    """Strengths, with what else explains the votes.

    Attributes:
        theta: Strengths with mean 0. Shape (m,).
        effects: What one unit of each feature is worth, as logarithm of odds. Shape (k,).
        covariance: Of strengths and effects together. Shape (m + k, m + k).
    """

    theta: Floats
    effects: Floats
    covariance: Floats


def measure(text: str) -> tuple[int, int, int]:
    """How an answer is decorated: headers, list items and bold pieces, outside blocks of code.

    Args:
        text: The answer, in Markdown.
    """
    plain = _FENCE.sub("", text)
    return len(_HEADER.findall(plain)), len(_ITEM.findall(plain)), len(_BOLD.findall(plain))


def described(ballot: Ballot) -> bool:
    """Whether length and Markdown of all its answers are known."""
    return len(ballot.lengths) == len(ballot.markdown) == len(ballot.models)


def duels_of(ballots: Sequence[Ballot], numbers: dict[str, int]) -> Duels:
    """The pairs in votes whose answers are described, with their differences in style.

    Args:
        ballots: Votes; those that are not `described` are passed over.
        numbers: Number of each model to rate; pairs with other models are passed over.
    """
    rows: list[tuple[int, int, float, float, int, int, int]] = []
    styles: list[tuple[int, ...]] = []
    votes = 0
    for ballot in ballots:
        if not described(ballot):
            continue
        seats = [numbers.get(model, -1) for model in ballot.models]
        looks = [(length, *marks) for length, marks in zip(ballot.lengths, ballot.markdown, strict=True)]
        place, share = ballot.place, 1 / (len(seats) - 1)
        for one, two in decided(len(seats), place):
            if min(seats[one], seats[two]) >= 0 and seats[one] != seats[two]:
                rows.append((seats[one], seats[two], 1.0 if place >= 0 else 0.5, share, votes, one, two))
                styles.append((*looks[one], *looks[two]))
        votes += 1
    table = np.array(rows, float).reshape(-1, 7)
    number = table.astype(np.int64)
    return Duels(
        number[:, 0], number[:, 1], table[:, 2], table[:, 3], _differences(styles), number[:, 4],
        np.ones(votes), number[:, 5:7],
    )  # fmt: skip


def explain(duels: Duels, size: int, ridge: float = RIDGE) -> Explained:
    """The likeliest strengths and effects, by Newton's method; each round costs time in proportion to duels times features.

    Args:
        duels: Pairs among comparable models.
        size: How many models there are.
        ridge: How strongly effects are held to 0; strengths are not.

    Raises:
        ArithmeticError: There are no likeliest ones: the models cannot be compared.
    """
    width = duels.features.shape[1]
    given = duels.weights * duels.times[duels.votes]
    held = np.zeros((size + width, size + width))
    held[:size, :size] = 1 / max(1, size)
    penalty = np.concatenate([np.zeros(size), np.full(width, float(ridge))])
    params = np.zeros(size + width)
    for _ in range(ROUNDS):
        logits = _logits(duels, params, size)
        chances = 1 / (1 + np.exp(np.clip(-logits, -EXTREME, EXTREME)))
        slope = _slope(duels, given * (duels.outcomes - chances), size) - penalty * params
        bend = _bend(duels, given * chances * (1 - chances), size) + np.diag(penalty)
        step = solve(bend + held, slope)
        if float(np.abs(step).max(initial=0.0)) < 1e-10:
            bread = np.linalg.inv(bend + held)
            meat = _meat(duels, duels.weights * (duels.outcomes - chances), size)
            return Explained(centred(params[:size]), params[size:], bread @ meat @ bread)
        params = params + step * shorten(float(np.abs(_logits(duels, step, size)).max(initial=0.0)))
    raise ArithmeticError(APART)


def _differences(styles: Sequence[tuple[int, ...]]) -> Floats:
    """Relative differences with a root mean square of 1; all 0 where answers never differ."""
    both = np.array(styles, float).reshape(len(styles), 2, len(NAMES))
    one, two = both[:, 0], both[:, 1]
    apart = (one - two) / (one + two + 1)
    size = np.sqrt((apart**2).mean(0)) if len(apart) else np.zeros(len(NAMES))
    return np.asarray(apart / np.where(size > 0, size, 1))


def _logits(duels: Duels, params: Floats, size: int) -> Floats:
    return np.asarray(params[duels.first] - params[duels.second] + duels.features @ params[size:])


def _slope(duels: Duels, errors: Floats, size: int) -> Floats:
    by_model = np.bincount(duels.first, errors, size) - np.bincount(duels.second, errors, size)
    return np.append(by_model, errors @ duels.features)


def _bend(duels: Duels, weights: Floats, size: int) -> Floats:
    """Fisher's information of strengths and effects together."""
    width = duels.features.shape[1]
    found = np.zeros((size + width, size + width))
    pairs = np.bincount(duels.first * size + duels.second, weights, size * size).reshape(size, size)
    pairs = pairs + pairs.T
    found[:size, :size] = np.diag(pairs.sum(1)) - pairs
    for place in range(width):
        column = weights * duels.features[:, place]
        found[:size, size + place] = np.bincount(duels.first, column, size) - np.bincount(duels.second, column, size)
    found[size:, :size] = found[:size, size:].T
    found[size:, size:] = (duels.features * weights[:, None]).T @ duels.features
    return found


def _meat(duels: Duels, errors: Floats, size: int) -> Floats:
    """Sum over votes of their scores multiplied with themselves: pairs of one vote count as one draw of chance."""
    votes, width = len(duels.times), duels.features.shape[1]
    sides = int(duels.seats.max(initial=1)) + 1
    scores, models = np.zeros((sides, votes)), np.zeros((sides, votes), np.int64)
    for end, sign, numbers in ((0, 1.0, duels.first), (1, -1.0, duels.second)):
        seat = duels.seats[:, end] * votes + duels.votes
        scores += np.bincount(seat, sign * errors, sides * votes).reshape(sides, votes)
        models[duels.seats[:, end], duels.votes] = numbers
    styles = np.zeros((votes, width))
    for place in range(width):
        styles[:, place] = np.bincount(duels.votes, errors * duels.features[:, place], votes)
    found = np.zeros((size + width, size + width))
    found[:size, :size] = scatter(models, scores, size, duels.times)
    for place in range(width):
        for side in range(sides):
            given = duels.times * scores[side] * styles[:, place]
            found[:size, size + place] += np.bincount(models[side], given, size)
    found[size:, :size] = found[:size, size:].T
    found[size:, size:] = (styles * duels.times[:, None]).T @ styles
    return found
