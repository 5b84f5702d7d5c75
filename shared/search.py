"""Search in rows of text: keywords (BM25), regular expressions in linear time, and nearest vectors.

Keywords are product words (`shared.text`), so that Chinese needs no dictionary; two Han or Kana characters that touch are
a term of their own besides, as in Lucene's CJK analyser with unigrams. The score is Lucene's variant of BM25 (Robertson
and Zaragoza, The Probabilistic Relevance Framework, 2009; Kamphuis et al., Which BM25 do you mean?, ECIR 2020, "Lucene
(accurate)"):

    score(d, q) = sum over the terms t of q of  ln(1 + (N - n_t + 0.5) / (n_t + 0.5)) * f_td / (f_td + k1 * (1 - b + b * |d| / avgdl))

with N rows, n_t rows that hold t, f_td occurrences of t in d, |d| words of d, k1 = 1.2, b = 0.75. Equal scores are in the
order of the rows.
"""

import math
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from itertools import islice, pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from shared.characters import ALONE, characters
from shared.embedding import Embedder, EmbeddingCache, Vectors, embed
from shared.errors import PlaygroundError
from shared.expressions import compile_pattern
from shared.progress import Progress
from shared.text import Words, split_words, words
from shared.utf8 import byte_rows, pieces

if TYPE_CHECKING:
    import pyarrow as pa

K1, B = 1.2, 0.75
_SPANS = 100
_PAIR = np.uint64(0xA0761D6478BD642F)

Ints = NDArray[np.int64]
Hashes = NDArray[np.uint64]
Spans = list[tuple[int, int]]


@dataclass(frozen=True)
class Hit:
    """A row that was found.

    Attributes:
        row: The row, counted from 0.
        score: BM25, cosine, or the number of matches; more is better.
        spans: Start and end (one after the last) of the characters that match, at most 100.
    """

    row: int
    score: float
    spans: Spans


@dataclass(frozen=True)
class Found:
    """What a search found.

    Attributes:
        hits: The best rows, best first.
        total: Rows that match at all.
    """

    hits: list[Hit]
    total: int


class BrokenIndex(PlaygroundError):
    """A file is no keyword index, or was torn by a crash or a full disk: it has to be built again."""


class KeywordIndex:
    """Which rows hold which terms, and how often."""

    def __init__(self, terms: Sequence[str], starts: Ints, rows: Ints, counts: Ints, lengths: Ints) -> None:
        self._terms = terms
        self._starts, self._rows, self._counts, self._lengths = starts, rows, counts, lengths

    @classmethod
    def build(cls, texts: "Iterable[pa.StringArray]") -> "KeywordIndex":
        """Index the rows of all arrays, in their order.

        Args:
            texts: Arrays of rows, such as `Dataset.texts` yields; null is an empty row.
        """
        building = _Building()
        for array in texts:
            building.add_all(array)
        return building.finish()

    def __len__(self) -> int:
        return len(self._lengths)

    @cached_property
    def _places(self) -> dict[str, int]:
        return {term: place for place, term in enumerate(self._terms)}

    def scores(self, query: str) -> NDArray[np.float64]:
        """The BM25 score of every row; 0 for a row with no term of the query. Shape (rows,).

        Args:
            query: Words; a word that is there twice counts twice.
        """
        total = np.zeros(len(self), np.float64)
        mean = self._lengths.mean() if len(self) else 1.0
        shrink = K1 * (1 - B + B * self._lengths / (mean or 1.0))
        for term, times in sorted(Counter(terms(query)).items()):
            place = self._places.get(term)
            if place is None:
                continue
            span = slice(self._starts[place], self._starts[place + 1])
            rows, counts = self._rows[span], self._counts[span]
            rarity = math.log(1 + (len(self) - len(rows) + 0.5) / (len(rows) + 0.5))
            total[rows] += times * rarity * counts / (counts + shrink[rows])
        return total

    def search(self, query: str, limit: int = 20) -> Found:
        """The rows with the highest scores; `mark` finds the spans in their texts.

        Args:
            query: Words.
            limit: At most so many rows.
        """
        scores = self.scores(query)
        return _best(scores, scores > 0, limit)

    def save(self, path: Path) -> None:
        """Write the index to one file.

        Args:
            path: Where to; the name should end in ".npz".
        """
        packed = "\0".join(self._terms).encode("utf-8", "surrogatepass")
        np.savez(
            path, terms=np.frombuffer(packed, np.uint8), starts=self._starts, rows=self._rows, counts=self._counts,
            lengths=self._lengths,
        )  # fmt: skip

    @classmethod
    def load(cls, path: Path) -> "KeywordIndex":
        """Read an index that `save` wrote.

        Args:
            path: The file.

        Raises:
            BrokenIndex: The file is not an index, or only a part of one.
        """
        try:
            with path.open("rb") as opened, np.load(opened, allow_pickle=False) as file:
                packed = file["terms"].tobytes().decode("utf-8", "surrogatepass")
                listed = packed.split("\0") if packed else []
                return cls(listed, file["starts"], file["rows"], file["counts"], file["lengths"])
        except (OSError, ValueError, KeyError, EOFError, BadZipFile) as problem:
            raise BrokenIndex(f"'{path.name}' is not a keyword index. Delete it and build it again.") from problem


