"""The tab "Votes": votes from elsewhere, votes to take away, preferences to train on, and how well a model judges."""

from html import escape
from typing import Any

import gradio as gr

from apps.model_arena import core
from apps.model_arena.tabs.choosing import Choosers, short
from shared.ui.forms import form
from shared.ui.pieces import html, line, section_html, table_html, tile, tiles_html
from shared.ui.wiring import when
from shared.ui.work import Work

FORMATS = {"dpo": "DPO: a chosen and a rejected answer", "kto": "KTO: single answers, wanted or not"}


def draw(choosers: Choosers) -> Any:
    """Draw the tab and wire it.

    Args:
        choosers: Makes the input that names the judge.

    Returns:
        The event of an import.
    """
    with gr.Row(elem_classes="split"):
        with gr.Column(elem_classes="part", min_width=320):
            imported = _importing()
        with gr.Column(elem_classes="part", min_width=320):
            _exporting()
    with gr.Column(elem_classes="part"):
        _judging(choosers)
    return imported


def _importing() -> Any:
    html(
        section_html(
            "Import votes",
            "FastChat or LMArena JSON, or a table (CSV, JSON Lines, Parquet) that names two models and who won.",
        )
    )
    file = gr.File(label="Votes", file_count="single", height=136, interactive=True)
    with gr.Accordion("Which columns", open=False):
        fields = form(core.import_votes, "left", "right", "winner")
    with gr.Row(elem_classes="askrow"):
        importing = Work("Import")
    told = importing.place(min_height=0)

    def shown(done: core.Imported) -> dict[Any, Any]:
        return {told: outcome(done)}

    inputs = {"file": file, **fields}
    stopped = "Stopped. Votes that were added stay; import the file again for the rest."
    return importing.runs(core.import_votes, shown, inputs, [told], doing="Reading the file", said=stopped)[0]


def outcome(done: core.Imported) -> str:
    """What came of an import."""
    tiles = tiles_html(
        tile("Votes added", f"{done.read:,}"),
        tile("Known already", f"{done.known:,}"),
        tile("Refused", f"{done.refused_rows:,}", "never counted as ties"),
    )
    if not done.refused:
        return tiles
    rows = [[f"{each.row:,}", escape(each.reason)] for each in done.refused[:50]]
    return tiles + table_html(["Row", "Why it is no vote"], rows, ["num", "long"], "Refused rows")


def _exporting() -> None:
    html(
        section_html(
            "Take votes away", "Votes as they are, or battles as a preference dataset that TRL trains on unchanged."
        )
    )
    fields = form(core.export_preferences, "format", brief=True)
    fields["format"].choices = [(FORMATS[value], value) for _, value in fields["format"].choices]
    with gr.Row(elem_classes="askrow"):
        make = gr.Button("Make a preference dataset", scale=0, min_width=200)
        raw = gr.Button("Export votes", scale=0, min_width=128)
    told = html(min_height=48)
    file = gr.File(label="Votes to take away", visible=False, interactive=False, height=72)

    def made(exported: core.Exported) -> dict[Any, Any]:
        notes = "".join(f"<li>{escape(note)}</li>" for note in exported.notes)
        said = line(f"{exported.rows:,} rows: <code>{escape(exported.dataset)}</code>. The Dataset Explorer opens it.")
        return {told: said + (f'<ul class="plain">{notes}</ul>' if notes else "")}

    def written(votes: core.Votes) -> dict[Any, Any]:
        return {
            told: line(f"{votes.rows:,} votes, in the file below."),
            file: gr.File(str(votes.file.path), visible=True),
        }

    when(make.click, core.export_preferences, made, inputs=fields, outputs=[told])
    when(raw.click, core.export_votes, written, outputs=[told, file])


def _judging(choosers: Choosers) -> None:
    html(
        section_html(
            "A model as judge",
            "It reads battles of two that people voted on, in both orders, and is held against the votes: Cohen's kappa.",
        )
    )
    with gr.Row(elem_classes="filters"):
        model = choosers.one("Judge")
        most = form(core.judge, "most", brief=True, labels={"most": "Battles at most"})["most"]
        judging = Work("Judge", primary=False)
    told = judging.place(min_height=0)

    def shown(found: core.Judgement) -> dict[Any, Any]:
        return {told: judged(found)}

    judging.runs(core.judge, shown, {"model": model, "most": most}, [told], doing="Reading the votes")


def judged(found: core.Judgement) -> str:
    """How far a judge agrees with people."""
    agreement = found.agreement
    kappa = "–" if agreement.kappa is None else f"{agreement.kappa:.2f}"
    span = "" if agreement.lower is None else f"95 %: {agreement.lower:.2f} to {agreement.upper:.2f}"
    unsettled = f"{found.unreadable:,} without a readable verdict, {found.too_long:,} too long for the judge"
    return (
        tiles_html(
            tile("Agreement with people", kappa, f"Cohen's kappa; {span}"),
            tile("Same verdict in both orders", _percent(agreement.consistent)),
            tile("Battles", f"{len(found.battles):,}", unsettled),
        )
        + f'<p class="place">Judge: {escape(short(found.judge))}.</p>'
    )


def _percent(share: float | None) -> str:
    return "–" if share is None else f"{100 * share:.0f} %"
