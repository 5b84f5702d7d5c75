"""The workspace: rows that are durable when append comes back, folders that never change."""

import json
import os
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from shared.errors import Conflict, PlaygroundError
from shared.folders import UNFINISHED
from shared.refs import parse
from shared.store import Artifact, Store

from .faults import full_disk, refusing

pytestmark = pytest.mark.disk
ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture
def store(workspace: Path) -> Iterator[Store]:
    made = Store(workspace / "home")
    yield made
    made.close()


def elsewhere(code: str, *args: object) -> subprocess.CompletedProcess[str]:
    """Run a few lines in another process."""
    command = [sys.executable, "-c", code, *map(str, args)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)


# Rows


def test_a_row_comes_back_as_it_was_written(store: Store) -> None:
    body = {"q": "你好, مرحبا, 🙂", "n": [1, 2.5, None, True], "half": "\ud83d", "deep": {"": {}}}
    row = store.append("votes", body, key="battle 1")
    assert (row.seq, row.kind, row.key, row.body) == (1, "votes", "battle 1", body)
    assert (len(row.id), row.time[-1], len(row.time)) == (32, "Z", 27)
    assert store.rows("votes") == [row]
    assert store.row("votes", "battle 1") == row
    assert store.row("votes", "other") is None
    body["n"].append("later")
    assert store.rows("votes")[0].body["n"] == row.body["n"] == [1, 2.5, None, True]


def test_an_empty_workspace_answers_and_is_not_made(workspace: Path) -> None:
    store = Store(workspace / "home")
    assert (store.rows("votes"), store.count("votes"), store.row("votes", "x"), store.artifacts("datasets")) == (
        [],
        0,
        None,
        [],
    )
    assert list(store.newest("votes")) == []
    store.close()
    assert not store.home.exists()


def test_rows_are_oldest_first_after_a_number_and_up_to_a_limit(store: Store) -> None:
    for n in range(6):
        store.append("votes" if n % 2 else "records", {"n": n})
    assert [row.body["n"] for row in store.rows("votes")] == [1, 3, 5]
    assert [row.body["n"] for row in store.rows("votes", after=2)] == [3, 5]
    assert [row.body["n"] for row in store.rows("votes", after=2, limit=1)] == [3]
    assert (store.count("votes"), store.count("records"), store.count("vote")) == (3, 3, 0)


def test_the_newest_come_first_page_by_page(store: Store) -> None:
    store.append_many("votes", [({"n": n}, None) for n in range(7)])
    assert [row.body["n"] for row in store.newest("votes", page=3)] == [6, 5, 4, 3, 2, 1, 0]


def test_a_taken_key_is_a_conflict_for_that_caller_alone(store: Store) -> None:
    store.append("votes", {"by": "first"}, key="battle")
    pending = [store.append_later("votes", {"by": n}, key="battle" if n == 7 else f"battle {n}") for n in range(15)]
    written = []
    for n, each in enumerate(pending):
        if n == 7:
            with pytest.raises(Conflict, match="'battle' is in votes already"):
                each.result()
        else:
            written.append(each.result().body["by"])
    assert written == [n for n in range(15) if n != 7]
    assert store.row("votes", "battle").body == {"by": "first"}
    store.append("records", {}, key="battle")  # another kind has its own keys
    assert store.count("votes") == 15
    for _ in range(2):
        store.append("votes", {}, key=None)  # no key, no conflict


def test_many_rows_are_written_all_or_none(store: Store) -> None:
    rows = store.append_many("votes", [({"n": 0}, "a"), ({"n": 1}, None), ({"n": 2}, "b")])
    assert store.rows("votes") == rows
    for taken in ("b", "c"):
        with pytest.raises(Conflict):
            store.append_many("votes", [({}, "c"), ({}, "d"), ({}, taken)])
    assert store.append_many("votes", []) == []
    assert store.count("votes") == 3


def test_eight_clients_at_once_lose_nothing_and_double_nothing(store: Store) -> None:
    def client(name: int) -> list[str]:
        return [store.append("votes", {"n": n}, key=f"{name}-{n}").id for n in range(50)]

    with ThreadPoolExecutor(8) as pool:
        ids = [row_id for found in pool.map(client, range(8)) for row_id in found]
    rows = store.rows("votes")
    assert {row.id for row in rows} == set(ids)
    assert [row.seq for row in rows] == list(range(1, 401))
    for name in range(8):
        assert [row.body["n"] for row in rows if row.key.startswith(f"{name}-")] == list(range(50))


def test_of_two_clients_with_one_key_one_wins(store: Store) -> None:
    start = threading.Barrier(8)

    def client(_: int) -> int:
        start.wait()
        try:
            store.append("votes", {}, key="battle")
        except Conflict:
            return 0
        return 1

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(client, range(8))) == 1
    assert store.count("votes") == 1


