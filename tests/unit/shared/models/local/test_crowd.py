"""Fifty threads ask one embedded model for a minute: with adapters, with schemas, and leaving before the answer is over."""

import json
import threading
import time
from dataclasses import dataclass, field
from itertools import cycle, product
from pathlib import Path
from statistics import median

import pytest

from shared.models.builtin import builtin, builtins
from shared.models.local import LocalModel
from shared.models.local.model import View
from shared.models.protocol import Decoding, Delta, Finish, Message, Request
from shared.models.streams import Loop, play

CLIENTS = 50
SECONDS = 60.0
SETTLED = 20.0  # from here on memory may not grow
MOST_GROWTH = 0.05
NAMES = ["Nora", "Leo", "Mia", "Tom", "Lucy", "Ben", "Anna", "Max", "Ella", "Sam"]
THINGS = ["lamp", "kite", "boat", "drum", "key"]
PROMPTS = [f"Write a story about {name} and a {thing}." for name, thing in product(NAMES, THINGS)]


@dataclass
class Client:
    """One who asks the same again and again.

    Attributes:
        view: The model, with an adapter or without.
        request: What is asked.
        answer: The one right answer; "" for who leaves before it is over.
        right: How many came.
        faults: What came instead.
    """

    view: View
    request: Request
    answer: str
    right: int = 0
    faults: list[str] = field(default_factory=list)

    def ask(self, loop: Loop) -> None:
        events = []
        stream = play(loop, self.view, self.request)
        for some in stream:
            events += some
            if not self.answer and any(isinstance(event, Delta) for event in some):
                stream.close()
                break
        text = "".join(event.text for event in events if isinstance(event, Delta))
        whole = bool(events) and isinstance(events[-1], Finish)
        if self.answer and not (whole and text == self.answer):
            self.faults.append(f"{text!r}, {events[-1:]} instead of {self.answer!r}")
        else:
            self.right += 1


def told(view: View, request: Request, loop: Loop) -> str:
    return "".join(event.text for some in play(loop, view, request) for event in some if isinstance(event, Delta))


def clients(model: LocalModel, loop: Loop) -> list[Client]:
    """Everybody, with what the answer is when nobody else asks."""
    adapters = [None, *[each.folder for each in builtins() if each.base == "builtin:mini"]]
    made = []
    for number, (prompt, adapter) in enumerate(zip(PROMPTS, cycle(adapters), strict=False)):
        view, messages = model.view(f"builtin:mini+{number}", adapter), (Message("user", prompt),)
        schema = json.dumps({"const": {"whose": prompt}}) if number % 5 == 3 else ""
        request = Request(
            messages, Decoding(96 if schema else 48, 1.0 if schema else 0.0, seed=number, json_schema=schema)
        )
        answer = told(view, request, loop) if number % 5 != 4 else ""
        assert not schema or json.loads(answer) == {"whose": prompt}
        made.append(Client(view, request, answer))
    return made


def resident() -> int:
    """Bytes of memory that this process holds."""
    status = Path("/proc/self/status")
    if not status.exists():
        pytest.skip("this system has no /proc to read the memory of a process from")
    (line,) = [line for line in status.read_text().splitlines() if line.startswith("VmRSS:")]
    return int(line.split()[1]) * 1024


@pytest.mark.slow
def test_fifty_clients_of_one_model_for_a_minute() -> None:
    model, loop = LocalModel(builtin("mini").folder, "builtin:mini", device="cpu"), Loop()
    crowd, ending = clients(model, loop), threading.Event()

    def stay(client: Client) -> None:
        while not ending.is_set():
            client.ask(loop)

    threads = [threading.Thread(target=stay, args=(client,)) for client in crowd]
    for thread in threads:
        thread.start()
    memory: list[tuple[float, int]] = []
    began = time.monotonic()
    while (now := time.monotonic() - began) < SECONDS:
        memory.append((now, resident()))
        ending.wait(0.5)
    ending.set()
    for thread in threads:
        thread.join(120)
        assert not thread.is_alive(), "every client got its last answer"
    for _ in range(1000):
        if not model.answering:
            break
        time.sleep(0.01)
    assert model.answering == 0
    loop.close()
    model.close()

    before = median(held for at, held in memory if SETTLED <= at < SETTLED + 5)
    after = median(held for at, held in memory if at >= SECONDS - 5)
    figures = {"right": sum(each.right for each in crowd), "mib": round(after / 2**20), "growth": after / before - 1}
    print(json.dumps(figures))
    assert [fault for client in crowd for fault in client.faults] == []
    assert len({client.answer for client in crowd if client.answer}) > 20
    assert min(client.right for client in crowd) >= 1
    assert figures["growth"] < MOST_GROWTH, f"memory grew: {figures}"
