"""Checking a dataset: the endpoints duplicates, contamination and licence."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import Field

from apps.dataset_explorer import contamination as leaks
from apps.dataset_explorer.ancestry import judge
from apps.dataset_explorer.detector import Hit
from apps.dataset_explorer.duplicates import Duplicates, Kind, find_duplicates_steps
from apps.dataset_explorer.keeping import keep
from apps.dataset_explorer.pairs import Pair
from shared import licences
from shared.datasets.dataset import Dataset, open_dataset
from shared.policy import OWNER, Caller
from shared.progress import Progress
from shared.settings import Column
from shared.suite import suite

EXAMPLES = 50  # pairs that are shown with their texts
CHARACTERS = 400  # of each text


@dataclass(frozen=True)
class Example:
    """A pair with what it says.

    Attributes:
        a: The first row.
        b: The second row.
        similarity: Jaccard similarity of their shingles, 0 to 1.
        text_a: Start of the first row's text.
        text_b: Start of the second row's text.
    """

    a: int
    b: int
    similarity: float
    text_a: str
    text_b: str


@dataclass(frozen=True)
class Repeated:
    """Rows that say the same.

    Attributes:
        groups: Rows that belong together, ascending; groups by their lowest row.
        pairs: Which two rows are alike and how much: a, b, similarity from 0 to 1; at most `limit`.
        removable: All rows but the lowest of each group: what can go without losing a distinct row.
        pair_count: How many pairs there are, listed or not.
        examples: The first fifty pairs with their texts.
        record: Id of the record that looks again.
    """

    groups: list[list[int]]
    pairs: list[Pair]
    removable: list[int]
    pair_count: int
    examples: list[Example]
    record: str


@dataclass(frozen=True)
class Leaked:
    """Rows that repeat items of benchmarks.

    Attributes:
        hits: Row, benchmark, item, the text of the row that is the benchmark's, and the share of the row's n-grams found.
        rows: How many rows have a hit.
        record: Id of the record that looks again.
    """

    hits: list[Hit]
    rows: int
    record: str


@dataclass(frozen=True)
class Added:
    """A test set that datasets can now be checked against.

    Attributes:
        benchmark: Its ref, which names this version for good.
        name: What `contamination` calls it.
        items: How many items it has.
        record: Id of the record that adds it again.
    """

    benchmark: str
    name: str
    items: int
    record: str


@dataclass(frozen=True)
class Licensed:
    """Whether a dataset may be used commercially.

    Attributes:
        use: yes; conditions: yes while the duties are kept; caution; unknown; no.
        licence: SPDX id of the stated licence; empty when none is.
        why: The reasons, the deciding ones first.
        duties: What to do when using or sharing it.
        conflicts: Where tag, card, parents and generators contradict each other.
        evidence: Every fact, with how it is known: stated, verified, recalled or suggested.
        advice: What this verdict is not.
        record: Id of the record that asks again.
    """

    use: str
    licence: str
    why: list[str]
    duties: list[str]
    conflicts: list[str]
    evidence: list[licences.Evidence]
    advice: str
    record: str


def duplicates(
    dataset: str,
    kind: Kind = "near",
    threshold: Annotated[float, Field(gt=0, le=1)] = 0.7,
    column: Column = "",
    limit: Annotated[int, Field(ge=0, le=1_000_000)] = 10_000,
    caller: Caller = OWNER,
) -> Iterator[Progress | Repeated]:
    """Find rows that say the same.

    Near-duplicates are found by the exact Jaccard similarity of 5-word shingles (Broder 1997), every one and no other;
    a row shorter than five words is one shingle, so no distinct short or Chinese row is ever taken for another.

    Args:
        dataset: The ref that `load` returned.
        kind: "exact": the same bytes; "normalised": the same letters and digits; "near": nearly the same words.
        threshold: For "near", the similarity from which two rows are a pair.
        column: Whose text is compared; empty compares whole rows.
        limit: How many pairs to list at most; groups and the count are always of all.
        caller: Who asks.

    Returns:
        Progress; at last the groups.

    Raises:
        PlaygroundError: The dataset or the column is unknown.
    """
    opened = open_dataset(suite().store_of(caller), dataset)
    found: Duplicates | None = None
    for item in find_duplicates_steps(opened.texts(column), kind, threshold, limit):
        if isinstance(item, Progress):
            yield item
        else:
            found = item
    assert found is not None
    settings = {"dataset": opened.ref, "kind": kind, "threshold": threshold, "column": column, "limit": limit}
    results = {"groups": len(found.groups), "pairs": found.pair_count, "removable": len(found.removable)}
    record = keep("duplicates", settings, results, caller, {"dataset": opened.ref})
    examples = _examples(opened, column, found.pairs[:EXAMPLES])
    yield Repeated(found.groups, found.pairs, found.removable, found.pair_count, examples, record)


def contamination(
    dataset: str,
    benchmarks: list[str] = [],  # noqa: B006
    n: Annotated[int, Field(ge=8, le=64)] = 10,
    column: Column = "",
    caller: Caller = OWNER,
) -> Leaked:
    """Find rows that repeat items of test sets: GSM8K, HumanEval, MBPP and MATH are known without a network.

    Args:
        dataset: The ref that `load` returned.
        benchmarks: Which test sets: gsm8k, humaneval, mbpp, math, or added ones; all that ship when empty.
        n: How many words in a row must be the same.
        column: Whose text is looked at; empty looks at whole rows.
        caller: Who asks.

    Returns:
        The hits, by row.

    Raises:
        PlaygroundError: The dataset, the column or a benchmark is unknown.
    """
    opened = open_dataset(suite().store_of(caller), dataset)
    hits = leaks.contamination(opened.texts(column), benchmarks, n, suite().store)
    rows = len({hit.row for hit in hits})
    versions = leaks.pinned(benchmarks, suite().store)
    settings: dict[str, Any] = {"dataset": opened.ref, "benchmarks": versions, "n": n, "column": column}
    record = keep("contamination", settings, {"hits": len(hits), "rows": rows}, caller, {"dataset": opened.ref})
    return Leaked(hits, rows, record)


def add_benchmark(dataset: str, name: str, question: Column = "", answer: Column = "", caller: Caller = OWNER) -> Added:
    """Make a test set of one's own known, from a dataset that was opened, so that others can be checked against it.

    Only hashes of its words are kept, never its texts.

    Args:
        dataset: The ref that `load` returned for the test set.
        name: What to call it: letters, digits, ".", "_" and "-".
        question: Column of the questions; empty takes the first of question, problem, prompt, instruction, text, input.
        answer: Column of the answers; empty takes the first of answer, solution, response, output, completion, code.
        caller: Who asks.

    Raises:
        PlaygroundError: The dataset is unknown, the name is taken or cannot be used, or a column is not there.
    """
    opened = open_dataset(suite().store_of(caller), dataset)
    rows = (row for batch in opened.batches() for row in batch.to_pylist())
    made = leaks.add_benchmark(suite().store, name, rows, question, answer)
    settings = {"dataset": opened.ref, "name": name, "question": question, "answer": answer}
    inputs = {"dataset": opened.ref}
    record = keep("add_benchmark", settings, {"items": opened.rows}, caller, inputs, {"benchmark": made.ref})
    return Added(made.ref, name, opened.rows, record)


def licence(dataset: str, tag: str = "", caller: Caller = OWNER) -> Licensed:
    """Say whether a dataset may be used commercially, and why.

    Its tag, what came with it, what is known of its parents and of the models that wrote it are compared; where they
    contradict each other, that is said. It is no legal advice.

    Args:
        dataset: The ref that `load` returned.
        tag: A licence to weigh instead of the one that the source states.
        caller: Who asks.

    Raises:
        PlaygroundError: The dataset is unknown.
    """
    opened = open_dataset(suite().store_of(caller), dataset)
    found = judge(suite().store_of(caller), opened, suite().catalog.datasets(), tag)
    settings = {"dataset": opened.ref, "tag": tag}
    results = {"conflicts": len(found.conflicts), "duties": len(found.duties)}
    record = keep("licence", settings, results, caller, {"dataset": opened.ref})
    return Licensed(
        found.use, found.licence, found.why, found.duties, found.conflicts, found.evidence, found.advice, record
    )


def _examples(opened: Dataset, column: str, pairs: list[Pair]) -> list[Example]:
    wanted = {row for pair in pairs for row in (pair.a, pair.b)}
    texts = {row: text[:CHARACTERS] for row, text in opened.texts_of(wanted, column).items()}
    return [Example(pair.a, pair.b, pair.similarity, texts[pair.a], texts[pair.b]) for pair in pairs]
