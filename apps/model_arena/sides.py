"""All sides of a battle answering at once: each in a thread of its own, shown together on one clock."""

import time
from collections.abc import Callable, Generator, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import contextmanager
from threading import Event as Flag
from threading import Lock

from apps.model_arena.masking import Veil
from shared.errors import PlaygroundError
from shared.models.answers import Answer, Timing
from shared.models.protocol import Delta, Event, Kind
from shared.policy import Caller

__all__ = ["EMPTY", "FAILED", "FRAME", "Pace", "Side", "Stream", "Timing", "run", "tell"]

FRAME = 0.1  # seconds between two looks at all sides; what a side shows tells nothing finer than this
SHARE = 0.1  # of the time that showing may take: an answer is cleaned whole each time, so the longer it is the rarer
PAUSE = 5.0  # seconds; the longest time between two looks
FAILED = "This side failed and has no answer."
EMPTY = "It wrote nothing that can be shown. Ask again, with more tokens if it thinks first."
Stream = Callable[[], Iterator[list[Event]]]


class Pace:
    """How often something new is shown: as often as asked, unless showing takes too much of the time."""

    def __init__(self) -> None:
        self._due = 0.0

    @contextmanager
    def turn(self) -> Iterator[bool]:
        """One turn of whoever shows; whether something new may be shown in it. What its block takes is what showing costs."""
        began = time.monotonic()
        fresh = began >= self._due
        yield fresh
        if fresh:
            spent = time.monotonic() - began
            self._due = began + min(spent / SHARE, PAUSE)


class Side:
    """One side's answer as it grows. Written by its own thread, read by the clock.

    Args:
        veil: Hides what would give the model away; None where names are shown.

    Attributes:
        shown: What may be shown, as it was at the last `look`.
        ended: Whether nothing more comes.
    """

    def __init__(self, veil: Veil | None = None) -> None:
        self.shown = ""
        self.ended = False
        self._veil = veil
        self._answer = Answer()
        self._lock = Lock()

    @property
    def raw(self) -> str:
        """Everything that came."""
        with self._lock:
            return self._answer.text

    @property
    def reason(self) -> str:
        """Why the answer is complete; "" until it is."""
        return self._answer.reason

    @property
    def failure(self) -> str:
        """What went wrong, in the model's words; "" when nothing did. Not for a voter's eyes before the vote."""
        return self._answer.failure.message if self._answer.failure else ""

    @property
    def kind(self) -> Kind | str:
        """Which kind of failure; "" for none."""
        return self._answer.failure.kind if self._answer.failure else ""

    @property
    def named(self) -> bool:
        """Whether the model said a name that was hidden."""
        return self._veil is not None and self._veil.named

    def look(self) -> str:
        """What may be shown by now."""
        with self._lock:
            self.shown = self._veil.text if self._veil else self._answer.text
            return self.shown

    def hear(self, events: list[Event]) -> None:
        """Take in what came."""
        with self._lock:
            self._answer.hear(events)
            if self._veil:
                self._veil.hear("".join(event.text for event in events if isinstance(event, Delta)))

    def finish(self) -> None:
        """Nothing more comes."""
        with self._lock:
            self._answer.finish()
            if self._veil:
                self._veil.finish()
        if not self.look().strip() and self.reason:
            self.refuse(EMPTY, "empty")
        self.ended = True

    def refuse(self, words: str, kind: Kind = "refused") -> None:
        """There is no answer, and why."""
        with self._lock:
            self._answer.fail(kind, words)

    def timing(self) -> Timing:
        """What the answer took, so far."""
        return self._answer.timing()


def tell(failure: str, caller: Caller) -> str:
    """Why a side has no answer, as this caller may read it: a backend's words may hold hosts and paths, and are the owner's alone.

    Args:
        failure: Why, in the model's words.
        caller: Who reads it.
    """
    return failure if caller.owner or failure == EMPTY else FAILED


def run(streams: Mapping[str, Stream], sides: Mapping[str, Side], every: float = FRAME) -> Generator[bool, None, None]:
    """Let all sides answer at once.

    No side waits for another: each is read by a thread of its own, and one that fails ends alone. Closing the generator
    stops them all. Whoever iterates looks at `shown`: it grows at every frame, or more rarely when showing takes long.

    Args:
        streams: By side, what begins its answer: a generator of lists of events, which ends or can be closed soon.
        sides: Where the answers grow.
        every: Seconds between two looks.

    Yields:
        Once every `every` seconds, whether all have ended; True is the last.

    Raises:
        Exception: What a stream raised that is neither a Failure nor a PlaygroundError: a bug, after all have ended.
    """
    stopping, pace = Flag(), Pace()
    with ThreadPoolExecutor(len(streams), thread_name_prefix="side") as threads:
        running = [threads.submit(_drain, streams[side], sides[side], stopping) for side in streams]
        try:
            tick = time.monotonic()
            waiting = set(running)
            while waiting:
                tick += every
                _, waiting = wait(waiting, timeout=max(0.0, tick - time.monotonic()))
                tick = max(tick, time.monotonic() - every)
                if waiting:
                    with pace.turn() as fresh:
                        if fresh:
                            _look(sides)
                        yield False
        finally:
            stopping.set()
    for each in running:
        each.result()
    _look(sides)
    yield True


def _look(sides: Mapping[str, Side]) -> None:
    for side in sides.values():
        side.look()


def _drain(stream: Stream, side: Side, stopping: Flag) -> None:
    """Read one stream to its end; only the thread that reads a generator can close it."""
    try:
        events = stream()
        for heard in events:
            side.hear(heard)
            if stopping.is_set():
                close = getattr(events, "close", None)
                if close is not None:
                    close()
                return
    except PlaygroundError as error:
        side.refuse(str(error))
    finally:
        side.finish()
