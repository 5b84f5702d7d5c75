"""The process that runs SQL which a stranger wrote; `queries` starts it. It has one file, little memory, and an end.

It reads its task from standard input. The answer goes to standard output, as JSON or as an Arrow stream; an error that a
person can act on is the last line of standard error, and the process ends with 1.
"""

import contextlib
import json
import os
import sys
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from apps.dataset_explorer import cells, duck, question
from shared.errors import PlaygroundError

if TYPE_CHECKING:
    import duckdb

MEMORY = 1024  # MiB for the process in all: DuckDB's share, the answer, and what DuckDB does not count
GRACE = 1.0  # seconds between the interrupt and the end
ANSWER = 16 << 20  # bytes of an answer
BATCH = 2048  # rows of a batch in a stream


def main() -> None:
    """Run the task that standard input describes."""
    task: dict[str, Any] = json.load(sys.stdin)
    _limit(task["seconds"] + GRACE)
    try:
        _run(task)
        sys.stdout.flush()
    except (PlaygroundError, MemoryError, RecursionError) as error:
        sentence = str(error) if isinstance(error, PlaygroundError) else _too_much(error)
        sys.stderr.write(f"\n{json.dumps({'error': sentence})}\n")
        sys.stderr.flush()
        os._exit(1)  # without waiting for what DuckDB's threads are still doing
    os._exit(0)


def _too_much(error: Exception) -> str:
    if isinstance(error, RecursionError):
        return "This SQL, or its answer, is nested too deeply. Write it flatter."
    return str(duck.out_of_memory())


def _limit(seconds: float) -> None:
    """Let the operating system see to it that this process neither grows nor lasts."""
    import resource
    import signal

    size = MEMORY << 20
    resource.setrlimit(resource.RLIMIT_DATA, (size, size))
    resource.setrlimit(resource.RLIMIT_FSIZE, (duck.SPILL << 20, duck.SPILL << 20))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    os.nice(5)  # pages of the server come first
    signal.setitimer(signal.ITIMER_REAL, seconds)  # the signal ends the process, whatever it is doing


def _run(task: dict[str, Any]) -> None:
    from pathlib import Path

    from duckdb import Error

    path, spill = Path(task["path"]), Path(task["spill"])
    try:
        connection = duck.connect(path, spill)
        names = question.make_view(connection, path, task["columns"])
        with duck.time_limit(connection, task["seconds"]):
            question.check(connection, task["sql"])
            if task["stream"]:
                _stream(connection, task["sql"])
            else:
                began = time.monotonic()
                answer = _answer(connection.execute(task["sql"]), task["limit"])
                json.dump(answer | {"seconds": time.monotonic() - began}, sys.stdout, ensure_ascii=False)
    except BrokenPipeError:
        raise
    except (Error, OSError) as error:
        told = duck.refusal(error, (task["path"], task["spill"]), task["seconds"])
        if type(error).__name__ in ("BinderException", "CatalogException"):
            columns = ", ".join(duck.quoted(name) for name in names[:30])
            told = PlaygroundError(f"{told} The columns of data are {columns}.")
        raise told from error


def _answer(found: "duckdb.DuckDBPyConnection", limit: int) -> dict[str, Any]:
    """The first rows, as far as they fit."""
    described = found.description or []
    rows: list[list[Any]] = []
    size, truncated = 0, False
    for row in _rows(found):
        shown = [cells.shown(value) for value in row]
        size += len(json.dumps(shown))
        truncated = len(rows) == limit or size > ANSWER
        if truncated:
            break
        rows.append(shown)
    columns, types = [str(each[0]) for each in described], [str(each[1]) for each in described]
    return {"columns": columns, "types": types, "rows": rows, "truncated": truncated}


def _rows(found: "duckdb.DuckDBPyConnection") -> Iterator[tuple[Any, ...]]:
    while rows := found.fetchmany(100):
        yield from rows


def _stream(connection: "duckdb.DuckDBPyConnection", sql: str) -> None:
    import pyarrow as pa

    with connection.sql(sql).to_arrow_reader(BATCH) as reader:
        names = question.unique(reader.schema.names)
        schema = pa.schema([field.with_name(name) for field, name in zip(reader.schema, names, strict=True)])
        with pa.ipc.new_stream(sys.stdout.buffer, schema) as writer:
            for batch in reader:
                writer.write_batch(batch.rename_columns(names))


if __name__ == "__main__":
    with contextlib.suppress(BrokenPipeError):  # the server does not want the rest
        main()
