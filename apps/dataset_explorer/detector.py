"""Where texts repeat items of benchmarks: runs of words that both hold, and what they say together.

Two ways to be found, both over the words of shared/text.py:

* words: a run of n words stands in the row and in a question or an answer (GPT-3, arXiv:2005.14165, appendix C, with n = 13).
  Runs such as "1 2 3 4 5 6 7 8 9 10" are in every other text about numbers: so one of the runs has to hold at least n / 2
  different words that are neither numbers nor single letters, or half of the question or answer has to be there. A question
  or answer shorter than n has to be there as a whole; one shorter than 8 words has to be the whole row.
* loose: half of the runs of a question or answer are there when punctuation and words with digits are left out of both, and
  the words did not tell as much already.

A row that shares runs with several items of a benchmark is a hit of the one that explains most of it, then of those that
explain what is left.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from apps.dataset_explorer.benchmark_index import QUESTION, Benchmark
from apps.dataset_explorer.runs import (
    LEAST,
    MOST,
    Bools,
    Runs,
    code_bounds,
    codes,
    grams,
    slices,
    unpunctuated,
    whole_hashes,
    with_digits,
    without_numbers,
    word_hashes,
)
from shared.errors import PlaygroundError
from shared.text import LEAD, Hashes, Places, arrow, pieces, split_words, utf8

if TYPE_CHECKING:
    import pyarrow as pa

HALF = 0.5  # of a question or answer: more than template twins have in common, less than any copy
FEWEST = 5  # words of an answer that may be a whole row
TABLE_BITS = 24
SHIFT = np.uint64(64 - TABLE_BITS)

Floats = NDArray[np.float64]
Match = Literal["words", "loose", "whole"]


@dataclass(frozen=True)
class Hit:
    """A row that repeats an item of a benchmark.

    Attributes:
        row: Row of the dataset, from 0.
        benchmark: Name of the benchmark.
        item: The item, such as "gsm8k/test/17".
        text: The longest stretch of the row that stands in the item, as it is written in the row.
        coverage: Share of the row's runs of n words that stand in the item, 0 to 1.
        item_coverage: Share of the question's (or answer's) runs that stand in the row, 0 to 1.
        part: Where the runs are from.
        match: How it was found: words; loose (alike without numbers and punctuation); whole (a row of fewer than n words
            that is the item).
    """

    row: int
    benchmark: str
    item: str
    text: str
    coverage: float
    item_coverage: float
    part: Literal["question", "answer"]
    match: Match


class _Found(NamedTuple):
    """Runs of rows that stand in parts; arrays of one length.

    `start` is the run's first word in its row, `part` the part that holds it, `entry` its place in the table.
    """

    row: Places
    start: Places
    part: Places
    entry: Places

    def where(self, chosen: Bools) -> "_Found":
        return _Found(*(column[chosen] for column in self))


@dataclass(frozen=True)
class _Table:
    """Hashes of runs, sorted, with the part that each is from, and which first bits occur at all."""

    hashes: Hashes
    parts: Places
    seen: Bools

    def find(self, runs: Hashes, bounds: Places) -> _Found:
        at = np.flatnonzero(self.seen[runs >> SHIFT])
        low = np.searchsorted(self.hashes, runs[at], "left")
        many = np.searchsorted(self.hashes, runs[at], "right") - low
        at, low, many = at[many > 0], low[many > 0], many[many > 0]
        each = np.repeat(np.arange(len(at)), many)
        entry = low[each] + np.arange(len(each)) - np.repeat(np.cumsum(many) - many, many)
        row = np.searchsorted(bounds, at[each], "right") - 1
        return _Found(row, at[each] - bounds[row], self.parts[entry], entry)


def _table(hashes: Hashes, parts: Places) -> _Table:
    order = np.argsort(hashes, kind="stable")
    seen = np.zeros(1 << TABLE_BITS, dtype=np.bool_)
    seen[hashes >> SHIFT] = True
    return _Table(hashes[order], parts[order], seen)


def _run_table(texts: Runs, n: int, chosen: Bools | None = None) -> _Table:
    """The runs of n words of all texts, or of those chosen."""
    hashes, bounds = grams(texts, n)
    parts = np.repeat(np.arange(len(bounds) - 1), np.diff(bounds))
    keep = np.ones(len(parts), dtype=np.bool_) if chosen is None else chosen[parts]
    return _table(hashes[keep], parts[keep])


class Detector:
    """Looks for the items of some benchmarks in texts, batch by batch.

    Args:
        benchmarks: Indexes of benchmarks, at least one.
        n: Words in a run, 8 to 64.

    Raises:
        PlaygroundError: n is out of range.
    """

    def __init__(self, benchmarks: Sequence[Benchmark], n: int = 10) -> None:
        if not LEAST <= n <= MOST:
            raise PlaygroundError(
                f"n is {n}. Give {LEAST} to {MOST} words: shorter runs are common to texts that have nothing to do "
                "with each other, and the index cannot tell them apart."
            )
        self.n = n
        self.benchmarks = tuple(benchmarks)
        self.first = np.cumsum([0, *(len(one.ids) for one in benchmarks)])[:-1]
        """Number of each benchmark's first item, counted over all of them."""
        self.item = np.concatenate([one.item + first for one, first in zip(benchmarks, self.first, strict=True)])
        self.kind = np.concatenate([one.kind for one in benchmarks])
        self.words = np.concatenate([one.words for one in benchmarks])
        self.loose_words = np.concatenate([one.loose_words for one in benchmarks])
        parts = Runs(np.concatenate([one.codes for one in benchmarks]), code_bounds(self.words))
        loose = Runs(np.concatenate([one.loose for one in benchmarks]), code_bounds(self.loose_words))
        short = np.unique(self.words[(self.words >= LEAST) & (self.words < n)]).tolist()
        self.tables = {n: _run_table(parts, n)} | {m: _run_table(parts, m, self.words == m) for m in short}
        """By length: runs of n words, and whole parts of fewer."""
        self.loose = _run_table(loose, n)
        hashes = np.concatenate([one.whole for one in benchmarks])
        fits = np.flatnonzero((self.words < n) & ((self.kind == QUESTION) | (self.words >= FEWEST)))
        self.whole = _table(hashes[fits], fits)

    def hits(self, texts: "pa.StringArray", first: int = 0) -> list[Hit]:
        """Every row that repeats an item.

        Args:
            texts: A batch of rows.
            first: Number of its first row in the dataset.

        Returns:
            Hits by row, then by benchmark as they were given; the hits of several batches are joined by `+`.
        """
        found: list[Hit] = []
        for piece in pieces(texts):
            found += _Search(self, piece, first).hits()
            first += len(piece)
        return found

    def name(self, item: int) -> tuple[str, str]:
        """Benchmark and id of an item.

        Args:
            item: Its number, counted over all benchmarks.
        """
        place = int(np.searchsorted(self.first, item, "right")) - 1
        return self.benchmarks[place].name, self.benchmarks[place].ids[item - int(self.first[place])]


