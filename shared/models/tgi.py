"""Text Generation Inference by its own routes: token ids, log-probabilities, seeds and the prompt as the template makes it."""

import json
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from functools import partial
from typing import Any, cast

from shared.errors import PlaygroundError
from shared.models.choices import REASONS, follow
from shared.models.echoes import score_each, tokens_of
from shared.models.http import Endpoint, FailedError
from shared.models.openai import OpenAi, read_schema
from shared.models.protocol import Decoding, Event, Finish, Reason, Request, Scored, Start, Timeouts, Token, Usage
from shared.models.sse import MalformedError
from shared.models.stops import Cut, whole


@dataclass(frozen=True)
class Info:
    """What a TGI server says about itself.

    Attributes:
        model: The model that it serves.
        prompt_tokens: Longest prompt.
        tokens: Longest prompt and answer together.
        version: Of the server.
    """

    model: str
    prompt_tokens: int
    tokens: int
    version: str


class Tgi:
    """The model of a TGI server, or one of its LoRA adapters, which a `+name` at the end of the ref names.

    A text goes to `/generate_stream` as it is. Messages are first turned into the prompt by `/chat_tokenize`, so that it can be
    shown and every setting holds (`/v1/chat/completions` knows no top_k, repetition penalty or adapter, gives no token ids, and
    no usage before TGI 3); that route serves tools, and servers without `/chat_tokenize`.
    TGI's seeds begin at 1: seed n is sent as n + 1. It has no min_p and no beams.
    """

    # text-generation 0.7.0 gives the requests and answers their checked form. Its AsyncClient sends nothing here: it posts to
    # "/", loses status and Retry-After of an error, fails on errors that are not JSON, has one time-out for everything, cannot
    # name an adapter, and lets a broken stream look like a whole answer.

    def __init__(self, ref: str, url: str, key: str = "", model: str = "") -> None:
        """The model of a server.

        Args:
            ref: Its name here.
            url: The server's address.
            key: Sent to this address alone.
            model: The model's name, shown when an answer begins; the ref when empty.

        Raises:
            PlaygroundError: The address or the key cannot be used.
        """
        import text_generation  # noqa: F401 half a second, better here than in the event loop

        self._endpoint = Endpoint(ref, url.rstrip("/").removesuffix("/v1"), key)
        self._openai = OpenAi(ref, self._endpoint.url + "/v1", model or "tgi", key)
        self._ref = ref
        self._model = model
        self._adapter = ref.rpartition("+")[2] if "+" in ref else ""

    def __repr__(self) -> str:
        return f"Tgi({self._ref!r}, {self._endpoint.url!r})"

    @property
    def ref(self) -> str:
        """The name it was given."""
        return self._ref

    async def stream(self, request: Request, timeouts: Timeouts) -> AsyncIterator[Event]:
        """The events of one answer.

        Args:
            request: A text, or messages.
            timeouts: `connect` counts here.

        Yields:
            As the protocol says; Start has the prompt as the template makes it.
        """
        try:
            prompt = None if request.tools else await self._prompt(request, timeouts)
            route = self._openai.stream if prompt is None else partial(self._answer, prompt)
            async with aclosing(cast(Any, route(request, timeouts))) as events:
                async for event in events:
                    yield event
        except FailedError as error:
            yield error.failure

    async def _answer(self, prompt: str, request: Request, timeouts: Timeouts) -> AsyncIterator[Event]:
        body = build(self._endpoint, prompt, request, self._adapter)
        async with self._endpoint.ask("/generate_stream", body, timeouts) as response:
            yield Start(self._model or self._ref, prompt)
            reader = Tokens(self._endpoint, request)
            async with aclosing(cast(Any, follow(self._endpoint, response, reader, timeouts))) as events:
                async for event in events:
                    yield event

    async def _prompt(self, request: Request, timeouts: Timeouts) -> str | None:
        """The prompt as sent; None when the server cannot tell it."""
        if request.text:
            return request.text
        messages = [{"role": message.role, "content": message.content} for message in request.messages]
        try:
            answer = await self._endpoint.fetch("/chat_tokenize", {"messages": messages}, timeouts)
            text = str(answer["templated_text"])
            tokens = answer["tokenize_response"]
        except FailedError as error:
            if error.status in {404, 405}:
                return None
            raise
        except (KeyError, TypeError):
            return None
        # /generate_stream puts a begin token before every prompt; the template has put its own
        begin = tokens[0].get("text", "") if isinstance(tokens, list) and tokens else ""
        return text[len(begin) :] if self._begins(begin) and text.startswith(begin) else text

    @staticmethod
    def _begins(token: str) -> bool:
        """Whether a token's text looks like a begin token, such as <s>, <bos> or <|begin_of_text|>."""
        return token.lower().strip("<>|[]") in {"s", "bos", "begin_of_text", "startoftext", "begin_of_sentence"}

    async def info(self) -> Info:
        """What the server says about itself.

        Raises:
            PlaygroundError: It does not answer, or is no TGI server.
        """
        try:
            body = await self._endpoint.fetch("/info", None, Timeouts(total=30))
            return Info(
                str(body["model_id"]),
                int(body["max_input_tokens"]),
                int(body["max_total_tokens"]),
                str(body["version"]),
            )
        except FailedError as error:
            raise PlaygroundError(error.failure.message) from None
        except (KeyError, TypeError, ValueError):
            words = f"/info has not what a TGI server says about itself: {json.dumps(body)}"
            raise PlaygroundError(self._endpoint.say(words)) from None

    async def score(self, texts: Sequence[str], contexts: Sequence[str] = ()) -> list[Scored]:
        """Log-probabilities of texts, where the server was started with `--enable-prefill-logprobs`.

        TGI names no alternatives, so that a token counts as the likeliest only with more than half of all probability.

        Args:
            texts: What to score.
            contexts: What precedes each text; none, or as many as texts.

        Raises:
            PlaygroundError: The server cannot, in its words.
        """
        return await score_each(self._prefill, texts, contexts)

    async def _prefill(self, text: str) -> tuple[list[Token], bool]:
        """A text's tokens, and whether the first has a log-probability."""
        try:
            asked = Request(text=text, decoding=Decoding(max_new_tokens=1, temperature=0))
            answer = await self._endpoint.fetch("/generate", build(self._endpoint, text, asked, score_it=True))
            prefill = answer["details"]["prefill"]
            tokens = [Token(str(one["text"]), int(one["id"]), float(one["logprob"] or 0)) for one in prefill]
            return tokens_of(text, tokens, [one["logprob"] is not None for one in prefill])
        except FailedError as error:
            raise PlaygroundError(f"Texts cannot be scored here. {error.failure.message}") from None
        except (KeyError, TypeError, ValueError) as error:
            words = f"texts cannot be scored here: the server gives no log-probabilities of prompts ({error})"
            raise PlaygroundError(self._endpoint.say(words)) from None

    async def close(self) -> None:
        """Nothing is kept open between answers."""


