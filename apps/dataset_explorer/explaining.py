"""Why a row is flagged: the endpoint explain."""

from collections.abc import Generator, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Annotated, Any

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from apps.dataset_explorer import contamination as leaks
from apps.dataset_explorer import pii, quality
from apps.dataset_explorer.detector import Hit
from apps.dataset_explorer.duplicates import Kind, find_duplicates_steps
from apps.dataset_explorer.keeping import keep
from apps.dataset_explorer.rules import Profile as RuleProfile
from apps.dataset_explorer.rules import rule, thresholds
from shared import languages
from shared.datasets.dataset import Dataset, open_dataset
from shared.errors import PlaygroundError
from shared.policy import OWNER, Caller
from shared.progress import Progress
from shared.settings import Column
from shared.suite import Suite, suite
from shared.text import shingles, words

KINDS: tuple[Kind, ...] = ("exact", "normalised", "near")
CHARACTERS = 20_000  # of a row's text that are handed out
PARTNERS = 20  # rows that are named for each kind of duplicate
BATCH = 1_000  # rows of a group whose texts are read at once
KEPT = 12  # searches whose groups are kept: four columns or datasets, 4 bytes a row for each kind

Groups = NDArray[np.int32]


@dataclass(frozen=True)
class Reason:
    """One rule and what it found in the row.

    Attributes:
        rule: Name of the rule.
        says: What is measured.
        value: What was measured; null where the rule cannot be asked of this row.
        least: The smallest value that passes; null when there is none.
        most: The largest value that passes; null when there is none.
        broken: Whether the row breaks the rule.
        spans: Start and end of the characters at fault; none when the fault is that something is missing.
        source: The paper or reference code.
    """

    rule: str
    says: str
    value: float | None
    least: float | None
    most: float | None
    broken: bool
    spans: list[tuple[int, int]]
    source: str


@dataclass(frozen=True)
class Partner:
    """Another row that says the same.

    Attributes:
        row: The other row.
        kind: exact, normalised or near: the strictest that holds.
        similarity: Jaccard similarity of the two rows' 5-word shingles, 0 to 1.
        text: Start of its text.
    """

    row: int
    kind: Kind
    similarity: float
    text: str


@dataclass(frozen=True)
class Explanation:
    """Everything that is known of one row.

    Attributes:
        row: Its number.
        text: What was looked at, at most 20,000 characters; spans count in it.
        flagged: The rules, duplicates, test items, personal data and secrets that speak against it, in words.
        rules: Every rule of the profile with value, threshold and span, broken ones first.
        partners: Rows that say the same.
        findings: Personal data and secrets, masked.
        leaks: Test items that it repeats.
        language: ISO 639-1 code, or "und".
        confidence: How sure the language is, 0 to 1.
        record: Id of the record that explains it again.
    """

    row: int
    text: str
    flagged: list[str]
    rules: list[Reason]
    partners: list[Partner]
    findings: list[pii.Finding]
    leaks: list[Hit]
    language: str
    confidence: float
    record: str


def explain(
    dataset: str,
    row: Annotated[int, Field(ge=0)],
    column: Column = "",
    rules: RuleProfile = "instruction",
    threshold: Annotated[float, Field(gt=0, le=1)] = 0.7,
    caller: Caller = OWNER,
) -> Iterator[Progress | Explanation]:
    """Explain one row: every value with its threshold, the characters at fault, and the rows that say the same.

    Args:
        dataset: The ref that `load` returned.
        row: The row's number, from 0.
        column: Whose text is looked at; empty looks at the whole row.
        rules: Quality rules: "instruction" for short rows of questions and answers, "web" for the papers' thresholds.
        threshold: Similarity from which two rows are near-duplicates.
        caller: Who asks.

    Returns:
        Progress while the other rows are compared; at last the explanation.

    Raises:
        PlaygroundError: The dataset or the column is unknown, or there is no such row.
    """
    opened = open_dataset(suite().store_of(caller), dataset)
    if row >= opened.rows:
        raise PlaygroundError(f"There is no row {row:,}: '{opened.name}' has {opened.rows:,}, numbered from 0.")
    text = opened.texts_of({row}, column)[row]
    partners: list[Partner] = []
    for item in _partners(opened, column, row, threshold):
        if isinstance(item, Progress):
            yield item
        else:
            partners = item
    reasons = _reasons(text, rules)
    findings = pii.find([text])
    hits = leaks.contamination([text])
    (language,) = languages.detect([text])
    flagged = _flagged(reasons, partners, findings, hits)
    settings: dict[str, Any] = {
        "dataset": opened.ref,
        "row": row,
        "column": column,
        "rules": rules,
        "threshold": threshold,
    }
    results = {
        "broken": sum(each.broken for each in reasons),
        "partners": len(partners),
        "findings": len(findings),
        "leaks": len(hits),
    }
    record = keep("explain", settings, results, caller, {"dataset": opened.ref})
    yield Explanation(
        row, text[:CHARACTERS], flagged, reasons, partners, findings, hits, language.code, language.confidence, record
    )


