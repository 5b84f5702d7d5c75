"""One answer as it comes: time-outs and truncation for every backend, and a plain generator that a page can stop."""

import asyncio
import time
from collections.abc import AsyncIterator, Coroutine, Iterator
from concurrent.futures import CancelledError, Future
from contextlib import aclosing
from queue import Empty, SimpleQueue
from threading import Lock, Thread
from typing import Any, TypeVar, cast

from shared.errors import PlaygroundError
from shared.models.memory import STOPPING
from shared.models.protocol import Backend, Delta, Event, Failure, Finish, Kind, Request, Start, Timeouts, ToolCall

T = TypeVar("T")

SAID = {
    "first_token": "connected, but nothing came for {} s",
    "inter_token": "the answer stopped coming for {} s",
    "total": "the answer was not complete after {} s",
}


async def guarded(backend: Backend, request: Request, timeouts: Timeouts = Timeouts()) -> AsyncIterator[Event]:
    """The events of one answer; the last is always Finish or Failure, and nothing follows it.

    Args:
        backend: Who answers.
        request: What is asked.
        timeouts: How long to wait for what.

    Yields:
        The backend's events. Silence for too long is a Failure of that kind, an end without Finish is one of kind
        "truncated", and a Finish after nothing at all is one of kind "empty".
    """
    clock = _Clock(timeouts)
    # every backend's stream is an async generator; the protocol says AsyncIterator so that a plain `def` matches too
    async with aclosing(cast(Any, backend.stream(request, timeouts))) as events:
        while True:
            seconds, kind = clock.next_limit()
            try:
                async with asyncio.timeout(seconds):
                    event = await anext(events)
            except TimeoutError:
                limit = round(getattr(timeouts, kind), 3)
                yield Failure(kind, f"{backend.ref}: {SAID[kind].format(limit)}.")
                return
            except StopAsyncIteration:
                yield Failure(
                    "truncated", f"{backend.ref}: the stream ended before the answer was complete. Ask again."
                )
                return
            if isinstance(event, Finish) and not clock.answering and event.reason != "content_filter":
                yield Failure("empty", f"{backend.ref}: the model answered nothing. Ask in other words.")
                return
            clock.heard(event)
            yield event
            if isinstance(event, Finish | Failure):
                return


class _Clock:
    """Which time-out is running, and how much of it is left."""

    def __init__(self, timeouts: Timeouts) -> None:
        self.timeouts = timeouts
        self.answering = False
        self.started = False
        self.began = time.monotonic()

    def heard(self, event: Event) -> None:
        """An event came."""
        self.started = self.started or isinstance(event, Start)
        self.answering = self.answering or isinstance(event, Delta | ToolCall)

    def next_limit(self) -> tuple[float, Kind]:
        """How many seconds from now are too long to wait for an event, and which limit that is."""
        if self.answering:
            quiet: tuple[float, Kind] = (self.timeouts.inter_token, "inter_token")
        else:  # until Start the backend is still connecting, and keeps that time itself
            quiet = (self.timeouts.first_token + (0 if self.started else self.timeouts.connect), "first_token")
        left = self.began + self.timeouts.total - time.monotonic()
        return min(quiet, (left, "total"), key=lambda limit: limit[0])


class Loop:
    """One event loop in a thread of its own, on which every stream runs."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = Thread(target=self._loop.run_forever, name="models", daemon=True)
        self._thread.start()
        self._starting = Lock()
        self._closed = False

    def start(self, work: Coroutine[Any, Any, T]) -> Future[T]:
        """Run a coroutine; cancelling the future cancels it.

        Raises:
            PlaygroundError: The loop is closed.
        """
        with self._starting:
            if self._closed:
                work.close()
                raise PlaygroundError(STOPPING)
            return asyncio.run_coroutine_threadsafe(work, self._loop)

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Run a coroutine and wait for what it returns; it is cancelled when whoever waits is interrupted.

        Raises:
            PlaygroundError: The loop is closed, or was meanwhile.
        """
        future = self.start(work)
        try:
            return future.result()
        except CancelledError:
            raise PlaygroundError(STOPPING) from None
        finally:
            future.cancel()

    def close(self) -> None:
        """Cancel what still runs, and end the thread."""

        async def wind_up() -> None:
            tasks = asyncio.all_tasks() - {asyncio.current_task()}
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await self._loop.shutdown_asyncgens()

        with self._starting:  # whatever was started before has a task that is found, and nothing is started behind it
            closed, self._closed = self._closed, True
        if closed:
            return
        asyncio.run_coroutine_threadsafe(wind_up(), self._loop).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()


def play(
    loop: Loop, backend: Backend, request: Request, timeouts: Timeouts = Timeouts(), every: float = 0.1
) -> Iterator[list[Event]]:
    """One answer, as a plain generator.

    Args:
        loop: Where the stream runs.
        backend: Who answers.
        request: What is asked.
        timeouts: How long to wait for what.
        every: Seconds between two yields, at most and, after the first event, at least.

    Yields:
        The events that came since the last time; an empty list when none did, so that whoever iterates gets a turn to
        stop. Closing the generator cancels the stream. The last event is Finish or Failure.

    Raises:
        PlaygroundError: The loop is closed.
    """
    heard: SimpleQueue[Event | None] = SimpleQueue()

    async def pump() -> None:
        async with aclosing(cast(Any, guarded(backend, request, timeouts))) as events:
            async for event in events:
                heard.put(event)

    pumping = loop.start(pump())
    pumping.add_done_callback(lambda _: heard.put(None))
    try:
        ended, waiting = False, True
        while not ended:
            events, ended = _gather(heard, every, at_once=waiting)
            waiting = waiting and not any(isinstance(event, Delta) for event in events)
            yield events
        pumping.result()  # a bug in a backend keeps its traceback
    except CancelledError:
        yield [Failure("truncated", f"{backend.ref}: {STOPPING}")]
    finally:
        pumping.cancel()


def _gather(heard: "SimpleQueue[Event | None]", seconds: float, *, at_once: bool) -> tuple[list[Event], bool]:
    """What comes within some seconds, or only until the first event; and whether that was all."""
    events: list[Event] = []
    end = time.monotonic() + seconds
    while (left := end - time.monotonic()) > 0 and not (at_once and events):
        try:
            event = heard.get(timeout=left)
        except Empty:
            break
        if event is None:
            return events, True
        events.append(event)
    return events, False
