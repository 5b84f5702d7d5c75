"""The main job through gradio_client, from this process to a server in another: open, page, ask, save, replay."""

import gzip
import json
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from gradio_client import Client, handle_file
from gradio_client.exceptions import AppError

from tests.conftest import SHARED
from tests.server import Server, serving

REAL = SHARED / "data" / "instruct"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with serving(tmp_path_factory.mktemp("job") / "home", PLAYGROUND_DATA=str(REAL.parent)) as running:
        yield running


@pytest.fixture(scope="module")
def explorer(server: Server) -> Iterator[Client]:
    with closing(Client(server.url + "/datasets/", verbose=False)) as client:
        yield client


@pytest.fixture(scope="module")
def portal(server: Server) -> Iterator[Client]:
    with closing(Client(server.url, verbose=False)) as client:
        yield client


def whole_job(explorer: Client, portal: Client, source: object, column: str, word: str) -> dict:
    loaded = explorer.predict(source=source, api_name="/load")
    assert set(loaded) >= {"dataset", "rows", "columns", "shape", "licence", "refused"}
    ref = loaded["dataset"]
    first = explorer.predict(dataset=ref, count=3, api_name="/page")
    assert first["numbers"] == [0, 1, 2]
    assert first["total"] == loaded["rows"]
    found = explorer.predict(dataset=ref, column=column, value=word, api_name="/page")
    assert found["total"] >= 1
    assert all(word in row[found["columns"].index(column)] for row in found["rows"])
    asked = explorer.predict(dataset=ref, sql="SELECT count(*) AS n, max(row) AS last FROM data", api_name="/query")
    assert asked["rows"] == [[loaded["rows"], loaded["rows"] - 1]]
    saved = explorer.predict(dataset=ref, format="jsonl", api_name="/export")
    lines = Path(saved["file"]).read_text("utf-8").strip("\n").split("\n")  # U+2028 stands inside rows
    assert len(lines) == loaded["rows"] == saved["rows"]
    assert json.loads(lines[0])[column] == first["rows"][0][first["columns"].index(column)]
    for made in (loaded, found, asked, saved):
        replayed = portal.predict(id=made["record"], api_name="/replay")
        assert replayed["same"], replayed
        assert replayed["exact"], replayed["why"]
    return loaded


def test_a_chinese_file_of_our_own(explorer: Client, portal: Client, tmp_path: Path) -> None:
    path = tmp_path / "中文.jsonl.gz"
    rows = [{"question": f"第{i}题：{i}加{i}等于多少？", "answer": f"等于{2 * i}。"} for i in range(60)]
    path.write_bytes(gzip.compress("".join(json.dumps(r, ensure_ascii=False) + "\n" for r in rows).encode()))
    assert whole_job(explorer, portal, handle_file(str(path)), "question", "加7等于")["shape"] == "qa"


@pytest.mark.parametrize(
    ("file", "rows", "column", "word"),
    [("gsm8k/train.jsonl", 7473, "question", "Josie"), ("belle/eval_set.json", 1000, "question", "诗")],
)
def test_real_data(explorer: Client, portal: Client, file: str, rows: int, column: str, word: str) -> None:
    if not REAL.is_dir():
        pytest.skip("the real datasets are not beside the project (../shared/data)")
    assert whole_job(explorer, portal, handle_file(str(REAL / file)), column, word)["rows"] == rows
    assert explorer.predict(source=str(REAL / file), api_name="/load")["rows"] == rows  # a path that is allowed


def test_a_sample_and_a_ref(explorer: Client, portal: Client) -> None:
    loaded = whole_job(explorer, portal, "builtin:english-instructions", "instruction", "a")
    assert explorer.predict(source=loaded["dataset"], api_name="/load")["dataset"] == loaded["dataset"]


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("", "No dataset was named"),
        ("/etc/passwd", "outside the folders"),
        ("file:///etc/passwd", "outside the folders"),
        ("../../etc/passwd", "outside the folders"),
        ("local:nothing@0123456789ab", "nothing"),
        ("builtin:nothing", "nothing"),
        ("two words", "names no dataset"),
    ],
)
def test_a_source_that_is_not_there(explorer: Client, source: str, message: str) -> None:
    with pytest.raises(AppError, match=message):
        explorer.predict(source=source, api_name="/load")


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("cut.jsonl.gz", gzip.compress(b'{"a": 1}\n' * 9000)[:-20], r"'cut\.jsonl\.gz' is a gzip file that breaks off"),
        ("empty.jsonl", b"", "(?i)empty"),
        ("page.json", b"<!DOCTYPE html><html>503</html>", "(?i)html"),
        ("old.zip", b"PK\x03\x04" + bytes(200), "(?i)zip"),
    ],
)
def test_a_file_that_cannot_be_read(explorer: Client, tmp_path: Path, name: str, content: bytes, message: str) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(AppError, match=message):
        explorer.predict(source=handle_file(str(tmp_path / name)), api_name="/load")


@pytest.mark.parametrize(
    "sql",
    [
        "DELETE FROM data", "ATTACH '/tmp/x.db'", "SELECT * FROM read_text('/etc/passwd')", "SELECT 1; SELECT 2", "COPY data TO '/tmp/x'",
        "INSTALL httpfs", "SELECT * FROM '/etc/passwd'", "PRAGMA database_list", "SET memory_limit='99GB'", "SELEC 1",
    ],
)  # fmt: skip
def test_sql_that_does_more_than_ask(explorer: Client, sql: str) -> None:
    ref = explorer.predict(source="builtin:english-instructions", api_name="/load")["dataset"]
    with pytest.raises(AppError) as caught:
        explorer.predict(dataset=ref, sql=sql, api_name="/query")
    assert len(str(caught.value)) > 30
    assert "/home" not in str(caught.value)


def test_sql_that_never_ends_is_stopped(explorer: Client) -> None:
    ref = explorer.predict(source="builtin:english-instructions", api_name="/load")["dataset"]
    endless = "WITH RECURSIVE t(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM t) SELECT count(*) FROM t"
    with pytest.raises(AppError, match=r"(?i)second"):
        explorer.predict(dataset=ref, sql=endless, seconds=1, api_name="/query")


def test_rows_that_cannot_be_read_are_listed(explorer: Client, tmp_path: Path) -> None:
    path = tmp_path / "mixed.jsonl"
    path.write_bytes(b'{"a": 1, "drop table": "x"}\n{"a": \n\xff\xfe{"a": 2}\n{"a": "three"}\n')
    loaded = explorer.predict(source=handle_file(str(path)), api_name="/load")
    assert (loaded["rows"], loaded["refused_rows"]) == (2, 2)
    assert [each["row"] for each in loaded["refused"]] == [2, 3]
    assert all(each["reason"] and each["byte"] is not None for each in loaded["refused"])
    assert any("'a'" in note for note in loaded["notes"])
    assert explorer.predict(dataset=loaded["dataset"], api_name="/page")["rows"] == [["1", "x"], ["three", None]]
