"""The leaderboard and the win rates through the core: from no vote at all to 8,931 real ones."""

import json
import math

import pytest

from apps.model_arena import core
from apps.model_arena.ballot import KIND, Ballot
from apps.model_arena.leaderboard import build
from apps.model_arena.live import of_suite
from apps.model_arena.standing import Category, Language
from shared import calls
from shared.errors import PlaygroundError
from shared.policy import OWNER, Caller
from shared.settings import Choices
from shared.ui.wiring import _plain
from tests.unit.apps.model_arena.votes import drawn, vote

ANN = Caller("ann", owner=False)


def cast_votes(house, ballots):
    """Write votes with battles of their own."""
    stored = [
        Ballot(**{**each.to_body(), "battle": f"v{n}"}) for n, each in enumerate(ballots, house.store.count(KIND))
    ]
    house.store.append_many(KIND, [(each.to_body(), each.battle) for each in stored])


def board(**arguments):
    """The board as an endpoint hands it out, which JSON must take: no infinity, no NaN."""
    found = calls.call(core.leaderboard, arguments, arguments.pop("caller", OWNER))
    json.dumps(_plain(found), allow_nan=False)
    return found


def rates(**arguments):
    found = calls.call(core.win_rates, arguments, arguments.pop("caller", OWNER))
    json.dumps(_plain(found), allow_nan=False)
    return found


def test_no_votes(house):
    for interval in ("sandwich", "bootstrap"):
        for more in ({}, {"style_control": True}, {"mine": True}, {"anchor": "x"}):
            found = board(interval=interval, **more)
            assert found.rows == []
            assert "No votes yet" in found.notes[-1]
    assert (rates().votes, rates().excluded) == (0, 0)
    with pytest.raises(PlaygroundError, match="no votes here yet"):
        core.rating_history()


@pytest.mark.parametrize("winner", ["a", "b"])
@pytest.mark.parametrize("interval", ["sandwich", "bootstrap"])
def test_one_vote_rates_nobody_and_says_why(house, winner, interval):
    cast_votes(house, [vote("红 blue", winner)])
    found = board(interval=interval)
    assert sorted(row.model for row in found.rows) == ["blue", "红"]
    assert all(row.rating is row.lower is row.rank_lower is None for row in found.rows)
    assert "Nobody can be rated after 1 vote" in " ".join(found.notes)
    assert rates().votes == 1


def test_one_tie_rates_both_alike(house):
    cast_votes(house, [vote("x y", "tie")])
    assert [row.rating for row in board().rows] == pytest.approx([1000, 1000])


@pytest.mark.parametrize(
    "more", [{}, {"interval": "bootstrap"}, {"mine": True}, {"anchor": "m1", "anchor_rating": 1500.0}]
)
def test_a_model_that_always_wins_has_no_rating(house, more):
    others = drawn(60, [0.3, 0.0, -0.3], 1)
    others = [Ballot(each.models, each.winner, "", "", voter="owner") for each in others]
    cast_votes(house, [*others, *(vote("best m1", "a", voter="owner") for _ in range(20))])
    found = board(**more)
    last = found.rows[-1]
    assert (last.model, last.rating, last.battles) == ("best", None, 20)
    assert any("best (not lost once" in note for note in found.notes)
    assert all(math.isfinite(row.rating) for row in found.rows[:-1])


def test_the_board_is_that_of_all_votes_rated_at_once(house):
    votes = drawn(200, [0.8, 0.1, -0.2, -0.7], 2, ties=0.2)
    cast_votes(house, votes[:90])
    board()
    cast_votes(house, votes[90:])
    found, wanted = board(), build(votes)
    assert [row.model for row in found.rows] == [row.model for row in wanted.rows]
    for one, two in zip(found.rows, wanted.rows, strict=True):
        assert (one.rating, one.lower, one.upper) == pytest.approx((two.rating, two.lower, two.upper), abs=1e-6)
        assert (one.rank_lower, one.rank_upper, one.battles) == (two.rank_lower, two.rank_upper, two.battles)


