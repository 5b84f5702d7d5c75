"""Models at their beginning: a new Llama, or one grown deeper from a smaller one."""

from pathlib import Path
from typing import Any

from embedded.recipe import Recipe, Size

SILENT = ("o_proj.weight", "down_proj.weight")
"""What a layer writes into the stream with; zeros at first."""


def new(size: Size) -> Any:
    """A Llama of this size with random weights, so begun that an induction head stands early.

    Layers add nothing at first, and tokens are long vectors that share a part: heads can look at places before they know
    tokens.
    """
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    config = LlamaConfig(
        vocab_size=size.vocabulary,
        hidden_size=size.hidden,
        num_hidden_layers=size.layers,
        num_attention_heads=size.heads,
        num_key_value_heads=size.key_heads,
        intermediate_size=size.inner,
        tie_word_embeddings=True,
        max_position_embeddings=size.context,
        rope_parameters={"rope_type": "default", "rope_theta": 10000.0},
        bos_token_id=0,
        eos_token_id=2,
        pad_token_id=3,
        initializer_range=0.02,
    )
    model = LlamaForCausalLM(config)
    with torch.no_grad():
        for name, weight in model.named_parameters():
            if name.endswith(SILENT):
                weight.zero_()
        tokens = model.model.embed_tokens.weight
        tokens.mul_(5).add_(torch.randn(size.hidden) * 0.07)
    return model


def grow(model: Any, smaller: Any, layers: tuple[int | None, ...]) -> None:
    """Gives a model the weights of a shallower one, so that both say the same.

    New layers keep their random weights but add nothing at first: what they write into the stream is zero.

    Args:
        model: The deeper Llama, changed in place.
        smaller: A Llama of the same width and vocabulary.
        layers: For each layer of `model`, the layer of `smaller` that it takes over, or None for a new one.
    """
    import torch

    weights, known = model.state_dict(), smaller.state_dict()
    for name, weight in weights.items():
        parts = name.split(".")
        if "layers" not in parts:
            weight.copy_(known[name])
            continue
        at = parts.index("layers") + 1
        origin = layers[int(parts[at])]
        if origin is not None:
            weight.copy_(known[".".join([*parts[:at], str(origin), *parts[at + 1 :]])])
        elif name.endswith(SILENT):
            weight.copy_(torch.zeros_like(weight))
    model.load_state_dict(weights)


def begin(recipe: Recipe, weights: Path) -> Any:
    """The model that a recipe starts with, in float32.

    Args:
        recipe: What is to be made.
        weights: The folder in which the model that it grows from has its folder.
    """
    import torch
    from transformers import LlamaForCausalLM

    torch.manual_seed(recipe.seed)
    model = new(recipe.size)
    if recipe.start:
        grow(model, LlamaForCausalLM.from_pretrained(weights / recipe.start, dtype=torch.float32), recipe.layers)
    return model
