"""A model as the judge of battles that people have voted on: the endpoint judge.

It sees both answers in both orders, with the instructions of MT-Bench's pairwise judge in short (Zheng et al., 2023, "Judging
LLM-as-a-judge with MT-Bench and Chatbot Arena"), and says [[A]], [[B]] or [[C]] for a tie.
"""

import re
from collections.abc import Iterator
from contextlib import closing
from dataclasses import asdict, dataclass
from functools import partial
from typing import Annotated

from pydantic import Field

from apps.model_arena import battles, drawing
from apps.model_arena.agreement import Agreement, Verdict, agree, unswap
from apps.model_arena.ballot import KIND as VOTES
from apps.model_arena.battles import Battle
from apps.model_arena.keeping import keep
from apps.model_arena.sides import Side, run
from shared.errors import Conflict, PlaygroundError
from shared.models.protocol import GREEDY, Decoding, Message, Request
from shared.policy import OWNER, Caller
from shared.progress import Progress
from shared.suite import suite

KIND = "judgements"
LONGEST = 12_000  # characters of one side's answers that the judge sees
INSTRUCTIONS = (
    "Please act as an impartial judge of two answers to the user's question below. Consider helpfulness, relevance, accuracy, depth and "
    "clarity. Do not let the order of the answers, their length or the names of assistants influence you. Explain briefly, then end with "
    'your verdict in exactly this form: "[[A]]" if answer A is better, "[[B]]" if answer B is better, "[[C]]" for a tie.'
)
_VERDICT = re.compile(r"\[\[([ABC])\]\]")
_SAID = {"A": "a", "B": "b", "C": "tie"}
DRAWN = Decoding(temperature=GREEDY.temperature, max_new_tokens=512)


@dataclass(frozen=True)
class JudgedBattle:
    """What people and the judge said about one battle.

    Attributes:
        battle: Its id.
        models: Its two models, in the order in which people saw them.
        people: What the person voted.
        given: What the judge said in that order: "a", "b" or "tie"; "" when it said nothing that could be read.
        swapped: What it said in the opposite order, named by the sides that people saw; "" likewise.
        own: Whether the judge itself was one of the models.
    """

    battle: str
    models: list[str]
    people: str
    given: str
    swapped: str
    own: bool


@dataclass(frozen=True)
class Judgement:
    """How a judge did.

    Attributes:
        judge: Its ref.
        agreement: How far it agrees with people, beyond chance.
        battles: Battle by battle.
        unreadable: Battles in which it said nothing that could be read in one order at least; they are left out of the agreement.
        record: Id of the record; "" for a visitor, who leaves none.
    """

    judge: str
    agreement: Agreement
    battles: list[JudgedBattle]
    unreadable: int
    record: str


def judge(
    model: str,
    most: Annotated[int, Field(ge=1, le=1000)] = 50,
    again: bool = False,
    settings: Decoding = DRAWN,
    caller: Caller = OWNER,
) -> Iterator[Progress | Judgement]:
    """Let a model judge battles of two that people have voted on, each in both orders, and see how far it agrees with them.

    Args:
        model: The judge's ref.
        most: How many battles to judge, the latest first; blind ones whose vote counts.
        again: Judge again what this judge has judged already; otherwise that is taken from the store.
        settings: How the judge's answers are drawn.
        caller: Who asks; a visitor's judge sees that visitor's battles alone.

    Returns:
        How far it has come, again and again; at last the agreement, and what was said battle by battle.

    Raises:
        PlaygroundError: There is no battle to judge, or the judge cannot be asked.
    """
    (ref,) = drawing.distinct([model])
    chosen = voted(caller, most)
    if not chosen:
        raise PlaygroundError(
            "No battle of two models has a vote that counts yet. Vote on some, then let a model judge."
        )
    found: list[JudgedBattle] = []
    for battle, people in chosen:
        said = []
        for swapped in (False, True):
            side = Side()
            known = None if again else _known(ref, battle.id, swapped)
            if known is None:
                stream = partial(
                    suite().models.stream, ref, Request(_question(battle, swapped), settings), caller=caller
                )
                with closing(run({"a": stream}, {"a": side})) as frames:
                    for _ in frames:
                        yield Progress(f"{ref} judges", len(found), len(chosen))
                known = _settle(ref, battle, swapped, side)
            said.append(known)
        swapped_back = unswap(said[1]) if said[1] else ""
        own = ref in battle.models
        found.append(JudgedBattle(battle.id, list(battle.models), people, said[0], swapped_back, own))
        yield Progress(f"{ref} judges", len(found), len(chosen))
    readable = [each for each in found if each.given and each.swapped]
    agreement = agree([Verdict(each.people, each.given, each.swapped) for each in readable])
    arguments = {"model": model, "most": most, "again": again, "settings": asdict(settings)}
    numbers = {name: value for name, value in asdict(agreement).items() if isinstance(value, int | float)}
    numbers["unreadable"] = len(found) - len(readable)
    record = keep("judge", arguments, numbers, caller, {"judge": suite().models.pinned(ref)})
    yield Judgement(ref, agreement, found, len(found) - len(readable), record)


