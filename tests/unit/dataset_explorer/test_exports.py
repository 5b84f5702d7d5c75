"""A dataset, or the answer to a query, as a file to take away."""

import csv
import datetime
import json
import math

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from apps.dataset_explorer import exports
from apps.dataset_explorer.exports import Saved, export
from shared.errors import PlaygroundError
from shared.progress import Progress
from tests.unit.dataset_explorer.tables import ODD, dataset, read

FORMATS = ["jsonl", "json", "csv", "parquet"]
TEXTS = [
    "plain",
    'quote " and, comma',
    "line\nbreak",
    "line\r\nbreak",
    "carriage\rreturn",
    "文字 🦆",
    " spaces ",
    "x\ty",
]
PLAIN = {
    "n": [1, -2, 2**60, 0, 5, 6, 7, 8],
    "x": [0.1, 1e300, -2.5, 3.0, 1e-7, 0.25, 100.0, 7.5],
    ODD: TEXTS,
}
NESTED = {
    "tags": [["a", None], [], None, ["字"], [""], ["x"], ["y"], ["z"]],
    "chat": [[{"role": "user", "content": text}] for text in TEXTS],
    "flag": [True, False, None, True, False, True, False, None],
    "empty": [None, "", "x", None, "", "x", "y", "z"],
}


def save(found, folder, format, sql="") -> Saved:
    *steps, saved = export(found, format, sql, folder)
    assert all(isinstance(step, Progress) for step in steps)
    assert isinstance(saved, Saved)
    assert [each.name for each in folder.iterdir()] == [f"set.{format}"]
    return saved


@pytest.fixture
def out(workspace):
    folder = workspace / "out"
    folder.mkdir()
    return folder


@pytest.mark.parametrize("format", FORMATS)
def test_plain_rows_come_back_the_same(workspace, out, format):
    found = dataset(workspace, PLAIN)
    saved = save(found, out, format)
    again = read(workspace / "home", saved.path)
    assert saved.rows == again.rows == 8
    assert again.columns == found.columns
    assert again.page(0, 8) == found.page(0, 8)


@pytest.mark.parametrize("format", ["jsonl", "json", "parquet"])
def test_nested_rows_come_back_the_same(workspace, out, format):
    found = dataset(workspace, PLAIN | NESTED)
    again = read(workspace / "home", save(found, out, format).path)
    assert again.page(0, 8) == found.page(0, 8)


def test_csv_has_nested_values_as_json(workspace, out):
    found = dataset(workspace, NESTED)
    with save(found, out, "csv").path.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [json.loads(row["tags"] or "null") for row in rows] == NESTED["tags"]
    assert [json.loads(row["chat"]) for row in rows] == NESTED["chat"]
    assert [row["flag"] for row in rows] == ["true", "false", "", "true", "false", "true", "false", ""]
    assert "字" in rows[3]["tags"]


def test_every_line_is_strict_json(workspace, out):
    found = dataset(
        workspace,
        {
            "x": [float("nan"), float("inf"), 1.5],
            "at": [datetime.datetime(2020, 1, 2, tzinfo=datetime.UTC)] * 3,
            "bytes": [b"a\xff"] * 3,
            "big": pa.array([2**64 - 1] * 3, pa.uint64()),
            "map": pa.array([[("k", 1)]] * 3, pa.map_(pa.string(), pa.int64())),
        },
    )

    def strict(text: str) -> object:
        return json.loads(text, parse_constant=lambda name: pytest.fail(name))

    lines = save(found, out, "jsonl").path.read_text(encoding="utf-8").splitlines()
    rows = [strict(line) for line in lines]
    assert [row["x"] for row in rows] == [None, None, 1.5]
    assert rows[0] == {
        "x": None, "at": "2020-01-02T00:00:00+00:00", "bytes": "base64:Yf8=", "big": 2**64 - 1, "map": {"k": 1},
    }  # fmt: skip


SOME = ["jsonl", "parquet", *(pytest.param(format, marks=pytest.mark.slow) for format in ("json", "csv"))]


