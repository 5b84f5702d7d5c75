"""Which SQL a stranger may ask."""

import duckdb
import pyarrow as pa
import pytest

from apps.dataset_explorer import duck, question
from shared.errors import PlaygroundError
from tests.unit.dataset_explorer.tables import ODD, dataset


@pytest.fixture(scope="module")
def connection(tmp_path_factory):
    found = dataset(
        tmp_path_factory.mktemp("question"), {"a": list(range(10)), "b": [f"x{n}" for n in range(10)], ODD: ["z"] * 10}
    )
    with duck.connect(found.path) as opened:
        question.make_view(opened, found.path, found.columns)
        yield opened


ALLOWED = """SELECT * FROM data
FROM data
TABLE data
VALUES (1), (2)
SELECT 1;
SELECT 1 -- ;
/* a */ SELECT 1 ; -- b
SELECT * FROM main.data
SELECT * FROM memory.main.data
SELECT "row", "se""l; DROP TABLE data --" FROM data ORDER BY "row" DESC LIMIT 2
SELECT b, count(*), avg(a) FILTER (a > 2) FROM data GROUP BY ALL HAVING count(*) > 0
SELECT a, sum(a) OVER (ORDER BY a ROWS 2 PRECEDING) FROM data QUALIFY row_number() OVER (ORDER BY a) < 3
WITH x AS (SELECT a FROM data), y AS MATERIALIZED (FROM x) SELECT * FROM y JOIN x USING (a)
WITH RECURSIVE r(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM r WHERE n < 5) SELECT sum(n) FROM r
WITH RECURSIVE t(a, b) USING KEY (a) AS (SELECT 1, 1 UNION SELECT a, b + 1 FROM recurring.t WHERE b < 3) FROM t
WITH data AS (SELECT 1 AS a) SELECT * FROM data
SELECT * FROM data WHERE a IN (SELECT max(a) FROM data) AND EXISTS (FROM data)
SELECT * FROM (SELECT a FROM data UNION ALL BY NAME SELECT 1 AS a) t(n), LATERAL (SELECT n + 1)
SELECT * FROM data a ASOF JOIN data b USING (a)
SELECT * FROM data POSITIONAL JOIN data d2
SELECT * EXCLUDE (a) REPLACE (upper(b) AS b), columns('a') FROM data USING SAMPLE 10%
SELECT list_transform([1, 2], lambda x: x + 1), [x FOR x IN [1, 2] IF x > 1], {'k': 1}.k, 'abc'[1:2]
SELECT unnest([1, 2]), * FROM unnest([3, 4]) t(u), range(2), generate_series(1, 2)
SELECT * FROM json_each('[1, 2]')
SELECT CASE WHEN a > 1 THEN b END, a BETWEEN 1 AND 2, b LIKE 'x%', b COLLATE nocase, try_cast(b AS INT) FROM data
SELECT date '2020-01-01' + INTERVAL 1 DAY, now(), random(), uuid(), current_date, version()
SELECT regexp_extract(b, '\\d+'), strftime(date '2020-01-01', '%Y'), md5(b), to_json(data) FROM data
SELECT * FROM (PIVOT data ON b IN ('x1', 'x2') USING count(*))
UNPIVOT data ON a, "row"
DESCRIBE data
SUMMARIZE data
SELECT column_name FROM (DESCRIBE data)
SELECT histogram(a), median(a), quantile_cont(a, 0.9), string_agg(b, ',' ORDER BY a) FROM data""".splitlines()


@pytest.mark.parametrize("sql", ALLOWED)
def test_allowed(connection, sql):
    question.check(connection, sql)
    connection.execute(sql).fetchall()


