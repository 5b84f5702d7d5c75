"""Heavy work in processes of its own, which outlive the server and are taken over by the next one.

Everything about a run is in its folder `runs/<id>/`, so whoever opens the folder knows its state:

* job.json: what was started; settings.json: with which settings; log.txt: what it printed
* process.json: the pid of its guard and when that process started; exit.json: the exit status, written by the guard
* progress.jsonl, result.json: what the run reports through `Run`; stop: somebody asked it to stop
* adopted: the server made its record and needs not look again

The guard is `python -m shared.jobs FOLDER MODULE`: it leads a session of its own, starts `python -m MODULE FOLDER`,
waits for it, and writes down how it ended even when no server is left to see it.
"""

import fcntl
import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

import psutil

from shared.env import ROOT
from shared.errors import Conflict, PlaygroundError
from shared.progress import Progress

State = Literal["waiting", "running", "finished", "failed", "stopped", "lost"]

MARK = "PLAYGROUND_RUN"  # in the environment of every process of a run, so that no other process is ever taken for one
PASSED = re.compile(
    r"PATH|HOME|LANG|LC_\w+|TZ|TMPDIR|LD_LIBRARY_PATH|SSL_CERT_FILE|PLAYGROUND_(?!SECRET)\w+"
    r"|HF_(HOME|ENDPOINT|HUB_CACHE|HUB_OFFLINE|HUB_DISABLE_\w+)|(CUDA|NVIDIA|OMP)_\w+"
)
IDS = re.compile(r"[0-9]{8}-[0-9]{6}-[0-9a-f]{8}")
STARTING = 60.0  # seconds after which a run without a process is given up
TAIL = 8 * 1024


@dataclass(frozen=True)
class Job:
    """One run as it was when it was looked at.

    Attributes:
        id: Name of its folder; sorts by time.
        module: The Python module that does the work.
        name: What it does, for people.
        time: When it was started, UTC, ISO 8601.
        folder: Where its files are.
        state: waiting, running, finished (exit status 0), failed, stopped (somebody asked), or lost (it ended together
            with the machine or its guard, so nobody knows how).
        exit_code: Exit status; a negative number is the signal that ended it; None while unknown.
        progress: The last report; None when there was none.
        tail: The end of what it printed.
    """

    id: str
    module: str
    name: str
    time: str
    folder: Path
    state: State
    exit_code: int | None
    progress: Progress | None
    tail: str

    @property
    def ended(self) -> bool:
        """Whether nothing more will happen."""
        return self.state not in ("waiting", "running")

    @property
    def settings(self) -> dict[str, Any]:
        """What it was started with."""
        return _read(self.folder / "settings.json") or {}

    @property
    def result(self) -> dict[str, Any] | None:
        """What the run handed over; None when it handed over nothing."""
        return _read(self.folder / "result.json")

    @property
    def why(self) -> str:
        """Why it did not finish, and what to do, in one or two sentences; empty when there is nothing to say."""
        last = next((line.strip() for line in reversed(self.tail.splitlines()) if line.strip()), "")
        if self.state == "lost":
            return "The machine or its container stopped while this was running. Start it again."
        if self.state == "failed" and self.exit_code == -signal.SIGKILL:
            return "The system killed it (signal 9), most often because memory ran out. Choose something smaller."
        if self.state == "failed":
            return f"It ended with status {self.exit_code}: {last or 'it printed nothing'}"
        return ""


