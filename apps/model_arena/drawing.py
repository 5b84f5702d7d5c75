"""Who meets in a battle, and on which side: candidates that can answer, the draw that teaches most, positions by chance."""

import random
import secrets
from collections.abc import Callable, Sequence
from dataclasses import replace

from apps.model_arena.ballot import SIDES
from apps.model_arena.live import of_suite
from apps.model_arena.sampling import draw as draw_most_telling
from shared.errors import NotAllowed, PlaygroundError
from shared.policy import Caller
from shared.refs import parse
from shared.suite import suite

Draw = Callable[[list[str], int, random.Random], Sequence[str]]


def candidates(models: Sequence[str], caller: Caller) -> list[str]:
    """The models that may be drawn.

    Args:
        models: Refs; none stands for all models of this machine that were taught to answer.
        caller: Who asks.

    Raises:
        PlaygroundError: A ref is none, is listed twice, or cannot be used here; or it is only one.
    """
    rows = suite().models.rows(caller)
    usable = [row.ref for row in rows if row.usable]
    if not models:
        usable = [row.ref for row in rows if row.usable and row.chats and row.kind != "served"]  # a server may be down
        if len(usable) < 2:
            raise PlaygroundError(
                f"A battle needs two models, and {len(usable)} can answer here. "
                "Add one to manifests/models.txt or manifests/servers.toml."
            )
        return usable
    refs = distinct(models)
    if len(refs) < 2:
        raise PlaygroundError(f"A battle needs two models, and only '{refs[0]}' is listed. List another one.")
    unusable = {_plain(row.ref): row.why for row in rows if not row.usable}
    for ref in refs:
        if _plain(ref) in unusable:
            raise PlaygroundError(f"'{ref}' cannot answer here. {unusable[_plain(ref)]} Leave it out.")
        if not caller.owner and _plain(ref) not in map(_plain, usable):
            raise NotAllowed(f"'{ref}' is not among the models that visitors may ask. Choose from the list.")
    return refs


def _plain(ref: str) -> str:
    """A ref without commit or hash: people write it like that, and it means what is here."""
    found = parse(ref)
    adapter = found.adapter and replace(found.adapter, revision="")
    return str(replace(found, revision="", adapter=adapter)) if found.scheme != "local" else str(found)


def distinct(models: Sequence[str]) -> list[str]:
    """The refs as they are written properly, each once.

    Raises:
        PlaygroundError: One is no ref, or is listed twice.
    """
    refs: list[str] = []
    for model in models:
        ref = str(parse(model))
        if _plain(ref) in map(_plain, refs):
            raise PlaygroundError(f"'{ref}' is listed twice. A model cannot meet itself; list each model once.")
        refs.append(ref)
    return refs


def place(refs: list[str], sides: int, seed: int, caller: Caller, draw: Draw | None = None) -> tuple[str, ...]:
    """Draw the models of a battle and their sides.

    Args:
        refs: The candidates.
        sides: How many meet.
        seed: Not 0: the same draw again, for the owner. A visitor who could choose the seed could know the sides.
        caller: Who asks.
        draw: Chooses who meets; otherwise those whose vote teaches most.

    Raises:
        PlaygroundError: There are fewer candidates than sides.
    """
    if not 2 <= sides <= len(SIDES):
        raise PlaygroundError(f"A battle of {sides} sides cannot be held. Choose 2 to {len(SIDES)}.")
    if len(refs) < sides:
        raise PlaygroundError(
            f"A battle of {sides} sides needs {sides} models, and there are {len(refs)}. Ask for fewer sides."
        )
    chance = random.Random(seed) if seed and caller.owner else random.Random(secrets.randbits(128))
    chosen = list((draw or _by_votes)(sorted(refs), sides, chance))
    chance.shuffle(chosen)
    return tuple(chosen)


def _by_votes(refs: list[str], sides: int, chance: random.Random) -> Sequence[str]:
    """Those whose vote teaches most, by all votes so far."""
    return draw_most_telling(suite().own(of_suite).counts().table(), refs, sides, chance)
