import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from apps.model_arena.counts import BOTH_BAD, TIE, Counts, decided
from shared.errors import PlaygroundError
from tests.unit.apps.model_arena.votes import drawn, vote


def test_pairs_are_counted_by_order_and_outcome():
    table = Counts([vote("x y", "a"), vote("y x", "a"), vote("x y", "tie"), vote("x y", "both_bad")]).table()
    assert table.models == ("x", "y")
    assert table.cells[0, 1].tolist() == [1, 0, 1, 1]
    assert table.cells[1, 0].tolist() == [1, 0, 0, 0]
    assert table.wins.tolist() == [[0, 2], [2, 0]]
    assert table.met.tolist() == [[0, 4], [4, 0]]
    assert (table.battles.tolist(), table.votes) == ([4, 4], 4)


def test_with_more_sides_the_winner_beats_each_other_with_its_share():
    table = Counts([vote("x y z w", "b")]).table()
    wins = np.zeros((4, 4))
    wins[1, [0, 2, 3]] = 1 / 3
    assert np.array_equal(table.wins, wins)
    assert table.battles.tolist() == [1, 1, 1, 1]
    tie = Counts([vote("x y z", "tie")]).table()
    assert np.array_equal(tie.wins, (np.ones((3, 3)) - np.eye(3)) / 4)
    assert decided(3, 1) == [(1, 0), (1, 2)]
    assert decided(3, -1) == [(0, 1), (0, 2), (1, 2)]


@pytest.mark.parametrize("sides", [2, 3, 4, 5, 6])
def test_taking_votes_back_leaves_nothing(sides):
    votes = drawn(200, np.zeros(9), 1, sides, 0.3)
    counts = Counts(votes)
    for each in votes:
        counts.add(each, -1)
    table = counts.table()
    assert not table.wins.any()
    assert not table.met.any()
    assert not table.battles.any()
    assert not table.cells.any()
    assert all(not rows.merged().times.size for rows in table.rows)
    assert not np.any(table.triples)
    assert not any(wins.any() for wins in table.places.values())
    assert table.votes == 0


def test_columns_count_as_votes_do():
    votes = drawn(3000, np.linspace(-1, 1, 12), 2, ties=0.2)
    ends = {"a": "model_a", "b": "model_b", "tie": "tie"}
    frame = pd.DataFrame(
        {"l": [v.models[0] for v in votes], "r": [v.models[1] for v in votes], "w": [ends[v.winner] for v in votes]}
    )
    one, two = Counts(votes).table(), Counts.of_columns(frame["l"], frame["r"], frame["w"]).table()
    order = [two.models.index(model) for model in one.models]
    assert np.array_equal(one.wins, two.wins[np.ix_(order, order)])
    assert np.array_equal(one.cells, two.cells[np.ix_(order, order)])
    assert np.array_equal(one.battles, two.battles[order])
    assert np.array_equal(one.met, two.met[np.ix_(order, order)])
    assert one.votes == two.votes
    three = Counts.of_columns(pa.chunked_array([frame["l"]]), frame["r"].tolist(), pa.array(frame["w"].tolist()))
    assert np.array_equal(three.table().cells, two.cells)


def test_columns_take_further_votes_and_their_own_words():
    counts = Counts.of_columns(["x", "x"], ["y", "x"], ["E", "E"], {"E": TIE})
    counts.add(vote("y z", "both_bad"))
    table = counts.table()
    assert table.cells[1, 2, BOTH_BAD] == 1
    assert (table.votes, table.selves) == (2, 1)


@pytest.mark.parametrize(("winners", "match"), [(["model_c"], "'model_c' is no outcome"), ([None], "1 votes lack")])
def test_columns_refuse_what_is_no_outcome(winners, match):
    with pytest.raises(PlaygroundError, match=match):
        Counts.of_columns(["x"], ["y"], pa.array(winners, pa.string()))


def test_a_model_against_itself_is_no_vote():
    table = Counts([vote("x x", "a")]).table()
    assert (table.votes, table.selves) == (0, 1)
    three = Counts([vote("x x y", "a")]).table()
    assert three.wins.tolist() == [[0, 0.5], [0, 0]]
    assert three.battles.tolist() == [1, 1]


def test_a_table_does_not_change_when_votes_arrive():
    counts = Counts([vote("x y", "a")])
    table = counts.table()
    counts.add(vote("x y", "a"))
    assert table.wins[0, 1] == 1
    assert counts.table().wins[0, 1] == 2


def test_models_without_votes_are_named_in_the_error():
    assert Counts([vote("x y", "a")]).table().place("y") == 1
    with pytest.raises(PlaygroundError, match="Models with votes: none"):
        Counts().table().place("y")
