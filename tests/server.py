"""The product as a stranger starts it: `playground.py` in a process of its own, on a free port of this machine."""

import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


@dataclass
class Server:
    """A running server."""

    url: str
    home: Path
    process: subprocess.Popen
    log: Path


def free_port() -> int:
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


@contextmanager
def serving(home: Path, app: str = "", **variables: str) -> Iterator[Server]:
    """Start the server, wait for /healthz, stop it with SIGTERM."""
    port = free_port()
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("PLAYGROUND_", "SPACE_", "HF_", "GRADIO_"))}
    log = home.parent / f"{home.name}.log"
    home.parent.mkdir(parents=True, exist_ok=True)
    with log.open("w") as out:
        process = subprocess.Popen(
            [sys.executable, "playground.py", *([app] if app else [])],
            cwd=ROOT, env=kept | {"PLAYGROUND_HOME": str(home), "GRADIO_SERVER_PORT": str(port)} | variables, stdout=out, stderr=out,
        )  # fmt: skip
    server = Server(f"http://127.0.0.1:{port}", home, process, log)
    try:
        _wait(server)
        yield server
    finally:
        process.terminate()
        try:
            process.wait(15)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _wait(server: Server) -> None:
    end = time.monotonic() + 120
    while time.monotonic() < end:
        assert server.process.poll() is None, server.log.read_text()[-3000:]
        try:
            with urllib.request.urlopen(server.url + "/healthz", timeout=2):
                return
        except OSError:
            time.sleep(0.1)
    raise AssertionError("the server did not answer: " + server.log.read_text()[-3000:])
