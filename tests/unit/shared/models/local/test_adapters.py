"""Adapters beside their base equal peft's own, and those of another base are refused in words."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from shared.errors import PlaygroundError
from shared.models.local import LocalModel
from shared.models.local.adapters import WEIGHTS
from tests.tiny_models import peft_quietly, tiny_adapter, tiny_llama
from tests.unit.shared.models.local.conftest import ask, greedy, text_of

IDS = torch.arange(40).view(2, 20) + 30


def peers(base: Path, adapter: Path) -> Any:
    from peft import PeftModel
    from transformers import AutoModelForCausalLM

    model = AutoModelForCausalLM.from_pretrained(base, dtype=torch.float32)
    with peft_quietly(), torch.no_grad():
        return PeftModel.from_pretrained(model, adapter).eval()(IDS).logits


def ours(model: LocalModel, adapter: Path) -> Any:
    loaded = model.view("x+y", adapter)._adapter
    with torch.no_grad(), model.network.layers.use([None, loaded]):
        mixed = model.network.model(IDS).logits[1]
    with torch.no_grad(), model.network.layers.use([loaded]):
        found = model.network.model(IDS).logits
    assert torch.allclose(mixed, found[1], atol=1e-5)
    return found


@pytest.mark.parametrize(
    "lora",
    [
        {"r": 2},
        {"use_rslora": True, "r": 8, "lora_alpha": 4},
        {"use_dora": True},
        {"rank_pattern": {"q_proj": 2}, "alpha_pattern": {"layers.1.mlp.up_proj": 3}},
        {"target_modules": ["v_proj"], "modules_to_save": ["lm_head"]},
        {"target_modules": ["q_proj"], "modules_to_save": ["embed_tokens"]},
    ],
    ids=str,
)
def test_kinds_of_lora_equal_peft(tiny: Path, tmp_path: Path, lora: dict[str, Any]) -> None:
    adapter = tiny_adapter(tmp_path / "adapter", tiny / "qwen", 5, **lora)
    weights = load_file(adapter / WEIGHTS)
    torch.manual_seed(0)
    save_file({key: value + 0.05 * torch.randn_like(value) for key, value in weights.items()}, adapter / WEIGHTS)
    model = LocalModel(tiny / "qwen", "builtin:qwen", device="cpu")
    with torch.no_grad():
        before = model.network.model(IDS).logits
    found = ours(model, adapter)
    assert torch.allclose(found, peers(tiny / "qwen", adapter), atol=2e-5)
    assert (found - before).abs().max() > 0.01
    with torch.no_grad():
        assert torch.equal(model.network.model(IDS).logits, before)
    model.close()


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_an_adapter_saved_in_16_bits_is_computed_in_32_as_peft_does(tiny: Path, red: Path, dtype: Any) -> None:
    save_file({key: value.to(dtype) for key, value in load_file(red / WEIGHTS).items()}, red / WEIGHTS)
    model = LocalModel(tiny / "llama", "builtin:tiny", device="cpu")
    before = model.bytes
    assert torch.allclose(ours(model, red), peers(tiny / "llama", red), atol=2e-5)
    assert model.bytes - before == (tiny / "red" / WEIGHTS).stat().st_size - _header(tiny / "red" / WEIGHTS)
    model.close()


def test_layers_stored_the_other_way_round(tiny: Path, tmp_path: Path) -> None:
    model = LocalModel(tiny / "gpt2", "builtin:gpt2", device="cpu")
    for lora in ({}, {"use_dora": True}):
        settings = {"target_modules": ["c_attn", "c_proj"], "fan_in_fan_out": True} | lora
        adapter = tiny_adapter(tmp_path / f"adapter{len(lora)}", tiny / "gpt2", 5, **settings)
        assert torch.allclose(ours(model, adapter), peers(tiny / "gpt2", adapter), atol=2e-5)
    model.close()


def test_an_adapter_is_loaded_once(tiny: Path) -> None:
    model = LocalModel(tiny / "llama", "builtin:tiny", device="cpu")
    before = model.bytes
    first, second = model.view("a", tiny / "red"), model.view("b", tiny / "red")
    assert first._adapter is second._adapter
    assert model.bytes - before == (tiny / "red" / WEIGHTS).stat().st_size - _header(tiny / "red" / WEIGHTS)
    model.close()


def _header(path: Path) -> int:
    return 8 + int.from_bytes(path.read_bytes()[:8], "little")


@pytest.fixture
def red(tiny: Path, tmp_path: Path) -> Path:
    """An adapter that a test may spoil."""
    return Path(shutil.copytree(tiny / "red", tmp_path / "red"))


def edit(folder: Path, **values: Any) -> Path:
    file = folder / "adapter_config.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | values))
    return folder


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (lambda red: edit(red, base_model_name_or_path="builtin:other"), "an adapter of builtin:other, not of builtin"),
        (lambda red: edit(red, peft_type="IA3"), "an adapter of kind IA3"),
        (lambda red: edit(red, bias="all", layer_replication=[[0, 1]]), "red uses layer_replication, bias"),
        (lambda red: (red / WEIGHTS).unlink(), f"red has no {WEIGHTS}"),
        (lambda red: (red / WEIGHTS).rename(red / "adapter_model.bin"), r"pickled \(adapter_model.bin\)"),
        (lambda red: (red / WEIGHTS).write_bytes(b"1234567890"), "cannot be read"),
        (lambda red: (red / "adapter_config.json").unlink(), "red has no adapter_config.json"),
        (lambda red: (red / "adapter_config.json").write_text("{"), "is not JSON"),
        (lambda red: (red / "adapter_config.json").write_text("[]"), "holds no JSON object"),
        (lambda red: shutil.rmtree(red), "There is no adapter folder red"),
        (lambda red: rename(red, "q_proj", "z_proj"), r"not an adapter of builtin:tiny: that has no"),
        (lambda red: rename(red, "q_proj.lora_A.weight", "q_proj.lora_C.default"), "in a way that is not known"),
        (lambda red: drop(red, "q_proj.lora_A"), "has only lora_B for layer"),
        (lambda red: add(red, "model.norm.weight"), "changes model.norm, which is no linear layer and no embedding"),
        (lambda red: add(red, "model.layers.0.mlp.modules_to_save.weight"), "changes model.layers.0.mlp, which is no"),
    ],
)
def test_what_is_refused(llama: LocalModel, red: Path, spoil: Callable[[Path], Any], words: str) -> None:
    spoil(red)
    with pytest.raises(PlaygroundError, match=words):
        llama.view("x", red)


def rename(red: Path, old: str, new: str) -> None:
    weights = {key.replace(old, new): value for key, value in load_file(red / WEIGHTS).items()}
    save_file(weights, red / WEIGHTS)


def drop(red: Path, part: str) -> None:
    save_file({key: value for key, value in load_file(red / WEIGHTS).items() if part not in key}, red / WEIGHTS)


def add(red: Path, name: str) -> None:
    save_file(load_file(red / WEIGHTS) | {f"base_model.model.{name}": torch.ones(32)}, red / WEIGHTS)


def test_an_adapter_of_another_size_is_refused(llama: LocalModel, tmp_path: Path) -> None:
    wide = tiny_llama(tmp_path / "wide", hidden=64)
    adapter = tiny_adapter(tmp_path / "adapter", wide)
    with pytest.raises(PlaygroundError, match=r"adapter is not an adapter of builtin:tiny: layer .* made for 64 x 128"):
        llama.view("x", adapter)


@pytest.mark.parametrize("name", ["builtin:tiny", "builtin:Tiny", "/elsewhere/tiny", "org/tiny", ""])
def test_names_of_the_base_that_are_taken(llama: LocalModel, red: Path, name: str) -> None:
    assert text_of(ask(llama.view("x", edit(red, base_model_name_or_path=name)), greedy("a")))
