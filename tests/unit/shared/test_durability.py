"""Nothing that was acknowledged is lost or doubled, however often the server is killed.

Run as a program, this file is that server: one line of JSON in, one line out, a row durable in between.
"""

import random
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

import pytest

from shared.errors import Conflict
from shared.store import Store
from shared.sync import Sync
from tests.storm import ROOT, Say, Storm, serve

pytestmark = pytest.mark.disk
CLIENTS = 8
KILLS = 20


def answer(store: Store, asked: dict) -> dict:
    try:
        return {"id": store.append("votes", asked, key=asked["key"]).id}
    except Conflict:  # written by a server that was killed before it could say so
        row = store.row("votes", asked["key"])
        assert row is not None
        return {"id": row.id}


def main(home: Path, remote: str) -> None:
    store = Store(home)
    store.claim()
    sync = Sync(store, remote, within=0.2, rows=20)
    sync.pull()
    sync.start()
    serve(partial(answer, store))


@pytest.mark.slow
def test_no_acknowledged_row_is_lost_or_doubled_by_twenty_kills(workspace: Path) -> None:
    home, remote = workspace / "home", f"folder:{workspace / 'remote'}"
    told: list[dict[str, str]] = [{} for _ in range(CLIENTS)]

    def append(number: int, say: Say) -> None:
        """Append without a pause, again with the same key when the server went away."""
        asked = len(told[number])
        key = f"{number}-{asked}"
        told[number][key] = say(key=key, text=key * (1 + asked % 50))["id"]

    storm = Storm(["tests.unit.shared.test_durability", str(home), remote], append, CLIENTS)
    progress = storm.rage(KILLS, (0.0, 0.4), lambda: sum(map(len, told)), 0.3)

    acknowledged = {key: row_id for each in told for key, row_id in each.items()}
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
    main(Path(sys.argv[1]), sys.argv[2])
