"""What metrics need of the models: log-probabilities of texts, and greedy answers, several at once."""

from collections.abc import Iterator, Sequence
from contextlib import closing
from typing import Protocol

from shared.errors import PlaygroundError
from shared.models.asking import Asked, ask, spoken
from shared.models.protocol import Request, Scored
from shared.policy import OWNER, Caller

BATCH = 16  # texts that are scored in one call


class Models(Asked, Protocol):
    """What is asked: `suite().models`, or anything with these two methods."""

    def score(
        self, ref: str, texts: Sequence[str], contexts: Sequence[str] = (), caller: Caller = OWNER
    ) -> list[Scored]:
        """Log-probabilities of each text given its context; see `shared.models.protocol.Backend.score`."""
        ...


def answers(models: Models, ref: str, requests: Sequence[Request], caller: Caller = OWNER) -> Iterator[tuple[int, str]]:
    """The answers to many requests with their places, as they come, without what was thought before them.

    A model that ends without a word has answered "", which is wrong. Closing it stops what is being answered.

    Raises:
        PlaygroundError: One of them failed: in the server's words.
    """
    with closing(ask(models, ref, requests, caller=caller)) as hearing:
        for place, heard in hearing:
            if isinstance(heard.end, PlaygroundError):
                raise heard.end
            if heard.failed:
                raise PlaygroundError(f"{ref} failed to answer: {heard.why}")
            yield place, spoken(heard.text)


def scored(
    models: Models, ref: str, pairs: Sequence[tuple[str, str]], caller: Caller = OWNER
) -> Iterator[list[tuple[int, Scored]]]:
    """Every (context, text) scored, with its place, a batch at a time: longest first, so that texts of like length share one."""
    order = sorted(range(len(pairs)), key=lambda place: -len(pairs[place][0] + pairs[place][1]))
    for start in range(0, len(order), BATCH):
        batch = order[start : start + BATCH]
        contexts, texts = [pairs[place][0] for place in batch], [pairs[place][1] for place in batch]
        yield list(zip(batch, models.score(ref, texts, contexts, caller=caller), strict=True))
