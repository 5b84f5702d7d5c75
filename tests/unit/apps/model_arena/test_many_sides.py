import numpy as np

from apps.model_arena.many_sides import MIXERS, STEP, UNIT, ManySides, Rows, wider


def counted(*votes, models=4):
    """`((0, 1, 2), 1)`: the second of three won."""
    found = ManySides()
    found.grow(models)
    for shown, place in votes:
        found.add(np.array([shown]), np.array([place]), np.array([1]))
    return found


def test_the_winner_beats_each_other_with_its_share():
    found = counted(((3, 0, 1), 1), ((0, 1, 2, 3), -1))
    assert found.wins[0, :4].tolist() == [0, UNIT // 2 + UNIT // 6, UNIT // 6, UNIT // 2 + UNIT // 6]
    assert found.beaten[0, :4].tolist() == [0, 1, 0, 1]
    assert found.tied[:4, :4].tolist() == (1 - np.eye(4)).tolist()
    assert found.battles[:4].tolist() == [2, 2, 1, 2]
    assert {sides: wins.tolist() for sides, wins in found.places.items()} == {3: [0, 1, 0], 4: [0, 0, 0, 0]}
    assert [(rows.won, rows.models.T.tolist()) for rows in found.rows()] == [
        (True, [[0, 1, 3]]),
        (False, [[0, 1, 2, 3]]),
    ]


def test_a_model_on_two_sides_is_in_one_battle_and_never_beats_itself():
    found = counted(((0, 0, 1), 0), ((0, 0, 1), -1))
    assert found.battles[:2].tolist() == [2, 2]
    assert found.wins[0, 0] == found.beaten[0, 0] == found.tied[0, 0] == 0
    assert found.wins[0, 1] == UNIT // 2 + 2 * UNIT // 4


def test_triples_add_up_to_the_squares_of_single_votes(monkeypatch):
    monkeypatch.setattr("apps.model_arena.many_sides.FEW", 1)
    found = counted(((0, 1, 2), 0))
    assert found.triples is None
    found = counted(((0, 1, 2), 0), ((3, 2, 1, 0), 3))
    wanted = np.zeros((4, 4, 4))
    for losers, share in (((1, 2), UNIT // 2), ((1, 2, 3), UNIT // 3)):
        wanted[np.ix_([0], losers, losers)] += share**2
    assert np.array_equal(found.triples[:4, :4, :4], wanted)


def test_room_grows_in_steps_and_keeps_what_is_there(monkeypatch):
    monkeypatch.setattr("apps.model_arena.many_sides.FEW", 0)
    assert (wider(0, 1), wider(STEP, STEP), wider(STEP, STEP + 1)) == (STEP, 0, STEP)
    found = counted(((0, 1, 2), 0))
    found.grow(STEP + 1)
    assert found.wins.shape == (2 * STEP, 2 * STEP)
    assert found.wins[0, 1] == UNIT // 2
    assert found.triples.shape == (2 * STEP,) * 3
    assert found.triples.sum() == found.triples[0, 1:3, 1:3].sum() == UNIT**2


def test_equal_rows_become_one_and_those_taken_back_none():
    rows = Rows(np.array([[1, 2, 1, 3], [0, 5, 0, 4], [2, 6, 2, 5]]), np.array([2, 1, 3, 0]), won=True)
    merged = rows.merged()
    assert sorted(zip(merged.models.T.tolist(), merged.times.tolist(), strict=True)) == [([1, 0, 2], 5), ([2, 5, 6], 1)]
    assert Rows(np.zeros((3, 0), int), np.zeros(0, int), won=True).merged().times.tolist() == []


def test_rows_with_one_hash_stay_apart(monkeypatch):
    monkeypatch.setattr("apps.model_arena.many_sides.MIXERS", MIXERS * np.uint64(0))
    rows = Rows(np.array([[1, 2, 1], [0, 5, 0], [2, 6, 2]]), np.ones(3, int), won=True).merged()
    assert rows.times.sum() == 3
    assert {tuple(each) for each in rows.models.T.tolist()} == {(1, 0, 2), (2, 5, 6)}


def test_rows_that_were_given_out_do_not_change_while_more_arrive():
    found = counted(((0, 1, 2), 0))
    (before,) = found.rows()
    for _ in range(300):
        found.add(np.array([[0, 1, 2]]), np.array([0]), np.array([1]))
    assert before.times.tolist() == [1]
    (after,) = found.rows()
    assert after.merged().times.tolist() == [301]
    assert len(after.times) < 130, "equal votes are merged when room runs out"


def test_every_third_row_stands_for_three():
    rows = Rows(np.arange(21).reshape(3, 7), np.arange(7), won=False)
    assert rows.every(1) is rows
    assert rows.every(0) is rows
    assert rows.every(3).times.tolist() == [0, 9, 18]
    assert rows.every(3).models[0].tolist() == [0, 3, 6]
