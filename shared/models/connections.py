"""Clients for served models: one for each model, made when it is first asked, each with the key of its own server alone."""

from collections.abc import Callable
from threading import Lock

from shared.env import Environment
from shared.errors import PlaygroundError
from shared.models.protocol import Backend
from shared.models.servers import Server, find
from shared.policy import Caller
from shared.refs import Ref

HUB = "https://huggingface.co"


class Connections:
    """Clients. Any thread may use it; nothing is sent before a model is asked.

    Args:
        environment: Holds the key of Hugging Face.
        servers: Gives the declared servers by alias.
    """

    def __init__(self, environment: Environment, servers: Callable[[], dict[str, Server]]) -> None:
        self.environment = environment
        self._servers = servers
        self._made: dict[tuple[str, str], Backend] = {}
        self._making = Lock()

    def find(self, ref: Ref, caller: Caller) -> Backend:
        """The client for a served model; one for everybody, as its connections are.

        Args:
            ref: openai:alias/model, tgi:alias, provider:owner/name or provider:owner/name:provider.
            caller: Whose key goes to Inference Providers when the server has none.

        Raises:
            PlaygroundError: There is no such server, or a key is needed and there is none.
        """
        token = self._token(ref, caller) if ref.scheme == "provider" else ""
        with self._making:
            made = self._made.get((str(ref), token))
            if made is None:
                made = self._made[str(ref), token] = self._connect(ref, token)
            return made

    def take(self) -> list[Backend]:
        """Every client that was made; they are the caller's to close."""
        with self._making:
            made, self._made = list(self._made.values()), {}
        return made

    def _connect(self, ref: Ref, token: str) -> Backend:
        if ref.scheme == "provider":
            from shared.models.provider import Provider

            model, _, provider = ref.name.partition(":")
            return Provider(str(ref), model, token, provider or "auto")
        alias, _, model = ref.name.partition("/")
        server = find(self._servers(), ref.scheme, alias, str(ref))
        if ref.scheme == "tgi":
            from shared.models.tgi import Tgi

            return Tgi(str(ref), server.url, server.key, server.models[0] if server.models else "")
        from shared.models.openai import OpenAi

        return OpenAi(str(ref), server.url, model, server.key)

    def _token(self, ref: Ref, caller: Caller) -> str:
        """The key for Inference Providers, which are Hugging Face's: another Hub's key is not for them."""
        if self.environment.hub_endpoint != HUB:
            raise PlaygroundError(
                f"'{ref}': HF_TOKEN belongs to {self.environment.hub_endpoint}, and Inference Providers want a key of"
                f" {HUB}. Set HF_ENDPOINT to that, or declare the server in PLAYGROUND_SERVERS."
            )
        return caller.token or self.environment.hub_token
