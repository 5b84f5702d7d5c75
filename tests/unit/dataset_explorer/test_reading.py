"""The endpoints load, page, query and export."""

import csv
import json
import os
from concurrent.futures import ThreadPoolExecutor

import pyarrow.parquet as pq
import pytest

from apps.dataset_explorer.reading import export, load, page, query
from shared import records
from shared.calls import call
from shared.datasets.dataset import open_dataset
from shared.errors import PlaygroundError
from shared.folders import UNFINISHED
from shared.policy import Caller
from shared.uploads import Upload
from shared.visitors import size
from tests.unit.dataset_explorer.stored import last, stored, texts

VISITOR = Caller("a3f", owner=False)
ROWS = [
    {"q": "What is 2 + 2?", "n": 4, "tags": ["sum", "easy"]},
    {"q": "你好吗？", "n": None, "tags": []},
    {"q": "שלום e\u0301 👩‍👩‍👧", "n": -1, "tags": None},
]


@pytest.fixture
def sent(house):
    def made(content, name="rows.jsonl"):
        path = house.environment.uploads / "sent"
        path.write_bytes(
            content if isinstance(content, bytes) else "".join(json.dumps(each) + "\n" for each in content).encode()
        )
        return Upload(path, name)

    return made


@pytest.fixture
def source(sent):
    return last(load(sent(ROWS)))


def test_what_was_loaded_is_described(house, sent):
    found = last(load(sent([{"question": "2+2?", "answer": "4"}] * 3, "exam.jsonl")))
    assert (found.rows, found.columns, found.shape) == (3, ["question", "answer"], "qa")
    assert found.roles == {"prompt": "question", "answer": "answer"}
    assert found.types == {"question": "string", "answer": "string"}
    assert (found.refused, found.refused_rows, found.licence) == ([], 0, "")
    assert found.dataset.startswith("local:exam.jsonl@")
    assert found.source.startswith("local:exam.jsonl@")
    record = records.load(house.store, found.record)
    assert record.settings == {"source": found.source, "split": "", "config": ""}
    assert (record.inputs, record.artifacts) == ({"source": found.source}, {"dataset": found.dataset})
    assert record.results == {"rows": 3, "columns": 2, "refused_rows": 0}
    again = last(load(**record.settings))
    assert (again.dataset, again.source) == (found.dataset, found.source)
    assert records.load(house.store, again.record).results == record.results


def test_rows_that_cannot_be_read_are_listed(sent):
    found = last(load(sent(b'{"a": 1}\n{"a": \n\xff\n{"a": "x"}\n')))
    assert (found.rows, found.refused_rows) == (2, 2)
    assert [each["row"] for each in found.refused] == [2, 3]
    assert all(each["reason"] for each in found.refused)
    assert any("'a'" in note for note in found.notes)


def test_a_sample_tells_its_licence(house):
    found = last(load("builtin:dirty-mixture"))
    assert (found.rows, found.licence, found.name) == (130, "Apache-2.0", "dirty-mixture")
    assert last(load(found.dataset)).dataset == found.dataset


def test_paging_leaves_no_record(house, source):
    shown = page(source.dataset, start=1, count=5)
    assert (shown.numbers, shown.start, shown.total, shown.record) == ([1, 2], 1, 3, "")
    assert shown.rows == [["你好吗？", None, []], ["שלום e\u0301 👩‍👩‍👧", -1, None]]
    assert (shown.columns, shown.shape) == (["q", "n", "tags"], source.shape)
    assert page(source.dataset, start=99).rows == []
    assert [each.action for each in records.find(house.store)] == ["load"]


