"""The tab "Experiments": every record, filtered, compared, run again and exported."""

import json
from html import escape
from typing import Any

import gradio as gr

from apps.portal import core
from shared.records import Record
from shared.ui.forms import form
from shared.ui.pieces import empty_html, html, pickable, section_html, table_html, turns_html
from shared.ui.wiring import when
from shared.ui.work import follow

NOTHING = empty_html(
    "No experiment yet", "Open a dataset in the Dataset Explorer: every experiment leaves a record here."
)
CHOOSE = '<p class="aside">Choose two or more experiments to see what differs.</p>'


def draw(load: Any, apps: list[tuple[str, str]]) -> None:
    """Draw the tab and wire it.

    Args:
        load: The page's load event.
        apps: Title and name of each app, for the filter.
    """
    with gr.Column(elem_classes="work"):
        with gr.Row(elem_classes="filters"):
            fields = form(core.records, "text", "action", labels={"text": "Search"}, brief=True)
            fields["app"] = gr.Dropdown([("Every app", ""), *apps], value="", label="App", interactive=True)
        table = pickable(NOTHING, min_height=240)
        working = html()
        told = html()
    with gr.Column(elem_classes="part"):
        html(section_html("Compare", "Settings, inputs, packages and results that differ, side by side."))
        with gr.Row(elem_classes="filters"):
            chosen = gr.Dropdown([], multiselect=True, label="Experiments", interactive=True)
            compare = gr.Button("Compare", scale=0, min_width=112)
        compared = html(CHOOSE, min_height=40)
    with gr.Column(elem_classes="part"):
        html(section_html("Export", "Everything that is needed to run the experiments elsewhere."))
        with gr.Row(elem_classes="filters"):
            format_ = form(core.export_records, "format", brief=True)["format"]
            write = gr.Button("Write the file", scale=0, min_width=136)
        file = gr.File(label="File", visible=False, interactive=False)

    def listed(found: list[Record]) -> dict[Any, Any]:
        choices = [(f"{each.app}.{each.action}, {when_made(each)}, {each.id[:6]}", each.id) for each in found]
        return {table: records_table(found) if found else NOTHING, chosen: gr.Dropdown(choices=choices)}

    def again(replayed: core.Replayed) -> dict[Any, Any]:
        return {told: replayed_html(replayed)}

    def refresh(trigger: Any) -> None:
        when(trigger, core.records, listed, inputs=fields, outputs=[table, chosen], show_progress="hidden")

    refresh(load)
    for field, event in (("text", "submit"), ("action", "submit"), ("app", "input")):
        refresh(getattr(fields[field], event))
    replayed = follow(table.click, core.replay, again, working, outputs=[told], picked="id")
    refresh(replayed.success)
    when(
        compare.click,
        core.compare_records,
        lambda found: {compared: comparison(found)},
        inputs={"ids": chosen},
        outputs=[compared],
    )
    export = {"format": format_, "ids": chosen}
    when(
        write.click,
        core.export_records,
        lambda made: {file: gr.File(value=str(made.path), visible=True)},
        inputs=export,
        outputs=[file],
    )


def records_table(found: list[Record]) -> str:
    """The records, newest first; each opens to its settings and results."""
    rows = [
        [
            escape(when_made(each)), escape(each.app), escape(each.action), escape(what(each)), escape(results(each)),
            f'<button type="button" class="linkish" data-pick="{escape(each.id)}">Run again</button>',
        ]
        for each in found
    ]  # fmt: skip
    details = [turns_html(whole(each)) for each in found]
    return table_html(
        ["When (UTC)", "App", "Action", "On", "Results", ""],
        rows,
        ["", "wide", "", "text", "text wide", "num"],
        "Experiments",
        details,
    )


def when_made(record: Record) -> str:
    """The record's time without date letters: "11-22 14:02:11"."""
    return record.time[5:19].replace("T", " ")


def what(record: Record) -> str:
    """What the experiment worked on."""
    return ", ".join(record.inputs.values())


def results(record: Record) -> str:
    """Its numbers in one line."""
    return ", ".join(f"{name} {value:,}" for name, value in record.results.items())


def whole(record: Record) -> list[tuple[str, str]]:
    """Everything in a record, as text."""
    parts = {"settings": record.settings, "inputs": record.inputs, "results": record.results, "artifacts": record.artifacts,
             "environment": record.environment}  # fmt: skip
    return [
        ("id", record.id),
        *((name, json.dumps(part, ensure_ascii=False, indent=1)) for name, part in parts.items()),
    ]


def comparison(found: core.Comparison) -> str:
    """What differs, one column a record."""
    if not found.rows:
        return f'<p class="aside">These experiments are equal in all {found.same} settings, inputs, packages and results.</p>'
    rows = [[escape(row["name"]), *(escape(_value(value)) for value in row["values"])] for row in found.rows]
    heads = ["What differs", *(each[:6] for each in found.records)]
    note = f'<p class="aside">{found.same} more are equal in all.</p>'
    return table_html(heads, rows, ["mono", *["text"] * len(found.records)], "Comparison") + note


def replayed_html(replayed: core.Replayed) -> str:
    """Whether the same came out again."""
    if replayed.same:
        told = "The same results came out." if replayed.record else "It ran again; it leaves no record of its own."
    else:
        told = "Something else came out: " + "; ".join(
            f"{row['name']} was {row['values'][0]}, is {row['values'][1]}" for row in replayed.rows
        )
    why = "" if replayed.exact else f" The replay is not exact: {replayed.why}"
    return (
        f'<p class="place">Run again as {escape(replayed.record[:6] or "no record")}. {escape(told)}{escape(why)}</p>'
    )


def _value(value: Any) -> str:
    return "missing" if value is None else value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
