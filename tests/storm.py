"""A server that is killed again and again while clients talk to it: one line of JSON in, one line out."""

import json
import random
import signal
import socket
import socketserver
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
Say = Callable[..., dict[str, Any]]


class _Handler(socketserver.StreamRequestHandler):
    """One client's connection, in a thread of its own."""

    def handle(self) -> None:
        for line in self.rfile:
            told = self.server.answer(json.loads(line))  # type: ignore[attr-defined]
            self.wfile.write(json.dumps(told).encode() + b"\n")


class _Server(socketserver.ThreadingTCPServer):
    daemon_threads = True


def serve(answer: Callable[[dict[str, Any]], dict[str, Any]]) -> None:
    """Be the server, for ever; says its port first."""
    with _Server(("127.0.0.1", 0), _Handler) as server:
        server.answer = answer  # type: ignore[attr-defined]
        print(server.server_address[1], flush=True)
        server.serve_forever()


class Storm:
    """Clients that act without a pause, and begin again where they were when the server goes away.

    Args:
        command: The module that is the server, and its arguments.
        act: One step of the client with this number; `say(**asked)` is answered, or raises OSError when the server is gone.
        clients: How many there are.
    """

    def __init__(self, command: list[str], act: Callable[[int, Say], None], clients: int) -> None:
        self._command = [sys.executable, "-m", *command]
        self._act = act
        self._stopping = threading.Event()
        self._threads = [threading.Thread(target=self._run, args=(number,)) for number in range(clients)]
        self._server, self._port = self._start()

    def rage(self, kills: int, pauses: tuple[float, float], done: Callable[[], int], end: float) -> list[int]:
        """Kill the server so many times, at random moments; what `done` says at each of them.

        Args:
            kills: How many times.
            pauses: The shortest and longest time from the first thing acknowledged to the kill, in seconds.
            done: How much has been acknowledged.
            end: Seconds of peace after the last.
        """
        lots, progress = random.Random(0), []
        for thread in self._threads:
            thread.start()
        for _ in range(kills):
            before, patience = done(), time.monotonic() + 60
            while done() == before and time.monotonic() < patience:  # a kill before anything happened shows nothing
                time.sleep(0.01)
            time.sleep(lots.uniform(*pauses))
            self._server.send_signal(signal.SIGKILL)
            self._server.communicate()
            progress.append(done())
            self._server, self._port = self._start()
        time.sleep(end)
        self._stopping.set()
        for thread in self._threads:
            thread.join(60)
        self._server.kill()
        self._server.communicate()
        return progress

    def _start(self) -> tuple[subprocess.Popen[str], int]:
        server = subprocess.Popen(self._command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
        assert server.stdout is not None
        return server, int(server.stdout.readline())

    def _run(self, number: int) -> None:
        while not self._stopping.is_set():
            try:
                with socket.create_connection(("127.0.0.1", self._port), timeout=10) as connection:
                    stream = connection.makefile("rwb")

                    def say(stream: Any = stream, **asked: object) -> dict[str, Any]:
                        stream.write(json.dumps(asked).encode() + b"\n")
                        stream.flush()
                        told = stream.readline()
                        if not told.endswith(b"\n"):
                            raise OSError("the server went away")
                        answer: dict[str, Any] = json.loads(told)
                        return answer

                    while not self._stopping.is_set():
                        self._act(number, say)
            except OSError:
                time.sleep(0.01)
