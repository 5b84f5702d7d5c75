"""No acknowledged vote is lost or doubled, however often the server is killed.

Run as a program, this file is that server: it holds blind battles between scripted models through the arena's own endpoints,
one line of JSON in, one line out.
"""

import dataclasses
import random
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from apps.model_arena import core
from apps.model_arena.battles import find
from shared.calls import call, last
from shared.env import Environment
from shared.errors import Conflict, PlaygroundError
from shared.models.protocol import Delta, Finish, Start
from shared.models.scripted import Scripted
from shared.store import Store
from shared.suite import Suite, using
from tests.storm import Say, Storm, serve

CLIENTS = 8
KILLS = 20
MODELS = [f"openai:farm/m{n}" for n in range(4)]


def answer(asked: dict) -> dict:
    function = getattr(core, asked.pop("do"))
    try:
        found = call(function, asked)
        return dataclasses.asdict(last(found) if hasattr(found, "__next__") else found)
    except Conflict:
        return {"conflict": True}
    except PlaygroundError as error:
        return {"error": str(error)}


@contextmanager
def house(home: Path) -> Iterator[None]:
    with using(Suite(Environment(home=home))) as suite:
        suite.start()
        for ref in MODELS:
            suite.models.add(Scripted(ref, [Start(ref), Delta(f"I am {ref}"), Finish("stop")]))
        yield


def main(home: Path) -> None:
    with house(home.parent / "warm"):  # the first battle of a process loads what the others find loaded
        asked = core.ask("Hi", MODELS)
        last(core.answer(asked.battle))
        core.vote(asked.battle, "tie")
    with house(home):
        serve(answer)


class Voters:
    """People who hold one battle after the other; after a kill the vote may be there already, which is a Conflict and no second one."""

    def __init__(self) -> None:
        self.acknowledged: list[dict[str, dict[str, str]]] = [{} for _ in range(CLIENTS)]
        self.doubled: list[str] = []
        self.refused: list[str] = []
        self._open = [""] * CLIENTS
        self._lots = [random.Random(number) for number in range(CLIENTS)]

    def act(self, number: int, say: Say) -> None:
        battle = self._open[number] = self._open[number] or say(do="ask", prompt="Hi", models=MODELS)["battle"]
        say(do="answer", battle=battle)
        told = say(do="vote", battle=battle, winner=self._lots[number].choice(["a", "b", "tie", "both_bad"]))
        if "models" in told:
            self.acknowledged[number][battle] = told["models"]
            if "conflict" not in say(do="vote", battle=battle, winner="tie"):
                self.doubled.append(battle)
        elif "conflict" not in told:
            self.refused.append(told["error"])
        self._open[number] = ""


@pytest.mark.slow
def test_no_acknowledged_vote_is_lost_or_doubled_by_twenty_kills(workspace: Path) -> None:
    home, voters = workspace / "home", Voters()
    storm = Storm(["tests.api.test_votes_kill", str(home)], voters.act, CLIENTS)
    progress = storm.rage(KILLS, (0.0, 0.5), lambda: sum(map(len, voters.acknowledged)), 1.0)

    acknowledged = {battle: models for each in voters.acknowledged for battle, models in each.items()}
    assert len(set(progress)) > KILLS // 2, "most kills must hit while votes are cast"
    assert voters.doubled == []
    assert voters.refused == []
    store = Store(home)
    votes = store.rows("votes")
    assert {row.key for row in votes} >= set(acknowledged)
    assert len({row.key for row in votes}) == len({row.body["battle"] for row in votes}) == len(votes)
    assert len(votes) - len(acknowledged) <= CLIENTS * (KILLS + 1)  # what was in flight at each kill
    for row in votes:
        battle = find(store, row.key)
        assert battle is not None
        assert battle.state == "voted"
        assert len(battle.turns[-1].answered) == 2, "what was voted on is as durable as the vote"
        assert battle.names() == acknowledged.get(row.key, battle.names())
    assert store.read("PRAGMA integrity_check") == [("ok",)]
    store.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
