import dataclasses
import json

import pytest

from apps.model_arena import battles, battling, voting
from apps.model_arena.battling import FAILED, answer, ask, compare_decoding, regenerate, say, side_by_side
from shared.calls import call
from shared.errors import Conflict, NotAllowed, PlaygroundError
from shared.models.protocol import Decoding, Delta, Finish, Start
from shared.policy import OWNER
from shared.store import Store
from shared.suite import Suite, using
from tests.unit.apps.model_arena.players import ANN, BLUE, BOB, GREEN, RED, battle, fails, play_with, words


@pytest.fixture
def players(house):
    made = play_with(
        house, (RED, words("It ", "scatters.")), (BLUE, words("Because of ", "air.")), (GREEN, words("Magic."))
    )
    yield made
    made.close()


def as_json(thing):
    return json.dumps(dataclasses.asdict(thing))


def test_a_battle_from_the_question_to_the_answers(players):
    asked = ask("Why is the sky blue?")
    assert asked.sides == ["a", "b"]
    *partial, last = answer(asked.battle)
    assert last.finished
    assert not any(each.finished for each in partial)
    assert last.failed == {}
    texts = {RED: "It scatters.", BLUE: "Because of air.", GREEN: "Magic."}
    assert last.texts == {side: texts[ref] for side, ref in voting.vote(asked.battle, "a").models.items()}


def test_six_sides(house):
    refs = [f"openai:farm/m{n}" for n in range(6)]
    players = play_with(house, *[(ref, words(ref[-2:])) for ref in refs])
    asked = ask("Hello", sides=6)
    *_, last = answer(asked.battle)
    assert asked.sides == list("abcdef") == list(last.texts)
    assert sorted(voting.vote(asked.battle, "f").models.values()) == refs
    players.close()


def test_no_name_leaves_before_the_vote(house):
    play_with(house, (RED, fails()), (BLUE, words("I am ", "blue", "-7b, made by Mis", "tral AI.")))
    asked = ask("Who are you?")
    seen = [as_json(asked)] + [as_json(each) for each in answer(asked.battle)]
    revealing = voting.reveal(battles.find(house.store, asked.battle))
    seen.append(as_json(say(asked.battle, "And now?")))
    for text in seen:
        for secret in ("red-7b", "blue", "Mis", "farm", "10.0.0.7", "said 500", "secret", "second", "token"):
            assert secret not in text
    assert set(revealing.models.values()) == {RED, BLUE}
    assert "500" in next(iter(revealing.failures.values()))


def test_both_kinds_of_failure_read_alike(house):
    players = play_with(house, (RED, fails("429 slow down at api.example")), (BLUE, words("Fine.")))
    players.backends.pop(RED)  # now asking it is refused before anything is sent
    asked = ask("Hi", models=[RED, BLUE])
    *_, last = answer(asked.battle)
    assert list(last.failed.values()) == [FAILED]


def test_the_reasoning_of_a_model_is_not_shown_in_a_blind_battle(house):
    play_with(
        house, (RED, words("<thi", "nk>I am Red</think>", "Yes.<|im_end|>")), (BLUE, words("<think>only thoughts"))
    )
    asked = ask("Hi")
    every = list(answer(asked.battle))
    assert all(set(each.texts.values()) <= {"", "Yes."} for each in every)
    assert list(every[-1].failed.values()) == [FAILED]


def test_positions_are_random_and_the_owners_seed_repeats_them(players):
    def placed(seed, caller=OWNER):
        return battles.find(players_store(), battling.ask("Hi", seed=seed, caller=caller).battle).models

    assert len({placed(7) for _ in range(5)}) == 1
    assert len({placed(seed) for seed in range(1, 40)}) > 3
    assert len({placed(0) for _ in range(40)}) > 3


def players_store():
    from shared.suite import suite

    return suite().store


