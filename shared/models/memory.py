"""Which models stay loaded: a budget of bytes, the least recently used goes first, and never one that is answering."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from threading import Condition
from typing import Generic, Protocol, TypeVar

from shared.errors import PlaygroundError
from shared.hardware import GIB, Machine

PATIENCE = 60.0  # seconds to wait until a model that stands in the way has answered
GLANCE = 0.25  # seconds after which somebody who waits looks again whether a model has stopped answering
OF_MEMORY = 0.5  # the rest is for what models compute, for this program and for everything else
OF_GPU = 0.85
STOPPING = "The models were closed, because the server is stopping. Start it again."


class Full(PlaygroundError):
    """There is no room for a model."""


class Model(Protocol):
    """What is loaded."""

    @property
    def bytes(self) -> int:
        """Memory of its weights."""
        ...

    @property
    def answering(self) -> int:
        """How many answers it is giving now."""
        ...

    def close(self) -> None:
        """Give the memory back."""
        ...


M = TypeVar("M", bound=Model)


@dataclass(frozen=True)
class Loaded:
    """A model in memory.

    Attributes:
        key: What it was loaded as.
        gib: What it takes.
        answering: How many answers it is giving, or is about to give.
    """

    key: str
    gib: float
    answering: int


@dataclass(eq=False)
class _Place(Generic[M]):
    """A part of the budget: for a model that is being loaded (no model yet), is loaded, or is being closed."""

    key: str
    size: int
    model: M | None = None
    closing: bool = False
    leases: int = 0
    used: float = field(default_factory=time.monotonic)
    refused: PlaygroundError | None = None

    @property
    def ready(self) -> bool:
        return self.model is not None and not self.closing

    @property
    def busy(self) -> bool:
        """Whether it has to stay."""
        return self.model is None or self.closing or self.leases > 0 or self.model.answering > 0


class Lease(Generic[M]):
    """A loaded model that stays loaded until `release`; a context manager does that at the end of its block.

    Attributes:
        model: The model.
    """

    def __init__(self, model: M, give_back: Callable[[], None]) -> None:
        self.model = model
        self._give_back: Callable[[], None] | None = give_back

    def release(self) -> None:
        """Let the model go when its memory is needed; a second call does nothing."""
        give_back, self._give_back = self._give_back, None
        if give_back is not None:
            give_back()

    def __enter__(self) -> "Lease[M]":
        return self

    def __exit__(self, *_: object) -> None:
        self.release()


class Budget(Generic[M]):
    """Loaded models and the memory that they share. Any thread may use it.

    Args:
        limit: Bytes that they may take together.
        patience: Seconds to wait for room while models that are answering take it.
    """

    def __init__(self, limit: int, patience: float = PATIENCE) -> None:
        self.limit = limit
        self.patience = patience
        self._places: dict[str, _Place[M]] = {}
        self._changed = Condition()
        self._closed = False

    def held(self, key: str) -> Lease[M] | None:
        """A model that is loaded already; None when it is not. Never waits."""
        with self._changed:
            place = self._places.get(key)
            return self._lend(place) if place is not None and place.ready else None

    def hold(self, key: str, needs: int, load: Callable[[], M]) -> Lease[M]:
        """A model, loaded when it is not yet. Models that nobody uses are closed when their room is needed.

        However many threads ask for it, it is loaded once; those that come later wait.

        Args:
            key: What it is loaded as; the same key is the same model.
            needs: Bytes that it will take, an estimate; what it takes in fact counts once it is loaded.
            load: Loads it.

        Raises:
            Full: It is larger than the budget, or models that are answering leave no room for it.
            PlaygroundError: `load` says why it cannot be loaded.
        """
        place = self._reserve(key, needs)
        return place if isinstance(place, Lease) else self._fill(place, load)

    def loaded(self) -> list[Loaded]:
        """The models in memory, the most recently used first."""
        with self._changed:
            ready = [(place, place.model) for place in self._places.values() if place.ready]
            ready.sort(key=lambda each: each[0].used, reverse=True)
            return [
                Loaded(place.key, place.size / GIB, max(place.leases, model.answering))
                for place, model in ready
                if model is not None
            ]

    @property
    def used(self) -> int:
        """Bytes that are taken, or kept for a model that is being loaded."""
        with self._changed:
            return sum(place.size for place in self._places.values())

    def stop(self) -> None:
        """Load nothing from here on; whoever waits is told so."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def close(self) -> None:
        """Close every model, also those that are answering; nothing is loaded from here on."""
        self.stop()
        with self._changed:
            ready = [place for place in self._places.values() if place.ready]
            for place in ready:
                place.closing = True
        for place in ready:
            self._empty(place)

    def _reserve(self, key: str, needs: int) -> "Lease[M] | _Place[M]":
        """The model, or a free place for it, as soon as there is one or the other."""
        until = 0.0
        while True:
            with self._changed:
                if self._closed:
                    raise PlaygroundError(STOPPING)
                place = self._places.get(key)
                if place is not None and place.ready:
                    return self._lend(place)
                if place is None:
                    free = self.limit - sum(each.size for each in self._places.values())
                    if needs <= free:
                        self._places[key] = place = _Place(key, needs)
                        return place
                    until = self._still_waiting(key, needs, until)
                victim = None if place is not None else self._victim()
                if victim is None:
                    self._changed.wait(GLANCE)
                else:
                    victim.closing = True
            if place is not None and place.refused is not None:  # whoever was loading it was told why it cannot be
                raise PlaygroundError(str(place.refused)) from place.refused
            if victim is not None:
                self._empty(victim)

    def _fill(self, place: _Place[M], load: Callable[[], M]) -> Lease[M]:
        """Load a model into its place; the place is free again when that fails."""
        model: M | None = None
        try:
            model = load()
        except PlaygroundError as error:
            place.refused = error
            raise
        finally:
            with self._changed:
                if model is None:
                    del self._places[place.key]
                else:
                    place.size, place.model, place.closing = model.bytes, model, self._closed
                    lease = None if self._closed else self._lend(place)
                self._changed.notify_all()
        if lease is None:
            self._empty(place)
            raise PlaygroundError(STOPPING)
        self._shrink()
        return lease

    def _shrink(self) -> None:
        """Close unused models when one turned out larger than was estimated."""
        while True:
            with self._changed:
                over = sum(each.size for each in self._places.values()) > self.limit
                victim = self._victim() if over else None
                if victim is None:
                    return
                victim.closing = True
            self._empty(victim)

    def _empty(self, place: _Place[M]) -> None:
        """Close a model; its bytes count until that is done."""
        assert place.model is not None
        try:
            place.model.close()
        finally:
            with self._changed:
                del self._places[place.key]
                self._changed.notify_all()

    def _lend(self, place: _Place[M]) -> Lease[M]:
        assert place.model is not None
        place.leases += 1
        place.used = time.monotonic()

        def give_back() -> None:
            with self._changed:
                place.leases -= 1
                place.used = time.monotonic()
                self._changed.notify_all()

        return Lease(place.model, give_back)

    def _victim(self) -> _Place[M] | None:
        """The model that was not used for the longest time, of those that nobody uses now."""
        idle = [place for place in self._places.values() if not place.busy]
        return min(idle, key=lambda place: place.used, default=None)

    def _still_waiting(self, key: str, needs: int, until: float) -> float:
        """When waiting for room ends.

        Raises:
            Full: It has ended, or there can never be room.
        """
        now = time.monotonic()
        if needs > self.limit:
            raise Full(
                f"'{key}' needs about {amount(needs)} of memory, and models may take {amount(self.limit)} together. Choose a"
                " smaller model, quantise it, or raise PLAYGROUND_MODEL_GIB where the machine has more."
            )
        if until and now > until:
            busy = " and ".join(sorted(place.key for place in self._places.values()))
            raise Full(
                f"There is no room for '{key}' now: it needs about {amount(needs)} of the {amount(self.limit)} that models may"
                f" take together, and {busy} did not stop answering for {self.patience:g} s. Try again later."
            )
        return until or now + self.patience


def share(machine: Machine, gib: float = 0.0) -> int:
    """The budget of a machine, in bytes.

    Args:
        machine: What it has; its GPU counts when there is one that says how much memory it has.
        gib: What was set instead, in GiB; 0 is nothing.
    """
    if gib:
        return round(gib * GIB)
    gpu = machine.gpu.memory_gib if machine.gpu else 0.0
    return round((OF_GPU * gpu if gpu else OF_MEMORY * machine.memory_gib) * GIB)


def amount(size: int) -> str:
    """Bytes as people read them: "12.5 MiB" below one GiB, "3.2 GiB" above."""
    return f"{size / 2**20:.1f} MiB" if size < GIB else f"{size / GIB:.1f} GiB"
