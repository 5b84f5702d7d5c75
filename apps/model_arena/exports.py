"""Votes to take away: as they are, and as preference datasets that TRL trains on unchanged.

"dpo" has `prompt`, `chosen` and `rejected`, "kto" has `prompt`, `completion` and `label`; prompts and answers are lists of messages
with `role` and `content`, the conversational form that TRL's DPOTrainer and KTOTrainer take as it is.
"""

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

from apps.model_arena.ballot import SIDES, TIES, Ballot
from shared.datasets.ingest import write_batches
from shared.errors import PlaygroundError
from shared.models.protocol import Message
from shared.store import Store

Format = Literal["dpo", "kto"]
BATCH = 1_000


@dataclass(frozen=True)
class Judged:
    """A battle with what was said in it, and how it ended.

    Attributes:
        messages: What all sides were given: system prompt and turns up to the question that they answered first.
        answers: What followed on each side, in the order a to f: an answer of the assistant and, where people went on, their next
            question and the next answer. A side that failed is empty.
        winner: The letter of the side that won, "tie", or "both_bad".
    """

    messages: tuple[Message, ...]
    answers: tuple[tuple[Message, ...], ...]
    winner: str


@dataclass(frozen=True)
class Exported:
    """A dataset of preferences.

    Attributes:
        dataset: Its ref, for the explorer and the trainer.
        rows: How many rows it has.
        skipped: Battles of which nothing could be taken.
        notes: Why they were skipped, in words.
    """

    dataset: str
    rows: int
    skipped: int
    notes: list[str]


def export_preferences(store: Store, battles: Iterable[Judged], format: Format = "dpo", name: str = "") -> Exported:
    """Write battles as a preference dataset into the store.

    A battle of n sides gives n-1 rows for "dpo" (the winner with each other side), n for "kto". Ties and battles where both were
    bad are skipped, as are sides that failed and answers that are the same word for word.

    Args:
        store: Where it goes.
        battles: The battles.
        format: "dpo" or "kto".
        name: What to call the dataset; "" is "preferences-dpo" or "preferences-kto".

    Raises:
        PlaygroundError: The format is unknown, or no battle has a winner.
    """
    if format not in get_args(Format):
        raise PlaygroundError(f"'{format}' is no format. Formats are {' and '.join(get_args(Format))}.")
    reasons: dict[str, int] = {}
    rows: list[dict[str, Any]] = []
    for battle in battles:
        found, reason = _dpo(battle) if format == "dpo" else _kto(battle)
        rows += found
        if not found:
            reasons[reason] = reasons.get(reason, 0) + 1
    skipped = sum(reasons.values())
    notes = [f"{count:,} battle{'s' if count > 1 else ''} skipped: {reason}." for reason, count in reasons.items()]
    if not rows:
        raise PlaygroundError(
            f"No preference can be exported: of {skipped:,} battles none has a winner and a different answer that lost. Vote first."
        )
    dataset = write_batches(
        store, name or f"preferences-{format}", _batches(rows, format), source="votes of the Model Arena", notes=notes
    )
    return Exported(dataset.ref, len(rows), skipped, notes)


def write_raw(ballots: Iterable[Ballot], path: Path) -> int:
    """Write votes as they are, one JSON object a line; `imports.read_votes` reads them back. Returns how many.

    Who voted is left out: those ids mean something only where they were made.

    Args:
        ballots: The votes, excluded ones too.
        path: The file.
    """
    rows = 0
    with path.open("w", encoding="utf-8", newline="\n") as file:
        for ballot in ballots:
            body = {key: value for key, value in ballot.to_body().items() if key != "voter"}
            file.write(json.dumps(body, ensure_ascii=False, allow_nan=False) + "\n")
            rows += 1
    return rows


def _dpo(battle: Judged) -> tuple[list[dict[str, Any]], str]:
    """Rows of one battle, or why there are none."""
    best, others, reason = _sides(battle)
    if best is None:
        return [], reason
    prompt = _plain(battle.messages)
    return [{"prompt": prompt, "chosen": _plain(best), "rejected": _plain(each)} for each in others], reason


def _kto(battle: Judged) -> tuple[list[dict[str, Any]], str]:
    best, others, reason = _sides(battle)
    if best is None:
        return [], reason
    prompt = _plain(battle.messages)
    labelled = [(best, True), *((each, False) for each in others)]
    return [{"prompt": prompt, "completion": _plain(side), "label": label} for side, label in labelled], reason


def _sides(battle: Judged) -> tuple[tuple[Message, ...] | None, list[tuple[Message, ...]], str]:
    """The side that won, and those that lost and said something else; or None and why."""
    if battle.winner in TIES:
        return None, [], "a tie" if battle.winner == "tie" else "both were bad"
    if not battle.messages:
        return None, [], "the prompt is not there"
    place = SIDES.index(battle.winner)
    best = battle.answers[place]
    if not _said(best):
        return None, [], "the side that won said nothing"
    others = [each for at, each in enumerate(battle.answers) if at != place and _said(each) and each != best]
    return (best, others, "") if others else (None, [], "no other side said anything else")


def _said(answer: Sequence[Message]) -> bool:
    return bool(answer) and answer[-1].role == "assistant" and bool(answer[-1].content.strip())


def _plain(messages: Sequence[Message]) -> list[dict[str, str]]:
    return [{"role": each.role, "content": each.content} for each in messages]


def _batches(rows: list[dict[str, Any]], format: Format) -> Iterator[Any]:
    import pyarrow as pa

    message = pa.list_(pa.struct([("role", pa.string()), ("content", pa.string())]))
    kinds = {"prompt": message, "chosen": message, "rejected": message, "completion": message, "label": pa.bool_()}
    names = ("prompt", "chosen", "rejected") if format == "dpo" else ("prompt", "completion", "label")
    schema = pa.schema([(name, kinds[name]) for name in names])
    for start in range(0, len(rows), BATCH):
        yield pa.RecordBatch.from_pylist(rows[start : start + BATCH], schema)