class _Building:
    """A keyword index that grows piece by piece."""

    def __init__(self) -> None:
        self._lengths: list[Ints] = []
        self._known = np.zeros(0, np.uint64)
        self._texts: dict[int, str] = {}
        self._postings: list[tuple[Hashes, Ints, Ints]] = []
        self.rows = 0

    def add_all(self, texts: "pa.StringArray") -> None:
        """Add rows."""
        for piece in pieces(texts):
            self._add(split_words(piece))

    def _add(self, found: Words) -> None:
        lengths = np.diff(found.rows)
        rows = np.repeat(np.arange(len(lengths)), lengths)
        pair = _pairs(found, rows)
        codes = found.hashes()
        codes = np.concatenate((codes, codes[pair] * _PAIR + codes[pair + 1]))
        place = np.concatenate((np.arange(len(rows)), pair))
        rows = np.concatenate((rows, rows[pair]))
        distinct, number = np.unique(codes, return_inverse=True)
        keys, counts = np.unique(number * max(1, len(lengths)) + rows, return_counts=True)
        number_of, row = np.divmod(keys, max(1, len(lengths)))
        self._postings.append((distinct[number_of], row + self.rows, counts))
        self._lengths.append(lengths)
        self.rows += len(lengths)
        first = np.zeros(len(distinct), np.int64)
        first[number[::-1]] = np.arange(len(codes))[::-1]
        for new in np.flatnonzero(~np.isin(distinct, self._known)).tolist():
            at = first[new]
            last = place[at] + (at >= len(found.starts))
            word = found.data[found.starts[place[at]] : found.ends[last]].tobytes()
            self._texts[int(distinct[new])] = word.decode("utf-8", "surrogatepass")
        self._known = np.union1d(self._known, distinct)

    def finish(self) -> KeywordIndex:
        """The index of everything that was added."""
        nothing = np.zeros(0, np.uint64), np.zeros(0, np.int64), np.zeros(0, np.int64)
        codes, rows, counts = (np.concatenate(parts) for parts in zip(nothing, *self._postings, strict=True))
        order = np.argsort(codes, kind="stable")
        starts = np.append(np.searchsorted(codes[order], self._known), len(codes))
        terms = [self._texts[code] for code in self._known.tolist()]
        lengths = np.concatenate([np.zeros(0, np.int64), *self._lengths])
        return KeywordIndex(terms, starts, rows[order], counts[order], lengths)


def _pairs(found: Words, rows: Ints) -> Ints:
    """Words that are one Han or Kana character and touch another such word of their row."""
    if len(rows) < 2:
        return np.zeros(0, np.int64)
    touching = np.flatnonzero((found.ends[:-1] == found.starts[1:]) & (rows[:-1] == rows[1:]))
    lead = found.data[found.starts]
    alone = np.zeros(len(rows), np.bool_)
    for size, low, high in ((3, 0xE0, 0xF0), (4, 0xF0, 0xF8)):
        at = np.flatnonzero((lead >= low) & (lead < high))
        start = found.starts[at]
        code = lead[at].astype(np.int64) & (0x7F >> size)
        for step in range(1, size):
            code = code << 6 | (found.data[start + step] & 0x3F)
        alone[at] = characters()[code] == ALONE
    return touching[alone[touching] & alone[touching + 1]]


def build_index(texts: "Iterable[pa.StringArray]", rows: int = 0) -> Iterator[Progress | KeywordIndex]:
    """Index the rows of all arrays, saying how far it is.

    Args:
        texts: Arrays of rows, such as `Dataset.texts` yields.
        rows: How many rows there are; 0 when that is not known.

    Returns:
        Progress after each array; at last the index.
    """
    building = _Building()
    for array in texts:
        building.add_all(array)
        yield Progress("Indexing words", building.rows, rows)
    yield building.finish()


