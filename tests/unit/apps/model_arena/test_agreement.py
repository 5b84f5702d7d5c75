import json
import math
from dataclasses import asdict

import numpy as np
import pytest

from apps.model_arena.agreement import Verdict, agree, cohen_kappa, unswap


def labels(*counts):
    """Two lists of labels from a table of how often which two met."""
    pairs = [("yn"[i], "yn"[j]) for i in range(2) for j in range(2) for _ in range(counts[2 * i + j])]
    return [one for one, _ in pairs], [two for _, two in pairs]


def test_the_worked_example_of_wikipedia():
    # https://en.wikipedia.org/wiki/Cohen's_kappa, "Simple example": 20, 5, 10, 15 of 50 give 0.4; the other two tables there
    # have one agreement and two kappas.
    assert cohen_kappa(*labels(20, 5, 10, 15))[0] == pytest.approx(0.4)
    assert cohen_kappa(*labels(45, 15, 25, 15))[0] == pytest.approx(0.1304, abs=5e-5)
    assert cohen_kappa(*labels(25, 35, 5, 35))[0] == pytest.approx(0.2593, abs=5e-5)


def test_the_error_is_that_of_the_delta_method():
    counts = np.array([[40, 7, 3], [5, 30, 6], [4, 2, 20]])
    one, two = zip(*[(str(i), str(j)) for i in range(3) for j in range(3) for _ in range(counts[i, j])], strict=True)
    total = counts.sum()

    def kappa(shares):
        chance = float(shares.sum(1) @ shares.sum(0))
        return (np.trace(shares) - chance) / (1 - chance)

    shares, slope = counts / total, np.zeros((3, 3))
    for i in range(3):
        for j in range(3):
            moved = shares.copy()
            moved[i, j] += 1e-6
            slope[i, j] = (kappa(moved) - kappa(shares)) / 1e-6
    variance = ((shares * slope**2).sum() - (shares * slope).sum() ** 2) / total
    found, error = cohen_kappa(one, two)
    assert found == pytest.approx(kappa(shares))
    assert error == pytest.approx(math.sqrt(variance), rel=1e-4)


@pytest.mark.parametrize(("one", "two"), [([], []), (["a"], ["a"]), (["a"] * 5, ["a"] * 5)])
def test_kappa_is_not_defined_where_all_is_one(one, two):
    assert cohen_kappa(one, two) == (None, None)


def test_perfect_and_opposite_agreement():
    assert cohen_kappa(["a", "b"] * 20, ["a", "b"] * 20) == (1, 0)
    assert cohen_kappa(["a", "b"] * 20, ["b", "a"] * 20)[0] == -1
    with pytest.raises(ValueError, match=r"shorter|longer"):
        cohen_kappa(["a"], [])


def test_a_judge_that_contradicts_itself_says_tie():
    verdicts = [
        Verdict("a", "a", "a"),
        Verdict("b", "a", "b"),  # prefers what stands first, both times
        Verdict("b", "b", "a"),  # prefers what stands second
        Verdict("tie", "a", "tie"),
        Verdict("both_bad", "tie"),
        Verdict("a", "b"),
    ]
    found = agree(verdicts)
    assert (found.battles, found.agreed) == (6, 3 / 6)
    assert (found.decided, found.decided_agreed) == (2, 0.5)
    assert (found.asked_twice, found.consistent, found.first_preferred) == (4, 0.25, 0.5)
    assert "3 of 4 battles count as ties" in " ".join(found.notes)
    assert found.lower >= -1
    assert found.upper <= 1


@pytest.mark.parametrize(
    ("verdicts", "said"),
    [([], "No battle"), ([Verdict("a", "a")], "not defined"), ([Verdict("a", "b"), Verdict("b", "a")], "few")],
)
def test_few_verdicts_are_said_to_be_few(verdicts, said):
    found = agree(verdicts)
    assert said in " ".join(found.notes)
    json.dumps(asdict(found), allow_nan=False)


def test_many_verdicts_need_no_note():
    assert agree([Verdict("a", "a", "a"), Verdict("b", "b", "b")] * 20).notes == []


@pytest.mark.parametrize(
    ("said", "sides", "meant"),
    [("a", 2, "b"), ("b", 2, "a"), ("tie", 2, "tie"), ("a", 4, "d"), ("c", 4, "b"), ("both_bad", 3, "both_bad")],
)
def test_swapped_letters_come_back(said, sides, meant):
    assert unswap(said, sides) == meant
