"""Opening, paging, asking and saving: the endpoints load, page, query and export."""

import os
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field

from apps.dataset_explorer import sources, table
from apps.dataset_explorer.keeping import keep
from shared.datasets.dataset import Dataset, open_dataset
from shared.policy import OWNER, Caller
from shared.progress import Progress
from shared.settings import Column
from shared.suite import suite
from shared.uploads import Download, Upload
from shared.visitors import watched


@dataclass(frozen=True)
class Loaded:
    """A dataset that can be looked at.

    Attributes:
        dataset: Its ref; every other endpoint takes it.
        rows: How many rows it has; they are numbered from 0 in the order of the source.
        columns: Names of the columns.
        types: What each column holds.
        shape: Which of the known row shapes it has: text, instruction, prompt_completion, sharegpt, messages,
            preference, kto, qa, or other.
        roles: Which column plays which part in that shape, such as {"prompt": "question"}.
        licence: What the source says about its licence; empty when it says nothing.
        refused: Rows that could not be read, at most 1,000: source row from 1, column, byte, reason.
        refused_rows: How many rows could not be read in all.
        notes: What was decided while reading, such as a column with mixed types kept as text.
        name: What to call it.
        source: Where it came from: a ref.
        record: Id of the record that loads the same again.
    """

    dataset: str
    rows: int
    columns: list[str]
    types: dict[str, str]
    shape: str
    roles: dict[str, str]
    licence: str
    refused: list[dict[str, Any]]
    refused_rows: int
    notes: list[str]
    name: str
    source: str
    record: str


@dataclass(frozen=True)
class View:
    """Some rows of a dataset.

    Attributes:
        columns: Names of the columns, in the order of the cells.
        rows: The cells of each row, one list a row.
        numbers: The number of each row in the dataset, from 0.
        start: How many rows that pass the filter come before these.
        total: How many rows pass the filter.
        shape: The dataset's row shape.
        roles: Which column plays which part in that shape.
        record: Id of the record, when a filter or an order was used; plain paging leaves none.
    """

    columns: list[str]
    rows: list[list[Any]]
    numbers: list[int]
    start: int
    total: int
    shape: str
    roles: dict[str, str]
    record: str = ""


@dataclass(frozen=True)
class Answer:
    """What a query returned.

    Attributes:
        columns: Names of the result's columns.
        types: Their types, as DuckDB names them.
        rows: One list of cells a row.
        truncated: Whether there was more than `limit` rows.
        record: Id of the record that asks the same again.
    """

    columns: list[str]
    types: list[str]
    rows: list[list[Any]]
    truncated: bool
    record: str


@dataclass(frozen=True)
class Exported:
    """A dataset, or the answer to a query, as a file.

    Attributes:
        file: The file itself.
        rows: How many rows it holds.
        bytes: Its size.
        record: Id of the record that writes the same bytes again.
    """

    file: Download
    rows: int
    bytes: int
    record: str


def load(
    source: str | Upload, split: str = "", config: str = "", caller: Caller = OWNER
) -> Iterator[Progress | Loaded]:
    """Open a dataset: an uploaded file, a Hub dataset, a sample, or one that was opened before.

    JSONL, JSON, CSV, Parquet and text are read, plain or packed with gzip or zstd. Rows that cannot be read are
    counted and listed, never dropped in silence.

    Args:
        source: An uploaded file, a Hub name such as "openai/gsm8k", a sample such as "builtin:english-instructions", a ref
            "local:name@0123456789ab", or a path below a folder that PLAYGROUND_DATA allows.
        split: Part of a Hub dataset, such as "train"; empty takes "train", or the only one.
        config: Configuration of a Hub dataset; empty takes the only one.
        caller: Who asks.

    Returns:
        Progress while it reads; at last what was loaded.

    Raises:
        PlaygroundError: The source does not exist, may not be opened, or cannot be read.
    """
    for item in sources.read(source, split, config, caller):
        if isinstance(item, Progress):
            yield item
            continue
        dataset, origin = item
        settings = {"source": origin.source, "split": split, "config": config}
        if origin.source.startswith("hub:"):  # the ref names commit, config and split
            settings |= {"split": "", "config": ""}
        results = {"rows": dataset.rows, "columns": len(dataset.columns), "refused_rows": dataset.refused_rows}
        record = keep("load", settings, results, caller, inputs=origin.inputs, artifacts={"dataset": dataset.ref})
        yield _loaded(dataset, record)


