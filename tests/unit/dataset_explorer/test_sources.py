"""From what a person named or uploaded to a dataset, and the origin that loads the same again."""

import gzip
import json
from dataclasses import replace

import pytest

from apps.dataset_explorer import sources
from apps.dataset_explorer.sources import Origin
from shared.datasets.dataset import Dataset, open_dataset
from shared.errors import PlaygroundError
from shared.policy import OWNER, Caller
from shared.progress import Progress
from shared.suite import Suite, using
from shared.uploads import Upload
from tests.hub_server import Hub
from tests.unit.dataset_explorer.stored import texts

LINES = b'{"q": "2+2?", "a": "4"}\n{"q": "\xe4\xbd\xa0\xe5\xa5\xbd", "a": ""}\n'


def read(source, split="", config="", caller=OWNER):
    *steps, (dataset, origin) = sources.read(source, split, config, caller)
    assert all(isinstance(step, Progress) for step in steps)
    assert isinstance(dataset, Dataset)
    return dataset, origin


def sent(house, content=LINES, name="rows.jsonl"):
    path = house.environment.uploads / "abc" / "sent"
    path.parent.mkdir(exist_ok=True)
    path.unlink(missing_ok=True)  # an earlier upload may be kept under another name
    path.write_bytes(content)
    return Upload(path, name)


def again(dataset, origin):
    """What the origin loads is the same."""
    found, same = read(origin.source)
    assert found.ref == dataset.ref
    assert same == origin
    assert origin.inputs == {"source": origin.source}


def test_an_upload_is_kept_and_read_again(house):
    upload = sent(house)
    dataset, origin = read(upload)
    assert dataset.page(0, 9) == [{"q": "2+2?", "a": "4"}, {"q": "你好", "a": ""}]
    assert origin.source.startswith("local:rows.jsonl@")
    assert house.store.find(origin.source).kind == "uploads"
    upload.path.unlink()
    again(dataset, origin)
    assert read(sent(house))[0].ref == dataset.ref


@pytest.mark.parametrize(
    "name",
    [
        "中文 数据.jsonl",
        "../../x.jsonl",
        ".hidden.jsonl",
        "...",
        "👩.jsonl",
        "𠀀" * 70 + ".jsonl",
        "x" * 240 + ".jsonl",
    ],
)
def test_any_file_name_will_do(house, name):
    dataset, origin = read(sent(house, name=name))
    assert dataset.rows == 2
    again(dataset, origin)
    kept = house.store.find(origin.source).path
    assert [path.parent for path in kept.rglob("*")] == [kept]


def test_a_message_names_the_file_as_it_was_sent(house):
    with pytest.raises(PlaygroundError, match=r"'rows\.jsonl\.gz' is a gzip file that breaks off"):
        read(sent(house, gzip.compress(LINES * 500)[:-9], "rows.jsonl.gz"))
    assert house.store.artifacts("datasets") == []


def test_a_sample(house):
    dataset, origin = read(" builtin:chinese-instructions ")
    assert dataset.rows == 62
    assert origin == Origin("builtin:chinese-instructions", {"source": "builtin:chinese-instructions"})
    exact, same = read(dataset.ref)
    assert (exact.ref, same.source) == (dataset.ref, dataset.ref)


def test_a_dataset_that_is_there_already(house):
    made = texts(house.store, "a", "b")
    dataset, origin = read(made.ref)
    assert dataset == made
    assert origin == Origin(made.ref, {"source": made.ref})
    longer = f"local:set@{house.store.find(made.ref).sha}"
    assert read(longer)[1] == origin


