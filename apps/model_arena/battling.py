"""Battles as people and programs hold them: the endpoints ask, answer, say, regenerate, side_by_side and compare_decoding."""

from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from typing import Annotated

from pydantic import Field

from apps.model_arena import battles, drawing, suspicion
from apps.model_arena.ballot import SIDES
from apps.model_arena.battles import Battle
from apps.model_arena.manifest import manifest
from apps.model_arena.masking import Veil, without_reasoning
from apps.model_arena.sides import FAILED, Side, Stream, run, tell
from shared.errors import Conflict, PlaygroundError
from shared.models.protocol import Decoding, Message, Request
from shared.policy import OWNER, Caller
from shared.suite import suite

MOST_SEED = 2**31 - 1


@dataclass(frozen=True)
class Asked:
    """A battle that has begun.

    Attributes:
        battle: Its id.
        sides: The letters of its sides, in the order in which they are shown.
    """

    battle: str
    sides: list[str]


@dataclass(frozen=True)
class Said:
    """One prompt and what every side answered to it.

    Attributes:
        prompt: What was asked.
        texts: What each side answered, as Markdown.
    """

    prompt: str
    texts: dict[str, str]


@dataclass(frozen=True)
class Answers:
    """All sides' answers to the last prompt.

    Attributes:
        texts: What each side has written so far, as Markdown; in a blind battle without names.
        finished: Whether all sides are complete, and saved.
        failed: Sides that have no answer; why not is told after the vote, or at once where names are shown.
        turns: The whole battle, oldest prompt first, these answers at its end.
    """

    texts: dict[str, str]
    finished: bool
    failed: dict[str, str] = field(default_factory=dict)
    turns: list[Said] = field(default_factory=list)


@dataclass(frozen=True)
class Comparison:
    """Answers side by side, with names.

    Attributes:
        battle: Id of the battle, to go on, vote or share.
        prompt: What was asked.
        models: The model of each side.
        texts: What each side has written so far, as Markdown.
        finished: Whether all sides are complete, and saved.
        failed: Sides that have no answer, and why not: the owner reads the model's own words.
        settings: How each side's answer is drawn.
        timings: What each side's answer took, once all are complete: seconds, first_seconds, tokens, prompt_tokens,
            tokens_per_second.
        costs: US dollars for each side's answer, where its price is known.
    """

    battle: str
    prompt: str
    models: dict[str, str]
    texts: dict[str, str]
    finished: bool
    failed: dict[str, str] = field(default_factory=dict)
    settings: dict[str, Decoding] = field(default_factory=dict)
    timings: dict[str, dict[str, float | None]] = field(default_factory=dict)
    costs: dict[str, float | None] = field(default_factory=dict)


def ask(
    prompt: str,
    models: list[str] = [],  # noqa: B006 - pydantic copies it
    sides: Annotated[int, Field(ge=2, le=6)] = 2,
    seed: Annotated[int, Field(ge=0)] = 0,
    caller: Caller = OWNER,
) -> Asked:
    """Begin a blind battle: two to six models, drawn and placed by chance, get the same prompt. Then call `answer`.

    Args:
        prompt: What to ask.
        models: Refs of the models that may be drawn; none stands for all that can answer here.
        sides: How many models meet.
        seed: Draws the same models to the same sides again when it is not 0; only for the owner.
        caller: Who asks.

    Returns:
        The battle's id and the letters of its sides; the models are told after the vote.

    Raises:
        PlaygroundError: The prompt is empty or too long, there are too few models, one is listed twice or cannot be used, or
            a visitor asks too often.
    """
    store = suite().store
    _check_prompt(prompt)
    suspicion.check_battles(store, caller)
    refs = drawing.candidates(models, caller)
    placed = drawing.place(refs, sides, seed, caller)
    battle = battles.begin(store, caller, "blind", placed, prompt, seed)
    return Asked(battle.id, battle.sides)


def answer(battle: str, settings: Decoding = Decoding(), caller: Caller = OWNER) -> Iterator[Answers]:
    """Let all sides of a battle answer its last prompt at once; none waits for another.

    Args:
        battle: Its id.
        settings: How the answers are drawn, the same for every side; a comparison of settings keeps its own.
        caller: Whose battle it is.

    Returns:
        The answers so far, ten times a second; at last all of them, saved.

    Raises:
        PlaygroundError: The battle is unknown, over, somebody else's, answered already, or all sides failed.
    """
    found = _take(battle, caller, again=False)
    for growing, current, _ in _stream(found, settings, caller):
        yield _answers(found, growing, caller, finished=current)


