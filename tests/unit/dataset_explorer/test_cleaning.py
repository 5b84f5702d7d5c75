"""The endpoint clean: a preview that saves nothing, a result that is exact, and a recipe that gives the same bytes again."""

import datetime as dt
import json
import os
import random
import subprocess
import sys
from dataclasses import asdict
from decimal import Decimal
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from apps.dataset_explorer.cleaning import Cleaned, clean
from apps.dataset_explorer.contamination import add_benchmark
from apps.dataset_explorer.duplicates import find_duplicates
from apps.dataset_explorer.mixing import mix
from apps.dataset_explorer.pii import find
from apps.dataset_explorer.recipes import REMOVED, CleanRules, Edit, Part, read_recipe, rules_of
from shared import records
from shared.calls import call
from shared.datasets.dataset import Dataset, open_dataset
from shared.datasets.ingest import ingest
from shared.errors import NotAllowed, PlaygroundError
from shared.policy import Caller
from shared.progress import Progress
from tests.unit.dataset_explorer.stored import last, stored, table, texts, values

ROOT = Path(__file__).resolve().parents[3]
ALL = CleanRules(
    exact=True, normalised=True, near=True, quality="instruction", secrets="mask", personal="mask", benchmarks=["gsm8k"],
    languages=["en", "zh", "he"], empty_answers=True, min_characters=1, max_characters=100_000, max_tokens=50_000,
)  # fmt: skip

SOME = CleanRules(exact=True, near=True, empty_answers=True, personal="mask", rows=[5, 3], edits=[Edit(1, "n", -1)])


def saved(source: Dataset, rules: CleanRules) -> Cleaned:
    return last(clean(source.ref, rules, preview=False))


def looked(source: Dataset, rules: CleanRules, **more: int) -> Cleaned:
    return last(clean(source.ref, rules, **more))


def test_a_preview_saves_nothing(house):
    source = texts(house.store, "a", "a", "")
    before = house.store.artifacts("datasets")
    found = looked(source, CleanRules(exact=True, empty_answers=True))
    assert (found.preview, found.dataset, found.record) == (True, "", "")
    assert house.store.artifacts("datasets") == before
    assert house.store.count(records.KIND) == 0
    assert (found.rows, found.kept, found.removed_rows) == (3, 1, 2)


def test_what_is_saved_is_what_the_preview_said(house):
    source = texts(house.store, "one", "one", "", "two", "ok", "mail ann@gmail.com")
    rules = CleanRules(
        exact=True, empty_answers=True, personal="mask", min_characters=3, edits=[Edit(3, "text", "three")]
    )
    preview, made = looked(source, rules), saved(source, rules)
    assert values(house.store, made.dataset) == ["one", "three", "mail [email]"]
    told = {"dataset", "preview", "record", "notes"}
    assert {k: v for k, v in asdict(preview).items() if k not in told} == {
        k: v for k, v in asdict(made).items() if k not in told
    }
    assert made.kept == len(values(house.store, made.dataset)) == made.rows - made.removed_rows
    assert (made.edited, made.masked) == (1, 1)
    assert made.notes[-1] == f"Cleaned from {source.ref}: 3 of 6 rows went."


def test_every_row_that_goes_is_listed_with_rule_and_reason(house):
    source = texts(house.store, *[f"row {number % 700}" for number in range(1500)])
    made = saved(source, CleanRules(exact=True, rows=[0]))
    listed = pq.read_table(open_dataset(house.store, made.dataset).path.with_name(REMOVED))
    assert listed["row"].to_pylist() == [0, *range(701, 1500)]
    assert listed.column_names == ["row", "rule", "rules", "why"]
    assert [asdict(each) for each in made.removed] == listed.to_pylist()
    assert made.removed[1].why == "It is the same as row 1."
    assert values(house.store, made.dataset) == [f"row {number}" for number in [*range(1, 700), 0]]


def test_the_answer_lists_a_thousand_rows_and_the_file_all(house):
    made = saved(texts(house.store, *["same"] * 2500), CleanRules(exact=True))
    assert len(made.removed) == 1000
    assert pq.read_metadata(open_dataset(house.store, made.dataset).path.with_name(REMOVED)).num_rows == 2499


