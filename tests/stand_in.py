"""Models for tests: the interface of `shared.models.models.Models` over backends that are given."""

from collections.abc import Iterator, Sequence

from shared.errors import PlaygroundError
from shared.models.protocol import Backend, Event, Request, Scored, Timeouts
from shared.models.streams import Loop, play
from shared.policy import OWNER, Caller


class StandIn:
    """Answers with these backends, by ref."""

    def __init__(self, *backends: Backend) -> None:
        self.backends = {backend.ref: backend for backend in backends}
        self.loop = Loop()
        self.asked: list[tuple[str, Request, Caller]] = []

    def backend(self, ref: str, caller: Caller = OWNER) -> Backend:
        if ref not in self.backends:
            raise PlaygroundError(f"There is no model '{ref}'.")
        return self.backends[ref]

    def stream(
        self, ref: str, request: Request, timeouts: Timeouts = Timeouts(), caller: Caller = OWNER, **loading: str
    ) -> Iterator[list[Event]]:
        self.asked.append((ref, request, caller))
        return play(self.loop, self.backend(ref, caller), request, timeouts)

    def score(
        self, ref: str, texts: Sequence[str], contexts: Sequence[str] = (), caller: Caller = OWNER
    ) -> list[Scored]:
        return self.loop.run(self.backend(ref, caller).score(texts, contexts))

    def pinned(self, ref: str) -> str:
        return self.backend(ref).ref

    def close(self) -> None:
        self.loop.close()
