"""The endpoint mix: exact counts, the same bytes for the same seed, and sentences where parts do not fit."""

import json
import random
from collections import Counter
from dataclasses import asdict

import pyarrow as pa
import pytest

from apps.dataset_explorer.cleaning import clean
from apps.dataset_explorer.mixing import mix
from apps.dataset_explorer.recipes import CleanRules, Part, read_recipe
from shared import records
from shared.calls import call
from shared.datasets.dataset import open_dataset
from shared.errors import PlaygroundError
from shared.policy import Caller
from shared.progress import Progress
from tests.unit.dataset_explorer.stored import last, stored, table, texts, values


@pytest.fixture
def pair(house):
    return (
        stored(house.store, {"text": [f"one {number}" for number in range(60)], "n": range(60)}, "one", licence="mit"),
        stored(house.store, {"text": [f"two {number}" for number in range(20)]}, "two", licence="cc-by-4.0"),
    )


def parts(pair, *weights):
    return [Part(each.ref, weight) for each, weight in zip(pair, weights, strict=True)]


def taken(house, made) -> Counter[str]:
    return Counter(text.split()[0] for text in values(house.store, made.dataset))


def test_as_many_rows_as_the_weights_allow(house, pair):
    made = last(mix(parts(pair, 2, 1)))
    assert [(part.name, part.rows, part.available, part.repeats) for part in made.parts] == [
        ("one", 40, 60, 1),
        ("two", 20, 20, 1),
    ]
    assert taken(house, made) == {"one": 40, "two": 20}
    assert made.rows == 60
    assert len(set(values(house.store, made.dataset))) == 60


def test_a_number_of_rows(house, pair):
    made = last(mix(parts(pair, 1, 1), rows=15))
    assert taken(house, made) == {"one": 8, "two": 7}


def test_columns_are_joined_and_marked(house, pair):
    made = last(mix(parts(pair, 3, 1), rows=8, shuffle=False))
    rows = table(house.store, made.dataset).to_pylist()
    assert made.columns == ["text", "n", "mixed_from"]
    assert [row["mixed_from"] for row in rows] == [pair[0].ref] * 6 + [pair[1].ref] * 2
    assert all(row["n"] == (int(row["text"].split()[1]) if row["text"].startswith("one") else None) for row in rows)
    plain = last(mix(parts(pair, 3, 1), rows=8, provenance=False))
    assert plain.columns == ["text", "n"]
    assert plain.shape == "text"


def test_the_same_recipe_gives_the_same_bytes_and_another_seed_others(house, pair):
    one = last(mix(parts(pair, 1, 1), seed=4))
    recipe = read_recipe(open_dataset(house.store, one.dataset))
    again = last(call(mix, json.loads(json.dumps(recipe.settings))))
    assert again.dataset == one.dataset
    assert asdict(recipe) == one.recipe
    other = last(mix(parts(pair, 1, 1), seed=5))
    assert values(house.store, other.dataset) != values(house.store, one.dataset)
    assert sorted(values(house.store, last(mix(parts(pair, 3, 1), seed=5)).dataset)) == sorted(
        values(house.store, last(mix(parts(pair, 3, 1), seed=6, shuffle=False)).dataset)
    )


def test_rows_are_repeated_only_when_that_is_asked_for(house, pair):
    with pytest.raises(
        PlaygroundError, match=r"'two' has 20 rows, and its share of 100 is 50\. Ask for at most 40 rows"
    ):
        last(mix(parts(pair, 1, 1), rows=100))
    made = last(mix(parts(pair, 1, 1), rows=100, repeat=True))
    assert taken(house, made) == {"one": 50, "two": 50}
    times = Counter(text for text in values(house.store, made.dataset) if text.startswith("two"))
    assert set(times.values()) == {2, 3}
    assert [part.repeats for part in made.parts] == [1, 3]


def test_the_licence_is_that_of_the_strictest(house, pair):
    made = last(mix(parts(pair, 1, 1)))
    assert (made.use, made.licence) == ("conditions", "MIT AND CC-BY-4.0")
    assert made.why[:2] == ["The strictest of 2 sources decides: two.", made.why[1]]
    assert [(part.licence, part.use) for part in made.parts] == [("MIT", "yes"), ("CC-BY-4.0", "conditions")]
    dataset = open_dataset(house.store, made.dataset)
    assert dataset.licence == "mit and cc-by-4.0"
    assert call_licence(house, made.dataset) == "conditions"
    unknown = last(mix([*parts(pair, 1, 1), Part(texts(house.store, "three 1").ref)]))
    assert unknown.use == "unknown"
    assert open_dataset(house.store, unknown.dataset).licence == "mit and cc-by-4.0 and other"
    assert open_dataset(house.store, last(mix([Part(texts(house.store, "x").ref)])).dataset).licence == ""


def call_licence(house, ref):
    from apps.dataset_explorer.checking import licence

    return licence(ref).use


def test_types_that_clash_are_named(house):
    one, two = (
        stored(house.store, {"text": ["a"], "n": [1]}, "one"),
        stored(house.store, {"text": ["b"], "n": ["x"]}, "two"),
    )
    with pytest.raises(PlaygroundError, match="'n' is int64 in one and string in two"):
        last(mix([Part(one.ref), Part(two.ref)]))


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        (lambda one, two: [], "No dataset was named"),
        (lambda one, two: [Part(one), Part(one, 2)], "is there twice"),
        (lambda one, two: [Part("local:gone@0123456789ab")], "not in the workspace"),
    ],
)
def test_parts_that_cannot_be(house, pair, asked, words):
    with pytest.raises(PlaygroundError, match=words):
        last(mix(asked(pair[0].ref, pair[1].ref)))


