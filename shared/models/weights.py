"""What a model's files say before it is loaded: parameters, window, languages, licence, and the memory that it will take.

Only the headers of safetensors files are read, so this takes milliseconds for a model of any size.
"""

import json
import re
import struct
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any, Literal

from shared import snapshots
from shared.errors import PlaygroundError

Quantise = Literal["", "int8", "nf4"]

CARD = "README.md"
LONGEST = 100 * 2**20  # bytes of a header; safetensors' own limit
NF4_BITS = 4.127  # a weight in NF4 with double quantisation: QLoRA (Dettmers et al. 2023), section 3
BITS = {
    "F64": 64, "F32": 32, "F16": 16, "BF16": 16, "F8_E4M3": 8, "F8_E5M2": 8, "F8_E8M0": 8, "F6_E2M3": 6, "F6_E3M2": 6, "F4": 4,
    "I64": 64, "U64": 64, "I32": 32, "U32": 32, "I16": 16, "U16": 16, "I8": 8, "U8": 8, "BOOL": 8, "C64": 64,
}  # fmt: skip
FLOATS = ("F64", "F32", "F16", "BF16")
TABLES = re.compile(r"embed|lm_head|\bwte\b|\bwpe\b|\bshared\b")  # what bitsandbytes leaves in 16 bits
PICKLED = ("*.bin", "*.pt", "*.pth", "*.ckpt", "*.pkl", "*.pickle")


@dataclass(frozen=True)
class Weights:
    """What the headers of a model's or an adapter's files add up to.

    Attributes:
        parameters: Numbers in all tensors.
        linear: Those of `parameters` in linear layers, which quantising shrinks.
        stored: Bytes on the disk.
        floats: Numbers kept in 16 bits or more.
        packed: Bytes of everything else: weights that are quantised already, whole numbers.
    """

    parameters: int
    linear: int
    stored: int
    floats: int
    packed: int

    def needs(self, quantise: Quantise = "", width: int = 2) -> int:
        """Memory of the loaded weights, in bytes.

        Args:
            quantise: "" as they are, "int8" (LLM.int8, Dettmers et al. 2022) or "nf4" (QLoRA, Dettmers et al. 2023) for the
                linear layers.
            width: Bytes of a number that is not quantised: 2 for bfloat16, 4 for float32.
        """
        if not quantise:
            return self.floats * width + self.packed
        small = self.linear * (8 if quantise == "int8" else NF4_BITS) / 8
        return round(small + (self.floats - self.linear) * width) + self.packed


@dataclass(frozen=True)
class Shape:
    """What config.json says about a model.

    Attributes:
        context: Its window in tokens; 0 when the file does not say.
        cache: Bytes that keys and values of one token take in 16 bits; 0 when the file does not say.
        kind: What transformers calls its architecture: "llama", "qwen3"; "" when the file does not say.
        chats: Whether it has a chat template, so that it was taught to answer.
    """

    context: int = 0
    cache: int = 0
    kind: str = ""
    chats: bool = False


@dataclass(frozen=True)
class Card:
    """What a model's README.md says at its top.

    Attributes:
        title: Its first heading; "" without one.
        licence: As the card names it; "" when it does not.
        languages: ISO 639 codes.
    """

    title: str = ""
    licence: str = ""
    languages: tuple[str, ...] = ()


def measure(folder: Path) -> Weights:
    """Add up the headers of a folder's safetensors files; of a GGUF file, its name tells the bits of a weight.

    Raises:
        PlaygroundError: There are none, some that the index names are missing, or one is broken; says what to do.
    """
    gguf = next(iter(sorted(folder.glob("*.gguf"))), None)
    if gguf is not None and not (folder / "config.json").exists():
        return _guess(gguf)
    totals = [0, 0, 0, 0, 0]
    for path in files(folder):
        for name, (dtype, shape) in _header(path).items():
            count, bits = prod(shape), BITS.get(dtype, 0)
            if not bits:
                raise PlaygroundError(f"'{path.name}' holds numbers of the unknown kind '{dtype}'.")
            floating = dtype in FLOATS
            shrinks = floating and len(shape) == 2 and not TABLES.search(name)
            size = count * bits // 8
            for place, amount in enumerate((count, shrinks * count, size, floating * count, (not floating) * size)):
                totals[place] += amount
    return Weights(*totals)


def files(folder: Path) -> list[Path]:
    """The safetensors files that make up a model or an adapter.

    Raises:
        PlaygroundError: There are none, or some that the index names are missing.
    """
    index = folder / "model.safetensors.index.json"
    if index.is_file():
        listed = _json(index).get("weight_map", {})
        names = sorted({str(name) for name in (listed.values() if isinstance(listed, dict) else ["weight_map"])})
        # a name that leads out of the folder is no file of this model
        missing = [name for name in names if Path(name).name != name or not (folder / name).is_file()]
        if missing:
            more = f" and {len(missing) - 1} more" if len(missing) > 1 else ""
            raise PlaygroundError(
                f"The model in '{folder.name}' is not whole: {missing[0]}{more} is missing. Fetch it again."
            )
        if names:
            return [folder / name for name in names]
    there = [path.name for path in sorted(folder.glob("*.safetensors"))]
    found, _ = snapshots.wanted(there, "models")
    if not found:
        raise PlaygroundError(_nothing(folder))
    return [folder / name for name in found]


