"""The tab "Compare": two datasets side by side."""

from html import escape
from typing import Any

import gradio as gr

from apps.dataset_explorer import core, plots
from shared.ui.forms import form
from shared.ui.pieces import empty_html, html, section_html, table_html, tile, tiles_html
from shared.ui.work import Work

NOTHING = empty_html(
    "Nothing compared yet",
    "Name a second dataset by its ref or pick a sample: numbers, shared rows and telling words side by side.",
)


def draw(dataset: gr.State, known: list[str]) -> gr.Dropdown:
    """Draw the tab and wire it.

    Args:
        dataset: The ref of the open dataset.
        known: Refs to choose from.

    Returns:
        The drop-down that names the second dataset.
    """
    with gr.Column(elem_classes="work"):
        with gr.Row(elem_classes="filters"):
            second = gr.Dropdown(known, label="With", value=None, allow_custom_value=True, interactive=True)
            fields = form(core.compare, "rules", "context", brief=True)
            work = Work("Compare")
        told = work.place(NOTHING)
        with gr.Column(visible=False) as box:
            html(section_html("Length", "Rows by number of tokens, on the same scale."))
            lengths = gr.Plot(show_label=False, container=False)
            with gr.Row(elem_classes="split"):
                plotted = []
                for title in ("Words of the first", "Words of the second"):
                    with gr.Column(elem_classes="part", min_width=320):
                        html(section_html(title, "Typical of it, by log-odds; the number says how often."))
                        plotted.append(gr.Plot(show_label=False, container=False))
        numbers = html()

    def shown(found: core.Contrast) -> dict[Any, Any]:
        names = (found.first.name, found.second.name)
        return {
            told: summary(found),
            box: gr.Column(visible=True),
            lengths: plots.draw_two_lengths(found.first.tokens, found.second.tokens, names),
            plotted[0]: plots.draw_telling_words(found.first_words),
            plotted[1]: plots.draw_telling_words(found.second_words, second=True),
            numbers: numbers_table(found),
        }

    inputs = {"first": dataset, "second": second, **fields}
    work.runs(core.compare, shown, inputs, [told, box, lengths, *plotted, numbers])
    return second


def summary(found: core.Contrast) -> str:
    """What they share, and how they differ in kind."""
    shared = found.sharing
    tiles = tiles_html(
        tile("Rows", f"{found.first.rows:,} and {found.second.rows:,}", f"{found.first.name} and {found.second.name}"),
        tile(
            "Shared, byte for byte",
            f"{shared.exact_first:,}",
            f"rows of the first; {shared.exact_second:,} of the second",
        ),
        tile(
            "Shared, letters alone",
            f"{shared.normalised_first:,}",
            f"rows of the first; {shared.normalised_second:,} of the second",
        ),
    )
    return tiles + "".join(f'<p class="place">{escape(line)}</p>' for line in found.differences)


def numbers_table(found: core.Contrast) -> str:
    """Every number of both."""
    rows = [
        [escape(n.name.replace("_", " ")), number(n.first), number(n.second), number(n.difference, signed=True)]
        for n in found.numbers
        if n.first or n.second
    ]
    table = table_html(["Number", "First", "Second", "Difference"], rows, ["", "num", "num", "num"], "Numbers")
    return f'<details class="more"><summary>Every number of both</summary>{table}</details>'


def number(value: float | None, signed: bool = False) -> str:
    """A number with sensible digits; "" when there is none."""
    if value is None:
        return ""
    sign = "+" if signed else ""
    return f"{value:{sign},.0f}" if float(value).is_integer() else f"{value:{sign},.4f}"
