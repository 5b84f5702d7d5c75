"""How varied the texts of a dataset are, as partial results that merge.

Words are those of `shared.text`, over all rows; no n-gram crosses from one row into the next.

* distinct-n: different n-grams / n-grams (Li et al., A diversity-promoting objective function for neural conversation models,
  2016, arXiv:1510.03055), for the whole dataset. Falls as a dataset grows: compare datasets of one size.
* entropy: -Σ p log2 p over the words, in bits.
* MATTR: the mean of types / tokens over every window of 100 consecutive words (Covington and McFall, Cutting the Gordian knot:
  the moving-average type-token ratio, 2010). The rows follow one another as one text, and windows run across their borders:
  so it does not depend on how long the rows are, nor on how many there are. A dataset of fewer words is one window.
* compression ratio: bytes / bytes after gzip at level 9, of the rows joined by newlines (Shaib et al., Standardizing the
  measurement of text diversity, 2024, arXiv:2403.00553). More means more repetition.
* Vendi score: exp of the entropy of the eigenvalues of K / n, where K holds the cosine of every two embeddings (Friedman and
  Dieng, The Vendi score, 2022, arXiv:2210.02410): how many entirely different rows would be as varied.

Words and n-grams are counted by 64-bit hashes: two of a million n-grams share one with a probability of 3e-8.
"""

import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from shared.text import Hashes, Places, byte_rows, pieces, split_words, windows

if TYPE_CHECKING:
    import pyarrow as pa

WINDOW = 100  # words of MATTR
PILE = 1 << 18  # hashes sorted at once, at least
GZIP = 31  # zlib's name for a gzip stream, whose time stamp is then 0


@dataclass(frozen=True)
class Diversity:
    """How varied the texts of a dataset are. Without words, every number is 0.

    Attributes:
        distinct_1: Different words / words, 0 to 1.
        distinct_2: Different pairs of consecutive words / pairs, 0 to 1.
        distinct_3: Different triples of consecutive words / triples, 0 to 1.
        entropy_bits: Entropy of the words, in bits.
        mattr: Mean of different words / words over all windows of 100 words, 0 to 1.
        compression_ratio: Bytes of the rows joined by newlines / bytes of their gzip.
        types: Different words.
        tokens: Words.
    """

    distinct_1: float
    distinct_2: float
    distinct_3: float
    entropy_bits: float
    mattr: float
    compression_ratio: float
    types: int
    tokens: int


@dataclass(frozen=True)
class Partial:
    """What is known of some consecutive rows; two of these make one of all their rows, on any machine and in any nesting.

    Every figure of the merged result is exactly that of all rows at once, but for the compression ratio: each part is
    compressed on its own, as the members of one gzip file are, and cannot refer back to the part before. That costs about
    1.2 kB of gzip a part, 0.1 % for parts of 3 MB. A `Meter` that sees all rows in their order gives the exact ratio.

    Attributes:
        rows: Rows seen.
        words: Hash of each different word, ascending.
        counts: How often each of `words` occurs.
        pairs: Hash of each different pair of words, ascending.
        triples: Hash of each different triple of words, ascending.
        grams: Pairs and triples in all.
        head: Hashes of the first 99 words.
        tail: Hashes of the last 99 words.
        varied: Different words in each window of 100, summed over all windows.
        windows: Windows of 100 words.
        raw: Bytes of the rows joined by newlines.
        packed: Bytes of their gzip.
    """

    rows: int
    words: Hashes
    counts: Places
    pairs: Hashes
    triples: Hashes
    grams: tuple[int, int]
    head: Hashes
    tail: Hashes
    varied: int
    windows: int
    raw: int
    packed: int

    def merge(self, other: "Partial") -> "Partial":
        """These rows, and then the others.

        Args:
            other: What is known of the rows that follow these.
        """
        words, counts = _summed([self.words, other.words], [self.counts, other.counts])
        varied, seam = _varied(np.concatenate((self.tail, other.head)))
        return Partial(
            rows=self.rows + other.rows,
            words=words,
            counts=counts,
            pairs=_united([self.pairs, other.pairs]),
            triples=_united([self.triples, other.triples]),
            grams=(self.grams[0] + other.grams[0], self.grams[1] + other.grams[1]),
            head=np.concatenate((self.head, other.head))[: WINDOW - 1],
            tail=np.concatenate((self.tail, other.tail))[-WINDOW + 1 :],
            varied=self.varied + varied + other.varied,
            windows=self.windows + seam + other.windows,
            raw=self.raw + other.raw + (1 if self.rows and other.rows else 0),
            packed=self.packed + other.packed,
        )

    def result(self) -> Diversity:
        """The figures for these rows."""
        types, tokens = int(self.words.size), int(self.counts.sum())
        share = self.counts / max(1, tokens)
        return Diversity(
            distinct_1=_ratio(types, tokens),
            distinct_2=_ratio(self.pairs.size, self.grams[0]),
            distinct_3=_ratio(self.triples.size, self.grams[1]),
            entropy_bits=abs(float(np.sum(share * np.log2(share)))),
            mattr=_ratio(self.varied, self.windows * WINDOW) if self.windows else _ratio(types, tokens),
            compression_ratio=_ratio(self.raw, self.packed),
            types=types,
            tokens=tokens,
        )


