"""Who is ahead, by how much, and how sure that is: the endpoints leaderboard and win_rates."""

from dataclasses import dataclass
from typing import Annotated

from apps.model_arena import leaderboard as rating
from apps.model_arena import position
from apps.model_arena.history import Moment, follow
from apps.model_arena.leaderboard import Board, Interval
from apps.model_arena.live import of_suite
from apps.model_arena.position import PositionBias
from apps.model_arena.win_rates import WinRates
from apps.model_arena.win_rates import win_rates as compute
from shared.errors import PlaygroundError
from shared.policy import OWNER, Caller
from shared.settings import Advanced, Choices
from shared.suite import suite

Category = Annotated[str, Choices(lambda: ["", *suite().own(of_suite).categories])]
Language = Annotated[str, Choices(lambda: ["", *suite().own(of_suite).languages])]


@dataclass(frozen=True)
class Rates:
    """How often each model wins against each other one.

    Attributes:
        table: Win rates by pair, with 95% intervals.
        position: Whether being shown first helps.
        votes: How many votes are counted.
        excluded: How many are stored but not counted.
    """

    table: WinRates
    position: PositionBias
    votes: int
    excluded: int


def leaderboard(
    category: Category = "",
    language: Language = "",
    interval: Interval = "sandwich",
    style_control: bool = False,
    anchor: Annotated[str, Advanced] = "",
    anchor_rating: Annotated[float, Advanced] = 0.0,
    mine: Annotated[bool, Advanced] = False,
    caller: Caller = OWNER,
) -> Board:
    """The models by Bradley-Terry rating, with 95% intervals and the range of ranks that each may have.

    Args:
        category: Only votes on prompts about this; empty for all.
        language: Only votes on prompts in this language, by code; empty for all.
        interval: Where errors come from: the sandwich estimator (Huber 1967), or drawing the votes anew 100 times.
        style_control: Take out what longer or more decorated answers win by.
        anchor: Model whose rating is held fixed; empty holds the mean at 1000.
        anchor_rating: The rating that the anchor has.
        mine: Only your own votes.
        caller: Who asks.

    Returns:
        One row a model, and notes on what cannot be said.

    Raises:
        PlaygroundError: The anchor has no votes, or style control finds no votes whose answers are known.
    """
    live = suite().own(of_suite)
    if not style_control and not mine:
        return rating.build(live.counts(category, language), interval, anchor=anchor, anchor_rating=anchor_rating)
    voter = caller.id if mine else ""
    ballots = rating.choose(live.ballots(), category, language, voter)
    return rating.build(ballots, interval, style_control, anchor, anchor_rating)


def win_rates(category: Category = "", language: Language = "", caller: Caller = OWNER) -> Rates:
    """How often each model wins against each other, and whether being shown first helps.

    Args:
        category: Only votes on prompts about this; empty for all.
        language: Only votes on prompts in this language, by code; empty for all.
        caller: Who asks.

    Returns:
        Win rates by pair with intervals, and the position bias.
    """
    live = suite().own(of_suite)
    table = live.counts(category, language).table()
    return Rates(compute(table), position.estimate(table), table.votes, live.excluded if caller.owner else 0)


def rating_history(category: Category = "", language: Language = "", caller: Caller = OWNER) -> list[Moment]:
    """Ratings as votes came in: after the first votes, after more, and after all.

    Args:
        category: Only votes on prompts about this; empty for all.
        language: Only votes on prompts in this language, by code; empty for all.
        caller: Who asks.

    Returns:
        Every model's rating and interval at up to 24 numbers of votes, evenly spread.

    Raises:
        PlaygroundError: There are no votes yet.
    """
    ballots = rating.choose(suite().own(of_suite).ballots(), category, language)
    if not ballots:
        raise PlaygroundError("There are no votes here yet. Vote in a battle, or import votes.")
    return follow(ballots)