def test_work_in_the_store_s_own_transaction(store: Store) -> None:
    store.append("votes", {})
    assert store.write(lambda c: c.execute("UPDATE rows SET time = 'then'").rowcount) == 1
    assert store.read("SELECT time FROM rows WHERE kind = ?", ("votes",)) == [("then",)]
    with pytest.raises(PlaygroundError, match="readonly"):
        store.read("DELETE FROM rows")
    assert store.count("votes") == 1


def test_bodies_and_kinds_that_are_bugs_keep_their_traceback(store: Store) -> None:
    for kind, body, error in (("Votes!", {}, ValueError), ("votes", {"x": {1}}, TypeError)):
        with pytest.raises(error):
            store.append(kind, body)
    with pytest.raises(UnicodeEncodeError):
        store.append("votes", {}, key="\ud800")
    assert store.count("votes") == 0


# Opening and closing


def test_what_is_written_is_there_after_opening_again(workspace: Path) -> None:
    for n in range(3):
        store = Store(workspace / "home")
        store.append("votes", {"n": n})
        store.close()
    assert [row.body["n"] for row in Store(workspace / "home").rows("votes")] == [0, 1, 2]


def test_a_closed_store_refuses_and_can_be_closed_again(store: Store) -> None:
    later = store.append_later("votes", {"n": 1})
    store.close()
    assert later.result().body == {"n": 1}
    for attempt in (
        lambda: store.append("votes", {}),
        lambda: store.append_many("votes", [({}, None)]),
        store.claim,
        lambda: store.put("datasets", "x", store.home),
    ):
        with pytest.raises(PlaygroundError, match=r"is closed.*Start the playground again"):
            attempt()
    store.close()
    assert store.count("votes") == 1  # reading what is there does no harm


def test_another_process_may_read_and_must_not_write(store: Store) -> None:
    store.append("votes", {"n": 1}, key="k")
    code = """
import sys
from pathlib import Path
from shared.store import Store
from shared.errors import PlaygroundError
store = Store(Path(sys.argv[1]))
print([row.body for row in store.rows("votes")])
try:
    store.append("votes", {})
except PlaygroundError as error:
    print(error)
store.close()
"""
    done = elsewhere(code, store.home)
    assert done.stderr == ""
    assert done.stdout.splitlines()[0] == "[{'n': 1}]"
    assert f"Another process (number {os.getpid()}) writes to the workspace {store.home}" in done.stdout
    assert "PLAYGROUND_HOME" in done.stdout
    store.append("votes", {"n": 2})  # the reader's end did not disturb the writer
    assert store.count("votes") == 2


def test_two_stores_in_one_process_do_not_both_write(store: Store) -> None:
    store.append("votes", {})
    other = Store(store.home)
    assert other.count("votes") == 1
    with pytest.raises(PlaygroundError, match="Another process"), other.writing("datasets", "x"):
        pass
    store.close()
    other.append("votes", {})
    other.close()


def test_a_killed_process_lets_go_and_leaves_no_half_written_folder(workspace: Path) -> None:
    code = """
import os, signal, sys
from pathlib import Path
from shared.store import Store
store = Store(Path(sys.argv[1]))
store.append("votes", {"n": 1}, key="k")
with store.writing("datasets", "half") as folder:
    (folder / "data.parquet").write_bytes(b"x" * 1000)
    os.kill(os.getpid(), signal.SIGKILL)
"""
    assert elsewhere(code, workspace / "home").returncode == -9
    store = Store(workspace / "home")
    assert store.row("votes", "k").body == {"n": 1}
    assert len(list((store.home / "artifacts" / UNFINISHED).iterdir())) == 1  # reading changes nothing
    store.claim()
    assert not (store.home / "artifacts" / UNFINISHED).exists()
    store.close()


def test_a_reader_during_a_writer_sees_whole_commits(store: Store) -> None:
    stop = threading.Event()

    def reads() -> int:
        last = 0
        while not stop.is_set():
            rows = Store(store.home).rows("votes")
            assert len(rows) % 10 == 0
            assert [row.seq for row in rows] == list(range(1, len(rows) + 1))
            assert len(rows) >= last
            last = len(rows)
        return last

    with ThreadPoolExecutor(2) as pool:
        readers = [pool.submit(reads) for _ in range(2)]
        for _ in range(30):
            store.append_many("votes", [({}, None)] * 10)
        stop.set()
        assert all(reader.result() <= 300 for reader in readers)


def test_a_file_without_tables_yet_reads_as_empty(workspace: Path) -> None:
    store = Store(workspace)
    sqlite3.connect(workspace / "rows.sqlite").execute("PRAGMA user_version = 1").connection.close()
    assert store.rows("votes") == []
    store.close()


