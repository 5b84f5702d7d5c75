"""What metrics need of the models: log-probabilities of texts, and greedy answers, several at once."""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from typing import Protocol

from shared.errors import PlaygroundError
from shared.models.protocol import Delta, Event, Failure, Finish, Request, Scored, Timeouts
from shared.policy import OWNER, Caller

AT_ONCE = 8  # requests in flight; a local model answers them as one batch


class Models(Protocol):
    """What is asked: `suite().models`, or anything with these two methods."""

    def score(
        self, ref: str, texts: Sequence[str], contexts: Sequence[str] = (), caller: Caller = OWNER
    ) -> list[Scored]:
        """Log-probabilities of each text given its context; see `shared.models.protocol.Backend.score`."""
        ...

    def stream(
        self, ref: str, request: Request, timeouts: Timeouts = ..., caller: Caller = OWNER
    ) -> Iterator[list[Event]]:
        """The events of one answer, in the order in which they came."""
        ...


def answer(models: Models, ref: str, request: Request, caller: Caller = OWNER) -> str:
    """The text of one answer; "" when the model ends without a word, which is an answer too, and a wrong one.

    Raises:
        PlaygroundError: The answer is not complete: in the server's words.
    """
    text: list[str] = []
    ended = False
    for events in models.stream(ref, request, caller=caller):
        for event in events:
            if isinstance(event, Failure) and event.kind != "empty":
                raise PlaygroundError(f"{ref} failed to answer: {event.message}")
            if isinstance(event, Delta):
                text.append(event.text)
            ended = ended or isinstance(event, Finish | Failure)
    if not ended:
        raise PlaygroundError(f"{ref} stopped in the middle of an answer. Try again.")
    return "".join(text)


def answers(
    models: Models, ref: str, requests: Sequence[Request], caller: Caller = OWNER, at_once: int = AT_ONCE
) -> Iterator[tuple[int, str]]:
    """The answers to many requests with their places, as they come. Closing it starts no more of them.

    Raises:
        PlaygroundError: One of them failed.
    """
    pool = ThreadPoolExecutor(max_workers=at_once, thread_name_prefix="answers")
    try:
        waiting = {pool.submit(answer, models, ref, request, caller): place for place, request in enumerate(requests)}
        for done in as_completed(waiting):
            yield waiting[done], done.result()
    finally:
        pool.shutdown(wait=True, cancel_futures=True)
