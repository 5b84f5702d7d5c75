"""Models for battles, with scripts instead of weights, and what tests of battles do again and again."""

from collections.abc import Iterator, Sequence

from apps.model_arena import battling
from shared.errors import PlaygroundError
from shared.models.picker import ModelRow
from shared.models.protocol import Delta, Event, Failure, Finish, Request, Start, Timeouts, Usage
from shared.models.scripted import Scripted
from shared.models.streams import Loop, play
from shared.policy import OWNER, Caller
from shared.suite import Suite

ANN, BOB = Caller("ann", owner=False), Caller("bob", owner=False)
RED, BLUE, GREEN = "openai:farm/red-7b", "openai:farm/blue-7b", "openai:farm/green-7b"


def row(ref: str, usable: bool = True, why: str = "") -> ModelRow:
    return ModelRow(
        ref=ref, name=ref, licence="", commercial="", fits=usable, why=why, on_disk=usable, parameters=0, context=0,
        languages=(), gib=0.0, gib_int8=0.0, gib_nf4=0.0, usable=usable, kind="local",
    )  # fmt: skip


def words(*texts: str, delay: float = 0.0) -> list[tuple[float, Event]]:
    """A script: the texts one after another, then usage and the end."""
    pieces: list[tuple[float, Event]] = [(delay, Delta(text)) for text in texts]
    return [(0.0, Start("secret-model")), *pieces, (0.0, Usage(3, len(texts))), (0.0, Finish("stop"))]


def fails(message: str = "http://10.0.0.7/red-7b said 500", *before: str) -> list[Event]:
    return [Start("secret-model"), *map(Delta, before), Failure("server", message)]


class Players:
    """What `suite().models` is, for scripted backends."""

    def __init__(self, backends: dict[str, Scripted], unusable: Sequence[str] = ()) -> None:
        self.backends = backends
        self.unusable = unusable
        self.asked: list[tuple[str, Request]] = []
        self._loop = Loop()

    def stream(
        self, ref: str, request: Request, timeouts: Timeouts = Timeouts(), caller: Caller = OWNER
    ) -> Iterator[list[Event]]:
        self.asked.append((ref, request))
        if ref not in self.backends:
            raise PlaygroundError(f"'{ref}' is not here. Choose another model.")
        yield from play(self._loop, self.backends[ref], request, timeouts)

    def pinned(self, ref: str) -> str:
        return f"{ref}@pinned"

    def rows(self, caller: Caller = OWNER) -> list[ModelRow]:
        return [row(ref) for ref in self.backends] + [row(ref, False, "It is too large.") for ref in self.unusable]

    def close(self) -> None:
        self._loop.close()


def play_with(house: Suite, *scripts: tuple[str, object], unusable: Sequence[str] = ()) -> Players:
    """Give the house these models, and only these."""
    players = Players({ref: Scripted(ref, script) for ref, script in scripts}, unusable)
    house.__dict__["models"] = players
    return players


def battle(
    caller: Caller = OWNER,
    prompt: str = "Why is the sky blue?",
    models: Sequence[str] = (),
    sides: int = 2,
    seed: int = 0,
):
    """A battle that is answered: its id and the last answers."""
    asked = battling.ask(prompt, list(models), sides, seed, caller=caller)
    *_, last = battling.answer(asked.battle, caller=caller)
    return asked.battle, last
