"""A batch of texts as one array of code points: rows, words, lines and hashes, found without a loop over rows."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache, cached_property, lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from shared.characters import ALONE, BREAKS, characters
from shared.utf8 import Texts, byte_rows

if TYPE_CHECKING:
    import pyarrow as pa

Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]
Hashes = NDArray[np.uint64]

WORD, SINGLE, ALPHABETIC, SPACE, PLAIN, BREAK, END, WIDE_END, CLOSER = (1 << bit for bit in range(9))
"""Bits of a code point: part of a word; a word of its own (Han, Kana); a letter; white space; not a symbol of the
Gopher rules; breaks lines like `str.splitlines`; ends a sentence; ends one without a space; closes a quotation."""

NEWLINE, RETURN = 0x0A, 0x0D
_POINTS, _LAST_SPACE = 0x110000, 0x3000
CLOSERS = "\"'”’」』）)]»"
WIDE_ENDS = "。！？｡．"
_BREAKS = "\n\r\v\f\x1c\x1d\x1e\x85\u2028\u2029"
_RADIX = 0x9E3779B97F4A7C15  # odd, so that it has an inverse modulo 2**64
_INVERSE = pow(_RADIX, -1, 2**64)
_FEWEST_POWERS = 1 << 16


def portions(texts: "pa.StringArray | Texts | Sequence[str | None]", size: int) -> Iterator[list[str]]:
    """The rows in lists of about so many characters; half a surrogate pair, which JSON allows, stays what it is.

    Args:
        texts: Rows of text; null is read as empty.
        size: Characters; a longer row is a list of its own.
    """
    portion: list[str] = []
    room = size
    for text in _strings(texts):
        portion.append(text)
        room -= len(text)
        if room <= 0:
            yield portion
            portion, room = [], size
    if portion:
        yield portion


def _strings(texts: Any) -> Iterator[str]:
    if isinstance(texts, Texts) or hasattr(texts, "buffers"):
        return (row.decode("utf-8", "surrogatepass") for row in byte_rows(texts))
    return (text or "" for text in texts)


@cache
def classes() -> NDArray[np.uint16]:
    """What each Unicode code point is, as the bits above. Shape (1114112,)."""
    from apps.dataset_explorer.rules import stop_characters, symbols

    kinds = characters()
    table = np.full(_POINTS, PLAIN, np.uint16)
    word = np.flatnonzero(kinds != BREAKS)
    table[word] |= WORD
    table[word[np.fromiter(map(str.isalpha, map(chr, word.tolist())), bool, word.size)]] |= ALPHABETIC
    table[np.flatnonzero(kinds == ALONE)] |= SINGLE
    spaces = "".join(filter(str.isspace, map(chr, range(_LAST_SPACE + 1))))
    ends = stop_characters() + "…"
    for bit, members in ((SPACE, spaces), (BREAK, _BREAKS), (END, ends), (WIDE_END, WIDE_ENDS), (CLOSER, CLOSERS)):
        table[[ord(member) for member in members]] |= bit
    table[[ord(symbol) for symbol in symbols()]] &= ~np.uint16(PLAIN)
    table.setflags(write=False)
    return table


@lru_cache(maxsize=4)
def _powers(radix: int, size: int) -> Hashes:
    """The radix to the power 0, 1, ... size - 1, modulo 2**64."""
    powers = np.full(size, radix, np.uint64)
    powers[:1] = 1
    return np.cumprod(powers, dtype=np.uint64)


def mix(values: Hashes) -> Hashes:
    """Scatter the bits of 64-bit numbers (the finaliser of SplitMix64), so that sums of them do not cancel."""
    values = (values ^ (values >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    values = (values ^ (values >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return values ^ (values >> np.uint64(31))


@dataclass(frozen=True)
class Pieces:
    """Stretches of a sheet, in order: words, lines or paragraphs.

    Attributes:
        row: Row of each piece, counted from 0.
        start: First character of each piece, as a position in the sheet.
        end: One after its last character.
    """

    row: Ints
    start: Ints
    end: Ints

    def __len__(self) -> int:
        return len(self.row)

    @property
    def length(self) -> Ints:
        """Characters of each piece."""
        return self.end - self.start

    def where(self, chosen: Bools) -> "Pieces":
        """The pieces for which `chosen` is true."""
        return Pieces(self.row[chosen], self.start[chosen], self.end[chosen])


class Sheet:
    """Texts side by side, a line feed after each, so that words and lines break between rows by themselves."""

    def __init__(self, texts: Sequence[str]) -> None:
        self.rows = len(texts)
        self.text = "\n".join(texts) + "\n"
        self.codes = np.frombuffer(self.text.encode("utf-32-le", "surrogatepass"), np.uint32)
        self.length = np.fromiter(map(len, texts), np.int64, self.rows)
        """Characters of each row. Shape (rows,)."""
        self.end = np.cumsum(self.length + 1) - 1
        """One after the last character of each row. Shape (rows,)."""
        self.start = self.end - self.length
        self.flags = classes()[self.codes]

    def row_of(self, position: Ints) -> Ints:
        """The row that each of these ascending positions lies in; the line feed after a row counts to it."""
        bounds = np.searchsorted(position, self.end, side="right")
        return np.repeat(np.arange(self.rows), np.diff(bounds, prepend=0))

    def has(self, bits: int) -> Bools:
        """Which characters have one of these class bits. Shape (characters,)."""
        found: Bools = (self.flags & np.uint16(bits)) != 0
        return found

    def per_row(self, position: Ints, weight: Ints | None = None) -> Ints:
        """How many of these positions lie in each row, or the sum of their weights. Shape (rows,)."""
        return self.count(self.row_of(position), weight)

    def count(self, row: Ints, weight: Ints | None = None) -> Ints:
        """How often each row is named, or the sum of the weights. Shape (rows,)."""
        return np.bincount(row, weight, self.rows).astype(np.int64)

    @cached_property
    def words(self) -> Pieces:
        """The words: runs of letters, marks, digits and underscore; each Han or Kana character is its own word."""
        word, single = self.has(WORD), self.has(SINGLE)
        apart = single | ~word
        before, after = np.ones_like(apart), np.ones_like(apart)
        before[1:], after[:-1] = apart[:-1], apart[1:]
        start = np.flatnonzero(word & (single | before))
        end = np.flatnonzero(word & (single | after)) + 1
        return Pieces(self.row_of(start), start, end)

    @cached_property
    def feeds(self) -> Ints:
        """Positions of the line feeds, those after the rows included."""
        return np.flatnonzero(self.codes == NEWLINE)

    @cached_property
    def lines(self) -> Pieces:
        r"""What `text.split("\n")` gives for each row: an empty row has one empty line."""
        start = np.zeros_like(self.feeds)
        start[1:] = self.feeds[:-1] + 1
        return Pieces(self.row_of(self.feeds), start, self.feeds)

    @cached_property
    def split_lines(self) -> Pieces:
        """What `text.splitlines()` gives for each row: an empty row has no line."""
        end = np.flatnonzero(self.has(BREAK))
        start = np.zeros_like(end)
        start[1:] = end[:-1] + 1
        row = self.row_of(end)
        last = end == self.end[row]
        paired = (self.codes[end] == NEWLINE) & (start == end) & (start > self.start[row]) & ~last
        paired[paired] = self.codes[start[paired] - 1] == RETURN
        return Pieces(row, start, end).where(~paired & ~(last & (start == end)))

    @cached_property
    def _solid(self) -> Ints:
        """Positions of the characters that are not white space."""
        return np.flatnonzero(~self.has(SPACE))

    def strip(self, pieces: Pieces) -> Pieces:
        """The pieces without white space at their ends; a piece of nothing else becomes empty at its end."""
        if not len(self._solid):
            return Pieces(pieces.row, pieces.end, pieces.end)
        low = np.searchsorted(self._solid, pieces.start)
        high = np.searchsorted(self._solid, pieces.end)
        some = low < high
        start = np.where(some, self._solid[np.minimum(low, len(self._solid) - 1)], pieces.end)
        end = np.where(some, self._solid[high - 1] + 1, pieces.end)
        return Pieces(pieces.row, start, end)

    def end_in(self, pieces: Pieces, code: int, times: int) -> Bools:
        """Which pieces end in the same character so many times."""
        same: Bools = pieces.length >= times
        for back in range(1, times + 1):
            same &= self.codes[np.maximum(pieces.end - back, 0)] == code
        return same

    @cached_property
    def tokens(self) -> Pieces:
        """What `text.split()` gives: runs without white space."""
        solid = ~self.has(SPACE)
        edge = np.flatnonzero(solid[1:] != solid[:-1]) + 1
        if solid[0]:
            edge = np.concatenate(([0], edge))
        return Pieces(self.row_of(edge[::2]), edge[::2], edge[1::2])

    def _power(self, radix: int) -> Hashes:
        # A power of two, so that sheets of about one size share what is cached.
        return _powers(radix, max(_FEWEST_POWERS, 1 << len(self.codes).bit_length()))

    @cached_property
    def _sums(self) -> Hashes:
        sums = np.zeros(len(self.codes) + 1, np.uint64)
        np.cumsum((self.codes + np.uint64(1)) * self._power(_RADIX)[: len(self.codes)], out=sums[1:])
        return sums

    def hashes(self, pieces: Pieces) -> Hashes:
        """A 64-bit hash of the characters of each piece, equal for equal characters in every sheet."""
        return mix((self._sums[pieces.end] - self._sums[pieces.start]) * self._power(_INVERSE)[pieces.start])

    @cached_property
    def lower(self) -> str:
        """The text in lower case, every character in its old position."""
        # U+0130 alone becomes two characters.
        return self.text.replace("\u0130", "\0").lower()

    def find(self, phrase: str) -> Ints:
        """Where a phrase (in lower case) stands in the text, whatever its case there; finds do not overlap."""
        found = [-len(phrase)]
        while (place := self.lower.find(phrase, found[-1] + len(phrase))) >= 0:
            found.append(place)
        return np.array(found[1:], np.int64)

    def joined(self, pieces: Pieces, before: Ints) -> tuple[Hashes, Hashes]:
        """Running hash sums over the characters of the pieces, as if nothing stood between them.

        Args:
            pieces: Words.
            before: Characters of pieces before each piece. Shape (pieces + 1,).

        Returns:
            Sums, shape (pieces + 1,), and the factor that makes a difference of sums independent of its place.
        """
        own = (self._sums[pieces.end] - self._sums[pieces.start]) * self._power(_INVERSE)[pieces.start]
        sums = np.zeros(len(pieces) + 1, np.uint64)
        np.cumsum(own * self._power(_RADIX)[before[:-1]], out=sums[1:])
        return sums, self._power(_INVERSE)[before]

    @cached_property
    def word_hashes(self) -> Hashes:
        """The hash of each word. Shape (words,)."""
        return self.hashes(self.words)

    def any_bits(self, pieces: Pieces) -> NDArray[np.uint16]:
        """The class bits that at least one character of each (non-empty) piece has."""
        if not len(pieces):
            return np.zeros(0, np.uint16)
        edges = np.stack((pieces.start, pieces.end), axis=1).ravel()
        return np.bitwise_or.reduceat(self.flags, edges)[::2]
