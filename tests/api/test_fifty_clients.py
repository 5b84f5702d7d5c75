"""Fifty people chat with one embedded model for two minutes: no error, nobody else's answer, and memory flat in the second."""

import json
import threading
import time
from dataclasses import dataclass, field
from itertools import product
from pathlib import Path
from statistics import median

import pytest

from tests.api.listening import listen, results
from tests.server import Server, serving

CLIENTS = 50
SECONDS = 120.0
SETTLED = 60.0  # from here on memory may not grow: caches and the allocator fill for some fifty seconds
MOST_GROWTH = 0.05
MODEL = "builtin:mini"
NAMES = ["Nora", "Leo", "Mia", "Tom", "Lucy", "Ben", "Anna", "Max", "Ella", "Sam"]
THINGS = ["lamp", "kite", "boat", "drum", "key"]
PROMPTS = [f"Write a story about {name} and a {thing}." for name, thing in product(NAMES, THINGS)]


@dataclass
class Talk:
    """What fifty clients heard.

    Attributes:
        alone: What each prompt is answered when nobody else asks.
        answers: How many answers were right.
        faults: Errors and answers that are not the asker's, with the prompt.
    """

    url: str
    alone: list[str]
    answers: int = 0
    faults: list[str] = field(default_factory=list)
    slowest: float = 0.0
    ending: threading.Event = field(default_factory=threading.Event)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def chat(self, number: int) -> None:
        while not self.ending.is_set():
            began = time.monotonic()
            fault = wrong(chat(self.url, PROMPTS[number]), self.alone[number])
            with self.lock:
                self.answers += not fault
                self.slowest = max(self.slowest, time.monotonic() - began)
                if fault:
                    self.faults.append(f"{PROMPTS[number]} {fault}")


def chat(url: str, prompt: str) -> str:
    """Everything that the server says to one question; every client has a session, as a browser or gradio_client has."""
    settings = {"temperature": 0.0, "max_new_tokens": 64}
    return listen(
        url, "chat", MODEL, prompt, [], "", settings, False, "", "", [], session=f"client{PROMPTS.index(prompt)}"
    )


def wrong(told: str, expected: str) -> str:
    """What is wrong with an answer and the pieces that led to it; "" when nothing is."""
    replies = results(told)
    if "event: error" in told or not replies or not replies[-1]["finished"]:
        return told[-300:]
    strange = [reply["text"] for reply in replies if not expected.startswith(reply["text"])]
    if strange or replies[-1]["text"] != expected:
        return f"{(strange or [replies[-1]['text']])[0]!r} instead of {expected!r}"
    return ""


def resident(server: Server) -> int:
    """Bytes of memory that the server holds."""
    status = Path(f"/proc/{server.process.pid}/status")
    if not status.exists():
        pytest.skip("this system has no /proc to read the memory of a process from")
    (line,) = [line for line in status.read_text().splitlines() if line.startswith("VmRSS:")]
    return int(line.split()[1]) * 1024


@pytest.mark.slow
def test_fifty_clients_chat_at_once(workspace: Path) -> None:
    with serving(workspace / "home", "model_arena") as server:
        alone = [results(chat(server.url, prompt))[-1]["text"] for prompt in PROMPTS]
        assert len(set(alone)) == CLIENTS, "every answer tells whose it is"
        talk = Talk(server.url, alone)
        threads = [threading.Thread(target=talk.chat, args=(number,)) for number in range(CLIENTS)]
        for thread in threads:
            thread.start()
        memory: list[tuple[float, int]] = []
        began = time.monotonic()
        while (now := time.monotonic() - began) < SECONDS:
            memory.append((now, resident(server)))
            talk.ending.wait(0.5)
        talk.ending.set()
        for thread in threads:
            thread.join(120)
            assert not thread.is_alive(), "every client got its last answer"
        log = server.log.read_text()

    before = median(held for at, held in memory if SETTLED <= at < SETTLED + 5)
    after = median(held for at, held in memory if at >= SECONDS - 5)
    figures = {
        "answers": talk.answers,
        "slowest_seconds": round(talk.slowest, 2),
        "mib": round(after / 2**20),
        "growth": after / before - 1,
    }
    print(json.dumps(figures))
    assert talk.faults == []
    assert talk.answers >= 3 * CLIENTS
    assert after / before - 1 < MOST_GROWTH, f"memory grew: {figures}"
    assert "Traceback" not in log
