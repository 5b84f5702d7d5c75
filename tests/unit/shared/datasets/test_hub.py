"""Hub datasets into the store, read by the real libraries from the offline Hub."""

import io
import json
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from shared.datasets import hub as loader
from shared.datasets.dataset import Dataset, open_dataset
from shared.datasets.hub import load_hub
from shared.errors import PlaygroundError
from shared.progress import Progress
from shared.store import Store
from tests.hub_server import Hub
from tests.unit.shared.datasets.reading import lines, unfinished

pytestmark = pytest.mark.hub
ROOT = Path(__file__).resolve().parents[4]
CARD = "---\nlicense: mit\nlanguage:\n- en\n- zh\n---\n"
TWO = """---
configs:
- config_name: main
  data_files:
  - {split: train, path: m/train.csv}
  - {split: test, path: m/test.csv}
- config_name: socratic
  data_files: s.csv
---
"""


@pytest.fixture
def hub(workspace, monkeypatch):
    """An empty Hub, and this process's libraries pointed at it, which have read HF_ENDPOINT when they were imported."""
    import datasets
    import huggingface_hub

    with Hub(workspace / "hub") as served:
        template = f"{served.url}/{{repo_id}}/resolve/{{revision}}/{{filename}}"
        monkeypatch.setattr(datasets.config, "HF_ENDPOINT", served.url)
        monkeypatch.setattr(huggingface_hub.constants, "ENDPOINT", served.url)
        monkeypatch.setattr(huggingface_hub.constants, "HUGGINGFACE_CO_URL_TEMPLATE", template)
        monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(workspace / "hf"))
        monkeypatch.setenv("HF_TOKEN", "hf_test")  # the owner's, which no visitor's load may use
        yield served


@pytest.fixture
def store(workspace):
    with_home = Store(workspace / "home")
    yield with_home
    with_home.close()


@pytest.fixture
def load(hub, store, workspace):
    def run(id: str, **asked: str) -> Dataset:
        *progress, dataset = load_hub(store, id, endpoint=hub.url, cache=workspace / "cache", **asked)
        assert all(isinstance(each, Progress) for each in progress)
        assert isinstance(dataset, Dataset)
        return dataset

    return run


@pytest.fixture
def refused(load, store):
    """The sentence a load ends in; nothing is left of it."""

    def run(id: str, **asked: str) -> str:
        before = store.artifacts("datasets")
        with pytest.raises(PlaygroundError) as caught:
            load(id, **asked)
        assert store.artifacts("datasets") == before
        assert not unfinished(store)
        return str(caught.value)

    return run


def rows(dataset: Dataset) -> list[dict[str, object]]:
    return dataset.page(0, dataset.rows)


def parquet(**columns: object) -> bytes:
    file = io.BytesIO()
    pq.write_table(pa.table(columns), file)
    return file.getvalue()


def test_a_json_lines_set(hub, store, load):
    repo = hub.add("datasets", "tester/set", {"README.md": CARD, "train.jsonl": lines({"q": "2+2?", "n": 4})})
    dataset = load("tester/set")
    assert rows(dataset) == [{"q": "2+2?", "n": 4}]
    assert dataset.source == f"hub:tester/set@{repo.find('main').oid}#default/train"
    assert (dataset.name, dataset.licence) == ("set-train", "mit")
    assert dataset.notes == ["Languages, as its card says: en, zh."]
    assert dataset.ref.startswith("local:set-train@")
    assert rows(open_dataset(store, dataset.ref)) == rows(dataset)
    again = load("tester/set", revision=repo.find("main").oid, config="default", split="train")
    assert again.ref == dataset.ref, "what `source` names is the same dataset"


def test_rows_keep_type_and_order_over_files_and_batches(hub, load):
    first = parquet(n=list(range(5000)), tags=[["a", None], []] * 2500)
    hub.add(
        "datasets", "tester/big", {"data/train-0.parquet": first, "data/train-1.parquet": parquet(n=[7], tags=[["z"]])}
    )
    dataset = load("tester/big")
    assert [row["n"] for row in rows(dataset)] == [*range(5000), 7]
    assert dataset.types == {"n": "int64", "tags": "list<element: string>"}
    assert rows(dataset)[1] == {"n": 1, "tags": []}


def test_progress_counts_rows_and_knows_the_total_from_the_card(hub, store, workspace):
    card = "---\ndataset_info:\n  splits:\n  - name: train\n    num_examples: 5000\n---\n"
    hub.add("datasets", "tester/big", {"README.md": card, "train.parquet": parquet(n=list(range(5000)))})
    steps = list(load_hub(store, "tester/big", endpoint=hub.url, cache=workspace))
    assert steps[0] == Progress("Asking the Hub")
    assert [(step.stage, step.done, step.total) for step in steps[1:-1]] == [
        ("Reading rows", done, 5000) for done in (2048, 4096, 5000)
    ]
    assert steps[1].eta_seconds > 0
    assert steps[3].eta_seconds is None


