import json
import math
import multiprocessing
import zlib
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, replace

import numpy as np
import pytest

from apps.dataset_explorer import diversity
from apps.dataset_explorer import survey as surveys
from apps.dataset_explorer.portrait import Questions
from apps.dataset_explorer.profiling import Contrast, Profile, compare, profile
from apps.dataset_explorer.report import SHOWN, numbers
from shared import records
from shared.datasets.dataset import open_dataset
from shared.datasets.ingest import ingest
from shared.errors import NotAllowed, PlaygroundError
from shared.policy import Caller
from shared.progress import Progress
from shared.text import words
from tests.unit.dataset_explorer.stored import texts
from tests.unit.dataset_explorer.test_portrait import plain as plain_portrait


@pytest.fixture
def load(house, workspace):
    def loaded(rows, name="rows", store=house.store):
        path = workspace / f"{name}.jsonl"
        path.write_text("".join(json.dumps(row if isinstance(row, dict) else {"text": row}) + "\n" for row in rows))
        *_, dataset = ingest(store, path, name)
        return dataset.ref

    return loaded


def last(steps):
    *_, found = steps
    return found


def plain(found):
    return replace(found, record="")


def checked(texts):
    """Diversity once more, slowly and in plain Python."""
    rows = [words(text) for text in texts]
    every = [word for row in rows for word in row]
    counts = Counter(every)
    found = {"tokens": len(every), "types": len(counts)}
    for size in (1, 2, 3):
        grams = [tuple(row[at : at + size]) for row in rows for at in range(len(row) - size + 1)]
        found[f"distinct_{size}"] = len(set(grams)) / max(1, len(grams))
    found["entropy_bits"] = -sum(n / len(every) * math.log2(n / len(every)) for n in counts.values())
    windows = [every[at : at + 100] for at in range(len(every) - 99)] or [every]
    found["mattr"] = sum(len(set(window)) / max(1, len(window)) for window in windows) / len(windows)
    raw = "\n".join(texts).encode()
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    found["compression_ratio"] = len(raw) / len(packer.compress(raw) + packer.flush())
    return found


def test_code_is_told_by_language(load):
    program = "def add(a, b):\n    return a + b\n\nfor n in range(3):\n    print(add(n, 1))\n"
    found = last(profile(load([program, "Just a sentence about the weather.", "你好"])))
    assert [(each.code, each.rows) for each in found.code] == [("python", 1)]
    assert found.code[0].share == pytest.approx(1 / 3)


ROWS = [
    {"question": "What is 2 + 2?", "answer": "4"},
    {"question": "今天天气怎么样？请告诉我。", "answer": "很好，谢谢你的关心。"},
    {"question": "Write to jane.roe@mail-server.org", "answer": None},
    {"question": "The same words. " * 30, "answer": ""},
]


def test_a_small_dataset_on_one_page(house, load):
    found = last(profile(load(ROWS), context=40))
    assert isinstance(found, Profile)
    assert (found.rows, found.blank, found.shape, found.tokenizer) == (4, 0, "qa", "builtin:minilm")
    assert [(each.name, each.missing, each.empty) for each in found.columns] == [("question", 0, 0), ("answer", 1, 1)]
    assert found.characters.most == len("The same words. " * 30) + 1
    assert found.words.most == 90
    assert found.tokens.most == 120
    assert found.over == 1
    assert {each.code: each.rows for each in found.languages} == {"en": 2, "zh": 1, "und": 1}
    assert [(each.kind, each.rows, each.secret) for each in found.private] == [("email", 1, False)]
    assert found.private[0].samples[0][0] == 2
    assert "jane.roe" not in str(found)
    assert found.flagged == len(found.sample) == 1
    assert found.sample[0].row == 3
    flag = found.sample[0].flags[0]
    assert flag.most is not None
    assert flag.value > flag.most
    assert found.quality[0].rows == 1
    texts = [f"{row['question']} {row['answer'] or ''}" for row in ROWS]
    for name, value in checked(texts).items():
        assert getattr(found.diversity, name) == pytest.approx(value, abs=1e-9), name


def test_a_column_is_looked_at_alone_but_all_are_listed(load):
    found = last(profile(load(ROWS), column="answer"))
    assert len(found.columns) == 2
    assert found.blank == 2
    assert found.characters.most == len(ROWS[1]["answer"])


def test_the_record_makes_the_same_numbers_again(house, load):
    found = last(profile(load(ROWS), rules="web", context=7))
    record = records.load(house.store, found.record)
    assert (record.app, record.action) == ("dataset_explorer", "profile")
    assert record.inputs == {"dataset": found.dataset}
    again = last(profile(**record.settings))
    assert plain(again) == plain(found)
    assert records.load(house.store, again.record).results == record.results == numbers(found)
    assert record.results["over_context"] == 3


def test_a_visitor_leaves_no_record(house, load):
    assert last(profile(load(ROWS, store=house.visitors), caller=Caller("someone", owner=False))).record == ""
    assert records.find(house.store) == []


