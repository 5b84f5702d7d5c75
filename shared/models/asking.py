"""Asking one model many questions, several at once: whole answers as they come, and again when the server is overloaded."""

import time
from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import closing
from dataclasses import dataclass, replace
from threading import Event as Flag
from threading import Lock
from typing import Any, Protocol, cast

from shared.errors import PlaygroundError
from shared.models.answers import Answer
from shared.models.protocol import Event, Failure, Finish, Request, Timeouts
from shared.policy import OWNER, Caller

AT_ONCE = 8  # a local model answers them as one batch
TRIES = 3
LONGEST_WAIT = 30.0  # seconds between two tries


class Asked(Protocol):
    """Who can be asked: `suite().models`, or a stand-in with this one method."""

    def stream(
        self, ref: str, request: Request, timeouts: Timeouts = ..., caller: Caller = OWNER
    ) -> Iterator[list[Event]]:
        """The events of one answer, a few at a time, in the order in which they came."""
        ...


@dataclass(frozen=True)
class Heard:
    """What came of one question.

    Attributes:
        text: What the model wrote.
        end: How it ended: complete, failed, or refused before anything was asked. None when it was not asked, or stopped.
        seconds: How long it took, waiting for another try included.
    """

    text: str = ""
    end: Finish | Failure | PlaygroundError | None = None
    seconds: float = 0.0

    @property
    def empty(self) -> bool:
        """Whether the model ended without a word."""
        return isinstance(self.end, Failure) and self.end.kind == "empty"

    @property
    def failed(self) -> bool:
        """Whether the model was asked and gave no whole answer; an empty one is one."""
        return bool(self.why) and not self.empty

    @property
    def why(self) -> str:
        """Why there is no answer, in the words of whoever refused or failed; "" when there is one."""
        if isinstance(self.end, Failure):
            return self.end.message
        return str(self.end) if isinstance(self.end, PlaygroundError) else ""


def ask(
    models: Asked,
    ref: str,
    requests: Sequence[Request],
    timeouts: Timeouts = Timeouts(),
    caller: Caller = OWNER,
    at_once: int = AT_ONCE,
    until: Callable[[Heard], bool] = lambda heard: False,
) -> Generator[tuple[int, Heard], None, None]:
    """Ask all, and hear each answer with its question's place, as they come.

    Args:
        models: Who is asked.
        ref: The model.
        requests: What is asked.
        timeouts: How long to wait for one answer.
        caller: Who asks.
        at_once: How many are asked at once.
        until: Told what came of each question, one at a time; once it says true nothing more is asked.

    Yields:
        One for each request. Closing the generator stops what is being answered.
    """
    stop, enough, one_by_one = Flag(), Flag(), Lock()

    def one(request: Request) -> Heard:
        if enough.is_set():
            return Heard()
        began = time.monotonic()
        heard = _once(models, ref, request, timeouts, caller, stop)
        for attempt in range(TRIES - 1):
            if not isinstance(heard.end, Failure) or heard.end.kind != "overloaded":
                break
            stop.wait(min(heard.end.retry_after or 2.0**attempt, LONGEST_WAIT))
            heard = _once(models, ref, request, timeouts, caller, stop)
        heard = replace(heard, seconds=time.monotonic() - began)
        with one_by_one:
            if until(heard):
                enough.set()
        return heard

    pool = ThreadPoolExecutor(at_once, thread_name_prefix="asking")
    try:
        places = {pool.submit(one, request): place for place, request in enumerate(requests)}
        for done in as_completed(places):
            yield places[done], done.result()
    finally:
        stop.set()
        pool.shutdown(wait=True, cancel_futures=True)


def spoken(answer: str) -> str:
    """An answer without what the model thought before it; "" when it was cut off while it thought.

    Args:
        answer: As the model gave it. Thought ends with </think>; some chat templates begin it themselves, in the prompt.
    """
    before, closed, after = answer.partition("</think>")
    thought = before.lstrip().startswith("<think>") or (closed and "<think>" not in before)
    return after if thought else answer


def _once(models: Asked, ref: str, request: Request, timeouts: Timeouts, caller: Caller, stop: Flag) -> Heard:
    """One try."""
    answer = Answer()
    if stop.is_set():
        return Heard()
    try:
        with closing(cast(Any, models.stream(ref, request, timeouts, caller))) as events:
            for some in events:
                answer.hear(some)
                if answer.end is None and stop.is_set():
                    return Heard(answer.text)
    except PlaygroundError as error:
        return Heard(answer.text, error)
    if answer.end is None:
        answer.fail("truncated", f"{ref}: the answer broke off. Ask again.")
    return Heard(answer.text, answer.end)
