"""The tab "Models": what can be asked here, under which licence, and why the rest cannot."""

from collections.abc import Sequence
from html import escape
from typing import Any

import gradio as gr

from apps.model_arena import core
from shared.models.picker import ModelRow
from shared.ui.pieces import chip, html, section_html, table_html, tile, tiles_html
from shared.ui.wiring import when

COMMERCIAL = {"yes": "yes", "no": "no", "conditional": "with conditions", "check": "check", "": "ask the server"}


def draw(opened: Any) -> None:
    """Draw the tab and wire it; it is filled when somebody opens it.

    Args:
        opened: The event of the tab being opened.
    """
    with gr.Column(elem_classes="work"):
        listed = html(min_height=240)
    when(opened, core.models, lambda rows: {listed: page(rows)}, outputs=[listed], show_progress="hidden")


def page(rows: Sequence[ModelRow]) -> str:
    """Every model, those that can be asked first.

    Args:
        rows: What the endpoint `models` returned.
    """
    usable = [row for row in rows if row.usable]
    rest = sorted((row for row in rows if not row.usable), key=lambda row: not row.fits)
    here = sum(row.on_disk for row in rows)
    fitting = sum(row.fits for row in rows)
    tiles = tiles_html(
        tile("Ready", f"{len(usable):,}", "can be asked now"),
        tile("On this machine", f"{here:,}", "files are on the disk"),
        tile("Would fit", f"{fitting:,}", f"of {len(rows):,}, by estimate"),
    )
    ready = section_html("Ready", "Open a model to see its languages and licence.") + _table(usable, "Ready")
    told = "Open a model to see why it cannot be asked, and what to do."
    return tiles + ready + (section_html("Not ready", told) + _table(rest, "Not ready") if rest else "")


def _table(rows: Sequence[ModelRow], label: str) -> str:
    head = ["Model", "State", "Licence", "Parameters", "GiB at 16 / 8 / 4 bits", "Context"]
    css = ["text", "", "wide", "num", "num wide", "num wide"]
    return table_html(head, [_line(row) for row in rows], css, label, [_details(row) for row in rows])


def _line(row: ModelRow) -> list[str]:
    memory = " / ".join(f"{gib:.1f}" if gib >= 0.05 else "<0.1" for gib in (row.gib, row.gib_int8, row.gib_nf4))
    return [
        f'<span title="{escape(row.ref)}">{escape(row.ref.removeprefix("hub:"))}</span>',
        chip("ready", "ok") if row.usable else chip("not here" if row.fits else "too large"),
        escape(row.licence) or "–",
        _count(row.parameters),
        escape(memory) if row.gib else "–",
        f"{row.context:,}" if row.context else "–",
    ]


def _details(row: ModelRow) -> str:
    """What does not fit into a line; `why` first, for it says what to do."""
    licence = f"{row.licence or 'not known'}; commercial use: {COMMERCIAL[row.commercial]}"
    facts = {"Why not": row.why if not row.usable else "", "Note": row.why if row.usable else "", "Ref": row.ref}
    facts |= {"Name": row.name if row.name not in row.ref else "", "Licence": licence}
    facts["Languages"] = ", ".join(row.languages)
    lines = "".join(f"<dt>{escape(name)}</dt><dd>{escape(text)}</dd>" for name, text in facts.items() if text)
    return f'<dl class="turns">{lines}</dl>'


def _count(number: int) -> str:
    if not number:
        return "–"
    return f"{number / 1e9:.1f} B" if number >= 1e9 else f"{number / 1e6:.1f} M"
