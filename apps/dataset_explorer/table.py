"""Rows of a dataset by number, filter, order and SQL, however large it is.

`page` builds its SQL itself and binds every value. What a person wrote as SQL is asked by `queries`.
"""

import tempfile
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, get_args
from uuid import uuid4

from apps.dataset_explorer import cells, duck
from apps.dataset_explorer.exports import Saved, export
from apps.dataset_explorer.queries import Answer, query, query_steps
from shared.datasets.dataset import Dataset
from shared.errors import PlaygroundError

if TYPE_CHECKING:
    import duckdb
    import pyarrow

__all__ = ["Answer", "Page", "Saved", "Test", "export", "page", "query", "query_steps"]

Test = Literal["contains", "equals", "not equals", "above", "below", "longer than", "shorter than", "missing"]
SECONDS = 60
MEMORY = 256  # MiB for a sort in the server's own process; what is more goes to the disk
KEY = 100  # characters that a text is sorted by
NUMBERS = [
    "tinyint",
    "smallint",
    "integer",
    "bigint",
    "hugeint",
    "utinyint",
    "usmallint",
    "uinteger",
    "ubigint",
    "uhugeint",
    "float",
    "double",
    "decimal",
]
TIMES = ("date", "time", "timestamp", "timestamp_s", "timestamp_ms", "timestamp_ns", "timestamp with time zone")


@dataclass(frozen=True)
class Page:
    """Some rows.

    Attributes:
        columns: Names of the columns, in the order of the cells.
        rows: The cells of each row, as JSON has them (`cells.shown`).
        numbers: The number of each row in the dataset, from 0.
        total: How many rows pass the filter; all of them without one.
    """

    columns: list[str]
    rows: list[list[Any]]
    numbers: list[int]
    total: int


def page(
    dataset: Dataset,
    start: int = 0,
    count: int = 20,
    column: str = "",
    test: Test = "contains",
    value: str = "",
    order: str = "",
    descending: bool = False,
    *,
    spill: Path | None = None,
) -> Page:
    """Rows of a dataset, all of them or those that pass a filter, in source order or sorted.

    "contains" ignores case. "equals" and "not equals" compare numbers as numbers; a row without a value is not equal to
    anything. "above" and "below" compare numbers, dates, or texts letter by letter. "longer than" and "shorter than"
    count the characters of a text and the items of a list. "missing" is null, not-a-number or an empty text. The text of
    a list or an object is its values, joined by one space.

    Args:
        dataset: The dataset.
        start: How many of the rows that pass to skip.
        count: How many rows, at most.
        column: Column that the filter looks at; empty looks at each of them, and one that passes is enough
            (for "not equals": all must pass).
        test: How the column is compared with the value.
        value: What to compare with; empty lets every row pass, but for "missing".
        order: Column to sort by: numbers as numbers, texts by their first 100 characters, missing values last, equal
            ones in source order. Empty keeps source order.
        descending: Sort from high to low.
        spill: Where a sort may put up to 2 GiB that do not fit in memory; the system's folder for temporary files.

    Raises:
        PlaygroundError: A column or the test is unknown, the value does not fit the column, or it takes too long.
    """
    if start < 0 or count < 0:
        raise PlaygroundError(f"Rows {start} to {start + count} are asked for. Rows are numbered from 0.")
    if test not in get_args(Test):
        raise PlaygroundError(f"There is no test '{test[:100]}'. Tests are {', '.join(get_args(Test))}.")
    for name in (column, order):
        if name and name not in dataset.columns:
            known = ", ".join(f"'{each}'" for each in dataset.columns[:30])
            raise PlaygroundError(f"There is no column '{name[:100]}'. Columns are {known}.")
    if not order and not value and test != "missing":
        numbers = range(start, max(start, min(start + count, dataset.rows)))
        return Page(dataset.columns, _read(dataset.path, numbers), list(numbers), dataset.rows)
    place = (spill or Path(tempfile.gettempdir())) / f"sort-{uuid4().hex}"
    from duckdb import Error

    with duck.connect(dataset.path, place if order else None, MEMORY) as connection:
        try:
            with duck.time_limit(connection, SECONDS):
                return _Table(dataset, connection).page(start, count, column, test, value, order, descending)
        except Error as error:
            raise duck.refusal(error, (str(dataset.path), str(place)), SECONDS, MEMORY) from error


def _read(path: Path, numbers: Sequence[int]) -> list[list[Any]]:
    """The cells of the rows with these numbers, as far as there are any, from the row groups that they are in.

    Arrow and not DuckDB, which renames fields of objects that differ in case alone and drops nanoseconds.
    """
    import pyarrow.parquet as pq

    found: dict[int, list[Any]] = {}
    wanted = sorted(numbers)
    with pq.ParquetFile(path, pre_buffer=False) as file:
        first = at = 0
        for group in range(file.metadata.num_row_groups):
            end = first + file.metadata.row_group(group).num_rows
            until = bisect_left(wanted, end)
            if until > at:
                mine = wanted[at:until]
                rows = _cells(file.read_row_group(group, use_threads=False), [number - first for number in mine])
                found.update(zip(mine, rows, strict=True))
            first, at = end, until
    return [found[number] for number in numbers]


def _cells(part: "pyarrow.Table", places: list[int]) -> list[list[Any]]:
    neighbours = places[-1] - places[0] == len(places) - 1
    slices = [part.slice(places[0], len(places))] if neighbours else [part.slice(place, 1) for place in places]
    rows = []
    for piece in slices:
        columns = [cells.values(column) for column in piece.columns]
        rows += [[cells.shown(value) for value in row] for row in zip(*columns, strict=True)]
    return rows


