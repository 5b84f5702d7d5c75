"""The rows of the picker: what fits, what is here, and why the rest is greyed out."""

import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from shared.catalog import Catalog
from shared.env import ROOT
from shared.hardware import GIB, Gpu, Machine
from shared.models.picker import Here, ModelRow, fit, rows, width
from shared.models.places import Places
from shared.models.servers import Server
from shared.models.survey import Files, Survey
from shared.models.visitors import Visitors
from shared.models.weights import Card, Quantise, Shape, Weights
from shared.refs import parse
from shared.store import Store
from tests.unit.shared.models.test_places import COMMIT, fetched
from tests.unit.shared.models.toys import make_adapter, make_embedded, make_model

LAPTOP = Machine(4, "", 8.0, 6.0, (), 100.0)
GPU = Machine(4, "", 32.0, 30.0, (Gpu("H", 80.0, 79.0),), 100.0)
HERE = Here(LAPTOP, 4 * GIB)
SERVERS = {
    "a": Server("a", "openai", "http://h/v1", "A server", ("x/y", "z"), public=True),
    "t": Server("t", "tgi", "http://h", "T", ("meta/m",)),
    "n": Server("n", "tgi", "http://h", "Nameless"),
    "none": Server("none", "openai", "http://h/v1", "Nothing declared"),
}


@pytest.fixture
def places(workspace: Path) -> Iterator[Places]:
    manifests = workspace / "manifests"
    shutil.copytree(ROOT / "manifests", manifests, ignore=shutil.ignore_patterns("samples", "benchmarks", "code*"))
    (manifests / "models.txt").write_text("Qwen/Qwen3-0.6B\nQwen/Qwen3-1.7B@v1\n")
    store = Store(workspace / "home")
    yield Places(Catalog(manifests, workspace / "apps"), store, make_embedded(workspace / "w"), workspace / "cache")
    store.close()


def picked(places: Places, here: Here = HERE) -> dict[str, ModelRow]:
    survey = Survey(places, lambda: SERVERS, Visitors(places, lambda: SERVERS))
    return {row.ref: row for row in rows(survey.known(), here)}


def test_every_source_is_listed_once(places: Places) -> None:
    found = picked(places)
    catalog = [f"hub:{entry.id}" for entry in places.catalog.models()]
    assert list(found) == [
        "builtin:micro", "builtin:mini", "builtin:mini+builtin:json", "openai:a/x/y", "openai:a/z", "tgi:t", "tgi:n",
        *(f"{ref}@v1" if ref == "hub:Qwen/Qwen3-1.7B" else ref for ref in catalog),
    ]  # fmt: skip


def test_every_greyed_out_row_says_why(places: Places) -> None:
    for here in (Here(LAPTOP, 4 * GIB), Here(LAPTOP, 4 * GIB, "nf4"), Here(GPU, 68 * GIB), Here(LAPTOP, 100)):
        for row in picked(places, here).values():
            assert row.why or (row.fits and row.on_disk and row.usable), row
            assert row.usable <= row.fits, row


def test_what_ships_is_ready(places: Places) -> None:
    mini = picked(places)["builtin:mini"]
    assert mini == ModelRow(
        "builtin:mini", "Mini, the larger one", "mit", "yes", True, "", True, 392, 128, ["en", "zh"], 0.0, 0.0, 0.0, True,
        "builtin", False,
    )  # fmt: skip
    assert picked(places)["builtin:micro"].licence == "Apache-2.0"  # without a card: the project's
    adapter = picked(places)["builtin:mini+builtin:json"]
    assert (adapter.name, adapter.usable, adapter.parameters) == ("json", True, 392)


