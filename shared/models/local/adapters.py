"""PEFT adapters beside their base: read from a folder, held against the model, and put on top of single rows of a batch.

The base's layers stay as they are. Every layer that some adapter changes gets a hook, which adds the change to the rows
that ask for it: LoRA (Hu et al. 2021), rank-stabilised LoRA (Kalajdzievski 2023) and DoRA (Liu et al. 2024), and whole
layers saved with an adapter (`modules_to_save`). So the base can be quantised, requests with different adapters and with
none share one batch, and nothing is loaded again when they change.
"""

import math
import re
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from shared.errors import PlaygroundError
from shared.models.local.checkpoint import PICKLED, read_json
from shared.refs import parse

WEIGHTS = "adapter_model.safetensors"
PREFIX = "base_model.model."
PART = re.compile(r"(?P<module>.+?)\.(?P<part>lora_A|lora_B|lora_magnitude_vector)(\.weight)?$")
HUB_NAME = re.compile(r"[\w.-]+/[\w.-]+")


@dataclass(frozen=True)
class Change:
    """What an adapter does to one layer.

    Attributes:
        down: LoRA's A: [rank, inputs].
        up: LoRA's B: [outputs, rank].
        scale: What the product is multiplied with.
        magnitude: DoRA's magnitude over the norm of the changed weights, one an output; None without DoRA.
        weight: A whole weight instead; None for LoRA.
        bias: Its bias.
    """

    down: Any = None
    up: Any = None
    scale: float = 1.0
    magnitude: Any = None
    weight: Any = None
    bias: Any = None


@dataclass(frozen=True, eq=False)
class Adapter:
    """One adapter, loaded.

    Attributes:
        folder: Where it came from.
        changes: Layer's name to what is done to it.
        bytes: Memory of its weights.
    """

    folder: Path
    changes: dict[str, Change] = field(repr=False)
    bytes: int = 0


class Layers:
    """The layers of one model, and which adapter is on top of which row in the step that a thread is doing."""

    def __init__(self, model: Any) -> None:
        self._modules = dict(model.named_modules())
        self._hooked: set[str] = set()
        self._step = threading.local()

    def read(self, folder: Path, ref: str) -> Adapter:
        """Load an adapter, and make its layers ready for it.

        Args:
            folder: With `adapter_config.json` and safetensors.
            ref: The base's.

        Raises:
            PlaygroundError: It is not an adapter, is of another base or of a kind that cannot be used, or is pickled.
        """
        adapter = read_adapter(folder, ref, self._modules)
        for name in adapter.changes:
            if name not in self._hooked:
                self._hooked.add(name)
                self._modules[name].register_forward_hook(self._hook(name))
        return adapter

    @contextmanager
    def use(self, adapters: Sequence[Adapter | None]) -> Iterator[None]:
        """Put adapters on top of the rows of the steps inside, in this thread.

        Args:
            adapters: One a row; with a single one, every row gets it.
        """
        import torch

        plan: list[tuple[Adapter, Any]] = []
        for adapter in dict.fromkeys(adapters):
            if adapter is not None:
                rows = [row for row, each in enumerate(adapters) if each is adapter]
                plan.append((adapter, None if len(rows) == len(adapters) else torch.tensor(rows)))
        self._step.plan = plan
        try:
            yield
        finally:
            self._step.plan = []

    def _hook(self, name: str) -> Any:
        def change(module: Any, inputs: tuple[Any, ...], output: Any) -> Any:
            for adapter, rows in getattr(self._step, "plan", ()):
                if (found := adapter.changes.get(name)) is None:
                    continue
                if rows is None:
                    output = _apply(found, module, inputs[0], output)
                else:
                    there = rows.to(output.device)
                    output = output.clone()
                    output[there] = _apply(found, module, inputs[0][there], output[there])
            return output

        return change


