import numpy as np
import pytest

from shared.errors import PlaygroundError
from shared.metrics import intervals
from shared.metrics.intervals import bootstrap, paired


def hits(values):
    return [(float(each), 1.0) for each in values]


def test_worked_example_of_a_mean() -> None:
    # Two items, 0 and 1: a draw has two zeros, two ones (each 1/4) or one of each (1/2), so 95 % reach from 0 to 1.
    found = bootstrap([(0.0, 1.0), (1.0, 1.0)])
    assert (found.value, found.lower, found.upper, found.n) == (0.5, 0.0, 1.0, 2)


def test_equals_a_plain_loop_over_draws() -> None:
    random = np.random.default_rng(5)
    rows = random.random((40, 2)) + 0.1
    picks = np.random.default_rng(7).integers(40, size=(500, 40))
    scores = [sum(rows[i, 0] for i in draw) / sum(rows[i, 1] for i in draw) for draw in picks]
    found = bootstrap(rows, draws=500, seed=7)
    assert found.value == pytest.approx(rows[:, 0].sum() / rows[:, 1].sum(), abs=1e-12)
    assert [found.lower, found.upper] == pytest.approx(np.percentile(scores, [2.5, 97.5]), abs=1e-9)


def test_blocks_change_nothing_but_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = hits(np.random.default_rng(0).random(60) < 0.4)
    whole = bootstrap(rows, draws=400)
    monkeypatch.setattr(intervals, "BLOCK", 60 * 7)
    assert bootstrap(rows, draws=400).lower == pytest.approx(whole.lower, abs=0.05)


def test_the_same_seed_gives_the_same_interval() -> None:
    rows = hits([1, 0, 1, 1, 0, 1, 0, 0, 1, 1])
    assert bootstrap(rows, seed=3) == bootstrap(rows, seed=3)
    rough = np.random.default_rng(0).random((30, 2))
    assert bootstrap(rough, seed=3) != bootstrap(rough, seed=4)


@pytest.mark.parametrize(("truth", "n"), [(0.5, 40), (0.8, 60)])
def test_the_interval_covers_the_truth_about_as_often_as_it_says(truth: float, n: int) -> None:
    random = np.random.default_rng(11)
    covered = 0
    for round in range(400):
        found = bootstrap(hits(random.random(n) < truth), draws=300, seed=round)
        covered += found.lower <= truth <= found.upper
    assert 0.90 <= covered / 400 <= 0.98


def test_coverage_of_a_rate_whose_items_differ_in_size() -> None:
    random = np.random.default_rng(2)
    covered = 0
    for round in range(300):
        sizes = random.integers(50, 400, size=50)
        bits = random.normal(2.0, 0.5, size=50) * sizes
        found = bootstrap(np.stack([bits, sizes], axis=1), draws=300, seed=round)
        covered += found.lower <= 2.0 <= found.upper
    assert 0.89 <= covered / 300 <= 0.985


def test_level_widens() -> None:
    rows = hits(np.arange(50) % 3 == 0)
    narrow, wide = bootstrap(rows, level=0.5), bootstrap(rows, level=0.99)
    assert wide.lower < narrow.lower < narrow.upper < wide.upper


def test_one_item_says_nothing_about_others_and_none_is_refused() -> None:
    assert bootstrap([(3.0, 2.0)]) == intervals.Interval(1.5, None, None, 1)
    with pytest.raises(PlaygroundError, match="no item"):
        bootstrap([])


def test_all_right_and_all_wrong_get_the_exact_interval() -> None:
    right = bootstrap(hits([1] * 10), share=True)
    assert (right.value, right.upper) == (1.0, 1.0)
    assert right.lower == pytest.approx(0.6915028921812)  # Clopper-Pearson for 10 of 10, tables
    wrong = bootstrap(hits([0] * 10), share=True)
    assert (wrong.value, wrong.lower) == (0.0, 0.0)
    assert wrong.upper == pytest.approx(1 - 0.6915028921812)
    assert bootstrap(hits([1]), share=True).lower == pytest.approx(0.025)


def test_paired_difference_is_surer_than_the_two_intervals() -> None:
    random = np.random.default_rng(1)
    hard = random.random(200)
    first, second = hits(hard < 0.6), hits(hard < 0.5)  # right wherever the second is, and on a tenth more
    gap = paired(first, second)
    assert gap.value == pytest.approx(np.mean(hard < 0.6) - np.mean(hard < 0.5))
    assert gap.lower > 0
    assert gap.p < 0.01
    one, two = bootstrap(first), bootstrap(second)
    assert one.lower < two.upper, "the separate intervals overlap"


def test_paired_with_itself_is_no_difference() -> None:
    rows = hits([1, 0, 1, 0, 0])
    gap = paired(rows, rows)
    assert (gap.value, gap.lower, gap.upper, gap.p) == (0.0, 0.0, 0.0, 1.0)


def test_paired_equals_a_plain_loop() -> None:
    random = np.random.default_rng(4)
    one, two = random.random((25, 2)) + 0.2, random.random((25, 2)) + 0.2
    picks = np.random.default_rng(9).integers(25, size=(300, 25))
    gaps = [one[d, 0].sum() / one[d, 1].sum() - two[d, 0].sum() / two[d, 1].sum() for d in picks]
    gap = paired(one, two, draws=300, seed=9)
    assert [gap.lower, gap.upper] == pytest.approx(np.percentile(gaps, [2.5, 97.5]), abs=1e-9)


def test_paired_false_alarms_are_as_rare_as_they_should_be() -> None:
    random = np.random.default_rng(6)
    alarms = 0
    for round in range(300):
        alarms += paired(hits(random.random(60) < 0.5), hits(random.random(60) < 0.5), draws=300, seed=round).p < 0.05
    assert alarms / 300 < 0.1


def test_paired_needs_the_same_items() -> None:
    with pytest.raises(PlaygroundError, match="2 and the second 3"):
        paired(hits([1, 0]), hits([1, 0, 1]))
    assert paired(hits([1]), hits([0])).lower is None


@pytest.mark.parametrize(("items", "told_apart"), [(2, False), (5, False), (6, True), (40, True)])
def test_models_that_differ_alike_on_every_item(items: int, told_apart: bool) -> None:
    """By the sign test: with five items p is 2 / 32, with six 2 / 64."""
    right, wrong = [(1.0, 1.0)] * items, [(0.0, 1.0)] * items
    gap = paired(right, wrong, share=True)
    assert (gap.value, gap.upper) == (1, 1)
    assert (gap.lower > 0) == told_apart
    assert gap.p == pytest.approx(2 / 2**items)
    assert (gap.p < 0.05) == told_apart
    # Clopper and Pearson's end: that n of n come out like this is exactly as likely as the tail.
    assert ((gap.lower + 1) / 2) ** items == pytest.approx(0.025)
    other = paired(wrong, right, share=True)
    assert (other.value, other.lower, other.upper) == (-1, -1, pytest.approx(-gap.lower))


def test_models_that_never_differ() -> None:
    same = [(1.0, 1.0), (0.0, 1.0)] * 5
    gap = paired(same, same, share=True)
    assert (gap.value, gap.p) == (0, 1)
    assert gap.upper == -gap.lower == pytest.approx(1 - 0.025 ** (1 / 10))
    assert paired(same, same).upper == 0, "other metrics keep what the bootstrap says"
