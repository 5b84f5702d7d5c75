import pytest

from apps.model_arena import battles
from apps.model_arena.ballot import Ballot
from shared.errors import Conflict, NotAllowed, PlaygroundError
from shared.models.protocol import Decoding
from shared.policy import OWNER
from shared.rows import now
from tests.unit.apps.model_arena.players import ANN, BLUE, BOB, RED

ANSWERED = {
    "texts": {"a": "x", "b": "y"},
    "shown": {"a": "x", "b": "y"},
    "failures": {},
    "named": [],
    "reasons": {},
    "timings": {},
    "settings": {},
}


def test_a_battle_is_what_its_rows_add_up_to(house):
    store = house.store
    begun = battles.begin(store, ANN, "decoding", [RED, RED], "Hi", 7, [Decoding(seed=1), Decoding(seed=2)])
    assert (begun.state, begun.sides, begun.blind) == ("asked", ["a", "b"], False)
    assert begun.settings == (Decoding(seed=1), Decoding(seed=2))
    assert battles.begin_answer(store, begun) == 1
    assert battles.load(store, begun.id, ANN).state == "answering"
    battles.add(store, begun.id, "ann", "stopped", {"turn": 0}, "stopped/0/1")
    stopped = battles.load(store, begun.id, ANN)
    assert stopped.state == "stopped"
    assert battles.begin_answer(store, stopped) == 2
    battles.add(store, begun.id, "ann", "answered", {"turn": 0, **ANSWERED}, "answered/0/2")
    answered = battles.load(store, begun.id, ANN)
    assert (answered.state, answered.turns[0].attempts, answered.turns[0].answered) == ("answered", 2, ["a", "b"])
    battles.add(store, begun.id, "ann", "said", {"turn": 1, "prompt": "More"}, "said/1")
    with pytest.raises(Conflict):
        battles.add(store, begun.id, "ann", "said", {"turn": 1, "prompt": "Other"}, "said/1")
    more = battles.load(store, begun.id, ANN)
    assert (more.state, more.prompts) == ("asked", ["Hi", "More"])
    battles.add(store, begun.id, "ann", "said", {"turn": 1, "prompt": "Late"}, "said/late")
    assert battles.load(store, begun.id, ANN).prompts == ["Hi", "More"]


def test_the_vote_is_the_end(house):
    begun = battles.begin(house.store, OWNER, "blind", [RED, BLUE], "Hi")
    assert begun.blind
    house.store.append("votes", Ballot((RED, BLUE), "a", begun.id, now()).to_body(), begun.id)
    over = battles.load(house.store, begun.id, OWNER)
    assert (over.state, over.blind) == ("voted", False)


def test_answers_that_take_too_long_are_given_up(house, monkeypatch):
    begun = battles.begin(house.store, OWNER, "blind", [RED, BLUE], "Hi")
    battles.begin_answer(house.store, begun)
    monkeypatch.setattr(battles, "LEASE", battles.timedelta(0))
    assert battles.load(house.store, begun.id, OWNER).state == "stopped"


def test_battles_that_are_not_there_or_not_yours(house):
    begun = battles.begin(house.store, ANN, "blind", [RED, BLUE], "Hi")
    assert battles.find(house.store, "0" * 32) is None
    assert battles.find(house.store, begun.id + "/") is None
    with pytest.raises(PlaygroundError, match="unknown or has expired"):
        battles.load(house.store, "nonsense", ANN)
    with pytest.raises(NotAllowed):
        battles.load(house.store, begun.id, BOB)


def test_a_row_of_another_kind_is_a_bug(house):
    begun = battles.begin(house.store, ANN, "blind", [RED, BLUE], "Hi")
    battles.add(house.store, begun.id, "ann", "danced", {"turn": 0}, "danced")
    with pytest.raises(ValueError, match="danced"):
        battles.find(house.store, begun.id)