class _Table:
    """The dataset's file, open in DuckDB."""

    def __init__(self, dataset: Dataset, connection: "duckdb.DuckDBPyConnection") -> None:
        self._dataset = dataset
        self._connection = connection
        self._source = duck.scan(dataset.path, len(dataset.columns))
        described = connection.execute(f"SELECT * FROM {self._source} LIMIT 0").description
        self._kinds: list[Any] = [kind for _, kind, *_ in described]

    def page(self, start: int, count: int, column: str, test: str, value: str, order: str, descending: bool) -> Page:
        where, bound = self._filter(column, test, value)
        numbers = self._numbers(where, bound, order, descending, start, count)
        total = self._total(where, bound, start, count, len(numbers))
        return Page(self._dataset.columns, _read(self._dataset.path, numbers), numbers, total)

    def _numbers(
        self, where: str, bound: Sequence[Any], order: str, descending: bool, start: int, count: int
    ) -> list[int]:
        """Row numbers of the page: only the columns of the filter and of the order are read for them."""
        keys = duck.ROW
        if order:
            place = self._place(order)
            keys = f"{self._key(place)} {'DESC' if descending else 'ASC'} NULLS LAST, {keys}"
        sql = f"SELECT {duck.ROW} FROM {self._source} {where} ORDER BY {keys} LIMIT ? OFFSET ?"
        return [row for (row,) in self._connection.execute(sql, [*bound, count, start]).fetchall()]

    def _total(self, where: str, bound: Sequence[Any], start: int, count: int, found: int) -> int:
        if not where:
            return self._dataset.rows
        if found < count and (found or not start):  # the last page tells without another pass
            return start + found
        (total,) = self._connection.execute(f"SELECT count(*) FROM {self._source} {where}", bound).fetchall()[0]
        return int(total)

    def _place(self, name: str) -> int:
        return self._dataset.columns.index(name)

    def _key(self, place: int) -> str:
        kind = self._kinds[place]
        if kind.id in ("float", "double"):
            return f"nullif(c{place}, 'nan')"
        if kind.id in NUMBERS or kind.id in TIMES or kind.id == "boolean":
            return f"c{place}"
        return f"left({duck.text_of(f'c{place}', kind)}, {KEY})"

    def _filter(self, column: str, test: str, value: str) -> tuple[str, list[Any]]:
        """A WHERE clause, empty when every row passes, and the values to bind to it."""
        places = [self._place(column)] if column else list(range(len(self._kinds)))
        if not value and test != "missing":
            return "", []
        if test in ("above", "below") and not column:
            raise PlaygroundError(f"'{test}' compares one column with the value: choose the column.")
        parts, bound = [], []
        for place in places:
            part, values = self._test(place, test, value, named=bool(column))
            parts.append(part)
            bound += values
        return "WHERE " + (" AND " if test == "not equals" else " OR ").join(parts), bound

    def _test(self, place: int, test: str, value: str, named: bool) -> tuple[str, list[Any]]:
        kind = self._kinds[place]
        name = duck.unpruned(f"c{place}", kind)
        text = duck.text_of(name, kind)
        if test == "contains":
            return f"contains(lower({text}), lower(?))", [value]
        if test == "missing":
            more = f" OR isnan({name})" if kind.id in ("float", "double") else ""
            return f"({name} IS NULL OR {text} = ''{more})", []
        if test in ("longer than", "shorter than"):
            length = f"len({name})" if kind.id in ("list", "array") else f"length({text})"
            return f"{length} {'>' if test == 'longer than' else '<'} ?", [_whole(value)]
        sign = {"equals": "=", "not equals": "IS DISTINCT FROM", "above": ">", "below": "<"}[test]
        if kind.id not in NUMBERS and kind.id not in TIMES and kind.id != "boolean":
            return f"{text} {sign} ?", [value]
        if self._fits(value, kind):
            # A number is compared as written: 2.5 is above 2 in a column of whole numbers as well.
            target = "DOUBLE" if kind.id in NUMBERS and not self._fits_exactly(value, kind) else str(kind)
            a_number = (
                f" AND NOT isnan({name})" if kind.id in ("float", "double") and test in ("above", "below") else ""
            )
            return f"({name} {sign} CAST(? AS {target}){a_number})", [value]
        if named:
            what = "numbers" if kind.id in NUMBERS else "true or false" if kind.id == "boolean" else "dates or times"
            raise PlaygroundError(
                f"'{value[:100]}' cannot be compared with column '{self._dataset.columns[place]}', which holds {what}."
            )
        return "true" if test == "not equals" else "false", []

    def _fits(self, value: str, kind: Any) -> bool:
        return self._castable(value, "DOUBLE" if kind.id in NUMBERS else str(kind))

    def _fits_exactly(self, value: str, kind: Any) -> bool:
        return kind.id in ("float", "double") or (value.lstrip("+-").isdigit() and self._castable(value, str(kind)))

    def _castable(self, value: str, kind: str) -> bool:
        return bool(self._connection.execute(f"SELECT TRY_CAST(? AS {kind}) IS NOT NULL", [value]).fetchall()[0][0])


def _whole(value: str) -> int:
    if not value.strip().isdigit():
        raise PlaygroundError(f"'{value[:100]}' is no length. Give a whole number, such as 200.")
    return int(value)
