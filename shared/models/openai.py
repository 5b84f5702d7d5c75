"""Servers that speak the OpenAI protocol: vLLM, SGLang, Ollama, llama.cpp, LM Studio, `transformers serve`, hosted ones."""

import json
import re
from collections.abc import AsyncIterator, Sequence
from contextlib import aclosing
from typing import Any, cast
from urllib.parse import urlsplit

from shared.errors import PlaygroundError
from shared.models.choices import Choices, follow, read_tokens
from shared.models.echoes import score_each, tokens_of
from shared.models.http import Endpoint, FailedError
from shared.models.protocol import Decoding, Event, Request, Scored, Start, Timeouts, Token
from shared.models.sse import MalformedError

# A server that refuses one of these is asked again without it: the answer stays the same.
DISPENSABLE = ("stream_options", "repeat_penalty", "max_tokens")


class OpenAi:
    """A model behind `/v1/chat/completions` and `/v1/completions`.

    What differs from its neutral value is sent under the names that vLLM, SGLang, llama.cpp and LM Studio have for it: `top_k`,
    `min_p`, `repetition_penalty` (also as `repeat_penalty`), beams as `use_beam_search` and `n`. A server that refuses one says
    so, and the answer is a Failure with its words; one that ignores it (Ollama does) cannot be told from one that obeys.
    The seed is sent when the temperature is above 0.
    """

    def __init__(self, ref: str, url: str, model: str, key: str = "") -> None:
        """A model.

        Args:
            ref: Its name here.
            url: The server's address up to and including `/v1`, which may be left out when there is no path at all.
            model: The model as the server names it.
            key: Sent to this address alone.

        Raises:
            PlaygroundError: The address or the key cannot be used.
        """
        bare = not urlsplit(url).path.strip("/")
        self._endpoint = Endpoint(ref, url.rstrip("/") + ("/v1" if bare else ""), key)
        self._ref = ref
        self._model = model
        self._refused: frozenset[str] = frozenset()

    def __repr__(self) -> str:
        return f"OpenAi({self._ref!r}, {self._endpoint.url!r}, {self._model!r})"

    @property
    def ref(self) -> str:
        """The name it was given."""
        return self._ref

    async def stream(self, request: Request, timeouts: Timeouts) -> AsyncIterator[Event]:
        """The events of one answer.

        Args:
            request: Messages go to `/chat/completions`, a text to `/completions`.
            timeouts: `connect` counts here.

        Yields:
            As the protocol says; usage where the server tells it.
        """
        path = "/completions" if request.text else "/chat/completions"
        try:
            while True:
                without = self._refused
                try:
                    async with aclosing(cast(Any, self._answer(path, request, timeouts, without))) as events:
                        async for event in events:
                            yield event
                    return
                except FailedError as error:
                    self._refused |= _spare(error, without)  # raises the error when there is nothing to spare
        except FailedError as error:
            yield error.failure

    async def _answer(
        self, path: str, request: Request, timeouts: Timeouts, without: frozenset[str]
    ) -> AsyncIterator[Event]:
        body = build(self._endpoint, self._model, request, without)
        async with self._endpoint.ask(path, body, timeouts) as response:
            yield Start(self._model, request.text)
            async with aclosing(
                cast(Any, follow(self._endpoint, response, Choices(self._endpoint, request), timeouts))
            ) as events:
                async for event in events:
                    yield event

    async def models(self) -> list[str]:
        """The models that the server offers, as it names them.

        Raises:
            PlaygroundError: It does not say, in its words.
        """
        try:
            body = await self._endpoint.fetch("/models", None, Timeouts(total=30))
        except FailedError as error:
            raise PlaygroundError(error.failure.message) from None
        rows = body.get("data") if isinstance(body, dict) else None
        if not isinstance(rows, list):
            raise PlaygroundError(self._endpoint.say(f"/models gave no list of models: {json.dumps(body)}"))
        return [str(row["id"]) for row in rows if isinstance(row, dict) and row.get("id")]

    async def score(self, texts: Sequence[str], contexts: Sequence[str] = ()) -> list[Scored]:
        """Log-probabilities of texts, where the server echoes prompts with theirs: vLLM does.

        Args:
            texts: What to score.
            contexts: What precedes each text; none, or as many as texts.

        Raises:
            PlaygroundError: The server cannot, in its words.
        """
        return await score_each(self._echo, texts, contexts)

    async def _echo(self, text: str) -> tuple[list[Token], bool]:
        """A text's tokens, and whether the first has a log-probability."""
        # one token more, as lm-eval has it: not every server accepts none
        body = {"model": self._model, "prompt": text, "max_tokens": 1, "temperature": 0, "echo": True, "logprobs": 1}
        try:
            answer = await self._endpoint.fetch("/completions", body)
            logprobs = answer["choices"][0]["logprobs"]
            made = (answer.get("usage") or {}).get("completion_tokens", 1)
            tokens = list(read_tokens(logprobs))
            known = [value is not None for value in logprobs["token_logprobs"]]
            return tokens_of(text, tokens[: len(tokens) - made], known)
        except FailedError as error:
            raise PlaygroundError(f"Texts cannot be scored here. {error.failure.message}") from None
        except (KeyError, IndexError, TypeError, ValueError, AttributeError, MalformedError) as error:
            words = f"texts cannot be scored here: the server does not echo log-probabilities ({error})"
            raise PlaygroundError(self._endpoint.say(words)) from None

    async def close(self) -> None:
        """Nothing is kept open between answers."""