def test_a_path_that_is_allowed_is_copied(house, workspace):
    folder = workspace / "data"
    folder.mkdir()
    path = folder / "rows.jsonl"
    path.write_bytes(LINES)
    with using(Suite(replace(house.environment, home=workspace / "other", data=(folder,)))):
        dataset, origin = read(str(path))
        path.write_bytes(b'{"q": "changed"}\n')
        again(dataset, origin)
        assert read(str(path))[0].ref != dataset.ref
        with pytest.raises(PlaygroundError, match=r"no file .*gone\.jsonl"):
            read(str(folder / "gone.jsonl"))
        with pytest.raises(PlaygroundError, match="outside the folders"):
            read("/etc/passwd")


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("", "No dataset was named. Upload a file"),
        ("  ", "No dataset was named"),
        ("two words", "'two words' names no dataset"),
        ("single", "names no dataset"),
        ("x" * 5000, "^'x{200}' names no dataset"),
        ("https://example.org/a.json", "names no dataset"),
        ("builtin:nothing", "no sample 'nothing'"),
        ("builtin:", "builtin"),
        ("local:nothing@0123456789ab", "nothing"),
        ("local:no sha", "no sha"),
        ("/etc/passwd", "outside the folders"),
        ("~/x.jsonl", "outside the folders"),
        ("..", "outside the folders"),
        ("שלום", "names no dataset"),
        ("👩/👩", "names no dataset"),
    ],
)
def test_what_names_nothing(house, source, message):
    with pytest.raises(PlaygroundError, match=message):
        read(source)
    assert house.store.artifacts("datasets") == []


def test_a_file_of_another_kind_is_no_dataset(house):
    with house.store.writing("exports", "x") as folder:
        (folder / "x.txt").write_text("x")
        ref = house.store.put("exports", "x", folder).ref
    with pytest.raises(PlaygroundError):
        read(ref)


@pytest.mark.hub
class TestHub:
    @pytest.fixture
    def hub(self, house, workspace, monkeypatch):
        import datasets
        import huggingface_hub

        with Hub(workspace / "hub") as served:
            template = f"{served.url}/{{repo_id}}/resolve/{{revision}}/{{filename}}"
            monkeypatch.setattr(datasets.config, "HF_ENDPOINT", served.url)
            monkeypatch.setattr(huggingface_hub.constants, "ENDPOINT", served.url)
            monkeypatch.setattr(huggingface_hub.constants, "HUGGINGFACE_CO_URL_TEMPLATE", template)
            monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(workspace / "hf"))
            rows = {part: json.dumps({"part": part}).encode() + b"\n" for part in ("train", "test", "extra")}
            card = (
                "---\nconfigs:\n- config_name: main\n  default: true\n  data_files:\n  - {split: train, path: train.jsonl}\n"
                "  - {split: test, path: test.jsonl}\n- config_name: more\n  data_files: extra.jsonl\n---\n"
            )
            files = {f"{part}.jsonl": content for part, content in rows.items()}
            repo = served.add("datasets", "tester/set", {"README.md": card, **files})
            with using(Suite(replace(house.environment, hub_endpoint=served.url))) as suite:
                yield suite, repo.find("main").oid

    @pytest.mark.parametrize(
        ("source", "asked", "part", "where"),
        [
            ("tester/set", {}, "train", "main/train"),
            pytest.param("hub:tester/set", {"split": "test"}, "test", "main/test", marks=pytest.mark.slow),
            pytest.param("tester/set#test", {}, "test", "main/test", marks=pytest.mark.slow),
            ("tester/set#more/train", {}, "extra", "more/train"),
            pytest.param(
                "tester/set@main#main/test", {"split": "train"}, "train", "main/train", marks=pytest.mark.slow
            ),
            pytest.param("tester/set", {"config": "more"}, "extra", "more/train", marks=pytest.mark.slow),
        ],
    )
    def test_a_name_with_or_without_its_parts(self, hub, source, asked, part, where):
        suite, commit = hub
        dataset, origin = read(source, **asked)
        assert dataset.page(0, 9) == [{"part": part}]
        assert origin == Origin(f"hub:tester/set@{commit}#{where}", {"source": f"hub:tester/set@{commit}#{where}"})
        assert open_dataset(suite.store, dataset.ref).source == origin.source
        found, same = read(origin.source)
        assert (found.ref, same) == (dataset.ref, origin)

    def test_a_set_that_is_not_there(self, hub):
        with pytest.raises(PlaygroundError, match="tester/none"):
            read("tester/none", caller=Caller("v", owner=False))
