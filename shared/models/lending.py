"""Backends that apps are given while the model behind them belongs to everybody: closing one closes nothing."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import aclosing
from pathlib import Path
from threading import Lock
from typing import Any, Protocol, cast

from shared.errors import PlaygroundError
from shared.models.memory import Budget, Full, Lease
from shared.models.protocol import Backend, Event, Failure, Request, Scored, Timeouts


class Local(Protocol):
    """A model loaded into this process: what `shared.models.local.LocalModel` is."""

    @property
    def bytes(self) -> int:
        """Memory of its weights."""
        ...

    @property
    def answering(self) -> int:
        """How many answers it is giving now."""
        ...

    def view(self, ref: str, adapter: Path | None = None) -> Backend:
        """The model as a backend, with an adapter or without."""
        ...

    def close(self) -> None:
        """Give the memory back."""
        ...


class Resident:
    """A loaded model with the adapters that were asked for, and the draft model that it needs.

    Args:
        model: The model.
        draft: Keeps its draft model loaded for as long as it is loaded itself.
    """

    def __init__(self, model: Local, draft: "Lease[Resident] | None" = None) -> None:
        self.model = model
        self._draft = draft
        self._views: dict[tuple[str, Path | None], Backend] = {}
        self._viewing = Lock()

    @property
    def bytes(self) -> int:
        """Memory of its weights."""
        return self.model.bytes

    @property
    def answering(self) -> int:
        """How many answers it is giving now."""
        return self.model.answering

    def seen(self, ref: str, adapter: Path | None) -> Backend | None:
        """A view that was opened before."""
        return self._views.get((ref, adapter))

    def view(self, ref: str, adapter: Path | None) -> Backend:
        """The model as a backend; an adapter is loaded when it is asked for the first time.

        Raises:
            PlaygroundError: The adapter is for another model, or cannot be loaded.
        """
        with self._viewing:
            if (ref, adapter) not in self._views:
                self._views[ref, adapter] = self.model.view(ref, adapter)
            return self._views[ref, adapter]

    def close(self) -> None:
        """Give the memory back, and let go of the draft model."""
        self._views.clear()
        try:
            self.model.close()
        finally:
            if self._draft is not None:
                self._draft.release()


class Lent:
    """A backend on a model in this process. Its model stays loaded while it answers, and comes back when it had to go.

    Args:
        ref: The model's ref, adapter included.
        adapter: The adapter's files.
        key: What the model is loaded as.
        budget: The loaded models.
        load: Waits for the model, and loads it when it is not.
        pool: Where loading happens when the model had to go meanwhile.
    """

    def __init__(
        self,
        ref: str,
        adapter: Path | None,
        key: str,
        budget: Budget[Resident],
        load: Callable[[], Lease[Resident]],
        pool: ThreadPoolExecutor,
    ) -> None:
        self._ref = ref
        self._adapter = adapter
        self._key = key
        self._budget = budget
        self._load = load
        self._pool = pool

    @property
    def ref(self) -> str:
        """The model's ref, adapter included."""
        return self._ref

    @property
    def key(self) -> str:
        """What the model is loaded as."""
        return self._key

    def lease(self) -> Lease[Resident]:
        """The model, loaded when it is not, and kept loaded until the lease is released.

        Raises:
            PlaygroundError: It cannot be loaded.
        """
        return self._load()

    def prepare(self) -> None:
        """Load the model and its adapter now, rather than with the first request.

        Raises:
            PlaygroundError: They cannot be loaded.
        """
        lease, _ = self._take()
        lease.release()

    async def stream(self, request: Request, timeouts: Timeouts) -> AsyncIterator[Event]:
        """The model's events.

        Args:
            request: What is asked.
            timeouts: How long to wait.
        """
        try:
            lease, view = await self._taken()
        except Full as error:
            yield Failure("memory", str(error))
            return
        except PlaygroundError as error:
            yield Failure("refused", str(error))
            return
        with lease:
            async with aclosing(cast(Any, view.stream(request, timeouts))) as events:
                async for event in events:
                    yield event

    async def score(self, texts: Sequence[str], contexts: Sequence[str] = ()) -> list[Scored]:
        """Log-probabilities of the tokens of each text.

        Args:
            texts: What to score.
            contexts: What precedes each text; none, or as many as texts.

        Raises:
            PlaygroundError: The model cannot be loaded, or a text is longer than its window.
        """
        lease, view = await self._taken()
        with lease:
            return await view.score(texts, contexts)

    async def close(self) -> None:
        """Nothing: the model is others' too, and goes when its memory is needed."""

    async def _taken(self) -> tuple[Lease[Resident], Backend]:
        """The model; other answers on this loop go on while it is loading."""
        lease = self._budget.held(self._key)
        if lease is not None:
            view = lease.model.seen(self._ref, self._adapter)
            if view is not None:
                return lease, view
            lease.release()
        taking = self._pool.submit(self._take)
        try:
            return await asyncio.wrap_future(taking)
        except asyncio.CancelledError:
            taking.add_done_callback(_drop)  # a thread cannot be stopped; what it brings is given back
            raise

    def _take(self) -> tuple[Lease[Resident], Backend]:
        lease = self._load()
        view: Backend | None = None
        try:
            view = lease.model.view(self._ref, self._adapter)
            return lease, view
        finally:
            if view is None:
                lease.release()


def _drop(taking: Future[tuple[Lease[Resident], Backend]]) -> None:
    if not taking.cancelled() and taking.exception() is None:
        taking.result()[0].release()


class Kept:
    """A backend that several apps use at the same time.

    Args:
        backend: Who answers.
    """

    def __init__(self, backend: Backend) -> None:
        self._backend = backend

    @property
    def ref(self) -> str:
        """The model's ref."""
        return self._backend.ref

    def stream(self, request: Request, timeouts: Timeouts) -> AsyncIterator[Event]:
        """The backend's events.

        Args:
            request: What is asked.
            timeouts: How long to wait.
        """
        return self._backend.stream(request, timeouts)

    async def score(self, texts: Sequence[str], contexts: Sequence[str] = ()) -> list[Scored]:
        """Log-probabilities of the tokens of each text.

        Args:
            texts: What to score.
            contexts: What precedes each text; none, or as many as texts.

        Raises:
            PlaygroundError: This backend cannot score, or a text is too long.
        """
        return await self._backend.score(texts, contexts)

    async def close(self) -> None:
        """Nothing: others may be using it."""