class _Search:
    """One piece of a batch: its words, their runs, and what of them stands in the benchmarks."""

    def __init__(self, detector: Detector, texts: "pa.StringArray", first: int) -> None:
        self.detector, self.first = detector, first
        self.raw, self.bounds = utf8(texts)
        self.words = split_words(texts)
        self.hashes = word_hashes(self.words)
        self.rows = self.words.rows
        self.length = np.diff(self.rows)
        self.codes = codes(self.hashes, self.rows)

    def hits(self) -> list[Hit]:
        told: dict[tuple[int, str], Hit] = {}
        settled: set[tuple[int, str]] = set()
        for hit in (*self._whole_rows(), *self._runs()):
            told.setdefault((hit.row, hit.item), hit)
            if hit.item_coverage >= HALF:
                settled.add((hit.row, hit.benchmark))
        for hit in self._loosely():
            known = told.get((hit.row, hit.item))
            if (hit.row, hit.benchmark) not in settled and (known is None or known.item_coverage < hit.item_coverage):
                told[hit.row, hit.item] = hit
        order = {one.name: place for place, one in enumerate(self.detector.benchmarks)}
        return sorted(told.values(), key=lambda hit: (hit.row, order[hit.benchmark], -hit.coverage))

    def _whole_rows(self) -> list[Hit]:
        """Rows shorter than n words that are a question or an answer; the first such item of each benchmark."""
        chosen = np.flatnonzero((self.length < self.detector.n) & (self.length > 0))
        hashes = whole_hashes(self.hashes, self.rows)[chosen]
        found = self.detector.whole.find(hashes, np.arange(len(chosen) + 1))
        hits: dict[tuple[int, str], Hit] = {}
        for place, part in zip(found.row.tolist(), found.part.tolist(), strict=True):
            row = int(chosen[place])
            text = _stretch(self._row(row), 0, int(self.length[row]))
            hit = self._hit(row, part, text, (1.0, 1.0), "whole")
            hits.setdefault((row, hit.benchmark), hit)
        return list(hits.values())

    def _runs(self) -> list[Hit]:
        """Runs of n words, and questions and answers of fewer words as a whole."""
        detector, hits = self.detector, []
        dull = with_digits(self.words) | (self.words.ends - self.words.starts == 1)
        for n, table in sorted(detector.tables.items(), reverse=True):
            found = table.find(*grams(self.codes, n))
            different = _different(self.hashes, dull, self.rows, found, n)
            share = _shares(found, np.maximum(detector.words - n + 1, 1))
            telling = (different >= n / 2) | ((share >= HALF) & (different >= 1))
            for row, part, starts, of_part in _explain(found, telling, share, detector):
                coverage = len(starts) / (int(self.length[row]) - n + 1)
                text = _stretch(self._row(row), *_longest(starts, n))
                hits.append(self._hit(row, part, text, (coverage, of_part), "words"))
        return hits

    def _loosely(self) -> list[Hit]:
        """Questions and answers with other numbers or without punctuation: at least half of their runs."""
        detector, n, hits = self.detector, self.detector.n, []
        kept = unpunctuated(self.raw)
        words = split_words(slices(self.raw[kept], np.searchsorted(kept, self.bounds)))
        hashes, rows = without_numbers(words)
        found = detector.loose.find(*grams(codes(hashes, rows), n))
        plain = np.flatnonzero(~with_digits(words))
        different = _different(hashes, words.ends[plain] - words.starts[plain] == 1, rows, found, n)
        share = _shares(found, np.maximum(detector.loose_words - n + 1, 1))
        for row, part, starts, of_part in _explain(found, (different >= n / 2) & (share >= HALF), share, detector):
            low, end = _longest(starts, n)
            first, last = plain[rows[row] + low], plain[rows[row] + end - 1]
            text = _stretch(self._row(row), int(first - words.rows[row]), int(last + 1 - words.rows[row]), loosely=True)
            coverage = len(starts) / (int(rows[row + 1] - rows[row]) - n + 1)
            hits.append(self._hit(row, part, text, (coverage, of_part), "loose"))
        return hits

    def _row(self, row: int) -> bytes:
        return self.raw[self.bounds[row] : self.bounds[row + 1]].tobytes()

    def _hit(self, row: int, part: int, text: str, shares: tuple[float, float], match: Match) -> Hit:
        benchmark, item = self.detector.name(int(self.detector.item[part]))
        return Hit(
            row=self.first + row,
            benchmark=benchmark,
            item=item,
            text=text,
            coverage=round(shares[0], 4),
            item_coverage=round(shares[1], 4),
            part="question" if self.detector.kind[part] == QUESTION else "answer",
            match=match,
        )


