"""The tab "Clean": choose rules, see what would go and why, then save the clean part."""

from dataclasses import dataclass
from html import escape
from typing import Any

import gradio as gr

from apps.dataset_explorer import core
from apps.dataset_explorer.benchmark_index import shipped
from apps.dataset_explorer.tabs.inputs import objects
from shared.ui.forms import Form, form
from shared.ui.pieces import empty_html, html, section_html, table_html, tile, tiles_html
from shared.ui.work import Work

NOTHING = empty_html(
    "Nothing looked at yet",
    "Choose rules and preview: every row that would go is shown with its reason. Nothing is saved by a preview.",
)
GROUPS = {
    "Rows that say the same": ("exact", "normalised", "near", "threshold", "duplicates_column"),
    "Quality and language": ("quality", "languages", "empty_answers", "min_characters", "max_characters"),
    "Secrets, personal data, test items": ("secrets", "personal", "benchmarks", "column"),
}


@dataclass(frozen=True)
class Clean:
    """The tab's parts that others use.

    Attributes:
        columns: The drop-downs that name columns.
        made: Ref of the clean part.
        open: The button that opens it.
    """

    columns: list[gr.Dropdown]
    made: gr.State
    open: gr.Button


def draw(dataset: gr.State) -> Clean:
    """Draw the tab and wire it.

    Args:
        dataset: The ref of the open dataset.
    """
    made = gr.State("")
    with gr.Column(elem_classes="work"):
        rules = _rules()
        with gr.Row(elem_classes="askrow"):
            work = Work("Preview")
            save = gr.Button("Save the clean part", scale=0, min_width=160)
            work.starts.append(save)
            open_ = gr.Button("Open the clean part", scale=0, min_width=160, visible=False)
        told = work.place(NOTHING, min_height=240)

    def shown(cleaned: core.Cleaned) -> dict[Any, Any]:
        return {told: outcome(cleaned), made: cleaned.dataset, open_: gr.Button(visible=bool(cleaned.dataset))}

    inputs = {"dataset": dataset, "rules": rules}
    for button, preview in ((work.go, True), (save, False)):
        work.runs(core.clean, shown, inputs, [told, made, open_], on=[button.click], bound={"preview": preview})
    return Clean([rules["duplicates_column"], rules["column"]], made, open_)


def _rules() -> Form:
    rules: Form = {}
    for title, names in GROUPS.items():
        html(section_html(title))
        with gr.Row(elem_classes="filters"):
            rules |= form(core.CleanRules, *names, brief=True)
    for name, choices in {
        "benchmarks": list(shipped()),
        "languages": ["en", "zh", "de", "es", "fr", "ja", "ru", "ar"],
    }.items():
        rules[name].choices = [(choice, choice) for choice in choices]
    with gr.Accordion("Single rows and more", open=False):
        rules["rows"] = gr.Dropdown(
            [],
            multiselect=True,
            allow_custom_value=True,
            label="Drop these rows",
            info="Numbers from 0.",
            interactive=True,
        )
        rules["edits"] = objects(["row", "column", "value"], ["number", "str", "str"], "Change these cells")
        left = [name for name in core.CleanRules.__dataclass_fields__ if name not in rules]
        rules |= form(core.CleanRules, *left, fold=False)
    return rules


def outcome(cleaned: core.Cleaned) -> str:
    """What goes, by rule, with samples; and what was saved."""
    head = tiles_html(
        tile("Stay", f"{cleaned.kept:,}", f"of {cleaned.rows:,} rows"),
        tile("Would go" if cleaned.preview else "Gone", f"{cleaned.removed_rows:,}", "a row counts once"),
        tile("Changed", f"{cleaned.edited + cleaned.masked:,}", "cells edited, rows masked"),
    )
    saved = f'<p class="place">Saved as {escape(cleaned.dataset)}, with its recipe.</p>' if cleaned.dataset else ""
    notes = "".join(f'<p class="aside">{escape(note)}</p>' for note in cleaned.notes)
    if not cleaned.counts:
        return head + saved + notes + '<p class="place">No rule drops a row.</p>'
    rows = [[escape(c.says), f"{c.rows:,}", f"{c.alone:,}"] for c in cleaned.counts]
    details = [
        table_html(
            ["Row", "Why", "Text"],
            [[f"{s.row:,}", escape(s.why), escape(s.text[:240])] for s in count.samples],
            ["num", "text", "text"],
        )
        for count in cleaned.counts
    ]
    table = table_html(["Rule", "Rows", "Only by this rule"], rows, ["", "num", "num wide"], "Rules", details)
    return head + saved + notes + section_html("By rule", "Open a rule to see the first rows and why they go.") + table
