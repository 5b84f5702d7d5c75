"""Training of models and adapters: it goes on where it stopped, on a processor or a GPU."""

import copy
import hashlib
import json
import math
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from embedded.batches import Batches
from embedded.corpus import Tokens
from embedded.growth import begin
from embedded.lanes import Lanes
from embedded.muon import Muon
from embedded.recipe import Recipe, Stage

WARM_UP = 50
LOG_EVERY = 25


@dataclass
class Progress:
    """How far a training is.

    Attributes:
        stage: Number of the stage, from 0.
        step: Steps of this stage.
        tokens: Tokens read in all stages.
        seconds: Seconds spent in all stages.
        stage_seconds: Seconds spent when this stage began.
        log: One entry every 25 steps: stage, step, tokens, seconds, loss, tokens_a_second.
    """

    stage: int = 0
    step: int = 0
    tokens: int = 0
    seconds: float = 0.0
    stage_seconds: float = 0.0
    log: list[dict[str, Any]] = field(default_factory=list)


def rate(done: float, step: int, stage: Stage) -> float:
    """The share of the full learning rate: up in 50 steps, flat, then down in a line (warm-up, stable, decay).

    Args:
        done: How much of the stage is done, 0 to 1.
        step: Steps of this stage.
        stage: Says for how much of it the rate falls, and how deep.
    """
    left = min(1.0, (1 - done) / stage.decay) if stage.decay else 1.0
    return min(1.0, (step + 1) / WARM_UP) * (stage.floor + (1 - stage.floor) * left)


Batch = tuple[Tokens, NDArray[Any]]
"""Token ids of shape (rows, length + 1), and what each counts in the loss, same shape."""
Source = Callable[[Stage], Callable[[int], Batch]]
"""Makes the batch of any step of a stage; the same stage and step always make the same batch."""


class Training:
    """One model or adapter in training: of its weights, those that ask for a gradient.

    Args:
        stages: What it reads, in order.
        model: The model at its beginning.
        source: Makes its batches.
        folder: Where its state is kept between runs.
        origin: All that the state depends on: recipe, seed, weights that it grew from.
        minutes: The most minutes that it may take in all, or 0 for as long as the stages say.
        lanes: Threads that share a batch on a processor.

    Raises:
        ValueError: The folder holds the state of another origin.
    """

    def __init__(
        self,
        stages: tuple[Stage, ...],
        model: Any,
        source: Source,
        folder: Path,
        origin: str,
        minutes: float = 0.0,
        lanes: int = 1,
    ) -> None:
        import torch

        self.stages, self.source, self.folder, self.origin, self.minutes = stages, source, folder, origin, minutes
        self.device = "cuda" if torch.cuda.is_available() else "cpu"
        self.model = model.to(self.device)
        if self.device == "cpu":
            # torch 2.13 on a processor: with fused attention in bfloat16 a step takes 1.3 (rows of 256) to 1.6 (128) times as long
            self.model.set_attn_implementation("eager")
        self.learned = {name: weight for name, weight in model.named_parameters() if weight.requires_grad}
        self.progress = Progress()
        self.optimisers = self._optimisers()
        self.batches: tuple[Stage, Callable[[int], Batch]] | None = None
        if (folder / "state.pt").exists():
            self._resume()
        self.lanes = Lanes(self.model, 1 if self.device == "cuda" else lanes)

    def _optimisers(self) -> list[Any]:
        import torch

        inside: list[Any] = []
        outside: list[Any] = []
        for name, weight in self.learned.items():
            (inside if weight.ndim == 2 and "embed" not in name else outside).append(weight)
        found: list[Any] = [Muon(inside)]
        if outside:  # an adapter has matrices alone
            found.insert(0, torch.optim.AdamW(outside, betas=(0.9, 0.95), weight_decay=0.01))
        return found

    def _resume(self) -> None:
        import torch

        state = torch.load(self.folder / "state.pt", map_location="cpu", weights_only=True)
        if state["origin"] != self.origin:
            raise ValueError(
                f"{self.folder} holds the state of a training with another recipe, seed or beginning: "
                "name another --state, or take that folder away"
            )
        with torch.no_grad():
            for name, weight in self.learned.items():
                weight.copy_(state["model"][name])
        for optimiser, known in zip(self.optimisers, state["optimisers"], strict=True):
            optimiser.load_state_dict(known)
        self.progress = Progress(**state["progress"])

    def keep(self) -> None:
        """Writes the state, and what is in the log."""
        import torch

        self.folder.mkdir(parents=True, exist_ok=True)
        state = {
            "origin": self.origin,
            "model": {name: weight.detach() for name, weight in self.learned.items()},
            "optimisers": [optimiser.state_dict() for optimiser in self.optimisers],
            "progress": asdict(self.progress),
        }
        torch.save(state, self.folder / "state.tmp")
        (self.folder / "state.tmp").replace(self.folder / "state.pt")
        (self.folder / "log.json").write_text(json.dumps(self.progress.log), "utf-8")

    @property
    def stage(self) -> Stage | None:
        """The stage that is on, or None when all are done."""
        at = self.progress.stage
        return self.stages[at] if at < len(self.stages) else None

    def done(self, stage: Stage) -> float:
        """How much of the stage is done, 0 to 1, by tokens or by the time that it may take."""
        progress = self.progress
        read = progress.step * stage.rows * stage.length / stage.tokens
        if not self.minutes:
            return min(1.0, read)
        left = sum(later.tokens for later in self.stages[progress.stage :])
        window = (self.minutes * 60 - progress.stage_seconds) * stage.tokens / left
        return min(1.0, max(read, (progress.seconds - progress.stage_seconds) / max(window, 1.0)))

    def step(self, stage: Stage) -> float:
        """One step of training. Returns its loss in nats a token."""
        import torch

        if self.batches is None or self.batches[0] is not stage:
            self.batches = (stage, self.source(stage))
        rows, weights = (torch.from_numpy(part).to(self.device) for part in self.batches[1](self.progress.step))
        factor = rate(self.done(stage), self.progress.step, stage)
        for optimiser in self.optimisers:
            full = stage.muon_rate if isinstance(optimiser, Muon) else stage.rate
            for group in optimiser.param_groups:
                group["lr"] = full * factor
        loss = self.lanes.loss(rows, weights)
        torch.nn.utils.clip_grad_norm_(self.learned.values(), 1.0)
        for optimiser in self.optimisers:
            optimiser.step()
            optimiser.zero_grad(set_to_none=True)
        return loss

    def run(self, report: Callable[[str], None], keep_every: float = 120.0) -> None:
        """Trains until the last stage is done.

        Args:
            report: Told how it goes, in lines.
            keep_every: Seconds between two writings of the state.
        """
        progress, kept = self.progress, time.monotonic()
        clock, read = time.monotonic(), self.progress.tokens
        while (stage := self.stage) is not None:
            loss = self.step(stage)
            now = time.monotonic()
            progress.seconds += now - clock
            clock = now
            progress.step += 1
            progress.tokens += stage.rows * stage.length
            if progress.step % LOG_EVERY == 0:
                self._note(stage, loss, report)
            if self.done(stage) >= 1:
                progress.stage, progress.step, progress.stage_seconds = progress.stage + 1, 0, progress.seconds
            if now - kept > keep_every or self.stage is not stage:
                self.keep()
                kept = clock = time.monotonic()
        report(f"{progress.tokens - read:,} tokens read, {progress.tokens:,} in all")

    def _note(self, stage: Stage, loss: float, report: Callable[[str], None]) -> None:
        progress = self.progress
        if not math.isfinite(loss):
            raise FloatingPointError(f"the loss became {loss} at step {progress.step} of stage {stage.name}")
        last = progress.log[-1] if progress.log else {"tokens": 0, "seconds": 0.0}
        speed = (progress.tokens - last["tokens"]) / max(progress.seconds - last["seconds"], 1e-9)
        note = {"stage": stage.name, "step": progress.step, "tokens": progress.tokens}
        note |= {"seconds": round(progress.seconds, 1), "loss": round(loss, 4), "tokens_a_second": round(speed)}
        progress.log.append(note)
        if progress.step % (4 * LOG_EVERY) == 0:
            report(json.dumps(note))


