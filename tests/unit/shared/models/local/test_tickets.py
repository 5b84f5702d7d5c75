"""Events on their way from the model's thread to whoever waits."""

import asyncio
from threading import Thread

from shared.models.local.prompts import Prompt
from shared.models.local.sampling import Draw
from shared.models.local.tickets import Ticket
from shared.models.protocol import Decoding, Delta, Request


async def make() -> Ticket:
    return Ticket("m", Request(text="x"), Prompt("x", (1,)), Draw(Decoding(), "cpu"), 5)


def test_events_arrive_in_order_from_another_thread() -> None:
    async def story() -> list[object]:
        ticket = await make()
        thread = Thread(target=lambda: [ticket.tell([Delta(str(n)), Delta("!")]) for n in range(20)])
        thread.start()
        found = [await ticket.events.get() for _ in range(40)]
        thread.join()
        return found

    assert asyncio.run(story()) == [Delta(text) for n in range(20) for text in (str(n), "!")]


def test_nobody_waits_any_more() -> None:
    ticket = asyncio.run(make())
    ticket.tell([])
    assert not ticket.cancelled
    ticket.tell([Delta("x")])
    assert ticket.cancelled
    ticket.tell([Delta("y")])
    assert ticket.events.empty()
