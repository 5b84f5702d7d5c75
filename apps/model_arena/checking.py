"""Sanity checks of models, side by side: the endpoint sanity."""

import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Annotated

from pydantic import Field

from apps.model_arena.growing import Growing
from apps.model_arena.keeping import keep
from shared.checks.manifest import Check, checks, chosen
from shared.checks.results import Matrix, Outcome, Total
from shared.checks.running import run_all
from shared.errors import PlaygroundError
from shared.policy import OWNER, Caller
from shared.progress import Progress
from shared.settings import Advanced
from shared.suite import suite

MOST = 8  # models side by side: a matrix wider than that cannot be read


@dataclass(frozen=True)
class Verdict:
    """What one model made of one check.

    Attributes:
        outcome: passed, failed, error (no answer), or not asked.
        why: What is wrong with the answer; empty when it passed.
        answer: What the model said.
        seconds: How long it took.
    """

    outcome: Outcome
    why: str
    answer: str
    seconds: float


@dataclass(frozen=True)
class CheckRow:
    """One check, with every model's verdict.

    Attributes:
        id: The check.
        axis: What it is about.
        core: Whether it is one of the 32 that small models are measured by.
        prompt: What was asked, the last turn of it.
        verdicts: By model; a model that has not come to it yet is missing.
    """

    id: str
    axis: str
    core: bool
    prompt: str
    verdicts: dict[str, Verdict]


@dataclass(frozen=True)
class ModelTotal:
    """How many checks one model passed.

    Attributes:
        model: Its ref.
        passed: Checks that it passed.
        asked: Checks that it was asked.
        lower: Lower end of the share's 95 % interval (Wilson 1927), 0 to 1.
        upper: Its upper end.
        core_passed: Of the 32 core checks, those that it passed.
        core_asked: Core checks that it was asked.
        axes: Passed and asked by axis.
        seconds: How long all took.
        stopped: Why not all were asked; empty when nothing stopped it.
    """

    model: str
    passed: int
    asked: int
    lower: float
    upper: float
    core_passed: int
    core_asked: int
    axes: dict[str, tuple[int, int]]
    seconds: float
    stopped: str


@dataclass(frozen=True)
class Sane:
    """The matrix of checks and models.

    Attributes:
        rows: The checks.
        totals: The models, in the order in which they were named.
        disputed: Checks that some models pass and others do not.
        complete: Whether all were asked.
        record: Id of the record; empty until it is complete.
    """

    rows: list[CheckRow] = field(default_factory=list)
    totals: list[ModelTotal] = field(default_factory=list)
    disputed: list[str] = field(default_factory=list)
    complete: bool = False
    record: str = ""


def sanity(
    models: list[str],
    axes: list[str] = [],  # noqa: B006 - pydantic copies it
    core: bool = False,
    seed: Annotated[int, Field(ge=0, le=2**31 - 1), Advanced] = 0,
    max_new_tokens: Annotated[int, Field(ge=0, le=4096), Advanced] = 0,
    caller: Caller = OWNER,
) -> Iterator[Progress | Sane]:
    """Ask models short questions that any language model should get right; a program judges every answer.

    Args:
        models: One to eight refs, such as "builtin:mini" and "builtin:mini+builtin:json".
        axes: Only checks on these, such as "json" or "copying"; empty asks all.
        core: Only the 32 core checks.
        seed: For servers that draw even when they are asked for the likeliest answer.
        max_new_tokens: A longer limit than the checks' own, for models that think before they answer; 0 keeps theirs.
        caller: Who asks.

    Returns:
        Progress, and the matrix so far whenever a tenth more of it is known; at last the whole matrix.

    Raises:
        PlaygroundError: No model, too many, one twice, an unknown one, or an unknown axis.
    """
    named = check_models(models, MOST)
    wanted = chosen(axes, core=core)
    known = {check.id: check for check in wanted}
    pinned = pin(named)
    planned, began = len(wanted) * len(named), time.monotonic()
    latest, growing = Matrix(()), Growing()
    for latest in run_all(suite().models, named, wanted, seed=seed, max_new_tokens=max_new_tokens, caller=caller):
        done = sum(len(results.results) for results in latest.models)
        if growing.telling():
            left = (time.monotonic() - began) / done * (planned - done) if done else None
            yield Progress(f"Asking {latest.refs[-1]}", done, planned, left)
        if growing.due(done):
            yield _sane(latest, known, False)
    settings = {"models": named, "axes": axes, "core": core, "seed": seed, "max_new_tokens": max_new_tokens}
    results: dict[str, float] = {}
    for each in latest.models:
        results |= {f"{each.ref}.passed": each.total.passed, f"{each.ref}.asked": each.total.asked}
        results |= {f"{each.ref}.{axis}": total.share for axis, total in each.axes.items()}
    record = keep("sanity", settings, results, caller, pinned)
    yield _sane(latest, known, True, record)


def check_models(models: list[str], most: int, least: int = 1) -> list[str]:
    """Refs without blanks around them.

    Raises:
        PlaygroundError: Too few, too many, or one twice.
    """
    named = [ref.strip() for ref in models if ref.strip()]
    if len(named) < least:
        raise PlaygroundError(
            "No model is named. Choose one from the list of models."
            if least == 1
            else f"{len(named)} model is named. Choose at least {least}."
        )
    if len(named) > most:
        raise PlaygroundError(f"{len(named)} models are named. At most {most} go side by side: leave some out.")
    twice = next((ref for ref in named if named.count(ref) > 1), "")
    if twice:
        raise PlaygroundError(f"'{twice}' is named twice. Name every model once.")
    return named


def pin(named: list[str]) -> dict[str, str]:
    """The models by their places, as refs that mean the very same bytes for ever: inputs of a record.

    Raises:
        PlaygroundError: One of them is unknown, or not on this machine; better said before the first one has worked.
    """
    models = suite().models
    return {f"model_{place}": models.pinned(ref) for place, ref in enumerate(named, 1)}


def _sane(matrix: Matrix, known: dict[str, Check], complete: bool, record: str = "") -> Sane:
    rows = [
        CheckRow(
            id,
            known[id].axis,
            known[id].core,
            known[id].conversation[-1].content,
            {
                ref: Verdict(one.outcome, one.why, one.answer, round(one.seconds, 3))
                for ref, one in zip(matrix.refs, found, strict=True)
                if one is not None
            },
        )
        for id, found in matrix.checks.items()
    ]
    order = {check.id: place for place, check in enumerate(checks())}
    rows.sort(key=lambda row: order[row.id])
    totals = [
        ModelTotal(
            each.ref,
            each.total.passed,
            each.total.asked,
            *each.total.interval,
            each.core.passed,
            each.core.asked,
            {axis: _pair(total) for axis, total in each.axes.items()},
            round(each.seconds, 2),
            each.stopped,
        )
        for each in matrix.models
    ]
    return Sane(rows, totals, list(matrix.disputed), complete, record)


def _pair(total: Total) -> tuple[int, int]:
    return total.passed, total.asked
