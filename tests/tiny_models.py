"""Tiny models with random weights, made on the fly in the formats of real ones: base, other architectures, adapters."""

import json
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

SENTENCES = [
    "The quick brown fox jumps over the lazy dog, and then it runs home through the rain.",
    "Once upon a time there was a small model that learned to count: 1, 2, 3, 4, 5, 6, 7, 8, 9, 10.",
    "def add(a, b):\n    return a + b\n\nprint(add(2, 3))",
    "小模型学会了数数。今天天气很好，我们去公园散步吧。",
    "Grüße aus Köln! Das Mädchen mag Äpfel, Öl und Übermut.",
    "Emoji: 😀 😃 👩‍👩‍👧 🎉. Symbols: € £ → ∀ ∃.",
]
TEMPLATE = (
    "{% for m in messages %}<|im_start|>{{ m['role'] }}\n{{ m['content'] }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
SPREAD = 0.3  # of the weights: far-apart logits, so that rounding decides nothing
SPECIAL = ["<|endoftext|>", "<|im_start|>", "<|im_end|>", "<|pad|>"]


@cache
def _tokenizer_json(vocab: int) -> str:
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocab,
        special_tokens=SPECIAL,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(SENTENCES, trainer)
    return tokenizer.to_str()


def tiny_tokenizer(folder: Path, vocab: int = 384, template: str = TEMPLATE, window: int = 256) -> Path:
    """A byte-level BPE tokenizer, trained on a few sentences."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "tokenizer.json").write_text(_tokenizer_json(vocab), "utf-8")
    config = {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "bos_token": SPECIAL[0],
        "eos_token": SPECIAL[2],
        "pad_token": SPECIAL[3],
        "model_max_length": window,
        "clean_up_tokenization_spaces": False,
    }
    (folder / "tokenizer_config.json").write_text(json.dumps(config), "utf-8")
    if template:
        (folder / "chat_template.jinja").write_text(template, "utf-8")
    return folder


def tiny_llama(
    folder: Path,
    layers: int = 2,
    hidden: int = 32,
    vocab: int = 384,
    seed: int = 0,
    window: int = 256,
    template: str = TEMPLATE,
    spread: float = SPREAD,
) -> Path:
    """A Llama with random weights, about 50 KB: grouped keys, tied embeddings; answers are gibberish, but always the same."""
    from transformers import LlamaConfig

    config = LlamaConfig(
        hidden_size=hidden,
        intermediate_size=hidden * 2,
        num_hidden_layers=layers,
        num_attention_heads=4,
        num_key_value_heads=2,
        tie_word_embeddings=True,
        **_common(vocab, window) | {"initializer_range": spread},
    )
    return _save(folder, config, seed, template)


def tiny_qwen(folder: Path, seed: int = 0, window: int = 256) -> Path:
    """A Qwen2: biases in attention, and a head of its own."""
    from transformers import Qwen2Config

    config = Qwen2Config(
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=4,
        tie_word_embeddings=False,
        **_common(384, window),
    )
    return _save(folder, config, seed)


def tiny_gpt2(folder: Path, seed: int = 0, window: int = 256) -> Path:
    """A GPT-2: learned positions, and linear layers stored the other way round."""
    from transformers import GPT2Config

    common = _common(384, window)
    common["n_positions"] = common.pop("max_position_embeddings")
    return _save(folder, GPT2Config(n_embd=32, n_layer=2, n_head=4, **common), seed)


def tiny_mamba(folder: Path, seed: int = 0, window: int = 256) -> Path:
    """A Mamba: a state instead of keys and values, so that rows of unequal length cannot be padded."""
    from transformers import MambaConfig

    common = _common(384, window) | {"state_size": 4}
    return _save(folder, MambaConfig(hidden_size=32, num_hidden_layers=2, **common), seed)


def tiny_adapter(folder: Path, base: Path, seed: int = 0, name: str = "", **lora: object) -> Path:
    """A LoRA adapter with random weights on every linear layer.

    Args:
        folder: Where to.
        base: The base's folder.
        seed: Of its weights.
        name: What it says its base is; "" says the folder.
        lora: Other settings of peft's LoraConfig.
    """
    import torch
    from peft import LoraConfig, get_peft_model
    from transformers import AutoModelForCausalLM

    settings = {"r": 4, "lora_alpha": 16, "target_modules": "all-linear", "init_lora_weights": False} | lora
    model = AutoModelForCausalLM.from_pretrained(base, dtype=torch.float32)
    torch.manual_seed(seed)
    with peft_quietly():
        adapted = get_peft_model(model, LoraConfig(task_type="CAUSAL_LM", **settings))
    adapted.save_pretrained(folder)
    said = json.loads((folder / "adapter_config.json").read_text("utf-8"))
    said["base_model_name_or_path"] = name or str(base)
    (folder / "adapter_config.json").write_text(json.dumps(said), "utf-8")
    (folder / "README.md").unlink(missing_ok=True)
    return folder


@contextmanager
def peft_quietly() -> Iterator[None]:
    """peft 0.21.2 asks transformers 5.23 in a way that will go in version 6."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*is_gradient_checkpointing.*", category=FutureWarning)
        yield


def _common(vocab: int, window: int) -> dict[str, object]:
    return {
        "vocab_size": vocab,
        "max_position_embeddings": window,
        "bos_token_id": 0,
        "eos_token_id": 2,
        "pad_token_id": 3,
        "initializer_range": SPREAD,
    }


def _save(folder: Path, config: object, seed: int, template: str = TEMPLATE) -> Path:
    import torch
    from transformers import AutoModelForCausalLM

    torch.manual_seed(seed)
    model = AutoModelForCausalLM.from_config(config, dtype=torch.float32)
    model.save_pretrained(folder)
    return tiny_tokenizer(folder, config.vocab_size, template, getattr(config, "max_position_embeddings", 256))
