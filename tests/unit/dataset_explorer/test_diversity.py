"""Diversity: worked examples, the plain-Python checker, parts that merge to the whole, and published values."""

import dataclasses
import json
import math
import pickle
import re
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from apps.dataset_explorer.diversity import (
    Diversity,
    Meter,
    Partial,
    mean_pairwise_cosine,
    measure,
    vendi_score,
)
from tests import checkers

WORDS = st.sampled_from(
    ["a", "b", "the", "The", "straße", "中", "文字", "e\u0301", "עברית", "हिन्दी", "internationalization", "😀"]
)
ROWS = st.lists(st.lists(WORDS, max_size=120).map(" ".join), max_size=6)


def whole(rows: list[str]) -> Diversity:
    return measure([pa.array(rows, pa.string())]).result()


def check(found: Diversity, expected: dict[str, float], tolerance: float = 1e-9) -> None:
    assert dataclasses.asdict(found) == pytest.approx(expected, abs=tolerance)


def test_worked_example() -> None:
    """a b a | a b: 5 words of 2 types; pairs ab, ba, ab, of which 2 differ; one triple."""
    found = whole(["a b a", "a b"])
    assert (found.types, found.tokens) == (2, 5)
    assert (found.distinct_1, found.distinct_2, found.distinct_3) == (2 / 5, 2 / 3, 1.0)
    assert found.entropy_bits == pytest.approx(-(3 / 5 * math.log2(3 / 5) + 2 / 5 * math.log2(2 / 5)))
    assert found.mattr == 2 / 5


def test_mattr_runs_across_rows() -> None:
    """102 words, of which the last repeats the first: three windows, of 100 types each but for none."""
    words = [f"w{number}" for number in range(101)]
    found = whole([" ".join(words[:50]), " ".join(words[50:]), "w1"])
    assert found.mattr == (1 + 1 + 0.99 + 0.01) / 3
    assert whole([" ".join([*words, "w100"])]).mattr == pytest.approx((1 + 1 + 0.99) / 3)


@given(ROWS)
@settings(max_examples=40, deadline=None)
def test_diversity_is_what_the_checker_says(rows: list[str]) -> None:
    check(whole(rows), checkers.diversity(rows))


@given(st.lists(ROWS, max_size=4))
@settings(max_examples=30, deadline=None)
def test_parts_merge_to_the_whole(parts: list[list[str]]) -> None:
    """In any nesting; only the compression ratio is that of the parts."""
    partials = [measure([pa.array(rows, pa.string())]) for rows in parts]
    left = right = measure([])
    for partial in partials:
        left = left.merge(partial)
    for partial in reversed(partials):
        right = partial.merge(right)
    every = whole([row for rows in parts for row in rows])
    for merged in (left, right):
        found = dataclasses.replace(merged.result(), compression_ratio=every.compression_ratio)
        assert found == every
        assert merged.raw == len("\n".join(row for rows in parts for row in rows).encode())
    assert left.packed == right.packed == sum(partial.packed for partial in partials) + measure([]).packed


def test_a_stream_of_arrays_is_one_text() -> None:
    rows = [f"row {number} of some text that goes on and on, number {number * 7919 % 1000}" for number in range(3000)]
    arrays = [pa.array(rows[begin : begin + 700], pa.string()) for begin in range(0, 3000, 700)]
    assert measure(arrays).result() == whole(rows)


def test_a_meter_can_be_read_before_the_end() -> None:
    meter = Meter()
    meter.add(pa.array(["one two three"]))
    assert meter.partial().result() == whole(["one two three"])
    meter.add(pa.array(["four", None, "two"]))
    assert meter.partial().result() == whole(["one two three", "four", "", "two"])


def test_more_words_than_are_sorted_at_once() -> None:
    numbers = np.random.default_rng(0).integers(0x4E00, 0x4E00 + 3000, (300, 1000), dtype="<u4")
    found = whole([row.tobytes().decode("utf-32-le") for row in numbers])
    assert (found.tokens, found.types) == (300_000, len(np.unique(numbers)))
    pairs = numbers[:, :-1].astype(np.int64) << 32 | numbers[:, 1:]
    assert found.distinct_2 == len(np.unique(pairs)) / pairs.size


def test_a_partial_travels_between_processes() -> None:
    partial = measure([pa.array(["a b c", "中文"])])
    copy = pickle.loads(pickle.dumps(partial))
    assert isinstance(copy, Partial)
    assert copy.merge(partial).result() == partial.merge(partial).result()


