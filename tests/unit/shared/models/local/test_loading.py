"""Weights in every format, and in words why some cannot be loaded."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from shared.errors import PlaygroundError
from shared.models.local import LocalModel
from shared.models.local.checkpoint import inspect
from shared.models.local.loading import _cpu_dtype, _network, _window, count_bytes, load
from tests.tiny_models import tiny_adapter, tiny_llama
from tests.unit.shared.models.local.conftest import ask, greedy, text_of

IDS = torch.arange(30)[None] + 40


@pytest.fixture
def folder(tiny: Path, tmp_path: Path) -> Path:
    """A model that a test may spoil."""
    return Path(shutil.copytree(tiny / "llama", tmp_path / "model"))


@pytest.fixture(scope="module")
def wide(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model whose layers are large enough for quantisation's tables not to count."""
    return tiny_llama(tmp_path_factory.mktemp("wide") / "wide", layers=1, hidden=512, spread=0.02)


def linear_bits(model: LocalModel) -> float:
    """Bits a linear parameter, between the embeddings, with everything that belongs to it."""
    layers = model.network.model.model.layers
    whole = sum(layer.in_features * layer.out_features for layer in layers.modules() if hasattr(layer, "in_features"))
    other = sum(each.numel() * each.element_size() for name, each in layers.named_parameters() if "norm" in name)
    return (count_bytes(layers) - other) * 8 / whole


@pytest.mark.parametrize(("quantise", "bits"), [("nf4", 4.3), ("int8", 8.2)])
def test_quantised_models_are_small_and_answer(wide: Path, tmp_path: Path, quantise: Any, bits: float) -> None:
    model = LocalModel(wide, "builtin:wide", quantise=quantise, device="cpu")
    plain = LocalModel(wide, "builtin:wide", device="cpu")
    assert bits * 0.9 < linear_bits(model) <= bits
    assert model.parameters == plain.parameters
    assert model.bytes < plain.bytes / 2.5
    with torch.inference_mode():
        one, two = (each.network.model(IDS).logits for each in (model, plain))
    assert 0 < (one - two).norm() / two.norm() < 0.2
    adapter = tiny_adapter(tmp_path / "adapter", wide)
    assert text_of(ask(model.view("a", adapter), greedy("Once"))) != text_of(ask(model.view("a"), greedy("Once")))
    model.close()
    plain.close()


def test_a_quantised_model_with_dora_equals_its_dequantised_base(wide: Path, tmp_path: Path) -> None:
    adapter = tiny_adapter(tmp_path / "adapter", wide, use_dora=True, target_modules=["q_proj"])
    model = LocalModel(wide, "builtin:wide", quantise="nf4", device="cpu")
    plain = LocalModel(wide, "builtin:wide", device="cpu")
    layers = dict(model.network.model.named_modules())
    for name, layer in plain.network.model.named_modules():
        if name.endswith("proj"):
            with torch.no_grad():
                layer.weight.data = layers[name](torch.eye(layer.in_features)).T.contiguous()
    found = []
    for each in (model, plain):
        with torch.inference_mode(), each.network.layers.use([each.view("a", adapter)._adapter]):
            found.append(each.network.model(IDS).logits)
    assert torch.allclose(*found, atol=0.03)  # packed weights may be multiplied in bfloat16
    model.close()
    plain.close()


def test_nf4_layers_of_any_shape_answer(tiny: Path) -> None:
    model = LocalModel(tiny / "llama", "builtin:tiny", quantise="nf4", device="cpu")
    assert text_of(ask(model.view("a"), greedy("Once")))
    model.close()


def test_int8_needs_no_gpu_and_nothing_is_quantised_twice(folder: Path) -> None:
    edit(folder, quantization_config={"quant_method": "gptq", "bits": 4})
    with pytest.raises(PlaygroundError, match=r"model is quantised already \(gptq\)"):
        load(inspect(folder), "int8", "cpu")