def test_a_visitors_seed_fixes_nothing(players, monkeypatch):
    monkeypatch.setattr(battling.suspicion, "check_battles", lambda *_: None)
    seen = {battles.find(players_store(), ask("Hi", seed=7, caller=ANN).battle).models for _ in range(40)}
    assert len(seen) > 3


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"prompt": "  "}, "The prompt is empty"),
        ({"prompt": "x" * 20_001}, "20,001 characters"),
        ({"prompt": "x", "models": [RED]}, "only 'openai:farm/red-7b' is listed"),
        ({"prompt": "x", "models": [RED, BLUE, RED]}, "listed twice"),
        ({"prompt": "x", "models": [RED, f" {RED}"]}, "listed twice"),
        ({"prompt": "x", "models": [RED, "nonsense"]}, "is not a ref"),
        ({"prompt": "x", "models": [RED, BLUE], "sides": 3}, "needs 3 models, and there are 2"),
        ({"prompt": "x", "sides": 7}, "sides"),
        ({"prompt": "x", "sides": 1}, "sides"),
        ({"prompt": "x", "models": [RED, "openai:farm/huge"]}, "cannot answer here. It is too large"),
    ],
)
def test_questions_that_cannot_be_asked(house, arguments, words):
    play_with(house, (RED, ()), (BLUE, ()), (GREEN, ()), unusable=["openai:farm/huge"])
    with pytest.raises(PlaygroundError, match=words):
        call(ask, arguments)
    assert house.store.count(battles.KIND) == 0


def test_nobody_or_one_can_answer_here(house):
    play_with(house, (RED, ()))
    with pytest.raises(PlaygroundError, match="1 can answer here"):
        ask("Hi")


def test_a_visitor_may_only_ask_listed_models(players):
    with pytest.raises(NotAllowed, match="not among the models"):
        ask("Hi", models=[RED, "openai:farm/other"], caller=ANN)


def test_one_failing_side_leaves_the_other_and_all_failing_is_said(house):
    play_with(house, (RED, fails("boom", "half an ans")), (BLUE, fails()))
    asked = ask("Hi")
    with pytest.raises(PlaygroundError, match="All sides failed") as caught:
        list(answer(asked.battle))
    assert "boom" not in str(caught.value)
    with pytest.raises(PlaygroundError, match="All sides failed"):
        voting.vote(asked.battle, "tie")
    with pytest.raises(PlaygroundError, match="regenerate"):
        list(answer(asked.battle))
    play_with(house, (RED, words("Now it works.")), (BLUE, fails()))
    *_, last = regenerate(asked.battle)
    assert "Now it works." in last.texts.values()
    assert len(last.failed) == 1
    with pytest.raises(PlaygroundError, match="nothing to compare"):
        voting.vote(asked.battle, "a")


def test_many_turns_give_each_side_its_own_conversation(players):
    """FastChat 0e6d3e4 took the text of the left side for both (its issue 3834)."""
    one, last = battle(models=[RED, BLUE])
    assert say(one, "And at night?").sides == ["a", "b"]
    with pytest.raises(PlaygroundError, match="no complete answer"):
        say(one, "Again?")
    players.asked.clear()
    list(answer(one))
    names = battles.find(players_store(), one).names()
    for ref, request in players.asked:
        side = next(side for side, name in names.items() if name == ref)
        assert [(m.role, m.content) for m in request.messages] == [
            ("user", "Why is the sky blue?"), ("assistant", last.texts[side]), ("user", "And at night?"),
        ]  # fmt: skip
    assert len(players.asked) == 2


def test_a_side_that_failed_is_asked_both_prompts_at_once(house):
    play_with(house, (RED, words("Fine.")), (BLUE, fails()))
    one, _ = battle()
    players = play_with(house, (RED, words("Fine.")), (BLUE, words("<think>hm</think>Back.")))
    say(one, "More?")
    list(answer(one))
    asked = {ref: [m.content for m in request.messages] for ref, request in players.asked}
    assert asked[BLUE] == ["Why is the sky blue?\n\nMore?"]
    say(one, "Third")
    players.asked.clear()
    list(answer(one))
    assert [m.content for m in dict(players.asked)[BLUE].messages] == [
        "Why is the sky blue?\n\nMore?",
        "Back.",
        "Third",
    ]


def test_the_number_of_turns_is_limited(players, monkeypatch):
    one, _ = battle()
    few = dataclasses.replace(battling.manifest(), limits=dataclasses.replace(battling.manifest().limits, turns=1))
    monkeypatch.setattr(battling, "manifest", lambda: few)
    with pytest.raises(PlaygroundError, match="1 are allowed"):
        say(one, "More")


def test_regenerate_takes_another_seed_and_keeps_what_was_there(players, house):
    asked = ask("Hi", models=[RED, BLUE])
    with pytest.raises(PlaygroundError, match="nothing to regenerate"):
        list(regenerate(asked.battle))
    list(answer(asked.battle, Decoding(seed=5)))
    list(regenerate(asked.battle, Decoding(seed=5)))
    assert [request.decoding.seed for _, request in players.asked] == [5, 5, 6, 6]
    assert sum(row.body["event"] == "answered" for row in house.store.rows(battles.KIND)) == 2