def say(
    battle: str,
    prompt: str,
    caller: Caller = OWNER,
) -> Asked:
    """Go on with a battle: the next prompt, to all sides. Then call `answer`.

    Args:
        battle: Its id.
        prompt: What to say next.
        caller: Whose battle it is.

    Returns:
        The battle's id and the letters of its sides.

    Raises:
        PlaygroundError: The battle is unknown, over, somebody else's, or the prompt before has no answer yet.
    """
    _check_prompt(prompt)

    def step(found: Battle) -> tuple[str, dict[str, object], str]:
        _check_open(found)
        if found.state != "answered":
            raise PlaygroundError(
                f"The last prompt has no complete answer yet ({found.state}). Call answer or regenerate."
            )
        most, place = manifest().limits.turns, len(found.turns)
        if place >= most:
            raise PlaygroundError(f"This battle has {place} turns; {most} are allowed. Vote, then ask anew.")
        return battles.happening(found.id, caller.id, "said", {"turn": place, "prompt": prompt}, f"said/{place}")

    return Asked(battle, battles.change(suite().store, battle, caller, step).sides)


def regenerate(battle: str, settings: Decoding = Decoding(), caller: Caller = OWNER) -> Iterator[Answers]:
    """Let all sides answer the last prompt again, with the next seed; the new answers take the place of the earlier ones.

    Args:
        battle: Its id.
        settings: How the answers are drawn, the same for every side; a comparison of settings keeps its own.
        caller: Whose battle it is.

    Returns:
        The answers so far, ten times a second; at last all of them, saved.

    Raises:
        PlaygroundError: The battle is unknown, over, somebody else's, or being answered; or all sides failed.
    """
    found = _take(battle, caller, again=True)
    for growing, current, _ in _stream(found, settings, caller):
        yield _answers(found, growing, caller, finished=current)


def side_by_side(
    models: list[str], prompt: str, settings: Decoding = Decoding(), caller: Caller = OWNER
) -> Iterator[Comparison]:
    """Ask two to six models the same, with their names shown. A vote on it is kept, but not counted in the ratings.

    Args:
        models: Refs, in the order in which they are shown.
        prompt: What to ask.
        settings: How the answers are drawn, the same for every side.
        caller: Who asks.

    Returns:
        The answers so far, ten times a second; at last all of them, with what they took.

    Raises:
        PlaygroundError: The prompt is empty or too long, there is one model only, one is listed twice, or all sides failed.
    """
    store = suite().store
    _check_prompt(prompt)
    suspicion.check_battles(store, caller)
    refs = drawing.candidates(models, caller) if models else []
    if not 2 <= len(refs) <= len(SIDES):
        raise PlaygroundError(f"{len(refs)} models cannot be compared. List 2 to {len(SIDES)}.")
    begun = battles.begin(store, caller, "named", refs, prompt)
    yield from _compare(begun, settings, caller)


def compare_decoding(model: str, prompt: str, settings: list[Decoding], caller: Caller = OWNER) -> Iterator[Comparison]:
    """Ask one model the same under two to six decoding settings.

    Args:
        model: Its ref.
        prompt: What to ask.
        settings: One for each side, no two alike.
        caller: Who asks.

    Returns:
        The answers so far, ten times a second; at last all of them, with what they took.

    Raises:
        PlaygroundError: The prompt is empty or too long, the settings are not 2 to 6 or two are alike, or all sides failed.
    """
    store = suite().store
    _check_prompt(prompt)
    suspicion.check_battles(store, caller)
    (ref,) = drawing.distinct([model])
    if not 2 <= len(settings) <= len(SIDES):
        raise PlaygroundError(f"{len(settings)} settings cannot be compared. Give 2 to {len(SIDES)}.")
    for place, each in enumerate(settings):
        if each in settings[:place]:
            twin = settings.index(each) + 1
            raise PlaygroundError(
                f"Settings {twin} and {place + 1} are alike. Change one of them, the seed for instance."
            )
    begun = battles.begin(store, caller, "decoding", [ref] * len(settings), prompt, settings=settings)
    yield from _compare(begun, Decoding(), caller)


def _take(battle: str, caller: Caller, *, again: bool | None = None) -> Battle:
    """Take a battle's last prompt for one attempt of all sides; returns the battle as it was before.

    Args:
        battle: Its id.
        caller: Whose it is.
        again: True is for a prompt that was asked before, False for one that has no answers; None for either.
    """
    store = suite().store

    def step(found: Battle) -> tuple[str, dict[str, object], str]:
        _check_open(found)
        if found.state == "answering":
            raise Conflict("This battle is being answered already. Wait until all sides are complete.")
        if again is False and found.state in ("answered", "failed"):
            raise PlaygroundError("All sides have answered this prompt. Vote, say the next thing, or regenerate.")
        if again and found.state == "asked":
            raise PlaygroundError("There is nothing to regenerate yet. Call answer first.")
        suspicion.check_answers(store, caller)
        place, attempt = len(found.turns) - 1, found.turns[-1].attempts + 1
        body = {"turn": place, "attempt": attempt, "process": battles.PROCESS}
        return battles.happening(found.id, caller.id, "answering", body, f"answering/{place}/{attempt}")

    return battles.change(store, battle, caller, step)


Growing = dict[str, Side]


