"""What tests ask of a backend, and an answer taken apart."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing
from dataclasses import dataclass, replace
from typing import Any

from shared.models.protocol import (
    Decoding,
    Delta,
    Event,
    Failure,
    Finish,
    Message,
    Request,
    Start,
    Timeouts,
    ToolCall,
    Usage,
)
from shared.models.streams import guarded

ROOMY = Timeouts(connect=10, first_token=60, inter_token=60, total=120)  # what a busy machine needs
TIGHT = {
    "first_token": replace(ROOMY, connect=1, first_token=0.3),  # until an answer begins, connecting counts, too
    "inter_token": replace(ROOMY, inter_token=0.3),
    "total": replace(ROOMY, total=1),
}


@dataclass
class Heard:
    """The events of one answer."""

    events: list[Event]

    def of(self, kind: type) -> list[Any]:
        return [event for event in self.events if isinstance(event, kind)]

    @property
    def text(self) -> str:
        return "".join(delta.text for delta in self.of(Delta))

    @property
    def tokens(self) -> list[Any]:
        return [token for delta in self.of(Delta) for token in delta.tokens]

    @property
    def last(self) -> Event:
        return self.events[-1]

    @property
    def failure(self) -> Failure:
        assert isinstance(self.last, Failure), self.events
        return self.last

    @property
    def reason(self) -> str:
        assert isinstance(self.last, Finish), self.events
        return self.last.reason

    @property
    def usage(self) -> Usage:
        (usage,) = self.of(Usage)
        return usage

    @property
    def start(self) -> Start:
        assert isinstance(self.events[0], Start), self.events
        return self.events[0]

    @property
    def calls(self) -> list[ToolCall]:
        return self.of(ToolCall)


def tight(kind: str) -> Timeouts:
    """Time-outs of which only the one that is to be met is short."""
    return TIGHT.get(kind, ROOMY)


def say(words: str, **settings: Any) -> Request:
    """One message; temperature 0 unless told."""
    return Request(messages=(Message("user", words),), decoding=Decoding(**{"temperature": 0.0} | settings))


def go_on(text: str, **settings: Any) -> Request:
    """A text to continue; temperature 0 unless told."""
    return Request(text=text, decoding=Decoding(**{"temperature": 0.0} | settings))


def hear(backend: Any, request: Request, timeouts: Timeouts = Timeouts(), guard: bool = True) -> Heard:
    """The whole answer."""

    async def listen() -> list[Event]:
        events: AsyncIterator[Event] = (
            guarded(backend, request, timeouts) if guard else backend.stream(request, timeouts)
        )
        async with aclosing(events) as stream:  # type: ignore[type-var]
            return [event async for event in stream]

    return Heard(asyncio.run(listen()))