REFUSED = {
    "": "There is no SQL here",
    "-- nothing": "There is no SQL here",
    ";": "There is no SQL here",
    "SELECT 1; SELECT 2": "These are 2 statements",
    "SELECT 1; DROP VIEW data": "These are 2 statements",
    "INSERT INTO data VALUES (1)": "INSERT is not allowed",
    "UPDATE data SET a = 1": "UPDATE is not allowed",
    "DELETE FROM data": "DELETE is not allowed",
    "CREATE TABLE t AS SELECT 1": "CREATE is not allowed",
    "DROP VIEW data": "DROP is not allowed",
    "ALTER VIEW data RENAME TO x": "ALTER is not allowed",
    "COPY data TO '/tmp/x.csv'": "COPY is not allowed",
    "COPY data FROM '/etc/passwd'": "COPY is not allowed",
    "ATTACH '/tmp/x.db'": "ATTACH is not allowed",
    "DETACH memory": "DETACH is not allowed",
    "USE main": "SET is not allowed",
    "SET threads = 8": "SET is not allowed",
    "SET VARIABLE x = 1": "SET is not allowed",
    "RESET threads": "is not allowed",
    "PRAGMA version": "is not allowed",
    "CALL duckdb_settings()": "CALL is not allowed",
    "INSTALL httpfs": "LOAD is not allowed",
    "LOAD httpfs": "LOAD is not allowed",
    "EXPORT DATABASE '/tmp/x'": "EXPORT is not allowed",
    "CHECKPOINT": "is not allowed",
    "VACUUM": "VACUUM is not allowed",
    "BEGIN": "TRANSACTION is not allowed",
    "PREPARE x AS SELECT 1": "PREPARE is not allowed",
    "EXECUTE x": "EXECUTE is not allowed",
    "EXPLAIN SELECT * FROM data": "EXPLAIN is not allowed",
    "EXPLAIN ANALYZE SELECT 1": "EXPLAIN is not allowed",
    "MERGE INTO data USING data d ON true WHEN MATCHED THEN DELETE": "is not allowed",
    "COMMENT ON VIEW data IS 'x'": "ALTER is not allowed",
    "PIVOT data ON a USING count(*)": "PIVOT looks up its columns first",
    "SELECT * FROM (PIVOT data ON b USING count(*))": "PIVOT looks up its columns first",
    "WITH x AS (INSERT INTO data VALUES (1) RETURNING *) FROM x": "INSERT inside a SELECT",
    "WITH x AS (UPDATE data SET a = 1 RETURNING *) FROM x": "UPDATE inside a SELECT",
    "WITH x AS (DELETE FROM data RETURNING *) FROM x": "DELETE inside a SELECT",
    "SELECT * FROM (WITH x AS (DELETE FROM data RETURNING *) FROM x)": "DELETE inside a SELECT",
    "SELECT * FROM read_text('/etc/passwd')": "'read_text' reads files",
    "SELECT * FROM READ_CSV('/etc/passwd')": "'read_csv' reads files",
    "SELECT * FROM read_parquet('data.parquet')": "'read_parquet' reads files",
    "SELECT (SELECT count(*) FROM read_blob('/etc/passwd'))": "'read_blob' reads files",
    "SELECT * FROM data WHERE a IN (SELECT 1 FROM glob('*'))": "'glob' reads files",
    "WITH x AS (FROM sniff_csv('x')) FROM x": "'sniff_csv' reads files",
    "SELECT * FROM parquet_metadata('x')": "'parquet_metadata' reads files",
    "SELECT * FROM '/etc/passwd'": "no table '/etc/passwd'",
    "SELECT * FROM 'x.parquet'": "no table 'x.parquet'",
    "SELECT * FROM duckdb_settings()": "'duckdb_settings' is not allowed in FROM",
    "SELECT * FROM duckdb_secrets()": "'duckdb_secrets' is not allowed in FROM",
    "SELECT * FROM pragma_version()": "'pragma_version' is not allowed in FROM",
    "SELECT * FROM query('SELECT 1')": "'query' is not allowed in FROM",
    "SELECT * FROM query_table('duckdb_views')": "'query_table' is not allowed in FROM",
    "SELECT * FROM histogram('duckdb_views', 'sql')": "'histogram' is not allowed in FROM",
    "SELECT * FROM json_execute_serialized_sql('x')": "is not allowed in FROM",
    "SELECT * FROM arrow_scan(1, 2, 3)": "'arrow_scan' is not allowed in FROM",
    "SELECT * FROM checkpoint()": "'checkpoint' is not allowed in FROM",
    "FROM duckdb_views": "no table 'duckdb_views'",
    "FROM sqlite_master": "no table 'sqlite_master'",
    "FROM information_schema.views": "no table 'views'",
    "FROM pg_catalog.pg_settings": "no table 'pg_settings'",
    "FROM other.data": "no table 'data'",
    "FROM system.main.data": "no table 'data'",
    "WITH duckdb_views AS (SELECT 1) FROM duckdb_views": "no table 'duckdb_views'",
    "SELECT * FROM (WITH sqlite_master AS (SELECT 1) FROM sqlite_master), sqlite_master": "no table 'sqlite_master'",
    "SHOW TABLES": "SHOW is not allowed",
    "SHOW ALL TABLES": "SHOW is not allowed",
    "SHOW DATABASES": "SHOW is not allowed",
    "SELECT * FROM (SHOW TABLES)": "SHOW is not allowed",
    "SELECT current_setting('allowed_paths')": "The function 'current_setting' is not allowed",
    "SELECT \"Current_Setting\"('allowed_paths')": "The function 'current_setting' is not allowed",
    "SELECT system.main.getvariable('x')": "The function 'getvariable' is not allowed",
    "SELECT 'x'.getenv()": "The function 'getenv' is not allowed",
    "SELECT list_transform([1], lambda x: pg_get_viewdef(x))": "The function 'pg_get_viewdef' is not allowed",
    "SELECT a FROM data ORDER BY sleep_ms(1)": "The function 'sleep_ms' is not allowed",
    "SELECT write_log('x')": "The function 'write_log' is not allowed",
    "SELECT __internal_barrier(1)": "The function '__internal_barrier' is not allowed",
}