def test_the_commit_is_looked_up_first_and_stays(hub, load, refused):
    old = hub.add("datasets", "tester/set", {"train.jsonl": lines({"n": 1})}).find("main").oid
    hub.repos["datasets", "tester/set"].tags["v1"] = hub.repos["datasets", "tester/set"].find(old)
    hub.add("datasets", "tester/set", {"train.jsonl": lines({"n": 2})})
    assert rows(load("tester/set")) == [{"n": 2}]
    assert "'tester/set' has no revision 'v9'." in refused("tester/set", revision="v9")
    assert rows(load("tester/set", revision="v1")) == rows(load("tester/set", revision=old)) == [{"n": 1}]
    assert f"@{old}#" in load("tester/set", revision="v1").source
    read = [each.path for each in hub.requests if "/resolve/" in each.path and each.path.endswith(".jsonl")]
    assert all("/resolve/main/" not in path for path in read)


def test_configurations_and_splits(hub, load, refused):
    files = {"m/train.csv": "q\nx\n", "m/test.csv": "q\ny\n", "s.csv": "q\nz\n"}
    hub.add("datasets", "tester/two", {"README.md": TWO, **files})
    assert "Choose one: main, socratic." in refused("tester/two")
    assert "no configuration 'mian'. It has main, socratic." in refused("tester/two", config="mian")
    assert rows(load("tester/two", config="main")) == [{"q": "x"}]
    assert rows(load("tester/two", config="main", split="test")) == [{"q": "y"}]
    assert load("tester/two", config="socratic").source.endswith("#socratic/train")
    assert load("tester/two", config="main", split="test").name == "two-main-test"
    assert "no split 'dev' (configuration 'main'). It has train, test." in refused(
        "tester/two", config="main", split="dev"
    )
    assert "no split 'train[:1]'" in refused("tester/two", config="main", split="train[:1]")


def test_several_splits_without_train(hub, load, refused):
    hub.add("datasets", "tester/parts", {"test.jsonl": lines({"n": 1}), "validation.jsonl": lines({"n": 2})})
    sentence = refused("tester/parts")
    assert "several splits and none is called train" in sentence
    assert "test" in sentence
    assert "validation" in sentence
    assert rows(load("tester/parts", split="validation")) == [{"n": 2}]


def test_unknown_configuration_of_a_set_without_any(hub, refused):
    hub.add("datasets", "tester/set", {"train.jsonl": lines({"n": 1})})
    assert "configuration 'main' of 'tester/set' cannot be opened" in refused("tester/set", config="main")


def test_classes_are_numbers_with_a_note(hub, load):
    card = (
        "---\ndataset_info:\n  features:\n  - name: label\n    dtype:\n      class_label:\n        names:\n"
        "          '0': neg\n          '1': pos\n---\n"
    )
    hub.add("datasets", "tester/set", {"README.md": card, "train.jsonl": lines({"label": 1})})
    dataset = load("tester/set")
    assert rows(dataset) == [{"label": 1}]
    assert "Column 'label' holds classes: 0 = neg, 1 = pos." in dataset.notes


def test_a_picture_is_never_opened(hub, load):
    card = "---\ndataset_info:\n  features:\n  - name: image\n    dtype: image\n---\n"
    there = lines({"image": {"path": "/etc/passwd", "bytes": None}})
    hub.add("datasets", "tester/set", {"README.md": card, "train.jsonl": there})
    assert rows(load("tester/set")) == [{"image": {"bytes": None, "path": "/etc/passwd"}}]


def test_mixed_types_over_files_are_kept(hub, load):
    hub.add("datasets", "tester/mix", {"train-0.jsonl": lines({"a": 1}), "train-1.jsonl": lines({"a": "t", "b": 5})})
    dataset = load("tester/mix")
    assert rows(dataset) == [{"a": "1", "b": None}, {"a": "t", "b": 5}]
    assert any(note.startswith("Read row by row, because `datasets` could not") for note in dataset.notes)


def test_a_broken_line_is_refused_and_listed(hub, load):
    hub.add("datasets", "tester/bad", {"train.jsonl": '{"a": 1}\n{bad\n{"a": 3}\n'})
    dataset = load("tester/bad")
    assert [row["a"] for row in rows(dataset)] == [1, 3]
    assert (dataset.refused_rows, dataset.refused[0].row) == (1, 2)


