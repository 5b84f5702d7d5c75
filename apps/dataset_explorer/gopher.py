"""Gopher's quality rules (arXiv:2112.11446, Appendix A.1.1), measured as datatrove 0.10.1 reads them."""

from functools import lru_cache
from typing import Literal

import numpy as np

from apps.dataset_explorer.repetition import Values, share
from apps.dataset_explorer.rules import stop_words
from apps.dataset_explorer.sheet import ALPHABETIC, PLAIN, SINGLE, Bools, Hashes, Ints, Pieces, Sheet

Script = Literal["any", "english"]

HASH, DOT, ELLIPSIS, DASH, BULLET = map(ord, "#.…-•")


def measure_words(sheet: Sheet, script: Script = "any") -> dict[str, Values]:
    """Counts of words, their length, how many hold a letter, and how many different stop words a row has.

    Args:
        sheet: The rows.
        script: "any": Han and Kana characters are left out of the mean word length, which is NaN where nothing is
            left, and the stop words of the best matching language count; "english": every word, English stop words.

    Returns:
        For each value name, shape (rows,).
    """
    words = sheet.words
    bits = sheet.any_bits(words)
    plain = words.where((bits & np.uint16(PLAIN)) != 0)
    lengthy = plain
    if script == "any":
        lengthy = plain.where((sheet.flags[plain.start] & np.uint16(SINGLE)) == 0)
    count = sheet.count(lengthy.row)
    mean = np.full(sheet.rows, np.nan)
    np.divide(sheet.count(lengthy.row, lengthy.length), count, out=mean, where=count > 0)
    return {
        "gopher_words": sheet.count(plain.row).astype(np.float64),
        "gopher_word_length": mean,
        "gopher_alphabetic_words": share(
            sheet.count(words.row[(bits & np.uint16(ALPHABETIC)) != 0]), sheet.count(words.row)
        ),
        "gopher_stop_words": count_stop_words(sheet, script),
    }


@lru_cache(maxsize=2)
def _stops(script: Script) -> tuple[Hashes, Ints, Ints]:
    """Hashes of all stop words in ascending order, which word list each is in, and how many words each list has."""
    lists = [words for language, words in stop_words().items() if script == "any" or language == "en"]
    sheet = Sheet([word for words in lists for word in words])
    hashes = sheet.hashes(Pieces(np.arange(sheet.rows), sheet.start, sheet.end))
    order = np.argsort(hashes)
    return (
        hashes[order],
        np.repeat(np.arange(len(lists)), [len(words) for words in lists])[order],
        np.arange(len(lists)),
    )


def count_stop_words(sheet: Sheet, script: Script) -> Values:
    """Different stop words in each row, in the language that has most of them. Case counts. Shape (rows,)."""
    hashes, language, languages = _stops(script)
    found, row = match_stop_words(sheet, hashes)
    seen = np.zeros((sheet.rows, len(hashes)), np.bool_)
    seen[row, found] = True
    best = np.zeros(sheet.rows, np.int64)
    for each in languages:
        np.maximum(best, seen[:, language == each].sum(axis=1), out=best)
    return best.astype(np.float64)


def match_stop_words(sheet: Sheet, hashes: Hashes) -> tuple[Ints, Ints]:
    """For each word of the sheet that is one of `hashes` (ascending): its place there, and its row."""
    keys = sheet.word_hashes
    # Twelve bits of a hash tell most other words apart, without a search for each.
    known = np.zeros(1 << 12, np.bool_)
    known[hashes >> np.uint64(52)] = True
    maybe = np.flatnonzero(known[keys >> np.uint64(52)])
    place = np.minimum(np.searchsorted(hashes, keys[maybe]), len(hashes) - 1)
    hit = hashes[place] == keys[maybe]
    return place[hit], sheet.words.row[maybe[hit]]


def dots(sheet: Sheet) -> Pieces:
    """Each ellipsis of three dots, as `text.count("...")` finds them; rows have none across their ends."""
    dot = np.flatnonzero(sheet.codes == DOT)
    start = dot[np.diff(dot, prepend=-2) > 1]
    end = dot[np.diff(dot, append=len(sheet.codes) + 2) > 1] + 1
    many = (end - start) // 3
    first = np.repeat(start, many)
    step = np.arange(len(first)) - np.repeat(np.cumsum(many) - many, many)
    return Pieces(sheet.row_of(first), first + 3 * step, first + 3 * step + 3)


def bulleted(sheet: Sheet) -> Bools:
    """Which lines begin with a bullet or a dash."""
    lines = sheet.strip(sheet.split_lines)
    head = sheet.codes[lines.start]
    found: Bools = ((head == BULLET) | (head == DASH)) & (lines.start < lines.end)
    return found


def trailing(sheet: Sheet) -> Bools:
    """Which lines end with an ellipsis."""
    lines = sheet.strip(sheet.split_lines)
    filled = lines.start < lines.end
    three = sheet.end_in(lines, DOT, 3)
    three |= (sheet.codes[lines.end - 1] == ELLIPSIS) & filled
    return three


def measure_symbols(sheet: Sheet) -> dict[str, Values]:
    """Hash signs and ellipses per word, and the shares of lines that start with a bullet or end with an ellipsis.

    Args:
        sheet: The rows.

    Returns:
        For each value name, shape (rows,).
    """
    words = sheet.count(sheet.words.row)
    row = sheet.split_lines.row
    lines = sheet.count(row)
    ellipses = sheet.count(dots(sheet).row) + sheet.per_row(np.flatnonzero(sheet.codes == ELLIPSIS))
    return {
        "gopher_hashes": share(sheet.per_row(np.flatnonzero(sheet.codes == HASH)), words),
        "gopher_ellipses": share(ellipses, words),
        "gopher_bullet_lines": share(sheet.count(row[bulleted(sheet)]), lines),
        "gopher_ellipsis_lines": share(sheet.count(row[trailing(sheet)]), lines),
    }
