"""Records: enough to run an experiment again, comparable, and free of keys."""

import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from shared import records
from shared.errors import Conflict, PlaygroundError
from shared.records import Record, Timing, difference, environment, exact, find, load, save
from shared.refs import Ref
from shared.store import Store

ROOT = Path(__file__).resolve().parents[3]
COMMIT = "a" * 40
SHA = "0123456789ab"
TOKEN = "hf_" + "aB3" * 10


@pytest.fixture
def store(workspace: Path) -> Iterator[Store]:
    made = Store(workspace / "home")
    yield made
    made.close()


def record(**changes: Any) -> Record:
    base: dict[str, Any] = {"app": "dataset_explorer", "action": "load", "settings": {}, "results": {}}
    return Record(**{**base, **changes})


@dataclass(frozen=True)
class Decoding:
    temperature: float = 0.7
    stop: tuple[str, ...] = ("\n",)


# Saving and loading


def test_a_record_names_the_results_that_are_timings(store: Store) -> None:
    saved = save(store, record(results={"seconds": 3, "rate": Timing(2.5), "score": 0.5}))
    assert saved.timings == ["rate"], "a number is a timing where it was made as one, whatever it is called"
    assert load(store, saved.id) == saved
    assert type(saved.results["rate"]) is float
    again = save(store, replace(load(store, saved.id), id="0" * 32))
    assert again.timings == ["rate"], "also when it is kept once more, as an import does"


def test_a_record_from_before_tells_its_timings_by_their_names(store: Store) -> None:
    made = save(store, record(results={"seconds": 3, "0_tokens_per_second": 2.5, "score": 0.5}))
    old = {name: value for name, value in asdict(made).items() if name != "timings"} | {"id": "1" * 32}
    store.append(records.KIND, old, key=old["id"])
    assert load(store, old["id"]).timings == ["seconds", "0_tokens_per_second"]


def test_a_record_comes_back_as_plain_json(store: Store) -> None:
    settings = {
        "decoding": Decoding(), "source": Path("a/b.csv"), "model": Ref("builtin", "mini"), "q": "数据", "none": None,
        "seeds": (1, 2), "share": np.float32(0.5), "n": np.int64(3), "flag": True,
    }  # fmt: skip
    results = {"rows": np.int64(7473), "score": np.float32(0.25), "loss": 1.5}
    saved = save(store, record(settings=settings, results=results, inputs={"dataset": f"local:x@{SHA}"}))
    assert saved.settings == {
        "decoding": {"temperature": 0.7, "stop": ["\n"]}, "source": "a/b.csv", "model": "builtin:mini", "q": "数据",
        "none": None, "seeds": [1, 2], "share": 0.5, "n": 3, "flag": True,
    }  # fmt: skip
    assert saved.results == {"rows": 7473, "score": 0.25, "loss": 1.5}
    assert {name: type(value) for name, value in saved.results.items()} == {"rows": int, "score": float, "loss": float}
    assert load(store, saved.id) == saved
    assert json.loads(json.dumps(asdict(saved))) == asdict(saved)
    assert saved.schema == 1


def test_a_record_is_kept_once(store: Store) -> None:
    saved = save(store, record())
    with pytest.raises(Conflict):
        save(store, saved)
    with pytest.raises(PlaygroundError, match="no record 'nope' in this workspace"):
        load(store, "nope")


@pytest.mark.parametrize(
    "value",
    [float("nan"), float("inf"), True, None, "0.5", [0.5], {"mean": 0.5}, np.float64("nan"), np.array([1.0]), 1j],
)
def test_results_are_plain_finite_numbers(store: Store, value: Any) -> None:
    with pytest.raises(PlaygroundError, match=r"'score' is .*not a plain, finite number"):
        save(store, record(results={"score": value}))
    assert find(store) == []


@pytest.mark.parametrize(
    ("value", "says"),
    [
        (object(), r"'settings.x.y' is a object"),
        (b"bytes", "is a bytes"),
        ({1, 2}, "is a set"),
        (float("nan"), "not a plain, finite number"),
        (Decoding, "is a type"),
    ],
)
def test_settings_that_json_does_not_have_are_refused(store: Store, value: Any, says: str) -> None:
    with pytest.raises(PlaygroundError, match=says):
        save(store, record(settings={"x": {"y": [value]}}))


