"""Writes the parts of the documents that follow from the code: app table and file tree in README.md, and docs/api.md."""

import ast
import inspect
import re
import sys
from pathlib import Path
from typing import Any

from apps import cards
from shared import calls
from tests.house import source

README = source.ROOT / "README.md"
API = source.ROOT / "docs" / "api.md"


def app_table() -> str:
    """One row an app."""
    rows = [f"| [{c.title}]({c.path}) | `{c.path}` | {c.sentence} |" for c in cards() if c.path != "/"]
    rows = [
        row.replace(f"[{c.title}]({c.path})", c.title)
        for row, c in zip(rows, [c for c in cards() if c.path != "/"], strict=True)
    ]
    return "\n".join(["| app | path | the one question |", "| --- | --- | --- |", *rows])


def file_tree() -> str:
    """Every folder and Python file of the product with the first line of its docstring."""
    lines = []
    tracked = [p for p in source.files() if p.name != "__init__.py" or p.parent.parent == source.ROOT / "apps"]
    folders: set[Path] = set()
    for path in sorted(tracked, key=lambda p: (p.parent != source.ROOT, source.name(p))):
        parents = [p for p in reversed(path.relative_to(source.ROOT).parents) if p != Path()]
        for folder in parents:
            if folder not in folders:
                folders.add(folder)
                lines.append(f"{'  ' * (len(folder.parts) - 1)}{folder.name}/")
        if path.name == "__init__.py":
            continue
        indent = "  " * len(parents)
        lines.append(f"{indent}{path.name:<{26 - len(indent)}} {first_line(path)}")
    return "```\n" + "\n".join(lines) + "\n```"


def first_line(path: Path) -> str:
    """What a file is, in the first sentence of its docstring."""
    text = (ast.get_docstring(source.tree(path)) or "").split("\n")[0]
    return text.split(". ")[0].rstrip(".")


def api() -> str:
    """Every endpoint of every app: who may call it, its parameters, what it returns."""
    parts = ["# API", "", "Written by `make docs` from the functions themselves. Every endpoint is called with `gradio_client`:", "",
             "```python", "from gradio_client import Client, handle_file", 'client = Client("http://127.0.0.1:7860/datasets/")',
             'loaded = client.predict(source="builtin:english-instructions", api_name="/load")', "```", "",
             "A long function streams its progress (`client.submit`); its last item is the result, which is what `predict` returns."]  # fmt: skip
    for card in cards():
        parts += ["", f"## {card.title} (`{card.path}`)", "", card.sentence]
        for function in card.functions():
            parts += ["", *endpoint(function, card.endpoints[function.__name__])]
    return "\n".join(parts) + "\n"


def endpoint(function: Any, access: str) -> list[str]:
    """One endpoint."""
    doc = inspect.getdoc(function) or ""
    summary = re.split(r"\n(?:Args|Returns|Raises):", doc)[0].strip()
    lines = [f"### `/{function.__name__}`", "", summary, "", f"For {'anyone' if access == 'anyone' else 'the owner'}."]
    prose = calls.help_texts(function)
    rows = [
        f"| `{name}` | `{annotation(p.annotation)}` | {'required' if p.default is inspect.Parameter.empty else f'`{p.default!r}`'} "
        f"| {prose.get(name, '')} |"
        for name, p in calls.parameters(function).items()
    ]
    if rows:
        lines += [
            "",
            "| parameter | type | default | |",
            "| --- | --- | --- | --- |",
            *(row.replace("|", "|") for row in rows),
        ]
    lines += ["", f"Returns `{annotation(calls.result_type(function))}`."]
    return lines


def annotation(hint: Any) -> str:
    """A type as people write it."""
    if hasattr(hint, "__metadata__"):
        bounds = ", ".join(str(part) for mark in hint.__metadata__ for part in getattr(mark, "metadata", []))
        for name, sign in {"Ge": ">=", "Gt": ">", "Le": "<=", "Lt": "<"}.items():
            bounds = re.sub(rf"{name}\(\w+=([^)]*)\)", rf"{sign} \1", bounds)
        return annotation(hint.__origin__) + (f" ({bounds})" if bounds else "")
    text = hint.__name__ if isinstance(hint, type) and not hasattr(hint, "__args__") else str(hint)
    text = re.sub(r"(?:\w+\.)+(\w+)", r"\1", text)
    return text.replace("|", "or")


def filled(text: str, mark: str, content: str) -> str:
    """`text` with what lies between `<!-- mark -->` and `<!-- /mark -->` replaced."""
    pattern = re.compile(rf"(<!-- {mark} -->\n).*?(\n<!-- /{mark} -->)", re.DOTALL)
    assert pattern.search(text), f"README.md has no <!-- {mark} -->"
    return pattern.sub(lambda match: match.group(1) + content + match.group(2), text)


def wanted() -> dict[Path, str]:
    """Every generated document as it should be."""
    readme = filled(filled(README.read_text("utf-8"), "apps", app_table()), "tree", file_tree())
    return {README: readme, API: api()}


def main() -> int:
    """Write the documents; returns the exit status."""
    for path, text in wanted().items():
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, "utf-8")
        print(f"wrote {path.name}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