@cache
def _word() -> Any:
    """A product word, as `shared.text.words` finds them, but with its place."""
    import regex

    script = r"\p{Han}\p{Hiragana}\p{Katakana}"
    return regex.compile(rf"(?V1)[{script}]|[[\p{{L}}\p{{M}}\p{{N}}_]--[{script}]]+")


def terms(text: str) -> list[str]:
    """What a text is searched by: its words, and each pair of Han or Kana characters that touch.

    Args:
        text: A query or a row.
    """
    found = list(_word().finditer(text.lower()))
    pairs = [
        one.group() + two.group()
        for one, two in pairwise(found)
        if one.end() == two.start() and _is_alone(one.group()) and _is_alone(two.group())
    ]
    return [each.group() for each in found] + pairs


def _is_alone(word: str) -> bool:
    return len(word) == 1 and bool(characters()[ord(word)] == ALONE)


def mark(text: str, query: str) -> Spans:
    """Where the words of a query stand in a text; words that touch are one span.

    Args:
        text: A row.
        query: The query that found it.
    """
    wanted = set(words(query))
    found: Spans = []
    for match in _word().finditer(text):
        if match.group().lower() not in wanted:
            continue
        if found and found[-1][1] == match.start():
            found[-1] = (found[-1][0], match.end())
        else:
            found.append(match.span())
    return found[:_SPANS]


def _best(scores: NDArray[np.floating[Any]], matching: NDArray[np.bool_], limit: int) -> Found:
    """The rows with the highest scores among those that match; equal scores in the order of the rows."""
    rows = np.flatnonzero(matching)
    order = rows[np.lexsort((rows, -scores[rows]))][:limit]
    return Found([Hit(int(row), float(scores[row]), []) for row in order], len(rows))


def find_pattern(
    texts: "Iterable[pa.StringArray]", pattern: str, limit: int = 20, ignore_case: bool = False, rows: int = 0
) -> Iterator[Progress | Found]:
    """The rows that match a regular expression, in their order. The time is linear in their length, whatever the pattern.

    Args:
        texts: Arrays of rows, such as `Dataset.texts` yields.
        pattern: A regular expression in RE2's syntax.
        limit: At most so many rows; all are counted.
        ignore_case: Whether capitals match small letters.
        rows: How many rows there are; 0 when that is not known.

    Returns:
        Progress after each array; at last what was found, where a score is the number of matches that
            are not empty, among the first 100.

    Raises:
        PlaygroundError: The pattern has a fault, or asks for what linear time cannot give.
    """
    compiled = compile_pattern(pattern, ignore_case)
    hits: list[Hit] = []
    total = done = 0
    for array in texts:
        for row in byte_rows(array):
            if compiled.search(row) is not None:
                total += 1
                if len(hits) < limit:
                    hits.append(_hit(done, row, compiled))
            done += 1
        yield Progress("Matching", done, rows)
    yield Found(hits, total)


def _hit(number: int, row: bytes, compiled: Any) -> Hit:
    # Finding all matches can take the square of the row's length, even where finding one is linear: stop at a hundred.
    spans: Spans = []
    place = seen = 0
    for start, end in (match.span() for match in islice(compiled.finditer(row), _SPANS)):
        if start < end:
            begin = seen + len(row[place:start].decode("utf-8", "surrogatepass"))
            place, seen = end, begin + len(row[start:end].decode("utf-8", "surrogatepass"))
            spans.append((begin, seen))
    return Hit(number, float(len(spans)), spans)


def find_nearest(vectors: Vectors, query: Vectors, limit: int = 20) -> Found:
    """The rows whose vectors have the highest cosine with a query's, exactly.

    Args:
        vectors: One of length 1 a row. Shape (rows, size).
        query: Shape (size,), of length 1.
        limit: At most so many rows.
    """
    return _best(vectors @ query, np.ones(len(vectors), np.bool_), limit)


def find_meaning(
    texts: Sequence[str], query: str, embedder: Embedder, cache: EmbeddingCache | None = None, limit: int = 20
) -> Iterator[Progress | Found]:
    """The rows that are nearest in meaning to a query.

    Args:
        texts: All rows.
        query: A question or a sentence.
        embedder: What turns texts into vectors.
        cache: Where vectors are kept; None keeps none.
        limit: At most so many rows.

    Returns:
        Progress while rows are embedded; at last what was found, where a score is the cosine, between -1 and 1.
    """
    asked = embedder.embed([query])[0]
    for item in embed(texts, embedder, cache):
        yield item if isinstance(item, Progress) else find_nearest(item, asked, limit)