class Run:
    """A run as its own process sees it: `run = Run(Path(sys.argv[1]))`.

    Attributes:
        folder: The run's folder; the run may keep files of its own there.
        settings: What it was started with.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = Path(folder)
        self.settings: dict[str, Any] = _read(self.folder / "settings.json") or {}
        self._asked = threading.Event()
        if threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGTERM, lambda *_: self._asked.set())

    @property
    def stopping(self) -> bool:
        """Whether somebody asked this run to stop; it should save what it has and end soon."""
        asked = self._asked.is_set() or (self.folder / "stop").exists()
        if asked and threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGTERM, signal.SIG_IGN)  # it may come after the marker, even while Python shuts down
        return asked

    def report(self, progress: Progress) -> None:
        """Say how far the work has come."""
        with (self.folder / "progress.jsonl").open("a", encoding="utf-8") as file:
            file.write(json.dumps(asdict(progress), ensure_ascii=False) + "\n")

    def finish(self, result: Mapping[str, Any]) -> None:
        """Hand over the result; a reader sees all of it or nothing.

        Args:
            result: Anything that JSON can hold.
        """
        _write(self.folder / "result.json", result)


class Jobs:
    """The runs of one workspace.

    Args:
        runs: Folder of all runs.
        variables: Environment variables that a run may get some of; None takes those this process was started with.
        root: The folder in which modules are looked for; a run works there.
    """

    def __init__(self, runs: Path, variables: Mapping[str, str] | None = None, root: Path = ROOT) -> None:
        self.runs = Path(runs)
        self._variables = variables
        self._root = root

    def start(self, module: str, settings: Mapping[str, Any], name: str, token: str = "") -> Job:
        """Start `python -m module FOLDER` in a session of its own and return at once.

        Args:
            module: The Python module that does the work; it makes a `Run` of its first argument.
            settings: What it reads as `Run.settings`; anything that JSON can hold. No keys and passwords: it is a file.
            name: What it does, for people.
            token: Key for the Hub, for a run that needs one; it is in the run's environment and in no file.

        Returns:
            The job, waiting or running.
        """
        now = datetime.now(UTC)
        folder = self.runs / f"{now:%Y%m%d-%H%M%S}-{uuid.uuid4().hex[:8]}"
        folder.mkdir(parents=True)
        _write(folder / "settings.json", settings)
        _write(folder / "job.json", {"module": module, "name": name, "time": now.isoformat(timespec="seconds")})
        with (folder / "log.txt").open("ab") as log:
            guard = subprocess.Popen(
                [sys.executable, "-m", "shared.jobs", str(folder.absolute()), module],
                cwd=self._root,
                env=self._passed(folder.name, token),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        threading.Thread(target=guard.wait, name=f"run {folder.name}", daemon=True).start()  # leaves no zombie
        return self.job(folder.name)

    def _passed(self, id: str, token: str) -> dict[str, str]:
        """The variables a run gets: a list of harmless ones, and the key it was explicitly given."""
        known = psutil.Process().environ() if self._variables is None else self._variables
        passed = {key: value for key, value in known.items() if PASSED.fullmatch(key)}
        passed |= {MARK: id, "PLAYGROUND_HOME": str(self.runs.absolute().parent), "PYTHONPATH": str(ROOT)}
        return passed | ({"HF_TOKEN": token} if token else {})

    def job(self, id: str) -> Job:
        """One run as it is now.

        Raises:
            PlaygroundError: There is no run of that name.
        """
        folder = self.runs / id
        about = _read(folder / "job.json") if IDS.fullmatch(id) else None
        if about is None:
            raise PlaygroundError(f"There is no run '{id}'. Choose one from the list of runs.")
        state, code = _state(folder)
        seen = (_progress(folder), _tail(folder / "log.txt"))
        return Job(id, str(about["module"]), str(about["name"]), str(about["time"]), folder, state, code, *seen)

    def jobs(self, module: str = "") -> list[Job]:
        """The runs, newest first; only those of one module when it is named."""
        ids = sorted((path.parent.name for path in self.runs.glob("*/job.json")), reverse=True)
        found = [self.job(id) for id in ids if IDS.fullmatch(id)]
        return [job for job in found if module in ("", job.module)]

    def wait(self, id: str, seconds: float = 60.0) -> Job:
        """The run as it is when it has ended, or when so many seconds are over."""
        end = time.monotonic() + seconds
        while not (job := self.job(id)).ended and time.monotonic() < end:
            time.sleep(0.02)
        return job

    def stop(self, id: str, grace: float = 10.0) -> Job:
        """Ask every process of a run to end, and end those that do not. No other process is ever signalled.

        Args:
            id: The run.
            grace: Seconds that it gets to save what it has.

        Returns:
            The run, which has ended; unchanged when it had ended before.
        """
        job = self.job(id)
        if job.ended:
            return job
        (job.folder / "stop").touch()
        asked: set[psutil.Process] = set()
        end = time.monotonic() + grace
        while (members := set(_members(job.folder))) and time.monotonic() < end:
            _signal(members - asked, signal.SIGTERM)
            asked |= members
            time.sleep(0.05)
        end = time.monotonic() + 2  # the guard goes last, so that it can still write down how the work ended
        while (members := set(_members(job.folder))) and time.monotonic() < end:
            _signal(members - {_guard(job.folder)}, signal.SIGKILL)
            time.sleep(0.05)
        _signal(members, signal.SIGKILL)
        return self.wait(id, 2)

    def adopt(self, callback: Callable[[Job], object]) -> list[Job]:
        """Hand over each run that has ended, however it ended, exactly once, also after the server was started again.

        The mark "adopted" is written when `callback` has returned. Should the server die between the two, the run is
        handed over again; a callback that writes under the run's id raises Conflict then, which counts as done.

        Args:
            callback: Gets the run, and makes the record or the artifact. When it raises PlaygroundError, the others are
                handed over first, and this one again next time.

        Returns:
            The runs that were handed over now.

        Raises:
            PlaygroundError: The first that a callback raised.
        """
        done: list[Job] = []
        errors: list[PlaygroundError] = []
        self.runs.mkdir(parents=True, exist_ok=True)
        with (self.runs / ".adopting").open("a") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)  # neither two threads nor two servers adopt the same run
            for job in reversed(self.jobs()):
                if not job.ended or (job.folder / "adopted").exists():
                    continue
                try:
                    callback(job)
                except Conflict:
                    pass
                except PlaygroundError as error:
                    errors.append(error)
                    continue
                (job.folder / "adopted").touch()
                done.append(job)
        if errors:
            raise errors[0]
        return done


def _state(folder: Path) -> tuple[State, int | None]:
    """What a run's files and processes say about it."""
    started = (folder / "process.json").exists()
    # Processes before exit.json: a guard that ends in between has written it by then.
    alive = started and not (folder / "exit.json").exists() and (_guard(folder) or _members(folder))
    ended, stopped = _read(folder / "exit.json"), (folder / "stop").exists()
    if ended is not None:
        code = int(ended["code"])
        return "stopped" if stopped else "finished" if code == 0 else "failed", code
    if alive or stopped:
        return "running" if alive else "stopped", None
    young = time.time() - (folder / "job.json").stat().st_mtime < STARTING
    return "waiting" if young and not started and not (folder / "adopted").exists() else "lost", None