def test_the_new_dataset_is_known_by_what_it_is(house):
    source = stored(
        house.store, {"question": ["a", "b"], "answer": ["c", ""]}, "quiz", licence="mit", source="hub:o/n@1"
    )
    made = saved(source, CleanRules(empty_answers=True))
    dataset = open_dataset(house.store, made.dataset)
    assert dataset.ref.startswith("local:quiz-clean@")
    assert (dataset.shape, dataset.licence, dataset.source) == (source.shape, "mit", "hub:o/n@1")
    assert dataset.rows == 1
    again = open_dataset(house.store, saved(dataset, CleanRules()).dataset)
    assert again.name == "quiz-clean"


KINDS = {
    "text": pa.array(["naïve", "", None, "שלום", "👩‍🚀", "文", "a", "b"]),
    "large": pa.array(list("abcdefgh"), pa.large_string()),
    "int8": pa.array([1, None, 3, 4, 5, 6, 7, -8], pa.int8()),
    "uint64": pa.array([2**64 - 1, None, 3, 4, 5, 6, 7, 8], pa.uint64()),
    "float32": pa.array([0.1, None, float("nan"), float("inf"), -0.0, 1, 2, 3], pa.float32()),
    "bool": pa.array([True, None, False] + [True] * 5),
    "decimal": pa.array([Decimal("1.10"), None] + [Decimal("-99.99")] * 6, pa.decimal128(6, 2)),
    "date": pa.array([dt.date(1, 1, 1), None] + [dt.date(9999, 12, 31)] * 6),
    "nanoseconds": pa.array([1, None, 3, 4, 5, 6, 7, 2**62], pa.timestamp("ns", "Asia/Tokyo")),
    "seconds": pa.array([1, None, 3, 4, 5, 6, 7, 8], pa.time32("s")),
    "bytes": pa.array([b"\x00\xff", None, b""] + [b"x"] * 5),
    "list": pa.array([[1, None], None, [], [2], [3], [4], [5], [6]], pa.list_(pa.int16())),
    "turns": pa.array([[{"role": "user", "content": None}], None, []] + [[{"role": "a", "content": "b"}]] * 5),
    "map": pa.array([[("k", 1.5)], None, []] + [[("a", None)]] * 5, pa.map_(pa.string(), pa.float64())),
    "categories": pa.array(["x", None, "y", "x", "y", "x", "z", "z"]).dictionary_encode(),
}  # fmt: skip


def rich() -> pa.Table:
    fields = [pa.field(name, column.type, metadata={"note": name}) for name, column in KINDS.items()]
    return pa.table(list(KINDS.values()), schema=pa.schema(fields, metadata={"huggingface": '{"info": {}}'}))


@pytest.mark.parametrize("group", [1, 3, 100])
def test_every_column_and_type_survives_exactly(house, group):
    source = stored(house.store, rich(), group=group)
    made = saved(source, CleanRules(rows=[1, 4, 5]))
    before, after = table(house.store, source.ref), table(house.store, made.dataset)
    assert after.schema.equals(before.schema, check_metadata=True)
    kept = before.take([0, 2, 3, 6, 7])
    for name in KINDS:
        assert str(after[name].to_pylist()) == str(kept[name].to_pylist()), name


def test_an_edit_and_a_mask_leave_the_rest_as_it_is(house):
    source = stored(house.store, rich(), group=3)
    made = saved(source, CleanRules(personal="mask", edits=[Edit(0, "decimal", "7.25"), Edit(6, "text", "bob@web.de")]))
    before, after = table(house.store, source.ref), table(house.store, made.dataset)
    assert after["text"].to_pylist() == [*before["text"].to_pylist()[:6], "[email]", "b"]
    assert after["decimal"][0].as_py() == Decimal("7.25")
    for name in set(KINDS) - {"text", "decimal"}:
        assert str(after[name].to_pylist()) == str(before[name].to_pylist()), name