@pytest.mark.parametrize(
    ("asked", "numbers"),
    [
        ({"value": "你"}, [1]),
        ({"column": "n", "test": "above", "value": "-2"}, [0, 2]),
        ({"column": "n", "test": "missing"}, [1]),
        ({"order": "n"}, [2, 0, 1]),
        ({"order": "n", "descending": True, "count": 1}, [0]),
        ({"column": "tags", "test": "longer than", "value": "1"}, [0]),
    ],
)
def test_a_filter_or_an_order_leaves_one(house, source, asked, numbers):
    shown = page(source.dataset, **asked)
    assert shown.numbers == numbers
    record = records.load(house.store, shown.record)
    assert record.results == {"total": shown.total}
    again = page(**record.settings)
    assert (again.rows, again.numbers, again.total) == (shown.rows, shown.numbers, shown.total)


def test_a_question_in_sql(house, source):
    found = last(query(source.dataset, "SELECT row, q FROM data WHERE n IS NOT NULL ORDER BY row DESC", limit=1))
    assert (found.columns, found.rows, found.truncated) == (["row", "q"], [[2, ROWS[2]["q"]]], True)
    assert len(found.types) == 2
    record = records.load(house.store, found.record)
    assert record.results == {"rows": 1, "columns": 2}
    assert last(query(**record.settings)).rows == found.rows


def rows_of(exported, format):
    path = exported.file.path
    if format == "jsonl":
        return [json.loads(line) for line in path.read_text("utf-8").strip("\n").split("\n")]
    if format == "json":
        return json.loads(path.read_text("utf-8"))
    if format == "parquet":
        return pq.read_table(path).to_pylist()
    with path.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


@pytest.mark.parametrize("format", ["jsonl", "json", "parquet", "csv"])
def test_a_file_to_take_away(house, source, format):
    made = last(export(source.dataset, format))
    expected = ROWS if format != "csv" else [
        {"q": row["q"], "n": "" if row["n"] is None else str(row["n"]), "tags": tags}
        for row, tags in zip(ROWS, ['["sum","easy"]', "[]", ""], strict=True)
    ]  # fmt: skip
    found = rows_of(made, format)
    if format == "csv":
        for row in found:
            row["tags"] = row["tags"].replace(", ", ",")
    assert found == expected
    assert (made.rows, made.bytes) == (3, made.file.path.stat().st_size)
    assert made.file.path.is_relative_to(house.environment.uploads)
    assert made.file.path.name == f"rows.jsonl.{format}"
    record = records.load(house.store, made.record)
    again = last(export(**record.settings))
    assert again.file == made.file
    assert records.load(house.store, again.record).artifacts == record.artifacts


def test_only_what_a_query_returns(source):
    made = last(export(source.dataset, sql="SELECT q FROM data WHERE row = 1"))
    assert (made.rows, rows_of(made, "jsonl")) == (1, [{"q": "你好吗？"}])


def test_the_same_export_at_once(source):
    with ThreadPoolExecutor(4) as pool:
        made = list(pool.map(lambda _: last(export(source.dataset)), range(8)))
    assert len({each.file for each in made}) == 1
    assert rows_of(made[0], "jsonl") == ROWS


@pytest.mark.parametrize(
    "given",
    [[], [""], ["one"], ["same"] * 40, ["", None], ["x" * 1_000_000, "短" * 350_000]],
    ids=["none", "blank", "one", "equal", "empty", "long"],
)
def test_any_rows(house, given):
    source = texts(house.store, *given)
    shown = page(source.ref, count=500)
    assert (shown.total, shown.numbers) == (len(given), list(range(len(given))))
    made = last(export(source.ref, "parquet"))
    assert [row["text"] for row in rows_of(made, "parquet")] == given
    assert made.rows == len(given)


def test_a_question_about_no_rows(house):
    assert last(query(texts(house.store).ref, "SELECT count(*) FROM data")).rows == [[0]]


def test_columns_of_lists_and_numbers(house):
    source = stored(house.store, {"n": [1.5, float("nan"), None], "list": [[1, 2], [], None], "o": [{"a": 1}] * 3})
    assert page(source.ref, order="n").numbers[0] == 0
    assert last(query(source.ref, "SELECT max(len(list)) FROM data")).rows == [[2]]
    assert rows_of(last(export(source.ref, "jsonl")), "jsonl")[1]["n"] is None


