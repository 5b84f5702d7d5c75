"""A Text Generation Inference server on this machine, held to TGI's own OpenAPI document where that lies beside the project."""

import json
from collections.abc import Iterator
from functools import cache
from typing import Any

from tests.conftest import SHARED
from tests.openai_server import WORD, OpenAiServer, Wish, stopped, words

DOCUMENT = SHARED / "data" / "tgi" / "tgi_openapi.json"
TEMPLATE = "<s>[INST] {} [/INST]"


class TgiServer(OpenAiServer):
    """TGI 3.3: every request and answer that its OpenAPI document describes is checked by it; faults are in `unusable`.

    Attributes:
        old: Whether it is from before /chat_tokenize.
        prefill: Whether it was started with --enable-prefill-logprobs.
    """

    def __init__(self) -> None:
        super().__init__()
        self.old = False
        self.prefill = True

    def get(self, path: str) -> Any:
        if path != "/info":
            return super().get(path)
        counts = (
            "max_concurrent_requests",
            "max_best_of",
            "max_stop_sequences",
            "validation_workers",
            "max_client_batch_size",
        )
        info: dict[str, Any] = {"model_id": "echo", "version": "3.3.6-dev0", "router": "text-generation-router"}
        info |= {"max_input_tokens": 1024, "max_total_tokens": 2048} | dict.fromkeys(counts, 4)
        return self.checked("Info", info)

    def refuse(self, path: str, body: Any) -> tuple[int, Any] | None:
        if path == "/chat_tokenize" and self.old:
            return 404, {"error": "no such route", "error_type": "not_found"}
        schema = {"/generate_stream": "GenerateRequest", "/generate": "GenerateRequest", "/": "CompatGenerateRequest"}
        name = schema.get(path) or ("CompletionRequest" if path.endswith("/v1/completions") else "ChatRequest")
        # the document has a list of prompts alone, the server takes one, too
        wrong = self.wrong(name, body | {"prompt": [body["prompt"]]} if "prompt" in body else body)
        if wrong:
            self.faults.unusable.append(f"{path}: {wrong}")
            return 422, self.checked(
                "ErrorResponse", {"error": f"Input validation error: {wrong}", "error_type": "validation"}
            )
        return None

    def plain(self, path: str, body: Any) -> Any:
        if path == "/chat_tokenize":
            text = TEMPLATE.format(body["messages"][-1]["content"])
            tokens = [{"id": 1, "text": "<s>", "start": 0, "stop": 3}]
            return self.checked("ChatTokenizeResponse", {"templated_text": text, "tokenize_response": tokens})
        if path == "/generate":
            asked = WORD.findall(body["inputs"])
            prefill = [{"id": 1, "text": "<s>", "logprob": None}]
            prefill += [{"id": 9, "text": word, "logprob": -0.5 * len(word)} for word in asked]
            details = {
                "finish_reason": "length",
                "generated_tokens": 1,
                "tokens": [],
                "prefill": prefill if self.prefill else [],
            }
            return self.checked("GenerateResponse", {"generated_text": "x", "details": details})
        return super().plain(path, body)

    def pieces(self, path: str, body: Any) -> Iterator[bytes]:
        if "/v1/" in path or self.script is not None:
            yield from super().pieces(path, body)
            return
        parameters = body["parameters"]
        prompt = body["inputs"].removeprefix("[INST] ").removesuffix(" [/INST]")
        wish = Wish(prompt, parameters["max_new_tokens"], parameters.get("stop", []), parameters.get("seed"))
        endless = self.faults.kind == "endless"
        answer: list[str] = []
        for word in words(wish, endless) if self.faults.kind != "empty" else ():
            answer.append(word)
            over = not endless and stopped(answer, wish)
            long = not endless and len(answer) >= wish.limit
            yield self._token(
                len(answer), word, body, answer if over or long else None, "stop_sequence" if over else "length"
            )
            if over or long:
                return
        yield self._token(len(answer) + 1, "</s>", body, answer, "eos_token")

    def _token(self, index: int, text: str, body: Any, whole: list[str] | None, reason: str) -> bytes:
        token = {"id": 7, "text": text, "logprob": -0.25, "special": text == "</s>"}
        sent: dict[str, Any] = {"index": index, "token": token, "generated_text": None, "details": None}
        if body["parameters"].get("top_n_tokens"):
            sent["top_tokens"] = [token, token | {"text": " other", "logprob": -1.5}][
                : body["parameters"]["top_n_tokens"]
            ]
        if whole is not None:
            count = {"generated_tokens": index, "input_length": len(WORD.findall(body["inputs"]))}
            sent |= {"generated_text": "".join(whole), "details": {"finish_reason": reason, "seed": None, **count}}
        # TGI writes no blank behind the colon
        return b"data:" + json.dumps(self.checked("StreamResponse", sent), ensure_ascii=False).encode() + b"\n\n"

    def checked(self, name: str, answer: Any) -> Any:
        """An answer of this server itself, which has to be as TGI's document says."""
        wrong = self.wrong(name, answer)
        if wrong:
            self.faults.unusable.append(f"the fake's own {name}: {wrong}")
        return answer

    @staticmethod
    def wrong(name: str, value: Any) -> str:
        """What TGI's document has against a value; "" when nothing, or when it is not there."""
        check = validator(name)
        errors = [] if check is None else list(check.iter_errors(value))
        return f"{errors[0].json_path}: {errors[0].message}" if errors else ""


@cache
def validator(name: str) -> Any:
    """A validator of one of the document's schemas; None where the document is absent."""
    if not DOCUMENT.is_file():
        return None
    from jsonschema import Draft202012Validator

    document = json.loads(DOCUMENT.read_text("utf-8"))
    return Draft202012Validator({"$ref": f"#/components/schemas/{name}"} | _modern(document))


def _modern(part: Any) -> Any:
    """OpenAPI 3.0 as JSON Schema: what is nullable may be null."""
    if isinstance(part, list):
        return [_modern(each) for each in part]
    if not isinstance(part, dict):
        return part
    made = {key: _modern(value) for key, value in part.items() if key != "nullable"}
    return {"anyOf": [made, {"type": "null"}]} if part.get("nullable") is True else made
