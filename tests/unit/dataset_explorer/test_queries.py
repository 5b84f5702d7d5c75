"""SQL asked in a process of its own: answers, limits, and what happens when it goes wrong."""

import signal
import subprocess
import sys
import threading
import time

import pytest

from apps.dataset_explorer import queries
from shared.env import ROOT
from shared.errors import PlaygroundError
from shared.progress import Progress
from tests.unit.dataset_explorer.tables import ODD, dataset


@pytest.fixture
def ten(workspace):
    return dataset(workspace, {"a": list(range(10)), ODD: [f"字{n}" for n in range(10)], "row": [0.5] * 10})


def refusal(ten, sql: str, seconds: float = 20.0) -> str:
    with pytest.raises(PlaygroundError) as caught:
        queries.query(ten, sql, seconds=seconds)
    return str(caught.value)


def test_an_answer(ten):
    quoted = '"' + ODD.replace('"', '""') + '"'
    answer = queries.query(
        ten, f'SELECT _row, {quoted} AS "b", "row", 9223372036854775807::HUGEINT + 1 FROM data WHERE a > 7'
    )
    assert answer.columns[:3] == ["_row", "b", "row"]
    assert answer.types[:3] == ["BIGINT", "VARCHAR", "DOUBLE"]
    assert answer.rows == [[8, "字8", 0.5, "9223372036854775808"], [9, "字9", 0.5, "9223372036854775808"]]
    assert not answer.truncated
    assert answer.seconds > 0


def test_the_limit(ten):
    assert queries.query(ten, "SELECT a FROM data", limit=3).rows == [[0], [1], [2]]
    endless = "SELECT range AS n FROM range(1000000000000)"
    answer = queries.query(ten, endless, limit=2)
    assert (answer.rows, answer.truncated) == ([[0], [1]], True)


def test_the_c_library_without_memory_is_a_sentence():
    command = "import sys; sys.stderr.write('cannot allocate memory for thread-local data: ABORT'); sys.exit(127)"
    process = subprocess.Popen([sys.executable, "-c", command], stderr=subprocess.PIPE)
    with process.stderr, pytest.raises(PlaygroundError, match="memory"):
        queries._raise_from(process, 1.0)


def test_faults_are_sentences(ten):
    sentence = refusal(ten, "SELECT zz FROM data")
    assert 'Referenced column "zz" not found' in sentence
    assert 'The columns of data are "_row", "a", "se""l; DROP TABLE data --", "row".' in sentence
    assert "'read_text' reads files" in refusal(ten, "SELECT * FROM read_text('/etc/passwd')")


def test_time_is_limited_even_where_duckdb_cannot_be_interrupted(ten):
    began = time.monotonic()
    sentence = refusal(ten, "SELECT levenshtein(repeat('a', 200000), repeat('b', 200000))", seconds=0.2)
    assert "stopped after 0.2 seconds" in sentence
    assert time.monotonic() - began < 20


def test_the_process_has_neither_keys_nor_a_place_to_leave_things(ten, monkeypatch, workspace):
    """What the process can see of its surroundings, told by a program in its place."""
    monkeypatch.setenv("HF_TOKEN", "hf_secret")
    told = workspace / "told"
    program = f"import os; open({str(told)!r}, 'w').write(repr(dict(os.environ)))"
    real = subprocess.Popen

    def spy(command: list[str], **options: object) -> "subprocess.Popen[bytes]":
        assert command == [sys.executable, "-m", "apps.dataset_explorer.sandbox"]
        return real([sys.executable, "-c", program], **options)  # type: ignore[call-overload]

    monkeypatch.setattr(subprocess, "Popen", spy)
    with pytest.raises(ValueError, match="Expecting value"):
        queries.query(ten, "SELECT 1")
    assert "hf_secret" not in told.read_text()
    assert "HOME" not in told.read_text()


