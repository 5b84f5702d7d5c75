"""Whatever people vote, few votes or odd ones: nothing crashes, and every number is finite or not there."""

import json
import re
from dataclasses import asdict

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from apps.model_arena import plots
from apps.model_arena.ballot import SIDES, Ballot
from apps.model_arena.components import components
from apps.model_arena.counts import Counts
from apps.model_arena.history import follow
from apps.model_arena.leaderboard import build
from apps.model_arena.position import estimate
from apps.model_arena.sampling import draw, gains
from apps.model_arena.win_rates import win_rates
from shared.errors import PlaygroundError

MODELS = ["x", "y", "z", "四", "<b>"]


@some.composite
def ballots(draw):
    models = draw(some.lists(some.sampled_from(MODELS), min_size=2, max_size=6))
    sides = len(models)
    winner = draw(some.sampled_from([*SIDES[:sides], "tie", "both_bad"]))
    lengths = some.lists(some.integers(0, 10**6), min_size=sides, max_size=sides)
    marks = some.lists(some.tuples(*[some.integers(0, 99)] * 3), min_size=sides, max_size=sides)
    known = draw(some.booleans())
    return Ballot(
        tuple(models), winner, "b", "", lengths=tuple(draw(lengths)) if known else (), markdown=tuple(draw(marks)) if known else ()
    )  # fmt: skip


votes = some.lists(some.tuples(ballots(), some.sampled_from([1, 1, 1, 2, 30])), max_size=12).map(
    lambda found: [each for each, times in found for _ in range(times)]
)
often = settings(max_examples=25, deadline=None)
seldom = settings(max_examples=6, deadline=None)  # figures take long


def strict(found):
    """What JSON can hold: no infinity, no NaN."""
    return json.loads(json.dumps(asdict(found), allow_nan=False))


@often
@given(votes, some.sampled_from(["sandwich", "bootstrap"]), some.booleans(), some.sampled_from(["", *MODELS]))
def test_a_leaderboard_is_finite_and_whole(found, interval, styled, anchor):
    table = Counts(found).table()
    try:
        board = build(found, interval, styled, anchor, 1114, rounds=20)
    except PlaygroundError:  # no such anchor, or nothing to say about style
        assert anchor or styled
        return
    strict(board)
    assert all(
        row.lower <= row.rating + 1e-6 and row.rating - 1e-6 <= row.upper
        for row in board.rows
        if row.rating is not None
    )
    if not styled:
        assert {row.model for row in board.rows} == (set(table.models) if table.votes else set())
    assert len({row.model for row in board.rows}) == len(board.rows)
    rated = [row for row in board.rows if row.rating is not None]
    assert len(rated) != 1
    assert all(1 <= row.rank_lower <= row.rank_upper <= len(rated) for row in rated)
    if anchor not in {row.model for row in rated} and rated:
        assert np.mean([row.rating for row in rated]) == pytest.approx(1000)


@often
@given(votes)
def test_win_rates_position_and_history_are_finite(found):
    table = Counts(found).table()
    rates, bias = win_rates(table), estimate(table)
    strict(rates)
    strict(bias)
    for one in range(len(rates.models)):
        for two in range(len(rates.models)):
            if rates.rates[one][two] is None:
                assert rates.rates[two][one] is None
                continue
            assert rates.rates[one][two] + rates.rates[two][one] == pytest.approx(1)
            assert rates.lower[one][two] == pytest.approx(1 - rates.upper[two][one])
            assert 0 <= rates.lower[one][two] <= rates.rates[one][two] + 1e-9
            assert rates.battles[one][two] == rates.battles[two][one] > 0
    for moment in follow(found, 4):
        strict(moment)


@seldom
@given(votes)
def test_figures_can_be_drawn(found):
    table = Counts(found).table()
    ratings, history = plots.draw_ratings(build(table).rows), plots.draw_history(follow(found, 4))
    for figure in (ratings, history, plots.draw_win_rates(win_rates(table)), plots.draw_position(estimate(table))):
        assert not {"Infinity", "NaN"} & set(re.findall(r"\w+", figure.to_json()))


@often
@given(votes, some.integers(2, 6))
def test_any_models_may_meet_next(found, sides):
    table = Counts(found).table()
    pool = [*MODELS, "new"]
    known = gains(table, pool)
    assert np.isfinite(known).all()
    assert (known >= 0).all()
    assert np.allclose(known, known.T)
    chosen = draw(table, pool, sides)
    assert len(set(chosen)) == sides


@often
@given(votes)
def test_counts_do_not_depend_on_the_order_of_votes(found):
    one, two = Counts(found).table(), Counts(reversed(found)).table()
    order = [two.models.index(model) for model in one.models]
    assert np.array_equal(one.wins, two.wins[np.ix_(order, order)])
    assert np.array_equal(one.battles, two.battles[order])
    assert [len(each) for each in components(one.wins)] == [len(each) for each in components(two.wins)]
    assert one.votes + one.selves == len(found)
