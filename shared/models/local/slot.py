"""A place for one request at a time that cannot share a batch: beam search, a draft model, models without padding."""

import threading
from collections import deque
from functools import cached_property
from typing import Any

from shared.models.local.answer import Answer
from shared.models.local.batching import CLOSED, JOIN
from shared.models.local.faults import attempt, explain, free_memory
from shared.models.local.loading import Network, generation
from shared.models.local.sampling import Draw
from shared.models.local.threads import is_small, start
from shared.models.local.tickets import Ticket
from shared.models.protocol import Failure


class Slot:
    """The thread that answers through transformers' own `generate`, beside the batch."""

    def __init__(self, network: Network, draft: Network | None = None) -> None:
        self.network = network
        self.draft = draft
        self._waiting: deque[Ticket] = deque()
        self._now: Ticket | None = None
        self._wake = threading.Event()
        self._lock = threading.Lock()
        self._closed = False
        self._thread: threading.Thread | None = None

    @cached_property
    def _alike(self) -> bool:
        """Whether the draft model has the same tokens."""
        return self.draft is not None and self.draft.tokenizer.get_vocab() == self.network.tokenizer.get_vocab()

    def drafts(self, ticket: Ticket) -> bool:
        """Whether the draft model can help with an answer: it has room for it, and takes part in nothing but tokens.

        Args:
            ticket: Whose answer it is.
        """
        draft, request, draw = self.draft, ticket.request, ticket.draw
        if draft is None or request.logprobs >= 0 or draw.guide is not None or not self.network.batches:
            return False
        room = len(ticket.prompt.ids) + ticket.limit
        if self._alike:
            return room <= draft.window
        return draw.greedy and 2 * room <= draft.window  # a draw needs the same tokens; others may be more for a text

    @property
    def answering(self) -> int:
        """Requests that are waiting or being answered."""
        with self._lock:
            now = self._now is not None and not self._now.done
            return now + sum(not ticket.cancelled for ticket in self._waiting)

    def submit(self, ticket: Ticket) -> None:
        """Take a request; its events come through the ticket."""
        with self._lock:
            if self._closed:
                ticket.tell([Failure("server", CLOSED.format(ticket.model))])
                return
            self._waiting.append(ticket)
            if self._thread is None:
                small = is_small(self.network.parameters, self.network.device.type)
                self._thread = start(self._run, "model-slot", one_core=small)
        self._wake.set()

    def stop(self) -> None:
        """End the thread after the step it is doing; what is not complete fails."""
        self._closed = True
        self._wake.set()
        if self._thread not in (None, threading.current_thread()):
            self._thread.join(JOIN)

    def _run(self) -> None:
        import torch

        try:
            with torch.inference_mode():
                while not self._closed:
                    if not self._waiting:
                        self._wake.wait()
                    self._wake.clear()
                    self._take()
        finally:
            with self._lock:
                self._closed = True
                for ticket in [*self._waiting, *([self._now] if self._now else [])]:
                    if not ticket.done:
                        ticket.tell([Failure("server", CLOSED.format(ticket.model))])
                        ticket.done = True

    def _take(self) -> None:
        """Answer everybody who waits, one after the other."""
        while self._waiting and not self._closed:
            with self._lock:
                self._now = ticket = self._waiting.popleft()
            if not ticket.cancelled:
                self._answer(ticket)
            with self._lock:
                if not self._closed or ticket.cancelled:
                    ticket.done, self._now = True, None

    def _answer(self, ticket: Ticket) -> None:
        def generate() -> None:
            answer = Answer(ticket, self.network)
            answer.start()
            with self.network.layers.use([ticket.adapter]):
                self._generate(answer)

        error = attempt(generate)
        if error is not None:
            ticket.tell([explain(error, ticket.model)])
            free_memory()

    def _generate(self, answer: Answer) -> None:
        import torch
        from transformers import LogitsProcessorList, StoppingCriteriaList

        ticket, network = answer.ticket, self.network
        decoding = ticket.request.decoding
        one = decoding.beams == 1
        assisted = one and self.drafts(ticket)
        ids = torch.tensor([ticket.prompt.ids], device=network.device)
        chooser = _Chooser(answer.draw, len(ticket.prompt.ids), again=assisted)
        settings: dict[str, Any] = {"max_new_tokens": ticket.limit, "do_sample": False, "num_beams": decoding.beams}
        if not one and answer.draw.penalty:
            settings["repetition_penalty"] = float(decoding.repetition_penalty)
        options: dict[str, Any] = {}
        if one:
            options["streamer"] = _Listener(answer, chooser)
            if not answer.draw.plain or ticket.request.logprobs >= 0:
                options["logits_processor"] = LogitsProcessorList([chooser])
        if assisted:
            assert self.draft is not None
            options["assistant_model"] = self.draft.model
            if not self._alike:
                options |= {"tokenizer": network.tokenizer, "assistant_tokenizer": self.draft.tokenizer}

        def ended(seen: Any, scores: Any, **_: Any) -> Any:
            over = self._closed or ticket.cancelled or answer.over
            return torch.full((seen.shape[0],), over, device=seen.device, dtype=torch.bool)

        found = network.model.generate(
            ids,
            attention_mask=torch.ones_like(ids),
            generation_config=generation(network, **settings),
            stopping_criteria=StoppingCriteriaList([ended]),
            **options,
        )
        if ticket.cancelled or (self._closed and not answer.over):
            return  # broken off, not complete
        if not one:
            self._tell_beam(answer, found[0, ids.shape[1] :].tolist(), found)
        answer.end()

    def _tell_beam(self, answer: Answer, tokens: list[int], found: Any) -> None:
        """Hand the best beam over; its log-probabilities come from reading it once more."""
        said = [None] * len(tokens)
        if answer.ticket.request.logprobs >= 0:
            begin = len(answer.ids) - 1
            said = list(self.network.model(input_ids=found).logits[0, begin:-1].float())
        for token, logits in zip(tokens, said, strict=True):
            answer.add(token, logits)


class _Chooser:
    """Draws inside `generate` as the batch would: the chosen token's score is all that is left.

    With a draft model, `generate` may ask for one place several times, for the draft and for the model itself. The
    draw of a place always gives the same answer for the same scores, so the text is the one without a draft.
    """

    def __init__(self, draw: Draw, prompt: int, *, again: bool) -> None:
        self.draw, self._prompt, self._again = draw, prompt, again
        self.logits: Any = None

    def __call__(self, input_ids: Any, scores: Any) -> Any:
        import torch

        self.logits = scores[0]
        if self._again:
            self.draw.rewind(input_ids.shape[1] - self._prompt)
        token = self.draw.pick(scores.clone(), input_ids[0].tolist())
        return torch.full_like(scores, -torch.inf).index_fill(1, token[None], 0.0)


class _Listener:
    """What `generate` calls a streamer: takes the prompt first, then tokens as they are settled."""

    def __init__(self, answer: Answer, chooser: _Chooser) -> None:
        self._answer, self._chooser, self._prompt = answer, chooser, True

    def put(self, value: Any) -> None:
        """Take tokens."""
        if self._prompt:
            self._prompt = False
            return
        for token in value.flatten().tolist():
            self._answer.add(token, self._chooser.logits)

    def end(self) -> None:
        """Nothing more comes, because the answer is complete or because it was broken off."""
