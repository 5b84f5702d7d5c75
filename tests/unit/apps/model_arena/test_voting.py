import threading

import pytest

from apps.model_arena import battles, battling, suspicion, voting
from apps.model_arena.ballot import Ballot
from apps.model_arena.voting import react, vote
from shared.calls import call
from shared.errors import Conflict, PlaygroundError
from shared.policy import OWNER
from tests.unit.apps.model_arena.players import ANN, BLUE, BOB, GREEN, RED, battle, fails, play_with, words


@pytest.fixture
def players(house):
    made = play_with(
        house, (RED, words("It ", "scatters.")), (BLUE, words("# Air\n\n- **blue** light")), (GREEN, words("Magic."))
    )
    yield made
    made.close()


def test_a_vote_reveals_who_was_who_and_what_it_took(players, house):
    one, _ = battle(models=[RED, BLUE])
    revealed = vote(one, "b", ["clear"])
    assert sorted(revealed.models.values()) == [BLUE, RED]
    assert list(revealed.models) == ["a", "b"]
    (side,) = [side for side, ref in revealed.models.items() if ref == RED]
    assert revealed.timings[side]["tokens"] == 2
    assert revealed.costs == {"a": None, "b": None}
    (row,) = house.store.rows("votes")
    ballot = Ballot.of_body(row.body)
    assert row.key == one == ballot.battle
    assert ballot.models == tuple(revealed.models.values())
    assert (ballot.winner, ballot.reasons, ballot.voter, ballot.excluded) == ("b", ("clear",), "owner", False)
    assert (ballot.category, ballot.language) == ("other", "en")
    place = ballot.models.index(BLUE)
    assert ballot.markdown[place] == (1, 1, 1)
    assert ballot.lengths[1 - place] == len("It scatters.")
    assert row.body["suspicion"]["score"] >= 0


def test_one_vote_a_battle_however_many_come_at_once(players, house):
    """FastChat 0e6d3e4 writes as many votes as its button's event is called."""
    one, _ = battle()
    outcomes = []

    def cast(winner):
        try:
            outcomes.append(vote(one, winner).models)
        except Conflict as error:
            outcomes.append(str(error))

    threads = [threading.Thread(target=cast, args=(winner,)) for winner in ["a", "b", "tie", "both_bad"] * 3]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(isinstance(each, dict) for each in outcomes) == 1
    assert house.store.count("votes") == 1
    with pytest.raises(Conflict, match="has its vote already"):
        vote(one, "a")


def test_votes_before_the_end(players):
    asked = battling.ask("Hi")
    with pytest.raises(PlaygroundError, match="not complete yet"):
        vote(asked.battle, "a")


@pytest.mark.parametrize(("winner", "words"), [("c", "cannot win"), ("g", "winner"), ("A", "winner"), ("", "winner")])
def test_winners_that_are_none(players, winner, words):
    one, _ = battle()
    with pytest.raises(PlaygroundError, match=words):
        call(vote, {"battle": one, "winner": winner})


@pytest.mark.parametrize("reasons", [["x" * 201], [""], ["ok"] * 9])
def test_reasons_are_short_and_few(players, reasons):
    one, _ = battle()
    with pytest.raises(PlaygroundError, match="reasons"):
        call(vote, {"battle": one, "winner": "a", "reasons": reasons})


def test_a_side_that_failed_is_in_no_ballot(house):
    play_with(house, (RED, words("One")), (BLUE, fails("boom")), (GREEN, words("Three")))
    one, last = battle(sides=3)
    (bad,) = last.failed
    with pytest.raises(PlaygroundError, match="cannot win"):
        vote(one, bad)
    good = [side for side in "abc" if side != bad]
    revealed = vote(one, good[1])
    assert revealed.failures == {bad: "boom"}
    ballot = Ballot.of_body(house.store.rows("votes")[0].body)
    assert ballot.models == tuple(revealed.models[side] for side in good)
    assert ballot.winner == "b"
    assert house.store.rows("votes")[0].body["shown_winner"] == good[1]


def test_named_battles_take_votes_that_do_not_count(players, house):
    """FastChat's cleaning script decides from text that the browser sent whether a battle was anonymous."""
    *_, last = battling.side_by_side([RED, BLUE], "Hi")
    vote(last.battle, "a")
    body = house.store.rows("votes")[0].body
    assert body["excluded"]
    assert body["mode"] == "named"


