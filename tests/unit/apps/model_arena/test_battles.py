from dataclasses import replace

import pytest

from apps.model_arena import battles
from apps.model_arena.ballot import Ballot
from apps.model_arena.manifest import manifest
from shared.errors import Conflict, NotAllowed, PlaygroundError
from shared.models.protocol import Decoding
from shared.policy import OWNER
from shared.rows import merge, now
from shared.store import Store
from shared.sync import Sync
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


def answering(found):
    attempt = found.turns[-1].attempts + 1
    body = {"turn": len(found.turns) - 1, "attempt": attempt, "process": battles.PROCESS}
    return battles.happening(found.id, found.caller, "answering", body, f"answering/{len(found.turns)}/{attempt}")


def answer(store, begun, attempt=1, turn=0):
    caller = replace(ANN, id=begun.caller)
    battles.change(store, begun.id, caller, answering)
    body = {"turn": turn, "attempt": attempt, **ANSWERED}
    battles.add(store, begun.id, begun.caller, "answered", body, f"answered/{turn}/{attempt}")


def vote(store, begun, winner="a"):
    ballot = Ballot(begun.models, winner, begun.id, now()).to_body()
    caller = replace(ANN, id=begun.caller)
    return battles.change(store, begun.id, caller, lambda found: ("votes", ballot, found.id), last=True)


@pytest.fixture
def at_once(monkeypatch):
    """Battles are over at once."""
    few = replace(manifest(), limits=replace(manifest().limits, battle_hours=0.0))

    def let():
        monkeypatch.setattr(battles, "manifest", lambda: few)

    return let


def test_a_battle_is_what_its_rows_add_up_to(house):
    store = house.store
    begun = battles.begin(store, ANN, "decoding", [RED, RED], "Hi", 7, [Decoding(seed=1), Decoding(seed=2)])
    assert (begun.state, begun.sides, begun.blind) == ("asked", ["a", "b"], False)
    assert begun.settings == (Decoding(seed=1), Decoding(seed=2))
    assert battles.change(store, begun.id, ANN, answering) == begun
    assert battles.load(store, begun.id, ANN).state == "answering"
    battles.add(store, begun.id, "ann", "stopped", {"turn": 0, "attempt": 1}, "stopped/0/1")
    assert battles.load(store, begun.id, ANN).state == "stopped"
    answer(store, begun, attempt=2)
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
    assert vote(house.store, begun) == begun
    over = battles.load(house.store, begun.id, OWNER)
    assert (over.state, over.blind, over.prompts) == ("voted", False, ["Hi"])


def test_answers_that_take_too_long_are_given_up(house, monkeypatch):
    begun = battles.begin(house.store, OWNER, "blind", [RED, BLUE], "Hi")
    battles.change(house.store, begun.id, OWNER, answering)
    monkeypatch.setattr(battles, "LEASE", battles.timedelta(0))
    assert battles.load(house.store, begun.id, OWNER).state == "stopped"


def test_answers_of_an_attempt_that_was_given_up_change_nothing(house):
    begun = battles.begin(house.store, ANN, "blind", [RED, BLUE], "Hi")
    battles.change(house.store, begun.id, ANN, answering)
    battles.change(house.store, begun.id, ANN, answering)
    for event in ("answered", "stopped"):
        battles.add(house.store, begun.id, "ann", event, {"turn": 0, "attempt": 1, **ANSWERED}, f"{event}/0/1")
        found = battles.load(house.store, begun.id, ANN)
        assert (found.state, found.turns[0].texts) == ("answering", {})


def test_what_comes_in_between_is_looked_at_again(house):
    """Two tabs: one votes, the other has just begun to regenerate."""
    begun = battles.begin(house.store, ANN, "blind", [RED, BLUE], "Hi")
    answer(house.store, begun)
    seen = []

    def step(found):
        if not seen:
            battles.change(house.store, begun.id, ANN, answering)
        seen.append(found.state)
        if found.state != "answered":
            raise PlaygroundError("not now")
        return "votes", {"winner": "a"}, found.id

    with pytest.raises(PlaygroundError, match="not now"):
        battles.change(house.store, begun.id, ANN, step, last=True)
    assert seen == ["answered", "answering"]
    assert house.store.count("votes") == house.store.count(battles.VOTED) == 0


def test_a_prompt_that_is_said_while_the_vote_is_cast_comes_too_late(house):
    begun = battles.begin(house.store, ANN, "blind", [RED, BLUE], "Hi")
    answer(house.store, begun)
    seen = []

    def step(found):
        if not seen:
            vote(house.store, begun)
        seen.append(found.state)
        if found.vote is not None:
            raise Conflict("too late")
        return battles.happening(found.id, "ann", "said", {"turn": 1, "prompt": "x"}, "said/1")

    with pytest.raises(Conflict, match="too late"):
        battles.change(house.store, begun.id, ANN, step)
    assert seen == ["answered", "voted"]
    assert battles.find(house.store, begun.id).prompts == ["Hi"]


