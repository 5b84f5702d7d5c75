"""A server of the OpenAI protocol on this machine that answers with the words of the prompt, or misbehaves in one of many ways."""

import json
import random
import re
import select
import socket
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

WORD = re.compile(r"\s*\S+|\s+$")


class Dropped(Exception):
    """The client went away."""


@dataclass
class Wish:
    """What is asked, in whatever dialect."""

    prompt: str
    limit: int
    stop: list[str]
    seed: int | None
    top: int = 0


@dataclass
class Faults:
    """How the server behaves.

    Attributes:
        kind: Which misbehaviour; "" for none.
        delay: Seconds before each piece.
        requests: Bodies of what was asked, with path and headers.
        running: Answers on their way.
        unusable: Why a request or an answer of the server itself is not as the protocol says.
    """

    kind: str = ""
    delay: float = 0.002
    requests: list[tuple[str, dict[str, str], Any]] = field(default_factory=list)
    running: int = 0
    unusable: list[str] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)


HTML = b"<!doctype html><html><head><title>502 Bad Gateway</title><style>p{}</style></head><body><p>nginx &amp; co</p></body></html>"
TOO_MANY = {"error": {"message": "Slow down, 12 requests are waiting", "type": "rate_limit", "code": 429}}
STATUSES: dict[str, tuple[int, dict[str, str], bytes]] = {
    "busy": (429, {"Retry-After": "7"}, json.dumps(TOO_MANY).encode()),
    "busy_date": (503, {"Retry-After": "DATE"}, b"loading the model"),
    "failing": (500, {}, b'{"error": {"message": "CUDA error: device-side assert triggered", "type": "InternalServerError"}}'),
    "memory": (500, {}, b'{"error": "CUDA out of memory. Tried to allocate 2 GiB", "error_type": "generation"}'),
    "refusing": (422, {}, b'{"detail": [{"loc": ["body", "max_tokens"], "msg": "Input should be at most 64"}]}'),
    "unknown": (404, {}, b'{"error": {"message": "The model `nobody` does not exist.", "code": "model_not_found"}}'),
    "gateway": (502, {"Content-Type": "text/html"}, HTML),
    "web_page": (200, {"Content-Type": "text/html; charset=utf-8"}, HTML),
    "elsewhere": (307, {"Location": "http://localhost:9/v1/chat/completions?x=1"}, b""),
    "long_words": (500, {"Content-Type": "text/plain"}, b"blah " * 400),
}  # fmt: skip


