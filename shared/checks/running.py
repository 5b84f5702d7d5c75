"""Asking a model the sanity checks: several at once, one result at a time, and no longer than the model answers."""

import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import closing
from dataclasses import dataclass, field
from threading import Event as Flag
from threading import Lock
from typing import Any, Protocol, cast

from shared.checks.manifest import Check, checks
from shared.checks.results import Matrix, Outcome, Result, Results, ordered
from shared.checks.wording import readable
from shared.errors import PlaygroundError
from shared.models.protocol import Delta, Event, Failure, Finish, Request, Timeouts
from shared.policy import OWNER, Caller

AT_ONCE = 8
GIVE_UP = 5  # failures in a row after which a model is taken to be down
_TRIES = 3
_LONGEST_WAIT = 30.0
TIMEOUTS = Timeouts(total=180.0)


class Asked(Protocol):
    """Who can be asked: `shared.models.models.Models`, or a stand-in with this one method."""

    def stream(
        self, ref: str, request: Request, timeouts: Timeouts = ..., caller: Caller = ...
    ) -> Iterator[list[Event]]:
        """The events of one answer, a few at a time."""
        ...


def run(
    models: Asked,
    ref: str,
    chosen: Sequence[Check] = (),
    seed: int = 0,
    at_once: int = AT_ONCE,
    max_new_tokens: int = 0,
    timeouts: Timeouts = TIMEOUTS,
    caller: Caller = OWNER,
) -> Iterator[Results]:
    """Ask one model, greedily.

    Args:
        models: Who is asked.
        ref: The model.
        chosen: The checks; all when left out.
        seed: For backends that draw all the same.
        at_once: How many are asked at once. Local models answer those together.
        max_new_tokens: The longest answer, where a check allows less: for models that think before they answer.
        timeouts: How long to wait for one answer.
        caller: Who asks.

    Yields:
        The results so far, after each one; the last has all of them, in the order of `chosen`. No answer is a result too, and
        after five without one in a row nothing more is asked. Closing the generator stops what is being answered.

    Raises:
        PlaygroundError: The model cannot be asked at all, and why.
    """
    wanted = tuple(chosen) or checks()
    began = time.monotonic()
    asking = _Asking(models, ref, seed, max_new_tokens, timeouts, caller)
    ids = [check.id for check in wanted]
    found: list[Result] = []
    pool = ThreadPoolExecutor(at_once, thread_name_prefix="checks")
    try:
        for future in as_completed([pool.submit(asking.result, check) for check in wanted]):
            found.append(future.result())
            so_far = ordered(found, ids) if len(found) == len(wanted) else tuple(found)
            yield Results(ref, so_far, len(wanted), asking.down, time.monotonic() - began)
    finally:
        asking.stop.set()
        pool.shutdown(wait=True, cancel_futures=True)


def run_all(models: Asked, refs: Sequence[str], chosen: Sequence[Check] = (), **settings: Any) -> Iterator[Matrix]:
    """Ask several models, one after the other, so that only one of them needs memory.

    Args:
        models: Who is asked.
        refs: The models.
        chosen: The checks; all when left out.
        **settings: As for `run`.

    Yields:
        The results so far, after each one.

    Raises:
        PlaygroundError: A model cannot be asked at all; those before it have been yielded.
    """
    before: tuple[Results, ...] = ()
    for ref in refs:
        latest = Results(ref, (), 0)
        with closing(cast(Any, run(models, ref, chosen, **settings))) as running:
            for latest in running:
                yield Matrix((*before, latest))
        before += (latest,)


def _result(check: Check, outcome: Outcome, why: str = "", answer: str = "", seconds: float = 0.0) -> Result:
    return Result(check.id, check.axis, check.core, outcome, why, answer, seconds)


@dataclass
class _Asking:
    """One model being asked."""

    models: Asked
    ref: str
    seed: int
    max_new_tokens: int
    timeouts: Timeouts
    caller: Caller
    stop: Flag = field(default_factory=Flag)
    lock: Lock = field(default_factory=Lock)
    answered: bool = False
    errors: int = 0  # in a row
    down: str = ""  # why nothing more is asked

    def result(self, check: Check) -> Result:
        """The result of one check; it is not asked any more once the model is taken to be down."""
        if self.down:
            return _result(check, "not asked", self.down)
        result = self._judged(check)
        with self.lock:
            self.errors = self.errors + 1 if result.outcome == "error" else 0
            if self.errors >= GIVE_UP and not self.down:
                self.down = f"{GIVE_UP} questions in a row got no answer. The last said: {result.why}"
        return result

    def _judged(self, check: Check) -> Result:
        """Ask one check, again when the model is overloaded, and judge the answer."""
        began = time.monotonic()
        text, end = self._answer(check)
        for attempt in range(_TRIES - 1):
            if not isinstance(end, Failure) or end.kind != "overloaded":
                break
            self.stop.wait(min(end.retry_after or 2.0**attempt, _LONGEST_WAIT))
            text, end = self._answer(check)
        seconds = time.monotonic() - began
        answer = readable(text)
        if isinstance(end, Failure) and end.kind == "empty":
            return _result(check, "failed", end.message, answer, seconds)
        if not isinstance(end, Finish):
            return _result(check, "error", end.message if end else "Stopped.", answer, seconds)
        verdict = check.judge(text, complete=end.reason != "length")
        return _result(check, "passed" if verdict.passed else "failed", verdict.why, answer, seconds)

    def _answer(self, check: Check) -> tuple[str, Finish | Failure | None]:
        """The text of one answer and how it ended; None when it was stopped."""
        request = check.request(self.seed, self.max_new_tokens)
        pieces: list[str] = []
        end: Finish | Failure | None = None
        if self.stop.is_set():
            return "", None
        try:
            with closing(cast(Any, self.models.stream(self.ref, request, self.timeouts, self.caller))) as events:
                for some in events:
                    if self.stop.is_set():
                        return "".join(pieces), None
                    pieces += [event.text for event in some if isinstance(event, Delta)]
                    end = next((event for event in some if isinstance(event, Finish | Failure)), end)
        except PlaygroundError as error:
            if not self.answered:
                raise  # an unknown model is no wrong answer
            end = Failure("refused", str(error))
        self.answered = self.answered or isinstance(end, Finish)
        return "".join(pieces), end or Failure("truncated", f"{self.ref}: the answer broke off.")
