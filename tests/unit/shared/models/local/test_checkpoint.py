"""What is said about a folder before anything is loaded from it."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from shared.errors import PlaygroundError
from shared.models.local.checkpoint import INDEX, inspect


@pytest.fixture
def folder(tiny: Path, tmp_path: Path) -> Path:
    """A model that a test may spoil."""
    return Path(shutil.copytree(tiny / "llama", tmp_path / "model"))


def edit(folder: Path, **values: Any) -> None:
    file = folder / "config.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | values))


def index(folder: Path, weights: Any) -> None:
    (folder / INDEX).write_text(json.dumps({"weight_map": weights}))


def test_a_good_folder(folder: Path) -> None:
    found = inspect(folder)
    assert (found.gguf, found.quantisation) == ("", "")
    assert found.bytes == (folder / "model.safetensors").stat().st_size
    index(folder, {"a": "model.safetensors"})
    assert inspect(folder).files == (folder / "model.safetensors",)
    edit(folder, quantization_config={"quant_method": "gptq"})
    assert inspect(folder).quantisation == "gptq"


def test_code_of_its_own_is_not_needed(folder: Path) -> None:
    edit(folder, auto_map={"AutoModelForCausalLM": "modeling_x.X"})
    assert inspect(folder).config["auto_map"]


@pytest.mark.parametrize("suffix", [".bin", ".pt", ".pth", ".ckpt", ".pkl"])
def test_pickled_weights_are_refused(folder: Path, suffix: str) -> None:
    (folder / "model.safetensors").rename(folder / f"weights{suffix}")
    with pytest.raises(
        PlaygroundError, match=rf"weights of model are pickled \(weights{suffix}\), .* can run any code"
    ):
        inspect(folder)


def two_ggufs(folder: Path) -> None:
    (folder / "config.json").unlink()
    for name in "ab":
        (folder / f"{name}.gguf").write_bytes(b"")


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (lambda f: shutil.rmtree(f), "There is no model folder model"),
        (lambda f: (f / "config.json").unlink(), "model has no config.json"),
        (lambda f: (f / "config.json").write_text("{"), "config.json is not JSON"),
        (lambda f: (f / "config.json").write_bytes(b"\xff"), "config.json is not JSON"),
        (lambda f: (f / "config.json").write_text("[]"), "config.json holds no JSON object"),
        (lambda f: edit(f, model_type=""), "names no model_type"),
        (lambda f: edit(f, model_type="own", auto_map={"AutoConfig": "x.X"}), "Python code of its own .* not run here"),
        (lambda f: edit(f, model_type="own"), "knows no model of type 'own'"),
        (lambda f: (f / "model.safetensors").unlink(), "model has no weights"),
        (lambda f: (f / "tokenizer.json").unlink(), "model has no tokenizer"),
        (lambda f: index(f, {}), "lists no weights"),
        (lambda f: index(f, {"a": "1", "b": "2", "c": "3", "d": "4"}), "lacks 4 of 4 weight files: 1, 2, 3 and more"),
        (two_ggufs, r"has 2 GGUF files \(a.gguf, b.gguf\)"),
    ],
)
def test_what_is_refused(folder: Path, spoil: Callable[[Path], None], words: str) -> None:
    spoil(folder)
    with pytest.raises(PlaygroundError, match=words):
        inspect(folder)
