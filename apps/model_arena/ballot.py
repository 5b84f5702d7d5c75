"""A ballot: one vote as it is counted and stored, with what was on which side.

Ballots are rows of the kind "votes" in the store; `to_body` and `of_body` go there and back.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

SIDES = "abcdef"
TIES = ("tie", "both_bad")
KIND = "votes"


@dataclass(frozen=True)
class Ballot:
    """What one person preferred in one battle.

    Attributes:
        models: Refs of the models in the order in which they were shown, sides a to f; two to six.
        winner: The letter of the side that won, "tie", or "both_bad".
        battle: The battle's id; votes with the same id are counted as one draw of chance when errors are estimated.
        time: When it was given, UTC, as rows of the store have it.
        category: What the prompt is about; "" when not known.
        language: Code of the prompt's language, such as "en"; "" when not known.
        lengths: Characters of each side's answers, in the order of `models`; empty when not known.
        markdown: Headers, list items and bold pieces in each side's answers, in the order of `models`; empty when not known.
        reasons: What the person gave as reasons.
        voter: Keyed hash of who voted; "" for imported votes.
        excluded: Whether the vote is kept out of the ratings, for instance as suspicious.
    """

    models: tuple[str, ...]
    winner: str
    battle: str
    time: str
    category: str = ""
    language: str = ""
    lengths: tuple[int, ...] = ()
    markdown: tuple[tuple[int, int, int], ...] = ()
    reasons: tuple[str, ...] = ()
    voter: str = ""
    excluded: bool = False

    def __post_init__(self) -> None:
        place_of(self.winner, len(self.models))

    @property
    def place(self) -> int:
        """Where the winner stands among the sides, counted from 0; -1 when nobody won."""
        return place_of(self.winner, len(self.models))

    def to_body(self) -> dict[str, Any]:
        """The ballot as the body of a row."""
        return asdict(self)

    @classmethod
    def of_body(cls, body: Mapping[str, Any]) -> "Ballot":
        """The ballot in the body of a row; keys that a ballot does not have are passed over.

        Raises:
            ValueError: The body is no ballot.
        """
        known = {field.name: body[field.name] for field in fields(cls) if field.name in body}
        for name in ("models", "lengths", "reasons"):
            known[name] = tuple(known.get(name, ()))
        known["markdown"] = tuple((int(one), int(two), int(three)) for one, two, three in known.get("markdown", ()))
        return cls(**known)


def place_of(winner: str, sides: int) -> int:
    """Where the winner stands among the sides, counted from 0; -1 when nobody won.

    Args:
        winner: The letter of the side that won, "tie", or "both_bad".
        sides: How many sides there were.

    Raises:
        ValueError: No battle has so many sides, or none with so many ends like that.
    """
    if not 2 <= sides <= len(SIDES):
        raise ValueError(f"A ballot has 2 to {len(SIDES)} sides, not {sides}.")
    if winner in TIES:
        return -1
    place = SIDES[:sides].find(winner) if len(winner) == 1 else -1
    if place < 0:
        raise ValueError(f"'{winner}' is no outcome of a battle with {sides} sides.")
    return place