@pytest.mark.parametrize("format", SOME)
def test_the_answer_to_a_query(workspace, out, format):
    found = dataset(workspace, {"n": list(range(10)), "l": [[n] for n in range(10)]})
    saved = save(found, out, format, "SELECT n, row AS r, l FROM data WHERE n >= 5 ORDER BY n DESC")
    again = read(workspace / "home", saved.path)
    assert (saved.rows, again.columns) == (5, ["n", "r", "l"])
    rows = again.page(0, 9)
    assert [row["n"] for row in rows] == [9, 8, 7, 6, 5]
    assert rows[0] == {"n": 9, "r": 9, "l": "[9]" if format == "csv" else [9]}


@pytest.mark.parametrize(("format", "text"), [("jsonl", ""), ("json", "[\n]\n"), ("csv", "a\r\n")])
def test_no_rows(workspace, out, format, text):
    found = dataset(workspace, {"a": pa.array([], pa.string())})
    saved = save(found, out, format)
    assert saved.rows == 0
    assert saved.path.read_bytes().decode() == text


def test_one_row_as_json(workspace, out):
    found = dataset(workspace, {"a": ["字"]})
    assert save(found, out, "json").path.read_text(encoding="utf-8") == '[\n{"a": "字"}\n]\n'


def test_progress(workspace, out):
    found = dataset(workspace, {"a": list(range(10))}, group=4)
    *steps, _ = export(found, "jsonl", "", out)
    assert [(step.done, step.total) for step in steps] == [(4, 10), (8, 10), (10, 10)]


def test_the_whole_dataset_as_parquet_is_its_own_file(workspace, out):
    found = dataset(workspace, {"a": [1, 2]})
    assert save(found, out, "parquet").path.read_bytes() == found.path.read_bytes()


def test_parquet_of_another_disk_is_copied(workspace, out, monkeypatch):
    found = dataset(workspace, {"a": [1, 2]})

    def across(*_: object) -> None:
        raise OSError(18, "Invalid cross-device link")

    monkeypatch.setattr(exports.os, "link", across)
    assert save(found, out, "parquet").path.read_bytes() == found.path.read_bytes()


def test_row_groups_of_an_answer_are_bounded(workspace, out, monkeypatch):
    monkeypatch.setattr(exports, "GROUP", 5000)
    found = dataset(workspace, {"a": [1]})
    saved = save(found, out, "parquet", "SELECT range AS n FROM range(20000)")
    with pq.ParquetFile(saved.path) as file:
        sizes = [file.metadata.row_group(n).num_rows for n in range(file.metadata.num_row_groups)]
    assert sum(sizes) == 20_000
    assert max(sizes) <= 5000
    assert len(sizes) < 8
    assert pq.read_table(saved.path)["n"].to_pylist() == list(range(20_000))


def test_row_groups_are_bounded_in_bytes_too(workspace, out, monkeypatch):
    monkeypatch.setattr(exports, "GROUP_BYTES", 100_000)
    found = dataset(workspace, {"a": [1]})
    saved = save(found, out, "parquet", "SELECT repeat('x', 100) AS t FROM range(10000)")
    with pq.ParquetFile(saved.path) as file:
        assert file.metadata.num_row_groups > 3


@pytest.mark.parametrize("format", SOME)
def test_a_fault_leaves_nothing(workspace, out, format):
    found = dataset(workspace, {"a": [1, 2]})
    with pytest.raises(PlaygroundError, match="Could not convert string 'x'"):
        list(export(found, format, "SELECT ('x')::INT FROM data", out))
    assert list(out.iterdir()) == []


def test_a_stop_leaves_nothing(workspace, out):
    found = dataset(workspace, {"a": list(range(10))})
    steps = export(found, "jsonl", "", out)
    next(steps)
    assert [each.name for each in out.iterdir()] == [".set.jsonl.part"]
    steps.close()
    assert list(out.iterdir()) == []


def test_mistakes(workspace, out):
    found = dataset(workspace, {"a": [1]})
    with pytest.raises(PlaygroundError, match=r"'xlsx' is no format\. Formats are jsonl, json, csv, parquet"):
        list(export(found, "xlsx", "", out))  # type: ignore[arg-type]
    with pytest.raises(PlaygroundError, match=r"'set.jsonl' could not be written: No such file or directory"):
        list(export(found, "jsonl", "", out / "none"))


def test_not_a_number_stays_in_parquet(workspace, out):
    found = dataset(workspace, {"x": [float("nan"), 1.0]})
    (value, _) = pq.read_table(save(found, out, "parquet", "SELECT x FROM data").path)["x"].to_pylist()
    assert math.isnan(value)
