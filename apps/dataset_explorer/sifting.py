"""The rules of a recipe applied to a dataset, without saving anything: which rows go, by which rule, and why.

The rows are read once for the rules that look at one row, once more for each kind of duplicates, and once to be written. Of
each row a few bytes are held: whether it goes, by which rule first, and by how many.
"""

import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from apps.dataset_explorer import pii
from apps.dataset_explorer.duplicates import Kind
from apps.dataset_explorer.edits import Edits, check_row, mask
from apps.dataset_explorer.recipes import CleanRules, provenance
from apps.dataset_explorer.repeats import Repeats, cell_keys, find_repeats
from apps.dataset_explorer.sieves import Reason, Sheaf, Sifted, private, sieves
from shared.datasets.dataset import Dataset
from shared.datasets.texts import column_texts, row_texts
from shared.errors import PlaygroundError
from shared.progress import Progress
from shared.store import Store

if TYPE_CHECKING:
    import pyarrow

EXCERPT = 600  # characters of a row that are shown
LEAD = 120  # of them, before what was found
EXPLAINED = 1 << 14  # rows whose reasons are held as Python's texts at once


@dataclass(frozen=True)
class Sample:
    """One row that goes by a rule.

    Attributes:
        row: Its number, from 0.
        why: Why, as a sentence.
        value: What was measured; null where nothing is.
        least: The smallest value that stays; null when there is none.
        most: The largest value that stays; null when there is none.
        text: The text that the rule looks at; of a long one the part around what was found.
        start: First character, in this text, of what was found; null when it is nowhere in particular.
        end: One after its last character.
        partner: The row that stays in its place; null when there is none.
        partner_text: The text of that row.
    """

    row: int
    why: str
    value: float | None
    least: float | None
    most: float | None
    text: str
    start: int | None
    end: int | None
    partner: int | None = None
    partner_text: str = ""


@dataclass
class RuleCount:
    """What one rule drops.

    Attributes:
        rule: Its name, such as "near", "language" or "quality:gopher_words".
        says: What it drops, for a person.
        rows: Rows that it drops, whether another rule drops them too or not.
        alone: Rows that no other rule drops.
        samples: Some of the rows, the first ones.
    """

    rule: str
    says: str
    rows: int = 0
    alone: int = 0
    samples: list[Sample] = field(default_factory=list)


@dataclass(frozen=True)
class Removed:
    """A row that goes.

    Attributes:
        row: Its number in the source, from 0.
        rule: The first of the rules that drop it.
        rules: How many rules drop it.
        why: Why, as a sentence.
    """

    row: int
    rule: str
    rules: int
    why: str