def test_stopping_stops_every_side_and_the_battle_goes_on(house):
    endless = [(0.0, Start("x"))] + [(0.02, Delta("word "))] * 10_000
    players = play_with(house, (RED, endless), (BLUE, endless))
    asked = ask("Hi")
    stream = answer(asked.battle)
    next(stream)
    with pytest.raises(Conflict, match="being answered already"):
        next(answer(asked.battle))
    with pytest.raises(PlaygroundError, match="not complete yet"):
        voting.vote(asked.battle, "a")
    stream.close()
    assert [each.running for each in players.backends.values()] == [0, 0] or wait_until_idle(players)
    with pytest.raises(PlaygroundError, match="stopped before the end"):
        voting.vote(asked.battle, "a")
    play_with(house, (RED, words("Short.")), (BLUE, words("Brief.")))
    *_, last = answer(asked.battle)
    assert last.finished


def wait_until_idle(players):
    import time

    end = time.monotonic() + 10
    while any(each.running for each in players.backends.values()):
        assert time.monotonic() < end
        time.sleep(0.01)
    return True


def test_a_battle_survives_a_restart(players, house):
    one, last = battle()
    before = battles.find(house.store, one)
    house.store.close()
    with using(Suite(house.environment)) as again:
        again.__dict__["models"] = players
        assert battles.find(again.store, one) == before
        assert set(voting.vote(one, "b").models) == set(last.texts)


def test_a_battle_whose_process_died_while_it_was_answered_can_be_answered_again(players, house, monkeypatch):
    asked = ask("Hi")
    battling._take(asked.battle, OWNER)
    assert battles.find(house.store, asked.battle).state == "answering"
    for refused in (lambda: list(answer(asked.battle)), lambda: list(regenerate(asked.battle))):
        with pytest.raises(Conflict, match="being answered already"):
            refused()
    monkeypatch.setattr(battles, "PROCESS", "another")
    assert battles.find(house.store, asked.battle).state == "stopped"
    *_, last = answer(asked.battle)
    assert last.finished


def test_battles_of_others_unknown_and_old_ones(players, house, monkeypatch):
    one, _ = battle(caller=ANN)
    for refused in (
        lambda: say(one, "x", caller=BOB),
        lambda: voting.vote(one, "a", caller=OWNER),
        lambda: list(answer(one, caller=BOB)),
    ):
        with pytest.raises(NotAllowed, match="somebody else"):
            refused()
    for unknown in ("0" * 32, "", "%", "x" * 500, one[:-1]):
        with pytest.raises(PlaygroundError, match="unknown or has expired"):
            voting.vote(unknown, "a")
    monkeypatch.setattr(battles, "_cutoff", lambda: "9999")
    for over in (
        lambda: say(one, "x", caller=ANN),
        lambda: voting.vote(one, "a", caller=ANN),
        lambda: voting.react(one, "a", 1, "like", caller=ANN),
        lambda: list(answer(one, caller=ANN)),
        lambda: list(regenerate(one, caller=ANN)),
    ):
        with pytest.raises(PlaygroundError, match="has expired: without a vote it is deleted after 24 hours"):
            over()


def test_nothing_more_happens_after_the_vote(players):
    one, _ = battle()
    voting.vote(one, "tie")
    for refused in (
        lambda: say(one, "x"),
        lambda: list(answer(one)),
        lambda: list(regenerate(one)),
        lambda: voting.vote(one, "a"),
    ):
        with pytest.raises(Conflict):
            refused()


def test_side_by_side_shows_names_times_and_reasons(house):
    play_with(house, (RED, words("One", " two")), (BLUE, fails("blue-7b said 500")))
    *partial, last = side_by_side([BLUE, RED], "Count")
    assert last.models == {"a": BLUE, "b": RED}
    assert last.texts["b"] == "One two"
    assert last.failed == {"a": "blue-7b said 500"}
    assert last.timings["b"]["tokens"] == 2
    assert last.timings["b"]["prompt_tokens"] == 3
    assert last.costs == {"a": None, "b": None}
    assert all(each.models == last.models and not each.finished and not each.timings for each in partial)
    for bad, why in (([RED], "only"), ([], "0 models"), ([RED, RED], "twice")):
        with pytest.raises(PlaygroundError, match=why):
            list(side_by_side(bad, "x"))


def test_costs_by_the_manifests_prices(players, house, monkeypatch):
    priced = dataclasses.replace(battling.manifest(), prices={RED: {"in": 1.0, "out": 2.0}})
    monkeypatch.setattr(battles, "manifest", lambda: priced)
    *_, last = side_by_side([RED, BLUE], "x")
    assert last.costs == {"a": (3 * 1 + 2 * 2) / 1e6, "b": None}


