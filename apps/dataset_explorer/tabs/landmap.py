"""The tab "Map": rows as points, by meaning."""

from html import escape
from typing import Any

import gradio as gr

from apps.dataset_explorer import core, plots
from shared.ui.forms import form
from shared.ui.pieces import empty_html, html, table_html
from shared.ui.work import Work

NOTHING = empty_html(
    "No map yet",
    "Open a dataset, then draw it: rows that mean the same lie together. 1,000 rows take about half a minute the first time.",
)


def draw(dataset: gr.State) -> gr.Dropdown:
    """Draw the tab and wire it.

    Args:
        dataset: The ref of the open dataset.

    Returns:
        The drop-down that names a column.
    """
    with gr.Column(elem_classes="work"):
        with gr.Row(elem_classes="filters"):
            fields = form(core.map, "column", "sample", "clusters", "seed", brief=True)
            work = Work("Draw")
        told = work.place(NOTHING)
        figure = gr.Plot(show_label=False, container=False, visible=False)
        table = html()

    def shown(made: core.Mapped) -> dict[Any, Any]:
        share = (
            f"{len(made.points):,} of {made.rows:,} rows; the plane shows {sum(made.explained):.0%} of how they differ."
        )
        return {
            told: f'<p class="place">{share}</p>',
            figure: gr.Plot(plots.draw_map(made), visible=True),
            table: clusters(made),
        }

    work.runs(core.map, shown, {"dataset": dataset, **fields}, [told, figure, table])
    column: gr.Dropdown = fields["column"]
    return column


def clusters(made: core.Mapped) -> str:
    """What each cluster is about."""
    rows = [
        [f"{c.size:,}", escape(", ".join(c.keywords)), ", ".join(f"{row:,}" for row in c.representatives)]
        for c in made.clusters
    ]
    return table_html(["Rows", "Words", "Most typical rows"], rows, ["num", "text", "text wide"], "Clusters")
