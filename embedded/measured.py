"""The measured numbers of each model, in one file each: the card is written from it and the tests measure again."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from embedded import measures, place
from embedded.answers import open_model
from embedded.recipe import RECIPES

MEASURED = Path(__file__).resolve().parent / "measured"
"""One JSON file a model; beside the weights it would be part of what a model's ref is the hash of."""


@dataclass(frozen=True)
class Aim:
    """What a model should reach.

    Attributes:
        key: The measure, a key of the measured file.
        text: What it is, for people.
        least: The number to reach.
        below: Whether the number is a limit instead.
    """

    key: str
    text: str
    least: float
    below: bool = False

    def reached(self, found: dict[str, Any]) -> bool:
        """Whether the measured number is good enough."""
        return bool(found[self.key] <= self.least if self.below else found[self.key] >= self.least)


AIMS = (
    Aim("best_induction", "best induction score on repeated random tokens", 0.5),
    Aim("second_loss", "loss on the second copy, nats", 1.5, below=True),
    Aim("exact_match", "templated exact match, closed word lists", 0.8),
    Aim("sanity_core", "sanity checks passed, of 32", 24),
    Aim("stories", "stories that keep to their names", 0.9),
    Aim("load_seconds", "CPU seconds to load", 1.0, below=True),
    Aim("tokens_a_cpu_second", "tokens a CPU second", 100),
)
"""What `builtin:mini` and `builtin:micro` should reach."""


def read(name: str, folder: Path = MEASURED) -> dict[str, Any]:
    """What was measured of a model."""
    found: dict[str, Any] = json.loads((folder / f"{name}.json").read_text("utf-8"))
    return found


def write(name: str, found: dict[str, Any], folder: Path = MEASURED) -> None:
    """Keeps what was measured of a model."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{name}.json").write_text(json.dumps(found, indent=1, ensure_ascii=False) + "\n", "utf-8")


def measure_llama(name: str, weights: Path) -> dict[str, Any]:
    """Everything that is said about `micro` or `mini`; about two CPU minutes."""
    model, tokenizer = open_model(weights / name)
    heads, checks = measures.heads(model), measures.sanity(model, tokenizer)
    far = measures.heads(model, span=model.config.max_position_embeddings // 2 - 1, rows=4)
    closed = measures.exact_match(model, tokenizer, measures.instructions(0.0))
    found: dict[str, Any] = {
        "parameters": sum(weight.numel() for weight in model.parameters()),
        "layers": RECIPES[name].size.layers,
        "context": model.config.max_position_embeddings,
        "best_induction": heads.best,
        "first_loss": heads.first_loss,
        "second_loss": heads.second_loss,
        "copied": heads.copied,
        "far_loss": far.second_loss,
        "far_copied": far.copied,
        "exact_match": measures.share(closed),
        "exact_match_by_task": {task: f"{right}/{asked}" for task, (right, asked) in closed.items()},
    }
    opened = measures.exact_match(model, tokenizer, measures.instructions(1.0))
    found |= {
        "exact_match_open": measures.share(opened),
        "exact_match_open_by_task": {task: f"{right}/{asked}" for task, (right, asked) in opened.items()},
        "sanity_core": checks.core,
        "sanity_core_all": checks.core_all,
        "sanity": checks.passed,
        "sanity_all": checks.all,
        "sanity_failed": checks.failed,
        "stories": measures.stories(model, tokenizer, 0.0)[0],
        "stories_open": measures.stories(model, tokenizer, 1.0)[0],
        "three_digits": measures.arithmetic(model, tokenizer),
        "json_share": measures.json_share(model, tokenizer),
        "story_share": measures.story_share(model, tokenizer),
        "sentence_share": measures.sentence_share(model, tokenizer),
        "load_seconds": measures.load_seconds(weights / name),
        "tokens_a_cpu_second": measures.tokens_a_second(model, tokenizer),
    }
    return found | {"induction_by_head": heads.induction, "previous_by_head": heads.previous}


def measure_adapter(name: str, weights: Path) -> dict[str, Any]:
    """What an adapter changes: the same questions as for its base."""
    folder = place(name, weights)
    model, tokenizer = open_model(weights / "mini", folder)
    checks = measures.sanity(model, tokenizer)
    return {
        "bytes": sum(path.stat().st_size for path in folder.glob("*.safetensors")),
        "parameters": sum(weight.numel() for key, weight in model.named_parameters() if "lora_" in key),
        "exact_match": measures.share(measures.exact_match(model, tokenizer, measures.instructions(0.0, 200))),
        "exact_match_open": measures.share(measures.exact_match(model, tokenizer, measures.instructions(1.0, 200))),
        "sanity_core": checks.core,
        "sanity": checks.passed,
        "sanity_failed": checks.failed,
        "three_digits": measures.arithmetic(model, tokenizer),
        "json_share": measures.json_share(model, tokenizer),
        "story_share": measures.story_share(model, tokenizer),
        "sentence_share": measures.sentence_share(model, tokenizer),
        "stories": measures.stories(model, tokenizer, 0.0, 40)[0],
    }


def measure_induction(weights: Path) -> dict[str, Any]:
    """How the hand-built model does, and how far it is from its formula."""
    import numpy as np

    from embedded.analytic import Circuit

    model, _ = open_model(weights / "induction")
    model.set_attn_implementation("eager")
    heads, circuit = measures.heads(model, lowest=2, span=20, distinct=True), Circuit()
    tokens = [0, *np.random.default_rng(0).integers(2, circuit.vocabulary, 40).tolist()]
    import torch

    with torch.no_grad():
        out = model(input_ids=torch.tensor([tokens]), output_attentions=True)
    attention = np.abs(out.attentions[1][0, 0].numpy() - circuit.attention(tokens)).max()
    return {
        "parameters": sum(weight.numel() for weight in model.parameters()),
        "context": circuit.context,
        "best_induction": heads.best,
        "second_loss": heads.second_loss,
        "copied": heads.copied,
        "previous": heads.previous[0][0],
        "attention_error": float(f"{attention:.1e}"),
        "logit_error": float(f"{np.abs(out.logits[0].numpy() - circuit.logits(tokens)).max():.1e}"),
    }


__all__ = ["AIMS", "MEASURED", "Aim", "measure_adapter", "measure_induction", "measure_llama", "read", "write"]
