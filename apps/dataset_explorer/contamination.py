"""Rows that repeat items of benchmarks: GSM8K, HumanEval, MBPP and MATH from the index that is shipped, others from a file."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from apps.dataset_explorer.benchmark_index import SHIPPED, Benchmark, Item, build, load, save, shipped
from apps.dataset_explorer.detector import Detector, Hit
from shared.errors import PlaygroundError
from shared.store import Artifact, Store
from shared.text import arrow

if TYPE_CHECKING:
    import pyarrow as pa

BATCH = 16_384  # rows
KIND = "benchmarks"
QUESTIONS = ("question", "problem", "prompt", "instruction", "text", "input")
ANSWERS = ("answer", "solution", "canonical_solution", "response", "output", "completion", "code")


def contamination(
    texts: "Iterable[pa.StringArray] | Sequence[str]",
    benchmarks: Sequence[str] = (),
    n: int = 10,
    store: Store | None = None,
) -> list[Hit]:
    """The rows that repeat items of benchmarks.

    Args:
        texts: Rows of text, or batches of them.
        benchmarks: Names of shipped benchmarks (gsm8k, humaneval, mbpp, math) or of added ones, or refs; all shipped ones
            when empty.
        n: Words in a run, 8 to 64.
        store: Where added benchmarks are.

    Returns:
        Hits by row.

    Raises:
        PlaygroundError: A benchmark is not known, or n is out of range.
    """
    detector = find_detector(benchmarks or tuple(shipped()), n, store)
    hits: list[Hit] = []
    row = 0
    for batch in _batches(texts):
        hits += detector.hits(batch, row)
        row += len(batch)
    return hits


def find_detector(benchmarks: Sequence[str], n: int = 10, store: Store | None = None) -> Detector:
    """What looks for the items of these benchmarks, batch by batch.

    Args:
        benchmarks: Names or refs of benchmarks.
        n: Words in a run, 8 to 64.
        store: Where added benchmarks are.

    Raises:
        PlaygroundError: A benchmark is not known, or n is out of range.
    """
    if all(name in shipped() for name in benchmarks):
        return _shipped_detector(tuple(benchmarks), n)
    return Detector([find_benchmark(name, store) for name in benchmarks], n)


def find_benchmark(name: str, store: Store | None = None) -> Benchmark:
    """The index of a benchmark, shipped or added.

    Args:
        name: gsm8k, humaneval, mbpp, math; the name of an added benchmark (its newest version), or its ref.
        store: Where added benchmarks are.

    Raises:
        PlaygroundError: There is no such benchmark.
    """
    if name in shipped():
        return _shipped_index(name)
    added = store.artifacts(KIND) if store else []
    for artifact in added:
        if name in (artifact.name, artifact.ref):
            return load(artifact.path / f"{artifact.name}.npz")
    known = ", ".join([*shipped(), *dict.fromkeys(artifact.name for artifact in added)])
    raise PlaygroundError(f"There is no benchmark '{name}'. There are: {known}. Others are added from a file.")


def pinned(names: Sequence[str], store: Store) -> list[str]:
    """The names with that of an added benchmark, which means its newest version, replaced by that version's ref.

    Args:
        names: Names of benchmarks, or refs.
        store: Where added benchmarks are.
    """
    newest = {artifact.name: artifact.ref for artifact in reversed(store.artifacts(KIND))}
    return [name if name in shipped() else newest.get(name, name) for name in names]


def add_benchmark(
    store: Store, name: str, rows: Iterable[Mapping[str, Any]], question: str = "", answer: str = ""
) -> Artifact:
    """Make the index of a benchmark of one's own, so that datasets can be checked against it.

    Args:
        store: Where to keep the index; the texts are not kept.
        name: Its name: letters, digits, ".", "_" and "-".
        rows: Its rows.
        question: Column of the questions; "" takes the first of question, problem, prompt, instruction, text, input.
        answer: Column of the answers; "" takes the first of answer, solution, response, output, completion, code.

    Returns:
        The artifact; its ref names this version of the benchmark for good.

    Raises:
        PlaygroundError: The name is taken or not usable, a column is not there, or there are no rows.
    """
    if name in shipped():
        raise PlaygroundError(f"'{name}' is a benchmark that comes with the project. Choose another name.")
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}", name):
        raise PlaygroundError(f"'{name}' cannot be a name. Use up to 64 letters, digits, '.', '_' and '-'.")
    kept = list(rows)
    columns = list(dict.fromkeys(column for row in kept for column in row))
    asked = _column(columns, question, QUESTIONS, "question")
    answered = _column(columns, answer, ANSWERS, "answer")
    if not asked and not answered:
        raise PlaygroundError(
            f"'{name}' has the columns {', '.join(columns) or 'none'}. Say which of them holds the questions."
        )
    items = [
        Item(f"{name}/{number}", str(row.get(asked) or ""), str(row.get(answered) or ""))
        for number, row in enumerate(kept)
    ]
    index = build(name, items)
    with store.writing(KIND, name) as folder:
        save(index, folder / f"{name}.npz")
        return store.put(KIND, name, folder)


def _column(columns: Sequence[str], wanted: str, usual: Sequence[str], what: str) -> str:
    if wanted and wanted not in columns:
        raise PlaygroundError(f"There is no column '{wanted}' for the {what}. There are: {', '.join(columns)}.")
    return wanted or next((column for column in usual if column in columns), "")


def _batches(texts: "Iterable[pa.StringArray] | Sequence[str]") -> "Iterator[pa.StringArray]":
    rows: list[bytes] = []
    for text in texts:
        if not isinstance(text, str):
            yield text
            continue
        rows.append(text.encode("utf-8", "surrogatepass"))
        if len(rows) == BATCH:
            yield arrow(rows)
            rows = []
    if rows:
        yield arrow(rows)


@lru_cache(maxsize=8)
def _shipped_index(name: str) -> Benchmark:
    return load(SHIPPED / f"{name}.npz")


@lru_cache(maxsize=2)
def _shipped_detector(names: tuple[str, ...], n: int) -> Detector:
    return Detector([_shipped_index(name) for name in names], n)
