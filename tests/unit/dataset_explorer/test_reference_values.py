"""The endpoints on real data: what a plain-Python checker found there before, and leaks planted among rows of MATH."""

import json
import random

import pytest

from apps.dataset_explorer.checking import contamination, duplicates
from apps.dataset_explorer.profiling import profile
from shared.datasets.ingest import ingest
from tests.unit.dataset_explorer.stored import last, texts
from tests.unit.dataset_explorer.test_contamination import _leaks
from tests.unit.dataset_explorer.test_profiling import checked

# Words are [a-z0-9]+ of the lower-case text: GSM8K's test questions.
REFERENCES = {
    "distinct_1": 5105 / 62123,
    "distinct_2": 31468 / 60804,
    "distinct_3": 49569 / 59485,
    "entropy_bits": 9.265190,
    "compression_ratio": 2.8397,
}


@pytest.fixture
def opened(house, real_data):
    """The ref of a real file, read by the product."""

    def read(name):
        *_, dataset = ingest(house.store, real_data / "instruct" / name, name.split("/")[0])
        return dataset.ref

    return read


@pytest.fixture
def lines(real_data):
    return lambda name: [json.loads(line) for line in (real_data / "instruct" / name).read_text("utf-8").splitlines()]


@pytest.mark.parametrize(
    ("file", "removable"),
    [
        ("gpteacher/toolformer-dedupe-only.json", 1637),
        ("gpteacher/toolformer-similarity-0.9.json", 375),
        ("gpteacher/toolformer-similarity-0.6.json", 15),
        ("gpteacher/codegen-instruct.json", 15),
        ("belle/eval_set.json", 0),
    ],
)
def test_near_duplicates_of_whole_rows(opened, file, removable):
    found = last(duplicates(opened(file)))
    assert len(found.removable) == removable
    assert sum(len(group) - 1 for group in found.groups) == removable


def test_the_one_near_duplicate_of_gsm8k(opened):
    found = last(duplicates(opened("gsm8k/train.jsonl"), column="question"))
    assert [(pair.a, pair.b) for pair in found.pairs] == [(2483, 6691)]
    assert found.pairs[0].similarity == pytest.approx(0.929, abs=5e-4)
    assert found.groups == [[2483, 6691]]
    assert "Josie" in found.examples[0].text_a + found.examples[0].text_b


def test_repeated_texts_of_mbpp(opened):
    ref = opened("mbpp/mbpp.jsonl")
    found = last(duplicates(ref, "exact", column="text"))
    assert len(found.removable) == 4
    assert all(example.text_a == example.text_b for example in found.examples)
    assert last(duplicates(ref, "exact", column="code")).removable == []


@pytest.mark.parametrize("file", ["gsm8k/train.jsonl", "gsm8k/test.jsonl"])
@pytest.mark.parametrize("kind", ["exact", "normalised"])
def test_gsm8k_repeats_nothing(opened, file, kind):
    assert last(duplicates(opened(file), kind)).pairs == []


def test_diversity_of_gsm8k(opened):
    found = last(profile(opened("gsm8k/test.jsonl"), column="question")).diversity
    for name, value in REFERENCES.items():
        assert getattr(found, name) == pytest.approx(value, abs=1e-3), name


@pytest.mark.slow
@pytest.mark.parametrize(
    ("file", "column"),
    [("gsm8k/test.jsonl", "question"), ("belle/eval_set.json", "question"), ("llamafactory/c4_demo.jsonl", "text")],
)
def test_diversity_again_in_plain_python(opened, lines, file, column):
    found = last(profile(opened(file), column=column)).diversity
    for name, value in checked([row[column] for row in lines(file)]).items():
        assert getattr(found, name) == pytest.approx(value, abs=1e-6), name


@pytest.mark.slow
def test_vendi_score_of_gsm8k(house, lines):
    rows = [row["question"] for row in lines("gsm8k/test.jsonl")[:300]]
    found = last(profile(texts(house.store, *rows).ref, embeddings=True)).semantics
    assert found.rows == 300
    assert found.vendi == pytest.approx(40.199, abs=1e-3)
    assert found.cosine == pytest.approx(0.34945, abs=1e-3)
    doubled = last(profile(texts(house.store, *rows, *rows).ref, embeddings=True)).semantics
    assert doubled.vendi == pytest.approx(found.vendi, abs=1e-3)


@pytest.mark.parametrize(
    "seed", [11, pytest.param(12, marks=pytest.mark.slow), pytest.param(13, marks=pytest.mark.slow)]
)
def test_forty_planted_leaks(house, lines, seed):
    """Eight of each: verbatim, case and punctuation changed, numbers changed, in a template, the answer alone."""
    dice = random.Random(seed)
    exam = lines("gsm8k/test.jsonl")
    rows = [f"{row['problem']} {row['solution']}" for row in dice.sample(lines("math/test.json"), 1000)]
    places = iter(dice.sample(range(1000), 40))
    planted = {}
    for kind in range(5):
        for number in dice.sample(range(len(exam)), 8):
            place = next(places)
            planted[place] = f"gsm8k/test/{number}"
            rows[place] = _leaks(exam[number]["question"], exam[number]["answer"], dice)[kind]
    found = contamination(texts(house.store, *rows).ref, ["gsm8k"])
    told = {(hit.row, hit.item) for hit in found.hits}
    assert set(planted.items()) <= told
    assert len(told - set(planted.items())) <= 1
    assert all(hit.text in rows[hit.row] for hit in found.hits)
    assert found.rows == len({row for row, _ in told})


@pytest.mark.parametrize(("n", "rows", "items"), [(10, 11, 9), (13, 4, 3)])
def test_gsm8k_train_against_its_own_test_set(opened, n, rows, items):
    found = contamination(opened("gsm8k/train.jsonl"), ["gsm8k"], n, column="question")
    assert (found.rows, len({hit.item for hit in found.hits})) == (rows, items)
