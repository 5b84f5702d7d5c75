import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from shared.datasets.dataset import open_dataset
from shared.datasets.files import Limits
from shared.datasets.ingest import write_batches
from shared.errors import PlaygroundError
from shared.refs import parse

from .reading import lines, read, write


@pytest.fixture
def numbered(house, tmp_path):
    rows = [{"n": i, "text": f"row {i}", "tags": [f"t{i % 3}", None], "meta": {"k": i / 2}} for i in range(100)]
    return read(house.store, write(tmp_path, "a.jsonl", lines(*rows)), Limits(batch_rows=30))


@pytest.mark.parametrize(
    ("start", "count", "expected"),
    [
        (0, 3, [0, 1, 2]),
        (28, 5, range(28, 33)),
        (29, 62, range(29, 91)),
        (99, 5, [99]),
        (100, 5, []),
        (5_000, 5, []),
        (3, 0, []),
    ],
)
def test_pages(numbered, start, count, expected):
    assert [row["n"] for row in numbered.page(start, count)] == list(expected)


def test_a_page_reads_only_its_row_groups(numbered):
    meta = pq.ParquetFile(numbered.path).metadata
    data = bytearray(numbered.path.read_bytes())
    group = meta.row_group(0)
    chunks = [group.column(place) for place in range(group.num_columns)]
    begin = min(chunk.dictionary_page_offset or chunk.data_page_offset for chunk in chunks)
    size = sum(chunk.total_compressed_size for chunk in chunks)
    data[begin : begin + size] = bytes(size)
    numbered.path.write_bytes(data)
    assert [row["n"] for row in numbered.page(35, 2)] == [35, 36]
    with pytest.raises(OSError, match=r".+"):
        numbered.page(0, 1)


def test_a_page_before_the_beginning(numbered):
    with pytest.raises(PlaygroundError, match="Rows are numbered from 0"):
        numbered.page(-1, 5)
    with pytest.raises(PlaygroundError, match="Rows are numbered from 0"):
        numbered.page(1, -5)


def test_batches_are_row_groups_in_order(numbered):
    batches = list(numbered.batches())
    assert [batch.num_rows for batch in batches] == [30, 30, 30, 10]
    table = pa.Table.from_batches(batches)
    assert table.column("n").to_pylist() == list(range(100))
    assert next(numbered.batches(["meta", "n"])).schema.names == ["meta", "n"]
    with pytest.raises(PlaygroundError, match=r"has no column 'nope'\. It has: n, text, tags, meta"):
        next(numbered.batches(["nope"]))


def test_a_row_group_without_rows_is_a_batch_without_rows(numbered):
    table = pq.read_table(numbered.path)
    with pq.ParquetWriter(numbered.path, table.schema) as writer:
        for part in (table.slice(0, 0), table):
            writer.write_table(part)
    assert [batch.num_rows for batch in numbered.batches(["n"])] == [0, 100]
    assert [len(texts) for texts in numbered.texts()] == [0, 100]
    assert [row["n"] for row in numbered.page(99, 5)] == [99]


def test_texts_of_rows_and_of_columns(numbered):
    texts = [text for part in numbered.texts() for text in part.to_pylist()]
    assert len(texts) == 100
    assert texts[4] == "4 row 4 t1 2.0"
    assert next(numbered.texts("tags")).to_pylist()[:2] == ["t0", "t1"]
    with pytest.raises(PlaygroundError, match="no column 'x'"):
        next(numbered.texts("x"))


def test_a_struct_and_a_column_called_like_its_field_are_kept_apart(house):
    batch = pa.RecordBatch.from_pydict({"a": [{"b": 1}], "a.b": ["x"]})
    dataset = write_batches(house.store, "a", [batch])
    assert next(dataset.batches(["a"])).to_pylist() == [{"a": {"b": 1}}]
    assert next(dataset.batches(["a.b"])).to_pylist() == [{"a.b": "x"}]
    assert dataset.page(0, 1) == [{"a": {"b": 1}, "a.b": "x"}]


def test_opening_by_ref(house, numbered):
    assert open_dataset(house.store, numbered.ref) == numbered
    assert open_dataset(house.store, parse(numbered.ref)) == numbered
    with pytest.raises(PlaygroundError, match="is not in the workspace"):
        open_dataset(house.store, "local:a@0123456789ab")
    with pytest.raises(PlaygroundError, match=r"is on the Hub\. Load it first"):
        open_dataset(house.store, "hub:owner/name")
    with pytest.raises(PlaygroundError, match="does not name something in this workspace"):
        open_dataset(house.store, "tgi:alias")


def test_the_facts_are_json_beside_the_rows(numbered):
    facts = json.loads((numbered.path.parent / "dataset.json").read_text(encoding="utf-8"))
    assert facts == numbered.facts()
    assert list(facts) == [
        "name",
        "rows",
        "columns",
        "types",
        "shape",
        "licence",
        "source",
        "refused",
        "refused_rows",
        "notes",
    ]


@pytest.mark.parametrize(
    "facts", ["not json", "{}", '{"shape": {"nope": 1}}', '{"shape": {"name": "qa"}, "refused": []}']
)
def test_facts_of_another_version_are_a_sentence(house, numbered, facts):
    (numbered.path.parent / "dataset.json").write_text(facts)
    with pytest.raises(PlaygroundError, match=r"is no dataset that this version can read\. Load it again"):
        open_dataset(house.store, numbered.ref)


@pytest.mark.parametrize("column", ["", "text", "tags", "n"])
@pytest.mark.parametrize("rows", [[], [0], [99, 0, 31, 31, 60], [100, 5_000], range(100)])
def test_texts_of_some_rows_are_those_of_all(numbered, column, rows):
    every = [text for batch in numbered.texts(column) for text in batch.to_pylist()]
    assert numbered.texts_of(rows, column) == {row: every[row] for row in rows if row < 100}


def test_texts_of_some_rows_read_only_their_row_groups(numbered):
    read = []
    real = pq.ParquetFile(numbered.path).read_row_group
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            pq.ParquetFile, "read_row_group", lambda self, group, **more: read.append(group) or real(group, **more)
        )
        assert numbered.texts_of([35, 95], "n") == {35: "35", 95: "95"}
    assert read == [1, 3]


def test_texts_of_an_unknown_column(numbered):
    with pytest.raises(PlaygroundError, match="no column 'missing'"):
        numbered.texts_of([0], "missing")