def test_a_model_that_said_its_name_is_told_after_the_vote(house):
    play_with(house, (RED, words("I am Qwen.")), (BLUE, words("Fine.")))
    one, last = battle()
    assert "Qwen" not in str(last.texts)
    revealed = vote(one, "tie")
    (side,) = revealed.named
    assert revealed.models[side] == RED
    assert "named" in house.store.rows("votes")[0].body["suspicion"]["signs"]


def test_a_visitors_suspicious_vote_is_kept_and_not_counted(players, house):
    one, _ = battle(caller=ANN, prompt="Who are you?")
    vote(one, "a", caller=ANN)  # at once, and fishing
    body = house.store.rows("votes")[0].body
    assert body["excluded"]
    assert body["suspicion"]["signs"] == ["asked_for_name", "too_fast"]
    assert body["suspicion"]["score"] == pytest.approx(1 - 0.5 * 0.6)
    assert body["voter"] == "ann"


def test_votes_a_minute(players, monkeypatch):
    for name in ("check_battles", "check_answers"):
        monkeypatch.setattr(suspicion, name, lambda *_: None)
    for _ in range(battling.manifest().limits.votes_per_minute):
        vote(battle(caller=ANN)[0], "tie", caller=ANN)
    late, _ = battle(caller=ANN)
    with pytest.raises(PlaygroundError, match=r"votes in the last minute; 6 are allowed. Wait \d+ s"):
        vote(late, "tie", caller=ANN)
    vote(battle(caller=BOB)[0], "tie", caller=BOB)


def test_reactions(players, house):
    one, _ = battle()
    assert react(one, "a", 1, "like").reaction == "like"
    react(one, "a", 1, "dislike")
    react(one, "b", 1, "like")
    vote(one, "a")
    react(one, "b", 1, "none")
    assert battles.find(house.store, one).turns[0].reactions == {"a": "dislike", "b": "none"}
    for side, turn, why in (("c", 1, "no side 'c'"), ("a", 2, "no answer in turn 2")):
        with pytest.raises(PlaygroundError, match=why):
            react(one, side, turn, "like")
    with pytest.raises(PlaygroundError, match="somebody else"):
        react(one, "a", 1, "like", caller=ANN)
    assert not hasattr(react(one, "a", 1, "like"), "models")


def test_reactions_cannot_fill_the_disk(players, house, monkeypatch):
    monkeypatch.setattr(voting, "MOST_REACTIONS", 3)
    one, _ = battle()
    for reaction in ("like", "none", "like"):
        react(one, "a", 1, reaction)
    with pytest.raises(PlaygroundError, match="3 reactions already"):
        react(one, "b", 1, "like")


def test_a_vote_while_the_other_tab_regenerates(house):
    """The vote must not land on answers that are just being replaced."""
    play_with(house, (RED, words("Slow ", "one", delay=0.3)), (BLUE, words("Fine.")))
    one, _ = battle()
    again = battling.regenerate(one)
    next(again)
    with pytest.raises(PlaygroundError, match="not complete yet"):
        vote(one, "a")
    again.close()
    with pytest.raises(PlaygroundError, match="stopped before the end"):
        vote(one, "a")
    assert house.store.count("votes") == 0
    list(battling.regenerate(one))
    assert vote(one, "a").models


def test_the_answers_under_a_vote_are_those_of_the_vote(players, house):
    """They are copied in the commit of the vote: prompt, answers and models are durable when it is acknowledged."""
    one, last = battle()
    assert house.store.count(battles.VOTED) == 0
    vote(one, "a")
    seqs = house.store.read("SELECT kind, min(seq), max(seq) FROM rows WHERE kind IN ('battles', 'votes') GROUP BY 1")
    (_, first, newest), (_, cast, _) = seqs
    assert newest - first == 2, "asked, answering, answered"
    assert cast == newest + 1
    assert battles.find(house.store, one).turns[0].shown == last.texts


def test_a_label_that_the_browser_sends_changes_nothing(players):
    """Names come from the server: nothing in the API takes them."""
    one, _ = battle()
    with pytest.raises(PlaygroundError, match="no setting 'models'"):
        call(vote, {"battle": one, "winner": "a", "models": {"a": "x"}}, OWNER)
