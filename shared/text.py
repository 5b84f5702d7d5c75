r"""Words as every app counts them, for one text or for an Arrow array of a million.

A word is a run of letters, marks, digits and underscore (`\p{L}\p{M}\p{N}_` of Unicode) of the lower-cased text; each
character of the Han, Hiragana or Katakana script is a word by itself. Lower case is Python's `str.lower`: "Straße" stays
"straße" (a case fold would say "strasse"). Nothing is composed, so that "é" in one code point and in two are different words;
`normalise` makes the form that treats them alike.

Two implementations say the same thing: `words` is the definition, one regular expression; `split_words` finds the same words
of a whole Arrow array with NumPy, ten times as fast, and `Words.hashes` gives each word a number of 64 bits. Words of up to
eight bytes never share a number; among n longer ones, two do with a probability of n² / 2^60. The numbers may change with
any release: nothing that is kept may depend on them.
"""

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from shared.characters import ALONE as ALONE
from shared.characters import BREAKS as BREAKS
from shared.characters import CONTEXT, ascii_signs, ascii_words, letters, lower_case
from shared.characters import characters as characters
from shared.utf8 import Bytes as Bytes
from shared.utf8 import Places as Places
from shared.utf8 import Texts as Texts
from shared.utf8 import arrow as arrow
from shared.utf8 import byte_rows as byte_rows
from shared.utf8 import joined as joined
from shared.utf8 import pieces as pieces
from shared.utf8 import utf8 as utf8

if TYPE_CHECKING:
    import pyarrow as pa

Hashes = NDArray[np.uint64]

LEAD = 8  # zero bytes before the first text in a buffer of words, and at least as many behind the last
LONGEST = 64  # a word of more bytes than this is hashed by itself
ODD = np.uint64(0x9E3779B97F4A7C15)  # 2^64 / golden ratio: spreads consecutive keys over all bits
ODDER = np.uint64(0xD6E8FEB86659FD93)  # the multiplier of Pelle Evensen's rrmxmx
ROLL = np.uint64(0x2545F4914F6CDD1D)  # the multiplier of a rolling hash: odd, so that it loses nothing
NO_UTF8 = np.uint64(0xF8 << 56)  # no eighth byte of UTF-8 has these bits


def words(text: str) -> list[str]:
    """The words of one text, in order.

    Args:
        text: Any text, in any language.

    Returns:
        The words in lower case; empty when there is not one letter, mark, digit or underscore.
    """
    found: list[str] = _pattern().findall(text.lower())
    return found


def shingles(row: list[str], size: int = 5) -> set[tuple[str, ...]]:
    """The set of runs of `size` consecutive words; a shorter row is one shingle, a row without words has none.

    Args:
        row: The words of one row.
        size: Words in a shingle, at least 1.
    """
    if not row:
        return set()
    return {tuple(row[start : start + size]) for start in range(max(1, len(row) - size + 1))}


def normalise(text: str) -> str:
    """What is left of a text when only its letters and digits count: NFKC, lower case, everything else dropped.

    A combining mark on a letter is part of the letter, because without its vowel signs a Hindi or Thai word is another
    word. Every other mark goes: those on digits and symbols, and the variation selectors, which only choose how a character
    is drawn.

    Args:
        text: Any text, in any language.

    Returns:
        The normalised text; "" when there was not one letter or digit.
    """
    import unicodedata

    if text.isascii():
        return text.encode().translate(None, ascii_signs()).lower().decode()
    text = unicodedata.normalize("NFKC", text).lower()
    if _mark().search(text):
        return "".join(_kept().findall(text))
    codes = np.frombuffer(text.encode("utf-32-le", "surrogatepass"), dtype="<u4")
    return codes[letters().take(codes)].tobytes().decode("utf-32-le")


