"""A Hugging Face Hub on this machine, for tests: real client libraries speak to it, and no network is needed.

    with Hub(folder) as hub:
        hub.add("datasets", "tester/set", {"train.jsonl": '{"a": 1}\\n'}, gated="manual")
        hub.fault("GET", "/resolve/", cut=1000)     # the connection ends after 1000 bytes, once
        HfApi(endpoint=hub.url, token=hub.token).dataset_info("tester/set")

huggingface_hub reads HF_ENDPOINT when it is imported: set it to `hub.url` before, or pass `endpoint=` where that works.
`python -m tests.hub_server` serves until it is stopped and prints its address. The server knows repositories, gates,
git refs, LFS uploads, Spaces and buckets; `hub.requests` says what was asked, and by whom. With `xet=True` it takes
Xet uploads too (buckets need them), from clients in its own process alone: one process at a time can open the store.
"""

import argparse
import contextlib
import json
import re
import tempfile
import threading
import time
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from tests.hub_files import Holdings, Refused
from tests.hub_routes import Call, Reply
from tests.hub_spaces import ROUTES


@dataclass
class Fault:
    """What goes wrong, for the next `times` requests whose method and path match.

    Attributes:
        status: Answer with this status instead; 0: answer as usual.
        code: X-Error-Code of that answer.
        headers: Further headers of that answer, such as Retry-After.
        slow: Seconds to wait before answering.
        cut: Close the connection after this many bytes of the body, though the headers promised all of it.
    """

    method: str
    pattern: re.Pattern[str]
    status: int = 0
    times: int = 1
    code: str = ""
    headers: dict[str, str] = field(default_factory=dict)
    slow: float = 0.0
    cut: int | None = None


@dataclass(frozen=True)
class Request:
    """One request as it was answered; `token` is the bearer token that came with it, `code` the X-Error-Code."""

    method: str
    path: str
    status: int
    token: str = ""
    code: str = ""


class Hub(Holdings):
    """The server; it listens from the moment it is made until `close()`.

    Attributes:
        url: Its address.
        token: A token that may write as `tester`; `hub.users` has the others.
        requests: What was asked, oldest first.
    """

    def __init__(self, root: Path | str = "", *, port: int = 0, **options: Any):
        self._folder = None if root else tempfile.TemporaryDirectory(prefix="hub-")
        super().__init__(Path(root or self._folder.name), **options)
        self.token = "hf_test"
        self.requests: list[Request] = []
        self.faults: list[Fault] = []
        self._fault_lock = threading.Lock()

        class Bound(Handler):
            hub = self

        self._server = ThreadingHTTPServer(("127.0.0.1", port), Bound)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)
        self._thread.start()

    def __enter__(self) -> "Hub":
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
        if self._folder:
            self._folder.cleanup()

    def environment(self, home: Path, token: str = "hf_test") -> dict[str, str]:
        """Variables for a subprocess whose client libraries shall talk to this server."""
        return {
            "HF_ENDPOINT": self.url,
            "HF_TOKEN": token,
            "HF_HOME": str(home),
            "HF_HUB_DISABLE_XET": "0" if self.xet else "1",
            "HF_HUB_DISABLE_TELEMETRY": "1",
            "HF_HUB_DISABLE_PROGRESS_BARS": "1",
        }

    def fault(self, method: str, pattern: str, status: int = 0, **what: Any) -> Fault:
        """Make the next requests go wrong: see Fault. `method` "*" means any. The newest fault goes first."""
        fault = Fault(method, re.compile(pattern), status, **what)
        self.faults.insert(0, fault)
        return fault

    def take_fault(self, method: str, path: str) -> Fault | None:
        with self._fault_lock:  # not the Hub's lock, which a commit holds while hf_xet asks for its token
            for fault in self.faults:
                if fault.times > 0 and fault.method in (method, "*") and fault.pattern.search(path):
                    fault.times -= 1
                    return fault
        return None

    def answer(self, call: Call) -> Reply:
        for route in ROUTES:
            found = route.pattern.match(call.path)
            if found and route.method == ("GET" if call.method == "HEAD" else call.method):
                with self.lock if route.locked else contextlib.nullcontext():
                    return route.answer(call, *(group and unquote(group) for group in found.groups()))
        raise Refused(404, f"no route {call.method} {call.path}", "NoRoute")


class Handler(BaseHTTPRequestHandler):
    """HTTP in, HTTP out. Without a write buffer and TCP_NODELAY every answer would take 40 ms."""

    hub: Hub
    protocol_version = "HTTP/1.1"
    wbufsize = 65536
    disable_nagle_algorithm = True

    def log_message(self, *_: Any) -> None:
        """Requests are in `hub.requests`."""

    def body(self) -> bytes:
        if "chunked" not in self.headers.get("Transfer-Encoding", ""):
            return self.rfile.read(int(self.headers.get("Content-Length") or 0))
        chunks = []
        while size := int(self.rfile.readline().split(b";")[0], 16):
            chunks.append(self.rfile.read(size))
            self.rfile.readline()
        self.rfile.readline()
        return b"".join(chunks)

    def __getattr__(self, name: str) -> Any:
        """One method for all: the library looks for do_GET, do_POST and so on."""
        if name.startswith("do_"):
            return self.exchange
        raise AttributeError(name)

    def exchange(self) -> None:
        address, body = urlsplit(self.path), self.body()
        token = self.headers.get("Authorization", "").removeprefix("Bearer ")
        fault = self.hub.take_fault(self.command, self.path)
        query = {key: values[-1] for key, values in parse_qs(address.query).items()}
        user = self.hub.users.get(token, "")
        call = Call(self.hub, self.hub.url, self.command, address.path, query, self.headers, body, user)
        if fault and fault.slow:
            time.sleep(fault.slow)
        try:
            if fault and fault.status:
                raise Refused(fault.status, "injected fault", fault.code, fault.headers)
            if token and not user:
                raise Refused(401, "Invalid credentials in Authorization header")
            reply = self.hub.answer(call)
        except Refused as refused:
            headers = {"X-Error-Code": refused.code, "X-Error-Message": refused.message}
            headers = {key: value for key, value in headers.items() if value} | refused.headers
            reply = Reply({"error": refused.message}, refused.status, headers)
        self.hub.requests.append(
            Request(self.command, self.path, reply.status, token, reply.headers.get("X-Error-Code", ""))
        )
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):  # the client hung up first
            self.send(reply, fault.cut if fault else None)

    def send(self, reply: Reply, cut: int | None) -> None:
        raw = isinstance(reply.body, bytes)
        data = reply.body if raw else json.dumps(reply.body).encode()
        self.send_response(reply.status)
        headers = {"Content-Type": "application/octet-stream" if raw else "application/json"} | reply.headers
        for name, value in (headers | {"Content-Length": str(len(data))}).items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(data if cut is None else data[:cut])
        if cut is not None:
            self.wfile.flush()
            self.close_connection = True


def main() -> None:
    parser = argparse.ArgumentParser(description="Serve an empty Hub for tests until stopped.")
    parser.add_argument("--port", type=int, default=0, help="0: a free one")
    parser.add_argument("--root", default="", help="folder for its files; a temporary one if empty")
    asked = parser.parse_args()
    with Hub(asked.root, port=asked.port) as hub:
        print(hub.url, flush=True)
        with contextlib.suppress(KeyboardInterrupt):
            threading.Event().wait()


if __name__ == "__main__":
    main()
