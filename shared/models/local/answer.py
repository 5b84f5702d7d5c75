"""One answer as it grows: tokens in, events out, until an end token, a stop text or the limit."""

from dataclasses import dataclass, field
from typing import Any

from shared.models import tool_calls
from shared.models.local.loading import Network
from shared.models.local.pieces import Pieces
from shared.models.local.sampling import Draw, describe
from shared.models.local.tickets import Ticket
from shared.models.protocol import Delta, Event, Finish, Reason, Start, Token, ToolCall, Usage

TAIL = 4  # tokens of a prompt that tell how the text after it reads


@dataclass(eq=False)
class Answer:
    """An answer in the making.

    Attributes:
        ticket: Whose it is.
        network: Who answers.
        ids: Prompt and answer so far.
        over: It is complete, and was handed over.
    """

    ticket: Ticket
    network: Network
    ids: list[int] = field(init=False)
    over: bool = False

    def __post_init__(self) -> None:
        prompt, decoding = self.ticket.prompt, self.ticket.request.decoding
        self.ids = list(prompt.ids)
        stops = tuple(stop for stop in (*decoding.stop, *prompt.stops) if stop)
        self._pieces = Pieces(self.network.decode, stops, prompt.ids[-TAIL:] if prompt.continues else ())

    @property
    def draw(self) -> Draw:
        """How its tokens are drawn."""
        return self.ticket.draw

    @property
    def count(self) -> int:
        """Tokens of the answer so far."""
        return len(self.ids) - len(self.ticket.prompt.ids)

    def start(self) -> None:
        """Say that its turn has come."""
        self.ticket.tell([Start(self.ticket.model, self.ticket.prompt.text)])

    def add(self, token: int, logits: Any = None) -> None:
        """Take the next token.

        Args:
            token: Its number.
            logits: It was drawn from these; only looked at when log-probabilities were asked for.
        """
        if self.over:
            return
        if token in self.network.ends:
            self._finish("stop")
            return
        self.ids.append(token)
        guide = self.draw.guide
        if guide is not None:
            guide.take(token)
        said: Token | None = None
        if self.ticket.request.logprobs >= 0 and logits is not None:
            said = describe(logits, token, self.ticket.request.logprobs, self.network.reads)
        text, tokens = self._pieces.add(token, said)
        if self._pieces.stopped or (guide is not None and guide.over):
            self._finish("stop", text, tokens)
        elif self.count >= self.ticket.limit:
            self._finish("length", text, tokens)
        elif text:
            self.ticket.tell([Delta(text, tokens)])

    def end(self) -> None:
        """No more tokens come: the window is full, or the search is over."""
        if not self.over and not self.ticket.cancelled:
            self._finish("stop" if self.count < self.ticket.limit else "length")

    def _finish(self, reason: Reason, text: str = "", tokens: tuple[Token, ...] = ()) -> None:
        """Hand over what is left, and say why it ends."""
        rest, more = self._pieces.flush()
        if self._pieces.stopped:
            reason = "stop"
        said: list[Event] = [Delta(text + rest, tokens + more)] if text + rest else []
        calls = self._calls() if reason == "stop" else []
        if calls:
            said, reason = [*said, *calls], "tool_calls"
        self.over = self.ticket.done = True
        usage = Usage(len(self.ticket.prompt.ids), self.count)
        self.ticket.tell([*said, usage, Finish(reason)])

    def _calls(self) -> list[ToolCall]:
        """Tools that the model asks for, where some were on offer."""
        if not self.ticket.request.tools:
            return []
        return tool_calls.find(self.network.decode(self.ids[len(self.ticket.prompt.ids) :]))
