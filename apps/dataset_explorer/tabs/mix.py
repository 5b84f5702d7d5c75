"""The tab "Mix": several datasets by weight."""

from html import escape
from typing import Any

import gradio as gr

from apps.dataset_explorer import core
from apps.dataset_explorer.tabs.clean import Clean
from apps.dataset_explorer.tabs.inputs import objects
from shared.ui.forms import form
from shared.ui.pieces import empty_html, html, section_html, table_html, tile, tiles_html
from shared.ui.work import Work

NOTHING = empty_html(
    "Nothing mixed yet",
    "Name two or more datasets by their refs, with weights: 2 and 1 give two rows of the first for each of the second.",
)


def draw() -> Clean:
    """Draw the tab and wire it; the mix can be opened like a clean part."""
    made = gr.State("")
    with gr.Column(elem_classes="work"):
        html(section_html("Parts"))
        parts = objects(["dataset", "weight"], ["str", "number"], "Datasets and weights", rows=2)
        with gr.Row(elem_classes="filters"):
            fields = form(core.mix, "rows", "seed", "shuffle", "provenance", "repeat", "to_messages", brief=True,
                          labels={"to_messages": "As conversations"})  # fmt: skip
        with gr.Row(elem_classes="askrow"):
            work = Work("Mix")
            open_ = gr.Button("Open the mix", scale=0, min_width=160, visible=False)
        told = work.place(NOTHING, min_height=200)

    def shown(mixed: core.Mixed) -> dict[Any, Any]:
        return {told: outcome(mixed), made: mixed.dataset, open_: gr.Button(visible=True)}

    work.runs(core.mix, shown, {"parts": parts, **fields}, [told, made, open_])
    return Clean([], made, open_)


def outcome(mixed: core.Mixed) -> str:
    """What the mix is made of."""
    head = tiles_html(
        tile("Rows", f"{mixed.rows:,}", mixed.shape), tile("Parts", f"{len(mixed.parts)}", "exact counts below"),
        tile("Commercial use", mixed.use, "by the strictest part"),
    )  # fmt: skip
    rows = [
        [
            escape(p.name),
            f"{p.weight:g}",
            f"{p.rows:,}",
            f"{p.available:,}",
            escape(p.licence or "not stated"),
            escape(p.use),
        ]
        for p in mixed.parts
    ]
    why = "".join(f'<p class="aside">{escape(line)}</p>' for line in [*mixed.why, *mixed.conflicts, *mixed.notes])
    heads = ["Dataset", "Weight", "Rows", "Of", "Licence", "Commercial use"]
    return (
        head
        + f'<p class="place">Saved as {escape(mixed.dataset)}</p>'
        + table_html(heads, rows, ["text", "num", "num", "num", "wide", ""], "Parts")
        + why
    )