@pytest.mark.parametrize(
    "settings",
    [{"quant_method": "gptq", "bits": 4}, {"quant_method": "awq", "bits": 4, "group_size": 32}],
    ids=lambda settings: settings["quant_method"],
)
def test_a_format_without_its_package_says_which(folder: Path, settings: dict[str, Any]) -> None:
    edit(folder, quantization_config=settings)
    with pytest.raises(
        PlaygroundError, match=r"model needs a package that is not installed: .*(gptqmodel|optimum|awq)"
    ):
        load(inspect(folder), "", "cpu")


def edit(folder: Path, **values: Any) -> None:
    file = folder / "config.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | values))


def cut(folder: Path) -> None:
    file = folder / "model.safetensors"
    file.write_bytes(file.read_bytes()[:5000])


def forget(folder: Path) -> None:
    weights = load_file(folder / "model.safetensors")
    kept = {key: value for key, value in weights.items() if "q_proj" not in key and "mlp" not in key}
    save_file(kept, folder / "model.safetensors", {"format": "pt"})


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (cut, "model (has a broken file|cannot be loaded)"),
        (forget, r"model lacks 8 weights: model.layers.0.mlp.down_proj.weight, .* and more"),
        (lambda f: edit(f, hidden_size=64), "model cannot be loaded"),
        (lambda f: edit(f, hidden_size="wide"), "model cannot be loaded"),
        (lambda f: (f / "tokenizer.json").write_text("{}"), "model "),
    ],
    ids=["cut", "forget", "shape", "type", "tokenizer"],
)
def test_what_is_refused(folder: Path, spoil: Callable[[Path], None], words: str) -> None:
    spoil(folder)
    with pytest.raises(PlaygroundError, match=words):
        load(inspect(folder), "", "cpu")


