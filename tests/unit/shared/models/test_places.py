"""Where a model's files are: what ships, the workspace, what was fetched from the Hub; and what is said when they are not."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from shared.catalog import Catalog
from shared.env import ROOT
from shared.errors import PlaygroundError
from shared.models.builtin import builtin
from shared.models.places import Places
from shared.refs import parse
from shared.store import Store
from tests.unit.shared.models.toys import make_adapter, make_embedded, make_model

COMMIT = "0123456789abcdef0123456789abcdef01234567"


@pytest.fixture
def store(workspace: Path) -> Iterator[Store]:
    made = Store(workspace / "home")
    yield made
    made.close()


@pytest.fixture
def places(workspace: Path, store: Store) -> Places:
    """Everything but the catalog's facts is made for the test."""
    manifests = workspace / "manifests"
    shutil.copytree(ROOT / "manifests", manifests, ignore=shutil.ignore_patterns("samples", "benchmarks", "code*"))
    (manifests / "models.txt").write_text("Qwen/Qwen3-0.6B\nQwen/Qwen3-1.7B@v1\n")
    catalog = Catalog(manifests, workspace / "apps")
    return Places(catalog, store, make_embedded(workspace / "w"), workspace / "cache")


def fetched(places: Places, id: str, commit: str = COMMIT, name: str = "main") -> Path:
    """What huggingface_hub leaves behind."""
    folder = places.cache / f"models--{id.replace('/', '--')}"
    (folder / "refs").mkdir(parents=True, exist_ok=True)
    (folder / "refs" / name).write_text(commit)
    return make_model(folder / "snapshots" / commit)


def said(places: Places, ref: str) -> str:
    with pytest.raises(PlaygroundError) as raised:
        places.find(parse(ref))
    return str(raised.value)


def test_what_ships(places: Places) -> None:
    mini, adapter = builtin("mini", folder=places.embedded), builtin("json", folder=places.embedded)
    found = places.find(parse("builtin:mini"))
    assert (found.folder, found.adapter, found.pinned) == (mini.folder, None, mini.pinned)
    both = places.find(parse("builtin:mini+builtin:json"))
    assert (both.folder, both.adapter) == (mini.folder, adapter.folder)
    assert (both.ref, both.key) == ("builtin:mini+builtin:json", mini.pinned)
    assert both.pinned == f"{mini.pinned}+{adapter.pinned}"
    assert places.find(parse(both.pinned)).folder == mini.folder


def test_adapters_and_models_do_not_stand_in_for_each_other(places: Places) -> None:
    assert "is an adapter and needs its model: builtin:mini+builtin:json." in said(places, "builtin:json")
    assert "'builtin:json' was made for builtin:mini, not for builtin:micro. Write builtin:mini+builtin:json" in said(
        places, "builtin:micro+builtin:json"
    )
    assert "is a model, not an adapter" in said(places, "builtin:mini+builtin:micro")
    assert "Did you mean builtin:json?" in said(places, "builtin:mini+builtin:jsn")
    assert "names a part of a dataset" in said(places, "hub:a/b#config/train")


def test_the_workspace(places: Places, store: Store, workspace: Path) -> None:
    model = store.put("models", "mine", make_model(workspace / "m"))
    adapter = store.put("adapters", "tuned", make_adapter(workspace / "a", "builtin:mini"))
    assert places.find(parse(model.ref)).folder == model.path
    found = places.find(parse(f"builtin:mini+{adapter.ref}"))
    assert (found.adapter, found.pinned.partition("+")[2]) == (adapter.path, adapter.ref)
    assert "is one of the adapters, not of the models" in said(places, adapter.ref)
    assert "is one of the models, not of the adapters" in said(places, f"builtin:mini+{model.ref}")
    assert f"is not in the workspace {store.home}" in said(places, "local:mine@000000000000")
    assert f"Did you mean {model.ref}?" in said(places, f"local:mine@{model.sha[:10]}00")


def test_an_empty_workspace_names_nothing(places: Places) -> None:
    assert said(places, "local:x@000000000000").endswith("Load or make it again.")


