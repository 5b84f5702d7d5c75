"""Rows of a plain text file: paragraphs where blank lines separate them, else lines. The only column is "text".

A paragraph keeps the newlines inside it. Blank lines at the beginning and at the end separate nothing.
"""

from collections.abc import Iterator

from shared.datasets.files import Line, Source
from shared.datasets.json_rows import Batch
from shared.datasets.json_values import too_long, utf8
from shared.datasets.rows import Rows, Tally, Unreadable


def _is_blank(line: Line) -> bool:
    return line.data is not None and (not line.data or line.data.isspace())


def has_paragraphs(source: Source) -> bool:
    """Whether a blank line lies between two that are not."""
    seen = gap = False
    for line in source.lines():
        if _is_blank(line):
            gap = seen
        elif gap:
            return True
        else:
            seen = True
    return False


def _pieces(source: Source, together: bool) -> Iterator[list[Line]]:
    """The lines of each row."""
    held: list[Line] = []
    for line in source.lines():
        if not _is_blank(line):
            held.append(line)
        if held and (_is_blank(line) or not together):
            yield held
            held = []
    if held:
        yield held


def _text(lines: list[Line], source: Source) -> str:
    """The text of a row.

    Raises:
        Unreadable: It is too long, or no text.
    """
    size = lines[-1].start + lines[-1].size - lines[0].start
    parts = [line.data.removesuffix(b"\r") for line in lines if line.data is not None]
    if size > source.limits.line or len(parts) < len(lines):
        raise Unreadable(too_long(size, source.limits))
    for line, part in zip(lines, parts, strict=True):
        try:
            utf8(part)
        except Unreadable as wrong:
            raise Unreadable(wrong.reason, line.start - lines[0].start + wrong.at) from wrong
    return b"\n".join(parts).decode()


def read_text(source: Source, tally: Tally) -> Iterator[Rows]:
    """Rows of a text file."""
    together, batch = has_paragraphs(source), Batch(source.limits, tally)
    if together:
        tally.note("Blank lines separate the rows: each row is a paragraph.")
    for lines in _pieces(source, together):
        try:
            text = _text(lines, source)
            full = batch.add({"text": text}, len(text))
        except Unreadable as wrong:
            tally.refuse(lines[0].number, wrong.reason, byte=lines[0].start + wrong.at)
            full = batch.skip()
        if full:
            yield from batch.take()
    yield from batch.take()
