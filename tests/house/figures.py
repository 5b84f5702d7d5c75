"""Prints the figures that DESIGN section 8 sets bars for; `make check` shows them."""

import ast
import json
import statistics
import sys
from collections.abc import Callable

from apps import cards
from tests.house import source


def figures() -> list[tuple[str, str, str, bool]]:
    """Name, figure, bar, and whether the bar is met."""
    core = [path for path in source.files() if source.is_core(path)]
    lines = {path: len(path.read_text("utf-8").splitlines()) for path in source.files()}
    sizes = [f.end_lineno - f.lineno + 1 for path in source.files() for f in source.functions(path)]
    all_functions = [f for path in core for f in source.functions(path)]
    annotated = [
        f
        for f in all_functions
        if (f.returns or f.name == "__init__") and all(a.annotation for a in source.arguments(f))
    ]
    public = [node for path in source.files() for node in source.public(path) if not node.name.startswith("__")]
    documented = [node for node in public if ast.get_docstring(node)]
    nodes = [node for path in source.files() for node in ast.walk(source.tree(path))]
    broad = [
        n
        for n in nodes
        if isinstance(n, ast.ExceptHandler)
        and (n.type is None or "Exception" in {x.id for x in ast.walk(n.type) if isinstance(x, ast.Name)})
    ]
    p90 = statistics.quantiles(sizes, n=10)[-1]
    tests = sum(len(p.read_text("utf-8").splitlines()) for p in (source.ROOT / "tests").rglob("*.py"))
    code = sum(lines.values())
    rows = [
        ("largest file", f"{max(lines.values())} lines", "<= 400", max(lines.values()) <= 400),
        ("functions, p90 / longest", f"{p90:.0f} / {max(sizes)} lines", "<= 30 / 60", p90 <= 30 and max(sizes) <= 60),
        ("annotated (core, shared)", share(annotated, all_functions), "100 %", len(annotated) == len(all_functions)),
        ("public docstrings", share(documented, public), "100 %", len(documented) == len(public)),
        (
            "`global`",
            str(sum(isinstance(n, ast.Global) for n in nodes)),
            "0",
            not any(isinstance(n, ast.Global) for n in nodes),
        ),
        ("broad excepts", str(len(broad)), "<= 3", len(broad) <= 3),
        (
            "endpoints",
            f"{sum(len(card.endpoints) for card in cards())} in {len(cards())} apps",
            "each a core function",
            True,
        ),
        ("tests : code", f"{tests / code:.2f} ({tests:,} : {code:,} lines)", "none", True),
    ]
    coverage = source.ROOT / "out" / "coverage.json"
    if coverage.is_file():
        percent = json.loads(coverage.read_text())["totals"]["percent_covered"]
        rows.append(("coverage with branches", f"{percent:.1f} % (last make test)", ">= 95 %", percent >= 95))
    return rows


def share(part: list[ast.AST], whole: list[ast.AST]) -> str:
    """A share in words."""
    return f"{100 * len(part) / max(len(whole), 1):.0f} % of {len(whole)}"


def main(say: Callable[[str], None] = print) -> int:
    """Print the table; exit status 1 when a bar is missed."""
    rows = figures()
    for name, figure, bar, met in rows:
        say(f"{'ok ' if met else 'NO '} {name:<26} {figure:<34} bar {bar}")
    return 0 if all(met for *_, met in rows) else 1


if __name__ == "__main__":
    sys.exit(main())