def test_the_same_recipe_gives_the_same_bytes(house):
    source = stored(house.store, rich(), licence="mit")
    rules = CleanRules(exact=True, rows=[2], edits=[Edit(0, "int8", 5)], source_row=True)
    one = saved(source, rules)
    recipe = read_recipe(open_dataset(house.store, one.dataset))
    two = last(clean(recipe.sources[0], rules_of(recipe), preview=False))
    assert two.dataset == one.dataset


SCRIPT = """
import sys
from pathlib import Path
from apps.dataset_explorer.cleaning import clean
from apps.dataset_explorer.mixing import mix
from apps.dataset_explorer.recipes import CleanRules, Part
from shared.env import Environment
from shared.suite import Suite, using
from tests.unit.dataset_explorer.stored import last
from tests.unit.dataset_explorer.test_cleaning import ALL, SOME, varied
with using(Suite(Environment(home=Path(sys.argv[1])))) as house:
    rules = ALL if sys.argv[2] == "ALL" else SOME
    made = last(clean(varied(house.store).ref, rules, preview=False))
    print(made.dataset, last(mix([Part(made.dataset, 2), Part(varied(house.store).ref, 0.1)], seed=7)).dataset)
"""


def varied(store) -> Dataset:
    """Rows of which every rule of `ALL` finds some."""
    chance = random.Random(5)
    words = ("river", "bridge", "council", "winter", "repair", "meeting", "budget", "people", "stone", "water", "night")
    rows = [" ".join(chance.choices(words, k=chance.randint(3, 40))) for _ in range(100)]
    odd = [
        "",
        "מועצת העיר החליטה לתקן את הגשר",
        "委员会决定修桥。",
        "mail ann@gmail.com",
        "Der Fluss ist breit und tief.",
    ]
    rows += rows[:20] + odd
    return stored(store, {"text": rows, "n": range(len(rows))}, licence="mit")


@pytest.mark.parametrize("rules", ["SOME", pytest.param("ALL", marks=pytest.mark.slow)])
def test_another_process_gives_the_same_refs(house, workspace, rules):
    made = last(clean(varied(house.store).ref, globals()[rules], preview=False))
    assert 0 < made.removed_rows < made.rows
    mixed = last(mix([Part(made.dataset, 2), Part(varied(house.store).ref, 0.1)], seed=7))
    asked = [sys.executable, "-c", SCRIPT, str(workspace / "other"), rules]
    variables = {**os.environ, "PYTHONHASHSEED": "123", "PYTHONPATH": str(ROOT)}
    done = subprocess.run(asked, cwd=ROOT, env=variables, capture_output=True, text=True, timeout=120, check=False)
    assert done.stdout.split() == [made.dataset, mixed.dataset], done.stderr


def test_cleaning_what_is_clean_changes_nothing(house):
    made = saved(varied(house.store), ALL)
    again = looked(open_dataset(house.store, made.dataset), ALL)
    assert again.removed_rows == 0
    assert again.masked == 0


def test_nothing_personal_is_left_behind(house):
    rows = ["bob@web.de", "call +49 30 901820 now", "8.8.8.8", "fine"]
    source = stored(
        house.store, {"text": rows, "more": [{"a": "eve@web.de"}, None, None, None], "n": [1, 2, 3, 2025550143]}
    )
    made = saved(source, CleanRules(personal="mask", secrets="mask"))
    dataset = open_dataset(house.store, made.dataset)
    assert [each for batch in dataset.texts() for each in find(batch) if not each.reserved] == []
    assert values(house.store, made.dataset, "more")[0] == {"a": "[email]"}


def test_an_added_benchmark_is_recorded_by_its_version(house):
    question = "Wie viele Brücken gibt es in der Stadt, wenn jede zweite davon über den großen Fluss führt?"
    added = add_benchmark(house.store, "ours", [{"question": question, "answer": "Es sind genau sieben Brücken."}])
    made = saved(texts(house.store, question, "something else"), CleanRules(benchmarks=["ours", "gsm8k"]))
    assert made.recipe["settings"]["rules"]["benchmarks"] == ["gsm8k", added.ref]
    assert [count.rule for count in made.counts] == ["contamination:ours"]
    add_benchmark(house.store, "ours", [{"question": "another version of the same benchmark with other words in it"}])
    recipe = read_recipe(open_dataset(house.store, made.dataset))
    assert last(clean(recipe.sources[0], rules_of(recipe), preview=False)).dataset == made.dataset


