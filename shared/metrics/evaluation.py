"""Evaluating a model on tasks: progress and partial results while it runs, metrics with intervals at the end, comparisons."""

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from shared import env
from shared.env import Environment
from shared.errors import PlaygroundError
from shared.metrics import intervals, translation
from shared.metrics.asking import Models
from shared.metrics.intervals import Gap, Score
from shared.metrics.measuring import Bench, Measuring, Outcome, measure, taken
from shared.metrics.tasks import FOLDER, Task, Translation
from shared.metrics.tasks import task as task_of
from shared.policy import OWNER, Caller
from shared.progress import Progress


@dataclass(frozen=True)
class Scale:
    """How rows of a metric become a number, and how it is read."""

    score: Score
    unit: str
    higher: bool
    share: bool = False


SCALES = {
    "bits_per_byte": Scale(intervals.ratio, "bits/byte", False),
    "bits_per_byte_mean": Scale(intervals.ratio, "bits/byte", False),
    "acc": Scale(intervals.ratio, "share", True, True),
    "acc_norm": Scale(intervals.ratio, "share", True, True),
    "acc_bytes": Scale(intervals.ratio, "share", True, True),
    "exact_match": Scale(intervals.ratio, "share", True, True),
    "pass_at_1": Scale(intervals.ratio, "share", True, True),
    "bleu": Scale(translation.bleu_of, "0-100", True),
    "chrf": Scale(translation.chrf_of, "0-100", True),
}
SHARE = Scale(intervals.ratio, "share", True, True)  # what other measures of lm-eval are
ACROSS = ("bits_per_byte", "bits_per_byte_mean")  # one number over all tasks: bytes are bytes


@dataclass(frozen=True)
class Metric:
    """One number with how sure it is.

    Attributes:
        name: bits_per_byte, acc, acc_norm, acc_bytes, exact_match, bleu, chrf, pass_at_1.
        task: The task; "" for bits per byte, which is over all of them.
        domain: The domain; "" for all.
        language: The language; "" for all.
        value: The number.
        lower: Lower end of its interval; None from a single item.
        upper: Upper end.
        n: Items.
        unit: "bits/byte", "share" (0 to 1) or "0-100".
        higher: Whether more is better.
        signature: sacrebleu's, for BLEU and chrF.
    """

    name: str
    task: str
    domain: str
    language: str
    value: float
    lower: float | None
    upper: float | None
    n: int
    unit: str
    higher: bool
    signature: str = ""

    @property
    def key(self) -> str:
        """Its name in a record: bits_per_byte.code.python, acc.facts, bleu.en-zh."""
        return ".".join(part for part in (self.name, self.task, self.domain, self.language) if part)


@dataclass(frozen=True)
class Evaluation:
    """What was measured so far.

    Attributes:
        ref: The model.
        metrics: The numbers; those of each whole task first.
        outcomes: What came of every item.
        seconds: How long it took.
        complete: Whether everything asked for was measured.
    """

    ref: str
    metrics: tuple[Metric, ...]
    outcomes: tuple[Outcome, ...]
    seconds: float
    complete: bool

    @property
    def results(self) -> dict[str, float]:
        """Flat numbers for a record: each metric by its key, with .lower and .upper where it has an interval."""
        flat: dict[str, float] = {}
        for metric in self.metrics:
            flat[metric.key] = metric.value
            if metric.lower is not None and metric.upper is not None:
                flat[f"{metric.key}.lower"] = metric.lower
                flat[f"{metric.key}.upper"] = metric.upper
        return flat


@dataclass(frozen=True)
class Comparison:
    """How far the first model is above the second on one metric; `higher` says whether above is better."""

    name: str
    task: str
    gap: Gap
    unit: str
    higher: bool


def run(
    models: Models,
    ref: str,
    tasks: Sequence[str | Task],
    settings: Measuring | None = None,
    caller: Caller = OWNER,
    environment: Environment | None = None,
) -> Iterator[Progress | Evaluation]:
    """Measure a model on tasks.

    Args:
        models: Who answers: `suite().models`.
        ref: The model.
        tasks: Names of tasks in manifests/tasks, or tasks; each once.
        settings: How it is measured.
        caller: Who asks.
        environment: Whether programs may be run; None reads the process's own.

    Yields:
        Progress after every few items, an incomplete Evaluation after every task but the last, and last the complete one.

    Raises:
        PlaygroundError: No task, an unknown one, or the model failed.
        NotAllowed: A task runs programs and this machine may not.
    """
    chosen = _chosen(tasks)
    settings = settings or Measuring()
    bench = Bench(models, ref, settings, caller, environment or env.read())
    total = sum(len(taken(len(task.items), settings.limit)) for task in chosen)
    begun = time.monotonic()
    outcomes: list[Outcome] = []
    metrics: list[Metric] = []
    for number, task in enumerate(chosen, start=1):
        yield Progress(f"Measuring: {task.title}", len(outcomes), total, _left(begun, len(outcomes), total))
        for some in measure(bench, task):
            outcomes += some
            yield Progress(f"Measuring: {task.title}", len(outcomes), total, _left(begun, len(outcomes), total))
        metrics = summarise(outcomes, chosen, settings, metrics)
        ordered = sorted(outcomes, key=lambda each: ([task.name for task in chosen].index(each.task), each.item))
        spent = time.monotonic() - begun
        yield Evaluation(ref, tuple(metrics), tuple(ordered), spent, number == len(chosen))