def test_the_workspaces_models_and_adapters(places: Places, workspace: Path) -> None:
    mine = places.store.put("models", "mine", make_model(workspace / "m"))
    ours = places.store.put("adapters", "ours", make_adapter(workspace / "a", "builtin:mini"))
    hub = places.store.put("adapters", "tuned", make_adapter(workspace / "b", "Qwen/Qwen3-0.6B"))
    lost = places.store.put("adapters", "lost", make_adapter(workspace / "c", "/somewhere/model"))
    found = picked(places)
    assert (found[mine.ref].licence, found[mine.ref].commercial, found[mine.ref].usable) == ("", "check", True)
    assert found[f"builtin:mini+{ours.ref}"].name == "ours on mini"
    assert found[f"builtin:mini+{ours.ref}"].usable
    missing = found[f"hub:Qwen/Qwen3-0.6B+{hub.ref}"]
    assert (missing.on_disk, missing.usable) == (False, False)
    assert 'make download ARGS="--models-only"' in missing.why
    assert f"Write base+{lost.ref}" in found[lost.ref].why
    assert not any("local:" in ref for ref in picked(places, replace(HERE, owner=False)))


def test_a_hub_model_on_the_disk(places: Places) -> None:
    fetched(places, "Qwen/Qwen3-0.6B")
    row = picked(places)[f"hub:Qwen/Qwen3-0.6B@{COMMIT}"]
    assert (row.on_disk, row.usable, row.why, row.context) == (True, True, "", 128)
    assert (row.parameters, row.licence, row.languages) == (600_000_000, "Apache-2.0", ["multi", "zh"])


def test_a_hub_model_that_is_not(places: Places) -> None:
    small = picked(places)["hub:Qwen/Qwen3-0.6B"]
    assert (small.fits, small.on_disk, small.usable, small.context) == (True, False, False, 0)
    assert "Fetch it with: make download" in small.why
    assert small.gib == pytest.approx(0.6e9 * 2 / GIB, abs=0.01)
    assert small.gib > small.gib_int8 > small.gib_nf4 > 0
    large = picked(places)["hub:Qwen/Qwen3-8B"]
    assert not large.fits
    assert "this machine has 8.0 GiB" in large.why
    assert picked(places, Here(GPU, 68 * GIB))["hub:Qwen/Qwen3-8B"].fits


def test_quantising_makes_room(places: Places) -> None:
    ref = "hub:Qwen/Qwen3-4B-Instruct-2507"
    assert not picked(places)[ref].fits
    assert picked(places, Here(LAPTOP, 4 * GIB, "nf4"))[ref].fits