def _guard(folder: Path) -> psutil.Process | None:
    """The guard of a run, if it lives; a process that got its number later is not it."""
    about = _read(folder / "process.json")
    try:
        process = psutil.Process(int(about["pid"])) if about else None
        if process is None or process.status() == psutil.STATUS_ZOMBIE:
            return None
        # A clock that was set moves every start time, so the mark may stand in for it.
        same = about is not None and abs(process.create_time() - float(about["started"])) < 0.05
        return process if same or process.environ().get(MARK) == folder.name else None
    except psutil.Error:
        return None


def _members(folder: Path) -> list[psutil.Process]:
    """Every living process of a run: its guard, the guard's session, and whatever else carries the run's mark."""
    guard = _guard(folder)
    found = []
    for process in psutil.process_iter():
        try:
            ours = guard is not None and os.getsid(process.pid) == guard.pid
            ours = ours or process.environ().get(MARK) == folder.name
            if ours and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
        except (psutil.Error, ProcessLookupError):
            continue  # it is gone, or another person's
    return found


def _signal(processes: Iterable[psutil.Process], number: signal.Signals) -> None:
    """Signal processes; psutil compares start times first, so a number that was given to another is left alone."""
    for process in processes:
        with suppress(psutil.NoSuchProcess):
            process.send_signal(number)


def _write(path: Path, value: object) -> None:
    """Write JSON so that a reader sees the old file or the new one, also after a power cut."""
    text = json.dumps(value, ensure_ascii=False, indent=1)
    temporary = path.with_name(f".{path.name}.{uuid.uuid4().hex}")
    with temporary.open("w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)


def _read(path: Path) -> dict[str, Any] | None:
    """A JSON object from a file; None when there is no such file."""
    try:
        return dict(json.loads(path.read_text(encoding="utf-8")))
    except FileNotFoundError:
        return None


def _tail(path: Path) -> str:
    """The end of a file as text, from the start of a line where that is possible."""
    if not path.exists():
        return ""
    with path.open("rb") as file:
        start = max(0, file.seek(0, os.SEEK_END) - TAIL)
        file.seek(start)
        text = file.read(TAIL).decode("utf-8", "replace")
    return text if start == 0 else text.partition("\n")[2] or text


def _progress(folder: Path) -> Progress | None:
    """The last report that was written in full."""
    for line in reversed(_tail(folder / "progress.jsonl").splitlines()):
        try:
            return Progress(**json.loads(line))
        except (ValueError, TypeError):
            continue  # the process ended while it wrote this line
    return None


def main(arguments: list[str]) -> int:
    """The guard: run a module, and write down how it ended.

    Args:
        arguments: The run's folder, and the module.

    Returns:
        0; how the work ended is in exit.json.
    """
    folder, module = Path(arguments[0]), arguments[1]
    signal.signal(
        signal.SIGTERM, lambda *_: None
    )  # sent to the whole session; the guard stays until the work has ended
    me = psutil.Process()
    _write(folder / "process.json", {"pid": me.pid, "started": me.create_time()})
    if (folder / "stop").exists() or (folder / "adopted").exists():
        code = -int(signal.SIGTERM)
    else:
        code = subprocess.call([sys.executable, "-u", "-m", module, str(folder)], stdin=subprocess.DEVNULL)
    _write(folder / "exit.json", {"code": code, "time": datetime.now(UTC).isoformat(timespec="seconds")})
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