class Handler(BaseHTTPRequestHandler):
    """One connection."""

    protocol_version = "HTTP/1.1"
    server: "Served"

    def log_message(self, *_: object) -> None:
        """Nothing is logged."""

    def do_GET(self) -> None:
        self.reply(200, {"Content-Type": "application/json"}, json.dumps(self.server.get(self.path)).encode())

    def do_POST(self) -> None:
        faults = self.server.faults
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        faults.requests.append((self.path, {k.lower(): v for k, v in self.headers.items()}, body))
        with faults.lock:
            faults.running += 1
        try:
            self.answer(body)
        except (Dropped, BrokenPipeError, ConnectionResetError):
            self.close_connection = True
        finally:
            with faults.lock:
                faults.running -= 1

    def answer(self, body: Any) -> None:
        kind = self.server.faults.kind
        if kind in STATUSES:
            status, headers, content = STATUSES[kind]
            soon = formatdate(time.time() + 90, usegmt=True)
            headers = {k: soon if v == "DATE" else v for k, v in headers.items()}
            return self.reply(status, {"Content-Type": "application/json"} | headers, content)
        if kind == "echo_key":
            words = f"Incorrect API key provided: {self.headers.get('Authorization', '')}"
            return self.reply(
                401, {"Content-Type": "application/json"}, json.dumps({"error": {"message": words}}).encode()
            )
        if kind == "hangs_up":
            raise Dropped
        if kind == "deaf":  # takes the connection, says nothing, not even a status
            return self.rest(60)
        refused = self.server.refuse(self.path, body)
        if refused:
            return self.reply(refused[0], {"Content-Type": "application/json"}, json.dumps(refused[1]).encode())
        plain = self.server.plain(self.path, body)
        if plain is not None:
            return self.reply(200, {"Content-Type": "application/json"}, json.dumps(plain).encode())
        return self.stream(body, kind)

    def stream(self, body: Any, kind: str) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        if kind == "nothing":
            self.rest(60)
        for place, sent in enumerate(self.server.pieces(self.path, body)):
            self.rest(self.server.faults.delay)
            if place == 2 and self.misbehave(kind):
                return
            self.chunk(sent)
        self.wfile.write(b"0\r\n\r\n")

    def misbehave(self, kind: str) -> bool:
        """Do what the fault says after two pieces; whether that was all."""
        if kind == "closes":
            self.connection.shutdown(socket.SHUT_RDWR)
            raise Dropped
        if kind == "silent":
            self.rest(60)
        elif kind == "ends":
            self.wfile.write(b"0\r\n\r\n")
            return True
        elif kind == "done":
            self.chunk(b"data: [DONE]\n\n")
        elif kind == "not_utf8":
            self.chunk(b'data: {"choices": [{"index": 0, "delta": {"content": "\xc3\x28"}}]}\n\n')
        elif kind == "no_json":
            self.chunk(b"data: Traceback (most recent call last)\n\n")
        elif kind == "list":
            self.chunk(b"data: [1, 2]\n\n")
        elif kind == "says_error":
            self.chunk(b'data: {"error": {"message": "the worker died", "code": 500}, "error_type": "generation"}\n\n')
        elif kind == "says_busy":
            self.chunk(b'data: {"error": "Model is overloaded", "error_type": "overloaded"}\n\n')
        elif kind == "named_error":
            self.chunk(b"event: error\ndata: the worker died\n\n")
        elif kind == "long_line":
            for _ in range(80):
                self.chunk(b"x" * 65536)
        else:
            return False
        return True

    def chunk(self, sent: bytes) -> None:
        """Send bytes cut in the middle, so that lines and characters come in halves."""
        middle = len(sent) // 2
        for part in (sent[:middle], sent[middle:]):
            if part:
                self.wfile.write(b"%x\r\n%s\r\n" % (len(part), part))
                self.wfile.flush()

    def rest(self, seconds: float) -> None:
        """Wait, unless the client goes away."""
        if (
            seconds
            and select.select([self.connection], [], [], seconds)[0]
            and not self.connection.recv(1, socket.MSG_PEEK)
        ):
            raise Dropped

    def reply(self, status: int, headers: dict[str, str], content: bytes) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)


class Served(ThreadingHTTPServer):
    """A server on a free port of this machine; used as a context."""

    daemon_threads = True
    block_on_close = False

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.faults = Faults()
        self.url = f"http://127.0.0.1:{self.server_port}"
        self._thread = threading.Thread(target=self.serve_forever, args=(0.02,), daemon=True)

    def __enter__(self) -> "Served":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.shutdown()
        self._thread.join()
        self.server_close()

    def handle_error(self, *_: object) -> None:
        """A client that goes away is no error."""

    def get(self, path: str) -> Any:
        return {"object": "list", "data": [{"id": "echo"}, {"id": "other"}]} if path == "/v1/models" else {}

    def refuse(self, path: str, body: Any) -> tuple[int, Any] | None:
        """Status and body for a request that the server cannot take."""
        return None

    def plain(self, path: str, body: Any) -> Any:
        """The JSON answer to a request that asks for no stream; None for one that does."""
        raise NotImplementedError

    def pieces(self, path: str, body: Any) -> Iterator[bytes]:
        """The events of a stream."""
        raise NotImplementedError


def words(wish: Wish, endless: bool) -> Iterator[str]:
    """The words of an answer: the prompt's, shuffled by the seed, and again from the start when it never ends."""
    found = WORD.findall(wish.prompt)
    if wish.seed is not None:
        random.Random(wish.seed).shuffle(found)
    while True:
        yield from found
        if not endless:
            return


def stopped(answer: list[str], wish: Wish) -> bool:
    """Whether a stop text is in the answer."""
    return any(mark in "".join(answer) for mark in wish.stop)