def test_source_row_numbers_the_rows(house):
    source = stored(house.store, {"text": ["a", "", "c"], "source_row": [9, 9, 9]})
    made = saved(source, CleanRules(empty_answers=True, rows=[0], source_row=True))
    assert table(house.store, made.dataset).to_pylist() == [{"text": "c", "source_row": 9, "source_row_2": 2}]


def test_numbers_of_rows_do_not_make_rows_different(house):
    first = saved(texts(house.store, "same words here", "other", "same words here"), CleanRules(source_row=True))
    assert values(house.store, saved(open_dataset(house.store, first.dataset), CleanRules(exact=True)).dataset) == [
        "same words here", "other",
    ]  # fmt: skip


def test_a_record_replays(house):
    source = varied(house.store)
    made = saved(source, SOME)
    record = records.load(house.store, made.record)
    assert (record.app, record.action) == ("dataset_explorer", "clean")
    assert record.inputs == {"dataset": source.ref}
    assert record.artifacts == {"dataset": made.dataset}
    assert record.results["kept"] == made.kept
    settings = json.loads(json.dumps(record.settings))
    again = last(call(clean, settings))
    assert again.dataset == made.dataset
    assert records.load(house.store, again.record).results == record.results


def test_a_visitor_leaves_no_record(house):
    made = last(clean(texts(house.visitors, "a").ref, CleanRules(), preview=False, caller=Caller("v", owner=False)))
    assert made.record == ""
    assert house.store.count(records.KIND) == 0


def test_stopping_leaves_nothing(house):
    source = texts(house.store, *map(str, range(40)))
    before = house.store.artifacts("datasets")
    steps = clean(source.ref, CleanRules(min_characters=2), preview=False)
    for step in steps:
        if isinstance(step, Progress) and step.stage == "Writing rows":
            break
    steps.close()
    assert house.store.artifacts("datasets") == before
    assert list((house.store.home / "artifacts" / ".unfinished").iterdir()) == []


def test_progress_counts_rows(house):
    source = texts(house.store, *map(str, range(10)))
    *progress, _ = clean(source.ref, CleanRules(min_characters=1, exact=True), preview=False)
    stages = [each.stage for each in progress]
    assert stages[0] == "Checking rows"
    assert any("exact duplicates" in stage for stage in stages)
    assert stages[-1] == "Writing rows"
    assert (progress[-1].done, progress[-1].total) == (10, 10)


def test_rules_that_leave_nothing_are_shown_but_not_saved(house):
    source = texts(house.store, "a", "b")
    assert looked(source, CleanRules(min_characters=5)).kept == 0
    with pytest.raises(PlaygroundError, match="none of the 2 rows"):
        saved(source, CleanRules(min_characters=5))


def test_unknown_datasets(house):
    with pytest.raises(PlaygroundError, match="not in the workspace"):
        last(clean("local:nothing@0123456789ab", CleanRules()))


BAD = {
    "one row": ["just one row"],
    "no rows": [],
    "all rows equal": ["the very same words in every row"] * 9,
    "only empty rows": ["", None, "  ", "\n"],
    "right to left": ["هذا نص عربي", "هذا نص عربي", "שָׁלוֹם", "e\u0301", "\u202eabc"],
    "emoji": ["👍", "👎", "👍🏽", "👩‍👩‍👧", "👍"],
    "long rows": ["x" * 1_000_000, "word " * 200_000, "x" * 1_000_000],
}


@pytest.mark.parametrize("name", BAD)
def test_bad_input(house, name):
    source = texts(house.store, *BAD[name])
    found = looked(
        source, CleanRules(exact=True, normalised=True, near=True, quality="web", personal="mask", languages=["en"])
    )
    assert found.kept + found.removed_rows == source.rows == len(BAD[name])
    assert found.kept == 0 or found.counts is not None
    made = saved(source, CleanRules(exact=True, near=True))
    duplicates = set(find_duplicates([text or "" for text in BAD[name]], "exact").removable)
    assert duplicates <= {each.row for each in made.removed}
    assert made.kept == pq.read_metadata(open_dataset(house.store, made.dataset).path).num_rows


