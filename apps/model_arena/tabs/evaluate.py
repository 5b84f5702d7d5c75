"""The tab "Measure": light metrics of several models, with intervals."""

from html import escape
from typing import Any

import gradio as gr

from apps.model_arena import core, evaluating
from apps.model_arena.metric_plots import draw_metrics
from apps.model_arena.tabs.choosing import Choosers
from apps.model_arena.tabs.sanity import short
from shared.metrics.measuring import Measuring
from shared.ui.forms import form
from shared.ui.pieces import empty_html, html, section_html, table_html
from shared.ui.wiring import stops, when

NOTHING = empty_html(
    "Nothing measured yet",
    "Bits per byte on texts of many kinds and languages, multiple choice, exact match and translation, on small tasks of our own "
    "that need no network. Benchmarks by name run where lm-eval and their data are on this machine.",
)
NAMES = {
    "bits_per_byte": "Bits per byte",
    "acc": "Accuracy",
    "acc_norm": "Accuracy, by characters",
    "acc_bytes": "Accuracy, by bytes",
    "bits_per_byte_mean": "Bits per byte, mean over texts",
    "exact_match": "Exact match",
    "bleu": "BLEU",
    "chrf": "chrF",
}


def draw(choosers: Choosers) -> None:
    """Draw the tab and wire it.

    Args:
        choosers: Makes the input that names models.
    """
    with gr.Column(elem_classes="work"):
        with gr.Row(elem_classes="filters"):
            models = choosers.many("Models to measure")
            tasks = gr.Dropdown(
                choices=evaluating.known_tasks(),
                value=[],
                multiselect=True,
                label="Tasks (empty: those that ship)",
                interactive=True,
            )
        with gr.Accordion("How it is measured", open=False):
            settings = form(Measuring)
        with gr.Row(elem_classes="askrow"):
            go = gr.Button("Measure", variant="primary", scale=0, min_width=112)
            stop = gr.Button("Stop", scale=0, min_width=96)
        working = html()
        plot = gr.Plot(show_label=False, container=False, visible=False)
        told, parts = html(NOTHING, min_height=160), html()

    def shown(measured: core.Measured) -> dict[Any, Any]:
        figure = draw_metrics(measured.models, measured.metrics)
        drawn = gr.Plot(figure, visible=True) if figure is not None else gr.Plot(visible=False)
        return {told: overall(measured), plot: drawn, parts: by_part(measured)}

    inputs = {"models": models, "tasks": tasks, "settings": settings}
    events = [when(go.click, core.evaluate, shown, inputs=inputs, outputs=[told, plot, parts], progress=working)]
    stops(stop, events, working)


def overall(measured: core.Measured) -> str:
    """The numbers of whole tasks, and what tells the models apart."""
    head, rows, css = _table(measured, whole=True)
    saved = f'<p class="aside">Saved as record {escape(measured.record[:8])}.</p>' if measured.record else ""
    text = section_html("Whole tasks", "With 95 % intervals.") + table_html(head, rows, css, "Whole tasks") + saved
    if not measured.gaps:
        return text
    lines = [
        [
            escape(NAMES.get(gap.metric.split(".")[0], gap.metric.split(".")[0])),
            escape(gap.metric.partition(".")[2] or "all texts"),
            escape(short(gap.first)),
            f"{gap.difference:+.3f}",
            interval(gap.lower, gap.upper),
            "yes" if gap.lower is not None and gap.upper is not None and (gap.lower > 0 or gap.upper < 0) else "no",
        ]
        for gap in measured.gaps
    ]
    caption = f"Each model minus {short(measured.models[0])} on the same items; paired bootstrap."
    heads = ["Metric", "Task", "Model", "Difference", "95 % interval", "Told apart"]
    return (
        text
        + section_html("Differences", caption)
        + table_html(heads, lines, ["", "", "", "num", "num wide", ""], "Differences")
    )


def by_part(measured: core.Measured) -> str:
    """The numbers by domain and language."""
    head, rows, css = _table(measured, whole=False)
    return section_html("By domain and language") + table_html(head, rows, css, "Parts") if rows else ""


def interval(lower: float | None, upper: float | None) -> str:
    """An interval in words; a dash where there is none."""
    return "–" if lower is None or upper is None else f"{lower:.3f} to {upper:.3f}"


def _table(measured: core.Measured, whole: bool) -> tuple[list[str], list[list[str]], list[str]]:
    found: dict[tuple[str, str, str, str], dict[int, Any]] = {}
    for place, metrics in enumerate(measured.metrics):
        for metric in metrics:
            if bool(metric.domain or metric.language) is not whole:
                found.setdefault((metric.name, metric.task, metric.domain, metric.language), {})[place] = metric
    rows = []
    for (name, task, domain, language), by_model in found.items():
        first = next(iter(by_model.values()))
        part = " ".join(each for each in (task, domain, language) if each) or "all texts"
        better = "higher" if first.higher else "lower"
        rows.append(
            [escape(NAMES.get(name, name)), escape(part), f"{first.n:,}", f"{better} is better"]
            + [_number(by_model.get(place)) for place in range(len(measured.models))]
        )
    head = ["Metric", "Of", "Items", "", *map(short, measured.models)]
    return head, rows, ["", "", "num wide", "wide id", *["num"] * len(measured.models)]


def _number(metric: Any) -> str:
    if metric is None:
        return '<span class="aside">…</span>'
    return f'{metric.value:.3f}<br><span class="aside">{interval(metric.lower, metric.upper)}</span>'