def page(
    dataset: str,
    start: Annotated[int, Field(ge=0)] = 0,
    count: Annotated[int, Field(ge=1, le=500)] = 20,
    column: Column = "",
    test: table.Test = "contains",
    value: str = "",
    order: Column = "",
    descending: bool = False,
    caller: Caller = OWNER,
) -> View:
    """Show some rows of a dataset, all of them or those that pass a filter.

    Args:
        dataset: The ref that `load` returned.
        start: How many of the rows to skip.
        count: How many rows to show.
        column: Column to filter by; empty with a value looks in every column.
        test: How the column is compared with the value.
        value: What to compare with; empty shows every row, but for the test "missing".
        order: Column to sort by; empty keeps the order of the source.
        descending: Sort from high to low.
        caller: Who asks.

    Raises:
        PlaygroundError: The dataset or a column is unknown, or the value does not fit the test.
    """
    opened = open_dataset(suite().store_of(caller), dataset)
    found = table.page(opened, start, count, column, test, value, order, descending, spill=_spill())
    record = ""
    if value or order or test == "missing":
        settings = {
            "dataset": opened.ref, "start": start, "count": count, "column": column, "test": test, "value": value,
            "order": order, "descending": descending,
        }  # fmt: skip
        record = keep("page", settings, {"total": found.total}, caller, inputs={"dataset": opened.ref})
    shape = opened.shape
    return View(found.columns, found.rows, found.numbers, start, found.total, shape.name, shape.roles, record)


def query(
    dataset: str,
    sql: str,
    limit: Annotated[int, Field(ge=1, le=10_000)] = 1000,
    seconds: Annotated[float, Field(gt=0, le=120)] = 30,
    caller: Caller = OWNER,
) -> Iterator[Progress | Answer]:
    """Ask a question in SQL. The table is called `data`, and its column `row` is the row's number.

    One SELECT in DuckDB's dialect; it can read nothing but this dataset and change nothing at all.

    Args:
        dataset: The ref that `load` returned.
        sql: The question, such as "SELECT count(*) FROM data WHERE length(question) > 200".
        limit: At most so many rows of the answer.
        seconds: Stop after so long.
        caller: Who asks.

    Returns:
        Progress while DuckDB works; at last the answer.

    Raises:
        PlaygroundError: The SQL is not one SELECT, has a fault, reads something else, or takes too long.
    """
    opened = open_dataset(suite().store_of(caller), dataset)
    for item in table.query_steps(opened, sql, limit, seconds, spill=_spill()):
        if isinstance(item, Progress):
            yield item
            continue
        settings = {"dataset": opened.ref, "sql": sql, "limit": limit, "seconds": seconds}
        results = {"rows": len(item.rows), "columns": len(item.columns)}
        record = keep("query", settings, results, caller, inputs={"dataset": opened.ref})
        yield Answer(item.columns, item.types, item.rows, item.truncated, record)


def export(
    dataset: str,
    format: Literal["jsonl", "json", "csv", "parquet"] = "jsonl",
    sql: str = "",
    caller: Caller = OWNER,
) -> Iterator[Progress | Exported]:
    """Save a dataset, or the answer to a query, as a file.

    Args:
        dataset: The ref that `load` returned.
        format: "jsonl" and "parquet" keep every value; "csv" writes lists and objects as JSON text.
        sql: Only what this SELECT returns; the whole dataset when empty.
        caller: Who asks.

    Returns:
        Progress while it writes; at last the file.

    Raises:
        PlaygroundError: The dataset is unknown, the SQL has a fault, or the disk is full.
    """
    store = suite().store_of(caller)
    opened = open_dataset(store, dataset)
    name = f"{opened.name}.{format}"
    with store.writing("exports", name) as folder:
        rows = 0
        for item in watched(store, table.export(opened, format, sql, folder, spill=_spill())):
            if isinstance(item, Progress):
                yield item
            else:
                rows = item.rows
        kept = store.put("exports", name, folder)
    file = next(path for path in kept.path.iterdir() if path.is_file())
    settings = {"dataset": opened.ref, "format": format, "sql": sql}
    results = {"rows": rows, "bytes": file.stat().st_size}
    record = keep("export", settings, results, caller, inputs={"dataset": opened.ref}, artifacts={"file": kept.ref})
    yield Exported(_offer(file, name, kept.sha), rows, file.stat().st_size, record)


def _spill() -> Path:
    """Where DuckDB may put what a sort cannot hold in memory."""
    folder = suite().environment.home / "cache" / "spill"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _loaded(dataset: Dataset, record: str) -> Loaded:
    return Loaded(
        dataset=dataset.ref, rows=dataset.rows, columns=dataset.columns, types=dataset.types,
        shape=dataset.shape.name, roles=dataset.shape.roles, licence=dataset.licence,
        refused=[asdict(each) for each in dataset.refused], refused_rows=dataset.refused_rows, notes=dataset.notes,
        name=dataset.name, source=dataset.source, record=record,
    )  # fmt: skip


def _offer(file: "os.PathLike[str]", name: str, sha: str) -> Download:
    """A link to an artifact inside the upload folder, the only place that is served."""
    folder = suite().environment.uploads / f"export-{sha[:24]}"
    folder.mkdir(parents=True, exist_ok=True)
    link = folder / name
    with suppress(FileExistsError):  # the same was exported before, or is being at this moment
        os.link(file, link)
    folder.touch()  # it stays as long as a new one
    return Download(link)
