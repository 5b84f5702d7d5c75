"""The named benchmarks through lm-eval (optional extra), on data that is on this disk; our own tasks through it as well.

Nothing is downloaded here: a benchmark whose data is not in the Hub's cache is refused in words that say how to get it. lm-eval is
Gao et al., The Language Model Evaluation Harness, 0.4.13; its numbers are kept as it gives them, with 95 % intervals from its standard errors.
HumanEval runs programs, so its problems go through `running_code` and never through lm-eval's own runner.
"""

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
from shared.metrics.measuring import Measuring
from shared.metrics.tasks import Code, Task
from shared.policy import OWNER, Caller
from shared.progress import Progress

VERSION = "0.4.13"
NORMAL = 1.959963984540054  # 97.5 % quantile: lm-eval gives standard errors
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
    for number, each in enumerate(chosen, start=1):
        folder = benchmarks.data_of(each, cache) or Path()
        if each.programs:
            metrics += yield from _programs(asking, each, folder, environment)
        else:
            found = yield from _through(asking, each.title, partial(_benchmark, each, folder))
            metrics += sorted(found, key=lambda metric: metric.task != each.task)  # the whole before its parts
        yield Evaluation(ref, tuple(metrics), (), time.monotonic() - begun, number == len(chosen))


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
            label = name if filtered == "none" else f"{name}.{filtered}"
            n = counts.get(task, {}).get("effective", row.get("sample_len", 0))
            higher = results.get(HIGHER, {}).get(task, {}).get(name, True)
            unit = UNITS.get(name, "share")
            found.append(
                Metric(label, task, "", "", float(value), lower, upper, n, unit, bool(higher), f"lm-eval {VERSION}")
            )
    return found


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

        found = yield from _through(asking, "our own tasks", load)
    yield Evaluation(ref, tuple(found), (), time.monotonic() - begun, True)


def _benchmark(benchmark: Benchmark, folder: Path) -> tuple[Any, list[Any]]:
    """lm-eval's tasks of a benchmark, reading their data from a folder. Only that benchmark's descriptions are looked through."""
    import lm_eval.tasks

    place = Path(lm_eval.tasks.__file__).parent / benchmark.folder
    manager = lm_eval.tasks.TaskManager(include_path=str(place), include_defaults=False)
    # Private in 0.4.13: its public way takes other data for a single task, but not for a group such as MMLU.
    made = manager._factory.build(
        manager.task_index[benchmark.task], overrides={"dataset_path": str(folder)}, registry=manager.task_index
    )
    return manager, made if isinstance(made, list) else [made]


def _through(
    asking: _Asking, title: str, load: Callable[[], tuple[Any, list[Any]]]
) -> Generator[Progress, None, list[Metric]]:
    """Run lm-eval in a thread of its own and report how many questions were answered; its metrics."""
    done, gone = [0], threading.Event()

    def watch(count: int) -> None:
        if gone.is_set():
            raise _Stopped
        done[0] = count

    def work() -> list[Metric]:
        from lm_eval import simple_evaluate

        from shared.metrics.lm_eval_model import PlaygroundModel

        manager, tasks = load()
        settings = asking.settings
        model = PlaygroundModel(asking.models, asking.ref, asking.caller, settings.window, settings.overlap, watch)
        results = simple_evaluate(
            model=model, tasks=tasks, task_manager=manager, num_fewshot=asking.shots, limit=settings.limit or None,
            apply_chat_template=settings.chat and _answered_in_words(tasks), log_samples=False, bootstrap_iters=settings.draws,
            random_seed=None, numpy_random_seed=None, torch_random_seed=None, fewshot_random_seed=settings.seed,
        )  # fmt: skip
        return metrics_of(results)

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
) -> Generator[Progress, None, list[Metric]]:
    """HumanEval's problems through our own runner: pass@1 of greedy answers."""
    import datasets

    rows = datasets.load_dataset(str(folder), split="test")
    items = tuple(Code(row["prompt"], row["test"], row["entry_point"], "", "") for row in rows)
    task = Task(benchmark.name, "code", benchmark.title, "", "", items)
    found: list[Metric] = []
    settings = replace(asking.settings, max_new_tokens=max(asking.settings.max_new_tokens, 1024))
    for event in evaluate(asking.models, asking.ref, [task], settings, asking.caller, environment):
        if isinstance(event, Evaluation):
            found = list(event.metrics)
        else:
            yield event
    return found