def test_a_part_without_rows(house, pair):
    empty = stored(house.store, {"text": pa.array([], pa.string())}, "empty")
    with pytest.raises(PlaygroundError, match="has no rows"):
        last(mix([*parts(pair, 1, 1), Part(empty.ref)]))


def test_one_part_twice_when_repeats_are_wanted(house, pair):
    made = last(mix([Part(pair[1].ref), Part(pair[1].ref)], repeat=True))
    assert made.rows == 40
    assert Counter(values(house.store, made.dataset)).most_common()[-1][1] == 2


def test_shapes_become_conversations(house):
    quiz = stored(house.store, {"question": ["q1", "q2"], "answer": ["a1", "a2"]}, "quiz")
    alpaca = stored(house.store, {"instruction": ["i"], "input": ["x"], "output": ["o"]}, "alpaca")
    with pytest.raises(PlaygroundError, match="set to_messages"):
        last(mix([Part(quiz.ref), Part(alpaca.ref)]))
    made = last(mix([Part(quiz.ref, 2), Part(alpaca.ref)], to_messages=True, shuffle=False))
    assert made.shape == "messages"
    assert [[turn["content"] for turn in row] for row in values(house.store, made.dataset, "messages")] == [
        ["q1", "a1"], ["q2", "a2"], ["i\n\nx", "o"],
    ]  # fmt: skip


@pytest.mark.parametrize(
    "rows", [["one row"], ["same"] * 5, ["", None], ["שלום", "\u202eabc", "👩‍👩‍👧"], ["x" * 1_000_000, "y"]]
)
def test_rows_of_every_kind(house, rows):
    source = texts(house.store, *rows)
    made = last(mix([Part(source.ref)], provenance=False))
    assert sorted(map(str, values(house.store, made.dataset))) == sorted(map(str, rows))


def test_lists_and_numbers(house):
    source = stored(house.store, {"a": [[1, 2], [], None], "b": [1.5, None, 2.5]})
    made = last(mix([Part(source.ref)], provenance=False, shuffle=False))
    assert table(house.store, made.dataset) == table(house.store, source.ref)


def test_duplicates_are_found_across_the_parts_of_a_mix(house):
    one, two = texts(house.store, "same words", "a", name="one"), texts(house.store, "same words", "b", name="two")
    made = last(mix([Part(one.ref), Part(two.ref)]))
    assert last(clean(made.dataset, CleanRules(exact=True))).removed_rows == 1


def test_a_record_replays(house, pair):
    made = last(mix(parts(pair, 1, 2), rows=9, seed=1))
    record = records.load(house.store, made.record)
    assert record.inputs == {"part 0": pair[0].ref, "part 1": pair[1].ref}
    assert record.results == {"rows": 9, "part 0": 3, "part 1": 6}
    again = last(call(mix, json.loads(json.dumps(record.settings))))
    assert again.dataset == made.dataset == record.artifacts["dataset"]


def test_a_visitor_leaves_no_record(house):
    pair = [stored(house.visitors, {"text": [f"{name} {number}" for number in range(9)]}, name) for name in "ab"]
    made = last(mix(parts(pair, 1, 1), caller=Caller("v", owner=False)))
    assert made.record == ""
    assert house.visitors.find(made.dataset)
    assert not house.store.artifacts("datasets")


def test_stopping_leaves_nothing(house, pair):
    before = house.store.artifacts("datasets")
    steps = mix(parts(pair, 1, 1))
    assert isinstance(next(steps), Progress)
    steps.close()
    assert house.store.artifacts("datasets") == before
    assert list((house.store.home / "artifacts" / ".unfinished").iterdir()) == []


def test_names_are_short(house, pair):
    assert open_dataset(house.store, last(mix(parts(pair, 1, 1))).dataset).name == "one-two-mix"
    many = [Part(texts(house.store, f"text {number}", name=f"a-rather-long-name-{number}").ref) for number in range(5)]
    assert len(open_dataset(house.store, last(mix(many)).dataset).name) <= 52


def test_a_visitors_mix_has_fewer_rows(house):
    ref = stored(house.visitors, {"text": ["a"]}, "a").ref
    with pytest.raises(PlaygroundError, match="at most 1,000,000 rows, and this has 1,000,001"):
        last(mix([Part(ref, 1)], rows=1_000_001, repeat=True, caller=Caller("v", owner=False)))


def test_a_visitors_mix_may_not_fill_the_disk(house, monkeypatch):
    monkeypatch.setattr("apps.dataset_explorer.blends.FILES", 1)
    house.visitors.each = 100_000
    ref = stored(house.visitors, {"text": [random.Random(0).randbytes(10_000).hex()]}, "a").ref
    with pytest.raises(PlaygroundError, match="the most for a visitor"):
        last(mix([Part(ref, 1)], rows=1000, repeat=True, caller=Caller("v", owner=False)))
    assert [each.name for each in house.visitors.artifacts("datasets")] == ["a"]