class OpenAiServer(Served):
    """The OpenAI protocol; stop texts are left in the answer, as `transformers serve` does.

    Attributes:
        strict: Fields that it refuses, as `transformers serve` and hosted servers do.
        script: The stream, when it is not to echo: bytes as they are, anything else as an event's JSON.
    """

    def __init__(self) -> None:
        super().__init__()
        self.strict: set[str] = set()
        self.script: list[Any] | None = None

    def refuse(self, path: str, body: Any) -> tuple[int, Any] | None:
        odd = self.strict & set(body)
        if not odd:
            return None
        if "max_tokens" in odd:
            return 400, {
                "error": {"message": "Unsupported parameter: 'max_tokens'. Use 'max_completion_tokens' instead."}
            }
        return 422, {"detail": f"Unexpected fields in the request: {odd}"}

    def plain(self, path: str, body: Any) -> Any:
        if body.get("echo"):
            tokens = [*WORD.findall(body["prompt"]), " more"]
            values = [None, *(-0.5 * len(token) for token in tokens[1:])]
            top = [None, *({token: -0.5 * len(token), " x": -1.2} for token in tokens[1:])]
            logprobs = {"tokens": tokens, "token_logprobs": values, "top_logprobs": top, "text_offset": []}
            return {
                "choices": [{"index": 0, "text": "", "logprobs": logprobs}],
                "usage": {"prompt_tokens": 1, "completion_tokens": 1},
            }
        if self.faults.kind == "whole":
            message = {"role": "assistant", "content": "all at once"}
            return {
                "choices": [{"index": 0, "message": message, "finish_reason": "stop"}],
                "usage": {"prompt_tokens": 1, "completion_tokens": 3},
            }
        return None

    def pieces(self, path: str, body: Any) -> Iterator[bytes]:
        chat = path.endswith("/chat/completions")
        if self.script is not None:
            yield from (line if isinstance(line, bytes) else _sse(line) for line in self.script)
            return
        kind = self.faults.kind
        prompt = body["messages"][-1]["content"] if chat else body["prompt"]
        wish = Wish(
            prompt, body.get("max_tokens") or body["max_completion_tokens"], body.get("stop", []), body.get("seed")
        )
        answer: list[str] = []
        reason = "stop"
        if chat:
            yield b": keep-alive\r\n\r\n" + _sse(
                {"choices": [{"index": 0, "delta": {"role": "assistant", "content": ""}}]}
            )
        for word in words(wish, kind == "endless") if kind != "empty" else ():
            if kind != "endless" and len(answer) >= wish.limit:
                reason = "length"
                break
            answer.append(word)
            yield _sse({"model": body["model"], "choices": [self._choice(word, chat, body)]})
            if kind != "endless" and stopped(answer, wish):
                break
        last = {"index": 0, "finish_reason": reason} | ({"delta": {}} if chat else {"text": ""})
        yield _sse({"choices": [last], "usage": None})
        if (body.get("stream_options") or {}).get("include_usage"):
            counts = {"prompt_tokens": len(WORD.findall(prompt)), "completion_tokens": len(answer)}
            yield _sse({"choices": [], "usage": counts})
        yield b"data: [DONE]\n\n"

    def _choice(self, word: str, chat: bool, body: Any) -> dict[str, Any]:
        choice: dict[str, Any] = {"index": 0, "finish_reason": None} | (
            {"delta": {"content": word}} if chat else {"text": word}
        )
        if chat and body.get("logprobs"):
            top = [{"token": word, "logprob": -0.25, "bytes": None}][: body["top_logprobs"]]
            choice["logprobs"] = {"content": [{"token": word, "logprob": -0.25, "bytes": None, "top_logprobs": top}]}
        elif body.get("logprobs") is not None and not chat:
            choice["logprobs"] = {
                "tokens": [word],
                "token_logprobs": [-0.25],
                "top_logprobs": [{word: -0.25}],
                "text_offset": [0],
            }
        return choice


def _sse(body: Any) -> bytes:
    return b"data: " + json.dumps(body, ensure_ascii=False).encode() + b"\r\n\r\n"