def _apply(change: Change, module: Any, given: Any, output: Any) -> Any:
    """A layer's output with an adapter on top."""
    from torch.nn import Embedding
    from torch.nn.functional import embedding, linear

    if change.weight is not None:
        if isinstance(module, Embedding):
            return embedding(given, change.weight).to(output.dtype)
        bias = None if change.bias is None else change.bias.to(given.dtype)
        return linear(given, change.weight.to(given.dtype), bias).to(output.dtype)
    added = linear(linear(given.to(change.down.dtype), change.down), change.up) * change.scale
    if change.magnitude is None:
        return (output + added).to(output.dtype)
    bias = getattr(module, "bias", None)
    plain = output if bias is None else output - bias
    changed = (plain + added) * change.magnitude
    return (changed if bias is None else changed + bias).to(output.dtype)


def read_adapter(folder: Path, ref: str, modules: dict[str, Any]) -> Adapter:
    """An adapter's changes, layer by layer, checked against the model.

    Args:
        folder: With `adapter_config.json` and safetensors.
        ref: The base's.
        modules: The base's layers by name.

    Raises:
        PlaygroundError: It is not an adapter, is of another base or of a kind that cannot be used, or is pickled.
    """
    if not folder.is_dir():
        raise PlaygroundError(f"There is no adapter folder {folder.name}. Download the adapter again.")
    config = read_json(folder / "adapter_config.json")
    _check_kind(folder, config)
    _check_base(folder, config, ref)
    tensors = _tensors(folder)
    device = next(iter(modules.values())).device
    changes: dict[str, Change] = {}
    size = 0
    for name, parts in _by_module(folder, tensors).items():
        module = modules.get(name)
        if module is None:
            raise PlaygroundError(f"{folder.name} is not an adapter of {ref}: that has no layer {name}.")
        ready = {key: _settle(key, one).to(device) for key, one in parts.items()}
        changes[name] = _fit(folder, ref, config, name, module, ready)
        size += sum(one.numel() * one.element_size() for one in ready.values())
    return Adapter(folder, changes, size)


def _settle(part: str, tensor: Any) -> Any:
    """LoRA's weights are computed in float32, as peft does: in 16 bits, answers would depend on who shares the batch."""
    return tensor.float() if part.startswith("lora_") else tensor


def _check_kind(folder: Path, config: dict[str, Any]) -> None:
    """Refuse kinds of adapters that rows of one batch cannot have side by side."""
    kind = config.get("peft_type")
    if kind != "LORA":
        raise PlaygroundError(f"{folder.name} is an adapter of kind {kind}. Kinds that can be used: LORA (and DoRA).")
    unusual = [
        key
        for key in ("layer_replication", "trainable_token_indices", "alora_invocation_tokens", "target_parameters")
        if config.get(key)
    ]
    if config.get("bias", "none") != "none":
        unusual.append("bias")
    if unusual:
        raise PlaygroundError(
            f"{folder.name} uses {', '.join(unusual)}, which cannot be put beside a base. Merge it into a model of its "
            "own."
        )


def _check_base(folder: Path, config: dict[str, Any], ref: str) -> None:
    """Refuse an adapter that names another base: shapes alone do not tell two sizes-alike models apart."""
    said = str(config.get("base_model_name_or_path") or "")
    try:
        base, named = parse(ref), parse(said if ":" in said else f"hub:{said}")
    except PlaygroundError:
        return  # a folder on whatever machine trained it: the shapes decide
    if base.scheme == named.scheme and base.name.casefold() != named.name.casefold():
        raise PlaygroundError(f"{folder.name} is an adapter of {said}, not of {ref}. Choose it on top of {said}.")


def _tensors(folder: Path) -> dict[str, Any]:
    """The adapter's weights."""
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    if not (folder / WEIGHTS).exists():
        pickled = sorted(path.name for path in folder.iterdir() if path.suffix in PICKLED)
        if pickled:
            raise PlaygroundError(
                f"The weights of {folder.name} are pickled ({pickled[0]}), and reading those can run any code. "
                "Choose a copy of the adapter in safetensors."
            )
        raise PlaygroundError(f"{folder.name} has no {WEIGHTS}. Download the adapter again.")
    try:
        return dict(load_file(folder / WEIGHTS))
    except SafetensorError as error:
        raise PlaygroundError(f"{folder.name}/{WEIGHTS} cannot be read ({error}). Download it again.") from None


