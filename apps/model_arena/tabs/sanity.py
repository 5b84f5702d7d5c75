"""The tab "Check": sanity checks of several models in one matrix."""

from html import escape
from typing import Any

import gradio as gr

from apps.model_arena import core
from apps.model_arena.tabs.choosing import Choosers, short
from shared.checks.manifest import axes
from shared.ui.forms import form
from shared.ui.pieces import empty_html, section_html, table_html, tile, tiles_html
from shared.ui.work import Work

NOTHING = empty_html(
    "Nothing checked yet",
    "Short questions that any model should get right: copying, counting, JSON, answering only from a text, code. "
    "A program judges every answer. Choose models and run the checks: the models that ship take some seconds.",
)
MARKS = {"passed": ("ok", "pass"), "failed": ("bad", "fail"), "error": ("warn", "error"), "not asked": ("", "–")}


def draw(choosers: Choosers) -> None:
    """Draw the tab and wire it.

    Args:
        choosers: Makes the input that names models.
    """
    with gr.Column(elem_classes="work"):
        with gr.Row(elem_classes="filters"):
            models = choosers.many("Models to check", scale=2)
            asked = gr.Dropdown(
                choices=list(axes()), value=[], multiselect=True, label="Axes (empty: all)", interactive=True
            )
            fields = form(core.sanity, "core", brief=True, labels={"core": "Core 32 only"})
        with gr.Row(elem_classes="askrow"):
            checking = Work("Run the checks")
        told = checking.place(NOTHING, min_height=240)

    def shown(sane: core.Sane) -> dict[Any, Any]:
        return {told: matrix(sane)}

    inputs = {"models": models, "axes": asked, **fields}
    checking.runs(core.sanity, shown, inputs, [told], doing="Looking for the models")


def matrix(sane: core.Sane) -> str:
    """Totals as tiles, shares by axis, and every check with its verdicts; a row opens to show the answers."""
    if not sane.totals:
        return NOTHING
    names = [total.model for total in sane.totals]
    tiles = tiles_html(
        *(
            tile(
                short(total.model),
                f"{total.passed} of {total.asked}",
                f"{100 * total.lower:.0f} to {100 * total.upper:.0f} %; core {total.core_passed} of {total.core_asked}",
            )
            for total in sane.totals
        )
    )
    halted = "".join(f'<p class="place">{escape(t.model)}: {escape(t.stopped)}</p>' for t in sane.totals if t.stopped)
    saved = f'<p class="aside">Saved as record {escape(sane.record[:8])}.</p>' if sane.record else ""
    return tiles + halted + saved + _by_axis(sane, names) + _by_check(sane, names)


def _by_axis(sane: core.Sane, names: list[str]) -> str:
    every = dict.fromkeys(axis for total in sane.totals for axis in total.axes)
    rows = []
    for axis in every:
        cells = [total.axes.get(axis, (0, 0)) for total in sane.totals]
        rows.append([escape(axis), *(_share(*cell) for cell in cells)])
    head = ["Axis", *map(short, names)]
    return section_html("By axis", "Passed of asked.") + table_html(
        head, rows, ["", *["num"] * len(names)], "Checks by axis"
    )


def _share(passed: int, asked: int) -> str:
    width = round(100 * passed / asked) if asked else 0
    return f'<span class="share" style="--share:{width}%">{passed} of {asked}</span>' if asked else "–"


def _by_check(sane: core.Sane, names: list[str]) -> str:
    rows = [[escape(row.id), escape(row.axis), *(_mark(row.verdicts.get(name)) for name in names)] for row in sane.rows]
    details = [_details(row) for row in sane.rows]
    head = ["Check", "Axis", *map(short, names)]
    told = "Open a check to read what was asked and answered."
    if len(names) > 1 and sane.complete:
        told += f" {len(sane.disputed)} of {len(sane.rows)} are passed by some models and failed by others."
    css = ["", "wide", *["verdict"] * len(names)]
    return section_html("Every check", told) + table_html(head, rows, css, "Every check", details)


def _mark(verdict: core.Verdict | None) -> str:
    if verdict is None:
        return '<span class="aside">…</span>'
    kind, word = MARKS[verdict.outcome]
    return f'<span class="chip {kind}" title="{escape(verdict.why[:300])}">{word}</span>'


def _details(row: core.CheckRow) -> str:
    turns = [f"<dt>Asked</dt><dd>{escape(row.prompt)}</dd>"]
    for name, verdict in row.verdicts.items():
        why = f'<span class="aside"> {escape(verdict.why)}</span>' if verdict.why else ""
        answer = escape(verdict.answer[:2000]) or '<span class="aside">nothing</span>'
        turns.append(f"<dt>{escape(short(name))}</dt><dd>{answer}{why}</dd>")
    return f'<dl class="turns">{"".join(turns)}</dl>'
