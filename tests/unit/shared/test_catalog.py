"""The manifests: what they must hold, what a mistake in them is told, and what is chosen."""

import tomllib
from collections import Counter
from dataclasses import fields
from pathlib import Path
from typing import get_args

import pytest

from shared.catalog import Catalog, Choice, DatasetEntry, Domain, ModelEntry
from shared.env import ROOT
from shared.errors import PlaygroundError
from shared.hardware import GIB, Gpu, Machine, fits, tier

CATALOG = Catalog(ROOT / "manifests")
SHARED = ROOT.parent / "shared" / "data"
MODEL = """[[model]]
id = "a/model"
family = "A"
parameters_b = 1
active_b = 1.0
licence = "MIT"
commercial = "yes"
why = "MIT permits it."
tiers = ["edge"]
languages = ["en"]
checked = { id = "verified", licence = "recalled" }
"""
DATASET = """[[dataset]]
id = "a/data"
domain = "math"
rows = 10
size = "10 rows"
languages = ["en"]
licence = "MIT"
commercial = "yes"
why = "MIT permits it."
checked = { id = "verified" }
"""


@pytest.fixture
def folder(workspace: Path) -> Path:
    """Manifests with one model and one dataset."""
    made = workspace / "manifests"
    made.mkdir()
    (made / "models.toml").write_text(MODEL)
    (made / "datasets.toml").write_text(DATASET)
    (made / "hardware.toml").write_text((ROOT / "manifests" / "hardware.toml").read_text())
    return made


def test_entries_are_typed(folder: Path) -> None:
    catalog = Catalog(folder)
    model, dataset = catalog.model("a/model"), catalog.dataset("a/data")
    assert catalog.models() == [model]
    assert catalog.datasets() == [dataset]
    assert isinstance(model, ModelEntry)
    assert isinstance(dataset, DatasetEntry)
    assert (model.parameters_b, model.tiers, model.embedding, model.four_bit) == (1.0, ["edge"], False, [])
    assert (model.verified, dataset.verified) == ("partly", "verified")
    assert (dataset.place, dataset.rows) == ("hub", 10)
    assert catalog.model("a/other") is None
    assert catalog.dataset("a/model") is None
    catalog.models().clear()
    assert catalog.models() == [model], "a caller cannot change the catalogue"


def test_nothing_verified_is_recalled(folder: Path) -> None:
    (folder / "models.toml").write_text(MODEL.replace('"verified"', '"recalled"'))
    assert Catalog(folder).models()[0].verified == "recalled"


@pytest.mark.parametrize(
    ("old", "new", "why"),
    [
        ('licence = "MIT"\n', "", "entry 1 'a/model': the field 'licence' is missing"),
        ('licence = "MIT"', 'licens = "MIT"', "the field 'licence' is missing|no field 'licens'"),
        ("active_b = 1.0", 'active_b = 1.0\nlicenc = "x"', "there is no field 'licenc'. Did you mean 'licence'?"),
        ("parameters_b = 1", 'parameters_b = "1"', "field 'parameters_b': .*number.*; it is '1'"),
        ("parameters_b = 1", "parameters_b = true", "field 'parameters_b'"),
        ('commercial = "yes"', 'commercial = "maybe"', "field 'commercial': .*'yes', 'no'.*; it is 'maybe'"),
        ('tiers = ["edge"]', 'tiers = "edge"', "field 'tiers'"),
        ('tiers = ["edge"]', 'tiers = ["edge", 1]', "field 'tiers.1'"),
        ('tiers = ["edge"]', 'tiers = ["huge"]', "entry 'a/model': there is no tier 'huge'. .*edge, cpu, gpu48, gpu80"),
        ('id = "verified"', 'id = "sure"', "field 'checked.id'"),
        ('id = "verified"', 'name = "verified"', "field 'checked.name'"),
        ('id = "a/model"', 'id = "a model"', "'a model' is not an id"),
        ('id = "a/model"', "id = 7", "entry 1, field 'id'"),
        ('id = "a/model"\n', "", "entry 1: the field 'id' is missing"),
        ('family = "A"', "family = 2026-01-01", "entry 1 'a/model'"),
    ],
)
def test_a_mistake_is_named_with_file_entry_and_field(folder: Path, old: str, new: str, why: str) -> None:
    text = MODEL.replace(old, new)
    if "2026" in new:
        text = text.replace("parameters_b = 1\n", "parameters_b = 2026-01-01\n")
    (folder / "models.toml").write_text(text)
    with pytest.raises(PlaygroundError, match=why) as raised:
        Catalog(folder).models()
    assert str(raised.value).startswith("manifests/models.toml, entry")


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (MODEL + MODEL, "two entries 'a/model'"),
        (MODEL + DATASET, "has to hold .*model.* entries only, and holds model, dataset"),
        ("", "and holds nothing"),
        ("model = 1", "has to hold"),
        ("model = [1]", "entry 1 is not a table of fields but 1"),
        ("[[model]\n", "is not TOML"),
        ("\ud800".encode("utf-8", "surrogatepass"), "is not TOML"),
    ],
)
def test_a_file_that_is_none(folder: Path, text: str | bytes, why: str) -> None:
    (folder / "models.toml").write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(PlaygroundError, match=why):
        Catalog(folder).models()


