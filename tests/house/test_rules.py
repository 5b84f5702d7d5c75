"""The rules of the house that a machine can check, one test a rule."""

import ast
import inspect
import re
from pathlib import Path

import pytest

from apps import cards
from shared.appcard import AppCard
from shared.env import read
from tests.house import source

FILES = source.files()
ids = source.name
BROAD = {"Exception", "BaseException"}


@pytest.mark.parametrize("path", FILES, ids=ids)
def test_layers(path: Path) -> None:
    parts = path.relative_to(source.ROOT).parts
    for name in source.imports(path):
        first = name.split(".")[0]
        if first in {"gradio", "gradio_client"}:
            assert source.is_screen(path), f"{name}: only app.py, tabs and shared/ui draw"
        if name.startswith("shared.ui") and parts[0] == "apps":
            assert source.is_screen(path), f"{name}: a core has no screen"
        if parts[0] == "shared":
            assert first != "apps", f"{name}: shared knows no app"
        if parts[0] == "apps" and len(parts) > 2 and name.startswith("apps.") and name.split(".")[1] != parts[1]:
            assert name in {"apps.cards", "apps.card"}, f"{name}: apps meet in the store alone"


@pytest.mark.parametrize("path", FILES, ids=ids)
def test_heavy_packages_are_imported_inside_functions(path: Path) -> None:
    heavy = [name for name in source.imports(path, top_only=True) if name.split(".")[0] in source.HEAVY]
    assert not heavy


@pytest.mark.parametrize("path", FILES, ids=ids)
def test_files_and_functions_stay_small(path: Path) -> None:
    limit = 200 if path.name == "app.py" or "tabs" in path.parts else 400
    assert len(path.read_text("utf-8").splitlines()) <= limit
    long = {f.name: f.end_lineno - f.lineno + 1 for f in source.functions(path) if f.end_lineno - f.lineno >= 60}
    assert not long


@pytest.mark.parametrize("path", FILES, ids=ids)
def test_names(path: Path) -> None:
    assert path.stem not in {"utils", "helpers", "manager", "engine", "base", "common", "misc"}
    assert "from __future__ import annotations" not in path.read_text("utf-8"), "it erases gradio's API schemas"


@pytest.mark.parametrize("path", FILES, ids=ids)
def test_no_hidden_state(path: Path) -> None:
    text = path.read_text("utf-8")
    assert not [node for node in ast.walk(source.tree(path)) if isinstance(node, ast.Global)]
    if path != source.ROOT / "shared" / "env.py":
        assert not re.search(r"os\.(environ|getenv|putenv)", text), "os.environ belongs to shared/env.py"
    if path != source.ROOT / "shared" / "suite.py":
        for node in source.tree(path).body:
            value = getattr(node, "value", None)
            assert not (
                isinstance(node, ast.Assign | ast.AnnAssign)
                and isinstance(value, ast.List | ast.Set)
                and not value.elts
            ), f"line {node.lineno}: an empty list or set at module level is state"


@pytest.mark.parametrize("path", FILES, ids=ids)
def test_public_names_are_documented(path: Path) -> None:
    assert ast.get_docstring(source.tree(path)), "the file says what it is"
    for node in source.public(path):
        if node.name.startswith("__"):
            continue
        text = ast.get_docstring(node)
        overridden = isinstance(node, ast.FunctionDef) and any(
            getattr(d, "id", "") == "override" for d in node.decorator_list
        )
        assert text or overridden, f"{node.name} has no docstring"


@pytest.mark.parametrize("path", [p for p in FILES if source.is_core(p)], ids=ids)
def test_everything_is_annotated(path: Path) -> None:
    for function in source.functions(path):
        missing = [arg.arg for arg in source.arguments(function) if arg.annotation is None]
        assert not missing, f"{function.name}: {missing}"
        assert function.returns is not None or function.name == "__init__", f"{function.name} has no return type"


def test_at_most_three_broad_excepts() -> None:
    found = []
    for path in FILES:
        for node in ast.walk(source.tree(path)):
            if isinstance(node, ast.ExceptHandler):
                names = {n.id for n in ast.walk(node.type) if isinstance(n, ast.Name)} if node.type else BROAD
                if names & BROAD:
                    found.append(f"{ids(path)}:{node.lineno}")
    assert len(found) <= 3, found


def test_env_example_lists_exactly_the_variables_that_are_read() -> None:
    text = (source.ROOT / "shared" / "env.py").read_text("utf-8")
    used = set(re.findall(r'variables(?:\.get\(|\[)"([A-Z_]+)"', text))
    listed = set(re.findall(r"^#? ?([A-Z][A-Z_]+)=", (source.ROOT / ".env.example").read_text("utf-8"), re.MULTILINE))
    assert used == listed
    assert read({}).port == 7860


@pytest.mark.parametrize("card", cards(), ids=lambda c: c.name)
def test_every_core_function_is_a_named_endpoint_and_no_other(card: AppCard) -> None:
    core = card.core()
    public = [name for name in getattr(core, "__all__", vars(core)) if not name.startswith("_")]
    own = {
        name
        for name in public
        if inspect.isfunction(getattr(core, name)) and getattr(core, name).__module__.startswith(f"apps.{card.name}.")
    }
    assert own == set(card.endpoints)


def test_spaces_holds_no_python() -> None:
    assert not list((source.ROOT / "spaces").rglob("*.py")), "gradio imports a package called `spaces`"


def test_no_todo_without_an_issue() -> None:
    for path in FILES:
        for line in path.read_text("utf-8").splitlines():
            assert not re.search(r"\b(TODO|FIXME|XXX)\b(?!.*#\d)", line), f"{ids(path)}: {line.strip()}"


def test_every_python_file_of_the_product_has_a_test() -> None:
    tests = "\n".join(path.read_text("utf-8") for path in (source.ROOT / "tests").rglob("*.py"))
    exempt = {"__init__.py", "app.py", "__main__.py"}
    left = []
    for path in FILES:
        module = ids(path).removesuffix(".py").replace("/", ".")
        if path.name in exempt or "tabs" in path.parts:
            continue
        package, _, last = module.rpartition(".")
        if list((source.ROOT / "tests").rglob(f"test_{path.stem}.py")):
            continue
        if not re.search(rf"{re.escape(module)}\b|from {re.escape(package)} import [^\n]*\b{last}\b", tests):
            left.append(module)
    assert not left
