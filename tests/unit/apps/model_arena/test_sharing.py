import json
from dataclasses import asdict

import pytest

from apps.model_arena.battling import answer, ask, say, side_by_side
from apps.model_arena.sharing import share, shared_battle
from apps.model_arena.sides import FAILED
from apps.model_arena.voting import vote
from shared.errors import NotAllowed, PlaygroundError
from tests.unit.apps.model_arena.players import ANN, BLUE, BOB, GREEN, RED, battle, fails, play_with, words


@pytest.fixture
def players(house):
    made = play_with(house, (RED, words("I am Qwen.")), (BLUE, words("Fine.")))
    yield made
    made.close()


def test_a_link_shows_the_battle_after_its_vote(players, house):
    """FastChat's share button calls a generator that it never iterates: nothing happens."""
    one, _ = battle(caller=ANN)
    say(one, "More?", caller=ANN)
    list(answer(one, caller=ANN))
    with pytest.raises(PlaygroundError, match="Vote first"):
        share(one, caller=ANN)
    revealed = vote(one, "a", ["clear"], caller=ANN)
    link = share(one, caller=ANN)
    assert share(one, caller=ANN) == link
    assert link.share not in one
    assert one not in link.share
    assert house.store.count("shares") == 1
    seen = shared_battle(link.share)
    assert seen.reveal == revealed
    assert (seen.winner, seen.reasons, seen.mode) == ("a", ["clear"], "blind")
    assert [turn.prompt for turn in seen.turns] == ["Why is the sky blue?", "More?"]
    assert set(seen.turns[0].texts.values()) == {"I am Qwen.", "Fine."}
    assert "ann" not in repr(seen)


def test_links_that_are_none(players):
    one, _ = battle(caller=ANN)
    vote(one, "tie", caller=ANN)
    with pytest.raises(NotAllowed):
        share(one, caller=BOB)
    for bad in ("", "x", one, "0" * 24, "%"):
        with pytest.raises(PlaygroundError, match="no shared battle"):
            shared_battle(bad)
    with pytest.raises(PlaygroundError, match="unknown"):
        share("0" * 32)
    assert ask("Hi").sides == ["a", "b"]


def test_a_backends_own_words_are_the_owners_alone(house):
    """They hold hosts, names and paths of a machine that strangers have no business with."""
    own = "http://10.0.0.7:8000/srv/red-7b said 500"
    players = play_with(house, (RED, fails(own)), (BLUE, words("Fine.")), (GREEN, words("Good.")))
    one, _ = battle(caller=ANN, sides=3)
    revealed = vote(one, "tie", caller=ANN)
    assert list(revealed.failures.values()) == [FAILED]
    link = share(one, caller=ANN).share
    assert "10.0.0.7" not in json.dumps(asdict(shared_battle(link, caller=BOB)))
    assert list(shared_battle(link, caller=BOB).reveal.failures.values()) == [FAILED]
    assert list(shared_battle(link).reveal.failures.values()) == [own]
    *_, last = side_by_side([RED, BLUE], "Hi", caller=BOB)
    assert last.failed == {"a": FAILED}
    *_, last = side_by_side([RED, BLUE], "Hi")
    assert last.failed == {"a": own}
    players.backends[BLUE] = players.backends[RED]
    with pytest.raises(PlaygroundError, match="nobody answered") as caught:
        list(side_by_side([RED, BLUE], "Hi", caller=BOB))
    assert "10.0.0.7" not in str(caught.value)
    players.close()


def test_what_a_visitor_can_mend_is_said(house):
    players = play_with(house, (RED, words("<think>only thoughts")), (BLUE, words("Fine.")), (GREEN, words("Good.")))
    one, _ = battle(caller=ANN, sides=3)
    assert "more tokens" in next(iter(vote(one, "tie", caller=ANN).failures.values()))
    players.close()