@pytest.mark.parametrize(
    ("function", "asked", "message"),
    [
        (page, {"count": 0}, "count"),
        (page, {"start": -1}, "start"),
        (page, {"order": "answer"}, "no column 'answer'"),
        (page, {"test": "like", "value": "x"}, "test"),
        (page, {"column": "n", "test": "above", "value": "many"}, "many"),
        (page, {"dataset": "local:nothing@0123456789ab"}, "nothing"),
        (query, {"sql": "DELETE FROM data"}, "SELECT"),
        (query, {"sql": "SELECT nothing FROM data"}, "nothing"),
        (query, {"sql": "SELECT 1", "limit": 0}, "limit"),
        (query, {"sql": "SELECT 1", "seconds": 0}, "seconds"),
        (export, {"format": "xlsx"}, "format"),
        (export, {"sql": "SELECT nothing FROM data"}, "nothing"),
        (load, {}, "source"),
        (load, {"source": "two words"}, "names no dataset"),
        (load, {"source": 3}, "not an uploaded file"),
    ],
)
def test_what_cannot_be_asked(house, source, function, asked, message):
    given = asked if function is load else {"dataset": source.dataset, **asked}
    with pytest.raises(PlaygroundError, match=message):
        last_of(call(function, given))
    assert [each.action for each in records.find(house.store)] == ["load"]


def last_of(made):
    return made if not hasattr(made, "__next__") else last(made)


def test_a_visitor_leaves_no_record(house, sent):
    upload = sent(ROWS)
    loaded = last(call(load, {"source": upload}, VISITOR))
    given = {"dataset": loaded.dataset}
    made = [
        loaded,
        call(page, {**given, "value": "你"}, VISITOR),
        last(call(query, {**given, "sql": "SELECT 1"}, VISITOR)),
        last(call(export, given, VISITOR)),
    ]
    assert [each.record for each in made] == ["", "", "", ""]
    assert records.find(house.store) == []


def test_what_a_visitor_opens_is_apart_from_the_owners(house, sent):
    mine = last(call(load, {"source": sent(ROWS)}, VISITOR)).dataset
    assert open_dataset(house.visitors, mine).rows
    with pytest.raises(PlaygroundError, match="not in the workspace"):
        open_dataset(house.store, mine)
    owners = texts(house.store, "a", "b").ref
    with pytest.raises(PlaygroundError, match=r"is not here\. What visitors load"):
        call(page, {"dataset": owners}, VISITOR)
    assert house.store.rows("artifacts")[-1].body["sha"].startswith(owners.rpartition("@")[2])


def test_a_visitor_may_not_load_without_end(house, sent):
    house.visitors.each = 100
    upload = sent(ROWS)
    with pytest.raises(PlaygroundError, match="the most for a visitor"):
        last(call(load, {"source": upload}, VISITOR))
    assert house.visitors.artifacts("datasets") == []
    assert last(load(upload)).rows


def test_a_visitors_export_may_not_fill_the_disk(house, sent):
    mine = last(call(load, {"source": sent(ROWS)}, VISITOR)).dataset
    house.visitors.each = 1_000_000
    endless = "SELECT hash(range) AS n FROM range(10000000000)"
    with pytest.raises(PlaygroundError, match="the most for a visitor"):
        last(call(export, {"dataset": mine, "sql": endless}, VISITOR))
    assert house.visitors.artifacts("exports") == []
    assert size(house.visitors.home / "artifacts" / UNFINISHED) == 0


def test_a_file_that_is_handed_out_again_stays_as_long_as_a_new_one(source):
    first = last(export(source.dataset)).file.path
    os.utime(first.parent, (0, 0))
    again = last(export(source.dataset)).file.path
    assert again == first
    assert first.parent.stat().st_mtime > 1e9
