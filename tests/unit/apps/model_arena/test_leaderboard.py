import json
import math
from dataclasses import asdict

import numpy as np
import pytest

from apps.model_arena.bradley_terry import SCALE
from apps.model_arena.counts import Counts
from apps.model_arena.leaderboard import build, choose
from shared.errors import PlaygroundError
from tests.unit.apps.model_arena.votes import drawn, real, vote


def checked(board):
    """A board that JSON can hold and whose numbers fit each other."""
    json.loads(json.dumps(asdict(board), allow_nan=False))
    for row in board.rows:
        if row.rating is None:
            assert (row.standard_error, row.lower, row.upper, row.rank_lower, row.rank_upper) == (None,) * 5
        else:
            assert row.lower <= row.rating <= row.upper
            assert 1 <= row.rank_lower <= row.rank_upper <= len(board.rows)
            assert math.isfinite(row.standard_error)
    return board


def rated(board):
    return {row.model: row for row in board.rows if row.rating is not None}


def test_real_votes_are_ranked_as_in_the_reference(real_data):
    votes, reference = real(real_data, "llmfao")
    board = checked(build(votes))
    order = sorted(reference["ratings"], key=lambda model: -reference["ratings"][model])
    assert [row.model for row in board.rows] == order
    for row in board.rows:
        assert row.rating == pytest.approx(reference["ratings"][row.model], abs=1e-6)
        assert row.standard_error == pytest.approx(reference["sandwich_se"][row.model], rel=0.01)
        assert row.upper - row.lower == pytest.approx(2 * 1.96 * row.standard_error, rel=1e-4)
    assert (board.rows[0].model, board.rows[0].rank_lower) == ("GPT 4", 1)
    assert sum(row.battles for row in board.rows) == 2 * 8931
    assert board.notes == []


@pytest.mark.parametrize("interval", ["sandwich", "bootstrap"])
@pytest.mark.parametrize(
    ("votes", "models", "said"),
    [
        ([], [], "No votes yet"),
        ([vote("x y", "a")], [], "Nobody can be rated after 1 vote:"),
        ([vote("x y", "a")] * 9, [], "x (not lost once"),
        ([vote("x x", "a")], [], "between a model and itself"),
        ([vote("x y", "tie")], ["x", "y"], "Every vote on x, y was a tie"),
        ([vote("x y", "both_bad")], ["x", "y"], "Fewer than 10 battles"),
        ([vote("x y", "a"), vote("x y", "b")], ["x", "y"], "rough: x, y"),
        ([vote("x y", "a"), vote("x y", "b"), vote("z x", "a")], ["x", "y"], "Not comparable: z (not lost once"),
        ([vote("x y", "a"), vote("x y", "b"), vote("x z", "a")], ["x", "y"], "Not comparable: z (not won once"),
        ([vote("x y", "tie"), vote("v w", "tie"), vote("v w", "a")], ["v", "w"], "x, y (comparable with each other"),
        ([vote("x y", "tie"), vote("x z", "a"), vote("z w", "a")], ["x", "y"], "z (won against some and lost"),
        ([vote("x y", "tie"), vote("z z w", "both_bad"), vote("q q", "a")], ["x", "y"], "q (met nobody but themselves"),
        ([vote("x y z 四", "a"), vote("x y z 四", "tie")], ["x", "y", "z", "四"], "rough"),
    ],
)
def test_few_votes_are_said_to_be_few(votes, models, said, interval):
    board = checked(build(votes, interval))
    assert sorted(rated(board)) == models
    assert said in " ".join(board.notes)
    everyone = {model for each in votes for model in each.models}
    assert {row.model for row in board.rows} == (everyone if Counts(votes).table().votes else set())
    assert all(row.standard_error > 20 for row in rated(board).values())


def test_models_that_cannot_be_compared_stand_at_the_end():
    votes = [*drawn(100, np.zeros(3), 1), *[vote("best m0", "a")] * 5, *[vote("worst m0", "b")] * 7]
    board = checked(build(votes))
    assert [row.model for row in board.rows[3:]] == ["worst", "best"]
    assert [row.battles for row in board.rows[3:]] == [7, 5]