def _partners(opened: Dataset, column: str, row: int, threshold: float) -> Iterator[Progress | list[Partner]]:
    """The other rows of this row's groups; only for "near" two rows of a group need not be alike themselves."""
    mine = opened.texts_of({row}, column)[row]
    partners: list[Partner] = []
    stricter = {row}  # rows that are alike in a stricter way, named or not
    for kind in KINDS:
        groups = yield from _groups(opened, column, kind, threshold)
        group = np.flatnonzero(groups == groups[row]).tolist() if groups[row] else []
        others = [each for each in group if each not in stricter]
        least = threshold if kind == "near" else 0.0
        partners += islice(_alike(opened, column, mine, others, kind, least), PARTNERS)
        stricter.update(others)
    yield sorted(partners, key=lambda each: (-each.similarity, each.row))


class Looked:
    """The groups that were looked for last, so that the next row of the same dataset is explained at once."""

    def __init__(self, _: Suite) -> None:
        self.groups: dict[tuple[object, ...], Groups] = {}

    def keep(self, key: tuple[object, ...], found: Groups) -> None:
        """Keep one more; the oldest goes."""
        self.groups[key] = found
        for oldest in list(self.groups)[:-KEPT]:
            self.groups.pop(oldest, None)


def _groups(opened: Dataset, column: str, kind: Kind, threshold: float) -> Generator[Progress, None, Groups]:
    """The group of each row, counted from 1; 0 for a row that no other says. Shape (rows,)."""
    looked, key = suite().own(Looked), (opened.path, column, kind, threshold if kind == "near" else 0)
    found = looked.groups.get(key)
    if found is None:
        found = np.zeros(opened.rows, np.int32)
        for item in find_duplicates_steps(opened.texts(column), kind, threshold, limit=0):
            if isinstance(item, Progress):
                yield item
                continue
            for number, group in enumerate(item.groups, 1):
                found[group] = number
        looked.keep(key, found)
    return found


def _alike(opened: Dataset, column: str, mine: str, others: list[int], kind: Kind, least: float) -> Iterator[Partner]:
    """Those of some rows, in their order, that are alike enough."""
    for first in range(0, len(others), BATCH):
        some = others[first : first + BATCH]
        texts = opened.texts_of(some, column)
        for other in some:
            similarity = _similarity(mine, texts[other])
            if similarity >= least:
                yield Partner(other, kind, similarity, texts[other][:400])


def _similarity(first: str, second: str) -> float:
    one, two = shingles(words(first)), shingles(words(second))
    union = len(one | two)
    return len(one & two) / union if union else float(first == second)


def _reasons(text: str, profile: RuleProfile) -> list[Reason]:
    judged = quality.verdicts(quality.measure([text]), profile)
    made = []
    for name, asked in thresholds(profile).items():
        value = float(judged.table.values[name][0])
        broken = bool(judged.broken[name][0])
        found = quality.spans(text, name) if broken else []
        spans = [(start, min(end, CHARACTERS)) for start, end in found if start < CHARACTERS]
        facts = rule(name)
        known = None if value != value else value
        made.append(Reason(name, facts.says, known, asked.least, asked.most, broken, spans, facts.source))
    return sorted(made, key=lambda each: not each.broken)


def _flagged(reasons: list[Reason], partners: list[Partner], findings: list[pii.Finding], hits: list[Hit]) -> list[str]:
    said = [
        f"{each.says}: {each.value:.4g}, {_bound(each)}" for each in reasons if each.broken and each.value is not None
    ]
    said += [f"says the same as row {each.row:,} ({each.kind}, similarity {each.similarity:.3f})" for each in partners]
    said += [f"holds {each.kind.replace('_', ' ')}: {each.masked}" for each in findings if not each.reserved]
    return said + [f"repeats {each.item} of {each.benchmark}" for each in hits]


def _bound(reason: Reason) -> str:
    return (
        f"at least {reason.least:g} passes"
        if reason.least is not None and (reason.value or 0) < reason.least
        else f"at most {reason.most:g} passes"
    )