@pytest.mark.parametrize("rows", [[], [""], ["", "", ""], ["😀 …", "!!!"]])
def test_without_words_every_figure_is_nought(rows: list[str]) -> None:
    found = whole(rows)
    assert (found.distinct_1, found.distinct_2, found.distinct_3, found.entropy_bits, found.mattr) == (0, 0, 0, 0, 0)
    check(found, checkers.diversity(rows))


def test_one_row_and_one_word() -> None:
    found = whole(["word"])
    assert (found.distinct_1, found.distinct_2, found.entropy_bits, found.mattr) == (1.0, 0.0, 0.0, 1.0)
    check(whole(["今天天气好，今天去公园。"]), checkers.diversity(["今天天气好，今天去公园。"]))


def naive_vendi(rows: Any) -> float:
    unit = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    values = np.linalg.svd(unit @ unit.T / len(rows), compute_uv=False)
    return math.exp(-sum(value * math.log(value) for value in values if value > 1e-15))


def test_vendi_score() -> None:
    assert vendi_score(np.ones((7, 3))) == pytest.approx(1.0)
    assert vendi_score(np.eye(5) * [[1], [2], [3], [4], [5]]) == pytest.approx(5.0)
    assert vendi_score(np.zeros((0, 4))) == 0.0
    two_kinds = np.array([[1.0, 0.0]] * 3 + [[0.0, 1.0]])  # eigenvalues 3/4 and 1/4
    assert vendi_score(two_kinds) == pytest.approx(math.exp(-(0.75 * math.log(0.75) + 0.25 * math.log(0.25))))


@pytest.mark.parametrize("shape", [(40, 8), (8, 40), (1, 6)])
def test_vendi_score_of_any_shape(shape: tuple[int, int]) -> None:
    rows = np.random.default_rng(1).normal(size=shape)
    assert vendi_score(rows) == pytest.approx(naive_vendi(rows), abs=1e-9)
    assert vendi_score(np.concatenate((rows, rows)).astype(np.float32)) == pytest.approx(vendi_score(rows), rel=1e-5)


def test_mean_pairwise_cosine() -> None:
    rows = np.random.default_rng(2).normal(size=(30, 5))
    unit = [row / math.sqrt(sum(row * row)) for row in rows]
    pairs = [float(sum(one * two)) for place, one in enumerate(unit) for two in unit[:place]]
    assert mean_pairwise_cosine(rows) == pytest.approx(sum(pairs) / len(pairs))
    assert mean_pairwise_cosine(np.ones((4, 3))) == pytest.approx(1.0)
    assert mean_pairwise_cosine(rows[:1]) == mean_pairwise_cosine(rows[:0]) == 1.0


def test_gsm8k_is_as_published(real_data: Path) -> None:
    """The reference counts words as [a-z0-9]+; of 62,124 words one is not: "¾"."""
    rows = [row["question"] for row in read(real_data / "instruct" / "gsm8k" / "test.jsonl")]
    found = whole(rows)
    assert found.distinct_1 == pytest.approx(0.082176, abs=1e-3)
    assert found.distinct_2 == pytest.approx(0.517532, abs=1e-3)
    assert found.distinct_3 == pytest.approx(0.833303, abs=1e-3)
    assert found.entropy_bits == pytest.approx(9.265190, abs=1e-3)
    assert found.compression_ratio == pytest.approx(2.8397, abs=1e-3)
    plain = [word for row in rows for word in re.findall(r"[a-z0-9]+", row.lower())]
    assert (len(set(plain)), len(plain)) == (5105, 62123)
    assert (found.types, found.tokens) == (5106, 62124)


@pytest.mark.slow
@pytest.mark.parametrize(
    "name",
    ["gsm8k/test.jsonl", "belle/eval_set.json", "gpteacher/codegen-instruct.json", "mbpp/mbpp.jsonl", "math/test.json"],
)
def test_real_datasets_are_as_the_checker_says(real_data: Path, name: str) -> None:
    rows = [" ".join(map(str, row.values())) for row in read(real_data / "instruct" / name)]
    check(whole(rows), checkers.diversity(rows), 1e-6)


def read(path: Path) -> list[dict[str, Any]]:
    content = path.read_text()
    try:
        return list(json.loads(content))
    except ValueError:
        return [json.loads(line) for line in content.split("\n") if line.strip()]