def _spare(error: FailedError, without: frozenset[str]) -> frozenset[str]:
    """What to leave out next time.

    Raises:
        FailedError: The same, when nothing was refused that can be left out.
    """
    words = error.failure.message if error.status in {400, 422} else ""
    named = frozenset(name for name in DISPENSABLE if re.search(rf"\b{name}\b", words))
    if "max_completion_tokens" not in words:  # that max_tokens are too many is no reason to ask again
        named -= {"max_tokens"}
    if not named - without:
        raise error
    return named


def read_schema(endpoint: Endpoint, text: str) -> Any:
    """A JSON Schema.

    Args:
        endpoint: Who asks.
        text: The schema as JSON.

    Raises:
        FailedError: It is no JSON object.
    """
    try:
        schema = json.loads(text)
    except ValueError as error:
        raise endpoint.fail("refused", f"the JSON Schema is no JSON: {error}") from None
    if not isinstance(schema, dict):
        raise endpoint.fail("refused", f"the JSON Schema is no JSON object but {text[:60]}")
    return schema


def form(endpoint: Endpoint, text: str) -> dict[str, Any]:
    """A JSON Schema as the `response_format` of the protocol.

    Args:
        endpoint: Who asks.
        text: The schema as JSON.

    Raises:
        FailedError: It is no JSON object.
    """
    schema = {"name": "answer", "schema": read_schema(endpoint, text), "strict": True}
    return {"type": "json_schema", "json_schema": schema}


def build(endpoint: Endpoint, model: str, request: Request, without: frozenset[str] = frozenset()) -> dict[str, Any]:
    """A request in the protocol's words.

    Args:
        endpoint: Who asks.
        model: The model as the server names it.
        request: What is asked.
        without: Fields to leave out; without max_tokens, max_completion_tokens stands in its place.

    Raises:
        FailedError: The JSON Schema is no JSON.
    """
    asked = request.decoding
    body: dict[str, Any] = {"model": model, "stream": True, "temperature": asked.temperature}
    if request.text:
        body["prompt"] = request.text
    else:
        body["messages"] = [{"role": message.role, "content": message.content} for message in request.messages]
    body["stream_options"] = {"include_usage": True}
    body["max_completion_tokens" if "max_tokens" in without else "max_tokens"] = asked.max_new_tokens
    if request.logprobs >= 0:
        chat = {"logprobs": True, "top_logprobs": request.logprobs}
        body |= {"logprobs": request.logprobs} if request.text else chat
    if request.tools:
        body["tools"] = list(request.tools)
    body |= _settings(endpoint, asked)
    return {name: value for name, value in body.items() if name not in without}


def _settings(endpoint: Endpoint, asked: Decoding) -> dict[str, Any]:
    """What is not neutral."""
    settings: dict[str, Any] = {}
    if asked.temperature > 0:
        settings["seed"] = asked.seed
    if asked.top_p < 1:
        settings["top_p"] = asked.top_p
    if asked.top_k:
        settings["top_k"] = asked.top_k
    if asked.min_p:
        settings["min_p"] = asked.min_p
    if asked.repetition_penalty != 1:
        settings |= {"repetition_penalty": asked.repetition_penalty, "repeat_penalty": asked.repetition_penalty}
    if asked.beams > 1:
        settings |= {"use_beam_search": True, "n": asked.beams}
    if asked.stop:
        settings["stop"] = list(asked.stop)
    if asked.json_schema:
        settings["response_format"] = form(endpoint, asked.json_schema)
    return settings
