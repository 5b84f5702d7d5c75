"""Log-probabilities equal transformers' own loss."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from shared.errors import PlaygroundError
from shared.models.local import LocalModel, scoring
from tests.tiny_models import tiny_mamba
from tests.unit.shared.models.local.test_batching import prompts


def loss(model: Any, ids: list[int], begin: int) -> float:
    """transformers' loss over the tokens from `begin` on."""
    given = torch.tensor([ids])
    labels = given.clone()
    labels[:, :begin] = -100
    with torch.no_grad():
        return float(model(given, labels=labels).loss)


@pytest.mark.parametrize("adapter", ["", "red"])
def test_texts_equal_the_loss(llama: LocalModel, tiny: Path, reference: Callable[..., Any], adapter: str) -> None:
    view = llama.view("builtin:tiny+x", tiny / adapter if adapter else None)
    texts = [text for text in prompts(20, 3) if len(llama.tokenizer(text)["input_ids"]) > 1]
    for text, scored in zip(texts, asyncio.run(view.score(texts)), strict=True):
        ids = llama.tokenizer(text)["input_ids"]
        assert [token.id for token in scored.tokens] == ids
        assert (scored.first, scored.tokens[0].logprob) == (False, 0.0)
        mean = -sum(token.logprob for token in scored.tokens) / (len(ids) - 1)
        # relative: random weights lose about 8 nats, where float32 itself steps by 5e-7
        assert mean == pytest.approx(loss(reference("llama", adapter), ids, 1), rel=1e-6)


def test_a_context_is_not_scored(llama: LocalModel, reference: Callable[..., Any]) -> None:
    view, context, text = llama.view("a"), "Once upon a time ", "there was a small model"
    (scored,) = asyncio.run(view.score([text], [context]))
    begin = len(llama.tokenizer(context.rstrip())["input_ids"])
    ids = llama.tokenizer(context + text)["input_ids"]
    assert [token.id for token in scored.tokens] == ids[begin:]
    mean = -sum(token.logprob for token in scored.tokens) / len(scored.tokens)
    assert mean == pytest.approx(loss(reference("llama"), ids, begin), rel=1e-6)
    assert scored.first


MICRO = Path(__file__).parents[5] / "embedded" / "weights" / "micro"


@pytest.mark.skipif(not (MICRO / "model.safetensors").exists(), reason="the embedded model micro is not there")
def test_a_trained_model_equals_the_loss() -> None:
    from transformers import AutoModelForCausalLM

    model = LocalModel(MICRO, "builtin:micro", device="cpu")
    peer = AutoModelForCausalLM.from_pretrained(MICRO, dtype=torch.float32)
    texts = [
        "Once upon a time, there was a little girl named Lily.",
        "def add(a, b):\n    return a + b",
        "小猫在睡觉。",
    ]
    for text, scored in zip(texts, asyncio.run(model.view("builtin:micro").score(texts)), strict=True):
        ids = model.tokenizer(text)["input_ids"]
        mean = -sum(token.logprob for token in scored.tokens) / (len(ids) - 1)
        assert mean == pytest.approx(loss(peer, ids, 1), abs=1e-6)
    model.close()


def test_a_text_in_parts_scores_the_same(llama: LocalModel, monkeypatch: pytest.MonkeyPatch) -> None:
    texts = prompts(6, 7)
    whole = asyncio.run(llama.view("a").score(texts))
    monkeypatch.setattr(scoring, "LOGITS", 384 * 7)
    parts = asyncio.run(llama.view("a").score(texts))
    for one, two in zip(whole, parts, strict=True):
        assert [token.logprob for token in one.tokens] == pytest.approx([t.logprob for t in two.tokens], abs=1e-5)


def test_greedy_is_told(llama: LocalModel) -> None:
    ids = llama.tokenizer("The fox")["input_ids"]
    with torch.no_grad():
        found = llama.network.model.generate(torch.tensor([ids]), max_new_tokens=6)[0, len(ids) :].tolist()
    text = llama.tokenizer.decode(found)
    if llama.tokenizer("The fox" + text)["input_ids"] == ids + found:
        assert asyncio.run(llama.view("a").score([text], ["The fox"]))[0].greedy
    assert not asyncio.run(llama.view("a").score(["zebra"], ["The fox"]))[0].greedy


def test_a_begin_token_gives_the_first_token_a_probability(tiny: Path) -> None:
    from tokenizers.processors import TemplateProcessing

    model = LocalModel(tiny / "llama", "builtin:tiny", device="cpu")
    model.tokenizer.backend_tokenizer.post_processor = TemplateProcessing(
        single="<|endoftext|> $A", special_tokens=[("<|endoftext|>", 0)]
    )
    scored, spelt, none = asyncio.run(model.view("a").score(["fox", "<|endoftext|>fox", ""]))
    assert scored.first
    assert model.tokenizer.decode([token.id for token in scored.tokens]) == "fox"
    assert scored.tokens[0].logprob < 0
    assert none.tokens == ()
    assert spelt.tokens[0].text == "<|endoftext|>"
    model.close()


@pytest.mark.parametrize("text", ["", "天", "x"])
def test_short_texts(llama: LocalModel, text: str) -> None:
    (scored,) = asyncio.run(llama.view("a").score([text]))
    assert "".join(token.text for token in scored.tokens).replace("�", "") in text
    assert not scored.greedy or text
    assert asyncio.run(llama.view("a").score([])) == []


def test_what_cannot_be_scored(llama: LocalModel) -> None:
    with pytest.raises(PlaygroundError, match=r"Text 2 has 300 tokens .* window of r has 256"):
        asyncio.run(llama.view("r").score(["a", "\n" * 300]))
    with pytest.raises(PlaygroundError, match="2 texts came with 1 contexts"):
        asyncio.run(llama.view("r").score(["a", "b"], ["c"]))


def test_a_model_that_keeps_a_state_is_read_in_one_part(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model = LocalModel(tiny_mamba(tmp_path / "mamba"), "builtin:mamba", device="cpu")
    assert not model.network.batches
    (whole,) = asyncio.run(model.view("a").score(["the quick brown fox jumps"]))
    monkeypatch.setattr(scoring, "LOGITS", 384 * 3)
    assert asyncio.run(model.view("a").score(["the quick brown fox jumps"])) == [whole]
    model.close()