def digest(folder: Path) -> str:
    """What tells a model's weights from all others: the SHA-256 of its safetensors file, in hexadecimal."""
    return hashlib.sha256(b"".join(path.read_bytes() for path in sorted(folder.glob("*.safetensors")))).hexdigest()


def origin(recipe: Recipe, weights: Path) -> str:
    """All that a Llama is made from: its recipe, and the weights that it grows from."""
    return f"{recipe}{digest(weights / recipe.start) if recipe.start else ''}"


def llama(
    recipe: Recipe, tokenizer: Any, weights: Path, folder: Path, minutes: float = 0.0, lanes: int = 1
) -> Training:
    """The training of a Llama by its recipe.

    Args:
        recipe: How it is made.
        tokenizer: Its tokenizer.
        weights: Where finished models are; one that the recipe grows from is read there.
        folder: Where its state is kept between runs.
        minutes: The most minutes that it may take in all, or 0 for as long as the recipe says.
        lanes: Threads that share a batch on a processor.
    """

    def source(stage: Stage) -> Callable[[int], Batch]:
        return Batches(tokenizer, stage, recipe.seed).batch

    return Training(recipe.stages, begin(recipe, weights), source, folder, origin(recipe, weights), minutes, lanes)


def export(model: Any, tokenizer: Any, folder: Path) -> None:
    """Writes a model as transformers loads it: bfloat16 safetensors, configuration, tokenizer, chat template."""
    import torch
    from transformers import GenerationConfig

    small = copy.deepcopy(model).to("cpu", torch.bfloat16)
    config = small.config
    small.generation_config = GenerationConfig(  # type: ignore[no-untyped-call]
        bos_token_id=config.bos_token_id,
        eos_token_id=[config.eos_token_id, config.bos_token_id],
        pad_token_id=config.pad_token_id,
    )
    small.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
