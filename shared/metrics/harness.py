"""The named benchmarks through lm-eval (optional extra), on data that is on this disk; our own tasks through it as well.

Nothing is downloaded here: a benchmark whose data is not in the Hub's cache is refused in words that say how to get it. lm-eval is
Gao et al., The Language Model Evaluation Harness, 0.4.13; its numbers are kept as it gives them, with 95 % intervals from its standard errors.
HumanEval runs programs, so its problems go through `running_code` and never through lm-eval's own runner.
"""

import math
import tempfile
import threading
import time
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from shared import env
from shared.env import Environment
from shared.errors import PlaygroundError
from shared.metrics import benchmarks, local_tasks, running_code
from shared.metrics.asking import Models
from shared.metrics.benchmarks import Benchmark
from shared.metrics.evaluation import Evaluation, Metric
from shared.metrics.evaluation import run as evaluate
from shared.metrics.measuring import Measuring, Outcome
from shared.metrics.tasks import Code, Task
from shared.policy import OWNER, Caller
from shared.progress import Progress

VERSION = "0.4.13"
NORMAL = 1.959963984540054  # 97.5 % quantile: lm-eval gives standard errors
AROUND = "playground_around"  # the group that holds a benchmark while it is read
HIGHER = "higher_is_better"
EVERY = 0.5  # seconds between two reports
UNITS = {"bits_per_byte": "bits/byte", "bleu": "0-100", "chrf": "0-100"}


class _Stopped(Exception):
    """Whoever waited for the evaluation went away."""


@dataclass(frozen=True)
class _Asking:
    """Who is asked, how, and for whom."""

    models: Models
    ref: str
    settings: Measuring
    shots: int | None
    caller: Caller


def run(
    models: Models,
    ref: str,
    names: Sequence[str],
    settings: Measuring | None = None,
    shots: int | None = None,
    caller: Caller = OWNER,
    environment: Environment | None = None,
    cache: Path | None = None,
) -> Iterator[Progress | Evaluation]:
    """Measure a model on named benchmarks.

    Args:
        models: Who answers.
        ref: The model.
        names: Benchmarks.
        settings: `limit` takes the first items of each task of a benchmark; `chat` puts questions through the chat
            template where a benchmark is answered in words; log-probabilities are always of plain text.
        shots: Examples before each question; None takes the benchmark's own number.
        caller: Who asks.
        environment: Whether programs may be run; None reads the process's own.
        cache: The Hub's cache; None takes the one that huggingface_hub uses.

    Yields:
        Progress twice a second, an incomplete Evaluation after every benchmark but the last, and last the complete one.

    Raises:
        PlaygroundError: An unknown benchmark, data or packages that are not here, or the model failed.
        NotAllowed: A benchmark runs programs and this machine may not.
    """
    environment = environment or env.read()
    asking = _Asking(models, ref, settings or Measuring(chat=False), shots, caller)
    chosen = [benchmarks.benchmark(name) for name in dict.fromkeys(names)]
    for each in chosen:
        if each.programs:
            running_code.check(environment)
        if why := benchmarks.why_not(each, environment, cache):
            raise PlaygroundError(why)
    begun = time.monotonic()
    metrics: list[Metric] = []
    outcomes: list[Outcome] = []
    for number, each in enumerate(chosen, start=1):
        folder = benchmarks.data_of(each, cache) or Path()
        if each.programs:
            found = yield from _programs(asking, each, folder, environment)
            metrics += found.metrics
            outcomes += found.outcomes
        else:
            results = yield from _through(asking, each.title, partial(_benchmark, each, folder))
            metrics += sorted(
                metrics_of(results), key=lambda metric: metric.task != each.task
            )  # the whole before its parts
            outcomes += outcomes_of(results, each.task)
        spent = time.monotonic() - begun
        yield Evaluation(ref, tuple(metrics), tuple(outcomes), spent, number == len(chosen))