@pytest.mark.parametrize(
    "part",
    [
        {"settings": {"token": TOKEN}},
        {"settings": {"nested": [{"deep": f"Bearer {TOKEN}!"}]}},
        {"settings": {TOKEN: 1}},
        {"settings": {"a": {TOKEN: {}}}},
        {"inputs": {"model": f"hub:a/{TOKEN}"}},
        {"artifacts": {"out": TOKEN}},
        {"results": {TOKEN: 1}},
        {"settings": {"t": "hf_oauth_" + "a" * 20}},
        {"action": TOKEN},
    ],
)
def test_a_token_is_never_kept_nor_repeated(store: Store, part: dict[str, Any]) -> None:
    with pytest.raises(PlaygroundError, match=r"looks like a Hugging Face token.*take the token out") as refusal:
        save(store, record(**part))
    assert TOKEN not in str(refusal.value)
    assert find(store) == []


def test_a_token_in_a_result_s_place_is_not_repeated(store: Store) -> None:
    with pytest.raises(PlaygroundError) as refusal:
        save(store, record(results={"score": TOKEN}))
    assert TOKEN not in str(refusal.value)


@pytest.mark.parametrize(
    "text", ["hf_transfer", "hf_" + "a" * 19, "shelf_" + "a" * 30, "hf_hub_download_and_more_words_here"]
)
def test_what_only_resembles_a_token_is_kept(store: Store, text: str) -> None:
    assert load(store, save(store, record(settings={"q": text})).id).settings["q"] == text


def test_a_record_of_another_form_is_not_shown_and_said_to_be_unreadable(store: Store) -> None:
    body = asdict(record())
    store.append("records", {**body, "new field": 1}, key="newer")
    store.append("records", {k: v for k, v in body.items() if k != "environment"}, key="older")
    store.append("records", {**body, "settings": "text"}, key="odd")
    assert [each.id for each in find(store)] == [body["id"]]
    for id in ("older", "odd"):
        with pytest.raises(PlaygroundError, match="another version"):
            load(store, id)


# Finding


def test_records_are_found_by_app_action_and_words(store: Store) -> None:
    one = save(
        store, record(settings={"source": "GSM8K train", "deep": {"q": ["Äpfel"]}}, inputs={"d": f"local:zh@{SHA}"})
    )
    two = save(store, record(app="model_arena", action="ask", artifacts={"out": "hub:me/votes"}, settings={"n": 42}))
    three = save(store, record(action="query", settings={"sql": "SELECT 1"}, results={"gsm8k": 1}))
    assert find(store) == [three, two, one]
    assert find(store, limit=2) == [three, two]
    assert find(store, app="dataset_explorer") == [three, one]
    assert find(store, app="dataset_explorer", action="load") == [one]
    assert find(store, action="none") == []
    for text, found in [
        ("gsm8k", [one]), ("TRAIN gsm8k", [one]), ("gsm8k query", []), ("äPFEL", [one]), ("local:zh@", [one]), ("me/votes", [two]),
        ("42", [two]), ("arena", [two]), ("ask", [two]), ("  ", [three, two, one]), ("source", []), ("select", [three]),
    ]:  # fmt: skip
        assert find(store, text=text) == found, text
    assert find(store, text="gsm8k", limit=1) == [one]


def test_the_newest_are_first_by_time_however_they_came(store: Store) -> None:
    from shared.rows import Row, merge

    save(store, record(action="now"))
    old = asdict(record(action="long ago", time="2001-01-01T00:00:00.000000Z"))
    row = Row(0, "0" * 32, "records", old["id"], old["time"], old)
    store.write(lambda connection: merge(connection, row, "remote"))
    assert [each.action for each in find(store)] == ["now", "long ago"]


# Comparing


def test_differences_are_dotted_and_in_order(store: Store) -> None:
    same = {"python": "3.11", "packages": {"torch": "2.13"}}
    one = record(
        settings={"model": {"rank": 8, "alpha": 16}, "seed": 1, "tags": ["a"]}, results={"loss": 1.0, "n": 2}, inputs={"d": "x"},
        environment=same,
    )  # fmt: skip
    two = replace(
        one, settings={"model": {"rank": 16, "alpha": 16}, "seed": True, "tags": ["a"], "new": None}, results={"n": 2.0}
    )
    rows = difference([one, two])
    assert [(row.name, row.values) for row in rows if not row.same] == [
        ("settings.model.rank", (8, 16)),
        ("settings.seed", (1, True)),
        ("results.loss", (1.0, None)),
    ]
    assert [row.name for row in rows if row.same] == [
        "settings.model.alpha", "settings.tags", "settings.new", "inputs.d", "results.n", "environment.python",
        "environment.packages.torch",
    ]  # fmt: skip
    assert all(row.same for row in difference([one]))
    assert difference([]) == []
    three = difference([one, two, replace(one, artifacts={"out": "y"})])
    assert {len(row.values) for row in three} == {3}
    assert next(row for row in three if row.name == "artifacts.out").values == (None, None, "y")