def _different(hashes: Hashes, dull: Bools, rows: Places, found: _Found, n: int) -> Places:
    """How many different words each found run has that say something: neither numbers nor single letters."""
    place = (rows[found.row] + found.start)[:, None] + np.arange(n)
    run = np.where(dull[place], np.uint64(0), hashes[place])
    run.sort(axis=1)
    different: Places = (run[:, 1:] != run[:, :-1]).sum(axis=1) + (run[:, 0] != 0)
    return different


def _shares(found: _Found, runs: Places) -> Floats:
    """For each found run: the share of its part's runs that stand in its row."""
    pairs = np.unique(np.stack((found.row, found.part, found.entry)), axis=1)
    keys, many = np.unique(pairs[0] * len(runs) + pairs[1], return_counts=True)
    at = np.searchsorted(keys, found.row * len(runs) + found.part)
    return many[at] / runs[found.part] if len(at) else np.zeros(0)


def _explain(
    found: _Found, telling: Bools, share: Floats, detector: Detector
) -> Iterator[tuple[int, int, Places, float]]:
    """Row, part, starts of the runs and share of the part, for the items that a row's runs are best explained by.

    An item counts when one of its runs is telling. Of each benchmark the item with most runs comes first, and another only
    when it has a run that those before it have not.
    """
    item = detector.item[found.part]
    owner = found.row * (len(detector.item) + 1) + item
    kept = np.isin(owner, owner[telling])
    found, item, share, owner = found.where(kept), item[kept], share[kept], owner[kept]
    benchmark = np.searchsorted(detector.first, item, "right")
    group = found.row * (len(detector.first) + 1) + benchmark
    for members in np.split(np.argsort(group, kind="stable"), np.flatnonzero(np.diff(np.sort(group))) + 1):
        left = members
        while len(left):
            runs = np.unique(np.stack((item[left], found.start[left])), axis=1)
            items, many = np.unique(runs[0], return_counts=True)
            best = int(items[many.argmax()])
            mine = left[item[left] == best]
            part = found.part[mine[share[mine].argmax()]]
            starts = np.unique(found.start[mine])
            yield int(found.row[mine[0]]), int(part), starts, float(share[mine].max())
            left = left[~np.isin(found.start[left], starts)]


def _longest(starts: Places, n: int) -> tuple[int, int]:
    """First word, and one past the last, of the longest stretch that overlapping runs cover."""
    breaks = np.flatnonzero(np.diff(starts) > n)
    low = starts[np.concatenate(([0], breaks + 1))]
    high = starts[np.concatenate((breaks, [len(starts) - 1]))] + n
    longest = int((high - low).argmax())
    return int(low[longest]), int(high[longest])


def _stretch(source: bytes, first: int, end: int, loosely: bool = False) -> str:
    """The words from `first` to before `end` of a text, as they are written in it; loosely: of those without punctuation."""
    lowered = source.decode("utf-8", "surrogatepass").lower().encode("utf-8", "surrogatepass")
    if len(lowered) != len(source):  # a rare capital whose lower case is longer: the places are the lowered text's
        source = lowered
    raw = np.frombuffer(source, dtype=np.uint8)
    kept = unpunctuated(raw) if loosely else np.arange(len(raw))
    words = split_words(arrow([raw[kept].tobytes()]))
    low, high = kept[words.starts[first] - LEAD], kept[words.ends[end - 1] - 1 - LEAD] + 1
    return source[low:high].decode("utf-8", "surrogatepass")