def write_gguf(folder: Path, source: Path) -> None:
    """A Llama as a GGUF file of 32-bit numbers."""
    import gguf
    from transformers import AutoModelForCausalLM

    folder.mkdir()
    model = AutoModelForCausalLM.from_pretrained(source, dtype=torch.float32)
    config, said = model.config, json.loads((source / "tokenizer.json").read_text("utf-8"))
    writer = gguf.GGUFWriter(str(folder / "tiny.gguf"), "llama")
    writer.add_context_length(config.max_position_embeddings)
    writer.add_embedding_length(config.hidden_size)
    writer.add_block_count(config.num_hidden_layers)
    writer.add_feed_forward_length(config.intermediate_size)
    writer.add_head_count(config.num_attention_heads)
    writer.add_head_count_kv(config.num_key_value_heads)
    writer.add_layer_norm_rms_eps(config.rms_norm_eps)
    writer.add_rope_dimension_count(config.head_dim)
    writer.add_rope_freq_base(config.rope_parameters["rope_theta"])
    writer.add_vocab_size(config.vocab_size)
    names = {number: token for token, number in said["model"]["vocab"].items()}
    special = {each["id"] for each in said["added_tokens"]}
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("gpt-2")
    writer.add_token_list([names[number] for number in range(len(names))])
    kinds = (gguf.TokenType.NORMAL, gguf.TokenType.CONTROL)
    writer.add_token_types([kinds[number in special] for number in range(len(names))])
    writer.add_token_merges([" ".join(pair) if isinstance(pair, list) else pair for pair in said["model"]["merges"]])
    writer.add_bos_token_id(0)
    writer.add_eos_token_id(2)
    writer.add_pad_token_id(3)
    for name, value in tensors(model):
        writer.add_tensor(name, value)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def tensors(model: Any) -> list[tuple[str, Any]]:
    """Weights by GGUF's names, attention in llama.cpp's order."""
    weights = {key: value.numpy() for key, value in model.state_dict().items()}
    found = [
        ("token_embd.weight", weights["model.embed_tokens.weight"]),
        ("output_norm.weight", weights["model.norm.weight"]),
    ]
    names = {
        "input_layernorm": "attn_norm",
        "post_attention_layernorm": "ffn_norm",
        "self_attn.q_proj": "attn_q",
        "self_attn.k_proj": "attn_k",
        "self_attn.v_proj": "attn_v",
        "self_attn.o_proj": "attn_output",
        "mlp.gate_proj": "ffn_gate",
        "mlp.up_proj": "ffn_up",
        "mlp.down_proj": "ffn_down",
    }
    heads = {"attn_q": model.config.num_attention_heads, "attn_k": model.config.num_key_value_heads}
    for layer in range(model.config.num_hidden_layers):
        for key, name in names.items():
            value = weights[f"model.layers.{layer}.{key}.weight"]
            if name in heads:
                halves = value.reshape(heads[name], 2, value.shape[0] // heads[name] // 2, value.shape[1])
                value = halves.swapaxes(1, 2).reshape(value.shape)
            found.append((f"blk.{layer}.{name}.weight", value))
    return found


def test_gguf(tiny: Path, tmp_path: Path, llama: LocalModel) -> None:
    write_gguf(tmp_path / "gguf", tiny / "llama")
    checkpoint = inspect(tmp_path / "gguf")
    assert checkpoint.gguf == "tiny.gguf"
    model = LocalModel(tmp_path / "gguf", "local:gguf", device="cpu")
    assert text_of(ask(model.view("a"), greedy("Once upon a time"))) == text_of(
        ask(llama.view("a"), greedy("Once upon a time"))
    )
    model.close()
    with pytest.raises(PlaygroundError, match="is a GGUF file, which is unpacked"):
        load(checkpoint, "nf4", "cpu")
    (tmp_path / "gguf" / "tiny.gguf").write_bytes(b"GGUF")
    with pytest.raises(PlaygroundError, match="gguf "):
        load(inspect(tmp_path / "gguf"), "", "cpu")


def test_numbers_of_half_precision_where_memory_is_short() -> None:
    def checkpoint(size: int, dtype: str) -> Any:
        return SimpleNamespace(bytes=size, config={"dtype": dtype})

    assert _cpu_dtype(checkpoint(1000, "bfloat16")) is torch.float32
    assert _cpu_dtype(checkpoint(2**60, "bfloat16")) is torch.bfloat16


def test_windows() -> None:
    tokenizer = SimpleNamespace(model_max_length=int(1e30))
    assert _window(SimpleNamespace(n_positions=77), tokenizer) == 77
    assert _window(SimpleNamespace(), SimpleNamespace(model_max_length=55)) == 55
    assert _window(SimpleNamespace(), tokenizer) == 4096


def test_every_end_token_counts(tiny: Path) -> None:
    from transformers import AutoModelForCausalLM, AutoTokenizer

    model = AutoModelForCausalLM.from_pretrained(tiny / "llama")
    model.generation_config.eos_token_id = [2, 7, 9]
    model.generation_config.top_k = 3
    network = _network(model, AutoTokenizer.from_pretrained(tiny / "llama"), torch.device("cpu"))
    assert network.ends == {2, 7, 9}
    assert network.model.generation_config.top_k is None
    assert network.model.generation_config.pad_token_id == 3


def test_state_space_models_are_not_padded(tiny: Path) -> None:
    from transformers import AutoModelForCausalLM, AutoTokenizer

    model = AutoModelForCausalLM.from_pretrained(tiny / "llama")
    assert _network(model, AutoTokenizer.from_pretrained(tiny / "llama"), torch.device("cpu")).batches
    model.config.layer_types = ["full_attention", "linear_attention"]
    assert not _network(model, AutoTokenizer.from_pretrained(tiny / "llama"), torch.device("cpu")).batches


def test_sentencepiece_tokens_keep_their_space(llama: LocalModel) -> None:
    ids = llama.tokenizer("the fox")["input_ids"]
    assert "".join(map(llama.network.reads, ids)) == "the fox"
    assert llama.network.reads(2) == "<|im_end|>"