def _stream(battle: Battle, settings: Decoding, caller: Caller) -> Iterator[tuple[Growing, bool, dict[str, Decoding]]]:
    """One attempt at the last prompt: the sides as they grow, and whether they are complete and saved."""
    place, attempt, saved = len(battle.turns) - 1, battle.turns[-1].attempts + 1, False
    prompt = "\n".join(battle.prompts)

    def note(event: str, body: dict[str, object]) -> None:
        known = {"turn": place, "attempt": attempt, **body}
        battles.add(suite().store, battle.id, battle.caller, event, known, f"{event}/{place}/{attempt}")

    try:
        drawn = _settings(battle, settings, attempt)
        growing = {side: Side(Veil(battle.models, prompt) if battle.mode == "blind" else None) for side in battle.sides}
        with closing(run(_streams(battle, drawn, caller), growing)) as frames:
            for ended in frames:
                if ended:
                    note("answered", _answered(growing, drawn))
                    saved = True
                    _check_any(battle, growing, caller)
                yield growing, ended, drawn
    finally:
        if not saved:
            note("stopped", {})


def _streams(battle: Battle, drawn: dict[str, Decoding], caller: Caller) -> dict[str, Stream]:
    models = suite().models
    return {
        side: partial(models.stream, model, Request(_conversation(battle, side), drawn[side]), caller=caller)
        for side, model in battle.names().items()
    }


def _conversation(battle: Battle, side: str) -> tuple[Message, ...]:
    """What a side has been asked and has answered. Where it failed, the next prompt follows on the one before."""
    said: list[Message] = []
    for turn in battle.turns:
        if said and said[-1].role == "user":
            said[-1] = Message("user", f"{said[-1].content}\n\n{turn.prompt}")
        else:
            said.append(Message("user", turn.prompt))
        if turn is not battle.turns[-1] and side in turn.answered:
            said.append(Message("assistant", without_reasoning(turn.texts[side])))
    return tuple(said)


def _settings(battle: Battle, settings: Decoding, attempt: int) -> dict[str, Decoding]:
    """How each side's answer is drawn: another attempt takes another seed, or it would be the same again."""
    chosen: Sequence[Decoding] = battle.settings or [settings] * len(battle.models)
    return {
        side: replace(each, seed=(each.seed + attempt - 1) % MOST_SEED)
        for side, each in zip(battle.sides, chosen, strict=True)
    }


def _answered(growing: Growing, drawn: dict[str, Decoding]) -> dict[str, object]:
    return {
        "texts": {side: each.raw for side, each in growing.items()},
        "shown": {side: each.shown for side, each in growing.items()},
        "failures": {side: each.failure for side, each in growing.items() if each.failure},
        "named": [side for side, each in growing.items() if each.named],
        "reasons": {side: each.reason for side, each in growing.items()},
        "timings": {side: asdict(each.timing()) for side, each in growing.items()},
        "settings": {side: asdict(each) for side, each in drawn.items()},
    }


def _answers(battle: Battle, growing: Growing, caller: Caller, *, finished: bool) -> Answers:
    texts = {side: each.shown for side, each in growing.items()}
    turns = [Said(turn.prompt, turn.shown) for turn in battle.turns[:-1]]
    turns.append(Said(battle.turns[-1].prompt, texts))
    return Answers(texts, finished, _failed(battle, growing, caller), turns)


def _failed(battle: Battle, growing: Growing, caller: Caller) -> dict[str, str]:
    """Sides without an answer. In a blind battle all failures read alike: their words and kinds would tell who it is."""
    hidden = battle.mode == "blind"
    lost = {side: each.failure for side, each in growing.items() if each.failure and each.ended}
    return {side: FAILED if hidden else tell(why, caller) for side, why in lost.items()}


def _check_any(battle: Battle, growing: Growing, caller: Caller) -> None:
    if any(not each.failure for each in growing.values()):
        return
    why = ""
    if battle.mode != "blind":
        why = " " + " ".join(f"{side}: {tell(each.failure, caller)}" for side, each in growing.items())
    raise PlaygroundError(f"All sides failed; nobody answered.{why} Regenerate, or ask something else.")


def _compare(battle: Battle, settings: Decoding, caller: Caller) -> Iterator[Comparison]:
    _take(battle.id, caller)
    for growing, finished, drawn in _stream(battle, settings, caller):
        texts = {side: each.shown for side, each in growing.items()}
        failed = _failed(battle, growing, caller)
        shown = Comparison(battle.id, battle.prompts[-1], battle.names(), texts, False, failed, drawn)
        if not finished:
            yield shown
            continue
        saved = battles.load(suite().store, battle.id, caller)
        yield replace(shown, finished=True, timings=saved.turns[-1].timings, costs=battles.costs(saved))


def _check_prompt(prompt: str) -> None:
    if not prompt.strip():
        raise PlaygroundError("The prompt is empty. Type a question first.")
    most = manifest().limits.prompt_characters
    if len(prompt) > most:
        raise PlaygroundError(f"The prompt has {len(prompt):,} characters; {most:,} are allowed. Shorten it.")


def _check_open(battle: Battle) -> None:
    if battle.vote is not None:
        raise Conflict("This battle has its vote and is over. Ask again to begin a new one.")
