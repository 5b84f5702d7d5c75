"""A server of the OpenAI protocol whose models answer what a test tells them to."""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from tests.openai_server import WORD, Served

Tell = Callable[[str], str | Iterable[str]]


class ToldServer(Served):
    """Every model answers by a function of the last message: a text, streamed word by word, or its pieces, which may never end.

    Attributes:
        models: By the model's name, what it answers; None for a model that the server says it does not have.
    """

    def __init__(self, models: Mapping[str, Tell | None]) -> None:
        super().__init__()
        self.models = models

    def declared(self, alias: str) -> str:
        """What PLAYGROUND_SERVERS has to hold so that the product knows this server and its models."""
        return f"{alias}=openai@{self.url}/v1#{','.join(self.models)}"

    def refuse(self, path: str, body: Any) -> tuple[int, Any] | None:
        if self.models.get(body["model"]):
            return None
        return 404, {"error": {"message": f"The model `{body['model']}` does not exist", "code": "model_not_found"}}

    def plain(self, path: str, body: Any) -> Any:
        return None

    def pieces(self, path: str, body: Any) -> Iterator[bytes]:
        tell = self.models[body["model"]]
        assert tell is not None
        told = tell(body["messages"][-1]["content"])
        count = 0
        for piece in WORD.findall(told) if isinstance(told, str) else told:
            count += 1
            yield event({"delta": {"content": piece}, "finish_reason": None}, body["model"])
        yield event({"delta": {}, "finish_reason": "stop"}, body["model"])
        if (body.get("stream_options") or {}).get("include_usage"):
            usage = {"prompt_tokens": 7, "completion_tokens": count}
            yield b"data: " + json.dumps({"choices": [], "usage": usage}).encode() + b"\n\n"
        yield b"data: [DONE]\n\n"


def event(choice: dict[str, Any], model: str) -> bytes:
    """One event of a stream, as the protocol writes it."""
    body = {"model": model, "choices": [{"index": 0} | choice]}
    return b"data: " + json.dumps(body, ensure_ascii=False).encode() + b"\n\n"