def test_a_missing_file(workspace: Path) -> None:
    with pytest.raises(PlaygroundError, match=r"hardware\.toml is missing"):
        Catalog(workspace / "manifests").tiers()


def test_a_mistake_inside_a_tier(folder: Path) -> None:
    text = (folder / "hardware.toml").read_text()
    (folder / "hardware.toml").write_text(text.replace("dtype", "dtyp", 1))
    with pytest.raises(PlaygroundError, match=r"entry 1 'edge': .*'answer\.dtype?'"):
        Catalog(folder).tiers()
    (folder / "hardware.toml").write_text(text.replace("[tier.answer]", "[tier.answer]\ndtypes = 1", 1))
    with pytest.raises(PlaygroundError, match=r"there is no field 'answer\.dtypes'. Did you mean 'dtype'\?"):
        Catalog(folder).tiers()


def test_chosen_reads_the_manifests_and_every_app(folder: Path) -> None:
    apps = folder.parent / "apps"
    for name in ("arena", "trainer"):
        (apps / name).mkdir(parents=True)
    (folder / "models.txt").write_text("# all of them\n\n  a/model   # the only one\na/model\n")
    (apps / "trainer" / "models.txt").write_text("a/model@refs/pr/1\n")
    (apps / "arena" / "models.txt").write_text("a/modell\nA/Model\nzzz/unlike\na b\na/model@\n")
    catalog = Catalog(folder)
    entry = catalog.model("a/model")
    found = catalog.chosen("models")
    assert found[0] == Choice("a/model", "", "manifests/models.txt, line 3", entry)
    assert found[-1] == Choice("a/model", "refs/pr/1", "apps/trainer/models.txt, line 1", entry)
    near, case, far, spaced, cut = found[1:-1]
    assert (near.where, near.entry) == ("apps/arena/models.txt, line 1", None)
    add = "Or add it to manifests/models.toml with its licence."
    assert near.problem == f"'a/modell' is not known. Did you mean 'a/model'? {add}"
    assert case.problem == f"'A/Model' is not known. Did you mean 'a/model'? {add}"
    assert far.problem == f"'zzz/unlike' is not known. {add}"
    assert spaced.problem == "'a b' is not an id. Write owner/name, or owner/name@revision."
    assert cut.problem.startswith("'a/model@' is not an id.")
    assert catalog.chosen("datasets") == []
    (folder / "datasets.txt").write_text("a/data\na/model\n")
    assert [(choice.id, bool(choice.problem)) for choice in catalog.chosen("datasets")] == [
        ("a/data", False), ("a/model", True),
    ]  # fmt: skip


def test_apps_may_be_elsewhere(folder: Path, workspace: Path) -> None:
    (workspace / "others" / "x").mkdir(parents=True)
    (workspace / "others" / "x" / "models.txt").write_text("a/model")
    (choice,) = Catalog(folder, workspace / "others").chosen("models")
    assert choice.where == "others/x/models.txt, line 1"
    outside = Catalog(workspace / "manifests" / "..", workspace).folder
    assert Catalog(folder / "deep", outside).apps == outside


# What the project ships.


def test_every_row_has_a_reason_and_a_mark() -> None:
    for entry in [*CATALOG.models(), *CATALOG.datasets()]:
        assert entry.why.endswith("."), entry.id
        assert {"id", "licence"} <= set(entry.checked), entry.id
        assert entry.licence, entry.id
        if isinstance(entry, DatasetEntry):
            assert (entry.place == "hub") == (entry.url == "" and entry.place != "builtin"), entry.id
            assert entry.size, entry.id
        else:
            assert 0 < entry.active_b <= entry.parameters_b, entry.id
            assert set(entry.four_bit) <= set(entry.tiers), entry.id
            assert entry.tiers or entry.commercial == "no", entry.id


def test_every_domain_that_was_asked_for_is_there() -> None:
    count = Counter(entry.domain for entry in CATALOG.datasets())
    assert set(count) == set(get_args(Domain))
    for domain in ("general", "math", "code", "conversation"):
        cleared = [e for e in CATALOG.datasets() if e.domain == domain and e.commercial == "yes"]
        assert len(cleared) >= 2, domain
    assert count["function_calling"] >= 3
    assert any("zh" in entry.languages for entry in CATALOG.datasets() if entry.commercial == "yes")