@pytest.mark.parametrize("sql", REFUSED)
def test_refused(connection, sql):
    with pytest.raises(PlaygroundError) as caught:
        question.check(connection, sql)
    assert REFUSED[sql] in str(caught.value)


def test_too_long_or_too_deep(connection):
    with pytest.raises(PlaygroundError, match=r"20,007 characters. Write at most 20,000"):
        question.check(connection, "SELECT " + "1" * 20_000)
    with pytest.raises(duckdb.Error, match="depth"):
        question.check(connection, "SELECT " + "(" * 9_000 + "1" + ")" * 9_000)


def test_sql_that_duckdb_cannot_write_down(connection, monkeypatch):
    """A statement that parses as a SELECT but has no JSON is refused; DuckDB 2.0 knows none, so one is made up."""

    class Connection:
        extract_statements = connection.extract_statements

        def execute(self, *_: object) -> "Connection":
            return self

        def fetchall(self) -> list[list[str]]:
            return [['{"error": true, "error_message": "not implemented"}']]

    with pytest.raises(PlaygroundError, match="cannot be checked: not implemented"):
        question.check(Connection(), "SELECT 1")


def test_every_function_that_tells_or_changes_something_is_known(connection):
    """A newer DuckDB may bring more of them: then this fails, and each must be judged."""
    harmless = {
        *(
            "current_catalog",
            "current_database",
            "current_date",
            "current_schema",
            "current_schemas",
            "gen_random_uuid",
        ),
        *("get_current_time", "get_current_timestamp", "now", "random", "today", "transaction_timestamp"),
        *("uuid", "uuidv4", "uuidv7"),
    }
    names = connection.execute(
        "SELECT DISTINCT function_name FROM duckdb_functions() WHERE stability IN ('VOLATILE', 'CONSISTENT_WITHIN_QUERY')"
        " OR (function_type = 'macro' AND macro_definition ~ '(?i)(\\bfrom\\b|getvariable|current_setting|sleep)')"
    ).fetchall()
    assert {name for (name,) in names} - question.FUNCTIONS - harmless == set()


def test_the_view(workspace):
    names = ["row", "ROW", "_row", "a", "A", "a_2", "", "x\0y", "字"]
    found = dataset(workspace, pa.table([pa.array([n]) for n in range(len(names))], names=names))
    with duck.connect(found.path) as opened:
        made = question.make_view(opened, found.path, found.columns)
        described = opened.execute("FROM data")
        assert [each[0] for each in described.description] == made
        assert described.fetchall() == [(0, 0, 1, 2, 3, 4, 5, 6, 7, 8)]
    assert made == ["__row", "row", "ROW_2", "_row", "a", "A_2", "a_2_2", "column_6", "xy", "字"]


def test_the_view_numbers_rows_and_finds_not_a_number(workspace):
    found = dataset(workspace, {"a": [1.5, float("nan"), 2.0, 3.0]})
    with duck.connect(found.path) as opened:
        assert question.make_view(opened, found.path, found.columns) == ["row", "a"]
        assert opened.execute("SELECT row FROM data WHERE isnan(a)").fetchall() == [(1,)]
        assert opened.execute("SELECT row FROM data WHERE a > 2.5 ORDER BY row").fetchall() == [(1,), (3,)]
