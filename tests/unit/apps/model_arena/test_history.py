import numpy as np

from apps.model_arena.history import follow
from apps.model_arena.leaderboard import build
from tests.unit.apps.model_arena.votes import drawn, vote


def test_the_last_moment_is_the_leaderboard():
    votes = drawn(300, np.linspace(-1, 1, 5), 1)
    moments = follow(votes, points=10)
    assert sorted({each.votes for each in moments}) == list(range(30, 301, 30))
    last = {each.model: each for each in moments if each.votes == 300}
    for row in build(votes).rows:
        assert (last[row.model].rating, last[row.model].lower) == (row.rating, row.lower)
    early = {each.model: each for each in moments if each.votes == 90}
    assert build(votes[:90]).rows[0].rating == early[build(votes[:90]).rows[0].model].rating
    assert early["m0"].upper - early["m0"].lower > last["m0"].upper - last["m0"].lower


def test_few_votes():
    assert follow([]) == []
    assert follow([vote("x y", "a")]) == []
    found = follow([vote("x y", "a"), vote("x y", "b")])
    assert {(each.model, each.votes) for each in found} == {("x", 2), ("y", 2)}
