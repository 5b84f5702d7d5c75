"""The tab "Catalog": models and datasets worth starting from, with licence and how sure we are."""

from html import escape
from typing import Any

import gradio as gr

from apps.portal import core
from shared.catalog import DatasetEntry, ModelEntry
from shared.ui.forms import form
from shared.ui.pieces import Kind, chip, html, table_html
from shared.ui.wiring import when

KINDS: dict[str, Kind] = {"yes": "ok", "no": "bad"}


def draw(load: Any) -> None:
    """Draw the tab and wire it.

    Args:
        load: The page's load event.
    """
    with gr.Column(elem_classes="work"):
        with gr.Row(elem_classes="filters"):
            fields = form(
                core.catalog, labels={"kind": "What", "commercial": "Only what may be used commercially"}, brief=True
            )
        table = html(min_height=400)

    def listed(entries: list[ModelEntry] | list[DatasetEntry]) -> dict[Any, Any]:
        return {table: models(entries) if entries and isinstance(entries[0], ModelEntry) else datasets(entries)}

    for trigger in (load, *(field.input for field in fields.values())):
        when(trigger, core.catalog, listed, inputs=fields, outputs=[table], show_progress="hidden")


def models(entries: Any) -> str:
    """The models."""
    rows = [
        [
            escape(each.id),
            f"{each.parameters_b:g}",
            escape(each.licence),
            commercial(each),
            escape(", ".join(each.tiers)),
            escape(each.verified),
        ]
        for each in entries
    ]
    css = ["mono", "num", "wide", "", "text wide", "text wide"]
    return table_html(
        ["Model", "Billion parameters", "Licence", "Commercial use", "Fits", "How sure"], rows, css, "Models"
    )


def datasets(entries: Any) -> str:
    """The datasets."""
    rows = [
        [
            escape(each.id),
            escape(each.domain),
            escape(str(each.rows)),
            escape(each.licence),
            commercial(each),
            escape(each.why),
            escape(each.verified),
        ]
        for each in entries
    ]
    css = ["mono", "wide", "num wide", "wide", "", "text", "text wide"]
    return table_html(
        ["Dataset", "Domain", "Rows", "Licence", "Commercial use", "Why", "How sure"], rows, css, "Datasets"
    )


def commercial(entry: Any) -> str:
    """The answer as a chip; the word carries it."""
    return chip(entry.commercial.replace("_", " "), KINDS.get(entry.commercial, "warn"))