@pytest.mark.parametrize(
    ("part", "why"),
    [
        ({}, ""),
        ({"inputs": {"d": f"hub:a/b@{COMMIT}#main/train"}, "settings": {"model": "builtin:mini"}}, ""),
        ({"inputs": {"d": f"local:x@{SHA}"}, "settings": {"q": "what is tgi: anyway?", "n": 3, "l": ["x", 1]}}, ""),
        ({"inputs": {"d": "hub:a/b"}}, "input 'd' is 'hub:a/b': it names no commit"),
        ({"inputs": {"d": "gsm8k"}}, "'gsm8k', which is not a ref"),
        (
            {"settings": {"models": ["builtin:mini", "openai:lab/x"]}},
            "setting 'models' is 'openai:lab/x': a served model",
        ),
        ({"settings": {"deep": {"model": "tgi:box"}}}, "setting 'deep.model'"),
        ({"settings": {"model": "hub:a/b@main"}}, "no commit"),
        ({"settings": {"model": "builtin:mini+hub:a/b"}}, "no commit"),
        ({"settings": {"model": f"hub:a/b+local:x@{SHA}"}}, "no commit"),
    ],
)
def test_exact_says_why_it_is_not(part: dict[str, Any], why: str) -> None:
    answer, reason = exact(record(**part))
    assert answer is (why == "")
    assert why in reason
    assert bool(reason) is bool(why)


# Environment


def test_the_environment_names_what_a_result_depends_on() -> None:
    found = environment()
    assert found["python"] == ".".join(map(str, sys.version_info[:3]))
    assert set(found) == {"python", "platform", "machine", "cores", "commit", "packages", "manifests"}
    assert found["cores"] >= 1
    assert found["packages"]["numpy"] == np.__version__
    assert "not-installed" not in found["packages"]
    found["packages"]["numpy"] = "changed"
    assert environment()["packages"]["numpy"] == np.__version__
    assert json.loads(json.dumps(found)) == found


def test_an_absent_package_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(records, "PACKAGES", ("numpy", "a-package-that-nobody-made"))
    assert records._versions.__wrapped__() == {"numpy": np.__version__}


def test_nothing_heavy_is_imported_for_it() -> None:
    code = (
        "import sys; from shared.records import environment; environment();"
        "print(sorted({'torch', 'transformers', 'datasets', 'gradio', 'numpy', 'pyarrow'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def git(folder: Path, *arguments: str) -> str:
    command = ["git", "-c", "user.name=x", "-c", "user.email=x@example.org", "-c", "commit.gpgsign=false", *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True).stdout.strip()


def test_the_commit_is_git_s_and_says_when_files_were_changed(workspace: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    commit = records._commit.__wrapped__
    assert commit(workspace) is None
    git(workspace, "init")
    assert commit(workspace) is None  # no commit yet
    (workspace / "file").write_text("1")
    git(workspace, "add", "file")
    git(workspace, "commit", "-m", "one")
    head = git(workspace, "rev-parse", "HEAD")
    git(workspace, "tag", "v1")
    assert commit(workspace) == head
    (workspace / "file").write_text("2")
    assert commit(workspace) == f"{head}-dirty"
    monkeypatch.setenv("PATH", str(workspace))  # git is not installed
    assert commit(workspace) is None


def test_the_manifests_hash_changes_with_any_of_them(workspace: Path) -> None:
    hashed = records._manifests
    assert hashed(workspace) == hashed(workspace / "missing") == ""
    (workspace / "models.toml").write_text("a")
    first = hashed(workspace)
    (workspace / "more.txt").write_text("")
    second = hashed(workspace)
    (workspace / "models.toml").write_text("b")
    assert len({first, second, hashed(workspace)}) == 3
    assert len(first) == 16
