"""Runs in processes of their own: states, stopping, secrets, and servers that come and go."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from shared import jobs as module
from shared.env import ROOT
from shared.errors import Conflict, PlaygroundError
from shared.jobs import MARK, Job, Jobs, Run
from shared.progress import Progress

START = """
import json, os, signal, subprocess, sys, time
from pathlib import Path
from shared.jobs import Run
from shared.progress import Progress
"""
CODE = {
    "works": "run = Run(sys.argv[1]); print('héllo'); run.report(Progress('Adding', 2, 2, 0.0)); "
    "run.finish({'sum': sum(run.settings['numbers'])})",
    "breaks": "print('about to'); raise SystemExit('no such file: x.csv')",
    "dies": "os.kill(os.getpid(), signal.SIGKILL)",
    "waits": "run = Run(sys.argv[1]); run.report(Progress('Waiting'))\n"
    "while not run.stopping: time.sleep(0.01)\nrun.finish({'kept': 1})",
    "ignores": "signal.signal(signal.SIGTERM, signal.SIG_IGN); Path(sys.argv[1], 'ready').touch(); time.sleep(60)",
    "family": "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)'])\n"
    "stray = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)'], start_new_session=True)\n"
    "bare = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)'], env={})\n"
    "Path(sys.argv[1], 'ready').write_text(f'{child.pid} {stray.pid} {bare.pid}'); time.sleep(60)",
    "environment": "Run(sys.argv[1]).finish(dict(os.environ))",
}


@pytest.fixture
def jobs(workspace: Path) -> Iterator[Jobs]:
    """Jobs whose modules are the ones above; whatever still runs at the end of a test is stopped."""
    code = workspace / "code"
    code.mkdir()
    for name, text in CODE.items():
        (code / f"{name}.py").write_text(START + text)
    made = Jobs(workspace / "home" / "runs", root=code)
    yield made
    for job in made.jobs():
        if not job.ended:
            made.stop(job.id, grace=0)


def until(true: Callable[[], object]) -> None:
    end = time.monotonic() + 20
    while not true():
        assert time.monotonic() < end, "it took too long"
        time.sleep(0.01)


def running(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def test_a_run_from_start_to_result(jobs: Jobs) -> None:
    started = jobs.start("works", {"numbers": [1, 2, 3]}, "Add numbers")
    assert started.state in ("waiting", "running")
    assert (started.result, started.why) == (None, "")
    job = jobs.wait(started.id)
    assert (job.state, job.exit_code, job.ended) == ("finished", 0, True)
    assert job.result == {"sum": 6}
    assert job.settings == {"numbers": [1, 2, 3]}
    assert job.progress == Progress("Adding", 2, 2, 0.0)
    assert job.tail == "héllo\n"
    assert (job.module, job.name, job.why) == ("works", "Add numbers", "")
    assert jobs.jobs() == [job]
    assert jobs.jobs("works") == [job]
    assert jobs.jobs("other") == []
    assert sorted(path.name for path in job.folder.iterdir()) == [
        "exit.json", "job.json", "log.txt", "process.json", "progress.jsonl", "result.json", "settings.json",
    ]  # fmt: skip


def test_failures_say_why(jobs: Jobs) -> None:
    broken = jobs.wait(jobs.start("breaks", {}, "Break").id)
    assert (broken.state, broken.exit_code) == ("failed", 1)
    assert broken.why == "It ended with status 1: no such file: x.csv"
    dead = jobs.wait(jobs.start("dies", {}, "Die").id)
    assert (dead.state, dead.exit_code) == ("failed", -9)
    assert "memory ran out" in dead.why
    missing = jobs.wait(jobs.start("no_such_module", {}, "Miss").id)
    assert missing.state == "failed"
    assert "No module named no_such_module" in missing.why


def test_unknown_ids_and_forged_ones(jobs: Jobs, workspace: Path) -> None:
    (workspace / "home").mkdir()
    (workspace / "home" / "job.json").write_text('{"module": "m", "name": "n", "time": "t"}')
    for id in ("20260101-000000-00000000", "..", "", "../..", "x/../y"):
        with pytest.raises(PlaygroundError, match="There is no run"):
            jobs.job(id)
    assert jobs.jobs() == []


def test_a_run_that_is_asked_to_stop_saves_what_it_has(jobs: Jobs) -> None:
    job = jobs.start("waits", {}, "Wait")
    until(lambda: jobs.job(job.id).progress)
    assert jobs.job(job.id).state == "running"
    stopped = jobs.stop(job.id)
    assert (stopped.state, stopped.exit_code, stopped.result) == ("stopped", 0, {"kept": 1})
    assert jobs.stop(job.id) == stopped, "stopping again changes nothing"


def test_a_run_that_does_not_stop_is_killed_after_the_grace_time(jobs: Jobs) -> None:
    job = jobs.start("ignores", {}, "Ignore")
    until((job.folder / "ready").exists)
    stopped = jobs.stop(job.id, grace=0.2)
    assert (stopped.state, stopped.exit_code) == ("stopped", -9)


def test_stopping_ends_every_process_of_the_run_and_no_other(jobs: Jobs) -> None:
    other = jobs.start("waits", {}, "Other")
    job = jobs.start("family", {}, "Family")
    until((job.folder / "ready").exists)
    pids = [int(pid) for pid in (job.folder / "ready").read_text().split()]
    assert all(running(pid) for pid in pids)
    assert jobs.stop(job.id).state == "stopped"
    until(lambda: not any(running(pid) for pid in pids))
    until(lambda: jobs.job(other.id).progress)
    assert jobs.job(other.id).state == "running"


def test_a_number_that_was_given_to_another_process_is_not_mistaken_or_killed(jobs: Jobs) -> None:
    job = jobs.wait(jobs.start("works", {"numbers": []}, "Work").id)
    guard = json.loads((job.folder / "process.json").read_text())["pid"]
    until(lambda: not running(guard))
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as stranger:
        (job.folder / "exit.json").unlink()
        (job.folder / "process.json").write_text(json.dumps({"pid": stranger.pid, "started": time.time() - 1000}))
        assert jobs.job(job.id).state == "lost"
        assert jobs.stop(job.id).state == "lost"
        module._signal(module._members(job.folder), signal.SIGKILL)
        assert stranger.poll() is None


def test_a_clock_that_was_set_does_not_lose_a_run(jobs: Jobs) -> None:
    job = jobs.start("waits", {}, "Wait")
    until(lambda: jobs.job(job.id).progress)
    about = json.loads((job.folder / "process.json").read_text())
    (job.folder / "process.json").write_text(json.dumps(about | {"started": about["started"] - 3600}))
    assert jobs.job(job.id).state == "running"
    assert jobs.stop(job.id).state == "stopped"


def test_a_run_whose_guard_was_killed(jobs: Jobs) -> None:
    job = jobs.start("waits", {}, "Wait")
    until(lambda: jobs.job(job.id).progress)
    guard = json.loads((job.folder / "process.json").read_text())["pid"]
    os.kill(guard, signal.SIGKILL)
    until(lambda: not running(guard))
    assert jobs.job(job.id).state == "running", "the work goes on"
    assert jobs.stop(job.id).state == "stopped"
    (job.folder / "stop").unlink()
    lost = jobs.job(job.id)
    assert (lost.state, lost.exit_code) == ("lost", None)
    assert lost.why == "The machine or its container stopped while this was running. Start it again."


def test_a_run_outlives_its_server_and_the_next_one_adopts_it(jobs: Jobs, workspace: Path) -> None:
    server = f"""
