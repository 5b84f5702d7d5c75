"""What every reader hands on: rows in columns, and a tally of what could not be read."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Protocol

from shared.datasets.files import Limits, Source
from shared.errors import PlaygroundError

NOTES = 100  # more notes than that no person reads; the last one says that there were more


@dataclass(frozen=True)
class Refusal:
    """One row of the source that could not be read.

    Attributes:
        row: Where it is in the source, from 1: the line of a file of lines, the record of any other.
        reason: What is wrong with it, in words.
        column: The column that is at fault; "" when it is the whole row.
        byte: Offset in the unpacked file; None when that is not known.
    """

    row: int
    reason: str
    column: str = ""
    byte: int | None = None


class Unreadable(Exception):
    """One row cannot be read: `reason`, and how many bytes into the row."""

    def __init__(self, reason: str, at: int = 0) -> None:
        super().__init__(reason)
        self.reason, self.at = reason, at


@dataclass
class Tally:
    """What a reader counts while it reads.

    Attributes:
        listed: How many refusals are listed one by one.
        accepted: Rows read so far.
        refused_rows: Rows refused so far.
        refused: The first refusals.
        notes: What else a person should know, each once.
    """

    listed: int = 1_000
    accepted: int = 0
    refused_rows: int = 0
    refused: list[Refusal] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def refuse(self, row: int, reason: str, column: str = "", byte: int | None = None) -> None:
        """Count one unreadable row, and list it while there is room."""
        self.refused_rows += 1
        if len(self.refused) < self.listed:
            self.refused.append(Refusal(row, reason, column, byte))

    def clear(self) -> None:
        """Begin anew, for reading the file once more."""
        self.accepted = self.refused_rows = 0
        self.refused, self.notes = [], []

    def note(self, text: str) -> None:
        """Keep a remark, once."""
        if text in self.notes or len(self.notes) > NOTES:
            return
        self.notes.append(text if len(self.notes) < NOTES else "There are more remarks; these are the first.")


@dataclass(frozen=True)
class Rows:
    """Some rows, in source order, by columns.

    Attributes:
        columns: Values by column name, all of one length; None where a row has no such column.
        count: How many rows.
        start: Number of the first one among the accepted rows, from 0.
        literal: Whether every value is text that may stand for a number, as in CSV.
    """

    columns: dict[str, list[Any]]
    count: int
    start: int
    literal: bool = False


class Reader(Protocol):
    """Reads a file of one format: `reader(source, tally)` yields its rows in source order."""

    def __call__(self, source: Source, tally: Tally) -> Iterator[Rows]:
        """Rows in batches; refusals and notes go into the tally."""
        ...


def in_columns(rows: list[dict[str, Any]], start: int, limits: Limits) -> Iterator[Rows]:
    """Rows by columns, in the order in which the columns first appear.

    Yields:
        All rows at once, or fewer at a time when rows times columns are too many to hold.

    Raises:
        PlaygroundError: There are more columns than a dataset may have.
    """
    names: dict[str, Any] = {}
    for row in rows:
        names |= row
    check_width(len(names), start + len(rows), limits)
    step = max(1, limits.cells // max(1, len(names)))
    for at in range(0, len(rows), step):
        part = rows[at : at + step]
        yield Rows({name: [row.get(name) for row in part] for name in names}, len(part), start + at)


def check_width(columns: int, rows: int, limits: Limits) -> None:
    """Refuse more columns than a dataset may have.

    Raises:
        PlaygroundError: There are too many.
    """
    if columns > limits.columns:
        raise PlaygroundError(
            f"The first {rows:,} rows have {columns:,} different columns; at most {limits.columns:,} are allowed. "
            "If the names are ids, make them values: one row per id, with the id in a column of its own."
        )


def unique_names(names: list[str]) -> tuple[list[str], list[str]]:
    """Column names that differ from each other and are not empty, and a note for every one that was changed.

    `unique_names(["a", "a", ""])` gives `["a", "a_2", "column_3"]` and two notes. An empty name would be taken for "the
    whole row".
    """
    given, unique, notes = set(names), dict[str, None](), list[str]()
    for place, name in enumerate(names, start=1):
        new, count = name or f"column_{place}", 1
        while new in unique or (new != name and new in given):
            count += 1
            new = f"{name or f'column_{place}'}_{count}"
        unique[new] = None
        if new != name:
            what = f"is called '{name}' like one before it" if name else "has no name"
            notes.append(f"Column {place} {what}; it is called '{new}' here.")
    return list(unique), notes
