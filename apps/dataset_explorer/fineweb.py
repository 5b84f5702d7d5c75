"""FineWeb's rules (arXiv:2406.17557, section 3.6), measured as datatrove 0.10.1 reads them."""

from functools import cache

import numpy as np

from apps.dataset_explorer.repetition import Values, duplicates, share
from apps.dataset_explorer.rules import stop_characters
from apps.dataset_explorer.sheet import Bools, Pieces, Sheet

SHORT_LINE = 30


@cache
def _stops() -> Bools:
    """Whether a code point ends a line properly. Shape (1114112,)."""
    table = np.zeros(0x110000, np.bool_)
    table[[ord(character) for character in stop_characters()]] = True
    return table


def filled_lines(sheet: Sheet) -> Pieces:
    """The lines, split at line feeds alone, that hold more than white space."""
    stripped = sheet.strip(sheet.lines)
    return sheet.lines.where(stripped.start < stripped.end)


def punctuated(sheet: Sheet, lines: Pieces) -> Bools:
    """Which (non-empty) lines end in end punctuation."""
    return _stops()[sheet.codes[lines.end - 1]]


def measure_fineweb(sheet: Sheet) -> dict[str, Values]:
    """FineWeb's values of every row: shares of lines and of characters, and line feeds per word.

    Args:
        sheet: The rows.

    Returns:
        For each value name, shape (rows,); rows with only white space have NaN for shares of lines.
    """
    lines = filled_lines(sheet)
    total = sheet.count(lines.row)
    again = duplicates(sheet, lines)
    feeds = sheet.count(sheet.lines.row) - 1
    return {
        "fineweb_punctuated_lines": share(sheet.count(lines.row[punctuated(sheet, lines)]), total),
        "fineweb_short_lines": share(sheet.count(lines.row[lines.length <= SHORT_LINE]), total),
        "fineweb_duplicate_characters": share(sheet.count(lines.row[again], lines.length[again]), sheet.length - feeds),
        "fineweb_line_feeds": share(feeds, sheet.count(sheet.words.row)),
    }