import sys
from pathlib import Path
from shared.jobs import Jobs
print(Jobs(Path({str(jobs.runs)!r}), root=Path({str(workspace / "code")!r})).start(sys.argv[1], {{"numbers": [4]}}, "A").id)
"""
    started = [
        subprocess.run(
            [sys.executable, "-c", server, name], cwd=ROOT, capture_output=True, text=True, check=True
        ).stdout.strip()
        for name in ("works", "breaks", "waits")
    ]
    found = [jobs.wait(id, 20) for id in started[:2]]
    assert [(job.state, job.exit_code) for job in found] == [("finished", 0), ("failed", 1)]
    until(lambda: jobs.job(started[2]).progress)
    assert jobs.job(started[2]).state == "running"

    seen: list[str] = []
    assert {job.id for job in jobs.adopt(lambda job: seen.append(job.id))} == set(started[:2])
    assert sorted(seen) == sorted(started[:2]), "not the one that still runs"
    assert Jobs(jobs.runs).adopt(lambda job: seen.append(job.id)) == []
    assert jobs.stop(started[2]).state == "stopped"
    assert [job.id for job in Jobs(jobs.runs).adopt(lambda job: seen.append(job.id))] == started[2:]
    assert len(seen) == 3


def test_adopting_calls_back_once_whoever_asks(jobs: Jobs) -> None:
    ids = [jobs.start("works", {"numbers": [n]}, "Add").id for n in range(3)]
    for id in ids:
        jobs.wait(id)
    seen: list[str] = []

    def record(job: Job) -> None:
        time.sleep(0.02)
        seen.append(job.id)

    threads = [threading.Thread(target=Jobs(jobs.runs).adopt, args=(record,)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(seen) == sorted(ids)


def test_adopting_again_when_the_callback_did_not_return(jobs: Jobs) -> None:
    job = jobs.wait(jobs.start("works", {"numbers": []}, "A").id)
    other = jobs.wait(jobs.start("works", {"numbers": []}, "B").id)
    seen: list[str] = []

    def refuses_one(each: Job) -> None:
        seen.append(each.name)
        if each.id == job.id:
            raise PlaygroundError("the result has no loss")

    with pytest.raises(PlaygroundError, match="no loss"):
        jobs.adopt(refuses_one)
    assert sorted(seen) == ["A", "B"], "one that fails does not hold up the others"
    assert (other.folder / "adopted").exists()
    assert not (job.folder / "adopted").exists()

    def was_written_before_the_server_died(each: Job) -> None:
        raise Conflict(f"record {each.id} exists")

    assert [each.id for each in jobs.adopt(was_written_before_the_server_died)] == [job.id]
    assert jobs.adopt(refuses_one) == []


def test_only_harmless_variables_and_the_key_that_was_asked_for(jobs: Jobs, workspace: Path) -> None:
    known = {"PATH": os.environ["PATH"], "HOME": "/home/x", "LANG": "C.UTF-8", "CUDA_VISIBLE_DEVICES": "1",
             "HF_HOME": "/data/hf", "HF_ENDPOINT": "http://127.0.0.1:9", "PLAYGROUND_DATA": "/data", "PYTHONPATH": "/evil",
             "PLAYGROUND_SECRET": "s1", "HF_TOKEN": "s2", "OPENAI_API_KEY": "s3", "AWS_SECRET_ACCESS_KEY": "s4",
             "DATABASE_PATH": "s5", "HUGGING_FACE_HUB_TOKEN": "s6"}  # fmt: skip
    made = Jobs(jobs.runs, variables=known, root=workspace / "code")
    job = made.wait(made.start("environment", {}, "Environment").id)
    got = {key: value for key, value in (job.result or {}).items() if not key.startswith(("LC_", "__"))}
    assert got == {
        "PATH": known["PATH"], "HOME": "/home/x", "LANG": "C.UTF-8", "CUDA_VISIBLE_DEVICES": "1", "HF_HOME": "/data/hf",
        "HF_ENDPOINT": "http://127.0.0.1:9", "PLAYGROUND_DATA": "/data", "PLAYGROUND_HOME": str(workspace / "home"),
        "PYTHONPATH": str(ROOT), MARK: job.id,
    }  # fmt: skip
    asked = made.wait(made.start("environment", {}, "With a key", token="hf_asked").id)
    assert (asked.result or {})["HF_TOKEN"] == "hf_asked"
    kept = [path.name for path in asked.folder.iterdir() if "hf_asked" in path.read_text()]
    assert kept == ["result.json"], "the key is in no file of ours"


def test_a_run_that_never_began(jobs: Jobs, workspace: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The server died between making the folder and starting the process."""
    folder = jobs.runs / "20260101-000000-0123abcd"
    folder.mkdir(parents=True)
    (folder / "job.json").write_text('{"module": "works", "name": "A", "time": "2026-01-01T00:00:00+00:00"}')
    assert jobs.job(folder.name).state == "waiting"
    assert jobs.adopt(lambda _: pytest.fail("it has not ended")) == []
    os.utime(folder / "job.json", (1e9, 1e9))
    assert jobs.job(folder.name).state == "lost"
    assert [job.id for job in jobs.adopt(lambda _: None)] == [folder.name]
    os.utime(folder / "job.json")
    assert jobs.job(folder.name).state == "lost", "what was adopted does not come back"