def test_whoever_stops_waiting_ends_the_query(ten, monkeypatch):
    started = []
    real = subprocess.Popen

    def spy(*args: object, **options: object) -> "subprocess.Popen[bytes]":
        started.append(real(*args, **options))  # type: ignore[call-overload]
        return started[-1]

    monkeypatch.setattr(subprocess, "Popen", spy)
    steps = queries.query_steps(ten, "SELECT sum(range) FROM range(10000000000000)", seconds=600)
    assert next(steps) == Progress("Asking in SQL")
    assert started[0].poll() is None
    steps.close()
    assert started[0].poll() == -signal.SIGKILL


@pytest.mark.parametrize(
    ("program", "error", "words"),
    [
        ("import os; os.abort()", PlaygroundError, "needs more than 512 MiB"),
        ("import os, signal; os.kill(os.getpid(), signal.SIGALRM)", PlaygroundError, "stopped after 0.1 seconds"),
        ("raise ZeroDivisionError", RuntimeError, "ended with 1: .*ZeroDivisionError"),
    ],
)
def test_bad_ends(ten, monkeypatch, program, error, words):
    real = subprocess.Popen
    monkeypatch.setattr(subprocess, "Popen", lambda _, **options: real([sys.executable, "-c", program], **options))
    with pytest.raises(error, match=f"(?s){words}"):
        queries.query(ten, "SELECT 1", seconds=0.1)
    with pytest.raises(error, match=f"(?s){words}"), queries.stream(ten, "SELECT 1", 0.1):
        pass


def test_a_process_that_does_not_end_is_killed(ten, monkeypatch):
    real = subprocess.Popen
    program = [sys.executable, "-c", "import time; time.sleep(600)"]
    monkeypatch.setattr(queries, "START", -0.9)
    monkeypatch.setattr(subprocess, "Popen", lambda _, **options: real(program, **options))
    with pytest.raises(PlaygroundError, match=r"stopped after 0\.1 seconds"):
        queries.query(ten, "SELECT 1", seconds=0.1)


# -------------------------------------------------------------------------------------------------------- as a stream


def test_a_stream_has_all_rows_in_order(ten):
    sql = "SELECT a, a AS A, [a] AS l FROM data, range(1000) r(k) ORDER BY a DESC, k"
    with queries.stream(ten, sql, 60) as (schema, batches):
        found = [value for batch in batches for value in batch.column(0).to_pylist()]
    assert schema.names == ["a", "A_2", "l"]
    assert found == [n for n in range(9, -1, -1) for _ in range(1000)]


def test_a_stream_that_nobody_reads_to_its_end_stops(ten):
    began = time.monotonic()
    with queries.stream(ten, "SELECT * FROM range(1000000000000)", 600) as (_, batches):
        assert next(iter(batches)).num_rows > 0
    assert time.monotonic() - began < 60


def test_a_stream_of_a_fault(ten):
    with pytest.raises(PlaygroundError, match="'glob' reads files"), queries.stream(ten, "FROM glob('*')", 60):
        pass


def test_a_stream_that_breaks_off(ten):
    sql = "SELECT CASE WHEN range = 900000 THEN ('x' || range)::INT ELSE range END FROM range(1000000)"
    with (
        pytest.raises(PlaygroundError, match="Could not convert string 'x900000'"),
        queries.stream(ten, sql, 60) as (_, batches),
    ):
        for _ in batches:
            pass


# ---------------------------------------------------------------------------------------------- endless and enormous

