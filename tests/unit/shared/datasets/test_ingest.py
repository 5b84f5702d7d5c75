import gzip
import hashlib
import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from shared.datasets import ingest as module
from shared.datasets.dataset import Refusal, open_dataset
from shared.datasets.files import Limits
from shared.datasets.ingest import ingest, write_batches
from shared.progress import Progress

from .reading import PACKERS, lines, read, refused_whole, rows, unfinished, write

ROWS = [{"question": "1 + 1?", "answer": "2"}, {"question": "中文？", "answer": None}, {"question": "😀", "answer": ""}]
CSV = "question,answer\n1 + 1?,2\n中文？,\n😀,\n"


def content(kind):
    if kind == "parquet":
        sink = pa.BufferOutputStream()
        pq.write_table(pa.Table.from_pylist(ROWS), sink)
        return sink.getvalue().to_pybytes()
    texts = {
        "jsonl": lines(*ROWS),
        "json": json.dumps(ROWS),
        "csv": CSV,
        "tsv": CSV.replace(",", "\t"),
        "txt": "".join(row["question"] + "\n" for row in ROWS),
    }
    return texts[kind].encode()


@pytest.mark.parametrize("packing", PACKERS)
@pytest.mark.parametrize("kind", ["jsonl", "json", "csv", "tsv", "txt", "parquet"])
def test_every_format_packed_or_not(house, tmp_path, kind, packing):
    path = write(tmp_path, f"a.{kind}{packing}", PACKERS[packing](content(kind)))
    dataset = read(house.store, path, licence="MIT", source="here", name="三行")
    found = rows(dataset)
    assert (dataset.rows, dataset.refused_rows, dataset.licence, dataset.source) == (3, 0, "MIT", "here")
    assert dataset.name == "三行"
    if kind == "txt":
        assert found == [{"text": row["question"]} for row in ROWS]
    elif kind in ("csv", "tsv"):
        assert found == [ROWS[0] | {"answer": 2}, ROWS[1], ROWS[2] | {"answer": None}]
    else:
        assert found == ROWS
    assert dataset.shape.name == ("text" if kind == "txt" else "qa")
    assert path.exists()
    assert open_dataset(house.store, dataset.ref) == dataset


def test_progress_comes_before_the_dataset(house, tmp_path):
    path = write(tmp_path, "a.jsonl", lines(*ROWS))
    *progress, dataset = ingest(house.store, path, "a", limits=Limits(batch_rows=1))
    assert len(progress) >= 4
    assert all(isinstance(each, Progress) for each in progress)
    assert progress[-1] == Progress("Saving", path.stat().st_size, path.stat().st_size, 0.0)
    assert dataset.rows == 3


def test_the_same_file_gives_the_same_bytes_and_ref(house, tmp_path):
    rows = [{"a": i, "b": "x" * (i % 7), "c": [i] * (i % 3), "d": {"e": i / 3}} for i in range(5_000)]
    path = write(tmp_path, "a.jsonl", lines(*rows))
    limits = Limits(batch_rows=700)
    first, second = read(house.store, path, limits), read(house.store, path, limits)
    assert first.ref == second.ref
    other = read(house.store, write(tmp_path, "b.jsonl.gz", gzip.compress(path.read_bytes())), limits, name="other")
    assert other.ref != first.ref
    digests = {hashlib.sha256(each.path.read_bytes()).hexdigest() for each in (first, other)}
    assert len(digests) == 1


def test_batches_decide_nothing_but_row_groups(house, tmp_path):
    kinds = [1, 2.5, "x", None, [1], {"a": 1}, {"b": []}, True, 2**60]
    path = write(tmp_path, "a.jsonl", lines(*({"n": i, "v": kinds[i % len(kinds)]} for i in range(100))))
    whole, parts = read(house.store, path), read(house.store, path, Limits(batch_rows=7))
    assert rows(whole) == rows(parts)
    assert whole.notes == parts.notes
    assert len(whole.notes) == 1
    assert pq.ParquetFile(parts.path).metadata.num_row_groups == 15


def test_a_type_that_changes_late_is_read_again_from_the_start(house, tmp_path):
    path = write(tmp_path, "a.jsonl", lines({"a": 1}, {"a": 2}, {"a": 2.5}, "broken", {"a": "x", "late": [1]}))
    *progress, dataset = ingest(house.store, path, "a", limits=Limits(batch_rows=2))
    assert "Reading again, with the types that hold all rows" in {each.stage for each in progress}
    assert [row["a"] for row in dataset.page(0, 9)] == ["1", "2", "2.5", "x"]
    assert dataset.page(3, 1) == [{"a": "x", "late": [1]}]
    assert dataset.types == {"a": "string", "late": "list<element: int64>"}
    assert dataset.refused_rows == len(dataset.refused) == 1
    assert dataset.notes == [
        "Column 'a' holds a whole number (first in row 0), a decimal number (first in row 2), text (first in row 3): "
        "all are kept as text, what is not text as JSON."
    ]