# Faults


def test_a_full_disk_loses_nothing_that_was_acknowledged(store: Store) -> None:
    kept = [store.append("votes", {"n": n}).id for n in range(20)]
    with full_disk(20_000):
        for n in ("x" * 50_000, "x", "x"):
            with pytest.raises(PlaygroundError, match=r"could not be read or written.*has space"):
                store.append("votes", {"n": n})
    with full_disk(100_000):
        with pytest.raises(PlaygroundError, match=r"could not be read or written.*has space"):
            store.append("votes", {"n": "x" * 200_000})
        assert [row.id for row in store.rows("votes")] == kept
    kept.append(store.append("votes", {"n": "again"}).id)
    store.close()
    again = Store(store.home)
    assert [row.id for row in again.rows("votes")] == kept
    assert again.read("PRAGMA integrity_check") == [("ok",)]
    again.close()


def test_a_full_disk_keeps_no_half_artifact(store: Store, workspace: Path) -> None:
    store.claim()
    with full_disk(5000), pytest.raises(OSError, match="File too large"), store.writing("datasets", "big") as folder:
        (folder / "data.parquet").write_bytes(b"x" * 10_000)
    assert list((store.home / "artifacts" / UNFINISHED).iterdir()) == []
    assert store.artifacts("datasets") == []


def test_a_read_only_home_is_not_written_and_loses_nothing(workspace: Path) -> None:
    store = Store(workspace / "home")
    store.append("votes", {"n": 1})
    reader = Store(workspace / "home")
    with refusing(workspace / "home"):
        assert reader.count("votes") == 1  # while somebody else writes
    reader.close()
    store.close()
    (workspace / "home" / "writer.lock").unlink()
    again = Store(workspace / "home")
    with refusing(workspace / "home"):
        for attempt in (lambda: again.append("votes", {"n": 2}), lambda: again.rows("votes")):
            with pytest.raises(PlaygroundError, match=r"could not be read or written.*may be written"):
                attempt()
        with pytest.raises(PlaygroundError), again.writing("datasets", "x"):
            pass
    assert again.count("votes") == 1
    again.append("votes", {"n": 2})
    again.close()


def test_a_home_that_is_a_file_is_refused(workspace: Path) -> None:
    (workspace / "home").write_text("x")
    store = Store(workspace / "home")
    with pytest.raises(PlaygroundError, match="File exists"):
        store.append("votes", {})
    store.close()


def test_a_broken_file_is_told_when_reading(workspace: Path) -> None:
    (workspace / "rows.sqlite").write_bytes(b"no database" * 1000)
    store = Store(workspace)
    with pytest.raises(PlaygroundError, match="not a database"):
        store.rows("votes")
    store.close()


# Artifacts


def make(store: Store, kind: str, name: str, content: str) -> Artifact:
    with store.writing(kind, name) as folder:
        (folder / "data.txt").write_text(content)
    return store.put(kind, name, folder)


def test_an_artifact_is_found_by_its_ref(store: Store) -> None:
    made = make(store, "datasets", "my set", "abc")
    assert made.ref == f"local:my-set@{made.sha[:12]}"
    assert (made.kind, made.name, made.size, len(made.sha)) == ("datasets", "my-set", 3, 64)
    assert made.path == store.home / "artifacts" / "datasets" / made.sha
    assert (made.path / "data.txt").read_text() == "abc"
    assert store.find(made.ref) == store.find(parse(made.ref), "datasets") == made
    assert store.find(f"local:my-set@{made.sha}") == made
    assert store.artifacts("datasets") == [made]
    assert store.artifacts("models") == []
    assert list((store.home / "artifacts" / UNFINISHED).iterdir()) == []


def test_the_same_content_is_one_artifact_under_each_of_its_names(store: Store) -> None:
    first = make(store, "datasets", "one", "abc")
    again = make(store, "datasets", "one", "abc")
    other = make(store, "datasets", "two", "abc")
    assert again == first
    assert (other.sha, other.path, other.name) == (first.sha, first.path, "two")
    assert store.artifacts("datasets") == [other, first]
    assert store.find(other.ref) == other
    assert store.find(first.ref) == first
    assert store.find(f"local:three@{first.sha[:12]}") == first  # the hash decides
    assert len(list((store.home / "artifacts" / "datasets").iterdir())) == 1
    assert store.put("datasets", "four", first.path).path == first.path  # it is there already, and stays
    assert (first.path / "data.txt").exists()


