from math import sqrt

import pytest

from shared.checks import Matrix, Result, Results, Total, changes
from shared.checks.results import ordered


def result(id: str, axis: str = "a", outcome: str = "passed", core: bool = False, answer: str = "") -> Result:
    return Result(id, axis, core, outcome, "" if outcome == "passed" else "why", answer)


ONE = Results("one", (result("x", core=True), result("y", "b", "failed", True, "u"), result("z", "b")), 3)
TWO = Results(
    "two", (result("x", outcome="error"), result("y", "b", answer="v"), result("w", "c", "not asked")), 3, "down"
)


def test_totals() -> None:
    assert (str(ONE.total), str(ONE.core)) == ("2 of 3", "1 of 2")
    assert ONE.axes == {"a": Total(1, 1), "b": Total(1, 2)}
    assert TWO.total == Total(1, 2), "what was not asked is no failure"
    assert (ONE.errors, TWO.errors) == (0, 2)
    assert TWO.axes["c"] == Total(0, 0)
    assert ONE.complete
    assert not Results("one", (), 3).complete
    assert ONE.result("y").answer == "u"
    assert ONE.result("?") is None


def test_interval_of_a_worked_example() -> None:
    low, high = Total(24, 32).interval  # Newcombe 1998, formula of the score method, worked by hand
    assert (low, high) == (pytest.approx(0.5789, abs=5e-5), pytest.approx(0.8675, abs=5e-5))
    assert Total(0, 0).interval == (0.0, 1.0)
    assert Total(0, 0).share == 0
    assert Total(0, 10).interval[0] == 0.0
    assert Total(10, 10).interval[1] == 1.0
    assert Total(1, 1).interval[0] == pytest.approx(0.2065, abs=5e-5)


@pytest.mark.parametrize(("passed", "asked"), [(0, 1), (1, 3), (24, 32), (56, 56)])
def test_interval_holds_every_share_that_a_score_test_accepts(passed: int, asked: int) -> None:
    """Independent: the score test |p - q| <= z sqrt(q (1 - q) / n), tried for every q on a fine grid."""
    share = passed / asked
    grid = [q / 20_000 for q in range(1, 20_000)]
    held = [q for q in grid if abs(share - q) <= 1.959963984540054 * sqrt(q * (1 - q) / asked)]
    low, high = Total(passed, asked).interval
    assert held[0] == pytest.approx(low, abs=1e-4)
    assert held[-1] == pytest.approx(high, abs=1e-4)


def test_side_by_side() -> None:
    matrix = Matrix((ONE, TWO))
    assert matrix.refs == ("one", "two")
    assert list(matrix.checks) == ["x", "y", "z", "w"]
    assert matrix.checks["z"] == (ONE.results[2], None)
    assert matrix.axes == {
        "a": (Total(1, 1), Total(0, 1)),
        "b": (Total(1, 2), Total(1, 1)),
        "c": (Total(0, 0), Total(0, 0)),
    }
    assert matrix.disputed == ("x", "y")
    assert Matrix(()).checks == {}


def test_changes_have_both_answers() -> None:
    worse, better = changes(ONE, TWO)
    assert (worse.id, worse.better, better.id, better.better) == ("x", False, "y", True)
    assert (better.axis, better.before.answer, better.after.answer) == ("b", "u", "v")
    assert changes(ONE, ONE) == ()


def test_order() -> None:
    assert [each.id for each in ordered(ONE.results, ["z", "y", "x"])] == ["z", "y", "x"]