def voted(caller: Caller, most: int) -> list[tuple[Battle, str]]:
    """The latest blind battles of two whose vote counts, with the vote; a visitor's own, all for the owner.

    Args:
        caller: Who asks.
        most: How many at the most.
    """
    store = suite().store
    found: list[tuple[Battle, str]] = []
    for row in store.newest(VOTES):
        if len(found) == most:
            break
        body = row.body
        if body.get("excluded") or body.get("mode") != "blind" or len(body["models"]) != 2 or body.get("sides") != 2:
            continue
        if not caller.owner and body.get("voter") != caller.id:
            continue
        battle = battles.find(store, row.key or "")
        if battle is not None:
            found.append((battle, str(body["shown_winner"])))
    return found


def read_verdict(answer: str) -> str:
    """The side that a judge's answer prefers: "a", "b" or "tie"; "" when it says none, or takes it back.

    Args:
        answer: What the judge wrote; the last verdict counts.
    """
    said = _VERDICT.findall(answer)
    return _SAID[said[-1]] if said else ""


def _question(battle: Battle, swapped: bool) -> tuple[Message, ...]:
    """What the judge is asked. Answers stand between marks that they cannot contain, so that none can end early."""
    first, second = ("b", "a") if swapped else ("a", "b")
    parts = [INSTRUCTIONS]
    for letter, side in (("A", first), ("B", second)):
        talk = "\n\n".join(
            f"User: {turn.prompt}\n\nAnswer: {turn.shown.get(side) or '(no answer)'}" for turn in battle.turns
        )
        parts.append(f"<<answer {letter}>>\n{talk.replace('<<', '< <')[:LONGEST]}\n<<end of answer {letter}>>")
    return (Message("user", "\n\n".join(parts)),)


def _known(ref: str, battle: str, swapped: bool) -> str | None:
    row = suite().store.row(KIND, _key(ref, battle, swapped))
    return None if row is None else str(row.body["said"])


def _settle(ref: str, battle: Battle, swapped: bool, side: Side) -> str:
    """Keep what the judge said; one that cannot be asked ends everything, in its words."""
    if side.failure and side.kind != "empty":
        raise PlaygroundError(f"The judge {ref} failed: {side.failure} What it judged before is kept.")
    said = read_verdict(side.raw)
    body = {"judge": ref, "battle": battle.id, "swapped": swapped, "said": said, "answer": side.raw}
    try:
        suite().store.append(KIND, body, _key(ref, battle.id, swapped))
    except Conflict:  # judged again: the first judgement stays the one that is taken from the store
        suite().store.append(KIND, body)
    return said


def _key(ref: str, battle: str, swapped: bool) -> str:
    return f"{battle}/{ref}/{'ba' if swapped else 'ab'}"
