"""The rules of the house that a machine can check, one test a rule."""

import ast
import inspect
import re
from collections.abc import Iterator

import pytest

from apps import cards
from shared.appcard import AppCard
from shared.env import read
from tests.house import source

FILES = source.files()
ids = source.name
BROAD = {"Exception", "BaseException"}


def test_layers() -> None:
    assert not list(_wrong_imports())


def _wrong_imports() -> Iterator[str]:
    for path in FILES:
        first_folder, *rest = path.relative_to(source.ROOT).parts
        for name in source.imports(path):
            first = name.split(".")[0]
            if first in {"gradio", "gradio_client"} and not source.is_screen(path):
                yield f"{ids(path)} imports {name}: only app.py, tabs and shared/ui draw"
            if first_folder == "apps" and name.startswith("shared.ui") and not source.is_screen(path):
                yield f"{ids(path)} imports {name}: a core has no screen"
            if first_folder == "shared" and first == "apps":
                yield f"{ids(path)} imports {name}: shared knows no app"
            in_app = first_folder == "apps" and len(rest) > 1 and first == "apps"
            if in_app and name.split(".")[1] not in {rest[0], "cards", "card"}:
                yield f"{ids(path)} imports {name}: apps meet in the store alone"


def test_heavy_packages_are_imported_inside_functions() -> None:
    found = {ids(path): name for path in FILES for name in source.imports(path, top_only=True)}
    assert not {path: name for path, name in found.items() if name.split(".")[0] in source.HEAVY}


def test_files_and_functions_stay_small() -> None:
    long = {}
    for path in FILES:
        limit = 200 if path.name == "app.py" or "tabs" in path.parts else 400
        if (lines := len(source.text(path).splitlines())) > limit:
            long[ids(path)] = lines
        for function in source.functions(path):
            if (lines := function.end_lineno - function.lineno + 1) > 60:
                long[f"{ids(path)}: {function.name}"] = lines
    assert not long


def test_names() -> None:
    vague = {"utils", "helpers", "manager", "engine", "base", "common", "misc"}
    assert not [ids(path) for path in FILES if path.stem in vague]
    erasing = [ids(path) for path in FILES if "from __future__ import annotations" in source.text(path)]
    assert not erasing, "it erases gradio's API schemas"


def test_no_hidden_state() -> None:
    assert not [ids(path) for path in FILES if any(isinstance(node, ast.Global) for node in source.nodes(path))]
    reading = {ids(path) for path in FILES if re.search(r"os\.(environ|getenv|putenv)", source.text(path))}
    assert reading <= {"shared/env.py"}
    changing = {ids(path) for path in FILES for node in source.tree(path).body if _is_empty_list_or_set(node)}
    assert changing <= {"shared/suite.py"}, "an empty list or set at module level is state"


def _is_empty_list_or_set(node: ast.stmt) -> bool:
    value = getattr(node, "value", None)
    assigned = isinstance(node, ast.Assign | ast.AnnAssign)
    return assigned and isinstance(value, ast.List | ast.Set) and not value.elts


def test_public_names_are_documented() -> None:
    bare = [ids(path) for path in FILES if not ast.get_docstring(source.tree(path))]
    for path in FILES:
        for node in source.public(path):
            overridden = isinstance(node, ast.FunctionDef) and any(
                getattr(d, "id", "") == "override" for d in node.decorator_list
            )
            if not node.name.startswith("__") and not overridden and not ast.get_docstring(node):
                bare.append(f"{ids(path)}: {node.name}")
    assert not bare


def test_everything_is_annotated() -> None:
    bare = []
    for path in filter(source.is_core, FILES):
        for function in source.functions(path):
            missing = [arg.arg for arg in source.arguments(function) if arg.annotation is None]
            if missing or (function.returns is None and function.name != "__init__"):
                bare.append(f"{ids(path)}: {function.name}: {missing or 'its result'}")
    assert not bare


def test_at_most_three_broad_excepts() -> None:
    found = []
    for path in FILES:
        for node in source.nodes(path):
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
        for line in source.text(path).splitlines():
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
