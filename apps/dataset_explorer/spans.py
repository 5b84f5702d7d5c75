"""Where in a row each quality rule finds its fault."""

from collections.abc import Callable, Sequence

import numpy as np

from apps.dataset_explorer import c4, fineweb, gopher
from apps.dataset_explorer.repetition import COVERED_SIZES, TOP_SIZES, Grams, duplicates, paragraphs
from apps.dataset_explorer.rules import policy_phrases, rule
from apps.dataset_explorer.sheet import ALPHABETIC, NEWLINE, Ints, Pieces, Sheet

Spans = list[tuple[int, int]]


def find_spans(sheet: Sheet, name: str, bad_words: Sequence[str] = ()) -> Spans:
    """Start and end of each stretch of characters that a rule objects to; see `quality.spans`.

    Args:
        sheet: One row.
        name: Name of the rule.
        bad_words: The list for `c4_bad_words`.
    """
    if name == "c4_bad_words":
        return _merge(c4.find_words(sheet, bad_words))
    found = _FINDERS.get(name)
    return [] if found is None else _merge(found(sheet))


def _merge(pieces: Pieces) -> Spans:
    """The pieces in order, those that touch or overlap made one, empty ones left out."""
    merged: Spans = []
    for start, end in sorted(zip(pieces.start.tolist(), pieces.end.tolist(), strict=True)):
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(merged[-1][1], end))
        elif start < end:
            merged.append((start, end))
    return merged


def _at(start: Ints, width: int = 1) -> Pieces:
    return Pieces(np.zeros_like(start), start, start + width)


def _join(*parts: Pieces) -> Pieces:
    return Pieces(*(np.concatenate([getattr(part, name) for part in parts]) for name in ("row", "start", "end")))


def _odd_words(sheet: Sheet) -> Pieces:
    """Words longer than the longest mean that passes, and if there are none, those shorter than the shortest."""
    asked = rule("gopher_word_length").web
    least, most = (asked.least or 0.0, asked.most or np.inf) if asked else (0.0, np.inf)
    length = sheet.words.length
    mean = length.mean() if len(length) else 0.0
    return sheet.words.where(length > most if mean > most else length < least)


def _ellipses(sheet: Sheet) -> Pieces:
    return _join(gopher.dots(sheet), _at(np.flatnonzero(sheet.codes == gopher.ELLIPSIS)))


def _repeated_lines(sheet: Sheet) -> Pieces:
    lines = sheet.lines.where(sheet.lines.start < sheet.lines.end)
    return lines.where(duplicates(sheet, lines))


def _repeated_paragraphs(sheet: Sheet) -> Pieces:
    pieces = paragraphs(sheet)
    return pieces.where(duplicates(sheet, pieces))


def _top(n: int) -> Callable[[Sheet], Pieces]:
    """Every occurrence of the most frequent n-gram."""

    def find(sheet: Sheet) -> Pieces:
        grams = Grams(sheet, "zero", "union")
        groups = next(groups for size, groups in grams.repeated() if size == n)
        words = sheet.words
        won = np.repeat(grams.winners(groups), groups.size)
        first = groups.position[won]
        return Pieces(words.row[first], words.start[first], words.end[first + n - 1])

    return find


def _repeated(n: int) -> Callable[[Sheet], Pieces]:
    """Runs of words in n-grams that occurred before, with what stands between the words."""

    def find(sheet: Sheet) -> Pieces:
        grams = Grams(sheet, "zero", "union")
        groups = next(groups for size, groups in grams.repeated() if size == n)
        words, covered = sheet.words, grams.covered(groups, n)
        edges = np.flatnonzero(np.diff(covered, prepend=False, append=False))
        return Pieces(words.row[edges[::2]], words.start[edges[::2]], words.end[edges[1::2] - 1])

    return find


def _c4_lines(attribute: str) -> Callable[[Sheet], Pieces]:
    """The lines that C4 drops for one reason, or does not keep at all."""

    def find(sheet: Sheet) -> Pieces:
        lines, seen = c4.inspect(sheet)
        mask = getattr(seen, attribute)
        return lines.where(~mask if attribute in ("ended", "kept") else mask)

    return find


def _phrase(*phrases: str) -> Callable[[Sheet], Pieces]:
    return lambda sheet: _join(*(_at(sheet.find(phrase), len(phrase)) for phrase in phrases))


def _unpunctuated(sheet: Sheet) -> Pieces:
    lines = fineweb.filled_lines(sheet)
    return lines.where(~fineweb.punctuated(sheet, lines))


def _short_lines(sheet: Sheet) -> Pieces:
    lines = fineweb.filled_lines(sheet)
    return lines.where(lines.length <= fineweb.SHORT_LINE)


def _repeated_filled(sheet: Sheet) -> Pieces:
    lines = fineweb.filled_lines(sheet)
    return lines.where(duplicates(sheet, lines))


_FINDERS: dict[str, Callable[[Sheet], Pieces]] = {
    "gopher_word_length": _odd_words,
    "gopher_hashes": lambda sheet: _at(np.flatnonzero(sheet.codes == gopher.HASH)),
    "gopher_ellipses": _ellipses,
    "gopher_bullet_lines": lambda sheet: sheet.split_lines.where(gopher.bulleted(sheet)),
    "gopher_ellipsis_lines": lambda sheet: sheet.split_lines.where(gopher.trailing(sheet)),
    "gopher_alphabetic_words": lambda sheet: sheet.words.where(
        sheet.any_bits(sheet.words) & np.uint16(ALPHABETIC) == 0
    ),
    "gopher_duplicate_paragraphs": _repeated_paragraphs,
    "gopher_duplicate_paragraph_characters": _repeated_paragraphs,
    "gopher_duplicate_lines": _repeated_lines,
    "gopher_duplicate_line_characters": _repeated_lines,
    **{f"gopher_top_{n}_gram": _top(n) for n in TOP_SIZES},
    **{f"gopher_repeated_{n}_grams": _repeated(n) for n in COVERED_SIZES},
    "c4_lorem_ipsum": _phrase("lorem ipsum"),
    "c4_curly_brackets": _phrase("{"),
    "c4_sentences": _c4_lines("kept"),
    "c4_unpunctuated_lines": _c4_lines("ended"),
    "c4_short_lines": _c4_lines("few_words"),
    "c4_long_words": lambda sheet: sheet.tokens.where(sheet.tokens.length > c4.LONGEST_WORD),
    "c4_javascript_lines": _phrase("javascript"),
    "c4_policy_lines": lambda sheet: _phrase(*policy_phrases())(sheet),
    "fineweb_punctuated_lines": _unpunctuated,
    "fineweb_short_lines": _short_lines,
    "fineweb_duplicate_characters": _repeated_filled,
    "fineweb_line_feeds": lambda sheet: _at(np.flatnonzero(sheet.codes[:-1] == NEWLINE)),
}
