"""Rows of JSON files: JSON Lines, and one document that is an array, an object around one array, or columns.

An object is unwrapped when one of its members is an array of objects: `{"version": 1, "data": [{...}, {...}]}`, unless
these are messages: then the object is one conversation. When all its members are arrays of one length, they are
columns. Objects one after another are rows, whether or not they have newlines in them. Blank lines are no rows.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from shared.conversations import as_messages
from shared.datasets.files import Limits, Source, size_text
from shared.datasets.json_document import Document, Element
from shared.datasets.json_values import RowParser, too_long
from shared.datasets.rows import Rows, Tally, Unreadable, check_width, in_columns
from shared.errors import PlaygroundError


class Batch:
    """Rows waiting to be handed on together."""

    def __init__(self, limits: Limits, tally: Tally) -> None:
        self._limits, self._tally = limits, tally
        self._part_rows, self._part_bytes = limits.part_rows, limits.part_bytes
        self._rows: list[dict[str, Any]] = []
        self._size = self._skipped = 0

    def add(self, row: dict[str, Any], size: int) -> bool:
        """Take a row of `size` bytes; whether the batch is full now."""
        self._rows.append(row)
        self._tally.accepted += 1
        self._size += size
        return self._size >= self._part_bytes or len(self._rows) >= self._part_rows

    def skip(self) -> bool:
        """Pass over a row that is none; whether it is time to hand something on, so that whoever waits can stop."""
        self._skipped += 1
        return self._skipped >= self._part_rows

    def take(self) -> Iterator[Rows]:
        """All rows that wait, by columns; no rows when none does."""
        rows, self._rows, self._size, self._skipped = self._rows, [], 0, 0
        if rows:
            yield from in_columns(rows, self._tally.accepted - len(rows), self._limits)
        else:
            yield Rows({}, 0, self._tally.accepted)


def read_lines(source: Source, tally: Tally) -> Iterator[Rows]:
    """Rows of a JSON Lines file. A broken line is refused; reading goes on with the next."""
    parser, batch = RowParser(source.limits, tally), Batch(source.limits, tally)
    for number, start, data, size in source.lines():
        full = False
        try:
            if data is None:
                raise Unreadable(too_long(size, source.limits))
            blank = not data or data.isspace()
            full = batch.skip() if blank else batch.add(parser.line(data), size)
        except Unreadable as wrong:
            tally.refuse(number, wrong.reason, byte=start + wrong.at)
            full = batch.skip()
        if full:
            yield from batch.take()
    yield from batch.take()


def read_document(source: Source, tally: Tally) -> Iterator[Rows]:
    """Rows of a JSON file that is one document (or objects one after another, with newlines in them)."""
    parser = RowParser(source.limits, tally)
    document = Document(source, parser)
    if document.peek() == "[":
        yield from _rows(document.elements(), parser, source, tally)
        document.end()
        return
    layout = _layout(source)
    if layout.columns:
        yield from _read_columns(source, tally)
    elif layout.rows:
        others = f"; left out are {', '.join(layout.others)}" if layout.others else ""
        tally.note(f"The rows are what '{layout.rows}' holds{others}.")
        for key, is_array in document.members():
            if is_array:
                elements = document.elements()
                yield from _rows(elements, parser, source, tally) if key == layout.rows else _ignore(elements)
    else:
        yield from _rows(document.values(), parser, source, tally)
        if tally.accepted == 1:
            tally.note("The file is one JSON object that holds no array of rows: it is one row.")


def _rows(elements: Iterator[Element], parser: RowParser, source: Source, tally: Tally) -> Iterator[Rows]:
    batch = Batch(source.limits, tally)
    for element in elements:
        try:
            if element.wrong:
                raise element.wrong
            full = batch.add(parser.row(element.value), element.size)
        except Unreadable as wrong:
            tally.refuse(element.number, wrong.reason, byte=element.byte + wrong.at)
            full = batch.skip()
        if full:
            yield from batch.take()
    yield from batch.take()


def _ignore(elements: Iterator[Element]) -> Iterator[Rows]:
    for _ in elements:
        pass
    return iter(())


@dataclass(frozen=True)
class _Layout:
    """How an object holds rows: under one key (`rows`, `others` beside it), as `columns`, or it is a row itself."""

    rows: str = ""
    others: tuple[str, ...] = ()
    columns: bool = False


def _layout(source: Source) -> _Layout:
    """Read the document once to see how its rows are laid out.

    Raises:
        PlaygroundError: It holds several arrays of objects.
    """
    document = Document(source, RowParser(source.limits, Tally()))
    arrays: dict[str, _Array] = {}
    others: list[str] = []
    for key, is_array in document.members():
        if is_array:
            arrays[key] = _look(document.elements())
        else:
            others.append(key)
    if document.peek() == "{":
        return _Layout()
    document.end()
    rows = [key for key, array in arrays.items() if array.objects]
    if len(rows) == 1:
        return _Layout(rows[0], tuple(key for key in (*others, *arrays) if key != rows[0]))
    sizes = {array.size for array in arrays.values()}
    if len(sizes) == 1 and not others and not any(array.messages for array in arrays.values()):
        return _Layout(columns=True)
    if len(rows) > 1:
        listed = ", ".join(f"'{key}' ({arrays[key].size:,} rows)" for key in rows)
        raise PlaygroundError(
            f"'{source.path.name}' holds several arrays of rows: {listed}. Save the one you want to a file of its own."
        )
    return _Layout()


@dataclass
class _Array:
    """What an array holds: how many values, whether all are objects that may be rows, whether all are messages."""

    size: int = 0
    objects: bool = False
    messages: bool = False


def _look(elements: Iterator[Element]) -> _Array:
    seen = _Array(objects=True, messages=True)
    for element in elements:
        seen.size += 1
        is_message = as_messages(element.value) is not None
        seen.messages &= is_message
        seen.objects &= not is_message and (type(element.value) is dict or element.wrong is not None)
    return seen if seen.size else _Array()


def _read_columns(source: Source, tally: Tally) -> Iterator[Rows]:
    """Rows of an object of columns, which is held whole."""
    limits = source.limits
    data = bytearray()
    for chunk in source.chunks():
        data += chunk
        if len(data) > limits.document:
            raise PlaygroundError(
                f"'{source.path.name}' is one JSON object of columns with more than {size_text(limits.document)}, "
                "which must be held in memory whole. Save it as JSON Lines, one row a line."
            )
    try:
        columns = RowParser(limits, tally).value(text := data.decode(), len(text) - len(text.lstrip()))[0]
    except (UnicodeDecodeError, Unreadable) as error:
        raise PlaygroundError(
            f"'{source.path.name}' is one JSON object of columns, and {error}. Mend it there."
        ) from error
    count = len(next(iter(columns.values())))
    check_width(len(columns), count, limits)
    step = min(limits.part_rows, max(1, limits.cells // len(columns)))
    for at in range(0, count, step):
        part = {name: values[at : at + step] for name, values in columns.items()}
        size = min(step, count - at)
        tally.accepted += size
        yield Rows(part, size, at)