def _by_module(folder: Path, tensors: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Tensors by layer and part."""
    found: dict[str, dict[str, Any]] = {}
    for key, tensor in tensors.items():
        name = key.removeprefix(PREFIX)
        if match := PART.match(name):
            found.setdefault(match["module"], {})[match["part"]] = tensor
        elif name.endswith((".weight", ".bias")) and ".lora_" not in name:
            module, _, part = name.rpartition(".")
            found.setdefault(module.removesuffix(".modules_to_save"), {})[part] = tensor
        else:
            raise PlaygroundError(f"{folder.name} changes {name} in a way that is not known here. Merge it instead.")
    return found


def _fit(folder: Path, ref: str, config: dict[str, Any], name: str, module: Any, parts: dict[str, Any]) -> Change:
    """One layer's change, if it has the layer's shape."""
    if getattr(getattr(module, "weight", None), "ndim", 0) != 2:
        raise PlaygroundError(
            f"{folder.name} changes {name}, which is no linear layer and no embedding. Merge it into a model of its own."
        )
    outputs, inputs = _shape(module)
    if "lora_A" in parts and "lora_B" in parts:
        down, up = parts["lora_A"], parts["lora_B"]
        shape = (up.shape[0], down.shape[1])
        change = Change(down, up, _scale(config, name, down.shape[0]))
    elif "weight" in parts:
        shape = tuple(parts["weight"].shape)
        change = Change(weight=parts["weight"], bias=parts.get("bias"))
    else:
        raise PlaygroundError(f"{folder.name} has only {', '.join(parts)} for layer {name}. Download it again.")
    if shape != (outputs, inputs):
        raise PlaygroundError(
            f"{folder.name} is not an adapter of {ref}: layer {name} is {outputs} x {inputs} there, and the adapter is "
            f"made for {shape[0]} x {shape[1]}."
        )
    if "lora_magnitude_vector" in parts:
        change = _dora(change, module, parts["lora_magnitude_vector"])
    return change


def _scale(config: dict[str, Any], name: str, rank: int) -> float:
    """LoRA's alpha over its rank, or over the rank's root when rank-stabilised; single layers may have their own."""
    patterns = config.get("alpha_pattern") or {}
    alpha = next(
        (value for key, value in patterns.items() if re.match(rf"(.*\.)?({key})$", name)), config.get("lora_alpha", 8)
    )
    return float(alpha) / (math.sqrt(rank) if config.get("use_rslora") else rank)


def _shape(module: Any) -> tuple[int, int]:
    """A layer's outputs and inputs, whatever its weights are packed into."""
    if hasattr(module, "out_features"):
        return module.out_features, module.in_features
    weight = module.weight
    if type(module).__name__ == "Conv1D":  # GPT-2's linear layer, stored the other way round
        return weight.shape[1], weight.shape[0]
    return weight.shape[0], weight.shape[1]


def _dora(change: Change, module: Any, magnitude: Any) -> Change:
    """DoRA's factor: the learned magnitude over the norm of the changed weights' rows, a constant when answering."""
    import torch

    bias = getattr(module, "bias", None)
    # what comes out for the unit vectors are the weights, in whatever form a layer keeps them
    with torch.no_grad():
        units = torch.eye(change.down.shape[1], device=change.down.device, dtype=_input_dtype(module))
        weight = (module(units) if bias is None else module(units) - bias).float().T
        changed = weight + change.scale * (change.up.float() @ change.down.float())
        return Change(change.down, change.up, change.scale, magnitude.float() / changed.norm(dim=1))


def _input_dtype(module: Any) -> Any:
    """The numbers that a layer is fed with: its own, unless those are packed."""
    import torch

    weight = getattr(module, "weight", None)
    if weight is not None and weight.dtype.is_floating_point:
        return weight.dtype
    return getattr(module, "compute_dtype", None) or torch.float16