class Meter:
    """Sees rows go by in their order, and says what is known of them so far."""

    def __init__(self) -> None:
        self._rows, self._raw, self._packed, self._varied, self._windows = 0, 0, 0, 0, 0
        self._grams = [0, 0]
        self._words, self._pairs, self._triples = _Pile(), _Pile(), _Pile()
        self._head = self._tail = np.zeros(0, dtype=np.uint64)
        self._gzip = zlib.compressobj(9, zlib.DEFLATED, GZIP)

    def add(self, texts: "pa.StringArray") -> None:
        """Take in the next rows.

        Args:
            texts: Rows of text; a null is an empty row.
        """
        for piece in pieces(texts):
            words = split_words(piece)
            codes = words.hashes()
            self._words.add(codes)
            for place, pile in enumerate((self._pairs, self._triples)):
                grams, _ = windows(codes, words.rows, place + 2)
                self._grams[place] += grams.size
                pile.add(grams)
            varied, count = _varied(np.concatenate((self._tail, codes)))
            self._varied, self._windows = self._varied + varied, self._windows + count
            if self._head.size < WINDOW - 1:
                self._head = np.concatenate((self._head, codes))[: WINDOW - 1]
            self._tail = np.concatenate((self._tail, codes))[-WINDOW + 1 :]
            self._compress(piece)

    def partial(self) -> Partial:
        """What is known of the rows so far; more may follow."""
        (words, counts), (pairs, _), (triples, _) = (pile.sums() for pile in (self._words, self._pairs, self._triples))
        return Partial(
            rows=self._rows,
            words=words,
            counts=counts,
            pairs=pairs,
            triples=triples,
            grams=(self._grams[0], self._grams[1]),
            head=self._head,
            tail=self._tail,
            varied=self._varied,
            windows=self._windows,
            raw=self._raw,
            packed=self._packed + len(self._gzip.copy().flush()),
        )

    def _compress(self, texts: "pa.StringArray") -> None:
        data = b"\n".join(byte_rows(texts))
        if self._rows:
            data = b"\n" + data
        self._rows += len(texts)
        self._raw += len(data)
        self._packed += len(self._gzip.compress(data))


def measure(texts: "Iterable[pa.StringArray]") -> Partial:
    """What there is to know of some consecutive rows.

    Args:
        texts: The rows as Arrow arrays, in row order.
    """
    meter = Meter()
    for array in texts:
        meter.add(array)
    return meter.partial()


