"""DuckDB on one file, with everything else locked."""

import duckdb
import pytest

from apps.dataset_explorer import duck
from tests.unit.dataset_explorer.tables import dataset


@pytest.fixture
def open_file(workspace):
    found = dataset(workspace, {"a": list(range(10)), "b": [float("nan"), *(float(n) for n in range(9))]})
    with duck.connect(found.path) as connection:
        yield found.path, connection


def test_the_file_can_be_read_with_its_row_numbers(open_file):
    path, connection = open_file
    found = connection.execute(f"SELECT {duck.ROW}, c0 FROM {duck.scan(path, 2)} WHERE {duck.ROW} >= 8").fetchall()
    assert found == [(8, 8), (9, 9)]


def test_row_groups_are_skipped_by_row_number(open_file):
    path, connection = open_file
    sql = f"EXPLAIN ANALYZE SELECT c0 FROM {duck.scan(path, 2)} WHERE {duck.ROW} BETWEEN 4 AND 5"
    assert "Row Groups Scanned: 1 / 4" in connection.execute(sql).fetchall()[0][1]


def test_a_path_with_quotes(workspace):
    odd = workspace / 'it\'s a "folder"'
    odd.mkdir()
    found = dataset(odd, {"a": [1]})
    with duck.connect(found.path) as connection:
        assert connection.execute(f"SELECT c0 FROM {duck.scan(found.path, 1)}").fetchall() == [(1,)]


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT * FROM read_text('/etc/hostname')",
        "SELECT * FROM read_csv('/etc/hostname')",
        "SELECT * FROM '/etc/hostname'",
        "SELECT * FROM glob('*')",
        "SELECT * FROM read_parquet('{path}/../data.parquet')",
        "COPY (SELECT 1) TO '{path}.csv'",
        "ATTACH '{path}.db'",
        "EXPORT DATABASE '{path}.out'",
        "INSTALL httpfs",
        "LOAD httpfs",
        "SET enable_external_access = true",
        "SET allowed_paths = ['/']",
        "SET memory_limit = '100GB'",
        "RESET lock_configuration",
        "PRAGMA enable_logging",
        "SELECT * FROM secret",
        "SELECT getenv('HOME')",
    ],
)
def test_nothing_else_can(open_file, sql):
    path, connection = open_file
    secret = {"a": 1}  # noqa: F841 - what replacement scans would find
    with pytest.raises(duckdb.Error):
        connection.execute(sql.format(path=path)).fetchall()
    assert sorted(each.name for each in path.parent.iterdir()) == ["data.parquet"]


def test_not_a_number_is_found_although_statistics_leave_it_out(open_file):
    """DuckDB 2.0 skips the row group; when this plain query finds the row, `unpruned` can go."""
    path, connection = open_file
    source = duck.scan(path, 2)
    plain = connection.execute(f"SELECT count(*) FROM {source} WHERE isnan(c1)").fetchall()
    assert plain == [(0,)]
    (kind,) = [
        kind for name, kind, *_ in connection.execute(f"SELECT * FROM {source} LIMIT 0").description if name == "c1"
    ]
    whole = connection.execute(f"SELECT count(*) FROM {source} WHERE isnan({duck.unpruned('c1', kind)})").fetchall()
    assert whole == [(1,)]


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("'a'", "a"),
        ("1", "1"),
        ("NULL::VARCHAR", None),
        ("['a', NULL, 'b']", "a b"),
        ("[]::VARCHAR[]", ""),
        ("[[1, 2], [3]]", "1 2 3"),
        ("{'k': 'a', 'l': [1, 2], 'm': {'n': 'z'}}", "a 1 2 z"),
        ("{'k': NULL::VARCHAR, 'l': 'b'}", "b"),
        ("MAP {'k': 'a', 'l': 'b'}", "a b"),
        ("array_value(1, 2)", "1 2"),
        ("[{'role': 'user', 'content': '你好'}]", "user 你好"),
    ],
)
def test_text_of(value, text):
    with duckdb.connect() as connection:
        kind = connection.execute(f"SELECT {value} AS c").description[0][1]
        assert connection.execute(f"SELECT {duck.text_of('c', kind)} FROM (SELECT {value} AS c)").fetchall() == [
            (text,)
        ]


@pytest.mark.parametrize(
    ("sql", "words"),
    [
        ("SELEC 1", 'DuckDB says: syntax error at or near "SELEC".'),
        ("SELECT lenght('x')", 'Scalar Function with name lenght does not exist! Did you mean "length"?'),
        ("SELECT 'a'::INT", "Could not convert string 'a' to INT32."),
        ("SELECT * FROM nothing", "Table with name nothing does not exist"),
    ],
)
def test_refusals_are_short(sql, words):
    with duckdb.connect() as connection, pytest.raises(duckdb.Error) as caught:
        connection.execute(sql)
    sentence = str(duck.refusal(caught.value))
    assert words in sentence
    assert "\n" not in sentence
    assert "LINE 1" not in sentence


def test_refusals_hide_paths(open_file):
    path, connection = open_file
    path.write_bytes(b"PAR1 and no more")
    with pytest.raises(duckdb.Error) as caught:
        connection.execute(f"SELECT * FROM {duck.scan(path, 2)}")
    assert str(path) in str(caught.value)
    assert str(path.parent) not in str(duck.refusal(caught.value, (str(path),)))


def test_limits():
    assert "stopped after 2 seconds" in str(duck.refusal(duckdb.InterruptException("x"), seconds=2))
    assert "more than 256 MiB" in str(duck.refusal(duckdb.OutOfMemoryException("x"), memory=256))
    assert "stopped after 2 seconds" in str(duck.refusal(OSError("INTERRUPT Error: Interrupted!"), seconds=2))
    assert "more than 512 MiB" in str(duck.refusal(OSError("Out of Memory Error: failed to allocate")))


def test_a_query_that_begins_when_the_time_is_up_is_stopped_too():
    with duckdb.connect() as connection, pytest.raises(duckdb.InterruptException), duck.time_limit(connection, 0.0):
        connection.execute(
            "SELECT count(*) FROM range(10000000) a, range(10000000) b WHERE a.range <> b.range"
        ).fetchall()


def test_the_time_limit_ends_with_its_block():
    with duckdb.connect() as connection:
        with duck.time_limit(connection, 0.01):
            pass
        assert connection.execute("SELECT count(*) FROM range(3000000)").fetchall() == [(3_000_000,)]