def test_the_mean_is_1000_and_an_anchor_shifts_it():
    votes = drawn(600, np.linspace(-1, 1, 5), 2)
    plain, held = build(votes), checked(build(votes, anchor="m2", anchor_rating=1114))
    assert np.mean([row.rating for row in plain.rows]) == pytest.approx(1000)
    by_model = rated(held)
    assert (by_model["m2"].rating, by_model["m2"].standard_error) == (1114, 0)
    assert (by_model["m2"].lower, by_model["m2"].upper) == (1114, 1114)
    assert "no width" in " ".join(held.notes)
    for model, row in rated(plain).items():
        assert by_model[model].rating - 1114 == pytest.approx(row.rating - rated(plain)["m2"].rating)
        assert (by_model[model].rank_lower, by_model[model].rank_upper) == (row.rank_lower, row.rank_upper)
    assert by_model["m0"].standard_error > rated(plain)["m0"].standard_error
    drawn_anew = rated(checked(build(votes, "bootstrap", anchor="m2", anchor_rating=1114, rounds=200)))
    assert (drawn_anew["m2"].lower, drawn_anew["m2"].upper) == (pytest.approx(1114), pytest.approx(1114))
    assert drawn_anew["m0"].upper - drawn_anew["m0"].lower == pytest.approx(
        3.92 * by_model["m0"].standard_error, rel=0.2
    )


def test_ties_alone_leave_the_distance_to_an_anchor_as_unsure_as_it_is():
    """Ten ties: the information on the difference of strengths is 10/4, so its variance is 0.4."""
    board = checked(build([vote("x y", "tie")] * 10, anchor="x"))
    assert rated(board)["y"].standard_error == pytest.approx(SCALE * math.sqrt(0.4))


def test_an_anchor_must_be_known_and_a_number():
    votes = drawn(50, np.zeros(3), 1)
    with pytest.raises(PlaygroundError, match="No vote counted here is about 'm9'"):
        build(votes, anchor="m9")
    with pytest.raises(PlaygroundError, match="rating is nan"):
        build(votes, anchor="m1", anchor_rating=math.nan)
    assert build([], anchor="m9").rows == []
    board = checked(build([*votes, vote("best m0", "a")], anchor="best"))
    assert "best cannot be compared yet" in " ".join(board.notes)
    assert np.mean([row.rating for row in rated(board).values()]) == pytest.approx(1000)


def test_bootstrap_intervals_are_near_the_sandwich():
    votes = drawn(1200, np.linspace(-0.5, 0.5, 6), 4, 3, 0.1)
    one, two = rated(build(votes)), rated(checked(build(votes, "bootstrap")))
    for model, row in one.items():
        assert two[model].rating == row.rating
        assert two[model].upper - two[model].lower == pytest.approx(row.upper - row.lower, rel=0.2)


def test_few_votes_drawn_anew_are_weighted():
    board = checked(build([vote("x y", "a"), vote("x y", "b")], "bootstrap"))
    assert "random weight" in " ".join(board.notes)
    assert rated(board)["x"].upper > 1050


def test_style_control():
    looks = {"lengths": (900, 100), "markdown": ((3, 2, 1), (0, 0, 0))}
    bare = {"lengths": (300, 300), "markdown": ((0, 0, 0), (0, 0, 0))}
    votes = [*[vote("x y", "a", **looks)] * 30, *[vote("x y", "a", **bare)] * 10, *[vote("y x", "a", **bare)] * 12]
    plain, styled = rated(build(votes)), checked(build(votes, "bootstrap", style_control=True))
    assert plain["x"].rating > 1000 > rated(styled)["x"].rating
    notes = " ".join(styled.notes)
    assert "Style is taken out" in notes
    assert "sandwich intervals, whatever was asked for" in notes
    mixed = build([*votes, vote("x y", "b")], style_control=True)
    assert "1 of 53 votes are left out" in mixed.notes[0]
    assert rated(mixed)["x"].rating == pytest.approx(rated(styled)["x"].rating)
    assert build([], style_control=True).rows == []
    with pytest.raises(PlaygroundError, match="None of the 1 votes"):
        build([vote("x y", "b")], style_control=True)
    with pytest.raises(TypeError, match="votes themselves"):
        build(Counts(votes), style_control=True)


def test_counts_tables_and_votes_give_the_same_board():
    votes = drawn(200, np.zeros(4), 3)
    counts = Counts(votes)
    assert build(votes) == build(counts) == build(counts.table())


def test_votes_are_chosen_by_what_they_are_about():
    one = vote("x y", "a", category="code", language="en", voter="v")
    two = vote("x y", "b", category="poems", language="ja", voter="w")
    out = vote("x y", "b", category="code", language="en", voter="v", excluded=True)
    every = [one, two, out]
    assert choose(every) == [one, two]
    assert choose(every, category="code") == choose(every, language="en") == choose(every, voter="v") == [one]
    assert choose(every, "code", "ja") == []


def test_many_names_are_shortened():
    votes = [vote(f"m{number} z", "b") for number in range(9)]
    assert "m0, m1, m2, m3, m4 and 4 more" in " ".join(build(votes).notes)
