"""The leaderboard: models in the order in which people prefer them, how sure that is, and in words what cannot be said."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from apps.model_arena import bootstrap, sandwich, style
from apps.model_arena.ballot import Ballot
from apps.model_arena.bradley_terry import MEAN, SCALE, fit
from apps.model_arena.components import components
from apps.model_arena.counts import Counts, Table
from apps.model_arena.many_sides import Floats
from apps.model_arena.position import Z
from apps.model_arena.ranks import rank_ranges
from shared.errors import PlaygroundError

Interval = Literal["sandwich", "bootstrap"]
FEW = 10  # battles below which an interval is called rough
NAMED = 5  # models named in a note


@dataclass(frozen=True)
class Standing:
    """One model's line. Everything but the name and the number of battles is None while the model cannot be compared.

    Attributes:
        model: Its ref.
        rating: Points on the scale of chess: 400 are odds of ten to one.
        standard_error: Standard error of the rating.
        lower: Lower end of the 95% interval.
        upper: Upper end of the 95% interval.
        rank_lower: The best rank it may have; 1 is the first.
        rank_upper: The worst rank it may have.
        battles: How many votes it was in.
    """

    model: str
    rating: float | None
    standard_error: float | None
    lower: float | None
    upper: float | None
    rank_lower: int | None
    rank_upper: int | None
    battles: int


@dataclass(frozen=True)
class Board:
    """A leaderboard.

    Attributes:
        rows: The models, the highest rating first; those that cannot be compared yet stand at the end.
        notes: What a reader should know, in words.
    """

    rows: list[Standing]
    notes: list[str]


@dataclass(frozen=True)
class _Rated:
    """Comparable models with their strengths, before these are put on a scale."""

    members: list[int]
    theta: Floats
    covariance: Floats
    raised: list[int]
    draws: Floats | None = None


def choose(ballots: Iterable[Ballot], category: str = "", language: str = "", voter: str = "") -> list[Ballot]:
    """The votes of a category, a language or a voter, without those that are excluded.

    Args:
        ballots: All votes.
        category: Only votes on prompts about this; "" for all.
        language: Only votes on prompts in this language; "" for all.
        voter: Only votes of this voter, for a personal board; "" for all.
    """
    return [
        each
        for each in ballots
        if not each.excluded
        and category in ("", each.category)
        and language in ("", each.language)
        and voter in ("", each.voter)
    ]


def build(
    votes: Counts | Table | Sequence[Ballot],
    interval: Interval = "sandwich",
    style_control: bool = False,
    anchor: str = "",
    anchor_rating: float = MEAN,
    *,
    rounds: int = bootstrap.ROUNDS,
    seed: int = 0,
) -> Board:
    """Rate the models.

    Ratings are Bradley-Terry's, without any pull to the mean; a tie, also one where both are bad, is half a win each; the mean
    is 1000. Models without whom nothing is known about each other are not rated together, whatever the number of votes.

    Args:
        votes: Counts, or the votes themselves, which style control needs.
        interval: Where errors come from: "sandwich", or "bootstrap".
        style_control: Whether differences in length and Markdown are taken out; errors are then sandwich errors.
        anchor: Model that gets the rating `anchor_rating`; "" for none. Its interval has no width, and those of others are
            of their distance to it.
        anchor_rating: See `anchor`.
        rounds: How often the bootstrap rates.
        seed: Of the bootstrap.

    Raises:
        PlaygroundError: There are votes, but none is about the anchor; its rating is no number; or style control has no votes
            to look at.
    """
    if not math.isfinite(anchor_rating):
        raise PlaygroundError(f"The anchor's rating is {anchor_rating}. Give a number, such as 1000.")
    notes: list[str] = []
    styled: Sequence[Ballot] = ()
    if style_control:
        votes, styled = _styled(votes, notes)
    table = _table(votes)
    if table.selves:
        notes.append(
            f"{table.selves:,} votes were between a model and itself under other settings: they rate no model."
        )
    if not table.votes:
        return Board([], [*notes, "No votes yet. Ratings appear when models have won and lost against each other."])
    anchored = table.place(anchor) if anchor else -1
    groups = components(table.wins)
    members = groups[0] if len(groups[0]) > 1 else []
    rated = None
    if members:
        rated = _rate_style(styled, table, members, notes) if style_control else _rate(table, members)
        if interval == "bootstrap" and not style_control:
            rated = _resampled(rated, table, rounds, seed, notes)
        elif interval == "bootstrap":
            notes.append("With style control the intervals are sandwich intervals, whatever was asked for.")
    notes += _incomparable(table, groups)
    rows = _rows(rated, table, anchored, anchor_rating, notes) if rated else []
    rest = [each for each in range(len(table.models)) if each not in set(members)]
    rest.sort(key=lambda one: (-table.battles[one], table.models[one]))
    rows += [Standing(table.models[one], None, None, None, None, None, None, int(table.battles[one])) for one in rest]
    return Board(rows, notes)


def _table(votes: Counts | Table | Sequence[Ballot]) -> Table:
    if isinstance(votes, Table):
        return votes
    return (votes if isinstance(votes, Counts) else Counts(votes)).table()


def _styled(votes: Counts | Table | Sequence[Ballot], notes: list[str]) -> tuple[Counts, Sequence[Ballot]]:
    """The votes whose answers are described, and their counts."""
    if isinstance(votes, Counts | Table):
        raise TypeError("style control needs the votes themselves, not their counts")
    kept = [each for each in votes if style.described(each)]
    if votes and not kept:
        raise PlaygroundError(
            f"None of the {len(votes):,} votes says how long and how decorated the answers were. Turn style control off."
        )
    if len(kept) < len(votes):
        notes.append(
            f"{len(votes) - len(kept):,} of {len(votes):,} votes are left out: length and Markdown of their answers are not known."
        )
    return Counts(kept), kept


def _rate(table: Table, members: list[int]) -> _Rated:
    theta = fit(table.wins[np.ix_(members, members)])
    spread, plain = sandwich.covariance(table, members, theta)
    return _Rated(members, theta, *_floored(spread, plain, table, members))


def _rate_style(ballots: Sequence[Ballot], table: Table, members: list[int], notes: list[str]) -> _Rated:
    size, numbers = len(members), {table.models[member]: place for place, member in enumerate(members)}
    found = style.explain(style.duels_of(ballots, numbers), size)
    worth = [f"{name} {SCALE * value:+.0f}" for name, value in zip(style.NAMES, found.effects, strict=True)]
    notes.append(f"Style is taken out. Worth of a typical difference, in points: {', '.join(worth)}.")
    plain = sandwich.covariance(table, members, found.theta)[1]
    return _Rated(members, found.theta, *_floored(found.covariance[:size, :size], plain, table, members))


def _floored(spread: Floats, plain: Floats, table: Table, members: list[int]) -> tuple[Floats, list[int]]:
    """Errors of models whose votes were all ties come from the model: ties leave no residue that would show any spread.

    Returns:
        The covariance, and the places of the models whose errors were raised.
    """
    decisive = table.decided[np.ix_(members, members)].sum(1)
    small = [
        place for place in range(len(members)) if not decisive[place] and plain[place, place] > spread[place, place]
    ]
    raised = spread.copy()
    these = np.ix_(small, small)
    raised[these] = plain[these]
    return raised, small


def _resampled(rated: _Rated, table: Table, rounds: int, seed: int, notes: list[str]) -> _Rated:
    found = bootstrap.resample(table, rated.members, rated.theta, rounds, seed)
    if found.weighted:
        notes.append(
            "So few votes fall apart when they are drawn anew; the bootstrap gave each a random weight instead (Rubin 1981)."
        )
    centred = found.thetas - found.thetas.mean(0)
    spread = np.asarray(centred.T @ centred / max(1, len(centred) - 1))
    plain = sandwich.covariance(table, rated.members, rated.theta)[1]
    covariance, raised = _floored(spread, plain, table, rated.members)
    return _Rated(rated.members, rated.theta, covariance, raised, found.thetas)


def _rows(rated: _Rated, table: Table, anchored: int, anchor_rating: float, notes: list[str]) -> list[Standing]:
    theta, own = rated.theta, rated.covariance
    errors = np.sqrt(np.maximum(np.diag(own), 0))
    shift, draws = MEAN, rated.draws
    if anchored in rated.members:
        at = rated.members.index(anchored)
        errors = np.sqrt(np.maximum(np.diag(own) + own[at, at] - 2 * own[at], 0))
        shift = anchor_rating - SCALE * float(theta[at])
        draws = None if draws is None else draws - draws[:, [at]] + theta[at]
        notes.append(
            f"{table.models[anchored]} is held at {anchor_rating:g}, so its interval has no width; the others' are of their "
            "distance to it."
        )
    elif anchored >= 0:
        notes.append(
            f"{table.models[anchored]} cannot be compared yet, so it holds nothing: the mean of the others is 1000."
        )
    ratings = shift + SCALE * theta
    errors = SCALE * errors
    ends = _ends(ratings, errors, None if draws is None else shift + SCALE * draws, rated.raised)
    if rated.raised:
        ties = _names([table.models[rated.members[place]] for place in rated.raised])
        notes.append(
            f"Every vote on {ties} was a tie, which shows no spread: the errors given are what chance would make."
        )
    best, worst = rank_ranges(theta, own)
    rough = [table.models[one] for one in rated.members if table.battles[one] < FEW]
    if rough:
        notes.append(f"Fewer than {FEW} battles each, so intervals are rough: {_names(rough)}.")
    order = sorted(range(len(theta)), key=lambda one: (-theta[one], table.models[rated.members[one]]))
    return [
        Standing(
            table.models[rated.members[one]],
            float(ratings[one]),
            float(errors[one]),
            float(ends[0][one]),
            float(ends[1][one]),
            int(best[one]),
            int(worst[one]),
            int(table.battles[rated.members[one]]),
        )
        for one in order
    ]


def _ends(ratings: Floats, errors: Floats, draws: Floats | None, raised: list[int]) -> Floats:
    """Lower and upper ends of the intervals: of the bootstrap where there is one and it says something. Shape (2, m)."""
    ends = np.stack([ratings - Z * errors, ratings + Z * errors])
    if draws is None:
        return ends
    found = np.quantile(draws, [0.025, 0.975], axis=0)
    found[:, raised] = ends[:, raised]
    return np.asarray(found)


def _incomparable(table: Table, groups: list[list[int]]) -> list[str]:
    """Why models are not rated, in words."""
    if len(groups) == 1:
        return []
    names = table.models
    notes, rest = list[str](), groups
    if len(groups[0]) > 1:
        rest = groups[1:]
    else:
        notes.append(
            f"Nobody can be rated after {table.votes:,} vote{'s' if table.votes > 1 else ''}: for a rating a model must have won "
            "(or tied) and lost (or tied) against the others. Go on voting."
        )
    single = [group[0] for group in rest if len(group) == 1]
    won, lost = table.wins.sum(1), table.wins.sum(0)
    always = [names[one] for one in single if won[one] and not lost[one]]
    never = [names[one] for one in single if lost[one] and not won[one]]
    unmet = [names[one] for one in single if not won[one] and not lost[one]]
    both = [names[one] for one in single if won[one] and lost[one]]
    for who, why in (
        (always, "not lost once: above those they met, how far above cannot be said yet"),
        (never, "not won once: below those they met, how far below cannot be said yet"),
        (both, "won against some and lost to others, but not in a circle with the rest"),
        (unmet, "met nobody but themselves"),
    ):
        if who:
            notes.append(f"Not comparable: {_names(who)} ({why}).")
    for group in rest:
        if len(group) > 1:
            notes.append(
                f"Not comparable: {_names([names[one] for one in group])} (comparable with each other, not with the rated ones)."
            )
    return notes


def _names(models: Sequence[str]) -> str:
    more = f" and {len(models) - NAMED} more" if len(models) > NAMED else ""
    return ", ".join(models[:NAMED]) + more
