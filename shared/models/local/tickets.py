"""A request in flight: what the worker needs to answer it, and the way its events take back to whoever waits."""

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass, field

from shared.models.local.adapters import Adapter
from shared.models.local.prompts import Prompt
from shared.models.local.sampling import Draw
from shared.models.protocol import Event, Request


@dataclass(eq=False)
class Ticket:
    """One request.

    Attributes:
        model: The ref that answers.
        request: What is asked.
        prompt: What the model is sent.
        draw: How its tokens are drawn.
        limit: Longest answer, in tokens: what was asked for, or what the window leaves.
        adapter: What is put on top of the base.
        cancelled: Nobody waits any more; the worker drops it before its next step.
        done: The worker has nothing more to do with it.
    """

    model: str
    request: Request
    prompt: Prompt
    draw: Draw
    limit: int
    adapter: Adapter | None = None
    cancelled: bool = False
    done: bool = False
    loop: asyncio.AbstractEventLoop = field(default_factory=asyncio.get_running_loop)
    events: asyncio.Queue[Event | BaseException] = field(default_factory=asyncio.Queue)

    def tell(self, events: Iterable[Event | BaseException]) -> None:
        """Hand events over, from the worker's thread; an exception is raised where the answer is awaited."""
        ready = list(events)
        if not ready or self.cancelled:
            return
        try:
            self.loop.call_soon_threadsafe(self._put, ready)
        except RuntimeError:  # the loop is closed: whoever waited is gone without closing the stream
            self.cancelled = True

    def _put(self, ready: list[Event | BaseException]) -> None:
        for event in ready:
            self.events.put_nowait(event)
