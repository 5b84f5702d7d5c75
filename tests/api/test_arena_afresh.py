"""The Model Arena with hardly a vote, after a kill in the middle of an answer, and when a battle was left alone for too long."""

import csv
import json
import math
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from gradio_client import Client, handle_file
from gradio_client.exceptions import AppError

from shared.store import Store
from tests.api.test_arena import wait_for
from tests.server import Server, serving
from tests.told_server import ToldServer

RED, SLOW = "openai:farm/red-7b", "openai:farm/slow-7b"
GREEDY = {"temperature": 0.0, "max_new_tokens": 48}


@contextmanager
def arena(home: Path, **variables: str) -> Iterator[tuple[Server, Client]]:
    with serving(home, "model_arena", **variables) as server, closing(Client(server.url, verbose=False)) as client:
        yield server, client


def refused(client: Client, endpoint: str, message: str, **given: object) -> None:
    with pytest.raises(AppError, match=message):
        client.predict(**given, api_name=f"/{endpoint}")


def add_votes(client: Client, path: Path, rows: list[tuple[str, str, str]]) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([("model_a", "model_b", "winner"), *rows])
    assert client.predict(file=handle_file(str(path)), api_name="/import_votes")["read"] == len(rows)


def test_boards_of_no_votes_of_one_and_of_a_model_that_always_wins(workspace: Path) -> None:
    with arena(workspace / "home") as (_, client):
        nothing = client.predict(api_name="/leaderboard")
        assert nothing["rows"] == []
        assert "No votes yet" in nothing["notes"][0]
        rates = client.predict(api_name="/win_rates")
        assert (rates["votes"], rates["table"]["models"]) == (0, [])
        refused(client, "rating_history", "no votes")
        refused(client, "export_votes", "no votes")
        refused(client, "export_preferences", "of 0 battles none has a winner")
        refused(client, "judge", "(?i)no battle", model="builtin:micro")

        add_votes(client, workspace / "one.csv", [("ant", "bee", "model_a")])
        one = client.predict(api_name="/leaderboard")
        assert [(row["model"], row["battles"], row["rating"]) for row in one["rows"]] == [
            ("ant", 1, None),
            ("bee", 1, None),
        ]
        assert client.predict(api_name="/rating_history") == []

        add_votes(client, workspace / "many.csv", [
            *[("king", "ant", "model_a"), ("bee", "king", "model_b")] * 3,
            *[("ant", "bee", "model_a"), ("ant", "bee", "model_b"), ("ant", "bee", "tie")] * 3])  # fmt: skip
        for interval in ("sandwich", "bootstrap"):
            board = client.predict(interval=interval, api_name="/leaderboard")
            rows = {row["model"]: row for row in board["rows"]}
            assert rows["king"]["rating"] is None
            assert any("king" in note and "not lost once" in note for note in board["notes"])
            assert all(
                math.isfinite(rows[model][name]) for model in ("ant", "bee") for name in ("rating", "lower", "upper")
            )
        for endpoint in ("win_rates", "rating_history"):
            json.dumps(client.predict(api_name=f"/{endpoint}"), allow_nan=False)


def test_a_server_killed_in_the_middle_of_an_answer_and_a_battle_left_for_a_day(workspace: Path) -> None:
    healed = threading.Event()

    def slow(_prompt: str) -> Iterator[str]:
        yield "It "
        while not healed.is_set():
            yield "on "
        yield "ends."

    with ToldServer({"red-7b": lambda prompt: f"You said: {prompt}", "slow-7b": slow}) as farm:
        farm.faults.delay = 0.02
        variables = {"PLAYGROUND_SERVERS": farm.declared("farm")}
        home, both = workspace / "home", [RED, SLOW]
        healed.set()
        with arena(home, **variables) as (server, client):
            voted, left = (answered(client, prompt, both) for prompt in ("Hi", "Left alone"))
            names = client.predict(battle=voted, winner="a", api_name="/vote")["models"]
            healed.clear()
            broken = client.predict(prompt="And you?", models=both, api_name="/ask")["battle"]
            job = client.submit(battle=broken, settings=GREEDY, api_name="/answer")
            wait_for(lambda: any(job.outputs()))
            assert not job.done()
            server.process.kill()
            server.process.wait()
        make_old(home, left, hours=25)
        healed.set()
        with arena(home, **variables) as (server, client):
            refused(client, "vote", "stopped before the end", battle=broken, winner="a")
            refused(client, "say", r"no complete answer yet \(stopped\)", battle=broken, prompt="More")
            refused(client, "vote", "has its vote already", battle=voted, winner="b")
            shown = client.predict(
                share=client.predict(battle=voted, api_name="/share")["share"], api_name="/shared_battle"
            )
            assert (shown["winner"], shown["reveal"]["models"]) == ("a", names)
            assert client.predict(battle=broken, settings=GREEDY, api_name="/answer")["finished"]
            assert set(client.predict(battle=broken, winner="tie", api_name="/vote")["models"].values()) == set(both)
            assert {row["battles"] for row in client.predict(api_name="/leaderboard")["rows"]} == {2}
            calls: list[tuple[str, dict[str, Any]]] = [
                ("answer", {}), ("say", {"prompt": "Hi"}), ("regenerate", {}), ("vote", {"winner": "a"}), ("share", {}),
                ("react", {"side": "a", "turn": 1, "reaction": "like"}),
            ]  # fmt: skip
            for endpoint, given in calls:
                refused(
                    client, endpoint, "has expired: without a vote it is deleted after 24 hours", battle=left, **given
                )
            assert rows_of(home, left), "it is over, and the next battle takes its rows away"
            client.predict(prompt="Next", models=both, api_name="/ask")
            assert rows_of(home, left) == 0


def answered(client: Client, prompt: str, models: list[str]) -> str:
    battle: str = client.predict(prompt=prompt, models=models, api_name="/ask")["battle"]
    assert client.predict(battle=battle, settings=GREEDY, api_name="/answer")["finished"]
    return battle


def make_old(home: Path, battle: str, hours: float) -> None:
    """As if all that happened in a battle had happened so long ago."""
    store = Store(home)
    then = (datetime.now(UTC) - timedelta(hours=hours)).isoformat(timespec="microseconds")[:26] + "Z"
    store.write(lambda rows: rows.execute("UPDATE rows SET time = ? WHERE key LIKE ?", (then, f"{battle}/%")).rowcount)
    store.close()


def rows_of(home: Path, battle: str) -> int:
    store = Store(home)
    ((count,),) = store.read("SELECT count(*) FROM rows WHERE key LIKE ?", (f"{battle}/%",))
    store.close()
    return int(count)
