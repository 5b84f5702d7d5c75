"""Prompt sets and sanity checks over several models in one matrix: the endpoint run_prompts, and what differs between two answers."""

import difflib
import re
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass, replace
from functools import partial
from typing import Annotated, Literal

from pydantic import Field

from apps.model_arena import drawing
from apps.model_arena.growing import Growing
from apps.model_arena.keeping import keep
from apps.model_arena.manifest import PromptSet, manifest
from apps.model_arena.sides import Side, Timing, run
from shared import checks, records
from shared.errors import PlaygroundError
from shared.models.protocol import GREEDY, Decoding, Message, Request
from shared.policy import OWNER, Caller
from shared.progress import Progress
from shared.settings import Choices
from shared.suite import suite

MOST_MODELS = 12
MOST_PROMPTS = 200
_WORD = re.compile(r"\s+|[\u3040-\u30ff\u3400-\u9fff]|\w+|[^\w\s]")

PromptSetName = Annotated[str, Choices(lambda: ["", *sorted(manifest().prompt_sets)], free=False)]


@dataclass(frozen=True)
class Cell:
    """What one model answered to one prompt.

    Attributes:
        text: The answer.
        failure: Why there is none; "" when there is.
        passed: Whether a sanity check found it right; None for a plain prompt.
        why: What the check found wrong.
        timing: What it took; a sanity check knows its seconds alone.
        cost: US dollars, where the model's price is known.
    """

    text: str
    failure: str
    passed: bool | None
    why: str
    timing: Timing
    cost: float | None


@dataclass(frozen=True)
class Line:
    """One prompt and all models' answers.

    Attributes:
        prompt: What was asked.
        check: Id of the sanity check; "" for a plain prompt.
        cells: One answer a model, in the order of the models.
    """

    prompt: str
    check: str
    cells: list[Cell]


@dataclass(frozen=True)
class Summary:
    """One model over all prompts.

    Attributes:
        model: Its ref.
        answered: Prompts with an answer.
        failed: Prompts without one.
        passed: Sanity checks that it passed.
        checked: Sanity checks that it was asked.
        seconds: Seconds for all answers together.
        tokens_per_second: Tokens after the first piece, by the time they took, over all plain prompts; None when unknown.
        cost: US dollars for all answers, where its price is known.
    """

    model: str
    answered: int
    failed: int
    passed: int
    checked: int
    seconds: float
    tokens_per_second: float | None
    cost: float | None


@dataclass(frozen=True)
class PromptMatrix:
    """All models on all prompts.

    Attributes:
        models: Refs, one a column.
        lines: One a prompt.
        summaries: One a model that has answered all.
        record: Id of the record; "" for a visitor, who leaves none, and until all have answered.
        complete: Whether all have answered; until then a line has the cells of the models that have answered it.
    """

    models: list[str]
    lines: list[Line]
    summaries: list[Summary]
    record: str = ""
    complete: bool = False


@dataclass(frozen=True)
class Piece:
    """A stretch of two texts.

    Attributes:
        kind: Whether it is in both, or in the left or the right one alone.
        text: How it reads.
    """

    kind: Literal["both", "left", "right"]
    text: str


def run_prompts(
    models: list[str],
    prompts: Annotated[list[str], Field(max_length=MOST_PROMPTS)] = [],  # noqa: B006 - pydantic copies it
    prompt_set: PromptSetName = "",
    sanity: bool = False,
    settings: Decoding = GREEDY,
    caller: Caller = OWNER,
) -> Iterator[Progress | PromptMatrix]:
    """Ask several models the same prompts, one model after the other so that only one needs memory, and see all side by side.

    Stopped before the end it leaves no record: a record is what gives the same when it is run again, and this would give more.

    Args:
        models: Refs, one to twelve.
        prompts: What to ask.
        prompt_set: Name of a prompt set of manifests/arena.toml, asked after those.
        sanity: Ask the sanity checks too; a program judges their answers.
        settings: How answers to plain prompts are drawn; sanity checks have settings of their own.
        caller: Who asks.

    Returns:
        How far it has come, and the matrix so far whenever a tenth more of it is known; at last the whole matrix.

    Raises:
        PlaygroundError: There is nothing to ask, no model or too many, one is listed twice, or a prompt set is unknown.
    """
    refs = drawing.distinct(models)
    if not 1 <= len(refs) <= MOST_MODELS:
        raise PlaygroundError(f"{len(refs)} models cannot be asked. List 1 to {MOST_MODELS}.")
    asked = [*prompts, *(_set(prompt_set).prompts if prompt_set else ())]
    if not asked and not sanity:
        raise PlaygroundError("There is nothing to ask. Give prompts, name a prompt set, or choose the sanity checks.")
    empty = next((place for place, prompt in enumerate(asked, 1) if not prompt.strip()), 0)
    if empty:
        raise PlaygroundError(f"Prompt {empty} is empty. Write it, or leave it out.")
    lines = [Line(prompt, "", []) for prompt in asked]
    lines += [Line(check.conversation[-1].content, check.id, []) for check in checks.checks()] if sanity else []
    pinned, growing = _inputs(refs), Growing()
    for ref in refs:
        for step in _ask(ref, lines, sanity, settings, caller):
            known = sum(len(line.cells) for line in lines)
            if growing.telling():
                yield step or Progress(f"Asking {ref}", known, len(refs) * len(lines))
            if growing.due(known):
                yield _matrix(refs, lines)
    whole = _matrix(refs, lines)
    arguments = {
        "models": models, "prompts": prompts, "prompt_set": prompt_set, "sanity": sanity, "settings": asdict(settings),
    }  # fmt: skip
    record = keep("run_prompts", arguments, _numbers(whole.summaries), caller, pinned)
    yield replace(whole, record=record, complete=True)