def test_compare_decoding_gives_each_side_its_own_settings(players):
    settings = [Decoding(temperature=0), Decoding(temperature=1.5, seed=3)]
    *_, last = compare_decoding(RED, "Hi", settings)
    assert last.models == {"a": RED, "b": RED}
    assert list(last.settings.values()) == settings
    assert sorted(request.decoding.temperature for _, request in players.asked) == [0, 1.5]
    for bad, why in (
        (settings[:1], "1 settings"),
        ([settings[0]] * 2, "1 and 2 are alike"),
        ([Decoding(seed=n) for n in range(7)], "7 settings"),
    ):
        with pytest.raises(PlaygroundError, match=why):
            list(compare_decoding(RED, "Hi", bad))
    with pytest.raises(PlaygroundError, match="characters"):
        list(compare_decoding(RED, "x" * 30_000, settings))


def test_all_failing_with_names_says_why(house):
    play_with(house, (RED, fails("red broke")), (BLUE, fails("blue broke")))
    with pytest.raises(PlaygroundError, match=r"a: red broke b: blue broke"):
        list(side_by_side([RED, BLUE], "x"))


def test_a_bug_in_a_backend_keeps_its_traceback_and_the_battle_goes_on(house):
    def broken(_):
        yield Start("x")
        raise ZeroDivisionError

    play_with(house, (RED, broken), (BLUE, words("Fine.")))
    asked = ask("Hi")
    with pytest.raises(ZeroDivisionError):
        list(answer(asked.battle))
    assert battles.find(house.store, asked.battle).state == "stopped"


def test_a_visitor_is_held_to_the_limits(players):
    for _ in range(battling.manifest().limits.battles_per_minute):
        ask("Hi", caller=ANN)
    with pytest.raises(PlaygroundError, match="battles in the last minute"):
        ask("Hi", caller=ANN)
    ask("Hi", caller=BOB)


def test_answers_are_durable_before_they_are_called_finished(players, house):
    asked = ask("Hi")
    for each in answer(asked.battle):
        if each.finished:
            kept = Store(house.store.home)
            assert battles.find(kept, asked.battle).turns[-1].shown == each.texts
            kept.close()


def test_an_empty_answer_counts_as_a_failure(house):
    play_with(house, (RED, [Start("x"), Finish("stop")]), (BLUE, words("Fine.")))
    asked = ask("Hi")
    *_, last = answer(asked.battle)
    assert list(last.failed.values()) == [FAILED]


def test_a_prompt_that_was_said_meanwhile(players, house, monkeypatch):
    """Two tabs say the next thing at once: the first is taken, the second hears how things stand."""
    one, _ = battle()
    before, load = battles.find(house.store, one), battles.load
    say(one, "First")
    looks = [lambda *_: before, load]
    monkeypatch.setattr(battles, "load", lambda *given: looks.pop(0)(*given))
    with pytest.raises(PlaygroundError, match=r"no complete answer yet \(asked\)"):
        say(one, "Second")
    assert battles.find(house.store, one).prompts == ["Why is the sky blue?", "First"]


def test_two_tabs_cannot_both_regenerate(house, monkeypatch):
    play_with(house, (RED, words("Slow", delay=0.3)), (BLUE, words("Fine.")))
    one, _ = battle()
    before, load = battles.find(house.store, one), battles.load
    first = regenerate(one)
    next(first)
    looks = [lambda *_: before, load]
    monkeypatch.setattr(battles, "load", lambda *given: looks.pop(0)(*given))
    with pytest.raises(Conflict, match="being answered already"):
        next(regenerate(one))
    monkeypatch.undo()
    assert list(first)[-1].finished


def test_what_was_voted_on_is_what_stays(players, house):
    """Regenerating in another tab while the vote is cast must not put other answers under it."""
    one, last = battle()
    voting.vote(one, "a")
    (row,) = house.store.read(
        "SELECT count(*) FROM rows WHERE kind = 'battles' AND json_extract(body, '$.event') = 'answered'"
    )
    assert row == (1,)
    body = {
        "turn": 0,
        "attempt": 2,
        **{name: {} for name in ("texts", "shown", "failures", "reasons", "timings", "settings")},
        "named": [],
    }
    battles.add(house.store, one, "owner", "answered", body, "answered/0/2")
    assert battles.find(house.store, one).turns[0].shown == last.texts
