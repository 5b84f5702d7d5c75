"""The models that come with the suite: their generator, recipe, training, measures and weights.

`builtin:mini` and `builtin:micro` are small Llamas trained on this package's own generator alone, `builtin:induction` is
built by hand, and four LoRA adapters stand on `builtin:mini`. `python -m embedded` makes all of it again.
"""

from pathlib import Path

WEIGHTS = Path(__file__).resolve().parent / "weights"
"""The folder of each model, as transformers and peft load it: `micro`, `mini`, `induction`, `adapters/<name>`."""

ADAPTERS = ("instruct", "storyteller", "arithmetic", "json")
"""The LoRA adapters of `builtin:mini`."""


def place(name: str, weights: Path = WEIGHTS) -> Path:
    """The folder of a model or an adapter.

    Args:
        name: `micro`, `mini`, `induction` or one of `ADAPTERS`.
        weights: The folder of all weights.
    """
    return weights / "adapters" / name if name in ADAPTERS else weights / name
