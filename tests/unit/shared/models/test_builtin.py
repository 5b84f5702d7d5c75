"""The models that ship, and the hash that a record pins."""

from pathlib import Path

import pytest

from shared.errors import PlaygroundError
from shared.models.builtin import FOLDER, builtin, builtins
from tests.unit.shared.models.toys import make_adapter, make_embedded


def test_what_ships_has_a_name_a_hash_and_files() -> None:
    found = {each.ref: each for each in builtins()}
    assert {"builtin:mini", "builtin:micro"} <= set(found)
    for each in found.values():
        assert len(each.sha) == 64
        assert each.folder.is_relative_to(FOLDER)
        assert each.title
        assert (each.kind == "adapter") == bool(each.base)
    assert builtin("micro") == builtin("builtin:micro") == found["builtin:micro"]


def test_models_and_adapters(workspace: Path) -> None:
    found = builtins(make_embedded(workspace / "w"))
    assert [(each.ref, each.kind, each.base, each.title) for each in found] == [
        ("builtin:micro", "model", "", "micro"),
        ("builtin:mini", "model", "", "Mini, the larger one"),
        ("builtin:json", "adapter", "builtin:mini", "json"),
    ]
    assert builtin("json", folder=workspace / "w").folder == workspace / "w" / "adapters" / "json"
    assert builtins(workspace / "none") == []


@pytest.mark.parametrize(
    ("said", "base"),
    [
        ("builtin:mini", "builtin:mini"),
        ("builtin:mini@0123456789ab", "builtin:mini"),
        ("/somewhere/weights/mini/", "builtin:mini"),
        ("", ""),
    ],
)
def test_the_base_of_an_adapter_is_one_of_ours(workspace: Path, said: str, base: str) -> None:
    make_adapter(workspace / "adapters" / "x", said)
    assert builtin("x", folder=workspace).base == base


def test_the_hash_is_of_what_decides_the_answers(workspace: Path) -> None:
    folder = make_embedded(workspace / "w")
    before = builtin("mini", folder=folder)
    (folder / "mini" / "README.md").write_text("# Another card")
    assert builtin("mini", folder=folder).sha == before.sha
    assert builtin("micro", folder=folder).sha == before.sha  # the same bytes under another name
    (folder / "mini" / "tokenizer.json").write_text('{"a": 1}')
    after = builtin("mini", folder=folder)
    assert after.sha != before.sha
    assert after.pinned == f"builtin:mini@{after.sha[:12]}"
    assert builtin("mini", after.sha, folder) == after
    with pytest.raises(PlaygroundError, match=rf"is another version than this one ships, {after.pinned}"):
        builtin("mini", before.sha[:12], folder)


@pytest.mark.parametrize("name", ["minni", "../w/mini", "", "builtin:x"])
def test_an_unknown_name_names_the_known(workspace: Path, name: str) -> None:
    with pytest.raises(PlaygroundError, match=r"There is no model 'builtin:.*builtin:mini"):
        builtin(name, folder=make_embedded(workspace / "w"))


def test_a_folder_without_weights_is_none(workspace: Path) -> None:
    folder = make_embedded(workspace / "w")
    (folder / "micro" / "model.safetensors").unlink()
    assert [each.name for each in builtins(folder)] == ["mini", "json"]