def shape(folder: Path) -> Shape:
    """What config.json says, and whether there is a chat template; all unknown when there is no such file.

    Raises:
        PlaygroundError: The file is not JSON.
    """
    path = folder / "config.json"
    if not path.is_file():
        return Shape()
    config = _json(path)
    kind = str(config.get("model_type", ""))
    inner = config.get("text_config")
    config = inner if isinstance(inner, dict) else config

    def number(*names: str) -> int:
        return next((value for name in names if isinstance(value := config.get(name), int)), 0)

    heads = number("num_attention_heads", "n_head")
    width = number("head_dim") or number("hidden_size", "n_embd") // max(heads, 1)
    layers = number("num_hidden_layers", "n_layer")
    cache = 2 * layers * (number("num_key_value_heads") or heads) * width * 2
    return Shape(number("max_position_embeddings", "n_positions", "n_ctx"), cache, kind, _chats(folder))


def _chats(folder: Path) -> bool:
    if (folder / "chat_template.jinja").is_file() or (folder / "chat_template.json").is_file():
        return True
    path = folder / "tokenizer_config.json"
    return path.is_file() and bool(_json(path).get("chat_template"))


def card(folder: Path) -> Card:
    """What README.md says; all unknown when there is none, or its top cannot be read."""
    import yaml

    path = folder / CARD
    if not path.is_file():
        return Card()
    text = path.read_text(encoding="utf-8-sig", errors="replace")
    top = re.match(r"---\n(.*?)\n---(?:\n|\Z)", text, re.DOTALL)
    try:
        facts = yaml.safe_load(top[1]) if top else None
    except (yaml.YAMLError, ValueError, RecursionError):  # a date of day 99 is a ValueError
        facts = None
    facts = facts if isinstance(facts, dict) else {}
    heading = re.search(r"^# +(.+)$", text[top.end() if top else 0 :], re.MULTILINE)
    languages = facts.get("language") or []
    languages = languages if isinstance(languages, list) else [languages]
    return Card(
        heading[1].strip() if heading else "",
        str(facts.get("license") or ""),
        tuple(
            "no" if language is False else str(language) for language in languages
        ),  # YAML 1.1 reads Norwegian as false
    )


def adapted(folder: Path) -> str:
    """The model that an adapter was made for, as its adapter_config.json names it; "" when it does not say.

    Raises:
        PlaygroundError: There is no such file, so it is no adapter, or it is not JSON.
    """
    path = folder / "adapter_config.json"
    if not path.is_file():
        raise PlaygroundError(f"'{folder.name}' is not an adapter: it has no adapter_config.json.")
    return str(_json(path).get("base_model_name_or_path") or "")


def _guess(gguf: Path) -> Weights:
    """What transformers unpacks from a GGUF file; how many numbers follows from its size and the bits in its name (Q4_K_M)."""
    found = re.search(r"(?:^|[._-])(I?Q|B?F)(\d+)", gguf.name, re.IGNORECASE)
    bits = 4.5 if found is None else int(found[2]) + 0.5 * ("Q" in found[1].upper())
    stored = gguf.stat().st_size
    count = round(stored * 8 / bits)
    return Weights(count, count, stored, count, 0)


def _header(path: Path) -> dict[str, tuple[str, list[int]]]:
    """Kind and shape of every tensor of a file, by its name."""
    try:
        with path.open("rb") as file:
            start = file.read(8)
            (length,) = struct.unpack("<Q", start) if len(start) == 8 else (LONGEST + 1,)
            raw = file.read(length) if length <= LONGEST else b""
        tensors = {name: tensor for name, tensor in json.loads(raw).items() if name != "__metadata__"}
        return {
            name: (str(tensor.get("dtype")), [int(length) for length in tensor.get("shape", [])])
            for name, tensor in tensors.items()
        }
    except (ValueError, TypeError, AttributeError, RecursionError) as error:
        raise PlaygroundError(
            f"'{path.name}' is not a safetensors file, or only a part of one. Fetch it again."
        ) from error


def _json(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        raise PlaygroundError(f"'{path.parent.name}/{path.name}' is not JSON: {error}. Fetch it again.") from error
    if not isinstance(found, dict):
        raise PlaygroundError(f"'{path.parent.name}/{path.name}' does not hold names with values. Fetch it again.")
    return found


def _nothing(folder: Path) -> str:
    """Why there are no weights to load."""
    pickled = sorted(path.name for pattern in PICKLED for path in folder.glob(pattern))
    if pickled:
        return (
            f"The weights in '{folder.name}' are pickled ({pickled[0]}), and loading them could run code. Only safetensors are"
            " loaded: look for a revision that has them, or convert the model where you trust it."
        )
    return f"'{folder.name}' holds no safetensors file, so there are no weights to load. Fetch the model again."
