import math
from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest

from apps.dataset_explorer import diversity
from apps.dataset_explorer.contrast import LISTED, differences, log_odds, shared_rows, telling_words
from apps.dataset_explorer.portrait import Portrait, Questions
from shared.datasets.dataset import Dataset
from shared.shapes import Shape


def plain_log_odds(here, there, prior_words=500.0):
    """Equations 16, 20 and 22 of Monroe et al. (2008), one word at a time."""
    total = sum(here) + sum(there)
    found = []
    for i, _ in enumerate(here):
        alpha = prior_words * (here[i] + there[i]) / total
        one = math.log((here[i] + alpha) / (sum(here) + prior_words - here[i] - alpha))
        two = math.log((there[i] + alpha) / (sum(there) + prior_words - there[i] - alpha))
        found.append((one - two) / math.sqrt(1 / (here[i] + alpha) + 1 / (there[i] + alpha)))
    return found


def test_log_odds_are_those_of_the_paper():
    here, there = [100, 5, 0, 40], [90, 50, 7, 40]
    assert log_odds(np.array(here, float), np.array(there, float)) == pytest.approx(plain_log_odds(here, there))


def test_a_worked_example_of_log_odds():
    # "cat" 30 of 40 words here and 10 of 40 there, "dog" the other way round: prior 250 each; odds 280/260 and 260/280.
    z = log_odds(np.array([30.0, 10.0]), np.array([10.0, 30.0]))
    assert z[0] == pytest.approx(2 * math.log(280 / 260) / math.sqrt(1 / 280 + 1 / 260))
    assert z[1] == pytest.approx(-z[0])


def test_one_word_alone_and_none():
    assert np.isfinite(log_odds(np.array([5.0]), np.array([0.0]))).all()
    assert log_odds(np.zeros(0), np.zeros(0)).size == 0


def test_at_most_twenty_words_are_listed_and_none_that_tells_nothing():
    one = [pa.array([" ".join(f"one{n}" for n in range(60)) + " same"] * 300)]
    two = [pa.array([" ".join(f"two{n}" for n in range(60)) + " same"] * 300)]
    found = telling_words(one, two, diversity.measure(one), diversity.measure(two))
    assert [len(each) for each in found] == [LISTED, LISTED]
    assert all(each.word.startswith("one") and each.there == 0 and each.z > 1.96 for each in found[0])
    assert all(each.word.startswith("two") for each in found[1])


def test_shared_rows_against_sets():
    asked = Questions(keyed=True, varied=False)
    one = ["a b", "A  B", "c", "", "  ", "日本", "!!"]
    two = ["a b", "日本", "日本", "C.", "", "??"]
    first, second = (Portrait.of(pa.RecordBatch.from_pydict({"text": rows}), asked) for rows in (one, two))
    found = shared_rows(first, second)
    assert found.exact_first == sum(row in set(two) for row in one if row)
    assert found.exact_second == sum(row in set(one) for row in two if row)
    assert (found.normalised_first, found.normalised_second) == (4, 4)
    assert [(each.first, each.second, each.exact) for each in found.sample] == [
        (0, 0, True), (1, 0, False), (2, 3, False), (5, 1, True),
    ]  # fmt: skip


def test_differences_in_words():
    one = Dataset("local:one@0", "one", 1, ["a", "b"], {"a": "string", "b": "int64"}, Shape("qa", {}), licence="MIT")
    assert differences(one, one) == []
    swapped = replace(one, name="two", columns=["b", "a"])
    assert differences(one, swapped) == ["Both have the same columns in another order, so whole rows read differently."]
    names = [f"c{n}" for n in range(12)]
    other = Dataset("local:two@0", "two", 1, ["a", *names], dict.fromkeys(["a", *names], "double"), Shape("text", {}))
    assert differences(one, other) == [
        "The rows of one are 'qa', those of two 'text'.",
        "Only one has the column 'b'.",
        "Only two has the columns 'c0', 'c1', 'c2', 'c3', 'c4', 'c5', 'c6', 'c7', 'c8', 'c9' and 2 more.",
        "The column 'a' holds string in one and double in two.",
        "The licence of one is MIT, that of two not stated.",
    ]
