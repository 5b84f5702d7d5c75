"""A grown model says what the smaller one says."""

from dataclasses import replace

import torch

from embedded import WEIGHTS
from embedded.growth import begin, grow, new
from embedded.recipe import MINI
from tests.unit.embedded import tiny


def test_a_grown_model_says_what_the_smaller_one_says() -> None:
    small = tiny.llama()
    deep = new(replace(tiny.SIZE, layers=4))
    grow(deep, small, (0, None, 1, None))
    tokens = torch.randint(0, 400, (2, 10))
    torch.testing.assert_close(deep(tokens).logits, small(tokens).logits)
    before = deep.model.layers[1].self_attn.o_proj.weight
    assert not before.any()
    assert deep.model.layers[1].self_attn.q_proj.weight.any(), "the new layer can learn"


def test_the_layers_of_a_new_model_add_nothing_at_first() -> None:
    model = tiny.llama()
    tokens = torch.randint(4, 400, (2, 10))
    stream = model(tokens, output_hidden_states=True).hidden_states
    torch.testing.assert_close(stream[1], stream[0])
    known = model.model.embed_tokens.weight
    assert known.mean(0).norm() > 3 * known.std() / known.size(0) ** 0.5, "tokens share a part"


def test_mini_begins_as_micro() -> None:
    from transformers import LlamaForCausalLM

    mini = begin(MINI, WEIGHTS)
    micro = LlamaForCausalLM.from_pretrained(WEIGHTS / "micro", dtype=torch.float32)
    tokens = torch.randint(4, 2048, (1, 20))
    torch.testing.assert_close(mini(tokens).logits, micro(tokens).logits)
    assert mini.num_parameters() > micro.num_parameters()
