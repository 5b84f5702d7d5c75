"""Counts that are kept as votes arrive equal a count of all votes from the beginning, wherever the votes come from."""

from concurrent.futures import ThreadPoolExecutor
from functools import partial

import numpy as np
import pytest

from apps.model_arena.ballot import KIND, Ballot
from apps.model_arena.counts import Counts
from apps.model_arena.live import LiveVotes, of_suite
from shared.env import Environment
from shared.rows import Row, merge
from shared.suite import Suite
from tests.unit.apps.model_arena.votes import drawn, vote

KEYS = [(category, language) for category in ("", "coding", "maths") for language in ("", "en", "zh")]


def mixed(count, seed, sides=2):
    """Votes of several categories and languages, every ninth excluded."""
    found = []
    for place, each in enumerate(drawn(count, [0.4, 0.0, -0.3, 0.1], seed, sides, ties=0.2)):
        category, language = ("", "coding", "maths")[place % 3], ("", "en", "zh")[place % 2 + (place % 5 == 0)]
        more = {"category": category, "language": language, "excluded": place % 9 == 0}
        found.append(Ballot(each.models, each.winner, f"{seed}-{place}", f"t{place}", **more))
    return found


def write(store, ballots):
    store.append_many(KIND, [(each.to_body(), each.battle) for each in ballots])


def same(live, store):
    """Compare with a recount, model by model: the order of models is that of their first votes in each."""
    stored = [Ballot.of_body(row.body) for row in store.rows(KIND)]
    for category, language in KEYS:
        wanted = Counts(
            each
            for each in stored
            if not each.excluded and category in ("", each.category) and language in ("", each.language)
        ).table()
        table = live.counts(category, language).table()
        assert sorted(table.models) == sorted(wanted.models)
        order = [table.models.index(name) for name in wanted.models]
        assert table.votes == wanted.votes
        assert np.array_equal(table.wins[np.ix_(order, order)], wanted.wins)
        assert np.array_equal(table.cells[np.ix_(order, order)], wanted.cells)
        assert np.array_equal(table.battles[order], wanted.battles)
    assert live.excluded == sum(each.excluded for each in stored)
    assert live.categories == sorted({each.category for each in stored if not each.excluded} - {""})
    assert live.languages == sorted({each.language for each in stored if not each.excluded} - {""})
    return len(stored)


def test_no_votes(house):
    live = house.own(of_suite)
    assert live.counts().table().votes == live.counts("coding", "en").table().votes == live.excluded == 0
    assert live.categories == live.languages == list(live.ballots()) == []
    assert house.own(of_suite) is live


def test_counts_follow_the_votes(house):
    live = house.own(of_suite)
    write(house.store, mixed(60, 1))
    assert same(live, house.store) == 60
    write(house.store, mixed(31, 2, sides=4))
    assert same(live, house.store) == 91
    house.store.append(KIND, vote("m0 m9", "a", "one", category="new", language="fr").to_body(), "one")
    same(live, house.store)
    assert live.counts("new", "fr").table().votes == 1
    assert "m9" in live.counts().table().models


def test_a_look_after_nothing_new_counts_nothing_twice(house):
    live = house.own(of_suite)
    write(house.store, mixed(10, 3))
    tables = [live.counts().table().votes for _ in range(3)]
    assert tables == [tables[0]] * 3


def test_ballots_have_the_excluded_ones_too_oldest_first(house):
    votes = mixed(20, 4)
    write(house.store, votes)
    assert list(house.own(of_suite).ballots()) == votes


def test_a_row_that_is_no_vote_is_not_passed_over_in_silence(house):
    live = house.own(of_suite)
    write(house.store, mixed(5, 5))
    live.counts()
    house.store.append(KIND, {"models": ["x"], "winner": "a", "battle": "b", "time": ""}, "b")
    for _ in range(2):
        with pytest.raises(ValueError, match="2 to 6 sides"):
            live.counts()


def from_elsewhere(store, ballots, time, origin="there"):
    for each in ballots:
        row = Row(0, each.battle.rjust(32, "0")[-32:], KIND, each.battle, time, each.to_body())
        store.write(partial(merge, row=row, origin=origin))


def test_rows_of_other_replicas_are_counted(house):
    live = house.own(of_suite)
    write(house.store, mixed(12, 6))
    same(live, house.store)
    from_elsewhere(house.store, mixed(17, 7), "2030-01-01T00:00:00.000000Z")
    assert same(live, house.store) == 29


def test_a_vote_that_another_replica_had_first_takes_the_place_of_ours(house):
    """Both imported one file, or one battle was voted on in both: the store keeps the earlier row, and so do the counts."""
    live = house.own(of_suite)
    ours = [vote("m0 m1", "a", f"b{place}", category="coding", language="en") for place in range(8)]
    theirs = [vote("m0 m1", "b", each.battle, category="maths", language="zh") for each in ours[:5]]
    write(house.store, ours)
    same(live, house.store)
    from_elsewhere(house.store, theirs, "2020-01-01T00:00:00.000000Z")
    assert same(live, house.store) == 8
    table = live.counts().table()
    assert (table.wins[table.place("m0"), table.place("m1")], table.wins[table.place("m1"), table.place("m0")]) == (
        3,
        5,
    )
    from_elsewhere(house.store, [vote("m0 m1", "tie", "b7")], "2019-01-01T00:00:00.000000Z", "third")
    write(house.store, mixed(3, 8))
    assert same(live, house.store) == 11


def test_through_a_real_remote_and_after_a_restart(workspace):
    remote = f"folder:{workspace / 'remote'}"
    one = Suite(Environment(home=workspace / "one", remote=remote))
    one.start()
    write(one.store, mixed(25, 9))
    one.close()
    two = Suite(Environment(home=workspace / "two", remote=remote))
    write(two.store, mixed(25, 9)[20:] + mixed(6, 10))  # five battles are in both
    live = two.own(of_suite)
    same(live, two.store)
    two.start()
    assert same(live, two.store) == 31
    two.close()
    again = Suite(Environment(home=workspace / "two"))
    assert same(LiveVotes(again.store), again.store) == 31
    again.close()


def test_many_threads_vote_and_look(house):
    live = house.own(of_suite)

    def both(seed):
        for each in mixed(20, seed):
            house.store.append(KIND, each.to_body(), each.battle)
            live.counts(each.category, each.language).table()

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(both, range(20, 24)))
    assert same(live, house.store) == 80