def difference(left: str, right: str) -> list[Piece]:
    """Where two answers differ, word by word (a Han or Kana character is a word).

    Args:
        left: One answer.
        right: The other.

    Returns:
        Pieces in reading order: all "both" and "left" joined are the left text, all "both" and "right" the right one.
    """
    one, two = _WORD.findall(left), _WORD.findall(right)
    pieces: list[Piece] = []
    for kind, a, b, c, d in difflib.SequenceMatcher(None, one, two, autojunk=False).get_opcodes():
        if kind == "equal":
            pieces.append(Piece("both", "".join(one[a:b])))
            continue
        if b > a:
            pieces.append(Piece("left", "".join(one[a:b])))
        if d > c:
            pieces.append(Piece("right", "".join(two[c:d])))
    return pieces


def _set(name: str) -> PromptSet:
    known = manifest().prompt_sets
    if name not in known:
        raise PlaygroundError(f"There is no prompt set '{name}'. There are: {', '.join(sorted(known))}.")
    return known[name]


def _matrix(refs: list[str], lines: Sequence[Line]) -> PromptMatrix:
    """What is known so far; what comes later does not change it."""
    done = min(len(line.cells) for line in lines)
    summaries = [_summarise(ref, [line.cells[place] for line in lines]) for place, ref in enumerate(refs[:done])]
    return PromptMatrix(refs, [replace(line, cells=list(line.cells)) for line in lines], summaries)


def _ask(ref: str, lines: list[Line], sanity: bool, settings: Decoding, caller: Caller) -> Iterator[Progress | None]:
    """One model's answers to the plain prompts, in order, and to the sanity checks, several at once."""
    for line in lines:
        if line.check:
            continue
        side = Side()
        request = Request((Message("user", line.prompt),), settings)
        stream = partial(suite().models.stream, ref, request, caller=caller)
        with closing(run({"a": stream}, {"a": side})) as frames:
            for ended in frames:
                if not ended:
                    yield None
        timing = side.timing()
        line.cells.append(Cell(side.raw, side.failure, None, "", timing, _cost(ref, timing)))
        yield None
    if sanity:
        yield from _ask_checks(ref, {line.check: line for line in lines if line.check}, caller)


def _ask_checks(ref: str, by_id: dict[str, Line], caller: Caller) -> Iterator[Progress | None]:
    known: dict[str, checks.Result] = {}
    try:
        for results in checks.run(suite().models, ref, caller=caller):
            known = {result.id: result for result in results.results}
            yield Progress(f"Checking {ref}", len(known), results.planned)
    except PlaygroundError as error:
        known = {id: checks.Result(id, "", False, "error", str(error)) for id in by_id}
    for id, line in by_id.items():
        found = known[id]
        timing = Timing(round(found.seconds, 4), None, 0, 0, None)
        if found.outcome in ("passed", "failed"):
            line.cells.append(Cell(found.answer, "", found.passed, found.why, timing, None))
        else:
            line.cells.append(Cell(found.answer, found.why, None, "", timing, None))
    yield None


def _cost(ref: str, timing: Timing) -> float | None:
    price = manifest().prices.get(ref)
    return None if price is None else (timing.prompt_tokens * price["in"] + timing.tokens * price["out"]) / 1e6


def _summarise(ref: str, cells: Sequence[Cell]) -> Summary:
    writing = [cell.timing for cell in cells if cell.timing.tokens_per_second]
    pieces = sum(timing.tokens - 1 for timing in writing)
    spent = sum((timing.tokens - 1) / (timing.tokens_per_second or 1.0) for timing in writing)
    costs = [cell.cost for cell in cells if cell.cost is not None]
    return Summary(
        model=ref,
        answered=sum(not cell.failure for cell in cells),
        failed=sum(bool(cell.failure) for cell in cells),
        passed=sum(cell.passed is True for cell in cells),
        checked=sum(cell.passed is not None for cell in cells),
        seconds=round(sum(cell.timing.seconds for cell in cells), 4),
        tokens_per_second=round(pieces / spent, 3) if spent else None,
        cost=sum(costs) if costs else None,
    )


def _numbers(summaries: Sequence[Summary]) -> dict[str, float]:
    """The summaries as flat numbers, by the model's place."""
    found: dict[str, float] = {}
    for place, summary in enumerate(summaries):
        for name, value in asdict(replace(summary, model="")).items():
            if isinstance(value, int | float):
                took = name in {"seconds", "tokens_per_second"}
                found[f"{place}_{name}"] = records.Timing(value) if took else value
    return found


def _inputs(refs: Sequence[str]) -> dict[str, str]:
    return {f"model_{place}": suite().models.pinned(ref) for place, ref in enumerate(refs)}
