"""How ratings moved as votes came in: the leaderboard after more and more of them."""

from collections.abc import Sequence
from dataclasses import dataclass

from apps.model_arena.ballot import Ballot
from apps.model_arena.counts import Counts
from apps.model_arena.leaderboard import build

POINTS = 24


@dataclass(frozen=True)
class Moment:
    """One model's rating after so many votes.

    Attributes:
        model: The model.
        votes: Votes counted so far, on all models.
        rating: Its rating then.
        lower: Lower end of its 95% interval then.
        upper: Upper end of its 95% interval then.
    """

    model: str
    votes: int
    rating: float
    lower: float
    upper: float


def follow(ballots: Sequence[Ballot], points: int = POINTS) -> list[Moment]:
    """Ratings after more and more votes, in the order given; a model appears once it can be compared.

    Args:
        ballots: The votes, oldest first.
        points: At how many moments to look, evenly spaced; the last one is after all votes.
    """
    counts, found, done = Counts(), list[Moment](), 0
    steps = min(points, len(ballots))
    for step in range(1, steps + 1):
        until = len(ballots) * step // steps
        counts.add_all(ballots[done:until])
        done = until
        found += [
            Moment(row.model, done, row.rating, row.lower, row.upper)
            for row in build(counts).rows
            if row.rating is not None and row.lower is not None and row.upper is not None
        ]
    return found