def build(
    endpoint: Endpoint, prompt: str, request: Request, adapter: str = "", score_it: bool = False
) -> dict[str, Any]:
    """A request in TGI's words, checked by the client's own types.

    Args:
        endpoint: Who asks.
        prompt: The text as sent.
        request: What is asked.
        adapter: The LoRA adapter, as the server names it; "" for none.
        score_it: Ask for the log-probabilities of the prompt, and for no stream.

    Raises:
        FailedError: TGI cannot do what is asked.
    """
    import pydantic
    from text_generation import errors, types

    asked = request.decoding
    for name, value, neutral in (("min_p", asked.min_p, 0), ("beams", asked.beams, 1)):
        if value != neutral:
            raise endpoint.fail("refused", f"TGI has no {name}. Set it to {neutral}.")
    sampled = asked.temperature > 0
    schema = read_schema(endpoint, asked.json_schema) if asked.json_schema else None
    try:
        parameters = types.Parameters(
            do_sample=sampled,
            max_new_tokens=asked.max_new_tokens,
            repetition_penalty=asked.repetition_penalty if asked.repetition_penalty != 1 else None,
            stop=list(asked.stop),
            seed=asked.seed + 1 if sampled else None,
            temperature=asked.temperature if sampled else None,
            top_k=asked.top_k or None,
            top_p=asked.top_p if asked.top_p < 1 else None,
            details=True,
            decoder_input_details=score_it,
            top_n_tokens=request.logprobs if request.logprobs > 0 else None,
            grammar=types.Grammar(type=types.GrammarType.Json, value=schema) if schema else None,
        )
        body = types.Request(inputs=prompt, stream=not score_it, parameters=parameters)
    except (errors.ValidationError, pydantic.ValidationError) as error:
        raise endpoint.fail("refused", str(error)) from None
    sent: dict[str, Any] = body.model_dump(mode="json", exclude_none=True)
    if adapter:
        sent["parameters"]["adapter_id"] = adapter
    return sent


class Tokens:
    """Reads the events of `/generate_stream`: one token each."""

    def __init__(self, endpoint: Endpoint, request: Request) -> None:
        """Nothing read yet.

        Args:
            endpoint: Whose answer it is; its key is masked, should the server echo it.
            request: Its stop texts are cut off: TGI leaves them in the answer.
        """
        self._told = request.logprobs >= 0
        self._top = max(request.logprobs, 0)
        self._cut = Cut(request.decoding.stop, endpoint.key)
        self._most = request.decoding.max_new_tokens
        self._count = 0
        self._usage: Usage | None = None
        self._reason: Reason | None = None

    @property
    def ended(self) -> bool:
        """Whether the last token came, or a stop text did."""
        return self._reason is not None or self._cut.stopped

    @property
    def complete(self) -> bool:
        """Whether the last token came: it has the usage with it."""
        return self._reason is not None

    def read(self, body: Any) -> Iterator[Event]:
        """The events in one token.

        Args:
            body: The JSON object.

        Raises:
            MalformedError: It is no token.
        """
        import pydantic
        from text_generation.types import StreamResponse

        try:
            sent = StreamResponse(**body)
        except (pydantic.ValidationError, TypeError) as error:
            raise MalformedError(f"no token of TGI: {json.dumps(body)} ({type(error).__name__})") from None
        self._count += 1
        if self._cut.stopped:  # the server goes on behind the stop text
            self._reason = "stop"
        if not sent.token.special:
            yield from self._cut.feed(sent.token.text, [self._token(sent)] if self._told else [])
        if sent.details is not None:
            self._reason = REASONS[sent.details.finish_reason.value]
            asked = body["details"].get("input_length")  # which the client's type leaves out
            if isinstance(asked, int):
                self._usage = Usage(asked, sent.details.generated_tokens)
        elif self._count > self._most + 1 and self._reason is None:  # the server ignores the limit
            self._reason = "length"

    def _token(self, sent: Any) -> Token:
        others = sorted(sent.top_tokens or (), key=lambda other: -(other.logprob or 0.0))
        top = tuple((whole(other.text), other.logprob or 0.0) for other in others[: self._top])
        return Token(whole(sent.token.text), sent.token.id, sent.token.logprob or 0.0, top)

    def finish(self) -> Iterator[Event]:
        """Usage, and the reason.

        Yields:
            Finish is the last.
        """
        yield from self._cut.flush()
        if self._usage is not None:
            yield self._usage
        yield Finish("stop" if self._cut.stopped else self._reason or "stop")