def test_an_anchor_is_held_and_an_unknown_one_refused(house):
    cast_votes(house, drawn(80, [0.5, 0.0, -0.5], 3))
    free = {row.model: row.rating for row in board().rows}
    held = {row.model: row for row in board(anchor="m1", anchor_rating=1500.0).rows}
    assert (held["m1"].rating, held["m1"].standard_error) == pytest.approx((1500, 0))
    assert held["m0"].rating - held["m1"].rating == pytest.approx(free["m0"] - free["m1"])
    with pytest.raises(PlaygroundError, match="about 'gpt'"):
        board(anchor="gpt")
    with pytest.raises(PlaygroundError, match="rating is nan"):
        board(anchor="m1", anchor_rating=math.nan)


def test_style_control_takes_length_out(house):
    """The longer answer always wins, whoever wrote it: what is left of the lead is small."""
    votes = []
    for place in range(120):
        long = place % 3 > 0
        lengths = (900, 300) if long else (300, 900)
        won = "a" if long != (place % 10 == 0) else "b"
        votes.append(vote("long short", won, lengths=lengths, markdown=((0, 0, 0), (0, 0, 0))))
    cast_votes(house, votes)
    plain, styled = board().rows, board(style_control=True)
    lead = {name: {row.model: row.rating for row in rows} for name, rows in (("p", plain), ("s", styled.rows))}
    assert lead["p"]["long"] - lead["p"]["short"] > 60
    assert abs(lead["s"]["long"] - lead["s"]["short"]) < 30
    assert any("Style is taken out" in note for note in styled.notes)


def test_style_control_needs_to_know_the_answers(house):
    cast_votes(house, [vote("x y", "a"), vote("x y", "b")])
    with pytest.raises(PlaygroundError, match="Turn style control off"):
        board(style_control=True)


def test_a_personal_board_has_one_persons_votes(house):
    anns = [vote("x y", "a", voter="ann")] * 4 + [vote("x y", "b", voter="ann")]
    cast_votes(house, [*anns, *[vote("x y", "b", voter="owner")] * 30])
    assert board(mine=True, caller=ANN).rows[0].model == "x"
    assert board(mine=True, caller=ANN).rows[0].battles == 5
    assert [row.rating for row in board(mine=True).rows] == [None, None]
    assert board().rows[0].model == "y"


def test_categories_and_languages_are_offered_and_kept_apart(house):
    coding = [vote("x y", each, category="coding", language="en") for each in "aab"]
    maths = [vote("x y", each, category="maths", language="zh") for each in "bba"]
    hidden = [vote("x y", "a", category="secret", language="de", excluded=True)]
    cast_votes(house, coding + maths + hidden)
    assert board(category="coding").rows[0].model == "x"
    assert board(language="zh").rows[0].model == "y"
    assert board(category="coding", language="zh").rows == []
    assert board(category="coding", style_control=False, mine=True).rows == []
    assert rates(category="maths", language="zh").votes == 3
    assert (rates().votes, rates().excluded, rates(caller=ANN).excluded) == (6, 1, 0)
    offered = [next(part for part in hint.__metadata__ if isinstance(part, Choices)) for hint in (Category, Language)]
    assert [each.make() for each in offered] == [
        ["", "coding", "maths"],
        ["", "en", "zh"],
    ]


def test_history_ends_at_the_board(house):
    cast_votes(house, drawn(70, [0.5, 0.0, -0.5], 4))
    moments = core.rating_history()
    json.dumps(_plain(moments), allow_nan=False)
    last = {each.model: each.rating for each in moments if each.votes == 70}
    assert last == pytest.approx({row.model: row.rating for row in board().rows})
    assert {each.model for each in core.rating_history(category="", language="")} == {"m0", "m1", "m2"}


def test_several_sides(house):
    cast_votes(house, drawn(90, [0.5, 0.2, 0.0, -0.5], 5, sides=4, ties=0.1))
    assert len(board(interval="bootstrap").rows) == 4
    assert len(rates().position.shares["4"]) == 4
    assert sum(rates().position.shares["4"]) == pytest.approx(1)
    assert house.own(of_suite).counts().table().votes == 90
