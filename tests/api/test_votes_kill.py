"""No acknowledged vote is lost or doubled, however often the server is killed.

Run as a program, this file is that server: it holds blind battles between scripted models through the arena's own endpoints,
one line of JSON in, one line out.
"""

import dataclasses
import json
import random
import signal
import socket
import socketserver
import subprocess
import sys
import threading
import time
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

ROOT = Path(__file__).resolve().parents[2]
CLIENTS = 8
KILLS = 20
MODELS = [f"openai:farm/m{n}" for n in range(4)]


class Handler(socketserver.StreamRequestHandler):
    """One client's connection, in a thread of its own."""

    def handle(self) -> None:
        for line in self.rfile:
            asked = json.loads(line)
            self.wfile.write(json.dumps(self.run(asked)).encode() + b"\n")

    def run(self, asked: dict) -> dict:
        function = getattr(core, asked.pop("do"))
        try:
            found = call(function, asked)
            return dataclasses.asdict(last(found) if hasattr(found, "__next__") else found)
        except Conflict:
            return {"conflict": True}
        except PlaygroundError as error:
            return {"error": str(error)}


class Server(socketserver.ThreadingTCPServer):
    daemon_threads = True


@contextmanager
def house(home: Path) -> Iterator[None]:
    with using(Suite(Environment(home=home))) as suite:
        suite.start()
        for ref in MODELS:
            suite.models.add(Scripted(ref, [Start(ref), Delta(f"I am {ref}"), Finish("stop")]))
        yield


def serve(home: Path) -> None:
    with house(home.parent / "warm"):  # the first battle of a process loads what the others find loaded
        asked = core.ask("Hi", MODELS)
        last(core.answer(asked.battle))
        core.vote(asked.battle, "tie")
    with house(home), Server(("127.0.0.1", 0), Handler) as server:
        print(server.server_address[1], flush=True)
        server.serve_forever()


class Clients:
    """Eight people who hold one battle after the other, and ask again when the server goes away."""

    def __init__(self) -> None:
        self.port = 0
        self.acknowledged: list[dict[str, dict[str, str]]] = [{} for _ in range(CLIENTS)]
        self.doubled: list[str] = []
        self.refused: list[str] = []
        self.stopping = threading.Event()
        self.threads = [threading.Thread(target=self.run, args=(number,)) for number in range(CLIENTS)]

    def run(self, number: int) -> None:
        lots = random.Random(number)
        open_battle = ""
        while not self.stopping.is_set():
            try:
                with socket.create_connection(("127.0.0.1", self.port), timeout=10) as connection:
                    stream = connection.makefile("rwb")
                    while not self.stopping.is_set():
                        if not open_battle:
                            open_battle = self.say(stream, do="ask", prompt="Hi", models=MODELS)["battle"]
                        self.settle(stream, number, open_battle, lots.choice(["a", "b", "tie", "both_bad"]))
                        open_battle = ""
            except OSError:
                time.sleep(0.01)

    def settle(self, stream: object, number: int, battle: str, winner: str) -> None:
        """Answer and vote; after a kill the vote may be there already, which is a Conflict and no second one."""
        self.say(stream, do="answer", battle=battle)
        answer = self.say(stream, do="vote", battle=battle, winner=winner)
        if "models" in answer:
            self.acknowledged[number][battle] = answer["models"]
            if "conflict" not in self.say(stream, do="vote", battle=battle, winner="tie"):
                self.doubled.append(battle)
        elif "conflict" not in answer:
            self.refused.append(answer["error"])

    def say(self, stream, **asked: object) -> dict:
        stream.write(json.dumps(asked).encode() + b"\n")
        stream.flush()
        answer = stream.readline()
        if not answer.endswith(b"\n"):
            raise OSError("the server went away")
        return json.loads(answer)


def start(home: Path) -> tuple[subprocess.Popen[str], int]:
    command = [sys.executable, "-m", "tests.api.test_votes_kill", str(home)]
    server = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert server.stdout is not None
    return server, int(server.stdout.readline())


@pytest.mark.slow
def test_no_acknowledged_vote_is_lost_or_doubled_by_twenty_kills(workspace: Path) -> None:
    lots, clients, home = random.Random(0), Clients(), workspace / "home"
    server, clients.port = start(home)
    for thread in clients.threads:
        thread.start()
    progress = []
    for _ in range(KILLS):
        time.sleep(lots.uniform(0.3, 1.0))
        server.send_signal(signal.SIGKILL)
        server.communicate()
        progress.append(sum(map(len, clients.acknowledged)))
        server, clients.port = start(home)
    time.sleep(1)
    clients.stopping.set()
    for thread in clients.threads:
        thread.join(60)
    server.kill()
    server.communicate()

    acknowledged = {battle: models for each in clients.acknowledged for battle, models in each.items()}
    assert len(set(progress)) > KILLS // 2, "most kills must hit while votes are cast"
    assert clients.doubled == []
    assert clients.refused == []
    store = Store(home)
    votes = store.rows("votes")
    assert {row.key for row in votes} >= set(acknowledged)
    assert len({row.key for row in votes}) == len({row.body["battle"] for row in votes}) == len(votes)
    assert len(votes) - len(acknowledged) <= CLIENTS * (KILLS + 1)  # what was in flight at each kill
    for row in votes:
        battle = find(store, row.key)
        assert battle is not None
        assert battle.state == "voted"
        assert battle.names() == acknowledged.get(row.key, battle.names())
    assert store.read("PRAGMA integrity_check") == [("ok",)]
    store.close()


if __name__ == "__main__":
    serve(Path(sys.argv[1]))
