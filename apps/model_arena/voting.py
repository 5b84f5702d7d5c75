"""Votes: the endpoints vote and react. A vote is acknowledged when it is on the disk, and a battle has one."""

from dataclasses import asdict, dataclass, field
from typing import Annotated, Literal
from uuid import uuid4

from pydantic import Field

from apps.model_arena import battles, portraits, suspicion
from apps.model_arena.ballot import KIND, SIDES, TIES, Ballot
from apps.model_arena.battles import Battle
from apps.model_arena.sides import tell
from apps.model_arena.suspicion import Suspicion
from shared.errors import Conflict, PlaygroundError
from shared.policy import OWNER, Caller
from shared.rows import now
from shared.suite import suite
from shared.text import normalise

MOST_REACTIONS = 100  # to one turn; each is a row
Winner = Literal["a", "b", "c", "d", "e", "f", "tie", "both_bad"]
Letter = Literal["a", "b", "c", "d", "e", "f"]
Reaction = Literal["like", "dislike", "none"]
Reason = Annotated[str, Field(min_length=1, max_length=200)]


@dataclass(frozen=True)
class Reveal:
    """Who was who, and what each answer took.

    Attributes:
        models: The model of each side.
        timings: What each side's last answer took: seconds, first_seconds, tokens, prompt_tokens, tokens_per_second.
        costs: US dollars for each side's last answer, where its price is known.
        failures: Sides that had no answer, and why not: the owner reads the model's own words.
        named: Sides whose model said a name, which was hidden.
    """

    models: dict[str, str]
    timings: dict[str, dict[str, float | None]] = field(default_factory=dict)
    costs: dict[str, float | None] = field(default_factory=dict)
    failures: dict[str, str] = field(default_factory=dict)
    named: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Reacted:
    """A reaction that was kept.

    Attributes:
        battle: The battle.
        side: The side.
        turn: The turn, counted from 1.
        reaction: What was thought of it.
    """

    battle: str
    side: str
    turn: int
    reaction: str


def vote(
    battle: str,
    winner: Winner,
    reasons: Annotated[list[Reason], Field(max_length=8)] = [],  # noqa: B006 - pydantic copies it
    caller: Caller = OWNER,
) -> Reveal:
    """Say which side is better, and see who was who. A battle takes one vote.

    Args:
        battle: Its id.
        winner: The better side, "tie", or "both_bad".
        reasons: Why, in a few words each.
        caller: Whose battle it is.

    Returns:
        The model of each side, and what its answer took; the vote is on the disk by then.

    Raises:
        PlaygroundError: The battle is unknown, has expired or is somebody else's, has no complete answers yet, fewer than two
            sides answered, or the winner is none of them.
        Conflict: It has its vote already.
    """
    store = suite().store

    def step(found: Battle) -> tuple[str, dict[str, object], str]:
        _check(found, winner)
        suspicion.check_votes(store, caller)
        doubt = suspicion.weigh(found, winner, caller, suspicion.past_votes(store, caller))
        return KIND, _body(found, winner, reasons, caller, doubt), battle

    return reveal(battles.change(store, battle, caller, step, last=True), caller)


def reveal(battle: Battle, caller: Caller = OWNER) -> Reveal:
    """Who was who; for battles that have their vote, or never hid it.

    Args:
        battle: The battle.
        caller: Who reads it.
    """
    turn = battle.turns[-1]
    failures = {side: tell(why, caller) for side, why in turn.failures.items()}
    named = sorted({side for each in battle.turns for side in each.named})
    return Reveal(battle.names(), turn.timings, battles.costs(battle), failures, named)


def react(
    battle: str,
    side: Letter,
    turn: Annotated[int, Field(ge=1)],
    reaction: Reaction,
    caller: Caller = OWNER,
) -> Reacted:
    """Say what you think of one answer; the last reaction to it counts, and "none" takes it back.

    Args:
        battle: The battle's id.
        side: The side.
        turn: The turn, counted from 1.
        reaction: What you think of it.
        caller: Whose battle it is.

    Returns:
        What was kept.

    Raises:
        PlaygroundError: The battle is unknown, has expired or is somebody else's, or has no such answer.
    """
    store = suite().store
    found = battles.load(store, battle, caller)
    if side not in found.sides:
        raise PlaygroundError(f"This battle has no side '{side}'. Its sides are {', '.join(found.sides)}.")
    if turn > len(found.turns) or side not in found.turns[turn - 1].answered:
        raise PlaygroundError(f"Side {side} has no answer in turn {turn}. The battle has {len(found.turns)} turns.")
    if found.turns[turn - 1].reacted >= MOST_REACTIONS:
        raise PlaygroundError(
            f"Turn {turn} has {MOST_REACTIONS} reactions already, and more are not kept. Vote instead."
        )
    body = {"turn": turn - 1, "side": side, "reaction": reaction}
    battles.add(store, battle, caller.id, "reacted", body, f"reacted/{uuid4().hex}")
    return Reacted(battle, side, turn, reaction)


def _check(battle: Battle, winner: str) -> None:
    if battle.state == "voted":
        raise Conflict("This battle has its vote already. Ask again to begin a new one.")
    if battle.state == "failed":
        raise PlaygroundError("All sides failed, so there is nothing to vote on. Regenerate, or ask something else.")
    if battle.state == "stopped":
        raise PlaygroundError(
            "The answers were stopped before the end. Regenerate, wait until all are complete, then vote."
        )
    if battle.state != "answered":
        raise PlaygroundError("The answers are not complete yet. Wait until all sides have finished, then vote.")
    answered = battle.turns[-1].answered
    if len(answered) < 2:
        raise PlaygroundError(
            f"Only side {answered[0]} answered, so there is nothing to compare it with. Regenerate, then vote."
        )
    if winner not in TIES and winner not in answered:
        raise PlaygroundError(f"'{winner}' cannot win: the sides that answered are {', '.join(answered)}.")


def _body(battle: Battle, winner: str, reasons: list[str], caller: Caller, doubt: Suspicion) -> dict[str, object]:
    """The vote as a row: a ballot over the sides that answered, and what led to it."""
    answered = battle.turns[-1].answered
    names, looks = battle.names(), portraits.describe(battle)
    ballot = Ballot(
        models=tuple(names[side] for side in answered),
        winner=winner if winner in TIES else SIDES[answered.index(winner)],
        battle=battle.id,
        time=now(),
        category=looks.category,
        language=looks.language,
        lengths=tuple(looks.lengths[side] for side in answered),
        markdown=tuple(looks.markdown[side] for side in answered),
        reasons=tuple(reasons),
        voter=caller.id,
        excluded=doubt.excluded,
    )
    return ballot.to_body() | {
        "mode": battle.mode,
        "sides": len(battle.models),
        "shown_winner": winner,
        "prompt_key": normalise(battle.prompts[0])[:500],
        "named": [side for turn in battle.turns for side in turn.named],
        "suspicion": asdict(doubt),
    }
