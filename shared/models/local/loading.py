"""A checkpoint becomes a network: weights, tokenizer, window and end tokens, with nothing of it able to run code."""

import contextlib
import inspect as signatures
import json
import struct
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any, Literal

import psutil

from shared.errors import PlaygroundError
from shared.models.local.adapters import Layers
from shared.models.local.cache import bytes_per_token
from shared.models.local.checkpoint import Checkpoint

Quantise = Literal["", "int8", "nf4"]
WINDOW = 4096  # of a model that says none, and whose tokenizer says none
BOUNDLESS = 10**9  # tokenizers without a limit say 10^30
ATTENTION = {"full_attention", "sliding_attention", "chunked_attention"}
LEAST_CACHE = 2**26


@dataclass(frozen=True, eq=False)
class Network:
    """A model that can be run.

    Attributes:
        model: transformers' model, in evaluation mode.
        tokenizer: Its tokenizer.
        window: Tokens of prompt and answer together.
        ends: Tokens that end an answer.
        parameters: How many there are, quantised ones counted whole.
        bytes: Memory of the weights.
        layers: Where adapters go.
        batches: Whether rows can join and leave between steps; state-space models cannot be padded.
        cell: Bytes of one token's keys and values.
        cache: Bytes that keys and values of all answers together may take.
        chunk: Tokens of a prompt that are read in one step.
        known: Arguments that the model's forward takes.
        reads: How a token reads in the middle of a text.
    """

    model: Any
    tokenizer: Any
    window: int
    ends: frozenset[int]
    parameters: int
    bytes: int
    layers: Layers
    batches: bool
    cell: int
    cache: int
    chunk: int
    known: frozenset[str]
    reads: Callable[[int], str]

    @property
    def device(self) -> Any:
        """Where its input goes."""
        return self.model.device

    @cached_property
    def vocabulary(self) -> Any:
        """The tokens as llguidance wants them, which takes up to a second for large vocabularies.

        Raises:
            ValueError: The tokenizer is of a kind that it does not know.
        """
        from llguidance import hf

        return hf.from_tokenizer(self.tokenizer, eos_token=sorted(self.ends) or None)

    def decode(self, ids: Sequence[int]) -> str:
        """Tokens to text, special tokens left out."""
        return str(self.tokenizer.decode(list(ids), skip_special_tokens=True, clean_up_tokenization_spaces=False))


def load(checkpoint: Checkpoint, quantise: Quantise = "", device: str = "") -> Network:
    """Load a checkpoint.

    In bfloat16 on a GPU; on a processor in float32, or bfloat16 where float32 would take more than half of the memory
    that is free.

    Args:
        checkpoint: What to load.
        quantise: Shrink the linear layers while loading: to 8 bits (LLM.int8) or to NF4 with double quantisation.
        device: As torch names it; "" takes the first GPU if there is one.

    Raises:
        PlaygroundError: A package is missing, weights are missing or broken, or memory does not suffice.
    """
    import torch
    from transformers.utils import logging as transformers_logging

    name = checkpoint.folder.name
    where = torch.device(device or ("cuda" if torch.cuda.is_available() else "cpu"))
    if quantise and checkpoint.quantisation:
        raise PlaygroundError(f"{name} is quantised already ({checkpoint.quantisation}). Load it as it is.")
    if quantise and checkpoint.gguf:
        raise PlaygroundError(f"{name} is a GGUF file, which is unpacked when loaded. Load it as it is.")
    options: dict[str, Any] = {"trust_remote_code": False, "local_files_only": True}
    if checkpoint.gguf:
        options["gguf_file"] = checkpoint.gguf
    silence: Any = transformers_logging.disable_progress_bar  # a server's log is no terminal
    silence()
    with _explained(checkpoint):
        tokenizer = _tokenizer(checkpoint, options)
        model = _model(checkpoint, options, quantise, where)
    return _network(model, tokenizer, where)


def _tokenizer(checkpoint: Checkpoint, options: dict[str, Any]) -> Any:
    from transformers import AutoTokenizer

    return AutoTokenizer.from_pretrained(checkpoint.folder, **options)


