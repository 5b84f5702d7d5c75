"""The endpoints duplicates, contamination and licence."""

import json
from dataclasses import asdict

import pytest

from apps.dataset_explorer import core
from apps.dataset_explorer.checking import CHARACTERS, EXAMPLES, contamination, duplicates, licence
from apps.dataset_explorer.contamination import add_benchmark
from apps.dataset_explorer.recipes import CleanRules
from shared import records
from shared.calls import call
from shared.datasets.dataset import open_dataset
from shared.errors import NotAllowed, PlaygroundError
from shared.policy import Caller
from tests.unit.dataset_explorer.stored import last, stored, texts

KINDS = ("exact", "normalised", "near")
VISITOR = Caller("a3f", owner=False)
LEAK = "Pelle has 14 sheep on the northern meadow and each of them gives three kilos of very soft brown wool a year."


def plain(found):
    return {**asdict(found), "record": ""}


ROWS = [
    "one two three four five six seven eight",
    "Something else",
    "one two three four five six seven eight",
    "ONE, two; three four five six seven eight!",
    "one two three four five six seven nine",
    "",
    "短",
    "短。",
    "長",
]


@pytest.mark.parametrize(
    ("kind", "groups", "pairs"),
    [
        ("exact", [[0, 2]], [(0, 2, 1.0)]),
        ("normalised", [[0, 2, 3], [6, 7]], [(0, 2, 1.0), (0, 3, 1.0), (2, 3, 1.0), (6, 7, 1.0)]),
        (
            "near",
            [[0, 2, 3, 4], [6, 7]],
            [(0, 2, 1), (0, 3, 1), (0, 4, 0.6), (2, 3, 1), (2, 4, 0.6), (3, 4, 0.6), (6, 7, 1)],
        ),
    ],
)
def test_what_counts_as_the_same(house, kind, groups, pairs):
    found = last(duplicates(texts(house.store, *ROWS).ref, kind, threshold=0.6))
    assert found.groups == groups
    assert [(pair.a, pair.b, pair.similarity) for pair in found.pairs] == pairs
    assert found.removable == sorted(row for group in groups for row in group[1:])
    assert found.pair_count == len(pairs)
    for example, (a, b, similarity) in zip(found.examples, pairs, strict=True):
        assert (example.a, example.b, example.similarity) == (a, b, similarity)
        assert (example.text_a, example.text_b) == (ROWS[a], ROWS[b])


def test_pairs_are_listed_up_to_the_limit_and_examples_to_fifty(house):
    rows = [f"{number % 70} {'x' * 1000}" for number in range(140)]
    source = texts(house.store, *rows)
    found = last(duplicates(source.ref, "exact", limit=60))
    assert (len(found.pairs), found.pair_count, len(found.groups)) == (60, 70, 70)
    assert len(found.examples) == EXAMPLES
    assert found.examples[7].text_b == rows[77][:CHARACTERS]
    none = last(duplicates(source.ref, "exact", limit=0))
    assert (none.pairs, none.examples, none.removable) == ([], [], found.removable)


def test_a_column_is_compared_alone(house):
    source = stored(house.store, {"q": ["a", "a", "b"], "n": [1, 2, 2], "tags": [["x", "y"], ["x", "y"], None]})
    assert last(duplicates(source.ref, "exact")).groups == []
    assert last(duplicates(source.ref, "exact", column="q")).groups == [[0, 1]]
    assert last(duplicates(source.ref, "exact", column="n")).groups == [[1, 2]]
    assert last(duplicates(source.ref, "near", column="tags")).groups == [[0, 1]]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("rows", "groups"),
    [
        ([], []),
        (["one"], []),
        (["all the same words in all rows"] * 4, [[0, 1, 2, 3]]),
        (["שלום עולם", "שלום לך", "e\u0301a", "e\u0301o", "👩‍👩‍👧", "🎉", "中", "文"], []),
        (["word " * 200_000, "x" * 1_000_000, "短" * 350_000, "word " * 200_000], [[0, 3]]),
    ],
    ids=["none", "one", "equal", "scripts", "long"],
)
def test_any_rows(house, rows, groups, kind):
    assert last(duplicates(texts(house.store, *rows).ref, kind)).groups == groups


