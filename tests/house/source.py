"""The project's own source, parsed once: what the house rules are checked on."""

import ast
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
HEAVY = ("torch", "transformers", "datasets", "trl", "peft", "llama_index")


@cache
def files() -> tuple[Path, ...]:
    """Every Python file of the product, tests and benchmarks left out."""
    found = [ROOT / "playground.py"]
    for folder in ("apps", "shared", "embedded", "deploy"):
        found += sorted((ROOT / folder).rglob("*.py"))
    return tuple(path for path in found if path.is_file())


@cache
def text(path: Path) -> str:
    """What stands in a file."""
    return path.read_text("utf-8")


@cache
def tree(path: Path) -> ast.Module:
    """The syntax tree of a file."""
    return ast.parse(text(path))


@cache
def nodes(path: Path) -> tuple[ast.AST, ...]:
    """Every node of the syntax tree of a file."""
    return tuple(ast.walk(tree(path)))


def name(path: Path) -> str:
    """A file's path inside the project."""
    return path.relative_to(ROOT).as_posix()


def is_screen(path: Path) -> bool:
    """Whether a file draws: only these may import Gradio."""
    parts = path.relative_to(ROOT).parts
    return path.name in {"app.py", "playground.py"} or "tabs" in parts or parts[:2] == ("shared", "ui")


def is_core(path: Path) -> bool:
    """Whether a file is held to the bars of core and shared."""
    return not is_screen(path) or path.relative_to(ROOT).parts[0] == "shared"


def functions(path: Path) -> list[ast.FunctionDef | ast.AsyncFunctionDef]:
    """Every function of a file, nested ones too."""
    return [node for node in nodes(path) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]


def imports(path: Path, top_only: bool = False) -> list[str]:
    """Modules that a file imports, those inside functions too unless `top_only`."""
    found: list[str] = []
    for node in tree(path).body if top_only else nodes(path):
        if isinstance(node, ast.Import):
            found += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            found += [f"{node.module}.{alias.name}" for alias in node.names]
    return found


def public(path: Path) -> list[ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef]:
    """Public functions, classes and methods: those whose every enclosing name is public and no function."""
    found: list[ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef] = []

    def visit(body: list[ast.stmt]) -> None:
        for node in body:
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) and not node.name.startswith(
                "_"
            ):
                found.append(node)
                if isinstance(node, ast.ClassDef):
                    visit(node.body)

    visit(tree(path).body)
    return found


def arguments(function: ast.FunctionDef | ast.AsyncFunctionDef) -> list[ast.arg]:
    """A function's parameters, self and cls left out."""
    spec = function.args
    named = [*spec.posonlyargs, *spec.args, *spec.kwonlyargs, *(a for a in (spec.vararg, spec.kwarg) if a)]
    return [arg for arg in named if arg.arg not in {"self", "cls"}]