def test_the_budget_counts_where_it_is_smaller_than_the_machine(places: Places) -> None:
    row = picked(places, Here(LAPTOP, GIB))["hub:Qwen/Qwen3-0.6B"]
    assert not row.fits
    assert "Its weights take about 1.1 GiB, and models may take 1.0 GiB together" in row.why
    assert "Quantise it" in row.why
    row = picked(places, Here(LAPTOP, GIB // 2, "nf4"))["hub:Qwen/Qwen3-0.6B"]
    assert "Choose a smaller model, or raise" in row.why


def test_what_to_do_is_what_would_help() -> None:
    weights = Weights(parameters=10**9, linear=8 * 10**8, stored=2 * 10**9, floats=10**9, packed=0)
    files = Files(weights, Shape(), Card())  # 2 GB and working memory: 2.7 GiB; in 4 bits 1.4 GiB

    def said(free: float, memory: float = 8.0, limit: float = 4.0, quantise: Quantise = "") -> str:
        machine = replace(LAPTOP, memory_free_gib=free, memory_gib=memory)
        return fit(files, Here(machine, round(limit * GIB), quantise)).partition(" free. ")[2]

    assert said(2.0) == "Close what else is running, or quantise it."
    assert said(1.0) == "Close what else is running."  # in 4 bits it would not fit either
    assert said(2.0, memory=2.5) == "Quantise it."
    assert said(1.0, memory=1.2) == "Choose a smaller model."
    assert said(1.0, quantise="nf4") == "Close what else is running."
    budget = replace(LAPTOP, memory_free_gib=2.0)
    assert "Quantise it, choose" in fit(files, Here(budget, GIB))
    assert "together. Choose a smaller model" in fit(files, Here(budget, GIB // 10))
    assert "together. Choose a smaller model" in fit(files, Here(budget, GIB // 10, "nf4"))


def test_memory_that_is_taken_is_said(places: Places) -> None:
    busy = replace(HERE, machine=replace(LAPTOP, memory_free_gib=1.0))
    row = picked(places, busy)["hub:Qwen/Qwen3-0.6B"]  # not on the disk, and would not fit now
    assert not row.fits
    assert "is not on this disk" in row.why
    assert "1.0 of 8.0 GiB are free. Close what else is running." in row.why
    assert "Its weights take about" in picked(places, Here(LAPTOP, 100))["builtin:mini"].why


def test_models_that_make_vectors_do_not_answer(places: Places) -> None:
    entry = next(entry for entry in places.catalog.models() if entry.embedding)
    row = picked(places)[f"hub:{entry.id}"]
    assert not row.usable
    assert "turns texts into vectors" in row.why


def test_broken_files_are_said(places: Places) -> None:
    (places.embedded / "micro" / "model.safetensors").write_bytes(b"")
    folder = fetched(places, "Qwen/Qwen3-0.6B")
    (folder / "config.json").write_text("{")
    assert "not a safetensors file" in picked(places)["builtin:micro"].why
    assert "is not JSON" in picked(places)["hub:Qwen/Qwen3-0.6B"].why


def test_served_models(places: Places) -> None:
    found = picked(places)
    row = found["openai:a/x/y"]
    assert (row.name, row.kind, row.fits, row.usable, row.on_disk) == ("x/y, A server", "served", True, True, False)
    assert "'a' answers, if it is running" in row.why
    assert (found["tgi:t"].name, found["tgi:n"].name) == ("meta/m, T", "Nameless")


def test_visitors_see_what_they_may_not_use_greyed_out(places: Places) -> None:
    fetched(places, "Qwen/Qwen3-0.6B")
    found = picked(places, replace(HERE, owner=False))
    row = found[f"hub:Qwen/Qwen3-0.6B@{COMMIT}"]
    assert (row.fits, row.usable, row.why) == (True, False, "Only the owner of this Space may use it.")
    assert [ref for ref, row in found.items() if row.kind == "served"] == ["openai:a/x/y", "openai:a/z"]
    assert found["builtin:mini"].usable
    pinned = found["hub:Qwen/Qwen3-1.7B@v1"]  # visitors may use it, but it is not here
    assert pinned.why.startswith("'hub:Qwen/Qwen3-1.7B@v1' is not on this disk")


def test_a_model_that_is_answering_can_be_asked_although_it_takes_the_memory(places: Places) -> None:
    tight = Here(replace(LAPTOP, memory_free_gib=0.1), 4 * GIB)
    row = picked(places, tight)["builtin:mini"]
    assert (row.usable, row.why[:11]) == (False, "Needs about")
    place = places.find(parse("builtin:mini"))
    loaded = replace(tight, loaded=frozenset({place.loaded_as()}))
    for ref in ("builtin:mini", "builtin:mini+builtin:json"):
        row = picked(places, loaded)[ref]
        assert (row.fits, row.usable, row.why) == (True, True, "")
    assert not picked(places, loaded)["builtin:micro"].usable
    assert not picked(places, replace(loaded, quantise="nf4"))["builtin:mini"].usable  # that would be loaded once more


def test_fit_and_width_of_a_worked_example() -> None:
    weights = Weights(parameters=10**9, linear=8 * 10**8, stored=2 * 10**9, floats=10**9, packed=0)
    files = Files(weights, Shape(context=8192, cache=10**5), Card())
    assert width(weights, LAPTOP) == 2  # 4 bytes each would take more than 3 GiB
    assert width(weights, replace(LAPTOP, memory_free_gib=7.5)) == 4
    assert width(weights, replace(GPU, memory_free_gib=1.0)) == 2
    needs = 1.2 * 2e9 + 4096 * 1e5 + GIB / 2  # at most 4,096 tokens count
    assert fit(files, Here(LAPTOP, 4 * GIB)) == ""
    tight = replace(LAPTOP, memory_free_gib=needs / GIB - 0.01)
    assert "Needs about 3.1 GiB; 3.1 GiB are free" in fit(files, Here(tight, 4 * GIB))
    assert fit(files, Here(replace(tight, memory_free_gib=needs / GIB + 0.01), 4 * GIB)) == ""
    assert fit(files, Here(tight, 4 * GIB, "nf4")) == ""
    assert fit(files, Here(replace(GPU, memory_free_gib=0.1), 4 * GIB)) == ""