@pytest.fixture
def sigterm() -> Iterator[None]:
    """Sets SIGTERM back, which a Run and a guard take over in their own processes."""
    before = signal.getsignal(signal.SIGTERM)
    yield
    signal.signal(signal.SIGTERM, before)


def test_the_guard_runs_a_module_and_writes_how_it_ended(workspace: Path, sigterm: None) -> None:
    assert module.main([str(workspace), "this"]) == 0
    assert json.loads((workspace / "exit.json").read_text())["code"] == 0
    about = json.loads((workspace / "process.json").read_text())
    assert about == {"pid": os.getpid(), "started": psutil.Process().create_time()}
    os.kill(os.getpid(), signal.SIGTERM)  # the guard stays


@pytest.mark.parametrize("marker", ["stop", "adopted"])
def test_the_guard_does_not_begin_what_was_stopped_or_given_up(workspace: Path, sigterm: None, marker: str) -> None:
    (workspace / marker).touch()
    assert module.main([str(workspace), "this"]) == 0
    assert json.loads((workspace / "exit.json").read_text())["code"] == -15


def test_a_run_hears_a_signal_or_sees_the_marker(workspace: Path, sigterm: None) -> None:
    run = Run(workspace)
    assert run.settings == {}
    assert not run.stopping
    os.kill(os.getpid(), signal.SIGTERM)
    assert run.stopping
    os.kill(os.getpid(), signal.SIGTERM)  # from now on it is ignored, so that saving is not cut short
    assert signal.getsignal(signal.SIGTERM) == signal.SIG_IGN
    made: list[Run] = []
    thread = threading.Thread(target=lambda: made.append(Run(workspace)))
    thread.start()
    thread.join()
    assert not made[0].stopping, "a thread cannot take the signal"
    (workspace / "stop").touch()
    assert made[0].stopping