def test_a_snapshot_of_the_hub(places: Places) -> None:
    folder = fetched(places, "Qwen/Qwen3-0.6B")
    found = places.find(parse("hub:Qwen/Qwen3-0.6B"))
    assert (found.folder, found.pinned, found.ref) == (folder, f"hub:Qwen/Qwen3-0.6B@{COMMIT}", "hub:Qwen/Qwen3-0.6B")
    assert places.find(parse(found.pinned)).folder == folder
    assert "is not on this disk" in said(places, "hub:Qwen/Qwen3-0.6B@v2")


def test_models_txt_says_which_revision_is_used(places: Places) -> None:
    fetched(places, "Qwen/Qwen3-1.7B")
    assert "is not on this disk" in said(places, "hub:Qwen/Qwen3-1.7B")  # main is, v1 is not
    folder = fetched(places, "Qwen/Qwen3-1.7B", COMMIT[::-1], "v1")
    assert places.find(parse("hub:Qwen/Qwen3-1.7B")).folder == folder
    assert (places.revision("Qwen/Qwen3-1.7B"), places.revision("Qwen/Qwen3-0.6B")) == ("v1", "")


def test_an_adapter_of_the_hub(places: Places) -> None:
    folder = places.cache / "models--me--lora"
    (folder / "refs").mkdir(parents=True)
    (folder / "refs" / "main").write_text(COMMIT)
    made = make_adapter(folder / "snapshots" / COMMIT, "Qwen/Qwen3-0.6B")
    found = places.find(parse("builtin:mini+hub:me/lora"))
    assert (found.adapter, found.pinned.partition("+")[2]) == (made, f"hub:me/lora@{COMMIT}")
    fetched(places, "me/model")
    assert "is not an adapter" in said(places, "builtin:mini+hub:me/model")


@pytest.mark.parametrize(
    ("ref", "command"),
    [
        ("hub:Qwen/Qwen3-0.6B", 'Fetch it with: make download ARGS="--models-only".'),
        ("hub:Qwen/Qwen3-0.6B@v9", "Add the line Qwen/Qwen3-0.6B@v9 to manifests/models.txt, then run: make download"),
        (
            "hub:Qwen/Qwen3-4B-Instruct-2507",
            "Add the line Qwen/Qwen3-4B-Instruct-2507 to manifests/models.txt, then run",
        ),
        ("hub:Qwen/Qwen3-0.6", "Fetch it with: hf download Qwen/Qwen3-0.6. Did you mean Qwen/Qwen3-0.6B"),
        ("hub:zzz/unlike-anything@v1", "Fetch it with: hf download zzz/unlike-anything --revision v1."),
        ("hub:a--b/c", "cannot be a repository of the Hub"),
    ],
)
def test_what_is_not_here_is_said_with_the_command(places: Places, ref: str, command: str) -> None:
    assert command in said(places, ref)


def test_the_command_asks_for_what_make_download_would_leave_out(places: Places) -> None:
    entries = places.catalog.models()
    narrow = next(entry for entry in entries if entry.commercial == "no")
    gated = next(entry for entry in entries if entry.gated)
    assert "--any-licence" in places.command(parse(f"hub:{narrow.id}"))
    assert "asks to accept terms first" in places.command(parse(f"hub:{gated.id}"))
    largest = max(entries, key=lambda entry: entry.parameters_b)
    smallest = places.catalog.tiers()[0]
    places.__dict__["_tier"] = smallest
    assert "--any-size" in places.command(parse(f"hub:{largest.id}"))
    places.__dict__["_tier"] = places.catalog.tiers()[-1]
    assert "--any-size" not in places.command(parse(f"hub:{largest.id}"))


def test_an_incomplete_snapshot_is_not_there(places: Places, workspace: Path) -> None:
    from shared.snapshots import Repository, fetch, look
    from tests.hub_server import Hub

    with Hub(workspace / "hub") as hub:
        hub.add("models", "me/whole", {"config.json": "{}", "model.safetensors": b"x" * 9, "tokenizer.json": "{}"})
        repository = Repository("me/whole", "models", endpoint=hub.url, token=False, cache=places.cache)
        fetch(repository, look(repository), lambda _: None)
    found: Callable[[], Path] = lambda: places.find(parse("hub:me/whole")).folder  # noqa: E731
    (found() / "model.safetensors").unlink()
    assert "is not on this disk, or not all of it" in said(places, "hub:me/whole")