def _model(checkpoint: Checkpoint, options: dict[str, Any], quantise: Quantise, where: Any) -> Any:
    import torch
    from transformers import AutoModelForCausalLM

    read: Any = AutoModelForCausalLM.from_pretrained
    dtype = torch.bfloat16 if where.type != "cpu" else _cpu_dtype(checkpoint)
    options = options | {"dtype": dtype, "attn_implementation": "sdpa"}
    if not checkpoint.gguf:
        options["use_safetensors"] = True
    if quantise:
        options |= {"quantization_config": _quantisation(quantise, dtype), "device_map": {"": str(where)}}
    elif checkpoint.quantisation:
        options["device_map"] = {"": str(where)}
    try:
        model, said = read(checkpoint.folder, output_loading_info=True, **options)
    except ValueError as error:
        if "sdpa" not in str(error) and "scaled_dot_product_attention" not in str(error):
            raise
        options["attn_implementation"] = "eager"
        model, said = read(checkpoint.folder, output_loading_info=True, **options)
    if missing := sorted(said["missing_keys"]):
        some = ", ".join(missing[:3]) + (" and more" if len(missing) > 3 else "")
        raise PlaygroundError(f"{checkpoint.folder.name} lacks {len(missing)} weights: {some}. Download it again.")
    if not getattr(model, "hf_device_map", None) and where.type != "cpu":
        model.to(where)
    model.eval().requires_grad_(requires_grad=False)
    if quantise == "nf4" and where.type == "cpu":
        _settle(model)
    return model


def _settle(model: Any) -> None:
    """Let bitsandbytes 0.50 pack NF4 weights for this processor now, not in the first steps of two threads at once.

    It does so in a layer's first step, with blocks of 32 outputs and 64 inputs; other layers stay as they are.
    """
    import torch

    for layer in model.modules():
        if hasattr(layer, "support_avx512bf16_for_cpu") and (layer.out_features % 32 or layer.in_features % 64):
            layer.support_avx512bf16_for_cpu = False
    with torch.no_grad():
        model(input_ids=torch.zeros((1, 1), dtype=torch.long))


def _cpu_dtype(checkpoint: Checkpoint) -> Any:
    """float32, unless bfloat16 weights on disk would take more than half of the free memory that way."""
    import torch

    grows = 2 if checkpoint.config.get("dtype", checkpoint.config.get("torch_dtype")) in ("bfloat16", "float16") else 1
    return torch.bfloat16 if checkpoint.bytes * grows > psutil.virtual_memory().available / 2 else torch.float32


def _quantisation(quantise: Quantise, dtype: Any) -> Any:
    from transformers import BitsAndBytesConfig

    make: Any = BitsAndBytesConfig
    if quantise == "int8":
        return make(load_in_8bit=True)
    return make(
        load_in_4bit=True,
        bnb_4bit_quant_type="nf4",
        bnb_4bit_use_double_quant=True,  # 4.127 bits a parameter instead of 4.5
        bnb_4bit_compute_dtype=dtype,
    )


@contextlib.contextmanager
def _explained(checkpoint: Checkpoint) -> Iterator[None]:
    """Say in words what libraries raise about a checkpoint that cannot be loaded."""
    import torch
    from huggingface_hub.errors import StrictDataclassError
    from safetensors import SafetensorError

    name = checkpoint.folder.name

    def first(error: Exception) -> str:
        """What a library says, without the rest of this machine's paths."""
        said = str(error).strip().replace(f"{checkpoint.folder.parent}/", "")
        return (said.splitlines() or [type(error).__name__])[0]

    try:
        yield
    except ImportError as error:
        raise PlaygroundError(f"{name} needs a package that is not installed: {first(error)}") from error
    except torch.OutOfMemoryError as error:
        raise PlaygroundError(f"{name} does not fit into the memory. Load it in 4 bits, or a smaller one.") from error
    except (SafetensorError, json.JSONDecodeError, struct.error) as error:
        raise PlaygroundError(f"{name} has a broken file ({first(error)}). Download the model again.") from error
    except (OSError, ValueError, KeyError, TypeError, RuntimeError, StrictDataclassError) as error:
        raise PlaygroundError(f"{name} cannot be loaded: {first(error)}") from error


