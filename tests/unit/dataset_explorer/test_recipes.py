"""Recipes: read back as written, equal when they mean the same, and rows that can be traced."""

import dataclasses
import inspect
import json
from dataclasses import asdict, replace

import pytest

from apps.dataset_explorer.cleaning import clean
from apps.dataset_explorer.mixing import mix
from apps.dataset_explorer.recipes import (
    RECIPE,
    CleanRules,
    Edit,
    Part,
    Recipe,
    canonical,
    plain_name,
    provenance,
    read_recipe,
    rules_of,
    source_rows,
    versions,
)
from shared.calls import call
from shared.datasets.dataset import open_dataset
from shared.errors import PlaygroundError
from tests.unit.dataset_explorer.stored import last, stored, texts


def test_canonical_rules_do_not_depend_on_order_or_repetition():
    one = CleanRules(rows=[3, 1, 3], languages=["zh", "en"], edits=[Edit(2, "a", 1), Edit(0, "b", 2), Edit(2, "a", 3)])
    two = CleanRules(rows=[1, 3], languages=["en", "zh", "en"], edits=[Edit(0, "b", 2), Edit(2, "a", 3)])
    assert (
        canonical(one)
        == canonical(two)
        == two.__class__(**asdict(two) | {"languages": ["en", "zh"], "edits": two.edits})
    )


def test_numbers_are_written_in_one_way():
    assert repr(canonical(CleanRules(threshold=1, language_confidence=0))) == repr(
        canonical(CleanRules(threshold=1.0, language_confidence=0.0))
    )


def test_canonical_keeps_every_other_setting():
    given = CleanRules(exact=True, threshold=0.9, column="a", personal="mask", source_row=True, max_tokens=7)
    assert canonical(given) == given


@pytest.mark.parametrize("made", [CleanRules, Edit, Part, Recipe])
def test_every_setting_has_its_help(made):
    described = inspect.getdoc(made).partition("Attributes:")[2]
    for field in dataclasses.fields(made):
        assert f"\n    {field.name}: " in described, field.name


def test_a_recipe_is_read_as_it_was_written(house):
    source = texts(house.store, "a", "a", "b")
    rules = CleanRules(exact=True, edits=[Edit(2, "text", "ב")])
    made = last(clean(source.ref, rules, preview=False))
    recipe = read_recipe(open_dataset(house.store, made.dataset))
    assert recipe.action == "clean"
    assert recipe.sources == [source.ref]
    assert rules_of(recipe) == rules
    assert recipe.counts == {"rows": 3, "kept": 2, "edited": 1, "masked": 0, "removed exact": 1}
    assert recipe.versions == versions(["pyarrow"])
    assert asdict(recipe) == made.recipe


def test_a_loaded_dataset_has_no_recipe(house):
    source = texts(house.store, "a")
    assert read_recipe(source) is None
    assert provenance(source) == []
    with pytest.raises(PlaygroundError, match="was loaded as it is"):
        source_rows(source)


def test_a_recipe_of_another_version_is_refused(house):
    made = open_dataset(house.store, last(clean(texts(house.store, "a").ref, CleanRules(), preview=False)).dataset)
    path = made.path.with_name(RECIPE)
    for content in ("{", json.dumps({"action": "clean", "surprise": 1})):
        path.write_text(content)
        with pytest.raises(PlaygroundError, match="of another version"):
            read_recipe(made)


@pytest.mark.parametrize("settings", [{}, {"rules": {"no such": 1}}, {"rules": {"threshold": "high"}}])
def test_a_recipe_without_usable_rules_is_refused(settings):
    with pytest.raises(PlaygroundError, match=r"mix, form 1.*no rules"):
        rules_of(Recipe("mix", [], settings, {}))


def test_rows_of_a_clean_set_can_be_traced(house):
    source = texts(house.store, *(f"row {number}" for number in range(10)))
    made = last(clean(source.ref, CleanRules(rows=[0, 4, 9]), preview=False))
    parts, rows = source_rows(open_dataset(house.store, made.dataset))
    assert rows.tolist() == [1, 2, 3, 5, 6, 7, 8]
    assert set(parts.tolist()) == {0}


def test_rows_of_a_mix_can_be_traced(house):
    one, two = texts(house.store, "a", "b", "c", name="one"), texts(house.store, "d", "e", "f", name="two")
    made = open_dataset(house.store, last(mix([Part(one.ref), Part(two.ref)], seed=3)).dataset)
    parts, rows = source_rows(made)
    sources = [["a", "b", "c"], ["d", "e", "f"]]
    assert [row["text"] for row in made.page(0, 6)] == [
        sources[part][row] for part, row in zip(parts, rows, strict=True)
    ]


def test_provenance_is_handed_on(house):
    mixed = last(mix([Part(texts(house.store, "a b", "c d").ref)]))
    cleaned = last(clean(mixed.dataset, CleanRules(source_row=True), preview=False))
    assert provenance(open_dataset(house.store, mixed.dataset)) == ["mixed_from"]
    assert provenance(open_dataset(house.store, cleaned.dataset)) == ["mixed_from", "source_row"]


@pytest.mark.parametrize(
    ("rules", "words"),
    [
        ({"exacct": True}, "Did you mean 'exact'"),
        ({"threshold": 0}, "rules.threshold"),
        ({"threshold": 1.5}, "rules.threshold"),
        ({"quality": "best"}, "rules.quality"),
        ({"secrets": "burn"}, "rules.secrets"),
        ({"n": 7}, "rules.n"),
        ({"rows": [-1]}, "rules.rows"),
        ({"edits": [{"row": 0, "column": "a"}]}, "value"),
        ({"language_confidence": 2}, "language_confidence"),
        ({"min_characters": -1}, "min_characters"),
    ],
)
def test_settings_that_cannot_be_are_named(house, rules, words):
    with pytest.raises(PlaygroundError) as caught:
        call(clean, {"dataset": texts(house.store, "a").ref, "rules": rules})
    assert words in str(caught.value)


@pytest.mark.parametrize("weight", [0, -1, float("inf"), float("nan")])
def test_weights_that_cannot_be_are_named(house, weight):
    with pytest.raises(PlaygroundError, match="weight"):
        call(mix, {"parts": [{"dataset": texts(house.store, "a").ref, "weight": weight}]})


def test_the_same_rules_in_another_order_give_the_same_ref(house):
    source = stored(house.store, {"a": ["x", "y", "z"], "b": [1, 2, 3]})
    one = CleanRules(rows=[2, 0], edits=[Edit(1, "b", 5), Edit(1, "a", "q")])
    two = replace(one, rows=[0, 2, 0], edits=list(reversed(one.edits)))
    assert last(clean(source.ref, one, preview=False)).dataset == last(clean(source.ref, two, preview=False)).dataset


@pytest.mark.parametrize(
    ("name", "plain"),
    [
        ("train.jsonl", "train"),
        ("a.json.gz", "a"),
        ("v1.2", "v1.2"),
        ("Set.CSV", "Set"),
        (".json", ".json"),
        ("x", "x"),
    ],
)
def test_names_lose_the_endings_of_files(name, plain):
    assert plain_name(name) == plain
