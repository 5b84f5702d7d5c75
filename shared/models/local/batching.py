"""One thread a model: answers join its batch when they come and leave it when they are complete, between two steps."""

import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar

from shared.errors import PlaygroundError
from shared.models.local.answer import Answer
from shared.models.local.cache import Columns
from shared.models.local.faults import attempt, explain, free_memory, is_memory
from shared.models.local.loading import Network
from shared.models.local.sampling import pick_all
from shared.models.local.threads import is_small, start
from shared.models.local.tickets import Ticket
from shared.models.protocol import Failure

T = TypeVar("T")

ROWS = 32
JOIN = 5.0  # seconds to wait for the last step when the model is closed
SHORT = "The memory does not suffice for this. Ask for less at once."
GONE = "The model was unloaded. Ask again."
CLOSED = "{} was unloaded while it answered. Ask again."


@dataclass(eq=False)
class Filling:
    """Prompts that are being read, some tokens a step; their answers join the batch when all are read."""

    answers: list[Answer]
    columns: Columns
    read: int = 0

    @property
    def width(self) -> int:
        """Tokens of the longest prompt."""
        return max(len(answer.ids) for answer in self.answers)


class Worker:
    """The thread that runs a model: its batch, who waits for a place in it, and other work between two steps."""

    def __init__(self, network: Network, rows: int = ROWS) -> None:
        self.network = network
        self._tickets: list[Ticket] = []
        self._lock = threading.Lock()
        self._rows = rows
        self._waiting: deque[Ticket] = deque()
        self._jobs: deque[tuple[Future[Any], Callable[[], Any]]] = deque()
        self._filling: Filling | None = None
        self._alone: deque[Answer] = deque()  # each waits until nobody else is in the batch
        self._answers: list[Answer] = []
        self._columns: Columns | None = None
        self._wake = threading.Event()
        self._closed = False
        self._thread = start(self._run, "model", one_core=is_small(network.parameters, network.device.type))

    @property
    def answering(self) -> int:
        """Requests that are waiting or being answered."""
        with self._lock:
            return sum(not ticket.done for ticket in self._tickets)

    def submit(self, ticket: Ticket) -> None:
        """Take a request; its events come through the ticket."""
        with self._lock:
            if self._closed:
                ticket.tell([Failure("server", CLOSED.format(ticket.model))])
                return
            self._tickets = [*(each for each in self._tickets if not each.done), ticket]
            self._waiting.append(ticket)
        self._wake.set()

    def run(self, work: Callable[[], T]) -> Future[T]:
        """Run something else with the model between two steps; the future fails when the model is closed."""
        future: Future[T] = Future()
        with self._lock:
            if self._closed:
                future.set_exception(PlaygroundError(GONE))
            else:
                self._jobs.append((future, work))
        self._wake.set()
        return future

    def stop(self) -> None:
        """End the thread after the step it is doing; what is not complete fails."""
        self._closed = True
        self._wake.set()
        if self._thread is not threading.current_thread():
            self._thread.join(JOIN)

    def _run(self) -> None:
        import torch

        try:
            with torch.inference_mode():
                while not self._closed:
                    if not self._busy():
                        self._wake.wait()
                    self._wake.clear()
                    self._turn()
        finally:
            self._wind_up()

    def _wind_up(self) -> None:
        """Tell whoever still waits that nothing more will come."""
        with self._lock:
            self._closed = True
            for ticket in self._tickets:
                if not ticket.done:
                    ticket.tell([Failure("server", CLOSED.format(ticket.model))])
                    ticket.done = True
            for future, _ in self._jobs:
                if future.set_running_or_notify_cancel():
                    future.set_exception(PlaygroundError(GONE))
            self._waiting.clear()
            self._jobs.clear()
            self._alone.clear()
        self._answers, self._columns, self._filling = [], None, None

    def _busy(self) -> bool:
        return bool(self._jobs or self._waiting or self._filling or self._alone or self._answers)

    def _turn(self) -> None:
        """One job, some tokens of waiting prompts, and one token of every answer."""
        self._do_job()
        if (error := attempt(self._drop)) is not None:
            self._part_all(error)
        self._admit()
        if self._filling is not None:
            reading = self._filling.answers
            if (error := attempt(self._fill)) is not None:
                self._filling = None
                self._part(reading, error)
        if self._answers and (error := attempt(self._decode)) is not None:
            if is_memory(error) and self._columns is not None and len(self._answers) > 1:
                youngest = self._answers.pop()
                self._columns.crop(len(self._answers))
                self._part([youngest], error)
            else:
                self._part_all(error)

    def _part_all(self, error: Exception) -> None:
        """Nobody knows what became of the batch."""
        answers, self._answers, self._columns = self._answers, [], None
        self._part(answers, error)

    def _part(self, answers: list[Answer], error: Exception) -> None:
        """A step failed: who was alone in it is told why; several go on one by one, each from where it is."""
        crowd = self._answers if is_memory(error) else []
        if len(answers) + len(crowd) > 1:
            self._alone.extend(answers)
        else:
            self._fail(answers, error)
        free_memory()

    def _fail(self, answers: list[Answer], error: Exception) -> None:
        for answer in answers:
            answer.ticket.tell([explain(error, answer.ticket.model)])
            answer.over = answer.ticket.done = True

    def _do_job(self) -> None:
        if not self._jobs:
            return
        future, work = self._jobs.popleft()
        if not future.set_running_or_notify_cancel():
            return
        error = attempt(lambda: future.set_result(work()))
        if error is not None:
            short = is_memory(error)
            future.set_exception(PlaygroundError(SHORT) if short else error)

    def _drop(self) -> None:
        """Take out who is complete or does not wait any more."""
        for ticket in [ticket for ticket in list(self._waiting) if ticket.cancelled]:  # others may come meanwhile
            self._waiting.remove(ticket)
            ticket.done = True
        reading = self._filling.answers if self._filling else []
        for answer in [*self._answers, *reading, *self._alone]:
            answer.ticket.done = answer.over or answer.ticket.cancelled
        self._alone = deque(answer for answer in self._alone if not answer.ticket.done)
        if reading and all(answer.ticket.done for answer in reading):
            self._filling = None
        stay = [row for row, answer in enumerate(self._answers) if not answer.ticket.done]
        if len(stay) < len(self._answers):
            self._answers = [self._answers[row] for row in stay]
            if stay and self._columns is not None:
                self._columns.keep(stay)
            else:
                self._columns = None

    def _admit(self) -> None:
        """Begin with the prompts of those who wait longest, as many as there is room for."""
        if self._filling is not None:
            return
        if self._alone:
            if not self._answers:
                self._read([self._alone.popleft()])
            return
        network, chosen = self.network, list[Answer]()
        longest = 0
        space = max((len(answer.ticket.prompt.ids) + answer.ticket.limit for answer in self._answers), default=0)
        while self._waiting and len(self._answers) + len(chosen) < self._rows:
            ticket = self._waiting[0]
            size = len(ticket.prompt.ids)
            longest, space = max(longest, size), max(space, size + ticket.limit)
            rows = len(self._answers) + len(chosen) + 1
            if chosen and (len(chosen) + 1) * longest > network.chunk:
                break
            if rows > 1 and rows * space * network.cell > network.cache:
                break
            chosen.append(Answer(self._waiting.popleft(), network))
        if chosen:
            self._read(chosen)
            for answer in chosen:
                answer.start()

    def _read(self, answers: list[Answer]) -> None:
        """Begin to read what these answers consist of so far."""
        width = max(len(answer.ids) for answer in answers)
        self._filling = Filling(answers, Columns([width - len(each.ids) for each in answers], self.network.device))

    def _fill(self) -> None:
        """Read a part of the prompts; after the last part, draw the first token of each answer."""
        import torch

        filling = self._filling
        assert filling is not None
        width, begin = filling.width, filling.read
        end = min(width, begin + max(16, self.network.chunk // len(filling.answers)))
        rows = [[0] * (width - len(answer.ids)) + answer.ids for answer in filling.answers]
        ids = torch.tensor([row[begin:end] for row in rows], device=self.network.device)
        logits = self._forward(ids, filling.answers, filling.columns)
        filling.read = end
        if end < width:
            return
        self._draw(filling.answers, logits)
        self._filling = None
        if self._columns is None:
            self._columns, self._answers = filling.columns, filling.answers
        else:
            self._columns.join(filling.columns)
            self._answers = self._answers + filling.answers

    def _decode(self) -> None:
        """One more token of every answer."""
        import torch

        assert self._columns is not None
        ids = torch.tensor([answer.ids[-1:] for answer in self._answers], device=self.network.device)
        self._draw(self._answers, self._forward(ids, self._answers, self._columns))

    def _forward(self, ids: Any, answers: list[Answer], columns: Columns) -> Any:
        """The logits after the last column: [answers, vocabulary], float32."""
        known, new = self.network.known, ids.shape[1]
        options: dict[str, Any] = {"attention_mask": columns.mask(new), "past_key_values": columns.past}
        if "position_ids" in known:
            options["position_ids"] = columns.positions(new)
        if "logits_to_keep" in known:
            options["logits_to_keep"] = 1
        with self.network.layers.use([answer.ticket.adapter for answer in answers]):
            logits = self.network.model(input_ids=ids, use_cache=True, **options).logits
        columns.length += new
        return logits[:, -1].float()

    def _draw(self, answers: list[Answer], logits: Any) -> None:
        """The next token of each answer; one that cannot be drawn or told fails alone."""
        picked = pick_all(logits, [answer.draw for answer in answers], [answer.ids for answer in answers])
        for answer, token, row in zip(answers, picked, logits, strict=True):
            error = token if isinstance(token, Exception) else attempt(partial(answer.add, token, row))
            if error is not None:
                self._fail([answer], error)
