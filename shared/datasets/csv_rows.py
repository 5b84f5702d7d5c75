"""Rows of a CSV file: a header, then one record a row, quoted as RFC 4180 says; newlines may be inside quotes.

The delimiter is the one of comma, semicolon, tab and bar that gives the first records the most even widths. A record
that is wider or narrower than the header is refused. A quote that is opened and never closed costs one line: that line
is refused, and reading goes on with the next. Empty lines are no rows.
"""

import csv
from collections.abc import Iterator

from shared.datasets.files import BrokenFile, Line, Source
from shared.datasets.json_values import too_long
from shared.datasets.rows import Rows, Tally, check_width, unique_names

DELIMITERS = ",;\t|"
SNIFFED = 50
LINE_BYTES = 128  # what a short line takes in memory, and so counts at least


class _Open(Exception):
    """A record goes on longer than a row may."""


class _Feed:
    """Lines for `csv.reader`, with what is known of those that make up the record at hand; lines can be given back."""

    def __init__(self, source: Source) -> None:
        self._lines = source.lines()
        self._limit = source.limits.line
        self._again: list[Line] = []
        self._size = 0
        self.lines: list[Line] = []
        self.wrong: tuple[Line, UnicodeDecodeError] | None = None

    def __iter__(self) -> "_Feed":
        return self

    def __next__(self) -> str:
        line = self._again.pop() if self._again else next(self._lines)
        while not self.lines and line.data is not None and not line.data.strip(b"\r\n"):
            line = self._again.pop() if self._again else next(self._lines)  # blank lines between records
        self.lines.append(line)
        self._size += max(line.size, LINE_BYTES)
        if line.data is None or self._size > self._limit:
            raise _Open
        try:
            return line.data.decode() + "\n"
        except UnicodeDecodeError as error:
            self.wrong = self.wrong or (line, error)
            return line.data.decode("utf-8", "replace") + "\n"

    def next_record(self) -> None:
        """Forget the record at hand."""
        self.lines, self._size, self.wrong = [], 0, None

    def give_back(self) -> None:
        """Read all lines of the record at hand but its first once more."""
        self._again += reversed(self.lines[1:])


def delimiter(source: Source, fallback: str = ",") -> str:
    """The delimiter that gives the first records the most even widths, of more than one column; else the fallback."""
    lines = [f"{line}\n" for line in source.head.decode("utf-8", "replace").split("\n")]
    best, score = fallback, (0.0, 0)
    for candidate in sorted(DELIMITERS, key=lambda one: one != fallback):
        widths = _widths(lines[:-1] or lines, candidate)
        if widths and widths[0] > 1:
            even = (widths.count(widths[0]) / len(widths), widths[0])
            best, score = max((best, score), (candidate, even), key=lambda one: one[1])
    return best


def _widths(lines: list[str], candidate: str) -> list[int]:
    """How many values each of the first records has; 0 where it is broken. The last may be cut, and is left out."""
    reader, widths = csv.reader(lines, delimiter=candidate, strict=True), list[int]()
    while len(widths) < SNIFFED:
        try:
            record = next(reader)
        except StopIteration:
            break
        except csv.Error as error:
            if "unexpected end" in str(error):
                break
            record = []
            widths.append(0)
        widths += [len(record)] if record else []
    return widths


class _Records:
    """The records of a CSV file: its header, and every row that has the header's width."""

    def __init__(self, source: Source, tally: Tally, fallback: str) -> None:
        csv.field_size_limit(max(csv.field_size_limit(), 2 * source.limits.line))
        self.limits, self._tally = source.limits, tally
        self._feed = _Feed(source)
        self._reader = csv.reader(self._feed, delimiter=delimiter(source, fallback), strict=True)
        self.names: list[str] = []
        header = next((record for record in self._good() if record or tally.refused_rows), None)
        if not header:
            what = tally.refused[0].reason if tally.refused else "has no line that is not empty"
            raise BrokenFile(f"'{source.path.name}' has no header that can be read: its first line {what}.")
        self.names, notes = unique_names(header)
        for note in notes:
            tally.note(note)
        check_width(len(self.names), 0, self.limits)

    def _good(self) -> Iterator[list[str] | None]:
        """Records, None for one that is broken."""
        while True:
            self._feed.next_record()
            try:
                record = next(self._reader)
            except StopIteration:
                return
            except (csv.Error, _Open) as error:
                self._refuse_line(error)
                yield None
                continue
            first = self._feed.lines[0]
            if self._feed.wrong:
                line, bad = self._feed.wrong
                reason = f"is not valid UTF-8 (byte 0x{bad.object[bad.start]:02x})"
                self._tally.refuse(first.number, reason, self._column(record), line.start + bad.start)
                yield None
            elif self.names and len(record) != len(self.names):
                values = f"has {len(record):,} value{'s' if len(record) > 1 else ''}"
                self._tally.refuse(first.number, f"{values}, the header {len(self.names):,}", byte=first.start)
                yield None
            else:
                yield record

    def _column(self, record: list[str]) -> str:
        """The column in which a character could not be read."""
        broken = [place for place, value in enumerate(record) if "\ufffd" in value]
        return self.names[broken[0]] if len(broken) == 1 and broken[0] < len(self.names) else ""

    def _refuse_line(self, error: Exception) -> None:
        """Refuse the line in which the record at hand begins, and go on with the next line."""
        lines = self._feed.lines
        first = lines[0]
        if first.data is None:
            reason = too_long(first.size, self.limits)
        elif isinstance(error, _Open):
            reason = f"opens a quote that is not closed in the next {len(lines) - 1:,} lines"
        elif "unexpected end" in str(error):
            reason = "opens a quote that is never closed"
        elif "new-line" in str(error):
            reason = "has a carriage return outside quotes"
        else:
            reason = f"closes a quote in line {lines[-1].number:,}, and neither delimiter nor newline follows"
        self._feed.give_back()
        self._tally.refuse(first.number, reason, byte=first.start)

    def batches(self) -> Iterator[Rows]:
        """The rows, by columns."""
        held: list[list[str]] = []
        most, most_bytes = self.limits.part_rows, self.limits.part_bytes
        size, most = 0, min(most, max(1, self.limits.cells // len(self.names)))
        for passed, record in enumerate(self._good(), start=1):
            if record is not None:
                held.append(record)
                size += sum(line.size for line in self._feed.lines)
            # Also after many broken records and no good one, so that whoever waits can stop.
            if size >= most_bytes or len(held) >= most or passed % self.limits.batch_rows == 0:
                yield self._rows(held)
                held, size = [], 0
        yield self._rows(held)

    def _rows(self, held: list[list[str]]) -> Rows:
        columns = [list(column) for column in zip(*held, strict=True)] if held else [[] for _ in self.names]
        start = self._tally.accepted
        self._tally.accepted += len(held)
        return Rows(dict(zip(self.names, columns, strict=True)), len(held), start, literal=True)


def read_csv(source: Source, tally: Tally) -> Iterator[Rows]:
    """Rows of a CSV file; of one that ends in .tsv or .tab, by tabs where other delimiters fit as well."""
    tabbed = any(suffix.lower() in (".tsv", ".tab") for suffix in source.path.suffixes)
    yield from _Records(source, tally, "\t" if tabbed else ",").batches()