def test_artifacts_are_newest_first_and_those_without_files_left_out(store: Store) -> None:
    made = [make(store, "datasets", f"set {n}", str(n)) for n in range(3)]
    (made[1].path / "data.txt").unlink()
    made[1].path.rmdir()
    assert store.artifacts("datasets") == [made[2], made[0]]
    with pytest.raises(PlaygroundError, match=r"files of .* are gone"):
        store.find(made[1].ref)


def plant(store: Store, kind: str, name: str, sha: str) -> str:
    """An artifact with a hash of our choice: real ones that begin alike take too long to find."""
    (store.home / "artifacts" / kind / sha).mkdir(parents=True)
    store.append("artifacts", {"kind": kind, "name": name, "sha": sha, "size": 1}, key=f"{sha}/{kind}/{name}")
    return sha


def test_digits_that_fit_several_are_refused_unless_the_name_decides(store: Store) -> None:
    one = plant(store, "datasets", "one", "0123456789ab" + "0" * 52)
    two = plant(store, "datasets", "two", "0123456789ab" + "1" * 52)
    assert store.find("local:two@0123456789ab").sha == two
    with pytest.raises(PlaygroundError, match="fits more than one thing") as refusal:
        store.find("local:three@0123456789ab")
    assert f"local:one@{one}" in str(refusal.value)
    assert f"local:two@{two}" in str(refusal.value)
    assert store.find("local:three@0123456789ab0").sha == one
    plant(store, "datasets", "two", "0123456789ab" + "2" * 52)
    with pytest.raises(PlaygroundError, match="Give more digits"):
        store.find("local:two@0123456789ab")


def test_the_same_content_of_two_kinds_is_told_apart_by_the_kind(store: Store) -> None:
    data, export = make(store, "datasets", "x", "abc"), make(store, "exports", "x", "abc")
    assert store.find(data.ref, "exports") == export
    with pytest.raises(PlaygroundError, match="fits more than one thing: datasets local:x@"):
        store.find(data.ref)


@pytest.mark.parametrize("ref", ["hub:a/b", "builtin:mini", "builtin:mini+local:x@0123456789ab"])
def test_other_refs_do_not_name_something_here(store: Store, ref: str) -> None:
    with pytest.raises(PlaygroundError, match="does not name something in this workspace"):
        store.find(ref)


def test_an_unknown_artifact_is_said_to_be_unknown(store: Store) -> None:
    made = make(store, "datasets", "x", "abc")
    with pytest.raises(PlaygroundError, match=r"'local:x@0{12}' is not in the workspace"):
        store.find("local:x@000000000000")
    with pytest.raises(PlaygroundError, match=r"\(models\) is not in the workspace"):
        store.find(made.ref, "models")


def test_nothing_is_left_when_the_writing_fails(store: Store) -> None:
    def fail(error: type[BaseException]) -> None:
        with store.writing("datasets", "x") as folder:
            (folder / "half").write_text("x")
            raise error

    for error in (KeyError, KeyboardInterrupt):
        with pytest.raises(error):
            fail(error)
    assert list((store.home / "artifacts" / UNFINISHED).iterdir()) == []


@pytest.mark.parametrize("name", ["../../out", "/etc/passwd", "a\x00b", "x" * 1000, "数据", ".", ""])
def test_no_name_leads_outside(store: Store, workspace: Path, name: str) -> None:
    made = make(store, "datasets", name, "abc")
    assert made.path.parent == store.home / "artifacts" / "datasets"
    assert parse(made.ref)
    assert store.find(made.ref) == made
    assert [path.name for path in workspace.iterdir()] == ["home"]


def test_kinds_do_not_lead_outside_either(store: Store, workspace: Path) -> None:
    (workspace / "folder").mkdir()
    (workspace / "folder" / "x").write_text("x")
    with pytest.raises(ValueError, match="kind"), store.writing("../x", "x"):
        pass
    with pytest.raises(ValueError, match="kind"):
        store.put("../x", "x", workspace / "folder")


def test_a_folder_that_was_never_there_is_refused(store: Store, workspace: Path) -> None:
    with pytest.raises(PlaygroundError, match="not a folder"):
        store.put("datasets", "x", workspace / "missing")


def test_many_put_the_same_at_once(store: Store) -> None:
    with ThreadPoolExecutor(4) as pool:
        made = list(pool.map(lambda _: make(store, "datasets", "x", "abc"), range(8)))
    assert len(set(made)) == 1
    assert len(store.artifacts("datasets")) == 1


def test_rows_survive_as_plain_sqlite(store: Store) -> None:
    store.append("votes", {"n": 1}, key="k")
    store.close()
    with sqlite3.connect(store.home / "rows.sqlite") as plain:
        ((body,),) = plain.execute("SELECT body FROM rows WHERE kind = 'votes' AND key = 'k'").fetchall()
    plain.close()
    assert json.loads(body) == {"n": 1}
