"""A dataset's Parquet file in DuckDB: nothing else can be read, nothing written, nothing switched on again.

Columns are c0, c1, ... in the file's order, whatever they are called there, so that no name can be mistaken for SQL.
DuckDB numbers the rows itself (`file_row_number`), and by these numbers skips the row groups that are not asked for.
"""

import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from shared.errors import PlaygroundError

if TYPE_CHECKING:
    import duckdb

ROW = "file_row_number"
MEMORY = 512  # MiB that DuckDB may hold
SPILL = 2048  # MiB that a sort may put on the disk
THREADS = 2


def literal(text: str) -> str:
    """A text as SQL: in single quotes, with those inside doubled."""
    return "'" + text.replace("'", "''") + "'"


def quoted(name: str) -> str:
    """A name as SQL: in double quotes, with those inside doubled."""
    return '"' + name.replace('"', '""') + '"'


def connect(path: Path, spill: Path | None = None, memory: int = MEMORY) -> "duckdb.DuckDBPyConnection":
    """An empty database in memory that can read one file and nothing more.

    Args:
        path: The Parquet file.
        spill: Folder, made when needed, for what a sort cannot hold in memory; None: nothing is put on the disk.
        memory: MiB that DuckDB may hold.
    """
    import duckdb

    settings = {
        "threads": str(THREADS),
        "memory_limit": f"{memory}MiB",
        "temp_directory": str(spill or ""),
        "max_temp_directory_size": f"{SPILL if spill else 0}MiB",
        "python_enable_replacements": "false",  # or the SQL could read this program's own variables
        "autoinstall_known_extensions": "false",
        "autoload_known_extensions": "false",
        "allow_community_extensions": "false",
    }
    connection = duckdb.connect(":memory:", config=settings)
    connection.execute("SET TimeZone = 'UTC'")
    connection.execute(f"SET allowed_paths = [{literal(str(path))}]")
    connection.execute("SET enable_external_access = false")
    connection.execute("SET lock_configuration = true")
    return connection


def scan(path: Path, columns: int) -> str:
    """The file as a FROM item: columns c0, c1, ... and, when asked for, `file_row_number`."""
    names = ", ".join(f"c{place}" for place in range(columns))
    return f"read_parquet({literal(str(path))}) AS t({names})"


def unpruned(value: str, kind: Any) -> str:
    """SQL for a column such that DuckDB does not skip row groups by its least and greatest value.

    Parquet leaves not-a-number out of these, and DuckDB 2.0 forgets that: `isnan(x)` finds nothing where the file says
    that values go from 1 to 2, though for DuckDB not-a-number is above all others.
    """
    return f"TRY({value})" if kind.id in ("float", "double") else value


def text_of(value: str, kind: Any, depth: int = 0) -> str:
    """SQL for the text of a value: of lists, structs and maps the leaf values, joined by one space.

    Args:
        value: SQL for the value.
        kind: Its DuckDB type.
        depth: How many lists it lies in.
    """
    if kind.id == "varchar":
        return value
    if kind.id == "map":
        return text_of(f"map_values({value})", _ListOf(dict(kind.children)["value"]), depth)
    if kind.id in ("list", "array"):
        each = f"x{depth}"
        inner = text_of(each, kind.children[0][1], depth + 1)
        return f"array_to_string(list_transform({value}, lambda {each}: {inner}), ' ')"
    if kind.id == "struct" and kind.children:
        parts = [
            text_of(f"struct_extract_at({value}, {place})", child, depth)
            for place, (_, child) in enumerate(kind.children, start=1)
        ]
        return f"concat_ws(' ', {', '.join(parts)})"
    return f"CAST({value} AS VARCHAR)"


class _ListOf:
    """The type of a list, as far as `text_of` looks at it."""

    id = "list"

    def __init__(self, child: Any) -> None:
        self.children = [("child", child)]


@contextmanager
def time_limit(connection: "duckdb.DuckDBPyConnection", seconds: float) -> Iterator[None]:
    """Interrupt what the connection is doing once the time is up, and again: an interrupt between two queries is lost."""
    done = threading.Event()

    def watch() -> None:
        wait = seconds
        while not done.wait(wait):
            connection.interrupt()
            wait = 0.05

    watcher = threading.Thread(target=watch, name="time limit", daemon=True)
    watcher.start()
    try:
        yield
    finally:
        done.set()
        watcher.join()


def too_long(seconds: float) -> PlaygroundError:
    """What to say when the time is up."""
    return PlaygroundError(
        f"This was stopped after {seconds:g} seconds. Ask for less: a WHERE on another column, fewer rows, or more seconds."
    )


def out_of_memory(memory: int = MEMORY) -> PlaygroundError:
    """What to say when the memory is used up."""
    return PlaygroundError(
        f"This needs more than {memory} MiB of memory. Ask for less: fewer columns, a WHERE, or count instead of list."
    )


def refusal(
    error: Exception, hidden: tuple[str, ...] = (), seconds: float = 0.0, memory: int = MEMORY
) -> PlaygroundError:
    """DuckDB's error as a sentence: its first words, without its hints, its drawing of the place, and paths.

    Args:
        error: What DuckDB raised.
        hidden: Texts that must not be shown, such as where files lie.
        seconds: The time limit, when there was one.
        memory: The memory limit, in MiB.
    """
    kind = type(error).__name__, str(error).split(":")[0]  # through Arrow, every error is an OSError with this text
    if "InterruptException" in kind or "INTERRUPT Error" in kind:
        return too_long(seconds)
    if "OutOfMemoryException" in kind or "Out of Memory Error" in kind:
        return out_of_memory(memory)
    text = re.split(r"\n\s*\n|\nLINE \d|\n\tCandidate|Possible solutions|Database is launched", str(error))[0]
    text = re.sub(r"^[A-Za-z ]+ Error: ", "", text.strip())
    near = re.search(r'Did you mean "[^"\n]*"', str(error))
    for path in hidden:
        text = text.replace(path, "data")
    text = re.sub(r"\s+", " ", text)[:300].rstrip(".! ")
    return PlaygroundError(f"DuckDB says: {text}." + (f" {near[0]}?" if near and near[0] not in text else ""))
