"""The lower half of the tab "Save": the dataset on the Hub, with a card."""

from html import escape
from typing import Any

import gradio as gr

from apps.dataset_explorer import core
from shared.ui.forms import form
from shared.ui.pieces import html, section_html
from shared.ui.work import follow


def draw(dataset: gr.State) -> None:
    """Draw the section and wire it.

    Args:
        dataset: The ref of the open dataset.
    """
    with gr.Column(elem_classes="work part"):
        html(
            section_html(
                "Push to the Hub",
                "As Parquet, with its recipe and a card that states lineage and licence. Private unless you say otherwise.",
            )
        )
        with gr.Row(elem_classes="filters"):
            fields = form(core.push, "repo", "private", "acknowledge_licence", "replace", brief=True,
                          labels={"repo": "Repository", "acknowledge_licence": "Although its licence says no", "replace": "Replace what is there"})  # fmt: skip
            fields["repo"].placeholder = "me/my-dataset"
            go = gr.Button("Push", scale=0, min_width=112)
        working, told = html(), html()

    def shown(pushed: core.Pushed) -> dict[Any, Any]:
        done = "It was there already, unchanged" if pushed.unchanged else f"{pushed.bytes:,} bytes sent"
        return {told: f'<p class="place">{done}: {escape(pushed.url)} at {escape(pushed.commit[:12])}</p>'}

    follow(go.click, core.push, shown, working, inputs={"dataset": dataset, **fields}, outputs=[told])