def metrics_of(results: Mapping[str, Any]) -> list[Metric]:
    """lm-eval's results as metrics: one for every task, measure and filter, with an interval from its standard error.

    Args:
        results: What `simple_evaluate` returns.
    """
    found = []
    counts = results.get("n-samples", {})
    for task, row in results["results"].items():
        for key, value in row.items():
            name, _, filtered = key.partition(",")
            if not filtered or name.endswith("_stderr") or not isinstance(value, int | float):
                continue
            error = row.get(f"{name}_stderr,{filtered}")
            spread = NORMAL * error if isinstance(error, int | float) else None
            lower, upper = (value - spread, value + spread) if spread is not None else (None, None)
            if name not in UNITS and lower is not None and upper is not None:
                lower, upper = max(0.0, lower), min(1.0, upper)
            label = _label(name, filtered)
            n = counts.get(task, {}).get("effective", row.get("sample_len", 0))
            higher = results.get(HIGHER, {}).get(task, {}).get(name, True)
            unit = UNITS.get(name, "share")
            found.append(
                Metric(label, task, "", "", float(value), lower, upper, n, unit, bool(higher), f"lm-eval {VERSION}")
            )
    return found


def outcomes_of(results: Mapping[str, Any], whole: str = "") -> list[Outcome]:
    """What came of every item, as rows that sum to lm-eval's own numbers, so that two models can be compared item by item.

    A measure that is no mean or rate over items, such as an F1 over all of them, has no such rows and is left out.

    Args:
        results: What `simple_evaluate` returns with `log_samples`.
        whole: A group: its items stand under its name where they make up its number, and their tasks' names tell them apart.
    """
    found: list[Outcome] = []
    begin = 0
    for task, samples in results["samples"].items():
        items: dict[int, Outcome] = {}
        for sample in samples:
            item = items.setdefault(sample["doc_id"], Outcome(task, begin + sample["doc_id"], "", "", {}))
            item.rows.update(_rows(sample))
        found += _summing(list(items.values()), results["results"][task])
        begin += results["n-samples"][task]["original"]  # all of them: places do not change with a limit
    together = [replace(each, task=whole, domain=each.task) for each in found]
    return _summing(together, results["results"].get(whole, {})) or found


def _rows(sample: Mapping[str, Any]) -> Iterator[tuple[str, tuple[float, ...]]]:
    """What one item adds to each measure, by its name with that of the filter through which the answer was read."""
    for name in sample["metrics"]:
        value, label = sample[name], _label(name, sample["filter"])
        if isinstance(value, int | float):
            yield label, (float(value), 1.0)
        elif name == "bits_per_byte":  # log-probability and bytes
            yield label, (-value[0] / math.log(2), float(value[1]))


def _summing(outcomes: list[Outcome], numbers: Mapping[str, Any]) -> list[Outcome]:
    """Outcomes with the rows alone that make up these numbers of lm-eval; none when no row does."""
    wanted = {_label(*key.split(",")): value for key, value in numbers.items() if key.count(",") == 1}
    kept = []
    for label in dict.fromkeys(label for each in outcomes for label in each.rows):
        rows = [each.rows[label] for each in outcomes if label in each.rows]
        one, two = (math.fsum(column) for column in zip(*rows, strict=True))
        if two and isinstance(wanted.get(label), int | float) and math.isclose(one / two, wanted[label], abs_tol=1e-9):
            kept.append(label)
    if not kept:
        return []
    return [replace(each, rows={label: row for label, row in each.rows.items() if label in kept}) for each in outcomes]


def _label(name: str, filtered: str) -> str:
    return name if filtered == "none" else f"{name}.{filtered}"


def run_local(
    models: Models, ref: str, tasks: Sequence[Task], settings: Measuring | None = None, caller: Caller = OWNER
) -> Iterator[Progress | Evaluation]:
    """Measure a model on tasks of our own through lm-eval, to hold its numbers against those of `evaluation.run`.

    Args:
        models: Who answers.
        ref: The model.
        tasks: The tasks; not those that run programs.
        settings: As for `run`.
        caller: Who asks.

    Yields:
        Progress twice a second, and last the Evaluation.

    Raises:
        PlaygroundError: lm-eval is not installed, a task runs programs, or the model failed.
    """
    if not benchmarks.installed("lm_eval"):
        raise PlaygroundError("lm-eval is not installed. See requirements-lm-eval.txt.")
    asking = _Asking(models, ref, settings or Measuring(chat=False), None, caller)
    begun = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="playground-tasks-") as folder:
        ids = [id for task in tasks for id in local_tasks.write(task, Path(folder))]

        def load() -> tuple[Any, list[Any]]:
            from lm_eval.tasks import TaskManager

            return TaskManager(include_path=folder, include_defaults=False), ids

        results = yield from _through(asking, "our own tasks", load)
    yield Evaluation(ref, tuple(metrics_of(results)), tuple(outcomes_of(results)), time.monotonic() - begun, True)


