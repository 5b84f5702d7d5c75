"""What a model's files say before it is loaded."""

import json
from pathlib import Path

import pytest

from shared.errors import PlaygroundError
from shared.models.builtin import FOLDER
from shared.models.weights import Card, Shape, Weights, adapted, card, files, measure, shape
from tests.unit.shared.models.toys import make_adapter, make_model, write_safetensors


def test_parameters_and_memory_of_a_worked_example(workspace: Path) -> None:
    found = measure(make_model(workspace / "m"))
    assert found == Weights(parameters=128 + 256 + 8, linear=256, stored=784, floats=392, packed=0)
    assert found.needs() == 784
    assert found.needs(width=4) == 1568
    assert found.needs("int8") == 256 + 2 * 136
    assert found.needs("nf4") == round(256 * 4.127 / 8) + 2 * 136
    assert found.needs("nf4", 4) == round(256 * 4.127 / 8) + 4 * 136


def test_the_same_as_the_library_reads() -> None:
    safetensors = pytest.importorskip("safetensors")
    with safetensors.safe_open(FOLDER / "micro" / "model.safetensors", framework="np") as file:
        shapes = {name: file.get_slice(name).get_shape() for name in file.keys()}  # noqa: SIM118
    count = 0
    for lengths in shapes.values():
        count += lengths[0] * (lengths[1] if len(lengths) > 1 else 1)
    assert measure(FOLDER / "micro").parameters == count


def test_weights_that_are_quantised_already_stay_as_they_are(workspace: Path) -> None:
    tensors = {
        "q.qweight": ("I32", [4, 8]),
        "q.scales": ("F16", [2, 8]),
        "w.weight": ("F8_E4M3", [4, 4]),
        "f.weight": ("F32", []),
    }
    found = measure(make_model(workspace / "m", tensors))
    assert (found.parameters, found.packed, found.floats) == (32 + 16 + 16 + 1, 4 * 32 + 16, 17)
    assert found.needs() == 2 * 17 + 144


def test_shards_are_those_of_the_index(workspace: Path) -> None:
    folder = make_model(workspace / "m")
    (folder / "model.safetensors").unlink()
    for number in (1, 2):
        write_safetensors(folder / f"model-{number}-of-2.safetensors", {f"w{number}.weight": ("F16", [number, 4])})
    write_safetensors(folder / "consolidated.safetensors", {"again.weight": ("F16", [100, 100])})
    assert measure(folder).parameters == 12  # without an index: all that are not a second copy
    index = folder / "model.safetensors.index.json"
    index.write_text(json.dumps({"weight_map": {"w1.weight": "model-1-of-2.safetensors"}}))
    assert [path.name for path in files(folder)] == ["model-1-of-2.safetensors"]
    index.write_text(json.dumps({"weight_map": {"a": "x.safetensors", "b": "y.safetensors"}}))
    with pytest.raises(PlaygroundError, match=r"'m' is not whole: x\.safetensors and 1 more is missing"):
        measure(folder)
    index.write_text(json.dumps({"weight_map": {"a": "x.safetensors"}}))
    with pytest.raises(PlaygroundError, match=r"x\.safetensors is missing"):
        measure(folder)
    index.write_text("{}")
    assert measure(folder).parameters == 12


@pytest.mark.parametrize(
    ("name", "data", "said"),
    [
        ("pytorch_model.bin", b"x", r"pickled \(pytorch_model\.bin\)"),
        ("README.md", b"x", "holds no safetensors file"),
        ("model.safetensors", b"", r"'model\.safetensors' is not a safetensors file"),
        ("model.safetensors", b"\xff" * 64, "not a safetensors file, or only a part"),
        ("model.safetensors", b"\x05" + bytes(7) + b"{", "not a safetensors file"),
        ("model.safetensors", b"\x02" + bytes(7) + b"[]", "not a safetensors file"),
        ("model.safetensors", b"\x1f" + bytes(7) + b'{"w":{"dtype":"Q9","shape":[1]}', "not a safetensors file"),
        ("model.safetensors", b" " + bytes(7) + b'{"w":{"dtype":"Q9","shape":[1]}}', "unknown kind 'Q9'"),
    ],
)
def test_what_cannot_be_loaded_is_said(workspace: Path, name: str, data: bytes, said: str) -> None:
    (workspace / name).write_bytes(data)
    with pytest.raises(PlaygroundError, match=said):
        measure(workspace)


@pytest.mark.parametrize(
    ("name", "count"), [("x-Q4_K_M.gguf", 1600), ("x.F16.gguf", 450), ("x-IQ2_XS.gguf", 2880), ("plain.gguf", 1600)]
)
def test_a_gguf_file_is_estimated_by_its_name(workspace: Path, name: str, count: int) -> None:
    (workspace / name).write_bytes(bytes(900))
    assert measure(workspace) == Weights(count, count, 900, count, 0)


def test_window_and_cache_of_a_config(workspace: Path) -> None:
    folder = make_model(workspace / "m")
    # 2 (keys, values) x 3 layers x 2 heads x 2 wide x 2 bytes
    assert shape(folder) == Shape(context=128, cache=48, kind="llama", chats=False)
    nested = {"model_type": "vl", "text_config": {"n_positions": 64, "n_head": 2, "n_embd": 8, "n_layer": 1}}
    (folder / "config.json").write_text(json.dumps(nested))
    assert shape(folder) == Shape(64, 2 * 1 * 2 * 4 * 2, "vl")
    (folder / "config.json").write_text("{}")
    assert shape(folder) == Shape()
    assert shape(workspace) == Shape()
    for text, said in (("[]", "does not hold names"), ("{", "is not JSON")):
        (folder / "config.json").write_text(text)
        with pytest.raises(PlaygroundError, match=said):
            shape(folder)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("---\nlicense: mit\nlanguage: en\n---\n# 小模型\n", Card("小模型", "mit", ("en",))),
        ("---\nlanguage: [en, no]\n---\n", Card("", "", ("en", "no"))),
        ("---\n[broken\n---\n# T", Card("T")),
        ("---\n- a list\n---\ntext", Card()),
        ("# Only a heading\n## not this", Card("Only a heading")),
    ],
)
def test_cards(workspace: Path, text: str, found: Card) -> None:
    assert card(workspace) == Card()
    (workspace / "README.md").write_text(text, encoding="utf-8")
    assert card(workspace) == found


def test_the_base_of_an_adapter(workspace: Path) -> None:
    assert adapted(make_adapter(workspace / "a", "owner/name")) == "owner/name"
    with pytest.raises(PlaygroundError, match="is not an adapter: it has no adapter_config"):
        adapted(workspace)


@pytest.mark.parametrize(
    ("name", "text", "chats"),
    [
        ("chat_template.jinja", "{{ messages }}", True),
        ("tokenizer_config.json", '{"chat_template": "{{ messages }}"}', True),
        ("tokenizer_config.json", "{}", False),
        ("notes.txt", "", False),
    ],
)
def test_a_chat_template_says_that_a_model_was_taught_to_answer(
    workspace: Path, name: str, text: str, chats: bool
) -> None:
    (workspace / "config.json").write_text('{"model_type": "llama"}')
    (workspace / name).write_text(text)
    assert shape(workspace).chats is chats
