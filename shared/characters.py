"""What each Unicode character does to a word, as tables that NumPy looks code points up in.

The tables come from the `regex` module, which has its own Unicode data: they are the same on every Python, and `shared.text`
splits words by the same properties.
"""

from functools import cache

import numpy as np
from numpy.typing import NDArray

BREAKS, JOINS, ALONE, CONTEXT = 0, 1, 2, 3
"""Ends a word; is part of one; is one by itself (Han, Kana); is part of one, but only `str.lower` knows its lower case."""

PLANES, EXTRA = 0x40000, 0xE0000  # code points below the one and, for a while, from the other may be letters or marks


@cache
def characters() -> NDArray[np.uint8]:
    """What each code point does to a word: BREAKS, JOINS, ALONE or CONTEXT. Shape (0x110000,), read-only."""
    import regex

    kinds = _marked(r"[\p{L}\p{M}\p{N}_]+", JOINS) | _marked(r"[\p{Han}\p{Hiragana}\p{Katakana}]+", ALONE)
    kinds[kinds == JOINS | ALONE] = ALONE
    for capital in regex.findall(r"\p{Changes_When_Lowercased}", _everything()):
        if capital == "Σ" or len(capital.lower().encode()) != len(capital.encode()):
            kinds[ord(capital)] = CONTEXT
    kinds.setflags(write=False)
    return kinds


@cache
def letters() -> NDArray[np.bool_]:
    """Whether each code point is a letter or a digit (categories L and N). Shape (0x110000,), read-only."""
    kinds = _marked(r"[\p{L}\p{N}]+", JOINS).view(np.bool_)
    kinds.setflags(write=False)
    return kinds


@cache
def lower_case() -> NDArray[np.uint32]:
    """The lower case of each capital beyond ASCII that has one of as many bytes; 0 for every other character."""
    import regex

    lower = np.zeros(0x1F000, dtype=np.uint32)
    for capital in regex.findall(r"\p{Changes_When_Lowercased}", _everything()):
        if characters()[ord(capital)] != CONTEXT:
            lower[ord(capital)] = ord(capital.lower())
    lower.setflags(write=False)
    return lower


@cache
def ascii_words() -> bytes:
    """For `bytes.translate`: lower case for what a word is made of, 0 for what ends words; beyond ASCII as it is."""
    table = bytearray(range(256))
    for code in range(128):
        character = chr(code).lower()
        table[code] = ord(character) if character.isalnum() or character == "_" else 0
    return bytes(table)


@cache
def ascii_signs() -> bytes:
    """For `bytes.translate`: the ASCII bytes that are neither letters nor digits."""
    return bytes(code for code in range(128) if not chr(code).isalnum())


@cache
def _everything() -> str:
    """Every character of the planes that have letters or marks: 0 to 3, and the first 4,096 of plane 14."""
    codes = np.concatenate((np.arange(PLANES, dtype="<u4"), np.arange(EXTRA, EXTRA + 0x1000, dtype="<u4")))
    codes[0xD800:0xE000] = ord(" ")  # halves of characters
    return codes.tobytes().decode("utf-32-le")


def _marked(pattern: str, mark: int) -> NDArray[np.uint8]:
    """The mark at every code point in a match of the pattern, and 0 at the others."""
    import regex

    found = np.zeros(PLANES + 0x1000, dtype=np.uint8)
    for match in regex.finditer(pattern, _everything()):
        found[match.start() : match.end()] = mark
    marks = np.zeros(0x110000, dtype=np.uint8)
    marks[:PLANES], marks[EXTRA : EXTRA + 0x1000] = found[:PLANES], found[PLANES:]
    return marks