def test_bad_input_keeps_every_distinct_row(house):
    assert values(house.store, saved(texts(house.store, *BAD["emoji"]), CleanRules(exact=True, near=True)).dataset) == [
        "👍", "👎", "👍🏽", "👩‍👩‍👧",
    ]  # fmt: skip
    kept = saved(texts(house.store, "猫", "狗", "是", "不", "猫"), CleanRules(exact=True, normalised=True, near=True))
    assert values(house.store, kept.dataset) == ["猫", "狗", "是", "不"]


@pytest.mark.parametrize(
    "column", [pa.array([[1, 2], [3], None, [1, 2]]), pa.array([1, 2, None, 1]), pa.array([[], [], [], []])]
)
def test_columns_of_lists_and_numbers(house, column):
    source = stored(house.store, {"a": column})
    made = saved(source, CleanRules(exact=True, quality="off", empty_answers=False))
    kept = dict.fromkeys(map(str, column.to_pylist()))
    assert list(map(str, values(house.store, made.dataset, "a"))) == list(kept)


def test_bytes_tell_rows_apart_and_that_is_said(house):
    source = stored(house.store, {"caption": ["a cat"] * 3, "image": [b"1", b"2", b"1"]})
    assert saved(source, CleanRules(exact=True)).kept == 2
    assert "'image' holds bytes" in looked(source, CleanRules(near=True)).notes[0]
    assert looked(source, CleanRules(near=True, duplicates_column="caption")).notes == []


def test_rows_whose_language_is_unknown_are_spoken_of(house):
    source = texts(house.store, "42", "The river is wide and deep.")
    rules = CleanRules(languages=["en"], unknown_language="drop")
    assert "too short to tell" in looked(source, rules).notes[0]
    assert looked(source, rules).kept == 1


def test_no_rule_at_all_is_a_copy(house):
    source = texts(house.store, "a", None)
    made = saved(source, CleanRules())
    assert values(house.store, made.dataset) == ["a", None]
    assert made.counts == []


@pytest.mark.parametrize(
    ("path", "column", "expected"),
    [("gpteacher/toolformer-similarity-0.6.json", "", {"near": 15}), ("gsm8k/train.jsonl", "question", {"near": 1})],
)
def test_real_data_has_the_duplicates_that_are_known(house, real_data, path, column, expected):
    source = last(ingest(house.store, real_data / "instruct" / path, "real"))
    found = looked(source, CleanRules(exact=True, near=True, duplicates_column=column))
    assert {count.rule: count.rows for count in found.counts} == expected


def test_quality_thresholds_are_in_the_recipe(house):
    found = looked(texts(house.store, "a b"), CleanRules(quality="web", quality_rules=["gopher_words"]))
    assert found.recipe["facts"]["thresholds"] == {"gopher_words": {"least": 50, "most": 100000}}


def test_versions_are_those_of_what_was_used(house):
    source = texts(house.store, "a b")
    assert set(looked(source, CleanRules()).recipe["versions"]) == {"pyarrow"}
    assert set(looked(source, CleanRules(languages=["en"], personal="drop", max_tokens=9)).recipe["versions"]) == {
        "pyarrow", "py3langid", "google-re2", "tokenizers",
    }  # fmt: skip


def test_rows_keep_their_numbers_across_many_row_groups(house):
    size = 5_000
    rows = {"n": np.arange(size), "text": [str(number // 2) for number in range(size)]}
    source = stored(house.store, rows, group=977)
    made = saved(source, CleanRules(exact=True, duplicates_column="text"))
    assert values(house.store, made.dataset, "n") == list(range(0, size, 2))


def test_a_visitor_may_not_name_the_owners_tokenizers(house):
    ref = texts(house.visitors, "a").ref
    for rules in (CleanRules(max_tokens=4, tokenizer="owner/private"), CleanRules(tokenizer="local:m@012345678901")):
        with pytest.raises(NotAllowed, match="only be used by the owner"):
            last(clean(ref, rules, caller=Caller("v", owner=False)))
