"""The tab "Models": what can be asked here, under which licence, and why the rest cannot."""

from collections.abc import Sequence
from html import escape

import gradio as gr

from shared.models.picker import ModelRow
from shared.ui.pieces import chip, html, section_html, table_html, tile, tiles_html

COMMERCIAL = {"yes": "yes", "no": "no", "conditional": "with conditions", "check": "check", "": "ask the server"}


def draw() -> gr.HTML:
    """Draw the tab.

    Returns:
        Where the models are listed; fill it with `table`.
    """
    with gr.Column(elem_classes="work"):
        listed: gr.HTML = html(min_height=240)
    return listed


def table(rows: Sequence[ModelRow]) -> str:
    """Every model, those that can be asked first.

    Args:
        rows: What the endpoint `models` returned.
    """
    usable = [row for row in rows if row.usable]
    here = sum(row.on_disk for row in rows)
    fitting = sum(row.fits for row in rows)
    lines = [_line(row) for row in sorted(rows, key=lambda row: (not row.usable, not row.fits))]
    head = ["Model", "State", "Licence, commercial use", "Parameters", "GiB at 16 / 8 / 4 bits", "Context"]
    css = ["long", "", "wide", "num", "num wide", "num wide"]
    return (
        tiles_html(
            tile("Ready", f"{len(usable):,}", "can be asked now"),
            tile("On this machine", f"{here:,}", "files are on the disk"),
            tile("Would fit", f"{fitting:,}", f"of {len(rows):,}, by estimate"),
        )
        + section_html("Models", "Grey ones say why they cannot be asked, and what to do.")
        + table_html(head, lines, css, "Models")
    )


def _line(row: ModelRow) -> list[str]:
    name = f"<b>{escape(row.name)}</b> " if row.name != row.ref else ""
    languages = f' <span class="aside">{escape(", ".join(row.languages))}</span>' if row.languages else ""
    why = f'<br><span class="aside">{escape(row.why)}</span>' if row.why else ""
    cell = f'{name}<span class="mono aside">{escape(row.ref)}</span>{languages}{why}'
    memory = " / ".join(f"{gib:.1f}" if gib >= 0.05 else "<0.1" for gib in (row.gib, row.gib_int8, row.gib_nf4))
    use = COMMERCIAL[row.commercial]
    return [
        cell if row.usable else f'<span class="off">{cell}</span>',
        chip("ready", "ok") if row.usable else chip("not here" if row.fits else "too large"),
        f"{escape(row.licence)}: {use}" if row.licence else use,
        _count(row.parameters),
        escape(memory) if row.gib else "–",
        f"{row.context:,}" if row.context else "–",
    ]


def _count(number: int) -> str:
    if not number:
        return "–"
    return f"{number / 1e9:.1f} B" if number >= 1e9 else f"{number / 1e6:.1f} M"
