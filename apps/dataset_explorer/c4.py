"""C4's rules (JMLR 21:140, section 2.2, and the code of TensorFlow Datasets) as datatrove 0.10.1 reads them.

C4 drops lines first (without end punctuation, too short, with one overlong word, about JavaScript or cookies) and
judges a page by what is left: it must hold five sentences, no "lorem ipsum" and no curly bracket.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, fields
from functools import cache

import numpy as np

from apps.dataset_explorer.gopher import DOT, Script
from apps.dataset_explorer.repetition import Values, share
from apps.dataset_explorer.rules import policy_phrases
from apps.dataset_explorer.sheet import (
    CLOSER,
    CLOSERS,
    END,
    SINGLE,
    SPACE,
    WIDE_END,
    WIDE_ENDS,
    WORD,
    Bools,
    Ints,
    Pieces,
    Sheet,
    classes,
)

CITATION = re.compile(r"\[\d*]|\[edit]|\[citation needed]")
LONGEST_WORD = 1000
FEWEST_WORDS = 3
LONG_PARAGRAPH = 200
_ASCII_ENDS = ".?!\"'"
_WIDE_CLOSERS = "”’」』»"
_ELLIPSIS = "…"


@dataclass(frozen=True)
class Lines:
    """What C4 looks at in each line that is not blank; every attribute has shape (lines,).

    Attributes:
        long_word: Whether a word has more than 1,000 characters.
        ended: Whether the line ends in end punctuation, an ellipsis excepted.
        few_words: Whether it has fewer than three words between white space; for every script, each Han or Kana
            character is one more word.
        lorem: Whether it says "lorem ipsum".
        javascript: Whether it says "javascript".
        curly: Whether it holds an opening curly bracket.
        policy: Whether it speaks of cookies or terms of use.
        sentences: Sentences in the line.
    """

    long_word: Bools
    ended: Bools
    few_words: Bools
    lorem: Bools
    javascript: Bools
    curly: Bools
    policy: Bools
    sentences: Ints

    @property
    def read(self) -> Bools:
        """Lines that are long enough and end as sentences do; only these are searched for words and brackets."""
        return self.ended & ~self.long_word & ~self.few_words

    @property
    def kept(self) -> Bools:
        """Lines that C4 keeps."""
        return self.read & ~self.lorem & ~self.javascript & ~self.curly & ~self.policy


def inspect_line(line: str, script: Script) -> tuple[bool, bool, bool, bool, bool, bool, bool, int]:
    """One line in plain Python: what `Lines` holds for it, in its order. Citations are taken out as C4 does.

    Args:
        line: A line without white space at its ends.
        script: "any" or "english": which end punctuation counts.
    """
    words = line.split()
    single = sum(bool(classes()[ord(character)] & SINGLE) for character in line) if script == "any" else 0
    line = CITATION.sub("", line)
    low = line.lower()
    return (
        any(len(word) > LONGEST_WORD for word in words),
        line.endswith(_ends(script)) and not line.endswith("..."),
        len(words) + single < FEWEST_WORDS,
        "lorem ipsum" in low,
        "javascript" in low,
        "{" in line,
        any(phrase in low for phrase in policy_phrases()),
        count_sentences(line),
    )


@cache
def _ends(script: Script) -> tuple[str, ...]:
    if script == "english":
        return tuple(_ASCII_ENDS)
    terminal = np.flatnonzero(classes() & np.uint16(END))
    return (*_ASCII_ENDS, *_WIDE_CLOSERS, *(chr(point) for point in terminal if chr(point) != _ELLIPSIS))


@cache
def _boundary() -> re.Pattern[str]:
    """Between two sentences of a line."""
    ends, closers = "".join(map(chr, np.flatnonzero(classes() & np.uint16(END)))), re.escape(CLOSERS)
    return re.compile(rf"[{ends}][{closers}]?\s+(?=\S)|[{WIDE_ENDS}][{closers}]?(?=[^\s{ends}{closers}])")


def count_sentences(line: str) -> int:
    """Sentences of one line: 1 and one more at each end of a sentence that text follows.

    A sentence ends with end punctuation, at most one closing quotation mark or bracket, and then white space; after
    wide punctuation (such as the Chinese full stop) no white space is needed.
    """
    return 1 + sum(1 for _ in _boundary().finditer(line.strip()))


def _sentences(sheet: Sheet, lines: Pieces) -> Ints:
    """What `count_sentences` says of each line."""
    tokens, flags = sheet.tokens, sheet.flags
    before = flags[tokens.end - 2] & np.uint16(END) != 0
    ended = (flags[tokens.end - 1] & np.uint16(END) != 0) | (
        (flags[tokens.end - 1] & np.uint16(CLOSER) != 0) & before & (tokens.length > 1)
    )
    sums = np.concatenate(([0], np.cumsum(ended)))
    low, high = np.searchsorted(tokens.start, lines.start), np.searchsorted(tokens.start, lines.end)
    inner = sums[np.maximum(high - 1, low)] - sums[low]
    wide = np.flatnonzero(flags & np.uint16(WIDE_END))
    after = wide + 1
    after += flags[after] & np.uint16(CLOSER) != 0
    after = after[flags[np.minimum(after, len(flags) - 1)] & np.uint16(SPACE | END | CLOSER) == 0]
    return 1 + inner + _inside(lines, after)


def inspect(sheet: Sheet, script: Script = "any") -> tuple[Pieces, Lines]:
    """The lines of a sheet that are not blank, without white space at their ends, and what C4 sees in each.

    Args:
        sheet: The rows.
        script: "any": the end punctuation of every script counts; "english": `. ? ! " '` alone.
    """
    lines = sheet.strip(sheet.split_lines)
    lines = lines.where(lines.start < lines.end)
    tokens = sheet.tokens
    overlong = np.zeros(len(lines), np.bool_)
    overlong[np.searchsorted(lines.end, tokens.end[tokens.length > LONGEST_WORD])] = True
    count = _inside(lines, tokens.start)
    if script == "any":
        count += _inside(lines, np.flatnonzero(sheet.has(SINGLE)))
    policy = np.zeros(len(lines), np.bool_)
    for phrase in policy_phrases():
        policy |= _holds(lines, sheet.find(phrase), len(phrase))
    seen = Lines(
        long_word=overlong,
        ended=_ended(sheet, lines, script),
        few_words=count < FEWEST_WORDS,
        lorem=_holds(lines, sheet.find("lorem ipsum"), 11),
        javascript=_holds(lines, sheet.find("javascript"), 10),
        curly=_holds(lines, np.flatnonzero(sheet.codes == ord("{")), 1),
        policy=policy,
        sentences=_sentences(sheet, lines),
    )
    _read_cited(sheet, lines, seen, script)
    return lines, seen


def _inside(lines: Pieces, position: Ints) -> Ints:
    """How many of these ascending positions lie in each line."""
    return np.searchsorted(position, lines.end) - np.searchsorted(position, lines.start)


def _holds(lines: Pieces, position: Ints, width: int) -> Bools:
    """Which lines hold one of the positions, with as many characters after it as the phrase has."""
    mask = np.zeros(len(lines), np.bool_)
    place = np.searchsorted(lines.end, position, side="right")
    inside = place < len(lines)
    position, place = position[inside], place[inside]
    mask[place[(lines.start[place] <= position) & (position + width <= lines.end[place])]] = True
    return mask


def _ended(sheet: Sheet, lines: Pieces, script: Script) -> Bools:
    last = sheet.codes[lines.end - 1]
    ended = np.isin(last, [ord(character) for character in _ASCII_ENDS])
    if script == "any":
        ended |= np.isin(last, [ord(character) for character in _WIDE_CLOSERS])
        ended |= (sheet.flags[lines.end - 1] & np.uint16(END) != 0) & (last != ord(_ELLIPSIS))
    return ended & ~sheet.end_in(lines, DOT, 3)


def _read_cited(sheet: Sheet, lines: Pieces, seen: Lines, script: Script) -> None:
    """Look again, without them, at the lines that hold citations: few, and taking text out moves everything else."""
    cited = _holds(lines, np.fromiter((found.start() for found in CITATION.finditer(sheet.text)), np.int64), 1)
    for place in np.flatnonzero(cited):
        line = sheet.text[lines.start[place] : lines.end[place]]
        for field, value in zip(fields(seen), inspect_line(line, script), strict=True):
            getattr(seen, field.name)[place] = value


def find_words(sheet: Sheet, phrases: Sequence[str]) -> Pieces:
    """Where words of a list stand alone: no letter or digit beside them, unless the script writes without spaces.

    Args:
        sheet: The rows.
        phrases: Words or phrases; case does not count.
    """
    starts, ends = [np.zeros(0, np.int64)], [np.zeros(0, np.int64)]
    table = classes()
    for phrase in phrases:
        start = sheet.find(phrase.lower())
        if all(table[ord(character)] & np.uint16(WORD) for character in (phrase[0], phrase[-1])) and phrase.isascii():
            before = sheet.flags[start - 1] & np.uint16(WORD) != 0
            after = sheet.flags[start + len(phrase)] & np.uint16(WORD) != 0
            start = start[~(before & (start > 0)) & ~after]
        starts.append(start)
        ends.append(start + len(phrase))
    start, end = np.concatenate(starts), np.concatenate(ends)
    order = np.argsort(start, kind="stable")
    return Pieces(sheet.row_of(start[order]), start[order], end[order])


def measure_c4(sheet: Sheet, script: Script = "any", bad_words: Sequence[str] = ()) -> dict[str, Values]:
    """C4's values of every row.

    Args:
        sheet: The rows.
        script: "any": the end punctuation of every script counts; "english": `. ? ! " '` alone.
        bad_words: Words that a row should not hold; none by default.

    Returns:
        For each value name, shape (rows,): counts, and shares of the lines that are not blank.
    """
    lines, seen = inspect(sheet, script)
    total = sheet.count(lines.row)
    after = seen.read & ~seen.lorem & ~seen.javascript
    paragraphs = sheet.lines
    counts = {
        "c4_sentences": sheet.count(lines.row[seen.kept], seen.sentences[seen.kept]),
        "c4_lorem_ipsum": sheet.count(lines.row[seen.read & seen.lorem]),
        "c4_curly_brackets": sheet.count(lines.row[after & seen.curly]),
        "c4_javascript_lines": sheet.count(lines.row[seen.javascript]),
        "c4_policy_lines": sheet.count(lines.row[seen.policy]),
        "c4_long_words": sheet.count(lines.row[seen.long_word]),
        "c4_bad_words": sheet.count(find_words(sheet, bad_words).row),
        "c4_long_paragraphs": sheet.count(paragraphs.row[paragraphs.length >= LONG_PARAGRAPH]),
    }
    shares = {"c4_unpunctuated_lines": ~seen.ended, "c4_short_lines": seen.few_words}
    return {name: each.astype(np.float64) for name, each in counts.items()} | {
        name: share(sheet.count(lines.row[mask]), total) for name, mask in shares.items()
    }
