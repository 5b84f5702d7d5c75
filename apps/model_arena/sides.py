"""All sides of a battle answering at once: each in a thread of its own, shown together on one clock."""

import time
from collections.abc import Callable, Generator, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from threading import Event as Flag
from threading import Lock

from apps.model_arena.masking import Veil
from shared.errors import PlaygroundError
from shared.models.protocol import Delta, Event, Failure, Finish, Usage

FRAME = 0.1  # seconds between two looks at all sides; what a side shows tells nothing finer than this
Stream = Callable[[], Iterator[list[Event]]]


@dataclass(frozen=True)
class Timing:
    """What one answer took; shown after the vote.

    Attributes:
        seconds: From the question to the end of the answer.
        first_seconds: To its first piece; None when none came.
        tokens: Tokens of the answer, as its backend counts them, otherwise the number of pieces.
        prompt_tokens: Tokens of the prompt, as its backend counts them; 0 when it does not.
        tokens_per_second: Tokens after the first piece, by the time they took; None when there were none.
    """

    seconds: float
    first_seconds: float | None
    tokens: int
    prompt_tokens: int
    tokens_per_second: float | None


@dataclass
class Side:
    """One side's answer as it grows. Written by its own thread, read by the clock.

    Attributes:
        veil: Hides what would give the model away; None where names are shown.
        raw: Everything that came.
        reason: Why it is complete; "" until it is.
        failure: What went wrong, in the model's words; "" when nothing did. Not for a voter's eyes before the vote.
        kind: Which kind of failure.
        ended: Whether nothing more comes.
    """

    veil: Veil | None = None
    raw: str = ""
    reason: str = ""
    failure: str = ""
    kind: str = ""
    ended: bool = False
    _usage: Usage | None = None
    _began: float = field(default_factory=time.monotonic)
    _first: float | None = None
    _end: float | None = None
    _pieces: int = 0
    _lock: Lock = field(default_factory=Lock)

    @property
    def text(self) -> str:
        """What may be shown so far."""
        with self._lock:
            return self.veil.text if self.veil else self.raw

    @property
    def named(self) -> bool:
        """Whether the model said a name that was hidden."""
        return self.veil is not None and self.veil.named

    def hear(self, events: list[Event]) -> None:
        """Take in what came."""
        now = time.monotonic()
        with self._lock:
            for event in events:
                match event:
                    case Delta(text=text):
                        self._first = self._first or now
                        self._end = now
                        self._pieces += 1
                        self.raw += text
                        if self.veil:
                            self.veil.hear(text)
                    case Usage():
                        self._usage = event
                    case Finish(reason=reason):
                        self._end, self.reason = now, reason
                    case Failure(kind=kind, message=message):
                        self._end, self.kind, self.failure = now, kind, message

    def finish(self) -> None:
        """Nothing more comes."""
        with self._lock:
            if self.veil:
                self.veil.finish()
            shown = self.veil.text if self.veil else self.raw
            if self.reason and not shown.strip():
                self.kind, self.failure = "empty", "It thought, and answered nothing. Ask again with more tokens."
            self.ended = True

    def refuse(self, words: str) -> None:
        """It could not be asked at all."""
        with self._lock:
            self._end = time.monotonic()
            self.kind, self.failure = "refused", words

    def timing(self) -> Timing:
        """What the answer took, so far."""
        now = self._end or time.monotonic()
        tokens = self._usage.answer_tokens if self._usage else self._pieces
        writing = now - self._first if self._first else 0.0
        return Timing(
            seconds=round(now - self._began, 4),
            first_seconds=round(self._first - self._began, 4) if self._first else None,
            tokens=tokens,
            prompt_tokens=self._usage.prompt_tokens if self._usage else 0,
            tokens_per_second=round((tokens - 1) / writing, 3) if tokens > 1 and writing > 0 else None,
        )


def run(streams: Mapping[str, Stream], sides: Mapping[str, Side], every: float = FRAME) -> Generator[bool, None, None]:
    """Let all sides answer at once.

    No side waits for another: each is read by a thread of its own, and one that fails ends alone. Closing the generator
    stops them all.

    Args:
        streams: By side, what begins its answer: a generator of lists of events, which ends or can be closed soon.
        sides: Where the answers grow.
        every: Seconds between two looks.

    Yields:
        Once every `every` seconds, whether all have ended; True is the last.

    Raises:
        Exception: What a stream raised that is neither a Failure nor a PlaygroundError: a bug, after all have ended.
    """
    stopping = Flag()
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
                    yield False
        finally:
            stopping.set()
    for each in running:
        each.result()
    yield True


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
        if not side.reason and not side.failure:
            side.refuse("the stream ended before the answer was complete. Ask again.")
    except PlaygroundError as error:
        side.refuse(str(error))
    finally:
        side.finish()
