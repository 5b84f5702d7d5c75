"""The process that runs a query, seen from inside."""

import io
import json
import resource
import signal
import subprocess
import sys

import pyarrow as pa
import pytest

from apps.dataset_explorer import sandbox
from shared.env import ROOT
from shared.errors import PlaygroundError
from tests.unit.dataset_explorer.tables import dataset


@pytest.fixture
def task(workspace):
    found = dataset(workspace, {"a": list(range(10)), "b": ["字"] * 10})
    spill = str(workspace / "spill")
    return {
        "path": str(found.path),
        "columns": found.columns,
        "limit": 5,
        "seconds": 20,
        "spill": spill,
        "stream": False,
    }


class Out(io.StringIO):
    """Standard output: text, and bytes."""

    def __init__(self) -> None:
        super().__init__()
        self.buffer = io.BytesIO()


@pytest.fixture
def run(task, monkeypatch):
    def answer(sql: str, **more: object) -> Out:
        out = Out()
        monkeypatch.setattr(sys, "stdout", out)
        sandbox._run(task | {"sql": sql} | more)
        monkeypatch.undo()
        return out

    return answer


def test_the_first_rows(run):
    answer = json.loads(run("SELECT row, a, b FROM data").getvalue())
    assert answer["columns"] == ["row", "a", "b"]
    assert answer["types"] == ["BIGINT", "BIGINT", "VARCHAR"]
    assert answer["rows"] == [[n, n, "字"] for n in range(5)]
    assert answer["truncated"]
    assert not json.loads(run("SELECT a FROM data", limit=10).getvalue())["truncated"]


def test_an_answer_of_bounded_size(run, monkeypatch):
    monkeypatch.setattr(sandbox, "ANSWER", 20)
    answer = json.loads(run("SELECT b FROM data").getvalue())
    assert answer["truncated"]
    assert len(answer["rows"]) == 2


def test_a_stream(run):
    out = run("SELECT a, b AS A FROM data WHERE a > 7", stream=True)
    out.buffer.seek(0)
    assert pa.ipc.open_stream(out.buffer).read_all().to_pylist() == [{"a": 8, "A_2": "字"}, {"a": 9, "A_2": "字"}]


def test_a_stream_of_no_rows_has_columns(run):
    out = run("SELECT a FROM data WHERE a > 70", stream=True)
    out.buffer.seek(0)
    assert pa.ipc.open_stream(out.buffer).read_all().column_names == ["a"]


def test_faults(run):
    with pytest.raises(PlaygroundError, match=r'"zz" not found.*The columns of data are "row", "a", "b"\.'):
        run("SELECT zz FROM data")
    with pytest.raises(PlaygroundError, match="syntax error"):
        run("SELECT SELECT")
    with pytest.raises(PlaygroundError, match="COPY is not allowed"):
        run("COPY data TO 'x'")


def test_too_much():
    assert "nested too deeply" in sandbox._too_much(RecursionError())
    assert "512 MiB" in sandbox._too_much(MemoryError())


@pytest.mark.parametrize(
    ("sql", "code", "words"),
    [
        ("SELECT 42 AS n FROM data LIMIT 1", 0, "[[42]]"),
        ("DROP VIEW data", 1, "DROP is not allowed"),
    ],
)
def test_how_it_ends(task, monkeypatch, capsys, sql, code, words):
    def leave(with_code: int) -> None:
        raise SystemExit(with_code)

    monkeypatch.setattr(sys, "stdin", io.StringIO(json.dumps(task | {"sql": sql})))
    monkeypatch.setattr(sandbox, "_limit", lambda seconds: seconds == 21)
    monkeypatch.setattr(sandbox.os, "_exit", leave)
    with pytest.raises(SystemExit) as caught:
        sandbox.main()
    told = capsys.readouterr()
    assert caught.value.code == code
    assert words in (told.err if code else told.out)


def test_a_reader_that_went_away_is_no_error_of_the_query(task, monkeypatch):
    def gone(*_: object) -> None:
        raise BrokenPipeError

    monkeypatch.setattr(sandbox, "_stream", gone)
    with pytest.raises(BrokenPipeError):
        sandbox._run(task | {"sql": "SELECT 1", "stream": True})


def test_the_limits_it_asks_for(monkeypatch):
    asked: dict[object, object] = {}
    monkeypatch.setattr(resource, "setrlimit", asked.__setitem__)
    monkeypatch.setattr(signal, "setitimer", asked.__setitem__)
    monkeypatch.setattr(sandbox.os, "nice", lambda by: asked.__setitem__("nice", by))
    sandbox._limit(7.5)
    assert asked == {
        resource.RLIMIT_DATA: (2**30, 2**30),
        resource.RLIMIT_FSIZE: (2**31, 2**31),
        resource.RLIMIT_CORE: (0, 0),
        signal.ITIMER_REAL: 7.5,
        "nice": 5,
    }


def test_as_a_process(task):
    def ask(**more: object) -> "subprocess.CompletedProcess[str]":
        asked = [sys.executable, "-m", "apps.dataset_explorer.sandbox"]
        text = json.dumps(task | more)
        return subprocess.run(asked, cwd=ROOT, input=text, capture_output=True, text=True, timeout=60, check=False)

    good, bad = ask(sql="SELECT max(a) FROM data"), ask(sql="DROP VIEW data")
    assert (good.returncode, json.loads(good.stdout)["rows"]) == (0, [[9]])
    assert (bad.returncode, json.loads(bad.stderr)) == (
        1,
        {"error": "DROP is not allowed here. Only SELECT is: nothing can be changed."},
    )


def test_it_starts_light():
    """What the process imports is paid for at every query."""
    asked = [sys.executable, "-c", "import sys, apps.dataset_explorer.sandbox; print(*sys.modules)"]
    loaded = subprocess.run(asked, cwd=ROOT, capture_output=True, text=True, timeout=60, check=True).stdout.split()
    assert {"pyarrow", "pandas", "pydantic", "duckdb", "gradio"} & set(loaded) == set()