def test_progress_says_how_long_it_takes(load, monkeypatch):
    monkeypatch.setattr(surveys, "ROWS", 2)
    *steps, found = profile(load(ROWS))
    assert [(step.done, step.total) for step in steps] == [(2, 4), (4, 4)]
    assert all(isinstance(step, Progress) and step.eta_seconds is not None for step in steps)
    monkeypatch.setattr(surveys, "ROWS", 4096)
    assert plain(last(profile(found.dataset))) == plain(found)


@pytest.mark.parametrize(
    "rows",
    [
        [{"text": ""}, {"text": ""}, {"text": None}],
        ["the same row of words"] * 50,
        ["one"],
        ["مرحبا بالعالم، كيف حالك اليوم؟", "שלום עולם", "e\u0301a\u0308 ก็ไม่ हिन्दी", "👩‍👩‍👧🎉", "\u202eabc\u202c"],
        [{"numbers": 1.5}, {"numbers": None}, {"numbers": -3}],
        [{"list": ["a", "b"]}, {"list": []}, {"list": None}],
        [{"turns": [{"from": "human", "value": "hi"}, {"from": "gpt", "value": "hello"}]}],
        ["word " * 200_000, "x" * 1_000_000, "短" * 350_000],
    ],
    ids=["empty", "equal", "one", "scripts", "numbers", "lists", "turns", "long"],
)
def test_whatever_the_rows_hold(load, rows):
    found = last(profile(load(rows)))
    assert found.rows == len(rows)
    assert sum(each.rows for each in found.languages) == len(rows)
    assert sum(each.rows for each in found.tokens.bins) == len(rows)
    assert len(found.sample) <= SHOWN
    assert all(math.isfinite(value) for value in numbers(found).values())


def test_no_rows(house, load, workspace):
    path = workspace / "none.csv"
    path.write_text("a,b\n")
    *_, dataset = ingest(house.store, path, "none")
    found = last(profile(dataset.ref, embeddings=True))
    assert (found.rows, found.flagged, found.languages, found.sample) == (0, 0, [], [])
    assert found.tokens.bins == []
    assert set(vars(found.diversity).values()) == {0}
    assert (found.semantics.rows, found.semantics.vendi) == (0, 0.0)
    other = last(compare(dataset.ref, load(ROWS)))
    assert other.sharing.exact_first == 0
    assert other.first_words == []


def test_what_is_not_there_is_said(load):
    ref = load(ROWS)
    with pytest.raises(PlaygroundError, match="no column 'prompt'"):
        last(profile(ref, column="prompt"))
    with pytest.raises(PlaygroundError, match="no tokenizer 'nobody/nothing' on this machine"):
        last(profile(ref, tokenizer="nobody/nothing"))
    with pytest.raises(PlaygroundError):
        last(profile("local:gone@0123456789ab"))


@pytest.mark.slow
def test_workers_find_what_one_process_finds_and_are_gone_when_it_is_stopped(load, house, monkeypatch):
    monkeypatch.setattr(surveys, "ROWS", 3)
    ref = load([f"Row {n} says {'x' * (n % 7)} and 你好 {n * 7919 % 31}." for n in range(40)])
    dataset = open_dataset(house.store, ref)
    asked = Questions(keyed=True)
    *_, alone = surveys.survey(dataset, asked, 1)
    *_, several = surveys.survey(dataset, asked, 2)
    assert plain_portrait(several) == plain_portrait(alone)
    stopped = surveys.survey(dataset, asked, 2)
    next(stopped)
    assert multiprocessing.active_children()
    stopped.close()
    assert not multiprocessing.active_children()


def test_results_come_in_the_order_of_the_rows_whoever_is_ready_first(load, house, monkeypatch):
    """With threads in the place of processes, which are slow to start."""
    monkeypatch.setattr(surveys, "ROWS", 2)
    monkeypatch.setattr(surveys, "ProcessPoolExecutor", lambda workers, _: ThreadPoolExecutor(workers))
    dataset = open_dataset(house.store, load([f"Row {n} " * (1 + 300 * (n % 3)) for n in range(60)]))
    asked = Questions(keyed=True)
    *_, alone = surveys.survey(dataset, asked, 1)
    *_, several = surveys.survey(dataset, asked, 3)
    assert plain_portrait(several) == plain_portrait(alone)


@pytest.mark.slow
def test_a_worker_that_is_killed_is_said_to_be(load, house, monkeypatch):
    monkeypatch.setattr(surveys, "ROWS", 1)
    dataset = open_dataset(house.store, load([f"row {n}" for n in range(30)]))
    steps = surveys.survey(dataset, Questions(), 2)
    next(steps)
    for child in multiprocessing.active_children():
        child.kill()
    with pytest.raises(PlaygroundError, match="ended from outside"):
        list(steps)
    assert not multiprocessing.active_children()


def test_a_worker_draws_what_this_process_draws(load, house, monkeypatch):
    monkeypatch.setattr(surveys, "ROWS", 3)
    dataset = open_dataset(house.store, load([f"Row {n}" for n in range(8)]))
    drawn = [surveys.draw(surveys._pack(batch), Questions(), first) for first, batch in surveys.portions(dataset)]
    assert [each.rows for each in drawn] == [3, 3, 2]
    assert len(surveys._pack(next(surveys.portions(dataset))[1])) < 2000  # the slice alone