def test_a_broken_line_of_one_file_of_two_names_the_file(hub, load):
    hub.add("datasets", "tester/bad", {"train-0.jsonl": lines({"a": 1}), "train-1.jsonl": '{"a": 2}\n{bad\n'})
    dataset = load("tester/bad")
    assert [row["a"] for row in rows(dataset)] == [1, 2]
    assert dataset.refused[0].reason.endswith("(in train-1.jsonl)")


def test_a_file_that_is_not_what_it_says(hub, refused):
    hub.add("datasets", "tester/liar", {"train.parquet": b"<html>not found</html>"})
    assert "train.parquet" in refused("tester/liar")


def test_json_lines_called_json_and_packed(hub, load):
    import gzip

    packed = gzip.compress(lines({"n": 1}, {"n": 2}).encode())
    hub.add("datasets", "tester/gz", {"train.json.gz": packed})
    assert [row["n"] for row in rows(load("tester/gz"))] == [1, 2]


# -------------------------------------------------------------------------------------------------- what is refused


def test_unknown_datasets(refused):
    assert "There is no dataset 'tester/none' on the Hub, or it is private." in refused("tester/none")
    assert "Did you mean 'openai/gsm8k'?" in refused("openai/gsm8")
    assert "Did you mean 'openai/gsm8k'?" in refused("someone/GSM8K", token="hf_test")
    assert "no name of a Hub dataset. Write it as owner/name." in refused("a/b/c")


def test_scripts_are_never_run(hub, refused):
    hub.add("datasets", "tester/script", {"script.py": "raise SystemExit('run!')"})
    assert "code from the Hub is never run here" in refused("tester/script")


@pytest.mark.parametrize(
    ("files", "words"),
    [
        ({}, "is empty"),
        ({"README.md": CARD}, "is empty"),
        ({"table.xlsx": b"x", "more.docx": b"y"}, "holds .docx, .xlsx"),
        ({"a.png": b"x"}, "holds imagefolder data"),
    ],
)
def test_no_rows_that_can_be_read(hub, refused, files, words):
    hub.add("datasets", "tester/other", files)
    sentence = refused("tester/other")
    assert words in sentence
    assert "Read are Parquet, Arrow, JSON, CSV, text." in sentence


def test_gated(hub, load, refused):
    repo = hub.add("datasets", "tester/gated", {"train.jsonl": lines({"n": 1})}, gated="manual")
    page = f"{hub.url}/datasets/tester/gated"
    sentence = refused("tester/gated")
    assert f"Ask for access at {page}" in sentence
    assert "HF_TOKEN" in sentence
    assert "has no access yet" in refused("tester/gated", token="hf_visitor")
    repo.granted.add("visitor")
    assert load("tester/gated", token="hf_visitor").rows == 1


def test_private(hub, load, refused):
    hub.add("datasets", "tester/private", {"train.jsonl": lines({"n": 1})}, visibility="private")
    assert "If it is private, put a token into HF_TOKEN" in refused("tester/private")
    assert "or this token may not see it" in refused("tester/private", token="hf_visitor")
    assert load("tester/private", token="hf_test").rows == 1
    assert "does not know this token" in refused("tester/private", token="hf_old")


def test_without_a_token_none_is_sent(hub, load):
    hub.add("datasets", "tester/set", {"README.md": CARD, "train.jsonl": lines({"n": 1})})
    load("tester/set")
    assert {each.token for each in hub.requests} == {""}
    load("tester/set", token="hf_visitor")
    assert {each.token for each in hub.requests} == {"", "hf_visitor"}


@pytest.mark.parametrize(
    "path", ["/etc/*.txt", "../../x.jsonl", "https://example.com/x.csv", "hf://datasets/a/b/x.csv", "~/x.txt"]
)
def test_files_outside_of_the_repository_are_not_read(hub, refused, path):
    card = f"---\nconfigs:\n- config_name: default\n  data_files:\n  - split: train\n    path: [{path}]\n---\n"
    hub.add("datasets", "tester/evil", {"README.md": card, "train.jsonl": lines({"n": 1})})
    assert f"names files outside of its repository ('{path}')" in refused("tester/evil")


def test_the_standalone_card_is_looked_at_too(hub, refused):
    card = "configs:\n- config_name: default\n  data_files: /etc/*.txt\n"
    hub.add("datasets", "tester/evil", {".huggingface.yaml": card, "train.jsonl": lines({"n": 1})})
    assert "names files outside of its repository" in refused("tester/evil")
    hub.add("datasets", "tester/odd", {".huggingface.yaml": "- a\n", "table.xlsx": b""})
    assert "tester/odd" in refused("tester/odd")


