"""Figures of what was measured: one panel a metric, one line a task, every model with its interval."""

from collections.abc import Sequence
from html import escape
from typing import Any

from shared.metrics.evaluation import Metric
from shared.palette import Style, plotly_template, styles

LINE = 22  # pixels of one model on one task
TITLES = {
    "bits_per_byte": "Bits per byte (lower is better)",
    "acc": "Accuracy",
    "exact_match": "Exact match",
    "bleu": "BLEU",
    "chrf": "chrF",
    "pass_at_1": "Programs that pass their tests",
}


def draw_metrics(models: Sequence[str], metrics: Sequence[Sequence[Metric]]) -> Any:
    """Whole tasks with 95 % intervals, the same model in the same colour everywhere; two of one colour differ by their markers.

    Args:
        models: The models.
        metrics: Their numbers, one list a model.

    Returns:
        A `plotly.graph_objects.Figure` with one panel a metric, or None when nothing was measured yet.
    """
    found: dict[str, dict[str, list[tuple[str, Metric]]]] = {}
    for model, numbers in zip(models, metrics, strict=False):
        for metric in numbers:
            name, _, way = metric.name.partition(".")  # lm-eval may read an answer in several ways
            if name in TITLES and not metric.domain and not metric.language:
                task = f"{metric.task or 'all texts'}{f' ({way})' if way else ''}"
                found.setdefault(name, {}).setdefault(task, []).append((model, metric))
    if not found:
        return None
    from plotly.subplots import make_subplots

    names, listed, looks = [name for name in TITLES if name in found], set[str](), styles(models)
    lines = [len(found[name]) * max(2, len(models)) + 2 for name in names]
    figure = make_subplots(
        len(names),
        1,
        row_heights=lines,
        subplot_titles=[TITLES[name] for name in names],
        vertical_spacing=2.4 / sum(lines),  # its ticks, then the title of the next
    )
    for row, name in enumerate(names, 1):
        for line, (task, cells) in enumerate(found[name].items()):
            for place, (model, metric) in enumerate(cells):
                height = line + (place - (len(cells) - 1) / 2) * 0.6 / len(cells)
                point = _point(model, task, metric, height, looks[model])
                point.showlegend = model not in listed
                listed.add(model)
                figure.add_trace(point, row, 1)
        if found[name][next(iter(found[name]))][0][1].unit == "share":
            shares = {"range": [-0.01, 1.02], "tickvals": [0, 0.25, 0.5, 0.75, 1], "tickformat": ".0%"}
            figure.update_xaxes(**shares, row=row, col=1)
        ticks = list(range(len(found[name])))
        labels = [escape(task, quote=False) for task in found[name]]
        figure.update_yaxes(tickvals=ticks, ticktext=labels, range=[len(ticks) - 0.5, -0.5], row=row, col=1)
    height = LINE * sum(lines) + 88
    figure.update_layout(template=plotly_template(), height=height, margin={"t": 32, "b": 56, "r": 24})
    figure.update_layout(showlegend=len(models) > 1, legend={"orientation": "h", "y": -48 / height, "yanchor": "top"})
    figure.update_annotations(x=0, xanchor="left", font={"size": 13})
    figure.update_yaxes(showgrid=False)
    return figure


def _point(model: str, task: str, metric: Metric, height: float, look: Style) -> Any:
    import plotly.graph_objects as go

    below = metric.value - metric.lower if metric.lower is not None else 0
    above = metric.upper - metric.value if metric.upper is not None else 0
    return go.Scatter(
        x=[metric.value],
        y=[height],
        mode="markers",
        name=escape(model, quote=False),
        legendgroup=model,
        cliponaxis=False,
        marker={"color": look.color, "symbol": look.symbol, "size": 9},
        error_x={"type": "data", "array": [above], "arrayminus": [below], "color": look.color, "thickness": 2},
        hovertemplate=f"{escape(model)}<br>{escape(task)}: %{{x:.3f}}<extra></extra>",
    )
