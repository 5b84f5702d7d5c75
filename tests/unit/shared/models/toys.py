"""Models for tests that have files but no network inside: headers of safetensors, and a stand-in for a loaded model."""

import json
import struct
import threading
from pathlib import Path
from typing import Any

from shared.errors import PlaygroundError
from shared.models.protocol import Delta, Finish, Start, Usage
from shared.models.scripted import Scripted

WORDS = (Start("toy", "<prompt>"), Delta("four"), Delta(" words"), Usage(3, 2), Finish("stop"))
CONFIG = {
    "model_type": "llama", "hidden_size": 8, "num_attention_heads": 4, "num_key_value_heads": 2, "num_hidden_layers": 3,
    "max_position_embeddings": 128,
}  # fmt: skip
SIZES = {"F32": 4, "F16": 2, "BF16": 2, "I32": 4, "U8": 1, "F8_E4M3": 1, "BOOL": 1}


def write_safetensors(path: Path, tensors: dict[str, tuple[str, list[int]]]) -> None:
    """A file with zeros, byte for byte what the library writes."""
    header: dict[str, Any] = {"__metadata__": {"format": "pt"}}
    end = 0
    for name, (dtype, shape) in tensors.items():
        size = SIZES[dtype]
        for length in shape:
            size *= length
        header[name] = {"dtype": dtype, "shape": shape, "data_offsets": [end, end + size]}
        end += size
    raw = json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(raw)) + raw + bytes(end))


TENSORS = {
    "model.embed_tokens.weight": ("BF16", [16, 8]),
    "model.layers.0.mlp.up_proj.weight": ("BF16", [32, 8]),
    "model.norm.weight": ("BF16", [8]),
}


def make_model(folder: Path, tensors: dict[str, tuple[str, list[int]]] | None = None, **config: Any) -> Path:
    """A folder as a model has it: 16 x 8 + 32 x 8 + 8 = 392 parameters."""
    folder.mkdir(parents=True)
    (folder / "config.json").write_text(json.dumps(CONFIG | config))
    (folder / "tokenizer.json").write_text("{}")
    write_safetensors(folder / "model.safetensors", TENSORS if tensors is None else tensors)
    return folder


def make_adapter(folder: Path, base: str) -> Path:
    """A folder as an adapter has it."""
    folder.mkdir(parents=True)
    (folder / "adapter_config.json").write_text(json.dumps({"peft_type": "LORA", "base_model_name_or_path": base}))
    write_safetensors(folder / "adapter_model.safetensors", {"a.lora_A.weight": ("F32", [2, 8])})
    return folder


def make_embedded(folder: Path) -> Path:
    """What ships: two models and an adapter."""
    make_model(folder / "mini")
    make_model(folder / "micro")
    (folder / "mini" / "README.md").write_text("---\nlicense: mit\nlanguage: [en, zh]\n---\n# Mini, the larger one\n")
    make_adapter(folder / "adapters" / "json", "builtin:mini")
    return folder


class Toy:
    """Stands in for a model in memory: counts what is loaded, and answers WORDS."""

    def __init__(self, folder: Path, ref: str, quantise: str, draft: Any, size: int, script: Any = WORDS) -> None:
        self.folder, self.ref, self.quantise, self.draft, self.bytes = folder, ref, quantise, draft, size
        self.script = script
        self.answering = 0
        self.closed = False
        self.views: dict[str, Scripted] = {}

    def view(self, ref: str, adapter: Path | None = None) -> Scripted:
        if adapter is not None and "json" not in adapter.name and "good" not in ref:
            raise PlaygroundError(f"{ref}: the adapter is of another base")
        self.views[ref] = Scripted(ref, self.script, scores={})
        return self.views[ref]

    def close(self) -> None:
        assert not self.closed
        self.closed = True


class Loader:
    """Loads toys, and remembers them."""

    def __init__(self, size: int = 784, script: Any = WORDS) -> None:
        self.size, self.script = size, script
        self.made: list[Toy] = []
        self.lock = threading.Lock()

    def __call__(self, folder: Path, ref: str, quantise: str, draft: Any) -> Toy:
        toy = Toy(folder, ref, quantise, draft, self.size, self.script)
        with self.lock:
            self.made.append(toy)
        return toy