def test_files_of_another_commit_are_not_read(hub, workspace, store):
    config = SimpleNamespace(name="default", data_files={"train": ["/etc/passwd"]})
    builder = type("Text", (), {"__module__": "datasets.text", "config": config})()
    call = loader._Call(store, "a/b", "main", "", hub.url, workspace)
    with pytest.raises(PlaygroundError, match="outside of its repository"):
        loader._choose(call, "a/b", "0" * 40, {}, builder, "train")


def test_another_endpoint_than_the_process_has(store, workspace, hub):
    hub.add("datasets", "tester/set", {"train.jsonl": lines({"n": 1})})
    with Hub(workspace / "other") as other:
        other.add("datasets", "tester/set", {"train.jsonl": lines({"n": 2})})
        with pytest.raises(PlaygroundError, match="Set HF_ENDPOINT and start again"):
            list(load_hub(store, "tester/set", endpoint=other.url, cache=workspace))


# ------------------------------------------------------------------------------------------------- when the Hub fails


@pytest.mark.parametrize(
    ("status", "headers", "words"),
    [(429, {"Retry-After": "7"}, "Try again in 7 seconds."), (503, {}, "a problem of its own (503)")],
)
def test_a_hub_that_cannot_answer_now(hub, refused, status, headers, words):
    hub.add("datasets", "tester/set", {"train.jsonl": lines({"n": 1})})
    hub.fault("GET", "/api/datasets/tester/set", status, headers=headers)
    assert words in refused("tester/set")


def test_no_network(hub, refused):
    hub.close()
    assert f"The Hub at {hub.url} cannot be reached" in refused("tester/set")


def test_a_connection_cut_in_the_middle_is_taken_up_again(hub, load):
    hub.add("datasets", "tester/set", {"train.jsonl": lines(*({"n": n} for n in range(3000)))})
    hub.fault("GET", "train.jsonl", cut=1000)
    assert [row["n"] for row in rows(load("tester/set"))] == list(range(3000))


@pytest.mark.slow
def test_a_connection_that_is_cut_for_good_leaves_nothing(hub, refused):
    hub.add("datasets", "tester/set", {"train.jsonl": lines(*({"n": n} for n in range(3000)))})
    hub.fault("GET", "train.jsonl", cut=1000, times=1000)
    assert "broke off while 'tester/set' was read; nothing was kept" in refused("tester/set")


def settle(store: Store) -> None:
    """Wait until the thread that was told to stop has done so."""
    end = time.monotonic() + 10
    while unfinished(store) and time.monotonic() < end:
        time.sleep(0.02)
    assert not unfinished(store)
    assert store.artifacts("datasets") == []


def test_a_hub_that_says_nothing_is_given_up(hub, load, store, monkeypatch):
    hub.add("datasets", "tester/set", {"train.jsonl": lines({"n": 1})})
    hub.fault("GET", "train.jsonl", slow=0.3)
    monkeypatch.setattr(loader, "STALL", 0.05)
    with pytest.raises(PlaygroundError, match=r"sent no row of 'tester/set' for 0 seconds; nothing was kept"):
        load("tester/set")
    settle(store)


def test_stopping_leaves_nothing(hub, store, workspace):
    many = lines(*({"n": n} for n in range(3000)))
    hub.add("datasets", "tester/set", {"train-0.jsonl": many, "train-1.jsonl": many})
    hub.fault("GET", "train-1.jsonl", slow=0.3)
    steps = load_hub(store, "tester/set", endpoint=hub.url, cache=workspace)
    while next(steps).stage != "Reading rows":
        pass
    steps.close()
    settle(store)


def test_as_it_is_really_used(workspace):
    """HF_ENDPOINT set before anything is imported, as the launcher does it; importing the module loads no library."""
    program = """
import json, sys
from pathlib import Path
from shared.datasets.hub import load_hub
heavy = [name for name in ("datasets", "huggingface_hub", "httpx2", "pandas") if name in sys.modules]
from shared.store import Store
store = Store(Path(sys.argv[2]))
*_, dataset = load_hub(store, "tester/set", endpoint=sys.argv[1], cache=Path(sys.argv[2], "cache"))
print(json.dumps([heavy, dataset.page(0, 9), dataset.source]))
store.close()
"""
    with Hub(workspace / "hub") as hub:
        repo = hub.add("datasets", "tester/set", {"README.md": CARD, "train.jsonl": lines({"名": "值"})})
        variables = {"PATH": "/usr/bin:/bin", "HOME": str(workspace)} | hub.environment(workspace / "hf")
        asked = [sys.executable, "-W", "error", "-c", program, hub.url, str(workspace / "home")]
        done = subprocess.run(asked, cwd=ROOT, env=variables, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == [[], [{"名": "值"}], f"hub:tester/set@{repo.find('main').oid}#default/train"]
    assert {each.token for each in hub.requests} == {""}
    assert [each.path for each in hub.requests if each.code == "NoRoute"] == []