def test_clearly_restricted_ones_are_not_cleared() -> None:
    for entry in [*CATALOG.models(), *CATALOG.datasets()]:
        if "NC" in entry.licence.replace("-", " ").split() or "Research" in entry.licence:
            assert entry.commercial in ("no", "conditional"), entry.id
        if "Gemma Terms" in entry.licence or "Llama" in entry.licence:
            assert entry.commercial == "conditional", entry.id
        if entry.licence in ("", "none"):
            assert entry.commercial == "no", entry.id


def test_tiers_can_do_what_they_say() -> None:
    """The example of each ability exists, has that size, and fits a machine that just reaches the tier."""
    tiers = CATALOG.tiers()
    assert [each.id for each in tiers] == ["edge", "cpu", "gpu48", "gpu80"]
    for each in tiers:
        gpus = (Gpu("G", each.gpu_gib, each.gpu_gib),) if each.gpu_gib else ()
        here = Machine(2, "", each.memory_gib, each.memory_gib, gpus, 1.0)
        assert tier(here, tiers) == each
        for ability in (each.answer, each.tune, each.open_up):
            model = CATALOG.model(ability.model)
            assert model is not None, ability.model
            assert model.parameters_b == ability.parameters_b
            assert model.commercial == "yes"
            assert fits(model, here, ability.bits).ok, (each.id, ability.model)
    abilities = [(each.answer.parameters_b, each.tune.parameters_b, each.open_up.parameters_b) for each in tiers]
    assert abilities == sorted(abilities), "a larger tier can do more"


def test_weights_of_every_model_fit_its_smallest_tier() -> None:
    """In 16 bits, or in 4 where the entry says so; weights alone, against the memory a machine's name promises."""
    nominal = {"edge": 8, "cpu": 32, "gpu48": 48, "gpu80": 80}
    for entry in CATALOG.models():
        for each in entry.tiers:
            size = entry.parameters_b * 1e9 * (0.6 if each in entry.four_bit else 2)
            assert size < nominal[each] * GIB, f"{entry.id} on {each}"


def test_the_choice_suits_a_laptop_and_is_cleared() -> None:
    laptop = Machine(4, "", 7.5, 5.0, (), 50.0)
    models, datasets = CATALOG.chosen("models"), CATALOG.chosen("datasets")
    assert len(models) >= 2
    assert len(datasets) >= 3
    for choice in models + datasets:
        assert choice.problem == ""
        assert choice.entry is not None
        assert choice.entry.commercial == "yes", choice.id
        if isinstance(choice.entry, ModelEntry):
            assert fits(choice.entry, laptop, 16).ok, choice.id
            assert not choice.entry.gated
    assert any(isinstance(c.entry, DatasetEntry) and "zh" in c.entry.languages for c in datasets)


def test_the_manifests_stay_readable() -> None:
    for name, kind in (("model", ModelEntry), ("dataset", DatasetEntry)):
        raw = tomllib.loads((ROOT / "manifests" / f"{name}s.toml").read_text())[name]
        known = [field.name for field in fields(kind)]
        for entry in raw:
            assert set(entry) <= set(known)
            assert next(iter(entry)) == "id"
            assert not [key for key, value in entry.items() if value == "" or value is False], (
                "a default is not written"
            )


@pytest.mark.skipif(not SHARED.is_dir(), reason="the tables the manifests were made from are not here")
def test_nothing_was_lost_on_the_way_from_the_tables() -> None:
    import csv

    with (SHARED / "models.csv").open() as file:
        for row in csv.DictReader(file):
            entry = CATALOG.model(row["model_id"])
            assert entry is not None, row["model_id"]
            assert (entry.parameters_b, entry.active_b) == (float(row["params_total_b"]), float(row["params_active_b"]))
            assert entry.commercial == row["commercial"]
            assert ("verified" in row["status"].replace("NOT verified", "")) >= (entry.verified != "recalled"), entry.id
            assert (row["status"].startswith("recall") or "family" in row["status"][:6]) <= (
                entry.verified == "recalled"
            )
    words = {"yes (caution)": "caution", "no (as a whole)": "no", "eval only": "eval_only"}
    with (SHARED / "datasets.csv").open() as file:
        for row in csv.DictReader(file):
            names = row["dataset_id"].replace(" + ", "; ").split("; ")
            for name in names:
                id = name.split(" ")[0].removesuffix("/*")
                id = {"Herald_statements": "FrenzyMath/Herald_statements", "Tatoeba": "tatoeba-en-zh"}.get(id, id)
                found = CATALOG.dataset(id)
                assert found is not None, id
                assert found.commercial == words.get(row["commercial_safe"], row["commercial_safe"]), id
                if "verified" not in row["status"] and row["status"] != "produced here" and " in " not in row["status"]:
                    assert "verified" not in found.checked.values() or "card seen" in row["status"], id
