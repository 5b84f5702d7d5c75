"""The figure of what was measured: one panel a metric, every model with its interval, names as text."""

from itertools import chain

import pytest

from apps.model_arena.metric_plots import TITLES, draw_metrics
from shared.metrics.evaluation import SCALES, Metric
from shared.palette import color_of


def metric(name, value, lower=None, upper=None, task="facts", domain="", language=""):
    unit = {"bits_per_byte": "bits/byte", "bleu": "0-100", "chrf": "0-100"}.get(name, "share")
    return Metric(name, task, domain, language, value, lower, upper, 9, unit, name != "bits_per_byte")


ONE = [
    metric("bits_per_byte", 2.5, 2.1, 3.0, task=""),
    metric("bits_per_byte", 9.9, task="", domain="code"),
    metric("acc", 0.5, 0.3, 0.6),
    metric("acc", 0.7, task="sums"),
    metric("acc_norm", 0.6),
    metric("acc", 0.1, language="zh"),
]
TWO = [metric("bits_per_byte", 1.5, 1.4, 1.7, task=""), metric("acc", 0.8, 0.7, 0.95), metric("acc", 0.2, task="sums")]


def panels(figure):
    return [note.text for note in figure.layout.annotations]


def test_one_panel_a_metric_with_whole_tasks_alone():
    figure = draw_metrics(["a", "b"], [ONE, TWO])
    assert panels(figure) == ["Bits per byte (lower is better)", "Accuracy"]
    assert list(figure.layout.yaxis.ticktext) == ["all texts"]
    assert list(figure.layout.yaxis2.ticktext) == ["facts", "sums"]
    drawn = [(trace.name, trace.xaxis, trace.x[0]) for trace in figure.data]
    assert drawn == [
        ("a", "x", 2.5), ("b", "x", 1.5), ("a", "x2", 0.5), ("b", "x2", 0.8), ("a", "x2", 0.7), ("b", "x2", 0.2),
    ]  # fmt: skip
    low, high = figure.layout.xaxis2.range
    assert low < 0 < 1 < high < 1.05, "room for a marker at either end"
    assert figure.layout.xaxis2.tickvals[-1] == 1, "the label of 100 % is drawn"
    assert [tuple(axis.range) for axis in (figure.layout.yaxis, figure.layout.yaxis2)] == [(0.5, -0.5), (1.5, -0.5)]
    assert figure.layout.xaxis.range is None, "bits per byte have no upper end"


def test_intervals_reach_from_lower_to_upper():
    figure = draw_metrics(["a"], [ONE])
    reach = {(trace.xaxis, trace.x[0]): (trace.error_x.arrayminus[0], trace.error_x.array[0]) for trace in figure.data}
    assert reach["x", 2.5] == pytest.approx((0.4, 0.5))
    assert reach["x2", 0.5] == pytest.approx((0.2, 0.1))
    assert reach["x2", 0.7] == (0, 0), "a single item has none"


def test_models_do_not_cover_each_other_and_keep_their_colour():
    figure = draw_metrics(["a", "b", "c"], [TWO, TWO, TWO])
    for line, axis in ((0, "x"), (0, "x2"), (1, "x2")):
        heights = [trace.y[0] for trace in figure.data if trace.xaxis == axis and round(trace.y[0]) == line]
        assert len(set(heights)) == 3
        assert sum(heights) / 3 == pytest.approx(line)
    for trace in figure.data:
        assert trace.marker.color == trace.error_x.color == color_of(trace.name)
    assert [trace.name for trace in figure.data if trace.showlegend] == ["a", "b", "c"], "each once"
    assert figure.layout.showlegend
    assert not draw_metrics(["a"], [TWO]).layout.showlegend, "one model needs no legend"
    assert figure.layout.height > draw_metrics(["a"], [TWO]).layout.height


def test_two_models_of_one_colour_have_different_markers():
    names = [f"model-{place}" for place in range(40)]
    first, second = next((one, two) for one in names for two in names if one < two and color_of(one) == color_of(two))
    drawn = {trace.name: trace.marker for trace in draw_metrics([first, second], [ONE, TWO]).data}
    assert drawn[first].color == drawn[second].color
    assert drawn[first].symbol != drawn[second].symbol


def test_names_are_text():
    name, task = 'x"><b>&<a href="javascript:1">', "<i>sums</i>"
    figure = draw_metrics([name], [[metric("acc", 0.5, task=task)]])
    (trace,) = figure.data
    shown = chain(
        [trace.name, trace.hovertemplate.replace("<br>", "").replace("<extra></extra>", "")],
        figure.layout.yaxis.ticktext,
    )
    for text in shown:
        assert "<" not in text
    assert "&lt;b&gt;&amp;" in trace.name


def test_readings_of_one_metric_share_its_panel():
    figure = draw_metrics(
        ["a"],
        [
            [
                metric("exact_match.strict-match", 0.2, task="gsm8k"),
                metric("exact_match.flexible-extract", 0.4, task="gsm8k"),
            ]
        ],
    )
    assert panels(figure) == ["Exact match"]
    assert list(figure.layout.yaxis.ticktext) == ["gsm8k (strict-match)", "gsm8k (flexible-extract)"]


def test_a_model_that_is_not_measured_yet():
    figure = draw_metrics(["a", "b"], [TWO])
    assert {trace.name for trace in figure.data} == {"a"}


@pytest.mark.parametrize("numbers", [[], [[]], [[metric("acc_norm", 1.0)]]])
def test_nothing_to_draw(numbers):
    assert draw_metrics(["a"], numbers) is None


def test_every_metric_of_ours_has_a_panel_or_belongs_to_one():
    assert {name.removesuffix("_norm").removesuffix("_bytes").removesuffix("_mean") for name in SCALES} == set(TITLES)