class Sifting:
    """The work on one dataset: `run` first, then what it found.

    Args:
        source: The dataset.
        rules: The rules.
        store: Where added benchmarks are.
        samples: How many rows of each rule to show.
        listed: How many of the rows that go to explain; None is all.

    Raises:
        PlaygroundError: A setting names something that there is not, or contradicts another.

    Attributes:
        gone: Which rows go. Shape (rows,).
        masked: In which rows something was masked. Shape (rows,).
        counts: What each rule drops, in the order in which the rules were asked.
    """

    def __init__(self, source: Dataset, rules: CleanRules, store: Store, samples: int, listed: int | None) -> None:
        import pyarrow.parquet as pq

        for row in rules.rows:
            check_row(row, source.rows)
        for name in (rules.column, rules.duplicates_column):
            if name and name not in source.types:
                raise PlaygroundError(f"There is no column '{name}'. There are: {', '.join(source.columns[:50])}.")
        self._source, self._rules, self._samples, self._listed = source, rules, samples, listed
        self._sieves = sieves(rules, source.shape, store)
        self._edits = Edits(rules.edits, pq.read_schema(source.path), source.rows)
        self._masks = [kind for kind, handling in private(rules).items() if handling == "mask"]
        hidden = provenance(source)
        self._columns = [name for name in source.columns if name not in hidden]
        self.gone = np.zeros(source.rows, np.bool_)
        self.masked = np.zeros(source.rows, np.bool_)
        self.counts: dict[str, RuleCount] = {}
        self._times = np.zeros(source.rows, np.uint16)
        self._first = np.full(source.rows, -1, np.int16)
        self._log: list[tuple[NDArray[np.int64], pyarrow.Array]] = []

    def run(self) -> Iterator[Progress]:
        """Find the rows that go."""
        yield from self._sift()
        self.gone = self._times > 0
        yield from self._find_repeats()
        self.gone = self._times > 0
        alone = self._first[self._times == 1]
        for code, count in enumerate(self.counts.values()):
            count.alone = int(np.count_nonzero(alone == code))

    def batches(self) -> "Iterator[tuple[int, pyarrow.RecordBatch]]":
        """Every batch, edited and masked, with the number of its first row."""
        first = 0
        for batch in self._source.batches():
            rows = np.flatnonzero(self.masked[first : first + batch.num_rows])
            yield first, mask(self._edits.apply(batch, first), rows, self._masked_columns(), self._masks)
            first += batch.num_rows

    def removed(self) -> "pyarrow.Table":
        """The rows that go, ascending: `row`, `rule` (the first of them), `rules` (how many) and `why`; those explained."""
        import pyarrow as pa

        rows = np.concatenate([np.zeros(0, np.int64), *(places for places, _ in self._log)])
        why = pa.chunked_array([texts for _, texts in self._log], pa.string())
        order = np.argsort(rows, kind="stable")[: self._listed]
        names = pa.array(list(self.counts), pa.string())
        codes = pa.array(self._first[rows[order]], pa.int16())
        return pa.table(
            {
                "row": pa.array(rows[order]),
                "rule": names.take(codes),
                "rules": pa.array(self._times[rows[order]], pa.uint16()),
                "why": why.take(pa.array(order)).combine_chunks(),
            }
        )

    def _masked_columns(self) -> list[str]:
        return [self._rules.column] if self._rules.column else self._columns

    def _texts(self, batch: "pyarrow.RecordBatch", column: str) -> "pyarrow.StringArray":
        import pyarrow.compute as pc

        if column:
            return pc.fill_null(column_texts(batch.column(column)), "")
        return row_texts(batch.select(self._columns))

    def _sift(self) -> Iterator[Progress]:
        """One pass over the rows with the rules that look at one row."""
        started = time.monotonic()
        first = 0
        if not self._sieves:
            return
        for raw in self._source.batches():
            batch = self._edits.apply(raw, first)
            if self._masks:
                found = pii.find(self._texts(batch, self._rules.column), self._masks)
                rows = np.array(sorted({each.row for each in found if not each.reserved}), np.int64)
                self.masked[first + rows] = True
                batch = mask(batch, rows, self._masked_columns(), self._masks)
            sheaf = Sheaf(batch, self._texts(batch, self._rules.column), first)
            self._ask(sheaf)
            first += batch.num_rows
            left = (time.monotonic() - started) * (self._source.rows - first) / max(1, first)
            yield Progress("Checking rows", first, self._source.rows, left)

    def _ask(self, sheaf: Sheaf) -> None:
        """Let every sieve see a batch."""
        fresh: list[tuple[int, Sifted, int]] = []
        for sieve in self._sieves:
            for sifted in sieve(sheaf):
                rows = sheaf.first + sifted.rows
                new = np.flatnonzero(self._count(sifted.rule, sifted.says, rows))
                fresh += [(int(rows[at]), sifted, at) for at in new.tolist()] if self._room() != 0 else []
                samples = self.counts[sifted.rule].samples
                for at in range(min(len(rows), self._samples - len(samples))):
                    samples.append(_sample(int(rows[at]), sifted.shown(at), sheaf.text(int(sifted.rows[at]))))
        fresh.sort(key=lambda each: each[0])
        self._explain([(row, sifted.reason(at).why) for row, sifted, at in fresh[: self._room()]])

    def _count(self, rule: str, says: str, rows: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Note that a rule drops rows; returns for which of them it is the first."""
        count = self.counts.setdefault(rule, RuleCount(rule, says))
        count.rows += len(rows)
        new: NDArray[np.bool_] = self._times[rows] == 0
        self._first[rows[new]] = list(self.counts).index(rule)
        self._times[rows] += 1
        return new

    def _room(self) -> int | None:
        """How many more rows are to be explained; None is no limit."""
        if self._listed is None:
            return None
        return max(0, self._listed - sum(len(places) for places, _ in self._log))

    def _explain(self, reasons: list[tuple[int, str]]) -> None:
        import pyarrow as pa

        if reasons:
            rows, why = zip(*reasons, strict=True)
            self._log.append((np.array(rows, np.int64), pa.array(why, pa.string())))

    def _find_repeats(self) -> Iterator[Progress]:
        """Every kind of duplicates that is asked for, each among all rows."""
        chosen: list[Kind] = [kind for kind in ("exact", "normalised", "near") if getattr(self._rules, kind)]
        found: list[Repeats] = []
        for kind in chosen:
            for item in find_repeats(kind, self._compared(kind), self._rules.threshold, self.gone):
                if isinstance(item, Progress):
                    yield Progress(f"{item.stage} for {kind} duplicates", item.done, item.total, item.eta_seconds)
                else:
                    found.append(item)
        for each in found:
            new = np.flatnonzero(self._count(each.kind, each.says, each.rows))[: self._listed]
            for part in np.split(new, range(EXPLAINED, len(new), EXPLAINED)):
                self._explain([(int(each.rows[at]), each.reason(at).why) for at in part.tolist()])
        self._show(found)

    def _compared(self, kind: Kind) -> "Iterator[pyarrow.Array]":
        column = self._rules.duplicates_column
        for _, batch in self.batches():
            whole = kind == "exact" and not column
            yield cell_keys(batch.select(self._columns)) if whole else self._texts(batch, column)

    def _show(self, found: list[Repeats]) -> None:
        """Samples of duplicates: read again as far as the last row that is shown."""
        wanted = {int(row) for each in found for rows in (each.rows, each.partners) for row in rows[: self._samples]}
        texts: dict[int, str] = {}
        for first, batch in self.batches() if wanted else ():
            here = [row for row in wanted if first <= row < first + batch.num_rows]
            column = self._texts(batch, self._rules.duplicates_column) if here else None
            texts |= {row: column[row - first].as_py() for row in here} if column is not None else {}
            if len(texts) == len(wanted):
                break
        for each in found:
            for at in range(min(len(each.rows), self._samples)):
                row, partner = int(each.rows[at]), int(each.partners[at])
                sample = _sample(row, each.reason(at), texts[row], excerpt(texts[partner])[0])
                self.counts[each.kind].samples.append(sample)


def _sample(row: int, reason: Reason, text: str, partner_text: str = "") -> Sample:
    shown, start, end = excerpt(text if reason.text is None else reason.text, reason.start, reason.end)
    return Sample(
        row, reason.why, reason.value, reason.least, reason.most, shown, start, end, reason.partner, partner_text
    )


def excerpt(text: str, start: int | None = None, end: int | None = None) -> tuple[str, int | None, int | None]:
    """What is shown of a text: all of a short one, else 600 characters around what was found.

    Args:
        text: The text.
        start: First character of what was found.
        end: One after its last character.

    Returns:
        The excerpt, with "…" where it is cut, and the places of what was found in it.
    """
    if len(text) <= EXCERPT:
        return text, start, end
    begin = max(0, min((start or 0) - LEAD, len(text) - EXCERPT))
    shown = text[begin : begin + EXCERPT]
    head = "…" if begin else ""
    tail = "…" if begin + EXCERPT < len(text) else ""
    if start is None or end is None:
        return shown + tail, None, None
    shift = len(head) - begin
    return head + shown + tail, start + shift, min(end + shift, len(head) + EXCERPT)