def test_the_whole_first_batch_decides_the_types(house, tmp_path):
    path = write(tmp_path, "a.jsonl", lines({"a": 1}, {"a": 2.5}, {"b": "x"}, {"a": None}))
    *progress, dataset = ingest(house.store, path, "a", limits=Limits(batch_rows=8, parts=8))
    assert {each.stage for each in progress} == {"Reading, in bytes", "Saving"}
    assert dataset.types == {"a": "double", "b": "string"}
    assert [row["a"] for row in rows(dataset)] == [1.0, 2.5, None, None]


def test_refused_rows_leave_no_gap_in_the_numbers(house, tmp_path):
    dataset = read(house.store, write(tmp_path, "a.jsonl", b'{"a": 1}\n{"a": \xff}\n{"a": 3}\n'))
    assert dataset.page(1, 1) == [{"a": 3}]
    assert dataset.refused == [Refusal(2, "is not valid UTF-8 (byte 0xff)", byte=15)]


@pytest.mark.parametrize("packing", [".gz", ".zst"])
def test_a_cut_file_says_how_many_rows_came_before(house, tmp_path, packing):
    import random

    noise = random.Random(3)
    body = lines(*({"a": noise.getrandbits(256)} for _ in range(9_000)))
    packed = PACKERS[packing](body.encode())
    path = write(tmp_path, "a.jsonl" + packing, packed[: len(packed) * 3 // 4])
    with refused_whole(
        house.store, "breaks off", "Download or pack it again", "rows could be read before that"
    ) as caught:
        read(house.store, path)
    assert caught is None


def test_whole_file_faults_leave_nothing_behind(house, tmp_path):
    store = house.store
    with refused_whole(store, "'a.jsonl' is empty (0 bytes)"):
        read(store, write(tmp_path, "a.jsonl", ""))
    with refused_whole(store, "holds no rows"):
        read(store, write(tmp_path, "a.json", "[]"))
    with refused_whole(
        store, "No row of 'a.jsonl' could be read; 2 were refused", "line or record 1, is not valid JSON"
    ):
        read(store, write(tmp_path, "a.jsonl", "{x\n{y\n"))
    with refused_whole(store, "zip bomb"):
        read(store, write(tmp_path, "b.jsonl.gz", gzip.compress(b"\n" * 4_000_000)), Limits(unpacked=1 << 20, ratio=50))
    with refused_whole(store, "breaks off inside record 2", "1 rows could be read before that"):
        read(store, write(tmp_path, "c.json", '[{"a": 1}, {"a":'))
    with refused_whole(store, "different columns; at most 5"):
        read(store, write(tmp_path, "d.jsonl", lines({f"c{i}": 1 for i in range(9)})), Limits(columns=5))
    with refused_whole(store, "must stay free", "PLAYGROUND_HOME"):
        read(store, write(tmp_path, "e.jsonl", lines(*ROWS)), Limits(spare=1 << 60))


def test_stopping_leaves_nothing_behind(house, tmp_path):
    work = ingest(house.store, write(tmp_path, "a.jsonl", lines(*ROWS)), "a", limits=Limits(batch_rows=1))
    next(work)
    assert unfinished(house.store)
    work.close()
    assert not unfinished(house.store)
    assert house.store.artifacts("datasets") == []


def test_a_csv_with_a_header_alone_is_a_dataset_without_rows(house, tmp_path):
    dataset = read(house.store, write(tmp_path, "a.csv", "text,label\n"))
    assert (dataset.rows, dataset.types, dataset.page(0, 5)) == (0, {"text": "string", "label": "string"}, [])
    assert dataset.shape.name == "text"
    assert list(dataset.texts()) == []


def test_utf16_as_spreadsheets_write_it(house, tmp_path):
    path = write(
        tmp_path, "a.csv", "Frage\tAntwort\r\nWie groß?\t中等\r\n\ud800\tx\r\n".encode("utf-16", "surrogatepass")
    )
    dataset = read(house.store, path)
    assert rows(dataset) == [{"Frage": "Wie groß?", "Antwort": "中等"}]
    assert dataset.refused == [Refusal(3, "is not valid UTF-8 (byte 0xed)", "Frage", 34)]


NAMES = ['Robert"); DROP TABLE data;--', "select", "多 列", "a.b", "a", "x\ny", "\u202eright", "e\u0301", "🙂", " "]


def test_column_names_may_be_anything(house, tmp_path):
    row = {name: f"value of {name}" for name in NAMES} | {"": 1}
    dataset = read(house.store, write(tmp_path, "a.jsonl", lines(row, row)))
    assert dataset.columns == [*NAMES, "column_11"]
    assert dataset.page(1, 1) == [{name: row[name] for name in NAMES} | {"column_11": 1}]
    for name in NAMES:
        assert next(dataset.texts(name)).to_pylist() == [row[name]] * 2
    assert dataset.notes == ["Column 11 has no name; it is called 'column_11' here."]


@pytest.mark.parametrize("count", [1_000, pytest.param(10_000, marks=pytest.mark.slow)])
def test_very_many_columns(house, tmp_path, count):
    text = ",".join(f"c{i}" for i in range(count)) + "\n" + ",".join("1" for _ in range(count))
    dataset = read(house.store, write(tmp_path, "a.csv", text))
    assert len(dataset.columns) == count
    assert dataset.page(0, 1)[0][f"c{count - 1}"] == 1


def test_a_megabyte_row(house, tmp_path):
    big = [{"text": chr(0x4E00 + i) * 400_000} for i in range(8)]
    dataset = read(house.store, write(tmp_path, "a.jsonl", lines(*big)), Limits(batch_bytes=2 << 20))
    assert rows(dataset) == big


def test_the_shape_is_seen_in_a_sample_that_stays_small(house, tmp_path, monkeypatch):
    monkeypatch.setattr(module, "SAMPLE_BYTES", 1_000)
    seen = []
    monkeypatch.setattr(module, "shape", lambda columns, sample: (seen.append(len(sample)), real(columns, sample))[1])
    from shared.shapes import shape as real

    dataset = read(house.store, write(tmp_path, "a.jsonl", lines(*({"prompt": "p" * 50, "completion": "c"},) * 100)))
    assert dataset.shape.name == "prompt_completion"
    assert 1 <= seen[0] <= 20


FEW = [
    "belle/zh_seed_tasks.json",
    "fastchat/mt_bench_question.jsonl",
    "humaneval/HumanEval.jsonl.gz",
    "self_instruct/seed_tasks.jsonl",
]


def stripped(value):
    """Null and missing are the same in a table."""
    if isinstance(value, dict):
        return {key: stripped(part) for key, part in value.items() if part is not None}
    return [stripped(part) for part in value] if isinstance(value, list) else value


@pytest.mark.parametrize("files", [FEW, pytest.param(None, marks=pytest.mark.slow)], ids=["few", "all"])
def test_real_files_come_back_value_by_value(house, real_data, files):
    folder = real_data / "instruct"
    for path in [folder / name for name in files] if files else sorted(folder.rglob("*.json*")):
        data = path.read_bytes()
        text = (gzip.decompress(data) if data.startswith(b"\x1f\x8b") else data).decode()
        plain = json.loads(text) if text.startswith("[") else [json.loads(line) for line in text.split("\n") if line]
        dataset = read(house.store, path)
        assert (dataset.refused_rows, dataset.notes) == (0, [])
        assert [stripped(row) for row in rows(dataset)] == [stripped(row) for row in plain]


# Arrow batches


def test_batches_become_a_dataset(house):
    table = pa.table({"text": [f"row {i}" for i in range(40_000)], "n": range(40_000)})
    dataset = write_batches(
        house.store,
        "from-the-hub",
        table.to_batches(max_chunksize=333),
        licence="apache-2.0",
        source="hub:a/b@c",
        notes=["a note"],
        refused=[Refusal(7, "broken")],
        refused_rows=9,
    )
    assert (dataset.rows, dataset.licence, dataset.source) == (40_000, "apache-2.0", "hub:a/b@c")
    assert (dataset.notes, dataset.refused, dataset.refused_rows) == (["a note"], [Refusal(7, "broken")], 9)
    meta = pq.ParquetFile(dataset.path).metadata
    assert [meta.row_group(g).num_rows for g in range(meta.num_row_groups)] == [16_317, 16_317, 7_366]
    assert dataset.page(39_999, 1) == [{"text": "row 39999", "n": 39_999}]
    again = write_batches(
        house.store,
        "from-the-hub",
        table.to_batches(max_chunksize=333),
        licence="apache-2.0",
        source="hub:a/b@c",
        notes=["a note"],
        refused=[Refusal(7, "broken")],
        refused_rows=9,
    )
    assert again.ref == dataset.ref


def test_no_batches_and_no_rows(house):
    with refused_whole(house.store, "There are no rows"):
        write_batches(house.store, "a", [])
    empty = write_batches(house.store, "a", [pa.RecordBatch.from_pydict({"a": pa.array([], pa.int64())})])
    assert (empty.rows, empty.types) == (0, {"a": "int64"})
