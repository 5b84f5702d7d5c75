"""A model's folder, looked at before anything is loaded: what format it has, and why it cannot be loaded when it cannot."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from shared.errors import PlaygroundError

PICKLED = (".bin", ".pt", ".pth", ".ckpt", ".pkl", ".pickle")
INDEX = "model.safetensors.index.json"
TOKENIZERS = ("tokenizer.json", "tokenizer.model", "vocab.json", "vocab.txt", "tekken.json", "spiece.model")


@dataclass(frozen=True)
class Checkpoint:
    """A folder with weights that may be loaded.

    Attributes:
        folder: Where it is.
        config: Its `config.json`; empty for GGUF, whose settings are inside the file.
        gguf: Name of its GGUF file; "" for safetensors.
        files: The files that hold the weights.
    """

    folder: Path
    config: dict[str, Any]
    gguf: str
    files: tuple[Path, ...]

    @property
    def bytes(self) -> int:
        """Size of the weights on disk."""
        return sum(path.stat().st_size for path in self.files)

    @property
    def quantisation(self) -> str:
        """How the weights were quantised when they were saved, such as "gptq" or "awq"; "" when they were not."""
        return str((self.config.get("quantization_config") or {}).get("quant_method", ""))


def inspect(folder: Path) -> Checkpoint:
    """Look at a model's folder.

    Args:
        folder: A folder with `config.json`, a tokenizer and safetensors, or with one GGUF file.

    Raises:
        PlaygroundError: There is no such folder; files are missing or broken; the weights are pickled, which may run
            code when they are read; or the model needs Python code that comes with it.
    """
    if not folder.is_dir():
        raise PlaygroundError(f"There is no model folder {folder.name}. Download the model again.")
    ggufs = sorted(folder.glob("*.gguf"))
    if ggufs and not (folder / "config.json").exists():
        if len(ggufs) > 1:
            names = ", ".join(path.name for path in ggufs)
            raise PlaygroundError(f"{folder.name} has {len(ggufs)} GGUF files ({names}). Keep the one to be loaded.")
        return Checkpoint(folder, {}, ggufs[0].name, (ggufs[0],))
    config = read_json(folder / "config.json")
    _refuse_code(folder, config)
    files = _weights(folder)
    if not any((folder / name).exists() for name in TOKENIZERS):
        raise PlaygroundError(f"{folder.name} has no tokenizer (such as tokenizer.json). Download the model again.")
    return Checkpoint(folder, config, "", files)


def read_json(path: Path) -> dict[str, Any]:
    """A JSON object from a model's folder.

    Raises:
        PlaygroundError: The file is missing, or holds something else.
    """
    if not path.exists():
        raise PlaygroundError(f"{path.parent.name} has no {path.name}. Download the model again.")
    try:
        value = json.loads(path.read_text("utf-8"))
    except ValueError as error:
        raise PlaygroundError(f"{path.parent.name}/{path.name} is not JSON ({error}). Download it again.") from None
    if not isinstance(value, dict):
        raise PlaygroundError(f"{path.parent.name}/{path.name} holds no JSON object. Download it again.")
    return value


def _refuse_code(folder: Path, config: dict[str, Any]) -> None:
    """Say so when a model cannot do without Python code of its own, which is never run."""
    from transformers import CONFIG_MAPPING
    from transformers.models.auto.modeling_auto import MODEL_FOR_CAUSAL_LM_MAPPING_NAMES

    kind = config.get("model_type")
    if not kind:
        raise PlaygroundError(f"{folder.name}/config.json names no model_type, so its architecture is not known.")
    if kind in CONFIG_MAPPING and (kind in MODEL_FOR_CAUSAL_LM_MAPPING_NAMES or "auto_map" not in config):
        return  # transformers has an implementation, and `auto_map` is not followed
    if "auto_map" in config:
        raise PlaygroundError(
            f"{folder.name} brings Python code of its own (auto_map in config.json), which is not run here, and "
            f"transformers has no model of type {kind!r}. Choose a model that transformers implements."
        )
    raise PlaygroundError(f"transformers knows no model of type {kind!r} ({folder.name}). Choose another model.")


def _weights(folder: Path) -> tuple[Path, ...]:
    """The safetensors files of a model, all of them there."""
    if (folder / INDEX).exists():
        parts = read_json(folder / INDEX).get("weight_map")
        if not isinstance(parts, dict) or not parts:
            raise PlaygroundError(f"{folder.name}/{INDEX} lists no weights. Download it again.")
        named = sorted({folder / str(name) for name in parts.values()})
        if missing := [path.name for path in named if not path.exists()]:
            said = ", ".join(missing[:3]) + (" and more" if len(missing) > 3 else "")
            raise PlaygroundError(f"{folder.name} lacks {len(missing)} of {len(named)} weight files: {said}.")
        return tuple(named)
    if (folder / "model.safetensors").exists():
        return (folder / "model.safetensors",)
    pickled = sorted(path.name for path in folder.iterdir() if path.suffix in PICKLED)
    if pickled:
        raise PlaygroundError(
            f"The weights of {folder.name} are pickled ({pickled[0]}), and reading those can run any code. "
            "Choose a copy of the model in safetensors."
        )
    raise PlaygroundError(f"{folder.name} has no weights (model.safetensors). Download the model again.")