@pytest.mark.parametrize("kind", KINDS)
def test_empty_rows(house, kind):
    found = last(duplicates(texts(house.store, "", None, "  ", "?!").ref, kind))
    assert found.groups == ([[0, 1]] if kind == "exact" else [])


def test_the_sample_that_needs_cleaning_has_each_kind(house):
    removable = [last(duplicates("builtin:dirty-mixture", kind)).removable for kind in KINDS]
    assert 0 < len(removable[0]) < len(removable[1])
    assert len(removable[2]) > len(removable[0])
    assert set(removable[0]) <= set(removable[1])


@pytest.mark.parametrize("kind", KINDS)
def test_no_chinese_row_of_the_sample_is_lost(house, kind):
    assert last(duplicates("builtin:chinese-instructions", kind)).removable == []


def test_planted_leaks_are_found_by_item(house):
    add_benchmark(house.store, "exam", [{"question": "Unrelated words."}, {"question": LEAK, "answer": "42 kilos"}])
    changed = LEAK.replace("14", "15").upper()
    source = texts(house.store, "Nothing of that.", f"Q: {LEAK} A: 42", "", changed)
    found = contamination(source.ref, ["exam"])
    assert [(hit.row, hit.benchmark, hit.item) for hit in found.hits] == [(1, "exam", "exam/1"), (3, "exam", "exam/1")]
    assert found.rows == 2
    assert found.hits[0].text == LEAK.rstrip(".")
    assert 0.5 < found.hits[0].coverage <= 1
    assert contamination(source.ref, ["gsm8k"]).hits == []
    assert contamination(source.ref).hits == []


def test_only_the_column_that_is_named_is_looked_at(house):
    add_benchmark(house.store, "exam", [{"question": LEAK}])
    source = stored(house.store, {"a": [LEAK], "b": ["nothing"], "n": [3], "tags": [LEAK.split()]})
    assert [len(contamination(source.ref, ["exam"], column=name).hits) for name in ("a", "b", "n", "tags")] == [
        1,
        0,
        0,
        1,
    ]


def test_a_record_names_the_version_of_an_added_benchmark(house):
    """A newer version under the same name does not change what a replay finds."""
    old = add_benchmark(house.store, "exam", [{"question": LEAK}])
    found = contamination(texts(house.store, LEAK).ref, ["exam", "gsm8k"])
    add_benchmark(
        house.store, "exam", [{"question": "A riddle about the moon and two of her older sisters, who dance."}]
    )
    record = records.load(house.store, found.record)
    assert record.settings["benchmarks"] == [old.ref, "gsm8k"]
    assert plain(contamination(**record.settings)) == plain(found)


@pytest.mark.parametrize(
    "rows",
    [[], ["one"], ["same"] * 3, ["", None], ["שלום", "e\u0301", "🎉"], ["word " * 200_000, "短" * 350_000]],
    ids=["none", "one", "equal", "empty", "scripts", "long"],
)
def test_rows_that_are_no_leaks(house, rows):
    found = contamination(texts(house.store, *rows).ref)
    assert (found.hits, found.rows) == ([], 0)
    assert records.load(house.store, found.record).results == {"hits": 0, "rows": 0}


def test_may_i_use_it(house):
    free = licence(texts(house.store, "a", name="mine").ref, tag="apache-2.0")
    assert (free.use, free.licence) == ("yes", "Apache-2.0")
    assert free.duties
    bound = licence(stored(house.store, {"text": ["a"]}, "mine", licence="cc-by-nc-4.0").ref)
    assert (bound.use, bound.licence) == ("no", "CC-BY-NC-4.0")
    assert any("commercial" in why for why in bound.why)
    assert bound.advice
    unknown = licence(texts(house.store, "a", name="mine").ref)
    assert (unknown.use, unknown.licence) == ("unknown", "")
    assert licence("builtin:english-instructions").licence == "Apache-2.0"


def test_a_free_tag_on_a_bound_parent_is_a_conflict(house):
    source = stored(
        house.store,
        {"text": ["a"]},
        "alpaca_chinese_dataset",
        licence="mit",
        source="hub:hikariming/alpaca_chinese_dataset",
    )
    found = licence(source.ref)
    assert (found.use, found.licence) == ("no", "MIT")
    assert any("NC" in conflict for conflict in found.conflicts)
    assert {fact.mark for fact in found.evidence} - {"stated"}


