"""The tab "Search": rows by keyword, pattern and meaning."""

from html import escape
from typing import Any

import gradio as gr

from apps.dataset_explorer import core
from apps.dataset_explorer.tabs.profile import marked
from shared.ui.forms import form
from shared.ui.pieces import empty_html, table_html
from shared.ui.work import Work

NOTHING = empty_html(
    "Nothing searched yet",
    "Words find rows in any language, a pattern finds what you describe, and meaning finds rows that say it otherwise.",
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
            fields = form(core.search, "query", "way", "column", "ignore_case", brief=True, labels={"way": "By"})
            work = Work("Search")
        told = work.place(NOTHING, min_height=240)

    def shown(found: core.Matches) -> dict[Any, Any]:
        return {told: matches(found)}

    inputs = {"dataset": dataset, **fields}
    work.runs(core.search, shown, inputs, [told], on=[work.go.click, fields["query"].submit])
    column: gr.Dropdown = fields["column"]
    return column


def matches(found: core.Matches) -> str:
    """The rows that were found, with what matches marked."""
    if not found.matches:
        return '<p class="place">No row matches. Try fewer words, another way, or whole rows.</p>'
    rows = [[f"{m.row:,}", f"{m.score:.3f}", marked(m.text, m.spans)] for m in found.matches]
    head = f'<p class="place">{len(found.matches):,} shown of {found.total:,} that match.</p>'
    return head + table_html(
        ["Row", "Score", "Text"],
        [[escape(row), score, text] for row, score, text in rows],
        ["num", "num", "long"],
        "Matches",
    )