def test_a_battle_without_a_vote_is_sent_nowhere_and_its_vote_takes_it_along(house, workspace):
    """Visitors' questions are theirs alone until they vote."""
    remote = f"folder:{workspace / 'remote'}"
    secret, kept = (battles.begin(house.store, ANN, "blind", [RED, BLUE], text) for text in ("secret", "kept"))
    for begun in (secret, kept):
        answer(house.store, begun)
        battles.add(house.store, begun.id, "ann", "reacted", {"turn": 0, "side": "a", "reaction": "like"}, "reacted/1")
    vote(house.store, kept)
    battles.add(house.store, kept.id, "ann", "reacted", {"turn": 0, "side": "b", "reaction": "like"}, "reacted/2")
    Sync(house.store, remote).flush()
    written = b"".join(path.read_bytes() for path in (workspace / "remote").rglob("*.jsonl"))
    assert b"kept" in written
    assert b"secret" not in written
    elsewhere = Store(workspace / "elsewhere")
    Sync(elsewhere, remote).pull()
    here, there = battles.load(house.store, kept.id, ANN), battles.load(elsewhere, kept.id, ANN)
    assert replace(there, seq=here.seq) == here
    assert here.turns[0].reactions == {"a": "like", "b": "like"}
    assert battles.find(elsewhere, secret.id) is None
    elsewhere.close()


def test_a_battle_without_a_vote_expires_and_is_deleted(house, at_once):
    begun, kept = (battles.begin(house.store, caller, "blind", [RED, BLUE], "Hi") for caller in (ANN, OWNER))
    answer(house.store, begun)
    vote(house.store, kept)
    before = house.store.count(battles.KIND)
    at_once()
    for caller in (ANN, BOB):
        with pytest.raises(PlaygroundError, match="has expired: without a vote it is deleted after 0 hours"):
            battles.load(house.store, begun.id, caller)
    assert battles.find(house.store, begun.id).expired
    assert house.store.count(battles.KIND) == before
    with pytest.raises(PlaygroundError, match="expired"):
        battles.begin(house.store, BOB, "blind", [RED, BLUE], "Next")  # over at once, here
    assert battles.find(house.store, begun.id) is None, "gone from the disk, too"
    assert {row.body["caller"] for row in house.store.rows(battles.KIND)} == {"bob"}
    assert battles.load(house.store, kept.id, OWNER).state == "voted", "one with a vote stays"


def test_what_is_still_in_use_is_not_deleted(house, monkeypatch):
    old, busy = (battles.begin(house.store, ANN, "blind", [RED, BLUE], "Hi") for _ in range(2))
    day = now()
    answer(house.store, busy)
    monkeypatch.setattr(battles, "_cutoff", lambda: day)
    battles.begin(house.store, ANN, "blind", [RED, BLUE], "Hi")
    assert battles.find(house.store, old.id) is None
    assert battles.load(house.store, busy.id, ANN).state == "answered"


def test_a_battle_that_is_kept_going_does_not_keep_others_from_being_deleted(house, monkeypatch):
    """Only the oldest 200 rows were looked at: one visitor could fill them with reactions."""
    monkeypatch.setattr(battles, "SWEPT", 2)
    busy = battles.begin(house.store, ANN, "blind", [RED, BLUE], "Hi")
    answer(house.store, busy)
    for place in range(300):
        reaction = {"turn": 0, "side": "a", "reaction": "like"}
        battles.add(house.store, busy.id, "ann", "reacted", reaction, f"reacted/{place}")
    old = [battles.begin(house.store, BOB, "blind", [RED, BLUE], "secret").id for _ in range(3)]
    day = now()
    battles.add(house.store, busy.id, "ann", "reacted", reaction, "reacted/last")
    monkeypatch.setattr(battles, "_cutoff", lambda: day)
    for left in (1, 0):  # a few at a time
        battles.begin(house.store, BOB, "blind", [RED, BLUE], "Next")
        assert sum(battles.find(house.store, each) is not None for each in old) == left
    assert battles.load(house.store, busy.id, ANN).state == "answered"


def test_a_battle_whose_rows_come_from_elsewhere_in_parts_and_in_any_order(house, workspace):
    begun = battles.begin(house.store, ANN, "blind", [RED, BLUE], "Hi")
    answer(house.store, begun)
    battles.add(house.store, begun.id, "ann", "said", {"turn": 1, "prompt": "More?"}, "said/1")
    answer(house.store, begun, turn=1)
    vote(house.store, begun)
    here, elsewhere = battles.find(house.store, begun.id), Store(workspace / "elsewhere")
    (cast,), parts = house.store.rows("votes"), house.store.rows(battles.VOTED)
    rows = [cast, parts[0], *reversed(parts[1:])]
    for row in rows:
        elsewhere.write(lambda connection, row=row: merge(connection, row, "remote"))
        if row.body.get("turn") == 1 and row.body["event"] != "said":
            assert battles.find(elsewhere, begun.id) is None, "a turn is missing"
    there = battles.find(elsewhere, begun.id)
    assert replace(there, seq=here.seq) == here
    elsewhere.close()


def test_a_battle_that_expires_between_the_look_and_the_write(house, at_once):
    begun = battles.begin(house.store, ANN, "blind", [RED, BLUE], "Hi")

    def step(found):
        at_once()
        house.store.write(battles._sweep)
        return answering(found)

    with pytest.raises(PlaygroundError, match="has expired"):
        battles.change(house.store, begun.id, ANN, step)
    assert house.store.count(battles.KIND) == 0


def test_the_page_says_what_is_kept():
    assert f"without a vote after {manifest().limits.battle_hours:g} hours" in battles.notice()


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
