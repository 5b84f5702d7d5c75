"""What is known about every model: kept while nothing changes, and every change shows at once."""

import json
import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from shared.catalog import Catalog
from shared.env import ROOT
from shared.models.places import Places
from shared.models.servers import Server
from shared.models.survey import Known, Survey
from shared.models.visitors import Visitors
from shared.store import Store
from tests.unit.shared.models.test_places import COMMIT, fetched
from tests.unit.shared.models.toys import make_adapter, make_embedded, make_model

SERVERS = {"a": Server("a", "openai", "http://h/v1", "A", ("x",), public=True)}


class Watched(Places):
    """Counts how often files are looked for."""

    looked = 0

    def find(self, ref):
        self.looked += 1
        return super().find(ref)


class Made:
    """A survey of toys."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.manifests = folder / "manifests"
        self.manifests.mkdir()
        shutil.copy(ROOT / "manifests" / "hardware.toml", self.manifests)
        entries = (ROOT / "manifests" / "models.toml").read_text("utf-8").split("[[model]]")[1:]
        few = [entry for entry in entries if 'id = "Qwen/Qwen3-0.6B"' in entry or 'id = "Qwen/Qwen3-1.7B"' in entry]
        (self.manifests / "models.toml").write_text("[[model]]" + "[[model]]".join(few))
        (self.manifests / "models.txt").write_text("Qwen/Qwen3-0.6B\n")
        self.store = Store(folder / "home")
        catalog = Catalog(self.manifests, folder / "apps")
        self.places = Watched(catalog, self.store, make_embedded(folder / "w"), folder / "cache")
        self.servers = dict(SERVERS)
        visitors = Visitors(self.places, lambda: self.servers)
        self.survey = Survey(self.places, lambda: self.servers, visitors, settled=0)

    def known(self) -> dict[str, Known]:
        return {str(each.ref): each for each in self.survey.known()}


@pytest.fixture
def made(workspace: Path) -> Iterator[Made]:
    found = Made(workspace)
    yield found
    found.store.close()


def test_files_are_read_once_while_nothing_changes(made: Made) -> None:
    made.store.put("models", "mine", make_model(made.folder / "m"))
    before = made.known()
    looked = made.places.looked
    assert made.known() == before
    assert made.places.looked == looked > 0
    assert all(each.files is not None for each in before.values() if each.kind in ("builtin", "local"))


def write(path: str, text: str) -> Callable[[Made], object]:
    def change(made: Made) -> None:
        (made.folder / path).parent.mkdir(parents=True, exist_ok=True)
        (made.folder / path).write_text(text)

    return change


HUB = f"hub:Qwen/Qwen3-0.6B@{COMMIT}"
CHANGES: dict[str, tuple[Callable[[Made], object], str, Callable[[dict[str, Known]], object]]] = {
    "a model of the workspace": (
        lambda made: made.store.put("models", "mine", make_model(made.folder / "m")),
        "0", lambda known: sum("local:mine" in ref for ref in known),
    ),
    "an adapter of the workspace": (
        lambda made: made.store.put("adapters", "a", make_adapter(made.folder / "a", "Qwen/Qwen3-0.6B")),
        "0", lambda known: sum("hub:Qwen/Qwen3-0.6B+local:a@" in ref for ref in known),
    ),
    "a model that ships": (
        lambda made: make_model(made.places.embedded / "new"), "False", lambda known: "builtin:new" in known,
    ),
    "a card": (
        write("w/mini/README.md", "---\nlicense: mit\n---\n# New"), "Mini, the larger one",
        lambda known: known["builtin:mini"].name,
    ),
    "settings in place": (
        write("w/mini/config.json", json.dumps({"max_position_embeddings": 999})), "128",
        lambda known: known["builtin:mini"].files.shape.context,
    ),
    "a file less": (
        lambda made: (made.places.embedded / "mini" / "model.safetensors").unlink(), "True",
        lambda known: "builtin:mini" in known,
    ),
    "a model is fetched": (lambda made: fetched(made.places, "Qwen/Qwen3-0.6B"), "False", lambda known: HUB in known),
    "a revision is pinned": (
        write("manifests/models.txt", "Qwen/Qwen3-0.6B@v7\n"), "False", lambda known: "hub:Qwen/Qwen3-0.6B@v7" in known,
    ),
    "an app's list": (
        write("apps/x/models.txt", "Qwen/Qwen3-1.7B@v7\n"), "False", lambda known: "hub:Qwen/Qwen3-1.7B@v7" in known,
    ),
}  # fmt: skip


@pytest.mark.parametrize("change", CHANGES)
def test_every_change_shows_at_once(made: Made, change: str) -> None:
    act, before, look = CHANGES[change]
    made.known()
    assert str(look(made.known())) == before
    act(made)
    assert str(look(made.known())) != before
    assert str(look(made.known())) != before


def test_what_comes_and_goes_again(made: Made) -> None:
    artifact = made.store.put("models", "mine", make_model(made.folder / "m"))
    folder = fetched(made.places, "Qwen/Qwen3-0.6B")
    assert {artifact.ref, HUB} <= set(made.known())
    (folder / "config.json").write_text("{")
    assert "is not JSON" in made.known()["hub:Qwen/Qwen3-0.6B"].why
    shutil.rmtree(made.folder / "cache")
    shutil.rmtree(artifact.path)
    assert "is not on this disk" in made.known()["hub:Qwen/Qwen3-0.6B"].why
    assert artifact.ref not in made.known()


def test_an_adapter_on_a_model_of_the_hub_that_is_not_in_the_catalog(made: Made) -> None:
    artifact = made.store.put("adapters", "mine", make_adapter(made.folder / "a", "who/knows"))
    ref = f"hub:who/knows+{artifact.ref}"
    assert "is not on this disk" in made.known()[ref].why
    fetched(made.places, "who/knows")
    assert made.known()[ref].files is not None


def test_what_visitors_may_use(made: Made) -> None:
    public = {ref for ref, each in made.known().items() if each.public}
    assert public == {"builtin:micro", "builtin:mini", "builtin:mini+builtin:json", "openai:a/x"}
    (made.manifests / "models.txt").write_text("Qwen/Qwen3-0.6B@v7\n")
    assert "hub:Qwen/Qwen3-0.6B@v7" in {ref for ref, each in made.known().items() if each.public}


BROKEN: dict[str, tuple[Callable[[Path], object], str]] = {
    "a folder for a file": (
        lambda folder: ((folder / "model.safetensors").unlink(), (folder / "model.safetensors").mkdir()),
        "cannot be read",
    ),
    "pickled": (
        lambda folder: (folder / "model.safetensors").rename(folder / "pytorch_model.bin"), "are pickled (pytorch_model.bin)",
    ),
    "a date that is none": (
        lambda folder: (folder / "README.md").write_text("---\nlicense: mit\ndate: 2024-99-99\n---\n"), "",
    ),
    "an index of another form": (
        lambda folder: (folder / "model.safetensors.index.json").write_text('{"weight_map": ["x"]}'), "not whole",
    ),
    "an index that leads away": (
        lambda folder: (folder / "model.safetensors.index.json").write_text('{"weight_map": {"a": "../mini/x"}}'),
        "not whole",
    ),
    "a header of another form": (lambda folder: header(folder, b'{"a": 1}'), "not a safetensors file"),
    "a shape of another form": (
        lambda folder: header(folder, b'{"a": {"dtype": "F32", "shape": "x"}}'), "not a safetensors file",
    ),
    "settings nested without end": (lambda folder: (folder / "config.json").write_text("[" * 100_000), "is not JSON"),
}  # fmt: skip


def header(folder: Path, raw: bytes) -> None:
    (folder / "model.safetensors").write_bytes(len(raw).to_bytes(8, "little") + raw)


@pytest.mark.parametrize("how", BROKEN)
def test_one_broken_model_does_not_take_the_others_with_it(made: Made, how: str) -> None:
    act, why = BROKEN[how]
    folder = fetched(made.places, "Qwen/Qwen3-0.6B")
    act(folder)
    known = made.known()
    said = " ".join(each.why for ref, each in known.items() if ref.startswith("hub:Qwen/Qwen3-0.6B"))
    assert why in said if why else not said
    assert known["builtin:mini"].files is not None


def test_a_broken_adapter_of_the_workspace_is_said(made: Made) -> None:
    folder = make_adapter(made.folder / "a", "x")
    (folder / "adapter_config.json").write_text("{")
    artifact = made.store.put("adapters", "a", folder)
    assert "names no model that is known here" in made.known()[artifact.ref].why
    assert replace(made.known()[artifact.ref], why="").files is None
