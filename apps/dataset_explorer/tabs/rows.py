"""How datasets look: escaped HTML from the core's dataclasses. No Gradio, no logic."""

import json
from html import escape
from typing import Any

from apps.dataset_explorer.core import Answer, Loaded, View
from shared.shapes import Shape, show
from shared.ui.pieces import Kind, table_html, tile, tiles_html, turns_html

CUT = 160  # characters of a cell in a table
SHAPES = {
    "text": "Plain text",
    "instruction": "Instruction",
    "prompt_completion": "Prompt, reply",
    "sharegpt": "ShareGPT",
    "messages": "Messages",
    "preference": "Preferences",
    "kto": "KTO labels",
    "qa": "Q and A",
    "other": "Other",
}


def text(value: Any) -> str:
    """A cell as text: strings as they are, nothing as "", everything else as JSON."""
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def cell(value: Any) -> str:
    """A cell of a table, escaped and cut to one line."""
    if value is None:
        return '<span class="aside">missing</span>'
    full = text(value)
    if not full.strip():
        return '<span class="aside">empty</span>'
    line = " ".join(full[: CUT + 1].split())
    return escape(line[:CUT] + ("…" if len(full) > CUT else ""))


def columns_shown(columns: list[str], rows: list[list[Any]]) -> list[int]:
    """Which columns a table has room for: at most five, those with the most to read first, in their own order."""
    if len(columns) <= 5:
        return list(range(len(columns)))
    weight = [sum(min(len(text(row[i])), CUT) for row in rows) for i in range(len(columns))]
    return sorted(sorted(range(len(columns)), key=lambda i: -weight[i])[:5])


def rows_table(view: View) -> str:
    """Rows of a dataset; each opens to what a person reads."""
    if not view.rows:
        return '<p class="aside">No row passes this filter. Change the value, or clear it.</p>'
    shown = columns_shown(view.columns, view.rows)
    shape = Shape(view.shape, view.roles)
    numeric = {i for i in shown if all(isinstance(row[i], int | float | None) for row in view.rows)}
    css = ["num", *("num" if i in numeric else "text" if place == 0 else "text wide" for place, i in enumerate(shown))]
    rows = [
        [f"{number:,}", *(cell(row[i]) for i in shown)] for number, row in zip(view.numbers, view.rows, strict=True)
    ]
    whole = [turns_html(turns(dict(zip(view.columns, row, strict=True)), shape)) for row in view.rows]
    return table_html(["Row", *(view.columns[i] for i in shown)], rows, css, "Rows", whole)


def turns(row: dict[str, Any], shape: Shape) -> list[tuple[str, str]]:
    """A row in reading order: its turns, then the columns that are no part of them."""
    spoken = [(turn.role, turn.text) for turn in show(row, shape)]
    told = set(shape.roles.values())
    return spoken + [(name, text(value)) for name, value in row.items() if name not in told]


def answer_table(answer: Answer) -> str:
    """The result of a query."""
    if not answer.rows:
        return '<p class="aside">The query is fine, and no row matches it.</p>'
    numeric = [all(isinstance(row[i], int | float | None) for row in answer.rows) for i in range(len(answer.columns))]
    css = ["num" if number else "text" for number in numeric]
    return table_html(answer.columns, [[cell(value) for value in row] for row in answer.rows], css, "Answer")


def facts(loaded: Loaded) -> str:
    """The tiles above the rows."""
    refused = f"{loaded.refused_rows:,}"
    return tiles_html(
        tile("Rows", f"{loaded.rows:,}", "numbered from 0"),
        tile("Columns", f"{len(loaded.columns):,}", ", ".join(loaded.columns)[:60]),
        tile("Shape", SHAPES.get(loaded.shape, loaded.shape), "recognised from names and values"),
        tile("Unreadable rows", refused, "all were read" if not loaded.refused_rows else "listed below"),
    )


def remarks(loaded: Loaded) -> str:
    """What reading it found: refused rows and notes; empty when there is nothing to say."""
    parts = [f'<p class="aside">{escape(note)}</p>' for note in loaded.notes]
    if loaded.refused:
        rows = [
            [
                f"{r['row']:,}",
                escape(str(r["column"] or "")),
                "" if r["byte"] is None else f"{r['byte']:,}",
                escape(r["reason"]),
            ]
            for r in loaded.refused[:100]
        ]
        left = loaded.refused_rows - len(rows)
        more = f'<p class="aside">{left:,} more are in the result of the API\'s /load.</p>' if left > 0 else ""
        head = '<h2 class="section">Rows that could not be read</h2>'
        parts += [
            head,
            table_html(["Source row", "Column", "Byte", "Reason"], rows, ["num", "", "num", ""], "Refused"),
            more,
        ]
    return "".join(parts)


def chips(loaded: Loaded) -> list[tuple[str, Kind]]:
    """What the header says about the open dataset."""
    licence: tuple[str, Kind] = (
        (f"Licence: {loaded.licence}", "plain") if loaded.licence else ("No licence stated", "warn")
    )
    return [(loaded.dataset, "ref"), licence]
