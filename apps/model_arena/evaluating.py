"""Measuring models: the endpoint evaluate."""

import difflib
from collections.abc import Iterator
from dataclasses import asdict, dataclass

from apps.model_arena.checking import check_models, pin
from apps.model_arena.keeping import keep
from shared.errors import PlaygroundError
from shared.metrics import benchmarks, evaluation, harness, running_code, tasks
from shared.metrics.asking import Models
from shared.metrics.evaluation import Evaluation, Metric
from shared.metrics.measuring import Measuring
from shared.policy import OWNER, Caller
from shared.progress import Progress
from shared.suite import suite

MOST = 6


@dataclass(frozen=True)
class Gap:
    """How far one model is above another on one metric.

    Attributes:
        first: One model.
        second: The other.
        metric: The metric's name in a record.
        difference: The first one's value minus the second one's.
        lower: Lower end of its paired 95 % bootstrap interval (Efron 1979); None from a single item.
        upper: Its upper end.
    """

    first: str
    second: str
    metric: str
    difference: float
    lower: float | None
    upper: float | None


@dataclass(frozen=True)
class Measured:
    """What was measured, for every model.

    Attributes:
        models: The models, in the order in which they were named.
        metrics: Their numbers, one list a model.
        gaps: Differences of each later model to the first one, on the same items.
        complete: Whether everything was measured.
        record: Id of the record; empty until it is complete.
    """

    models: list[str]
    metrics: list[list[Metric]]
    gaps: list[Gap]
    complete: bool = False
    record: str = ""


def known_tasks() -> list[str]:
    """What can be measured: tasks of our own, and benchmarks that lm-eval runs where it and their data are here."""
    return [*tasks.names(), *(each.name for each in benchmarks.BENCHMARKS)]


def evaluate(
    models: list[str],
    tasks: list[str] = [],  # noqa: B006 - pydantic copies it
    settings: Measuring = Measuring(),
    caller: Caller = OWNER,
) -> Iterator[Progress | Measured]:
    """Measure models: bits per byte of text, multiple choice, exact match, BLEU and chrF, with 95 % intervals.

    Args:
        models: One to six refs, such as "builtin:mini".
        tasks: What to measure: tasks that ship, such as "prose", "choices" and "answers", or benchmarks by name, such as "ARC",
            when lm-eval is installed and their data is on this machine. Empty takes the tasks that ship, without those
            that run programs.
        settings: How it is measured.
        caller: Who asks.

    Returns:
        Progress and what is measured so far; at last everything.

    Raises:
        PlaygroundError: No model, one twice, an unknown task, or a model that cannot be asked or scored; the models before
            it are kept as a record.
        NotAllowed: A task runs programs, and this machine may not.
    """
    named = check_models(models, MOST)
    wanted = list(dict.fromkeys(tasks)) or _usual()
    _check_tasks(wanted)
    pinned = pin(named)
    found: list[Evaluation] = []
    try:
        for place, ref in enumerate(named, 1):
            of = f" ({place} of {len(named)} models)" if len(named) > 1 else ""
            for item in _measure(ref, wanted, settings, caller):
                if isinstance(item, Evaluation):
                    latest = item
                    yield _measured(named, [*found, latest])
                else:
                    yield Progress(f"{ref}: {item.stage}{of}", item.done, item.total, item.eta_seconds)
            found.append(latest)
    except PlaygroundError as error:
        if not found:
            raise
        record = _keep(found, wanted, settings, caller, pinned)
        raise PlaygroundError(f"{error} What was measured before is kept as record {record[:8]}.") from error
    yield _measured(named, found, settings, _keep(found, wanted, settings, caller, pinned))


def _keep(
    found: list[Evaluation], wanted: list[str], settings: Measuring, caller: Caller, pinned: dict[str, str]
) -> str:
    """The record of the models that were measured."""
    arguments = {"models": [each.ref for each in found], "tasks": wanted, "settings": asdict(settings)}
    results = {f"{each.ref}.{key}": value for each in found for key, value in each.results.items()}
    return keep("evaluate", arguments, results, caller, dict(list(pinned.items())[: len(found)]))


def _usual() -> list[str]:
    return [name for name in tasks.names() if tasks.task(name).kind != "code"]


def _check_tasks(wanted: list[str]) -> None:
    known = known_tasks()
    for name in wanted:
        if name not in known:
            near = difflib.get_close_matches(name, known, n=1)
            hint = f"Did you mean '{near[0]}'?" if near else f"Known: {', '.join(known)}."
            raise PlaygroundError(f"There is no task '{name[:80]}'. {hint}")
        _check_task(name)  # what cannot run is said before the others have run for an hour


def _check_task(name: str) -> None:
    environment, benchmark = suite().environment, None
    if name not in tasks.names():
        benchmark = benchmarks.benchmark(name)
    if benchmark.programs if benchmark else tasks.task(name).kind == "code":
        running_code.check(environment)
    if benchmark and (why := benchmarks.why_not(benchmark, environment)):
        raise PlaygroundError(why)


def _measure(ref: str, wanted: list[str], settings: Measuring, caller: Caller) -> Iterator[Progress | Evaluation]:
    """Our own tasks and the named benchmarks, as one evaluation."""
    models: Models = suite().models
    own = [name for name in wanted if name in tasks.names()]
    named = [name for name in wanted if name not in own]
    parts: list[Evaluation] = []
    environment = suite().environment
    if own:
        for item in evaluation.run(models, ref, own, settings, caller, environment):
            if isinstance(item, Progress):
                yield item
            else:
                yield (item if not named else _joined(ref, [item], complete=False))
                parts = [item]
    if named:
        for event in harness.run(models, ref, named, settings, caller=caller, environment=environment):
            yield event if isinstance(event, Progress) else _joined(ref, [*parts, event], event.complete)


def _joined(ref: str, parts: list[Evaluation], complete: bool) -> Evaluation:
    return Evaluation(
        ref,
        tuple(metric for part in parts for metric in part.metrics),
        tuple(outcome for part in parts for outcome in part.outcomes),
        sum(part.seconds for part in parts),
        complete,
    )


def _measured(
    named: list[str], found: list[Evaluation], settings: Measuring | None = None, record: str = ""
) -> Measured:
    gaps = []
    if settings is not None and any(each.outcomes for each in found):
        for other in found[1:]:
            for one in evaluation.compare(other, found[0], settings):
                key = ".".join(part for part in (one.name, one.task) if part)
                gaps.append(Gap(other.ref, found[0].ref, key, one.gap.value, one.gap.lower, one.gap.upper))
    return Measured(named, [list(each.metrics) for each in found], gaps, settings is not None, record)
