"""A tokenizer and a Llama small enough for a unit test."""

from functools import cache
from itertools import islice
from typing import Any

from embedded import tokenizer
from embedded.corpus import render, rows
from embedded.growth import new
from embedded.recipe import Mix, Recipe, Size, Stage

SIZE = Size(layers=2, hidden=16, heads=2, key_heads=1, inner=24, vocabulary=400, context=64)
RECIPE = Recipe(
    SIZE,
    (
        Stage("first", 4 * 2 * 16, Mix(0.5, (2, 4), 0.2, 0.5), rows=2, length=16),
        Stage("last", 4 * 2 * 16, Mix(0.2, (2, 4), 0.2, 0.5), rows=2, length=16, decay=1.0),
    ),
)


@cache
def words() -> Any:
    """A tokenizer of 400 tokens, learned from 300 rows."""
    return tokenizer.wrap(tokenizer.learn(400, map(render, islice(rows("tiny", 0.5, 0.2), 300))), SIZE.context)


def llama(seed: int = 0) -> Any:
    """A new Llama of 2 layers and width 16."""
    import torch

    torch.manual_seed(seed)
    return new(SIZE)
