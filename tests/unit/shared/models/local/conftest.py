"""Tiny models, made once a run, and what transformers itself answers with them."""

import asyncio
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from shared.models.local import LocalModel
from shared.models.local.model import View
from shared.models.protocol import Decoding, Delta, Event, Finish, Request, Timeouts
from tests.tiny_models import peft_quietly, tiny_adapter, tiny_gpt2, tiny_llama, tiny_qwen


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with llama, qwen, gpt2, and the adapters red, blue (of llama) and gpt2-red."""
    root = tmp_path_factory.mktemp("tiny")
    base = tiny_llama(root / "llama")
    tiny_qwen(root / "qwen", 1)
    tiny_gpt2(root / "gpt2", 2)
    tiny_adapter(root / "red", base, 1)
    tiny_adapter(root / "blue", base, 2, use_rslora=True, r=8, alpha_pattern={"q_proj": 4})
    tiny_adapter(root / "gpt2-red", root / "gpt2", 3, target_modules=["c_attn", "c_proj"], fan_in_fan_out=True)
    return root


@pytest.fixture(scope="session")
def llama(tiny: Path) -> Iterator[LocalModel]:
    """One loaded model for all tests that leave it as it is."""
    model = LocalModel(tiny / "llama", "builtin:tiny", device="cpu")
    yield model
    model.close()


@pytest.fixture(scope="session")
def reference(tiny: Path) -> Callable[..., Any]:
    """transformers' and peft's own model: reference("llama", "red") has the adapter merged into the weights."""
    import torch
    from peft import PeftModel
    from transformers import AutoModelForCausalLM

    made: dict[tuple[str, str], Any] = {}

    def get(name: str, adapter: str = "") -> Any:
        if (name, adapter) not in made:
            model = AutoModelForCausalLM.from_pretrained(tiny / name, dtype=torch.float32)
            if adapter:
                with peft_quietly():
                    model = PeftModel.from_pretrained(model, tiny / adapter).merge_and_unload()
            made[name, adapter] = model.eval()
        return made[name, adapter]

    return get


async def listen(view: View, request: Request) -> list[Event]:
    """All events of an answer."""
    return [event async for event in view.stream(request, Timeouts())]


def ask(view: View, request: Request) -> list[Event]:
    """All events of an answer, from outside an event loop."""
    return asyncio.run(listen(view, request))


def text_of(events: list[Event]) -> str:
    """The answer; it must be complete."""
    assert isinstance(events[-1], Finish), events[-1]
    return "".join(event.text for event in events if isinstance(event, Delta))


def greedy(text: str, tokens: int = 24, **rest: Any) -> Request:
    """A request to continue a text with the likeliest tokens."""
    return Request(text=text, decoding=Decoding(max_new_tokens=tokens, temperature=0, **rest))