def _network(model: Any, tokenizer: Any, where: Any) -> Network:
    """What the worker needs to know about a loaded model."""
    config = model.config.get_text_config()
    own = model.generation_config
    known = frozenset(signatures.signature(model.forward).parameters)
    kinds = set(getattr(config, "layer_types", None) or ())
    parameters = model.num_parameters()
    ids = _flat(own.eos_token_id) | _flat(getattr(config, "eos_token_id", None)) | _flat(tokenizer.eos_token_id)
    pad = min(_flat(own.pad_token_id) | _flat(tokenizer.pad_token_id) or ids or {0})
    # settings that a checkpoint recommends must not mix with what was asked for
    model.generation_config = _clean(ends=sorted(ids), pad=pad)
    return Network(
        model=model,
        tokenizer=tokenizer,
        window=_window(config, tokenizer),
        ends=frozenset(ids),
        parameters=parameters,
        bytes=count_bytes(model),
        layers=Layers(model),
        batches=kinds <= ATTENTION and not getattr(model, "_is_stateful", False) and "past_key_values" in known,
        cell=bytes_per_token(config, model.dtype.itemsize),
        cache=_cache_bytes(where),
        chunk=2048 if where.type != "cpu" else max(64, min(2048, round(2.5e9 / parameters))),
        known=known,
        reads=_reader(tokenizer),
    )


def generation(network: Network, **settings: Any) -> Any:
    """Settings for transformers' `generate`: these, the model's end tokens, and nothing that its checkpoint recommends."""
    own = network.model.generation_config
    return _clean(ends=own.eos_token_id, pad=own.pad_token_id, **settings)


def _clean(ends: list[int] | None, pad: int, **settings: Any) -> Any:
    from transformers import GenerationConfig

    make: Any = GenerationConfig
    return make(eos_token_id=ends or None, pad_token_id=pad, **settings)


def _flat(ids: int | list[int] | None) -> set[int]:
    """One token, several or none, as a set."""
    return set() if ids is None else set(ids) if isinstance(ids, list | tuple) else {ids}


def _window(config: Any, tokenizer: Any) -> int:
    """Tokens that the model was made for."""
    for key in ("max_position_embeddings", "n_positions", "max_seq_len", "seq_length", "n_ctx"):
        if isinstance(size := getattr(config, key, None), int) and size > 0:
            return size
    said = tokenizer.model_max_length
    return int(said) if said and said < BOUNDLESS else WINDOW


def _cache_bytes(where: Any) -> int:
    """Half of what is free when the weights are loaded."""
    import torch

    free = torch.cuda.mem_get_info(where)[0] if where.type == "cuda" else psutil.virtual_memory().available
    return max(LEAST_CACHE, free // 2)


def count_bytes(model: Any) -> int:
    """Memory of a model's weights, with what quantisation keeps beside them; shared memory counts once."""
    seen: dict[int, int] = {}
    for tensor in _tensors(model):
        storage = tensor.untyped_storage()
        seen[storage.data_ptr()] = storage.nbytes()
    return sum(seen.values())


def _tensors(model: Any) -> Iterator[Any]:
    import torch

    yield from model.buffers()
    for parameter in model.parameters():
        yield parameter
        for state in (getattr(parameter, "quant_state", None), getattr(parameter, "SCB", None)):
            if isinstance(state, torch.Tensor):
                yield state
            while state is not None and not isinstance(state, torch.Tensor):
                parts = (state.absmax, state.code, getattr(state, "offset", None))
                yield from (each for each in parts if isinstance(each, torch.Tensor))
                state = getattr(state, "state2", None)


def _reader(tokenizer: Any) -> Callable[[int], str]:
    """How a token reads in the middle of a text, where SentencePiece does not drop its space."""
    anchor = tokenizer("a", add_special_tokens=False)["input_ids"][-1:]

    @lru_cache(maxsize=2**16)
    def reads(token: int) -> str:
        alone = tokenizer.decode([token], clean_up_tokenization_spaces=False)
        before = tokenizer.decode(anchor, clean_up_tokenization_spaces=False)
        both = str(tokenizer.decode([*anchor, token], clean_up_tokenization_spaces=False))
        return both[len(before) :] if both.startswith(before) else str(alone)

    return reads
