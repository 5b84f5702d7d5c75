"""Which SQL a stranger may ask: one SELECT that names nothing but the dataset and itself.

DuckDB parses the text, and what it understood is looked at, not the text. Tables and table functions are refused unless
they are known to be harmless; functions are refused when they tell about this machine or change something.
"""

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from apps.dataset_explorer import duck
from shared.errors import PlaygroundError

if TYPE_CHECKING:
    import duckdb

TABLE = "data"
LONGEST = 20_000
SELECTS = frozenset({"SELECT_NODE", "SET_OPERATION_NODE", "RECURSIVE_CTE_NODE", "CTE_NODE"})
TABLE_FUNCTIONS = frozenset({"range", "generate_series", "unnest", "json_each", "json_tree", "repeat", "repeat_row"})
READERS = ("read_", "glob", "sniff_", "parquet_")
# Every function of DuckDB 2.0 that is volatile or looks into the catalog, but those that make random numbers and times.
FUNCTIONS = frozenset(
    {
        *("current_connection_id", "current_query", "current_query_id", "current_setting", "current_transaction_id"),
        *("currval", "error", "format_type", "get_block_size", "getenv", "getvariable", "in_search_path"),
        *("json_execute_serialized_sql", "json_serialize_plan", "nextval", "pg_get_constraintdef", "pg_get_viewdef"),
        *("pg_sleep", "setseed", "setval", "sleep_ms", "stats", "txid_current", "vector_type", "write_log"),
    }
)


def row_name(columns: list[str]) -> str:
    """What the column of row numbers is called: `row`, or `_row` where the data has a column of that name."""
    name, taken = "row", {each.lower() for each in columns}
    while name in taken:
        name = f"_{name}"
    return name


def unique(columns: list[str]) -> list[str]:
    """Names that SQL can tell apart, which does not look at case: of "A" and "a" the second becomes "a_2"."""
    taken: set[str] = set()
    names = []
    for place, column in enumerate(columns):
        stem = column.replace("\0", "") or f"column_{place}"
        name, count = stem, 1
        while name.lower() in taken:
            count += 1
            name = f"{stem}_{count}"
        taken.add(name.lower())
        names.append(name)
    return names


def make_view(connection: "duckdb.DuckDBPyConnection", path: Any, columns: list[str]) -> list[str]:
    """Make the table `data`: the row number, then the dataset's columns under their own names.

    Returns:
        The names of its columns.
    """
    names = [row_name(columns), *unique(columns)]
    source = duck.scan(path, len(columns))
    kinds = [kind for _, kind, *_ in connection.execute(f"SELECT * FROM {source} LIMIT 0").description]
    values = [duck.ROW, *(duck.unpruned(f"c{place}", kind) for place, kind in enumerate(kinds))]
    wanted = ", ".join(f"{value} AS {duck.quoted(name)}" for value, name in zip(values, names, strict=True))
    connection.execute(f"CREATE VIEW {TABLE} AS SELECT {wanted} FROM {source}")
    return names


def check(connection: "duckdb.DuckDBPyConnection", sql: str) -> None:
    """Refuse everything but one SELECT over `data`.

    Raises:
        PlaygroundError: What is not allowed, and what is.
    """
    from duckdb import StatementType

    if len(sql) > LONGEST:
        raise PlaygroundError(f"This SQL has {len(sql):,} characters. Write at most {LONGEST:,}.")
    statements = connection.extract_statements(sql)
    if not statements:
        raise PlaygroundError(f"There is no SQL here. Write one SELECT, such as SELECT * FROM {TABLE} LIMIT 10.")
    if len(statements) > 1:
        raise PlaygroundError(f"These are {len(statements)} statements. Ask one SELECT at a time.")
    kind = statements[0].type
    if kind == StatementType.MULTI:
        raise PlaygroundError(
            "This PIVOT looks up its columns first, which takes several statements."
            f" Name them: SELECT * FROM (PIVOT {TABLE} ON label IN ('a', 'b') USING count(*))."
        )
    if kind != StatementType.SELECT:
        raise PlaygroundError(
            f"{kind.name.replace('_', ' ')} is not allowed here. Only SELECT is: nothing can be changed."
        )
    tree = json.loads(connection.execute("SELECT json_serialize_sql(?)", [sql]).fetchall()[0][0])
    if tree["error"]:
        raise PlaygroundError(f"This SQL cannot be checked: {tree.get('error_message')}. Write it as a plain SELECT.")
    _check_nodes(list(_nodes(tree)), {name for (name,) in connection.execute(_VIEWS).fetchall()})


_VIEWS = "SELECT lower(view_name) FROM duckdb_views() WHERE internal"


def _nodes(tree: Any) -> Iterator[dict[str, Any]]:
    """Every object in what DuckDB understood, however deep."""
    waiting = [tree]
    while waiting:
        each = waiting.pop()
        if isinstance(each, dict):
            yield each
            waiting += each.values()
        elif isinstance(each, list):
            waiting += each


def _check_nodes(nodes: list[dict[str, Any]], catalog: set[str]) -> None:
    # A query's own table must not be called like one of DuckDB's, or the two could not be told apart.
    own = {str(node["key"]).lower() for node in nodes if _is_own_table(node.get("value"))} - catalog
    for node in nodes:
        kind = str(node.get("type", ""))
        if kind.endswith("_NODE") and kind not in SELECTS:
            raise PlaygroundError(f"{kind.split('_')[0]} inside a SELECT is not allowed: nothing can be changed.")
        if kind == "BASE_TABLE":
            _check_table(node, own)
        elif kind == "SHOW_REF" and node.get("table_name"):
            raise PlaygroundError(f"SHOW is not allowed. DESCRIBE {TABLE} tells the columns.")
        elif kind == "TABLE_FUNCTION":
            _check_table_function(str(node["function"].get("function_name", "")).lower())
        elif "function_name" in node:
            _check_function(str(node["function_name"]).lower())


def _is_own_table(value: Any) -> bool:
    return isinstance(value, dict) and "query_node" in value


def _check_table(node: dict[str, Any], own: set[str]) -> None:
    name, schema, catalog = (str(node.get(key) or "").lower() for key in ("table_name", "schema_name", "catalog_name"))
    if name == TABLE and schema in ("", "main") and catalog in ("", "memory"):
        return
    if name in own and schema in ("", "recurring") and not catalog:
        return
    shown = node.get("table_name") or ""
    raise PlaygroundError(
        f"There is no table '{shown[:100]}' to read. The dataset is the table {TABLE}; nothing else is there."
    )


def _check_table_function(name: str) -> None:
    if name in TABLE_FUNCTIONS:
        return
    if name.startswith(READERS):
        raise PlaygroundError(f"'{name[:100]}' reads files. A query can read the dataset alone: the table {TABLE}.")
    known = ", ".join(sorted(TABLE_FUNCTIONS))
    raise PlaygroundError(f"'{name[:100]}' is not allowed in FROM. Allowed are the table {TABLE} and {known}.")


def _check_function(name: str) -> None:
    if name in FUNCTIONS or name.startswith("__internal"):
        raise PlaygroundError(f"The function '{name[:100]}' is not allowed: it is not about the rows of {TABLE}.")
