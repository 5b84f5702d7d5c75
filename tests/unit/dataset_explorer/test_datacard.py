"""The card: front matter that is YAML whatever a dataset is called, and words that say what was done and what is allowed."""

import re

import pyarrow as pa
import pytest
import yaml

from apps.dataset_explorer.ancestry import ancestry, judge
from apps.dataset_explorer.cleaning import clean
from apps.dataset_explorer.datacard import datacard, hub_licence, hub_licences, language_codes, size_category
from apps.dataset_explorer.mixing import mix
from apps.dataset_explorer.recipes import CleanRules, Part
from shared.datasets.dataset import open_dataset
from shared.licences import verdict
from tests.unit.dataset_explorer.stored import last, stored, texts


def card(house, dataset, repo="me/set"):
    text = datacard(dataset, ancestry(house.store, dataset), judge(house.store, dataset), repo)
    _, front, body = text.split("---\n", 2)
    return yaml.safe_load(front), body


def test_front_matter(house):
    source = stored(
        house.store,
        {"question": ["How deep is the river here?"], "answer": ["Very deep indeed."]},
        "quiz",
        licence="mit",
    )
    front, _ = card(house, source)
    assert front == {
        "pretty_name": "quiz",
        "license": "mit",
        "language": ["en"],
        "size_categories": ["n<1K"],
        "tags": ["llm-playground", "qa"],
        "configs": [{"config_name": "default", "data_files": [{"split": "train", "path": "data/train-*.parquet"}]}],
    }


@pytest.mark.parametrize(
    "name",
    ['a: b #c', '"quoted"', "--- \n---", "naïve Bücher", "数据集", "مجموعة بيانات", "👩‍🚀", "tab\there", "\x7f\x85\u2028\ufeff", "@x", "- [x](y)", "yes", "1.0"],
)  # fmt: skip
def test_any_name_is_yaml_and_markdown(house, name):
    front, body = card(house, texts(house.store, "a", name=name))
    assert isinstance(front["pretty_name"], str)
    assert body.split("\n")[1].startswith("# ")
    assert "[x](y)" not in body
    if name.isprintable() and "\u200d" not in name:
        assert front["pretty_name"] == name


@pytest.mark.parametrize(
    ("rows", "name"),
    [(0, "n<1K"), (999, "n<1K"), (1000, "1K<n<10K"), (99_999, "10K<n<100K"), (100_000, "100K<n<1M"), (10**6, "1M<n<10M"),
     (10**9 - 1, "100M<n<1B"), (10**9, "1B<n<10B"), (10**10, "10B<n<100B")],
)  # fmt: skip
def test_sizes(rows, name):
    assert size_category(rows) == name


@pytest.mark.parametrize(
    ("tag", "front"),
    [
        ("mit", {"license": "mit"}),
        ("Apache 2.0", {"license": "apache-2.0"}),
        ("CC-BY-SA-4.0", {"license": "cc-by-sa-4.0"}),
        ("odc-by", {"license": "odc-by"}),
        ("ODC-By-1.0", {"license": "odc-by"}),
        ("llama3.2", {"license": "llama3.2"}),
        ("other", {"license": "other", "license_name": "other"}),
        ("cc-by-nc-sa-2.5", {"license": "other", "license_name": "cc-by-nc-sa-2.5"}),
        ("", {"license": "unknown"}),
        ("my own words", {"license": "unknown"}),
    ],
)
def test_licences_as_the_hub_knows_them(house, tag, front):
    source = stored(house.store, {"text": ["a"]}, licence=tag)
    assert hub_licence(source, verdict(tag=tag)) == front
    assert front["license"] in hub_licences()


def test_a_licence_that_is_contradicted_is_not_passed_on(house):
    known = "hub:hikariming/alpaca_chinese_dataset@abc"
    source = stored(house.store, {"text": ["a"]}, licence="mit", source=known)
    front, body = card(house, source)
    assert (front["license"], front["license_name"]) == ("other", "mit-disputed")
    assert "**Conflicts**" in body
    assert "not legal advice" in body


def test_languages_are_those_of_the_rows(house):
    english = "The river is wide and deep and runs through the old town."
    rows = [english] * 90 + ["委员会星期二决定在冬天之前修好河上的桥。"] * 20 + ["42", "Der Fluss ist breit und tief."]
    assert language_codes(texts(house.store, *rows)) == ["en", "zh"]
    assert language_codes(texts(house.store, "42", "")) == []
    assert language_codes(texts(house.store)) == []
    many = stored(house.store, {"text": [english] * 2000 + ["Der Fluss ist breit und tief."] * 2000}, group=1500)
    assert language_codes(many) == ["en"]


def test_lineage_and_counts(house):
    store = house.store
    one = stored(store, {"text": ["a b", "", "a b"]}, "one", licence="mit", source="hub:o/one@" + "a" * 40)
    cleaned = last(clean(one.ref, CleanRules(exact=True, empty_answers=True), preview=False)).dataset
    two = stored(store, {"text": ["x y", "z"]}, "two", licence="cc-by-4.0")
    final = open_dataset(store, last(mix([Part(cleaned), Part(two.ref, 1.5)])).dataset)
    front, body = card(house, final, "me/mixed")
    assert front["license"] == "other"
    assert front["license_name"] == "mit-and-cc-by-4.0"
    plain = re.sub(r"\\", "", body)
    assert f"| {one.ref} | loaded | hub:o/one@{'a' * 40} | 3 | mit |" in plain
    assert f"| {cleaned} | cleaned | {one.ref} | 1 |  |" in plain
    assert "2 of 3 rows went" in plain
    assert "| exact | 1 |" in plain
    assert "| emptyanswer | 1 |" in plain.replace("_", "")
    assert f"| {two.ref} | 1.5 | 1 |" in plain
    assert 'load_dataset("me/mixed", split="train")' in body
    assert "the same recipe on the same sources gives the same bytes" in plain
    assert "The strictest of 2 sources decides: two." in plain
    assert "Name the authors" in plain


def test_a_source_that_is_gone_is_said(house):
    import shutil

    one = texts(house.store, "a", "b", name="one")
    made = open_dataset(house.store, last(clean(one.ref, CleanRules(rows=[0]), preview=False)).dataset)
    shutil.rmtree(one.path.parent)
    _, body = card(house, made)
    assert "not in the workspace any more" in body
    assert str(house.store.home) not in body


def test_columns_and_notes_do_not_break_the_table(house):
    table = pa.table({"a|b": ["x"], "<script>": pa.array([[{"k": 1}]]), "n\nl": [1]})
    _, body = card(house, stored(house.store, table, notes=["mind *this*\nand | that"]))
    assert "<script>" not in body
    assert "a\\|b" in body
    lines = body.split("## Columns\n\n")[1].split("\n\n")[0].split("\n")
    assert len(lines) == 5
    assert all(line.replace("\\|", "").count("|") == 3 for line in lines)
    assert "mind \\*this\\* and \\| that" in body


def test_a_card_without_rows(house):
    front, body = card(house, texts(house.store))
    assert "language" not in front
    assert "0 rows" in body
