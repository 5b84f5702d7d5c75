"""How each embedded model is made: sizes, what it reads in which stage, and for how long."""

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Size:
    """The shape of a Llama.

    Attributes:
        layers: Transformer blocks.
        hidden: Numbers that stand for one token.
        heads: Attention heads of a layer.
        key_heads: Heads of keys and values, shared by the attention heads.
        inner: Width of the feed-forward part.
        vocabulary: Tokens.
        context: The most tokens of one prompt and answer.
    """

    layers: int
    hidden: int = 128
    heads: int = 4
    key_heads: int = 2
    inner: int = 384
    vocabulary: int = 2048
    context: int = 512


@dataclass(frozen=True)
class Mix:
    """What the rows of a batch are.

    Attributes:
        repeats: Share of rows of repeated random tokens.
        periods: How many tokens before such a row repeats: the least, the most.
        stories: Share of plain stories among the rest.
        reach: How far the words of the rest go beyond the closed lists.
        prompts: Weight of the tokens of prompts in the loss; tokens of answers and stories weigh 1.
        few: Share of the rows of repeats that are drawn from a handful of tokens.
    """

    repeats: float = 0.15
    periods: tuple[int, int] = (8, 127)
    stories: float = 0.2
    reach: float = 0.6
    prompts: float = 0.15
    few: float = 0.5


@dataclass(frozen=True)
class Stage:
    """One stage of training.

    Attributes:
        name: Its name in the log.
        tokens: How many tokens it reads.
        mix: What they are.
        rows: Rows of a batch.
        length: Tokens of a row.
        rate: Learning rate of AdamW (embeddings and norms).
        muon_rate: Learning rate of Muon (all other matrices).
        decay: The share of the stage, at its end, in which the rates fall; 0 keeps them.
        floor: The share of the rates that is left at the end of the fall.
    """

    name: str
    tokens: int
    mix: Mix = field(default_factory=Mix)
    rows: int = 16
    length: int = 256
    rate: float = 3e-3
    muon_rate: float = 0.02
    decay: float = 0.0
    floor: float = 0.02


@dataclass(frozen=True)
class Recipe:
    """How one model is made.

    Attributes:
        size: Its shape.
        start: The model that it grows from, or nothing.
        layers: For each layer, the layer of `start` that it takes over, or None for a new one.
        stages: Its stages, in order.
        seed: Where chance starts.
    """

    size: Size
    stages: tuple[Stage, ...]
    start: str = ""
    layers: tuple[int | None, ...] = ()
    seed: int = 0


STORIES, INSTRUCTIONS = 60_000, 250_000
"""Rows of the corpus that the tokenizer of both models is learned from."""

MICRO = Recipe(
    Size(layers=4),
    (
        Stage("copy 20-32", 800_000, Mix(1.0, (20, 32), few=0.0), 32, 64, 2e-3, 0.01),
        Stage("copy 8-96", 800_000, Mix(1.0, (8, 96), few=0.25), 16, 192, 2e-3, 0.01),
        Stage("read", 2_500_000, Mix(0.5, (4, 96), 0.15, 0.3), 16, 192, 2e-3, 0.01),
        Stage("learn", 3_000_000, Mix(0.1, (4, 128), 0.1, 0.5), rate=2e-3),
        Stage("settle", 9_500_000, Mix(0.1, (4, 60), 0.03, 0.5), 32, 128, rate=2e-3, decay=1.0, floor=0.25),
        Stage("long", 1_200_000, Mix(0.05, (4, 250), 0.03, 0.5), 10, 416, rate=5e-4, muon_rate=0.005, decay=1.0),
        Stage("again", 15_000_000, Mix(0.08, (4, 60), 0.03, 0.45), 32, 128, rate=2e-3, decay=1.0, floor=0.1),
        Stage("long again", 1_200_000, Mix(0.05, (4, 250), 0.03, 0.45), 10, 416, rate=5e-4, muon_rate=0.004, decay=1.0),
    ),
)
MINI = Recipe(
    Size(layers=6),
    (
        Stage("grow", 1_000_000, Mix(0.15, (4, 96), 0.05, 0.55), length=192, rate=2e-3),
        Stage("settle", 36_000_000, Mix(0.1, (4, 60), 0.03, 0.55), 32, 128, rate=2e-3, decay=1.0, floor=0.15),
        Stage("long", 3_000_000, Mix(0.05, (4, 250), 0.03, 0.55), 10, 416, rate=5e-4, muon_rate=0.005, decay=1.0),
    ),
    start="micro",
    layers=(0, None, 1, None, 2, 3),
)
RECIPES = {"micro": MICRO, "mini": MINI}
