"""Nothing that was acknowledged is lost or doubled, however often the server is killed.

Run as a program, this file is that server: one line of JSON in, one line out, a row durable in between.
"""

import json
import random
import signal
import socket
import socketserver
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from shared.errors import Conflict
from shared.store import Store
from shared.sync import Sync

ROOT = Path(__file__).resolve().parents[3]
CLIENTS = 8
KILLS = 20


class Handler(socketserver.StreamRequestHandler):
    """One client's connection, in a thread of its own."""

    def handle(self) -> None:
        for line in self.rfile:
            asked = json.loads(line)
            try:
                row = self.server.store.append("votes", asked, key=asked["key"])  # type: ignore[attr-defined]
                answer = {"id": row.id}
            except Conflict:  # written by a server that was killed before it could say so
                answer = {"id": self.server.store.row("votes", asked["key"]).id}  # type: ignore[attr-defined]
            self.wfile.write(json.dumps(answer).encode() + b"\n")


class Server(socketserver.ThreadingTCPServer):
    daemon_threads = True


def serve(home: Path, remote: str) -> None:
    store = Store(home)
    store.claim()
    sync = Sync(store, remote, within=0.2, rows=20)
    sync.pull()
    sync.start()
    with Server(("127.0.0.1", 0), Handler) as server:
        server.store = store  # type: ignore[attr-defined]
        print(server.server_address[1], flush=True)
        server.serve_forever()


class Clients:
    """Eight clients that append without a pause, and ask again with the same key when the server goes away."""

    def __init__(self) -> None:
        self.port = 0
        self.acknowledged: list[dict[str, str]] = [{} for _ in range(CLIENTS)]
        self.stopping = threading.Event()
        self.threads = [threading.Thread(target=self.run, args=(number,)) for number in range(CLIENTS)]

    def run(self, number: int) -> None:
        asked = 0
        while not self.stopping.is_set():
            try:
                with socket.create_connection(("127.0.0.1", self.port), timeout=10) as connection:
                    stream = connection.makefile("rwb")
                    while not self.stopping.is_set():
                        key = f"{number}-{asked}"
                        stream.write(json.dumps({"key": key, "text": key * (1 + asked % 50)}).encode() + b"\n")
                        stream.flush()
                        answer = stream.readline()
                        if not answer.endswith(b"\n"):
                            break
                        self.acknowledged[number][key] = json.loads(answer)["id"]
                        asked += 1
            except OSError:
                time.sleep(0.01)


def start(home: Path, remote: str) -> tuple[subprocess.Popen[str], int]:
    command = [sys.executable, "-m", "tests.unit.shared.test_durability", str(home), remote]
    server = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert server.stdout is not None
    return server, int(server.stdout.readline())


@pytest.mark.slow
def test_no_acknowledged_row_is_lost_or_doubled_by_twenty_kills(workspace: Path) -> None:
    lots, clients = random.Random(0), Clients()
    home, remote = workspace / "home", f"folder:{workspace / 'remote'}"
    server, clients.port = start(home, remote)
    for thread in clients.threads:
        thread.start()
    progress = []
    for _ in range(KILLS):
        time.sleep(lots.uniform(0.05, 0.5))
        server.send_signal(signal.SIGKILL)
        server.communicate()
        progress.append(sum(map(len, clients.acknowledged)))
        server, clients.port = start(home, remote)
    time.sleep(0.3)
    clients.stopping.set()
    for thread in clients.threads:
        thread.join(30)
    server.kill()
    server.communicate()

    acknowledged = {key: row_id for each in clients.acknowledged for key, row_id in each.items()}
    assert len(set(progress)) > KILLS // 2, "most kills must hit while rows are written"
    store = Store(home)
    rows = store.rows("votes")
    assert {row.key: row.id for row in rows}.items() >= acknowledged.items()
    assert len({row.key for row in rows}) == len({row.id for row in rows}) == len(rows)
    assert len(rows) - len(acknowledged) <= CLIENTS  # what was in flight at the end
    assert all(row.body["text"] == row.key * (1 + int(row.key.split("-")[1]) % 50) for row in rows)
    assert store.read("PRAGMA integrity_check") == [("ok",)]

    last = Sync(store, remote)  # the same storm left nothing out at the remote, and doubled nothing there
    assert last.flush().waiting == 0
    replica = Store(workspace / "replica")
    assert Sync(replica, remote).pull() == len(rows)
    assert {(row.id, row.key) for row in replica.rows("votes")} == {(row.id, row.key) for row in rows}
    for each in (store, replica):
        each.close()


@pytest.mark.slow
def test_no_artifact_is_half_there_after_kills(workspace: Path) -> None:
    code = """
import sys
from pathlib import Path
from shared.store import Store
store = Store(Path(sys.argv[1]))
for n in range(10_000):
    with store.writing("datasets", f"set {n}") as folder:
        for part in range(5):
            (folder / f"{part}.bin").write_bytes(bytes([part]) * (1000 + n))
    print(store.put("datasets", f"set {n}", folder).ref, flush=True)
"""
    lots = random.Random(1)
    told: set[str] = set()
    for _ in range(5):
        command = [sys.executable, "-c", code, str(workspace)]
        writer = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
        assert writer.stdout is not None
        told.add(writer.stdout.readline().strip())
        time.sleep(lots.uniform(0.0, 0.2))
        writer.kill()
        told |= {line.strip() for line in writer.communicate()[0].splitlines(keepends=True) if line.endswith("\n")}
    store = Store(workspace)
    store.claim()
    assert len(told) > 5
    for ref in told:
        found = store.find(ref, "datasets")
        n = int(found.name.removeprefix("set-"))
        assert [(path.name, path.stat().st_size) for path in sorted(found.path.iterdir())] == [
            (f"{part}.bin", 1000 + n) for part in range(5)
        ]
    assert sorted(path.name for path in (workspace / "artifacts").iterdir()) == ["datasets"]
    store.close()


if __name__ == "__main__":
    serve(Path(sys.argv[1]), sys.argv[2])