def vendi_score(embeddings: NDArray[Any]) -> float:
    """How many entirely different rows would be as varied as these: from 1, all alike, to their number.

    Args:
        embeddings: One row each, of any length but zero; shape (rows, dimensions).

    Returns:
        The score; 0 for no rows.
    """
    unit = _unit(embeddings)
    if not len(unit):
        return 0.0
    gram = unit.T @ unit if len(unit) > unit.shape[1] else unit @ unit.T  # both have the same eigenvalues but for zeros
    values = np.linalg.eigvalsh(gram / len(unit))
    values = values[values > 0]
    return float(np.exp(-np.sum(values * np.log(values))))


def mean_pairwise_cosine(embeddings: NDArray[Any]) -> float:
    """How alike two rows are on average: the mean cosine of all pairs of different rows; 1 minus it is the dispersion.

    Args:
        embeddings: One row each, of any length but zero; shape (rows, dimensions).

    Returns:
        The mean, -1 to 1; 1 for fewer than two rows.
    """
    unit = _unit(embeddings)
    if len(unit) < 2:
        return 1.0
    total = unit.sum(axis=0)
    return float((total @ total - np.sum(unit * unit)) / (len(unit) * (len(unit) - 1)))


class _Pile:
    """Hashes and how often each was added; sorted in batches, so that each is sorted a few times in all."""

    def __init__(self) -> None:
        self._hashes: list[Hashes] = [np.zeros(0, dtype=np.uint64)]
        self._counts: list[Places] = [np.zeros(0, dtype=np.int64)]
        self._waiting = 0

    def add(self, hashes: Hashes) -> None:
        ordered = np.sort(hashes)
        first = np.flatnonzero(np.append(True, ordered[1:] != ordered[:-1])[: ordered.size])
        self._hashes.append(ordered[first])
        self._counts.append(np.diff(np.append(first, ordered.size)))
        self._waiting += first.size
        if self._waiting > max(PILE, self._hashes[0].size):
            self.sums()

    def sums(self) -> tuple[Hashes, Places]:
        hashes, counts = _summed(self._hashes, self._counts)
        self._hashes, self._counts, self._waiting = [hashes], [counts], 0
        return hashes, counts


def _summed(hashes: list[Hashes], counts: list[Places]) -> tuple[Hashes, Places]:
    """The different hashes, ascending, with their counts added up."""
    every, times = np.concatenate(hashes), np.concatenate(counts)
    if not every.size:
        return every, times
    order = np.argsort(every)
    every = every[order]
    first = np.flatnonzero(np.append(True, every[1:] != every[:-1]))
    return every[first], np.add.reduceat(times[order], first)


def _united(hashes: list[Hashes]) -> Hashes:
    every = np.concatenate(hashes)
    every.sort()
    first = np.flatnonzero(np.append(True, every[1:] != every[:-1])[: every.size])
    return every[first]


def _varied(codes: Hashes) -> tuple[int, int]:
    """The different words of each full window, summed over the windows; and how many windows there are.

    A word counts in a window when it has not been there before in that window: in those that start after its previous
    occurrence, and hold it.
    """
    count = codes.size - WINDOW + 1
    if count < 1:
        return 0, 0
    _, number = np.unique(codes, return_inverse=True)
    keys = np.sort(number << 32 | np.arange(codes.size))
    place, same = keys & 0xFFFFFFFF, np.append(False, keys[1:] >> 32 == keys[:-1] >> 32)
    earliest = np.maximum(place - WINDOW + 1, 0)
    earliest[1:] = np.where(same[1:], np.maximum(earliest[1:], place[:-1] + 1), earliest[1:])
    return int(np.maximum(np.minimum(place, count - 1) - earliest + 1, 0).sum()), count


def _unit(embeddings: NDArray[Any]) -> NDArray[np.float64]:
    rows = np.asarray(embeddings, dtype=np.float64)
    length = np.linalg.norm(rows, axis=1, keepdims=True)
    return rows / np.where(length > 0, length, 1.0)


def _ratio(part: int, whole: int) -> float:
    return part / whole if whole else 0.0
