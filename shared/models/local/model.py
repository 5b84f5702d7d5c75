"""A model in this process: loaded once, asked by many at a time, with any of its adapters on top."""

import asyncio
import gc
import threading
import weakref
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from shared.errors import PlaygroundError
from shared.models.local.adapters import Adapter
from shared.models.local.batching import Worker
from shared.models.local.checkpoint import inspect
from shared.models.local.faults import free_memory
from shared.models.local.loading import Network, Quantise, load
from shared.models.local.prompts import Prompt, prepare
from shared.models.local.sampling import Draw
from shared.models.local.schema import guide
from shared.models.local.scoring import batches, read_texts, score_batch
from shared.models.local.slot import Slot
from shared.models.local.tickets import Ticket
from shared.models.protocol import Event, Failure, Finish, Request, Scored, Timeouts

LONG = 10_000  # characters: tokenising more would hold up other streams of the same event loop


@dataclass(frozen=True)
class Running:
    """A network and the threads that run it."""

    network: Network
    worker: Worker
    slot: Slot

    def stop(self) -> None:
        """End both threads."""
        self.worker.stop()
        self.slot.stop()


class LocalModel:
    """A model that runs here.

    Requests share one batch, whatever their settings and adapters; beam search and requests to a model with a draft
    model are answered one after the other, beside the batch. Greedy answers equal those of transformers' `generate`,
    and a seed gives the same answer whoever else is answered, as long as no two tokens are so close that the rounding
    of a larger batch decides between them.

    Attributes:
        ref: Its ref.
        folder: Where it was loaded from.
    """

    def __init__(
        self,
        folder: Path,
        ref: str,
        *,
        quantise: Quantise = "",
        device: str = "",
        draft: "LocalModel | None" = None,
    ) -> None:
        """Load a model.

        Args:
            folder: With `config.json`, a tokenizer and safetensors, or with one GGUF file.
            ref: The model's ref.
            quantise: Shrink the linear layers: "int8", or "nf4" (about 4.13 bits a parameter).
            device: As torch names it; "" takes the first GPU if there is one.
            draft: A smaller model that proposes tokens, which this one checks several at a time: the answers are the
                same, and come faster where the draft is often right.

        Raises:
            PlaygroundError: Weights are pickled, files are missing or broken, the model needs code of its own, a
                package is missing, or memory does not suffice.
        """
        self.ref = ref
        self.folder = folder
        network = load(inspect(folder), quantise, device)
        self._adapters: dict[Path, Adapter] = {}
        self._reading = threading.Lock()
        running = Running(network, Worker(network), Slot(network, draft.network if draft else None))
        self._running: Running | None = running
        # also at the end of the program: a thread that is inside torch then would bring the process down
        self._finalizer = weakref.finalize(self, running.stop)

    @property
    def running(self) -> Running:
        """What is loaded, and the threads that run it.

        Raises:
            PlaygroundError: The model was closed.
        """
        if self._running is None:
            raise PlaygroundError(f"{self.ref} was unloaded. Load it again.")
        return self._running

    @property
    def network(self) -> Network:
        """What is loaded.

        Raises:
            PlaygroundError: The model was closed.
        """
        return self.running.network

    @property
    def tokenizer(self) -> Any:
        """The tokenizer, transformers' own."""
        return self.network.tokenizer

    @property
    def bytes(self) -> int:
        """Memory of the weights, adapters included."""
        return self.network.bytes + sum(adapter.bytes for adapter in self._adapters.values())

    @property
    def context(self) -> int:
        """Tokens of prompt and answer together."""
        return self.network.window

    @property
    def parameters(self) -> int:
        """Number of parameters, quantised ones counted whole."""
        return self.network.parameters

    @property
    def answering(self) -> int:
        """Requests that wait or are being answered."""
        running = self._running  # another thread may close the model meanwhile
        return 0 if running is None else running.worker.answering + running.slot.answering

    def view(self, ref: str, adapter: Path | None = None) -> "View":
        """The model as one backend among others that share it.

        Args:
            ref: The ref, adapter included.
            adapter: Folder of a PEFT adapter to put on top; loaded once, however many views have it.

        Raises:
            PlaygroundError: The adapter is of another base, of a kind that cannot be used, broken or pickled.
        """
        if adapter is None:
            return View(self, ref, None)
        with self._reading:
            loaded = self._adapters.get(adapter.resolve())
            if loaded is None:
                loaded = self.network.layers.read(adapter, self.ref)
                self._adapters[adapter.resolve()] = loaded
        return View(self, ref, loaded)

    async def stream(self, request: Request, ref: str, adapter: Adapter | None = None) -> AsyncIterator[Event]:
        """The events of one answer; see `Backend.stream`."""
        try:
            running = self.running
            ticket = await self._ticket(running.network, request, ref, adapter)
        except PlaygroundError as error:
            yield Failure("refused", str(error))
            return
        decoding = request.decoding
        alone = decoding.beams > 1 or not running.network.batches
        try:
            (running.slot if alone or running.slot.drafts(ticket) else running.worker).submit(ticket)
            while True:
                event = await ticket.events.get()
                if isinstance(event, BaseException):
                    raise event
                yield event
                if isinstance(event, Finish | Failure):
                    return
        finally:
            ticket.cancelled = True

    async def _ticket(self, network: Network, request: Request, ref: str, adapter: Adapter | None) -> Ticket:
        """A request made ready.

        Raises:
            PlaygroundError: It cannot be answered.
        """
        decoding = request.decoding
        if decoding.max_new_tokens < 1:
            raise PlaygroundError(f"An answer needs room for a token at least, not for {decoding.max_new_tokens}.")
        if decoding.beams > 1 and decoding.temperature > 0:
            raise PlaygroundError(f"Beam search draws nothing: it needs temperature 0, not {decoding.temperature}.")
        if decoding.beams > 1 and decoding.json_schema:
            raise PlaygroundError(f"A schema is followed by 1 beam, not by {decoding.beams}. Ask for 1.")
        prompt = await _prepare(network, request, ref)
        size = len(prompt.ids)
        if not size:
            raise PlaygroundError("The prompt is empty. Write something for the model to answer.")
        if size >= network.window:
            raise PlaygroundError(
                f"The prompt has {size} tokens, and the window of {ref} has {network.window}: at most "
                f"{network.window - 1} fit with one token of an answer. Shorten it."
            )
        schema = decoding.json_schema
        path = await asyncio.to_thread(guide, network, schema) if schema else None
        try:
            draw = Draw(decoding, network.device, path)
        except (ValueError, RuntimeError) as error:  # settings that were not checked, such as a negative temperature
            raise PlaygroundError(f"These settings cannot be used: {error}") from None
        return Ticket(ref, request, prompt, draw, min(decoding.max_new_tokens, network.window - size), adapter)

    async def score(
        self, texts: Sequence[str], contexts: Sequence[str] = (), adapter: Adapter | None = None, ref: str = ""
    ) -> list[Scored]:
        """Log-probabilities of the tokens of each text; see `Backend.score`."""
        network = self.network
        found: dict[int, Scored] = {}
        # in a thread: many or long texts would hold up other streams of the same event loop
        read = await asyncio.to_thread(read_texts, network, ref or self.ref, texts, contexts)
        for group in batches(network, read):
            work = self.running.worker.run(lambda group=group: score_batch(network, group, adapter))  # type: ignore[misc]
            scored = await asyncio.wrap_future(work)
            found |= {text.place: one for text, one in zip(group, scored, strict=True)}
        return [found[place] for place in range(len(texts))]

    def close(self) -> None:
        """End what is being answered, and give the memory back."""
        self._finalizer()
        self._running = None
        self._adapters.clear()
        gc.collect()  # a network and the hooks on its layers hold each other
        free_memory()


