"""The tab "Measure": light metrics of several models, with intervals."""

from html import escape
from typing import Any

import gradio as gr

from apps.model_arena import core, evaluating
from apps.model_arena.metric_plots import draw_metrics
from apps.model_arena.tabs.choosing import Choosers, short
from shared.metrics.measuring import Measuring
from shared.ui.forms import form
from shared.ui.pieces import empty_html, html, section_html, table_html
from shared.ui.work import Work

NOTHING = empty_html(
    "Nothing measured yet",
    "Bits per byte on texts of many kinds and languages, multiple choice, exact match and translation, on small tasks of our own "
    "that need no network; the models that ship take about a minute. Benchmarks by name run where lm-eval and their data are here.",
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
            measuring = Work("Measure")
        measuring.track()
        plot = gr.Plot(show_label=False, container=False, visible=False)
        told, parts = html(NOTHING, min_height=160), html()

    def shown(measured: core.Measured) -> dict[Any, Any]:
        figure = draw_metrics(measured.models, measured.metrics)
        drawn = gr.Plot(figure, visible=True) if figure is not None else gr.Plot(visible=False)
        return {told: overall(measured), plot: drawn, parts: by_part(measured)}

    inputs = {"models": models, "tasks": tasks, "settings": settings}
    measuring.runs(core.evaluate, shown, inputs, [told, plot, parts], doing="Looking for the models")


def overall(measured: core.Measured) -> str:
    """The numbers of whole tasks, and what tells the models apart."""
    saved = f'<p class="aside">Saved as record {escape(measured.record[:8])}.</p>' if measured.record else ""
    text = (
        saved + section_html("Whole tasks", "With 95 % intervals.") + _table(measured, whole=True, label="Whole tasks")
    )
    return text + _differences(measured) if measured.gaps else text


def by_part(measured: core.Measured) -> str:
    """The numbers by domain and language, folded away: there are many."""
    table = _table(measured, whole=False, label="By domain and language")
    return f'<details class="more"><summary>By domain and language</summary>{table}</details>' if table else ""


def interval(lower: float | None, upper: float | None) -> str:
    """An interval in words; a dash where there is none."""
    return "–" if lower is None or upper is None else f"{lower:.3f} to {upper:.3f}"


def _differences(measured: core.Measured) -> str:
    """One row a metric and task, one column a model that is held against the first."""
    others = list(dict.fromkeys(gap.first for gap in measured.gaps))
    found: dict[str, dict[str, str]] = {}
    for gap in measured.gaps:
        apart = gap.lower is not None and gap.upper is not None and (gap.lower > 0 or gap.upper < 0)
        value = f"<b>{gap.difference:+.3f}</b>" if apart else f"{gap.difference:+.3f}"
        told = f"{interval(gap.lower, gap.upper)}, {'told apart' if apart else 'not told apart'}"
        found.setdefault(gap.metric, {})[gap.first] = _two_lines(value, told)
    rows = [
        [
            _two_lines(escape(NAMES.get(name, name)), escape(task or "all texts")),
            *(cells.get(each, "") for each in others),
        ]
        for metric, cells in found.items()
        for name, _, task in [metric.partition(".")]
    ]
    caption = f"Each model minus {short(measured.models[0])} on the same items; paired bootstrap, 95 % intervals."
    head = ["Measured", *map(short, others)]
    table = table_html(head, rows, ["long", *["num"] * len(others)], "Differences")
    return section_html("Differences", caption) + table


def _table(measured: core.Measured, whole: bool, label: str) -> str:
    """One row a metric and what it is of, one column a model; empty when there are no such numbers."""
    found: dict[tuple[str, str, str, str], dict[int, Any]] = {}
    for place, metrics in enumerate(measured.metrics):
        for metric in metrics:
            if bool(metric.domain or metric.language) is not whole:
                found.setdefault((metric.name, metric.task, metric.domain, metric.language), {})[place] = metric
    rows = []
    for (name, task, domain, language), by_model in found.items():
        first = next(iter(by_model.values()))
        part = " ".join(each for each in (task, domain, language) if each) or "all texts"
        items = f"{first.n:,} {'item' if first.n == 1 else 'items'}"
        note = f"{part}, {items}; {'higher' if first.higher else 'lower'} is better"
        cells = [_number(by_model.get(place)) for place in range(len(measured.models))]
        rows.append([_two_lines(escape(NAMES.get(name, name)), escape(note)), *cells])
    head = ["Measured", *map(short, measured.models)]
    return table_html(head, rows, ["long", *["num"] * len(measured.models)], label) if rows else ""


def _number(metric: Any) -> str:
    if metric is None:
        return '<span class="aside">…</span>'
    return _two_lines(f"{metric.value:.3f}", interval(metric.lower, metric.upper))


def _two_lines(text: str, small: str) -> str:
    return f'{text}<br><span class="aside">{small}</span>'