def _benchmark(benchmark: Benchmark, folder: Path) -> tuple[Any, list[Any]]:
    """lm-eval's tasks of a benchmark, reading their data from a folder. Only that benchmark's descriptions are looked through."""
    import lm_eval.tasks
    import yaml

    place = str(Path(lm_eval.tasks.__file__).parent / benchmark.folder)
    with tempfile.TemporaryDirectory(prefix="playground-tasks-") as written:
        # A group of one, because a group hands other data on to all that is in it, and nothing else that is public does.
        known = lm_eval.tasks.TaskManager(include_path=place, include_defaults=False).all_groups
        kind = "group" if benchmark.task in known else "task"
        around = {"group": AROUND, "task": [{kind: benchmark.task, "dataset_path": str(folder)}]}
        Path(written, "around.yaml").write_text(yaml.safe_dump(around), "utf-8")
        manager = lm_eval.tasks.TaskManager(include_path=[place, written], include_defaults=False)
        loaded = manager.load(AROUND)
    return manager, [loaded[f"{kind}s"][benchmark.task]]


def _through(
    asking: _Asking, title: str, load: Callable[[], tuple[Any, list[Any]]]
) -> Generator[Progress, None, dict[str, Any]]:
    """Run lm-eval in a thread of its own and report how many questions were answered; its results."""
    done, gone = [0], threading.Event()

    def watch(count: int) -> None:
        if gone.is_set():
            raise _Stopped
        done[0] = count

    def work() -> dict[str, Any]:
        from lm_eval import simple_evaluate

        from shared.metrics.lm_eval_model import PlaygroundModel

        manager, tasks = load()
        settings = asking.settings
        model = PlaygroundModel(asking.models, asking.ref, asking.caller, settings.window, settings.overlap, watch)
        results: dict[str, Any] = simple_evaluate(
            model=model, tasks=tasks, task_manager=manager, num_fewshot=asking.shots, limit=settings.limit or None,
            apply_chat_template=settings.chat and _answered_in_words(tasks), log_samples=True, bootstrap_iters=settings.draws,
            random_seed=None, numpy_random_seed=None, torch_random_seed=None, fewshot_random_seed=settings.seed,
        )  # fmt: skip
        return results

    with ThreadPoolExecutor(max_workers=1, thread_name_prefix="lm-eval") as pool:
        future = pool.submit(work)
        try:
            while not wait([future], timeout=EVERY).done:
                yield Progress(f"Measuring: {title}", done[0])
        finally:
            gone.set()
    return future.result()


def _answered_in_words(tasks: Sequence[Any]) -> bool:
    """Whether all of lm-eval's tasks ask for answers: log-probabilities, and answers that are begun for the model, are plain text."""
    for task in tasks:
        for leaf in task.get_all_tasks() if hasattr(task, "get_all_tasks") else [task]:
            if (
                isinstance(leaf, str)
                or leaf.get_config("output_type") != "generate_until"
                or leaf.get_config("gen_prefix")
            ):
                return False
    return True


def _programs(
    asking: _Asking, benchmark: Benchmark, folder: Path, environment: Environment
) -> Generator[Progress, None, Evaluation]:
    """HumanEval's problems through our own runner: pass@1 of greedy answers."""
    import datasets

    rows = datasets.load_dataset(str(folder), split="test")
    items = tuple(Code(row["prompt"], row["test"], row["entry_point"], "", "") for row in rows)
    task = Task(benchmark.name, "code", benchmark.title, "", "", items)
    settings = replace(asking.settings, max_new_tokens=max(asking.settings.max_new_tokens, 1024))
    for event in evaluate(asking.models, asking.ref, [task], settings, asking.caller, environment):
        if isinstance(event, Progress):
            yield event
    assert isinstance(event, Evaluation)  # its last item
    return event
