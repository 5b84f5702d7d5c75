"""Showing a battle to others after its vote: the endpoints share and shared_battle."""

import hashlib
import re
from contextlib import suppress
from dataclasses import dataclass

from apps.model_arena import battles
from apps.model_arena.battles import Battle
from apps.model_arena.battling import Said
from apps.model_arena.voting import Reveal, reveal
from shared.errors import Conflict, PlaygroundError
from shared.policy import OWNER, Caller
from shared.suite import suite

KIND = "shares"
_ID = re.compile(r"[0-9a-f]{24}")


@dataclass(frozen=True)
class Shared:
    """A link to a battle.

    Attributes:
        share: Its id.
        shows: What whoever has the link sees, in a sentence.
    """

    share: str
    shows: str = (
        "Whoever has this link sees your prompts, all answers, the models' names and your vote, and not who you are."
    )


@dataclass(frozen=True)
class SharedBattle:
    """A battle after its vote; not whose it was.

    Attributes:
        mode: blind, named or decoding.
        turns: Prompts and answers, oldest first.
        winner: The vote.
        reasons: Why.
        reveal: Who was who, and what each answer took.
        time: When it was voted on, UTC.
    """

    mode: str
    turns: list[Said]
    winner: str
    reasons: list[str]
    reveal: Reveal
    time: str


def share(battle: str, caller: Caller = OWNER) -> Shared:
    """Make a link that shows one of your battles to others, once it has its vote: prompts, answers, names and vote.

    Args:
        battle: Its id.
        caller: Whose battle it is.

    Returns:
        The link's id, the same for the same battle, and what it shows.

    Raises:
        PlaygroundError: The battle is unknown or somebody else's, or has no vote yet.
    """
    store = suite().store
    found = battles.load(store, battle, caller)
    if found.vote is None:
        raise PlaygroundError(
            "This battle has no vote yet, and names would not stay hidden. Vote first, then share it."
        )
    made = hashlib.sha256(f"share {battle}".encode()).hexdigest()[:24]
    with suppress(Conflict):  # shared before: the same link
        store.append(KIND, {"battle": battle}, made)
    return Shared(made)


def shared_battle(share: str, caller: Caller = OWNER) -> SharedBattle:
    """The battle behind a link.

    Args:
        share: The link's id.
        caller: Who opens it.

    Returns:
        Prompts, answers, the vote, and who was who.

    Raises:
        PlaygroundError: There is no such link.
    """
    store = suite().store
    row = store.row(KIND, share) if _ID.fullmatch(share) else None
    found = battles.find(store, row.body["battle"]) if row else None
    if found is None or found.vote is None:
        raise PlaygroundError(f"There is no shared battle '{share[:40]}'. Ask for the link again.")
    return _show(found, found.vote, caller)


def _show(battle: Battle, vote: dict[str, object], caller: Caller) -> SharedBattle:
    turns = [Said(turn.prompt, {side: turn.texts[side] for side in turn.answered}) for turn in battle.turns]
    reasons = vote["reasons"]
    return SharedBattle(
        mode=battle.mode,
        turns=turns,
        winner=str(vote["shown_winner"]),
        reasons=[str(each) for each in reasons] if isinstance(reasons, list) else [],
        reveal=reveal(battle, caller),
        time=str(vote["time"]),
    )
