import dataclasses
from math import comb

import pytest

from apps.model_arena import battles, suspicion
from apps.model_arena.manifest import manifest
from apps.model_arena.suspicion import PastVote, asks_for_name, past_votes, tail, weigh
from shared.policy import OWNER
from shared.rows import now
from tests.unit.apps.model_arena.players import ANN, BLUE, RED, battle, play_with, words


@pytest.fixture
def answered(house):
    players = play_with(house, (RED, words("one two three")), (BLUE, words("four five")))
    one, _ = battle(caller=ANN)
    yield battles.find(house.store, one)
    players.close()


@pytest.fixture
def later(answered, monkeypatch):
    """The battle, looked at long after it was answered."""
    monkeypatch.setattr(suspicion, "seconds_since", lambda _: 120.0)
    return answered


def past(winner="a", seconds=1000.0, prompt="", sides=2):
    return PastVote(winner, sides, prompt, seconds)


def test_an_ordinary_vote_is_not_suspicious(later):
    found = weigh(later, "a", ANN, [past("a"), past("b"), past("tie")])
    assert (found.score, found.signs, found.excluded) == (0.0, (), False)


def test_too_fast_for_the_words(answered, monkeypatch):
    assert weigh(answered, "a", ANN, []).signs == ("too_fast",)
    long = dataclasses.replace(answered.turns[0], shown={"a": "word " * 400, "b": "word " * 400})
    battle = dataclasses.replace(answered, turns=(long,))
    for seconds, fast in ((39.0, True), (41.0, False)):
        monkeypatch.setattr(suspicion, "seconds_since", lambda _, s=seconds: s)
        assert ("too_fast" in weigh(battle, "a", ANN, []).signs) == fast


def test_always_the_same_side(later):
    assert "one_sided" not in weigh(later, "a", ANN, [past("a")] * 8).signs  # too few to say
    assert "one_sided" in weigh(later, "a", ANN, [past("a")] * 12).signs
    assert "one_sided" not in weigh(later, "tie", ANN, [past("a")] * 12).signs
    assert "one_sided" not in weigh(later, "a", ANN, [past("a"), past("b")] * 10).signs
    assert "one_sided" not in weigh(later, "a", ANN, [past("a", sides=3)] * 12).signs


def test_the_tail_of_the_binomial_distribution():
    assert tail(10, 10, 0.5) == pytest.approx(1 / 1024)
    assert tail(0, 7, 0.3) == pytest.approx(1)
    assert tail(9, 10, 0.5) == pytest.approx((1 + 10) / 1024)
    independent = sum(comb(20, k) for k in range(15, 21)) / 2**20
    assert tail(15, 20, 0.5) == pytest.approx(independent)


def test_repeats_bursts_and_names(later):
    prompt = "whyistheskyblue"
    assert "repeated_prompt" in weigh(later, "a", ANN, [past("b", prompt=prompt), past("a", prompt=prompt)]).signs
    assert "burst" in weigh(later, "tie", ANN, [past("tie", seconds=10)] * 4).signs
    named = dataclasses.replace(later, turns=(dataclasses.replace(later.turns[0], named=["b"]),))
    assert weigh(named, "a", ANN, []).signs == ("named",)
    assert not weigh(named, "a", ANN, []).excluded


@pytest.mark.parametrize(
    ("prompt", "asks"),
    [
        ("Who are you?", True), ("what's your name", True), ("Which model of AI are you", True), ("你是谁？", True),
        ("Who made you?", True), ("Are you ChatGPT?", True), ("Who are your favourite authors? Tell me", False),
        ("Write a function", False), ("What is the name of the rose?", False), ("", False),
    ],
)  # fmt: skip
def test_prompts_that_ask_who_answers(prompt, asks):
    assert asks_for_name(prompt) == asks


def test_the_owner_is_scored_and_counted_and_signs_add_up(answered):
    fishing = dataclasses.replace(answered, turns=(dataclasses.replace(answered.turns[0], prompt="Who are you?"),))
    weights = manifest().suspicion.weights
    for caller, excluded in ((OWNER, False), (ANN, True)):
        found = weigh(fishing, "a", caller, [])
        assert found.signs == ("asked_for_name", "too_fast")
        assert found.score == pytest.approx(1 - (1 - weights["too_fast"]) * (1 - weights["asked_for_name"]))
        assert found.excluded == excluded


def test_battles_that_were_not_blind_never_count(later):
    assert weigh(dataclasses.replace(later, mode="named"), "a", OWNER, []).excluded


def test_past_votes_are_the_callers_own_latest_first(house):
    for number, voter in enumerate(["ann", "bob", "ann"]):
        body = {"voter": voter, "shown_winner": "ab"[number % 2], "sides": 2, "prompt_key": f"p{number}", "time": now()}
        house.store.append("votes", body, str(number))
    found = past_votes(house.store, ANN)
    assert [vote.prompt for vote in found] == ["p2", "p0"]
    assert all(vote.seconds < 60 for vote in found)
    house.store.append("votes", {"voter": "ann"}, "imported")  # one from elsewhere may lack what we note
    assert past_votes(house.store, ANN)[0].prompt == ""


def test_limits_forget_what_is_older_than_a_minute(house, monkeypatch):
    for number in range(20):
        house.store.append(
            battles.KIND, {"caller": "ann", "event": "asked" if number % 2 else "answering"}, str(number)
        )
    for check in (suspicion.check_battles, suspicion.check_answers):
        if check is suspicion.check_battles:
            with pytest.raises(Exception, match="10 battles in the last minute; 6 are allowed"):
                check(house.store, ANN)
        check(house.store, OWNER)
    monkeypatch.setattr(suspicion, "seconds_since", lambda _: 61.0)
    suspicion.check_battles(house.store, ANN)