def test_workers_are_for_large_datasets(load, house, monkeypatch):
    dataset = open_dataset(house.store, load(ROWS))
    assert surveys.choose_workers(dataset) == 1
    monkeypatch.setattr(surveys, "WORTH", 0)
    assert 1 <= surveys.choose_workers(dataset) <= surveys.WORKERS


class Letters:
    ref, size = "builtin:letters", 26

    def embed(self, texts):
        return np.array([[text.lower().count(chr(97 + n)) for n in range(26)] for text in texts], np.float32)


def test_embeddings_are_of_a_sample(load, monkeypatch):
    monkeypatch.setattr("apps.dataset_explorer.profiling.minilm", Letters)
    monkeypatch.setattr(
        "apps.dataset_explorer.profiling.sample_rows", lambda rows, most: np.array([0, 4, 8, rows - 1])[:most]
    )
    ref = load(["alpha", "beta", "gamma", "delta", "epsilon", "zeta", "eta", "theta", "iota", " "])
    found = last(profile(ref, embeddings=True, sample=4))
    assert found.semantics.rows == 3  # the blank row is left out
    texts = ["alpha", "epsilon", "iota"]
    assert found.semantics.vendi == pytest.approx(diversity.vendi_score(Letters().embed(texts)))
    assert 0 < found.semantics.cosine <= 1
    assert numbers(found)["semantics_vendi"] == found.semantics.vendi


def test_two_datasets_side_by_side(house, load):
    one = load([*ROWS, {"question": "", "answer": ""}], "one")
    two = load([
        {"text": "What is 2 + 2? 4", "label": 1.5}, {"text": "WHAT is 2 2 — 4 1.5!", "label": None}, {"text": "", "label": None},
    ], "two")  # fmt: skip
    found = last(compare(one, two))
    assert isinstance(found, Contrast)
    assert {each.name: (each.first, each.second, each.difference) for each in found.numbers}["rows"] == (5, 3, -2)
    assert {each.name: each.second for each in found.numbers}["private_email"] == 0
    assert {each.name: each.second for each in found.numbers}["missing_question"] is None
    json.dumps(asdict(found))
    assert any("Only one has the columns 'question', 'answer'." in each for each in found.differences)
    assert any("shape" not in each and "'qa'" in each for each in found.differences)
    assert (found.sharing.exact_first, found.sharing.normalised_first) == (0, 0)
    record = records.load(house.store, found.record)
    again = last(compare(**record.settings))
    assert records.load(house.store, again.record).results == record.results
    assert again.numbers == found.numbers


def test_rows_that_both_hold_are_found_by_number(load):
    one = load(["alpha beta", "", "only here", "Gamma, delta!", "alpha beta"], "one")
    two = load(["gamma delta", "", "alpha beta", "..."], "two")
    found = last(compare(one, two, column="text")).sharing
    assert (found.exact_first, found.exact_second, found.normalised_first, found.normalised_second) == (2, 1, 3, 2)
    assert [(each.first, each.second, each.exact) for each in found.sample] == [
        (0, 2, True),
        (3, 0, False),
        (4, 2, True),
    ]


def test_words_that_tell_two_datasets_apart_chinese_too(load):
    one = load(["the apple is red 你好 好"] * 40, "one")
    two = load(["the river is blue 世界 界"] * 40, "two")
    found = last(compare(one, two))
    assert {each.word for each in found.first_words} == {"apple", "red", "你", "好"}
    assert {each.word for each in found.second_words} == {"river", "blue", "世", "界"}
    assert (found.first_words[0].word, found.first_words[0].here, found.first_words[0].there) == ("好", 80, 0)
    assert found.differences == []
    same = last(compare(one, one))
    assert same.first_words == same.second_words == []
    assert same.sharing.exact_first == 40
    assert all(each.difference == 0 for each in same.numbers)


def test_gsm8k_has_the_reference_values(house, real_data):
    *_, dataset = ingest(house.store, real_data / "instruct" / "gsm8k" / "test.jsonl", "gsm8k")
    found = last(profile(dataset.ref, column="question")).diversity
    expected = {
        "distinct_1": 0.082176, "distinct_2": 0.517532, "distinct_3": 0.833303, "entropy_bits": 9.265190, "compression_ratio": 2.8397,
    }  # fmt: skip
    for name, value in expected.items():
        assert getattr(found, name) == pytest.approx(value, abs=1e-3), name
    texts = [text for array in dataset.texts("question") for text in array.to_pylist()]
    for name, value in checked(texts).items():
        assert getattr(found, name) == pytest.approx(value, abs=1e-6), name


def test_a_visitor_may_not_name_the_owners_tokenizers(house):
    ref, visitor = texts(house.visitors, "a").ref, Caller("v", owner=False)
    with pytest.raises(NotAllowed, match="only be used by the owner"):
        last(profile(ref, tokenizer="owner/private", caller=visitor))
    with pytest.raises(NotAllowed, match="only be used by the owner"):
        last(compare(ref, ref, tokenizer="local:m@012345678901", caller=visitor))
