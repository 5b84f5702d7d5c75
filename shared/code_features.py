"""What the shape of a program tells: its words and signs, and which follow which, for many texts at once.

A text becomes tokens: words, numbers, single signs, ends of lines. Words that no language owns become `name` (or `字`, beyond
ASCII), numbers become `0`, the text of comments goes and its marks stay. A feature is a token, two that follow each other, or three with a name in
the middle ("def name (") or of signs alone ("= = ="); what counts is whether it occurs.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from shared.text import LEAD, Hashes, Places, Words

HEAD, TAIL = 700, 300  # characters read from the beginning and from the middle of a longer text
LINE_END, NAME, NUMBER, OTHER = range(4)  # numbers of the kinds of token that stand for many
KINDS = ("⏎", "name", "0", "字")
LONGEST = 12_000  # characters that are looked at at all
RADIX = 1 << 13  # more than there are words; three of them fit into one integer
MARKS = re.compile(
    r"(?P<block>/\*.*?\*/|/-.*?-/|\"\"\".*?\"\"\"|'''.*?'''|#=.*?=#|<!--.*?-->|\{-.*?-\})"
    r"|(?P<line>^[ \t]*(?://[/!]?|--+|#|%|\*|;+)(?=[ \t]))[^\n]*|(?P<behind>[ \t](?://|--|#))[ \t][^\n]*",
    re.DOTALL | re.MULTILINE,
)
SPACE, WORD, HIGH, SIGN, END, DIVIDER = range(6)

Keys = NDArray[np.int64]


@dataclass(frozen=True)
class Vocabulary:
    """The words that languages own, each with its number.

    Attributes:
        words: The words and signs; their numbers begin behind those of `KINDS`.
    """

    words: tuple[str, ...]

    @classmethod
    def of(cls, features: Sequence[str]) -> "Vocabulary":
        """The words that features are made of.

        Args:
            features: As `spell` writes them.
        """
        return cls(tuple(sorted({token for feature in features for token in feature.split(" ")} - set(KINDS))))

    def lookup(self) -> tuple[Hashes, Places]:
        """Hashes of the words, sorted, and the number of each."""
        data = [word.encode("utf-8") for word in self.words]
        hashes = _hashes(b"".join(data), np.cumsum([0, *map(len, data)]))
        order = np.argsort(hashes)
        return hashes[order], order + len(KINDS)

    def names(self) -> tuple[str, ...]:
        """How each number is written."""
        return (*KINDS, *self.words)


def sample(text: str) -> str:
    """What is read of a text: without the words of its comments, 700 characters of the beginning and 300 of the middle.

    Args:
        text: A program, or text that may hold one.
    """
    text = text[:LONGEST].lstrip("\ufeff \t\r\n\0")
    text = MARKS.sub(_mark, text)
    if len(text) > HEAD + TAIL:
        middle = max(HEAD, (len(text) - TAIL) // 2)
        text = f"{text[:HEAD]}\n{text[middle : middle + TAIL]}"
    return text


def _mark(match: re.Match[str]) -> str:
    block = match["block"]
    return f"{block[:3]} {block[-2:]}" if block else match["line"] or match["behind"]


def tokens(samples: Sequence[str]) -> tuple[Words, NDArray[np.uint8]]:
    """The tokens of every text.

    Args:
        samples: What `sample` left of the texts.

    Returns:
        The tokens as places in one buffer, and the class of each: WORD, HIGH (signs and letters beyond ASCII), SIGN, END.
    """
    rows = [text.encode("utf-8", "surrogatepass").replace(b"\0", b" ") for text in samples]
    raw = np.frombuffer(b"\0".join(rows), dtype=np.uint8)
    kinds = _classes()[raw]
    edge = np.ones(len(raw), dtype=np.bool_)
    edge[1:] = (kinds[1:] != kinds[:-1]) | (kinds[1:] == SIGN)
    starts = np.flatnonzero(edge)
    ends = np.append(starts[1:], len(raw))
    kept = (kinds[starts] != SPACE) & (kinds[starts] != DIVIDER)
    kept &= (kinds[starts] != HIGH) | (raw[starts] < 0xE3)  # from U+3000 on: the writing of East Asia, not of programs
    starts, ends = starts[kept], ends[kept]
    lengths = np.array([len(row) + 1 for row in rows], dtype=np.int64)
    bounds = np.searchsorted(starts, np.concatenate((np.zeros(1, dtype=np.int64), np.cumsum(lengths))))
    padding = np.zeros(LEAD, dtype=np.uint8)
    data = np.concatenate((padding, raw, padding, padding))
    return Words(data, starts + LEAD, ends + LEAD, bounds), kinds[starts]


def number(words: Words, kinds: NDArray[np.uint8], lookup: tuple[Hashes, Places]) -> Keys:
    """The number of every token in a vocabulary.

    Args:
        words: Tokens.
        kinds: Their classes.
        lookup: What `Vocabulary.lookup` gave.

    Returns:
        Numbers; words that the vocabulary does not hold are NAME, signs and letters
        beyond ASCII OTHER, numbers NUMBER, ends of lines LINE_END.
    """
    hashes, numbers = lookup
    own = words.hashes()
    place = np.minimum(np.searchsorted(hashes, own), len(hashes) - 1)
    first = words.data[words.starts]
    found = np.where(hashes[place] == own, numbers[place], NAME)
    found[(found == NAME) & (kinds == HIGH)] = OTHER
    found[(first >= ord("0")) & (first <= ord("9"))] = NUMBER
    found[kinds == END] = LINE_END
    return found.astype(np.int64)


def keys(found: Keys, rows: Places, signs: NDArray[np.bool_]) -> tuple[Places, Keys]:
    """Every feature of every text, once.

    Args:
        found: Numbers of the tokens.
        rows: Where each text's tokens begin and end.
        signs: Which tokens are signs.

    Returns:
        Text and feature, sorted; a feature is one to three token numbers as digits, each plus one.
    """
    row = np.repeat(np.arange(len(rows) - 1), np.diff(rows))
    one = found + 1
    two = one[:-1] * RADIX + one[1:]
    same = row[:-1] == row[1:]
    three = two[:-1] * RADIX + one[2:]
    chosen = (found[1:-1] == NAME) | (signs[:-2] & signs[1:-1] & signs[2:])
    chosen &= row[:-2] == row[2:]
    telling = found > OTHER
    width = RADIX**3
    every = np.concatenate(
        (
            row[telling] * width + one[telling],
            row[:-1][same] * width + two[same],
            row[:-2][chosen] * width + three[chosen],
        )
    )
    every.sort()
    every = every[np.flatnonzero(np.diff(every, prepend=-1))]  # faster than np.unique, which hashes
    return every // width, every % width


def spell(key: int, names: Sequence[str]) -> str:
    """How a feature is written: its tokens with spaces between, as in "def name (".

    Args:
        key: The feature.
        names: How each token number is written.
    """
    digits = []
    while key:
        key, digit = divmod(key, RADIX)
        digits.append(names[digit - 1])
    return " ".join(reversed(digits))


def parse(text: str, numbers: dict[str, int]) -> int:
    """The feature that `spell` wrote.

    Args:
        text: Such as "def name (".
        numbers: The number of each token as it is written.
    """
    key = 0
    for token in text.split(" "):
        key = key * RADIX + numbers[token] + 1
    return key


def _hashes(data: bytes, bounds: Places) -> Hashes:
    padded = np.zeros(len(data) + 3 * LEAD, dtype=np.uint8)
    padded[LEAD : LEAD + len(data)] = np.frombuffer(data, dtype=np.uint8)
    return Words(padded, bounds[:-1] + LEAD, bounds[1:] + LEAD, bounds).hashes()


def _classes() -> NDArray[np.uint8]:
    table = np.full(256, SIGN, dtype=np.uint8)
    table[: ord(" ") + 1] = SPACE
    table[ord("\n")] = END
    table[0] = DIVIDER
    table[127] = SPACE
    table[128:] = HIGH
    table[[code for code in range(128) if chr(code).isalnum() or chr(code) == "_"]] = WORD
    return table