def summarise(
    outcomes: Sequence[Outcome],
    tasks: Sequence[Task],
    settings: Measuring | None = None,
    before: Sequence[Metric] = (),
) -> list[Metric]:
    """The metrics of some outcomes: of every task, then of each domain and language where there are several.

    Args:
        outcomes: What came of the items.
        tasks: The tasks that they belong to.
        settings: Level, draws and seed of the intervals.
        before: What the first of these outcomes gave, under the same settings: a metric without more items since then is taken
            from there.
    """
    settings = settings or Measuring()
    known = {(each.name, each.task, each.domain, each.language, each.n): each for each in before}
    groups: dict[tuple[str, str, str, str], list[tuple[float, ...]]] = {}
    for outcome in sorted(outcomes, key=lambda each: (each.task, each.item)):
        for name, row in outcome.rows.items():
            task = "" if name in ACROSS else outcome.task
            groups.setdefault((name, task, "", ""), []).append(row)
            if name != "bits_per_byte_mean" and (outcome.domain or outcome.language):
                groups.setdefault((name, task, outcome.domain, outcome.language), []).append(row)
    parts: dict[tuple[str, str], int] = {}
    for name, task, _, _ in groups:
        parts[name, task] = parts.get((name, task), 0) + 1
    signatures = {task.name: _signatures(task) for task in tasks if task.kind == "translation"}
    found = []
    for (name, task, domain, language), rows in sorted(groups.items(), key=lambda each: (any(each[0][2:]), each[0])):
        if (domain or language) and parts[name, task] < 3 and name not in ACROSS:
            continue  # its only part is the whole
        same = known.get((name, task, domain, language, len(rows)))
        if same is not None:
            found.append(same)
            continue
        scale = SCALES[name]
        whole = intervals.bootstrap(rows, scale.score, settings.level, settings.draws, settings.seed, scale.share)
        signature = signatures.get(task, {}).get(name, "")
        found.append(
            Metric(
                name,
                task,
                domain,
                language,
                whole.value,
                whole.lower,
                whole.upper,
                whole.n,
                scale.unit,
                scale.higher,
                signature,
            )
        )
    return found


def compare(first: Evaluation, second: Evaluation, settings: Measuring | None = None) -> list[Comparison]:
    """Differences of two models on the items that both were measured on, with paired bootstrap intervals.

    Args:
        first: One model.
        second: The other, measured on the same tasks.
        settings: Level, draws and seed of the intervals.

    Returns:
        One for each metric; none when they have no item in common.
    """
    settings = settings or Measuring()
    others = {(each.task, each.item): each for each in second.outcomes}
    pairs: dict[tuple[str, str], list[tuple[tuple[float, ...], tuple[float, ...]]]] = {}
    for one in first.outcomes:
        two = others.get((one.task, one.item))
        for name in one.rows.keys() & two.rows.keys() if two else ():
            task = "" if name in ACROSS else one.task
            pairs.setdefault((name, task), []).append((one.rows[name], two.rows[name] if two else ()))
    found = []
    for (name, task), rows in sorted(pairs.items()):
        scale = SCALES.get(name.partition(".")[0], SHARE)  # lm-eval may read an answer in several ways
        one_rows, two_rows = [one for one, _ in rows], [two for _, two in rows]
        drawing = settings.level, settings.draws, settings.seed
        gap = intervals.paired(one_rows, two_rows, scale.score, *drawing, scale.share)
        found.append(Comparison(name, task, gap, scale.unit, scale.higher))
    return found


def _chosen(tasks: Sequence[str | Task]) -> list[Task]:
    found: dict[str, Task] = {}
    for each in tasks:
        task = task_of(each, FOLDER) if isinstance(each, str) else each
        found.setdefault(task.name, task)
    if not found:
        raise PlaygroundError("Nothing to measure. Choose at least one task.")
    return list(found.values())


def _signatures(task: Task) -> dict[str, str]:
    """How the task's translations are scored: all are into one language."""
    first = task.items[0]
    if not isinstance(first, Translation):
        return {}
    sample = [each for each in task.items if isinstance(each, Translation)]
    references = [each.references for each in sample]
    return {
        name: translation.score(name, [each[0] for each in references], references, first.language).signature
        for name in ("bleu", "chrf")
    }


def _left(begun: float, done: int, total: int) -> float | None:
    return (time.monotonic() - begun) / done * (total - done) if done else None
