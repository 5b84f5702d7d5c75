"""Running programs that a model wrote: only where PLAYGROUND_RUN_CODE=1 says so, never on a Space, in a confined process.

Chen et al., Evaluating Large Language Models Trained on Code (2021): a program is right when its tests pass; `pass_at_k` is theirs.
What the process may and may not do is in `confined.py`. No confinement is perfect: do not run this where anything else matters.
Tests run inside the program's own process, as in HumanEval, so that a program written to cheat can say that it passed; one that ends
early, by whatever way, cannot.
"""

import json
import os
import secrets
import select
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from functools import partial
from math import comb
from pathlib import Path
from typing import Literal

from shared.env import Environment
from shared.errors import NotAllowed, PlaygroundError

Outcome = Literal["passed", "failed", "time", "memory", "output"]

CONFINED = Path(__file__).with_name("confined.py")
GRACE = 2.0  # seconds after the limit at which the supervisor itself is ended
PIECE = 65536


@dataclass(frozen=True)
class Limits:
    """What one program may use.

    Attributes:
        seconds: Wall-clock and processor time.
        memory_mib: Address space.
        file_mib: Size of each file that it writes.
        processes: Processes and threads.
        output_kib: What it may print.
    """

    seconds: int = 10
    memory_mib: int = 1024
    file_mib: int = 4
    processes: int = 8
    output_kib: int = 256


@dataclass(frozen=True)
class Ran:
    """How a program ended.

    Attributes:
        outcome: passed (it ran to its end, with its tests), failed, or what it used too much of.
        output: What it printed, errors too; at most the limit.
        why: The last line of its error; "" when it passed.
        seconds: Wall-clock time.
    """

    outcome: Outcome
    output: str
    why: str
    seconds: float


def check(environment: Environment) -> None:
    """Refuse where programs must not run.

    Raises:
        NotAllowed: This is a Space, the system has no limits to set, or nobody asked for it with PLAYGROUND_RUN_CODE=1.
    """
    if environment.public:
        raise NotAllowed("Programs that a model wrote never run on a Space. Run this on your own machine.")
    if os.name != "posix":
        raise NotAllowed("Programs that a model wrote run on Linux and macOS only, where a process can be limited.")
    if not environment.run_code:
        raise NotAllowed(
            "This would run programs that a model wrote. Set PLAYGROUND_RUN_CODE=1 and start again if this machine may do that."
        )


def run(source: str, environment: Environment, limits: Limits | None = None) -> Ran:
    """Run a Python program in a confined process and say how it ended.

    Args:
        source: The program, with its tests at the end. `sys.exit()` before the end is a failure, whatever the status.
        environment: Says whether this is allowed here.
        limits: What it may use.

    Raises:
        NotAllowed: Not here.
        PlaygroundError: The program is no text that can be written to a file.
    """
    check(environment)
    limits = limits or Limits()
    try:
        data = source.encode()
    except UnicodeEncodeError as error:
        raise PlaygroundError(
            f"The program holds half a character at place {error.start} and cannot be run."
        ) from error
    with tempfile.TemporaryDirectory(prefix="playground-code-") as folder:
        Path(folder, "program.py").write_bytes(data)
        return _run(Path(folder), limits)


def pass_at_k(n: int, right: int, k: int) -> float:
    """The chance that at least one of k answers drawn from n is right (Chen et al. 2021, equation 1).

    Args:
        n: Answers.
        right: Answers that passed.
        k: Answers drawn, at most n.

    Raises:
        PlaygroundError: k is not between 1 and n.
    """
    if not 1 <= k <= n:
        raise PlaygroundError(f"pass@{k} needs at least {max(k, 1)} answers a problem; there are {n}.")
    return 1.0 - comb(n - right, k) / comb(n, k)


def _run(folder: Path, limits: Limits) -> Ran:
    ear, channel = os.pipe()
    mib = 1024 * 1024
    spec = {
        "CPU": limits.seconds,
        "AS": limits.memory_mib * mib,
        "FSIZE": limits.file_mib * mib,
        "NPROC": limits.processes,
    }
    spec |= {"NOFILE": 64, "CORE": 0, "seconds": limits.seconds, "channel": channel}
    command = [sys.executable, "-I", "-B", "-X", "utf8", str(CONFINED), json.dumps(spec)]
    variables = {
        "PATH": "/usr/bin:/bin",
        "LANG": "C.UTF-8",
        "HOME": str(folder),
        "TMPDIR": str(folder),
        "OPENBLAS_NUM_THREADS": "1",
    }
    word = secrets.token_hex(16)
    begun = time.monotonic()
    with subprocess.Popen(
        command, cwd=folder, env=variables, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        start_new_session=True, pass_fds=(channel,),
    ) as process:  # fmt: skip
        os.close(channel)
        patience = 0.0
        try:
            output, full = _listen(process, word, begun + limits.seconds + GRACE, limits.output_kib * 1024)
            patience = 0.0 if full else begun + limits.seconds + GRACE - time.monotonic()
        finally:
            _end(process, patience)
    said = os.read(ear, PIECE).decode().strip()
    os.close(ear)
    spent = time.monotonic() - begun
    text = output.decode("utf-8", "replace")
    outcome, why = _judge(said == word, full, process.returncode, text)
    return Ran(outcome, text, why, spent)


def _listen(process: subprocess.Popen[bytes], word: str, deadline: float, most: int) -> tuple[bytes, bool]:
    """What the program prints until it ends, the deadline passes, or it prints too much; and whether it did that."""
    if process.stdin is None or process.stdout is None:
        raise AssertionError("both are pipes")
    process.stdin.write(word.encode() + b"\n")
    process.stdin.close()
    waiting = select.poll()
    waiting.register(process.stdout, select.POLLIN)
    taken = bytearray()
    while len(taken) <= most:
        ready = waiting.poll(max(0.0, deadline - time.monotonic()) * 1000)
        piece = os.read(process.stdout.fileno(), PIECE) if ready else b""
        if not piece:
            return bytes(taken), False
        taken += piece
    return bytes(taken[:most]), True


def _end(process: subprocess.Popen[bytes], patience: float) -> None:
    """Wait for the supervisor as long as that; then ask it to kill all below it; when it does not answer, kill its group."""
    for end, seconds in ((process.terminate, patience), (partial(os.killpg, process.pid, signal.SIGKILL), GRACE)):
        try:
            process.wait(max(0.0, seconds))
        except subprocess.TimeoutExpired:
            end()
    process.wait()


def _judge(finished: bool, full: bool, status: int, output: str) -> tuple[Outcome, str]:
    lines = [line for line in output.splitlines() if line.strip()]
    last = lines[-1].strip() if lines else ""
    if full:
        return "output", "It printed more than it may."
    if finished and status == 0:
        return "passed", ""
    if last.startswith("MemoryError"):
        return "memory", last
    if status in (128 + signal.SIGKILL, 128 + signal.SIGXCPU, -signal.SIGKILL, -signal.SIGTERM):
        return "time", "It ran longer than it may."
    return "failed", last or f"It ended with status {status} before its tests did."