ENDLESS = [
    "WITH RECURSIVE r(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM r) SELECT count(*) FROM r",
    "SELECT count(*) FROM range(10000000) a, range(10000000) b WHERE a.range <> b.range",
    "SELECT sum(range) FROM range(10000000000000)",
    "SELECT sum(length(regexp_replace(repeat('ab', 50000) || range, '(a|b|ab)*c', 'x'))) FROM range(100000)",
    "SELECT count(*) FROM (SELECT unnest(range(1000000)), unnest(range(1000000)) FROM range(1000000))",
    "SELECT levenshtein(repeat('a', 200000), repeat('b', 200000))",
    "SELECT list_reduce(range(10000000), lambda x, y: (x * 31 + y) % 1000003) FROM range(100)",
]
ENORMOUS = [
    "SELECT length(repeat('x', 3000000000))",
    "SELECT repeat('x', 500000000) FROM range(100)",
    "SELECT list(a.range) FROM range(100000) a, range(100000) b",
    "SELECT string_agg(a.range) FROM range(100000) a, range(100000) b",
    "SELECT range(1000000000)",
    "SELECT list_sort(range(1000000000))",
    "SELECT * FROM range(1000000000000) ORDER BY hash(range)",
    "SELECT format('{:>2000000000}', 1)",
    "SELECT printf('%1000000000d', 1)",
    "SELECT lpad('x', 2000000000, 'y')",
    "SELECT map(range(100000000), range(100000000))",
    "SELECT list_resize([1], 10000000000)",
    "SELECT string_split(repeat('a ', 300000000), ' ')",
    "SELECT count(DISTINCT md5(range::VARCHAR)) FROM range(1000000000)",
    "SELECT damerau_levenshtein(repeat('a', 100000), repeat('b', 100000))",
]


@pytest.mark.slow
@pytest.mark.parametrize("sql", ENDLESS + ENORMOUS)
def test_endless_and_enormous_queries_end(ten, workspace, sql):
    sentence = refusal(ten, sql, seconds=2.0)
    assert "stopped after 2 seconds" in sentence or "needs more than 512 MiB" in sentence
    assert [each.name for each in workspace.iterdir()] == ["data.parquet"]


PEAK = """
import resource, sys, threading, time
from pathlib import Path
from apps.dataset_explorer import queries
from shared.datasets.dataset import Dataset
from shared.errors import PlaygroundError
from shared.shapes import shape
peak = 0
def watch():
    global peak
    while True:
        for status in Path("/proc").glob("[0-9]*/status"):
            try:
                fields = dict(line.split(":", 1) for line in status.read_text().splitlines())
            except OSError:
                continue
            if int(fields["PPid"]) == me and "VmHWM" in fields:
                peak = max(peak, int(fields["VmHWM"].split()[0]))
        time.sleep(0.01)
import os
me = os.getpid()
threading.Thread(target=watch, daemon=True).start()
found = Dataset("local:x@000000000000", "x", 10, ["a"], {}, shape(["a"], []), path=Path(sys.argv[1]))
for sql in sys.argv[2:]:
    try:
        queries.query(found, sql, seconds=2)
    except PlaygroundError:
        pass
own = next(line for line in open("/proc/self/status") if line.startswith("VmHWM"))  # ru_maxrss begins with the parent's
print(peak // 1024, int(own.split()[1]) // 1024)
"""


@pytest.mark.slow
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")
def test_memory_stays_small(workspace):
    found = dataset(workspace, {"a": list(range(10))})
    asked = [sys.executable, "-c", PEAK, str(found.path), *ENORMOUS]
    done = subprocess.run(asked, cwd=ROOT, capture_output=True, text=True, timeout=300, check=True)
    query, server = map(int, done.stdout.split())
    assert 50 < query < 1024 + 100, "MiB of the process that runs the query"
    assert server < 300, "MiB of the process that asks"


@pytest.mark.slow
def test_many_at_once(ten):
    answers: list[object] = []

    def ask(n: int) -> None:
        answers.append(queries.query(ten, f"SELECT a + {n} FROM data ORDER BY a LIMIT 1").rows)

    threads = [threading.Thread(target=ask, args=(n,)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(answers) == [[[n]] for n in range(8)]


@pytest.mark.slow
def test_a_sort_that_spills_leaves_nothing_behind(ten, workspace):
    place = workspace / "spill"
    sql = "SELECT md5(range::VARCHAR) AS m FROM range(3000000) ORDER BY m LIMIT 1 OFFSET 2000000"
    assert len(queries.query(ten, sql, seconds=60, spill=place).rows) == 1
    assert not place.exists() or list(place.iterdir()) == []
