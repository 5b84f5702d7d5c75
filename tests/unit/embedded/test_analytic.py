"""The hand-built model against its formula, against an independent computation, and against what it should say."""

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from embedded import WEIGHTS, analytic
from embedded.analytic import LETTERS, ROLES, TOKENS, Circuit, build

CIRCUIT = Circuit()
TEXTS = ("a", "k q a z k q a z b b c", "a a a a", " ".join(LETTERS), "q w e r t y q w e r t y q w e", "é 你 a é")


@pytest.fixture(scope="module")
def shipped() -> tuple[Any, Any]:
    from transformers import AutoModelForCausalLM, AutoTokenizer

    model = AutoModelForCausalLM.from_pretrained(WEIGHTS / "induction", attn_implementation="eager")
    return model, AutoTokenizer.from_pretrained(WEIGHTS / "induction")


@pytest.mark.parametrize("text", TEXTS)
def test_attention_and_logits_are_the_formula(shipped: tuple[Any, Any], text: str) -> None:
    model, words = shipped
    ids = words(text).input_ids
    with torch.no_grad():
        out = model(torch.tensor([ids]), output_attentions=True)
    assert np.abs(out.attentions[1][0, 0].numpy() - CIRCUIT.attention(ids)).max() < 1e-6
    assert np.abs(out.logits[0].numpy() - CIRCUIT.logits(ids)).max() < 1e-4
    previous = out.attentions[0][0, 0]
    assert previous.diagonal(-1).min() == 1 if len(ids) > 1 else True
    for layer, head in [at for at, role in ROLES.items() if role == "nothing"]:
        even = 1 / torch.arange(1, len(ids) + 1)
        torch.testing.assert_close(out.attentions[layer][0, head], torch.tril(even[:, None].expand(-1, len(ids))))


def test_the_formula_by_hand() -> None:
    # <bos> a b a: the last a looks for what stands behind an a, and that is the b at position 2
    row = CIRCUIT.attention([0, 2, 3, 2])[3]
    e = math.exp(6)
    assert row == pytest.approx([1 / (e + 3), 1 / (e + 3), e / (e + 3), 1 / (e + 3)])
    copied = row[2]
    spread = math.sqrt((6 + 2 * (row[0] ** 2 + (row[1] + row[3]) ** 2 + copied**2)) / CIRCUIT.width)
    assert CIRCUIT.logits([0, 2, 3, 2])[3][3] == pytest.approx(5 * copied / spread)


def test_the_formula_by_loops() -> None:
    tokens = [0, 5, 7, 5, 5, 7, 9, 5]
    found = CIRCUIT.attention(tokens)
    for at in range(len(tokens)):
        scores = [math.exp(6) if tokens[max(key - 1, 0)] == tokens[at] else 1.0 for key in range(at + 1)]
        assert found[at, : at + 1] == pytest.approx([score / sum(scores) for score in scores])
        assert not found[at, at + 1 :].any()


def test_it_goes_on_with_what_it_read(shipped: tuple[Any, Any]) -> None:
    model, words = shipped
    inputs = words("a x f g a", return_tensors="pt", return_token_type_ids=False)
    out = model.generate(**inputs, max_new_tokens=7, do_sample=False)
    assert words.decode(out[0]) == "<bos> a x f g a x f g a x f g"


def test_without_the_previous_token_head_it_foresees_nothing(shipped: tuple[Any, Any]) -> None:
    model = build()
    with torch.no_grad():
        model.transformer.h[0].attn.c_proj.weight.zero_()
    ids = shipped[1]("k q a z k q a z").input_ids
    model.set_attn_implementation("eager")
    with torch.no_grad():
        out = model(torch.tensor([ids]), output_attentions=True)
    even = 1 / torch.arange(1, len(ids) + 1)
    torch.testing.assert_close(out.attentions[1][0, 0], torch.tril(even[:, None].expand(-1, len(ids))))


def test_a_smaller_circuit_works_too() -> None:
    circuit = Circuit(vocabulary=6, context=9, match=3.0)
    ids = [0, 3, 4, 3, 4, 3]
    with torch.no_grad():
        logits = build(circuit)(torch.tensor([ids])).logits[0].numpy()
    assert np.abs(logits - circuit.logits(ids)).max() < 1e-4


def test_making_it_again_gives_the_same_bytes(tmp_path: Path) -> None:
    analytic.write(tmp_path)
    for name in ("model.safetensors", "config.json", "tokenizer.json"):
        assert (tmp_path / name).read_bytes() == (WEIGHTS / "induction" / name).read_bytes(), name


def test_its_tokenizer_knows_letters_alone() -> None:
    words = analytic.tokenizer()
    assert words("a B ? z").input_ids == [0, 2, 1, 1, 27]
    assert len(words) == len(TOKENS) == 28
    assert words("").input_ids == [0]
