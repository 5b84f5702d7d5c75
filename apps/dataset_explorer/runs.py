"""Runs of words as numbers: what the index of a benchmark is made of, and what a row is compared by.

These numbers are shipped, so nothing here may change without making the index anew; `probe` tells when it did.
"""

import string
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from shared.text import Bytes, Hashes, Places, Words, arrow, split_words, utf8

if TYPE_CHECKING:
    import pyarrow as pa

SHINGLE = 5  # words in a code
LEAST, MOST = 8, 64  # words in a run that can be looked for
RADIX = np.uint64(0x9E3779B97F4A7C15)  # odd, so that it has an inverse modulo 2^64
INVERSE = np.uint64(pow(int(RADIX), -1, 2**64))
PUNCTUATION = np.array([chr(code) in string.punctuation.replace("_", "") for code in range(256)])
PUNCTUATION.setflags(write=False)
PROBE = "The Quick brown fox, in 1 line: 4 probes & 二 words"

Codes = NDArray[np.uint16]
Bools = NDArray[np.bool_]


@dataclass(frozen=True)
class Runs:
    """Codes of texts in order: text i has the codes rows[i]:rows[i + 1]."""

    codes: Codes
    rows: Places


def split_texts(texts: Sequence[str], loosely: bool = False) -> Words:
    """The words of some texts.

    Args:
        texts: Any texts.
        loosely: Leave punctuation out first: "Allen's 10-foot" has the words "allens" and "10foot".
    """
    rows = arrow([text.encode("utf-8", "surrogatepass") for text in texts])
    if loosely:
        raw, bounds = utf8(rows)
        kept = unpunctuated(raw)
        rows = slices(raw[kept], np.searchsorted(kept, bounds))
    return split_words(rows)


def unpunctuated(raw: Bytes) -> Places:
    """Which bytes of UTF-8 text are no punctuation: ASCII signs, and the dashes and quotation marks from U+2010 to U+203F.

    Args:
        raw: The text.

    Returns:
        Places of the bytes that stay, ascending.
    """
    gone = PUNCTUATION[raw]
    lead = np.flatnonzero(raw[:-2] == 0xE2)
    lead = lead[(raw[lead + 1] == 0x80) & (raw[lead + 2] >= 0x90)]
    for step in range(3):
        gone[lead + step] = True
    return np.flatnonzero(~gone)


def slices(raw: Bytes, bounds: Places) -> "pa.StringArray":
    """Rows of text as an Arrow array, from their bytes.

    Args:
        raw: UTF-8, one row after the other.
        bounds: Where each row begins and ends.
    """
    data = raw.tobytes()
    places = bounds.tolist()
    return arrow([data[low:high] for low, high in pairwise(places)])


def word_hashes(words: Words) -> Hashes:
    """One 64-bit number a word, equal for equal words: a polynomial of its bytes, scattered.

    `Words.hashes` would do, were it not that these numbers are shipped and so may never change.

    Args:
        words: Words of any rows.
    """
    size = words.data.size
    sums = np.zeros(size + 1, dtype=np.uint64)
    np.cumsum(words.data * _powers(RADIX, size), out=sums[1:])
    return _scatter((sums[words.ends] - sums[words.starts]) * _powers(INVERSE, size)[words.starts])


def code_bounds(words: Places) -> Places:
    """Where the codes of texts begin and end, from the number of their words.

    Args:
        words: Words of each text.
    """
    return _rows(np.maximum(words - SHINGLE + 1, 0))


def codes(hashes: Hashes, rows: Places) -> Runs:
    """The codes of the runs of five words of each row.

    Args:
        hashes: The words' hashes.
        rows: Where each row's words begin and end.
    """
    runs, bounds = _combine(hashes, rows, SHINGLE)
    return Runs((runs >> np.uint64(48)).astype(np.uint16), bounds)


def grams(runs: Runs, n: int) -> tuple[Hashes, Places]:
    """One 64-bit hash for each run of n words, made of the codes.

    Args:
        runs: Codes of texts.
        n: Words in a run, 8 to 64.

    Returns:
        The hashes in order, and where each text's begin and end.
    """
    return _combine(runs.codes.astype(np.uint64), runs.rows, n - SHINGLE + 1)


def whole_hashes(hashes: Hashes, rows: Places) -> Hashes:
    """One hash for each row of 1 to 63 words, of all its words; 0 for other rows.

    Args:
        hashes: The words' hashes.
        rows: Where each row's words begin and end.
    """
    length = np.diff(rows)
    short = np.flatnonzero((length > 0) & (length < MOST))
    found = np.zeros(len(length), dtype=np.uint64)
    total = length[short].astype(np.uint64)
    for step in range(MOST - 1):
        more = np.flatnonzero(length[short] > step)
        total[more] = _scatter(total[more] * RADIX + hashes[rows[short[more]] + step])
    found[short] = total
    return found


def with_digits(words: Words) -> NDArray[np.bool_]:
    """Which words hold a digit from 0 to 9: "16", "3rd", "x1".

    Args:
        words: Words of any rows.
    """
    digits = np.zeros(words.data.size + 1, dtype=np.int32)
    np.cumsum((words.data >= ord("0")) & (words.data <= ord("9")), out=digits[1:])
    holds: NDArray[np.bool_] = digits[words.ends] > digits[words.starts]
    return holds


def without_numbers(words: Words) -> tuple[Hashes, Places]:
    """The hashes of the words without a digit, and where each row's begin and end.

    Args:
        words: Words of any rows.
    """
    plain = ~with_digits(words)
    return word_hashes(words)[plain], _rows(plain.astype(np.int64))[words.rows]


def probe() -> Codes:
    """Codes of one known sentence: they differ as soon as words or hashes are defined otherwise."""
    split = split_texts([PROBE])
    return codes(word_hashes(split), split.rows).codes


def _combine(values: Hashes, rows: Places, size: int) -> tuple[Hashes, Places]:
    """One hash for each run of `size` values inside a row, and where each row's begin and end."""
    count = np.maximum(np.diff(rows) - size + 1, 0)
    bounds = _rows(count)
    starts = np.repeat(rows[:-1] - bounds[:-1], count) + np.arange(bounds[-1])
    total = values[starts]
    for step in range(1, size):
        total *= RADIX
        total += values[starts + step]
    return _scatter(total), bounds


def _scatter(values: Hashes) -> Hashes:
    """Spread every bit over all others (the finaliser of SplitMix64); different values stay different."""
    values = (values ^ (values >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    values = (values ^ (values >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return values ^ (values >> np.uint64(31))


def _powers(radix: np.uint64, size: int) -> Hashes:
    """The radix to the power 0, 1, ... size - 1, modulo 2^64."""
    powers = np.full(size, radix, dtype=np.uint64)
    powers[:1] = 1
    return np.cumprod(powers, dtype=np.uint64)


def _rows(counts: Places) -> Places:
    """Where each row begins and ends, from the number of its values."""
    return np.concatenate((np.zeros(1, dtype=np.int64), np.cumsum(counts, dtype=np.int64)))