async def _prepare(network: Network, request: Request, ref: str) -> Prompt:
    """The prompt as sent, long ones made ready beside the event loop."""
    if sum(len(message.content) for message in request.messages) + len(request.text) > LONG:
        return await asyncio.to_thread(prepare, network.tokenizer, request, ref)
    return prepare(network.tokenizer, request, ref)


class View:
    """One model with one adapter, or none: a Backend."""

    def __init__(self, model: LocalModel, ref: str, adapter: Adapter | None) -> None:
        self._model = model
        self._ref = ref
        self._adapter = adapter

    @property
    def ref(self) -> str:
        """The model's ref, adapter included."""
        return self._ref

    def stream(self, request: Request, timeouts: Timeouts = Timeouts()) -> AsyncIterator[Event]:
        """The events of one answer; see `Backend.stream`."""
        del timeouts  # nothing to connect to; the others are kept by `streams.guarded`
        return self._model.stream(request, self._ref, self._adapter)

    async def score(self, texts: Sequence[str], contexts: Sequence[str] = ()) -> list[Scored]:
        """Log-probabilities of the tokens of each text; see `Backend.score`."""
        return await self._model.score(texts, contexts, self._adapter, self._ref)

    async def close(self) -> None:
        """Nothing to give back: the model stays for its other views, until it is closed itself."""
