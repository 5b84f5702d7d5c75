"""Who can be asked in these tests: scripted backends behind the one method that running the checks needs."""

from collections.abc import Callable, Iterator

from shared.checks import Check, checks
from shared.errors import PlaygroundError
from shared.models.protocol import Delta, Event, Finish, Request, Start, Timeouts
from shared.models.scripted import Scripted, Step
from shared.models.streams import Loop, play
from shared.policy import OWNER, Caller

Answer = Callable[[Request], list[Step]]


class Stage:
    """Models by their refs."""

    def __init__(self, **backends: Scripted) -> None:
        self.backends = backends
        self.loop = Loop()

    def stream(
        self, ref: str, request: Request, timeouts: Timeouts = Timeouts(), caller: Caller = OWNER
    ) -> Iterator[list[Event]]:
        if ref not in self.backends:
            raise PlaygroundError(f"There is no model '{ref}'. Choose one of {', '.join(self.backends)}.")
        yield from play(self.loop, self.backends[ref], request, timeouts)


def of(request: Request) -> Check:
    """The check that a request belongs to."""
    return next(check for check in checks() if check.conversation == request.messages)


def says(text: str, reason: str = "stop", delay: float = 0.0) -> list[Step]:
    """The events of one answer."""
    half = len(text) // 2
    pieces = [Delta(part) for part in (text[:half], text[half:]) if part]
    return [(delay, Start("scripted")), *pieces, Finish(reason)]


def right(request: Request) -> list[Step]:
    """A right answer."""
    return says(of(request).examples.right[0])


def nearly(request: Request) -> list[Step]:
    """A nearly right answer."""
    return says(of(request).examples.nearly[0])


def good(ref: str = "good") -> Scripted:
    """A model that answers everything rightly."""
    return Scripted(ref, right)


def bad(ref: str = "bad") -> Scripted:
    """A model that answers everything nearly rightly."""
    return Scripted(ref, nearly)