@dataclass(frozen=True)
class Words:
    """The words of many rows, as places in one buffer.

    Attributes:
        data: The rows in lower case as UTF-8 bytes one after the other, 0 wherever no word is, zero bytes at both ends.
        starts: First byte of each word in `data`, ascending.
        ends: One past the last byte of each word.
        rows: Where each row's words begin and end: row r has the words rows[r]:rows[r + 1].
    """

    data: Bytes
    starts: Places
    ends: Places
    rows: Places

    def hashes(self, salt: int = 0) -> Hashes:
        """One 64-bit number a word, equal for equal words.

        Args:
            salt: Another salt gives other numbers, which share nothing with those of this one.
        """
        lengths = self.ends - self.starts
        keys = self.block(0, self.starts, lengths)
        long = np.flatnonzero(lengths > 8)
        keys[long] = self._long(long, salt)
        return scramble(keys ^ _salted(salt))

    def _long(self, rest: Places, salt: int) -> Hashes:
        """A key for each word of more than eight bytes, different from the key of every shorter word."""
        lengths, starts = self.ends[rest] - self.starts[rest], self.starts[rest]
        key = np.full(rest.size, _salted(salt))
        more = np.arange(rest.size)
        for block in range(LONGEST // 8):
            key[more] = scramble(key[more] * ROLL + self.block(block, starts[more], lengths[more]))
            more = more[lengths[more] > 8 * (block + 1)]
        for index in more.tolist():
            key[index] = _digest(self.word(rest[index]), salt)
        return key | NO_UTF8

    def texts(self) -> list[str]:
        """The words themselves, in order."""
        data = self.data.tobytes()
        places = zip(self.starts.tolist(), self.ends.tolist(), strict=True)
        return [data[start:end].decode("utf-8") for start, end in places]

    def block(self, block: int, starts: Places, lengths: Places) -> Hashes:
        """Eight bytes of some words, as a number; bytes behind a word's end are 0.

        Args:
            block: Which eight: 0 for the first ones. Every word has at least 8 * block bytes.
            starts: Where those words begin.
            lengths: How many bytes they have.
        """
        view = np.ndarray((self.data.size - 7,), "<u8", self.data, strides=(1,))
        return view[starts + 8 * block] & _masks().take(lengths - 8 * block, mode="clip")

    def word(self, index: int) -> bytes:
        """The bytes of one word.

        Args:
            index: Its number, from 0.
        """
        return self.data[self.starts[index] : self.ends[index]].tobytes()


def split_words(texts: "pa.StringArray | Texts") -> Words:
    """The words of every row of an Arrow array: the same words as `words`, row by row.

    Args:
        texts: Rows of text; a null is an empty row. Best in pieces of about a megabyte (see `pieces`).
    """
    raw, bounds = utf8(texts)
    data, alone, context = _lower(raw)
    if context.size:
        raw, bounds = _relower(raw, bounds, np.searchsorted(bounds, context, side="right") - 1)
        data, alone, _ = _lower(raw)
    bounds = bounds + LEAD
    starts, ends = _spans(data, np.concatenate((bounds[1:-1], alone)))
    return Words(data, starts, ends, np.searchsorted(starts, bounds).astype(np.int64))


def windows(codes: Hashes, rows: Places, size: int, whole: bool = False) -> tuple[Hashes, Places]:
    """One hash for each run of `size` words that lies inside a row.

    Args:
        codes: The words' hashes.
        rows: Where each row's words begin and end, as in `Words`.
        size: Words in a run, at least 1.
        whole: Give a row of fewer words (but at least one) one hash, that of the whole row.

    Returns:
        The hashes in order, and where each row's begin and end.
    """
    runs = np.zeros(codes.size, dtype=np.uint64)
    inside = max(0, codes.size - size + 1)
    total = codes[:inside].copy()
    for step in range(1, size):
        total *= ROLL
        total += codes[step : step + inside]
    runs[:inside] = scramble(total)
    begin, end = rows[:-1], rows[1:]
    length = end - begin
    keep = np.ones(codes.size, dtype=bool)
    for back in range(1, size):
        keep[end[length >= back] - back] = False
    count = np.maximum(length - size + 1, 0)
    if whole:
        short = np.flatnonzero((length > 0) & (length < size))
        runs[begin[short]] = _whole(codes, begin[short], length[short])
        keep[begin[short]] = True
        count[short] = 1
    return runs[keep], np.concatenate((np.zeros(1, dtype=np.int64), np.cumsum(count)))


def _relower(raw: Bytes, bounds: Places, rows: Places) -> tuple[Bytes, Places]:
    """The same with those rows in Python's lower case: theirs depends on neighbours, or has another length."""
    parts, lengths, done = [], np.diff(bounds), 0
    for row in sorted(set(rows.tolist())):
        lower = raw[bounds[row] : bounds[row + 1]].tobytes().decode("utf-8", "surrogatepass").lower()
        parts += [raw[done : bounds[row]].tobytes(), lower.encode("utf-8", "surrogatepass")]
        lengths[row], done = len(parts[-1]), bounds[row + 1]
    parts.append(raw[done:].tobytes())
    return np.frombuffer(b"".join(parts), dtype=np.uint8), np.append(0, np.cumsum(lengths))


def _lower(raw: Bytes) -> tuple[Bytes, Places, Places]:
    """The buffer of `Words`; the places in it where a word ends, come what may; and those in `raw` of CONTEXT."""
    data = np.zeros(-(-(LEAD + raw.size) // 8) * 8 + 2 * LEAD, dtype=np.uint8)
    data[LEAD : LEAD + raw.size] = np.frombuffer(raw.tobytes().translate(ascii_words()), dtype=np.uint8)
    leads = np.flatnonzero(data >= 0xC0)
    cuts, context = [np.zeros(0, dtype=np.int64)], [np.zeros(0, dtype=np.int64)]
    first = data[leads]
    for size, low, high in ((2, 0xC0, 0xE0), (3, 0xE0, 0xF0), (4, 0xF0, 0xF8)):
        at = leads[np.flatnonzero((first >= low) & (first < high))]
        code = data[at].astype(np.int64) & (0x7F >> size)
        for step in range(1, size):
            code = code << 6 | (data[at + step] & 0x3F)
        kind = characters().take(code, mode="clip")
        alone = at[np.flatnonzero(kind == ALONE)]
        cuts += [alone, alone + size]
        context.append(at[kind == CONTEXT] - LEAD)
        breaks = at[np.flatnonzero(kind == BREAKS)]
        for step in range(size):
            data[breaks + step] = 0
        _write(data, at, code, size)
    return data, np.concatenate(cuts), np.concatenate(context)


def _write(data: Bytes, at: Places, code: Places, size: int) -> None:
    """Put the lower case of those characters of `size` bytes, whose code points are given, where they are capitals."""
    capital = np.flatnonzero(code < lower_case().size)
    lower = lower_case()[code[capital]].astype(np.int64)
    capital, lower = capital[lower > 0], lower[lower > 0]
    for step in range(size - 1, 0, -1):
        data[at[capital] + step] = 0x80 | (lower & 0x3F)
        lower = lower >> 6
    data[at[capital]] = (0xF00 >> size) & 0xFF | lower


def _spans(data: Bytes, cuts: Places) -> tuple[Places, Places]:
    """Where words begin and end: a word is a run of non-zero bytes, and `cuts` part it where two words touch."""
    inside = data != 0
    edges = np.zeros(data.size, dtype=bool)
    np.not_equal(inside[1:], inside[:-1], out=edges[1:])
    cuts = cuts[inside[cuts - 1] & inside[cuts]]
    edges[cuts] = True
    places = np.flatnonzero(edges)
    if cuts.size:  # such an edge is the end of one word and the start of the next
        times = edges.view(np.uint8)
        times[cuts] = 2
        places = np.repeat(places, times[places])
    return np.ascontiguousarray(places[0::2]), np.ascontiguousarray(places[1::2])


def _whole(codes: Hashes, begin: Places, length: Places) -> Hashes:
    """One hash for each run of words of the given length."""
    total = length.astype(np.uint64) * ODDER
    for step in range(int(length.max(initial=0))):
        more = length > step
        total[more] = scramble(total[more] * ROLL + codes[begin[more] + step])
    return total


def scramble(keys: Hashes) -> Hashes:
    """Spread every bit of each number over all its others, in place and reversibly: different numbers stay different.

    Args:
        keys: The numbers; they are overwritten, and returned.
    """
    keys *= ODD
    keys ^= keys >> np.uint64(32)
    keys *= ODDER
    keys ^= keys >> np.uint64(29)
    return keys


def _digest(word: bytes, salt: int) -> int:
    from hashlib import blake2b

    return int.from_bytes(blake2b(word, digest_size=8, key=salt.to_bytes(8, "little")).digest(), "little")


def _salted(salt: int) -> np.uint64:
    return np.uint64(salt * int(ODDER) % 2**64)


@cache
def _masks() -> Hashes:
    """What is left of eight bytes when 0 to 8 of them count."""
    return np.array([(1 << 8 * count) - 1 for count in range(9)], dtype=np.uint64)


@cache
def _pattern() -> Any:
    import regex

    return regex.compile(
        r"(?V1)[\p{Han}\p{Hiragana}\p{Katakana}]|[[\p{L}\p{M}\p{N}_]--[\p{Han}\p{Hiragana}\p{Katakana}]]+"
    )


@cache
def _mark() -> Any:
    import regex

    return regex.compile(r"\p{M}")


@cache
def _kept() -> Any:
    """Letters with the marks on them, and digits."""
    import regex

    return regex.compile(r"(?V1)(?:\p{N}|\p{L}[[\p{Mn}\p{Mc}]--[\uFE00-\uFE0F\U000E0100-\U000E01EF]]*)+")
