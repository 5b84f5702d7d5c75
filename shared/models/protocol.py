"""The one protocol between apps and language models: what is asked, the events of an answer, and what a backend can do."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal, Protocol

from pydantic import ConfigDict, Field

from shared.settings import Advanced

Role = Literal["system", "user", "assistant", "tool"]
Reason = Literal["stop", "length", "tool_calls", "content_filter"]
Kind = Literal[
    "connect",  # nobody answers at that address, or the connection could not be made in time
    "first_token",  # connected, but nothing came in time
    "inter_token",  # it began to answer, then fell silent
    "total",  # it answered for longer than is allowed
    "truncated",  # the stream ended without saying that the answer is complete
    "empty",  # a complete answer without a single token or tool call
    "refused",  # the request cannot be served as it is: unknown model, too long, wrong settings, no key (4xx)
    "overloaded",  # too many requests: 429, or 503; try again after `retry_after`
    "server",  # the server failed (5xx), or said so in the stream
    "malformed",  # not the protocol: HTML, invalid JSON
    "memory",  # out of memory
]


@dataclass(frozen=True)
class Message:
    """One message of a conversation.

    Attributes:
        role: Who speaks.
        content: What is said.
    """

    __pydantic_config__ = ConfigDict(extra="forbid")

    role: Role
    content: str


@dataclass(frozen=True)
class Decoding:
    """How an answer is drawn from the model's probabilities.

    Attributes:
        max_new_tokens: In tokens; a longer answer is cut there.
        temperature: 0 takes the likeliest token every time (greedy); 1 draws by the model's own probabilities.
        top_p: Draw from the likeliest tokens that together have this probability; 1 draws from all (Holtzman et al. 2020).
        top_k: Draw from this many of the likeliest tokens; 0 draws from all.
        min_p: Leave out tokens less likely than this share of the likeliest one's probability (Nguyen et al. 2024).
        repetition_penalty: Above 1, tokens that stand in prompt or answer already become less likely (Keskar et al. 2019).
        beams: Beam search over this many continuations when above 1; needs temperature 0.
        seed: The same seed, settings and model give the same answer where the backend can promise it.
        stop: Texts that end the answer; they are not part of it.
        json_schema: A JSON Schema, as text, that the answer must follow, where the server can enforce it.
    """

    __pydantic_config__ = ConfigDict(extra="forbid")

    max_new_tokens: Annotated[int, Field(ge=1, le=32768)] = 256
    temperature: Annotated[float, Field(ge=0, le=5)] = 0.7
    top_p: Annotated[float, Field(gt=0, le=1), Advanced] = 1.0
    top_k: Annotated[int, Field(ge=0, le=1000), Advanced] = 0
    min_p: Annotated[float, Field(ge=0, le=1), Advanced] = 0.0
    repetition_penalty: Annotated[float, Field(gt=0, le=5), Advanced] = 1.0
    beams: Annotated[int, Field(ge=1, le=16), Advanced] = 1
    seed: Annotated[int, Field(ge=0, le=2**31 - 1), Advanced] = 0
    stop: Annotated[list[str], Field(max_length=16), Advanced] = field(default_factory=list)
    json_schema: Annotated[str, Advanced] = ""


GREEDY = Decoding(temperature=0.0)


@dataclass(frozen=True)
class Request:
    """What a model is asked.

    Attributes:
        messages: The conversation so far, oldest first; the backend or its server applies the chat template.
        decoding: How the answer is drawn.
        text: Continue this text as it is, with no template; given instead of messages.
        logprobs: Report the log-probability of every token, and this many alternatives beside it; -1 reports none.
        tools: Tools on offer, in OpenAI's form; calls are reported, never run.
    """

    messages: tuple[Message, ...] = ()
    decoding: Decoding = Decoding()
    text: str = ""
    logprobs: int = -1
    tools: tuple[dict[str, Any], ...] = ()


@dataclass(frozen=True)
class Token:
    """One token of an answer or of a text.

    Attributes:
        text: What it reads.
        id: Its number in the vocabulary; -1 when the server does not say.
        logprob: Natural logarithm of its probability.
        top: The likeliest tokens at its place with their log-probabilities, likeliest first.
    """

    text: str
    id: int
    logprob: float
    top: tuple[tuple[str, float], ...] = ()


@dataclass(frozen=True)
class Start:
    """The request was taken.

    Attributes:
        model: Which model answers, as the backend names it.
        prompt: The prompt as sent, chat template applied; "" when the server applies it out of sight.
    """

    model: str
    prompt: str = ""


@dataclass(frozen=True)
class Delta:
    """A piece of the answer.

    Attributes:
        text: The piece; never half a character.
        tokens: Its tokens, when log-probabilities were asked for and the backend can tell.
    """

    text: str
    tokens: tuple[Token, ...] = ()


@dataclass(frozen=True)
class ToolCall:
    """The model asks for a tool. Shown, never run.

    Attributes:
        name: The tool.
        arguments: Its arguments, as the JSON text that the model wrote.
        id: The server's name for the call.
    """

    name: str
    arguments: str
    id: str = ""


@dataclass(frozen=True)
class Usage:
    """What the answer took, in tokens, as the backend counts them."""

    prompt_tokens: int
    answer_tokens: int


@dataclass(frozen=True)
class Finish:
    """The answer is complete, and why it ends: end token or stop text, the length limit, tool calls, a filter."""

    reason: Reason


@dataclass(frozen=True)
class Failure:
    """The answer is not complete.

    Attributes:
        kind: What went wrong.
        message: In words, with the server's own where it gave any.
        retry_after: Seconds after which the server wants to be asked again.
    """

    kind: Kind
    message: str
    retry_after: float | None = None


Event = Start | Delta | ToolCall | Usage | Finish | Failure


@dataclass(frozen=True)
class Scored:
    """The log-probabilities of a text.

    Attributes:
        tokens: The text's tokens in order, each with its log-probability given all before it.
        first: Whether the first token has one too (it has when something precedes it: a context, or a begin token);
            when not, its `logprob` is 0 and must be left out.
        greedy: Whether every scored token was the likeliest at its place.
    """

    tokens: tuple[Token, ...]
    first: bool = True
    greedy: bool = False


@dataclass(frozen=True)
class Timeouts:
    """How long to wait, in seconds.

    Attributes:
        connect: Until the server takes the connection.
        first_token: From there until the first piece of the answer.
        inter_token: Between two pieces.
        total: For the whole answer.
    """

    connect: float = 10.0
    first_token: float = 120.0
    inter_token: float = 30.0
    total: float = 600.0


class Backend(Protocol):
    """One model that can be asked."""

    @property
    def ref(self) -> str:
        """The model's ref, adapter included."""
        ...

    def stream(self, request: Request, timeouts: Timeouts) -> AsyncIterator[Event]:
        """The events of one answer: an async generator that yields Start first and Finish or Failure last.

        Closing it (or cancelling the task that iterates it) ends the work, here and on the server, within 200 ms.
        A backend enforces `timeouts.connect` itself; `shared.models.streams` enforces the others, and turns an end
        without Finish into a Failure. Nothing is raised for what a server or network does: that is a Failure.
        """
        ...

    async def score(self, texts: Sequence[str], contexts: Sequence[str] = ()) -> list[Scored]:
        """Log-probabilities of the tokens of each text.

        Args:
            texts: What to score.
            contexts: What precedes each text and is not scored; none, or as many as texts. Context and text are
                tokenised together; the context's own number of tokens is cut off (as lm-eval does).

        Raises:
            PlaygroundError: This backend cannot score, or a text is longer than the model's window.
        """
        ...

    async def close(self) -> None:
        """Give connections or memory back; it is not used any more."""
        ...