def test_what_was_cleaned_keeps_the_licence_of_its_source(house):
    source = stored(house.store, {"text": ["a", "a"]}, "mine", licence="cc-by-nc-4.0")
    made = last(core.clean(source.ref, CleanRules(exact=True), preview=False)).dataset
    assert licence(made).use == "no"


@pytest.mark.parametrize("kind", KINDS)
def test_the_record_looks_for_duplicates_again(house, kind):
    found = last(duplicates("builtin:dirty-mixture", kind, threshold=0.5, column="instruction", limit=3))
    record = records.load(house.store, found.record)
    assert (record.app, record.action) == ("dataset_explorer", "duplicates")
    assert record.inputs == {"dataset": record.settings["dataset"]}
    assert record.results == {"groups": len(found.groups), "pairs": found.pair_count, "removable": len(found.removable)}
    json.dumps(record.settings)
    assert plain(last(duplicates(**record.settings))) == plain(found)


def test_the_record_asks_for_the_licence_again(house):
    found = licence("builtin:dirty-mixture", tag="mit")
    record = records.load(house.store, found.record)
    assert record.inputs["dataset"] == open_dataset(house.store, "builtin:dirty-mixture").ref
    assert plain(licence(**record.settings)) == plain(found)


@pytest.mark.parametrize(
    ("function", "arguments", "message"),
    [
        (duplicates, {"kind": "similar"}, "kind"),
        (duplicates, {"threshold": 0}, "threshold"),
        (duplicates, {"threshold": 1.5}, "threshold"),
        (duplicates, {"threshold": float("nan")}, "threshold"),
        (duplicates, {"limit": -1}, "limit"),
        (duplicates, {"column": "answer"}, "no column 'answer'. It has: text"),
        (duplicates, {"dataset": "local:nothing@0123456789ab"}, "nothing"),
        (duplicates, {"dataset": "two words"}, "two words"),
        (contamination, {"column": "answer"}, "no column 'answer'"),
        (contamination, {"benchmarks": ["mmlu"]}, "no benchmark 'mmlu'. There are: gsm8k"),
        (contamination, {"n": 7}, "n: .*8"),
        (contamination, {"n": 65}, "n: .*64"),
        (contamination, {"dataset": "builtin:nothing"}, "The samples are"),
        (licence, {"dataset": "local:nothing@0123456789ab"}, "nothing"),
    ],
)
def test_what_cannot_be_asked(house, function, arguments, message):
    given = {"dataset": texts(house.store, "a", "b").ref, **arguments}
    with pytest.raises(PlaygroundError, match=message):
        last(call(function, given))
    assert records.find(house.store) == []


def test_a_visitor_leaves_no_record_and_may_not_push(house):
    ref = texts(house.visitors, "a", "a").ref
    made = [
        last(call(duplicates, {"dataset": ref}, VISITOR)),
        call(contamination, {"dataset": ref}, VISITOR),
        call(licence, {"dataset": ref}, VISITOR),
    ]
    assert [each.record for each in made] == ["", "", ""]
    assert made[0].groups == [[0, 1]]
    assert records.find(house.store) == []
    with pytest.raises(NotAllowed, match="owner"):
        call(core.push, {"dataset": ref, "repo": "me/set"}, VISITOR)


def test_a_test_set_of_ones_own(house):
    text = "Which of the seven bridges of the old harbour town was built before the great flood, and by whom?"
    own = texts(house.store, text, name="own-test")
    made = core.add_benchmark(own.ref, "harbour", question="text")
    assert (made.name, made.items) == ("harbour", 1)
    data = texts(house.store, "Nothing of the kind.", f"Tell me: {text} Thank you.")
    found = core.contamination(data.ref, ["harbour"])
    assert [(hit.row, hit.benchmark, hit.item) for hit in found.hits] == [(1, "harbour", "harbour/0")]
    with pytest.raises(PlaygroundError, match="comes with the project"):
        core.add_benchmark(own.ref, "gsm8k")
    with pytest.raises(PlaygroundError, match="There is no benchmark 'unknown'"):
        core.contamination(data.ref, ["unknown"])
