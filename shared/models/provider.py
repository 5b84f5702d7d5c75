"""Models that Hugging Face's Inference Providers, or an Inference Endpoint, answer for."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any, cast

from shared.errors import PlaygroundError
from shared.models import openai, tgi
from shared.models.choices import Choices, follow
from shared.models.http import Endpoint, FailedError
from shared.models.openai import form
from shared.models.protocol import Event, Request, Scored, Start, Timeouts


@dataclass(frozen=True)
class _Prepared:
    """What is sent where."""

    url: str
    body: Any
    headers: dict[str, str]


class Provider:
    """A model behind `huggingface_hub.InferenceClient`.

    The client knows which provider has the model, its address and its dialect, and makes the request; it is sent and read here.
    Temperature, top-p, stop texts, seed, log-probabilities, JSON Schema and tools have names of their own in its interface; top-k,
    min-p and repetition penalty are sent beside them, and a provider that knows them not says so.
    """

    # huggingface_hub 2.4.0: AsyncInferenceClient loses the body of a 422, makes U+FFFD of invalid UTF-8, follows redirects, does
    # not tell a connection that breaks from the end of an answer, and falls back to the login kept on this machine when it
    # has no token. So only its request is taken, at `_inner_post`, the one place through which every request goes.

    def __init__(self, ref: str, model: str, token: str = "", provider: str = "auto", endpoint: str = "") -> None:
        """A model.

        Args:
            ref: Its name here.
            model: Its name on the Hub.
            token: A Hugging Face token, or the provider's own key. Sent to the router, that provider or the endpoint alone.
            provider: Which provider answers; "auto" leaves it to the router.
            endpoint: The address of an Inference Endpoint or another server, instead of a provider.

        Raises:
            PlaygroundError: There is neither token nor endpoint, or the endpoint is no address.
        """
        if not token and not endpoint:
            raise PlaygroundError(f"{ref}: Inference Providers need a Hugging Face token. Set HF_TOKEN.")
        Endpoint(ref, endpoint or "https://router.huggingface.co", token)  # says what is wrong with them
        self._ref = ref
        self._model = model
        self._token = token
        self._provider = provider
        self._url = endpoint.rstrip("/")

    def __repr__(self) -> str:
        return f"Provider({self._ref!r}, {self._model!r}, provider={self._provider!r}, endpoint={self._url!r})"

    @property
    def ref(self) -> str:
        """The name it was given."""
        return self._ref

    async def stream(self, request: Request, timeouts: Timeouts) -> AsyncIterator[Event]:
        """The events of one answer.

        Args:
            request: Messages ask for a chat completion, a text for text generation, which few providers offer.
            timeouts: `connect` counts here; it holds for asking the Hub who has the model, too.

        Yields:
            As the protocol says.
        """
        try:
            prepared = await self._prepare(request, timeouts)
            endpoint = Endpoint(self._ref, prepared.url, self._token)
            async with endpoint.ask("", prepared.body, timeouts, prepared.headers) as response:
                yield Start(self._model, request.text)
                async with aclosing(
                    cast(Any, follow(endpoint, response, _Either(endpoint, request), timeouts))
                ) as events:
                    async for event in events:
                        yield event
        except FailedError as error:
            yield error.failure

    async def _prepare(self, request: Request, timeouts: Timeouts) -> _Prepared:
        """The request as the client makes it.

        Raises:
            FailedError: The client refuses it, or cannot find out who has the model.
        """
        import httpx2
        from huggingface_hub.errors import HfHubHTTPError

        endpoint = Endpoint(self._ref, self._url or "https://router.huggingface.co", self._token)
        arguments = {"prompt": request.text, "details": True} if request.text else _chat(request, endpoint)
        try:
            async with asyncio.timeout(timeouts.connect):  # in a thread: it may ask the Hub, and waits while it does
                return await asyncio.to_thread(self._made, request, arguments)
        except TimeoutError:
            words = f"the Hub did not say within {timeouts.connect:g} s who has {self._model}"
            raise endpoint.fail("connect", words) from None
        except HfHubHTTPError as error:
            raise endpoint.fail("refused", str(error)) from None
        except (httpx2.HTTPError, OSError) as error:
            raise endpoint.fail("connect", f"the Hub cannot be asked who has {self._model} ({error})") from None
        except (ValueError, TypeError) as error:
            raise endpoint.fail("refused", str(error)) from None

    def _made(self, request: Request, arguments: dict[str, Any]) -> _Prepared:
        from huggingface_hub import AsyncInferenceClient

        taken: list[Any] = []

        class Client(AsyncInferenceClient):
            async def _inner_post(self, request_parameters: Any, *, stream: bool = False) -> Any:
                taken.append(request_parameters)
                return ()  # the lines of the answer, which nobody reads

        # without a token the client would send the one kept on this machine: no header, no token
        no_token = {} if self._token else {"authorization": None}
        client = Client(
            model=self._url or None,
            provider=None if self._url else cast(Any, self._provider),
            token=self._token or None,
            headers=cast(Any, no_token),
        )
        method = client.text_generation if request.text else client.chat_completion
        model = None if request.text and self._url else self._model
        asyncio.run(cast(Any, method(**arguments, model=model, stream=True)))
        (made,) = taken
        headers = {name: value for name, value in made.headers.items() if name != "authorization"}
        if request.text:  # of which the client knows TGI's words alone, whatever the provider speaks
            endpoint = Endpoint(self._ref, made.url, self._token)
            speaks_openai = "prompt" in made.json
            body = (
                openai.build(endpoint, made.model, request)
                if speaks_openai
                else tgi.build(endpoint, request.text, request)
            )
            return _Prepared(made.url, body, headers)
        if self._url and arguments.get("response_format"):
            # for an endpoint the client writes what TGI alone understands, and not as its document has it; this is for both
            form = arguments["response_format"]
            made.json["response_format"] = form | {"value": form["json_schema"]}
        return _Prepared(made.url, made.json, headers)

    async def score(self, texts: Sequence[str], contexts: Sequence[str] = ()) -> list[Scored]:
        """Not offered by any provider.

        Args:
            texts: Any.
            contexts: Any.

        Raises:
            PlaygroundError: Always.
        """
        raise PlaygroundError(
            f"{self._ref} cannot score texts: Inference Providers give no log-probabilities of prompts. Use a local model."
        )

    async def close(self) -> None:
        """Nothing is kept open between answers."""


class _Either:
    """Reads the protocol of OpenAI or of TGI, whichever the provider speaks."""

    def __init__(self, endpoint: Endpoint, request: Request) -> None:
        self._choices = Choices(endpoint, request)
        self._tokens = tgi.Tokens(endpoint, request)
        self._reader: Choices | tgi.Tokens = self._choices

    @property
    def ended(self) -> bool:
        """Whether the answer is complete."""
        return self._reader.ended

    @property
    def complete(self) -> bool:
        """Whether nothing is missing."""
        return self._reader.complete

    def read(self, body: Any) -> Any:
        """The events in one JSON document."""
        self._reader = self._tokens if "token" in body else self._choices
        return self._reader.read(body)

    def finish(self) -> Any:
        """What remains to be said."""
        return self._reader.finish()


def _chat(request: Request, endpoint: Endpoint) -> dict[str, Any]:
    """The arguments of `chat_completion`."""
    asked = request.decoding
    extra: dict[str, Any] = {}
    for name, value, neutral in (
        ("top_k", asked.top_k, 0),
        ("min_p", asked.min_p, 0),
        ("repetition_penalty", asked.repetition_penalty, 1),
    ):
        if value != neutral:
            extra[name] = value
    if asked.beams > 1:
        raise endpoint.fail("refused", "Inference Providers have no beam search. Set beams to 1.")
    told = request.logprobs >= 0
    return {
        "messages": [{"role": message.role, "content": message.content} for message in request.messages],
        "max_tokens": asked.max_new_tokens,
        "temperature": asked.temperature,
        "top_p": asked.top_p if asked.top_p < 1 else None,
        "seed": asked.seed if asked.temperature > 0 else None,
        "stop": list(asked.stop) or None,
        "logprobs": told or None,
        "top_logprobs": request.logprobs if told else None,
        "response_format": form(endpoint, asked.json_schema) if asked.json_schema else None,
        "tools": list(request.tools) or None,
        "stream_options": {"include_usage": True},
        "extra_body": extra or None,
    }