def test_results_are_whole_or_absent(workspace: Path, sigterm: None) -> None:
    run = Run(workspace)
    run.finish({"answer": "四十二"})
    with pytest.raises(TypeError):
        run.finish({"answer": object()})
    assert json.loads((workspace / "result.json").read_text()) == {"answer": "四十二"}
    assert [path.name for path in workspace.iterdir()] == ["result.json"], "no temporary file is left"


def test_the_last_whole_report_counts(workspace: Path, sigterm: None) -> None:
    run = Run(workspace)
    assert module._progress(workspace) is None
    for done in range(500):
        run.report(Progress("读取 rows", done, 500, 1.5))
    with (workspace / "progress.jsonl").open("a") as file:
        file.write('{"stage": "Rea')
    assert module._progress(workspace) == Progress("读取 rows", 499, 500, 1.5)
    (workspace / "progress.jsonl").write_text('{"other": 1}\n')
    assert module._progress(workspace) is None


def test_the_tail_of_a_log(workspace: Path) -> None:
    log = workspace / "log.txt"
    assert module._tail(log) == ""
    log.write_text("one\ntwo\n")
    assert module._tail(log) == "one\ntwo\n"
    log.write_bytes("中文\n".encode() * 5000 + b"\xff end")
    tail = module._tail(log)
    assert tail.startswith("中文\n")
    assert tail.endswith("\ufffd end")
    assert len(tail.encode()) <= module.TAIL + 2
    log.write_text("x" * 20000)
    assert module._tail(log) == "x" * module.TAIL, "one line without an end"
