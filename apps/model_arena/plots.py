"""Figures of the leaderboard. Every number that has an interval is drawn with it; a model has one colour everywhere.

Names of models are escaped: Plotly reads tags and links in its texts.
"""

import re
from collections import Counter
from collections.abc import Sequence
from html import escape
from typing import Any

import numpy as np

from apps.model_arena.history import Moment
from apps.model_arena.leaderboard import Standing
from apps.model_arena.position import PositionBias
from apps.model_arena.win_rates import WinRates, wilson
from shared.palette import SERIES, color_of, plotly_template, styles

ROW = 44  # pixels of a model with its name above it
HEIGHT, TALL = 264, 420
LISTED = 60  # models in the figure of ratings
SQUARE = 20  # models on each side of the table of win rates
FOLLOWED = 6
LABEL = 40
HASH = r"@[0-9a-f]{7,}\b"  # of pinned models
GREY = "rgba(128,136,148,.55)"
# From "loses" over an even grey to "wins": the two ends differ in every kind of colour vision.
SCALE = [[0.0, SERIES[1]], [0.5, "rgba(128,136,148,.16)"], [1.0, SERIES[0]]]


def draw_ratings(rows: Sequence[Standing]) -> Any:
    """Ratings with their 95% intervals, the highest on top, each under its name.

    Args:
        rows: Rows of a leaderboard; models that cannot be compared are left out.

    Returns:
        A `plotly.graph_objects.Figure`, 44 pixels a model, at most 60 models.
    """
    rated = [(each, each.rating, each.lower, each.upper) for each in rows if each.rating is not None][:LISTED]
    if not rated:
        return _say(_figure(ROW * 2), "No model can be rated yet")
    figure, models = _figure(ROW * len(rated) + 40), [row.model for row, *_ in rated]
    looks, labels = styles(models), _labels(models)
    for place, (row, rating, lower, upper) in enumerate(rated):
        low, high = rating if lower is None else lower, rating if upper is None else upper
        at = len(rated) - 1 - place
        figure.add_scatter(
            x=[rating], y=[at], mode="markers",
            marker={"size": 10, "color": looks[row.model].color, "symbol": looks[row.model].symbol},
            error_x={
                "type": "data", "symmetric": False, "array": [high - rating], "arrayminus": [rating - low],
                "color": looks[row.model].color, "thickness": 2, "width": 5,
            },
            hovertext=f"{_short(row.model)}<br>{rating:.0f}, 95%: {low:.0f} to {high:.0f}<br>rank {_rank(row)}, "
            f"{row.battles:,} battles", hoverinfo="text",
        )  # fmt: skip
        figure.add_annotation(
            x=0, xref="paper", y=at, yshift=8, yanchor="bottom", xanchor="left", text=labels[row.model]
        )
        figure.add_annotation(
            x=1, xref="paper", y=at, yshift=8, yanchor="bottom", xanchor="right", text=f"<b>{rating:.0f}</b>"
        )
    figure.update_layout(
        xaxis={"nticks": 5, "tickformat": "d", "title": {"text": "Rating, with 95% interval"}},
        yaxis={"visible": False, "range": [-0.5, len(rated) - 0.3]},
        margin={"t": 8},
    )
    return figure


def draw_win_rates(rates: WinRates) -> Any:
    """How often the model of the row was preferred to that of the column, for the 20 models that win most.

    Args:
        rates: The win rates.

    Returns:
        A `plotly.graph_objects.Figure`; pairs that never met are empty.
    """
    count = min(SQUARE, len(rates.models))
    if count < 2:
        return _say(_figure(HEIGHT), "No two models have met yet")
    labels = _labels(rates.models[:count], 24)
    names = [f"{place}. {labels[model]}" for place, model in enumerate(rates.models[:count], start=1)]
    numbers = [str(place) for place in range(1, count + 1)]
    values = [row[:count] for row in rates.rates[:count]]
    texts = [["" if value is None else f"{value:.0%}"[:-1] for value in row] for row in values]
    told = [
        [
            "" if values[one][two] is None
            else f"{_short(rates.models[one])} against {_short(rates.models[two])}<br>{values[one][two]:.0%}, 95%: "
            f"{rates.lower[one][two]:.0%} to {rates.upper[one][two]:.0%}<br>{rates.battles[one][two]:,} votes"
            for two in range(count)
        ]
        for one in range(count)
    ]  # fmt: skip
    figure = _figure(max(HEIGHT, 28 * count + 72))
    figure.add_heatmap(
        z=values, x=numbers, y=names, text=texts, texttemplate="%{text}" if count <= 12 else None, hovertext=told,
        hovertemplate="%{hovertext}<extra></extra>", zmin=0, zmax=1, colorscale=SCALE, showscale=False, xgap=2, ygap=2,
        hoverongaps=False,
    )  # fmt: skip
    figure.update_layout(
        yaxis={"autorange": "reversed", "showgrid": False, "type": "category"},
        xaxis={"showgrid": False, "type": "category", "side": "top", "title": {"text": "Preferred to, in % of votes"}},
        margin={"t": 48},
    )
    return figure


def draw_history(moments: Sequence[Moment], models: Sequence[str] = ()) -> Any:
    """Ratings against the number of votes, with their intervals as bands.

    Args:
        moments: What `history.follow` returned.
        models: Which models; empty: the six with the highest ratings at the end.

    Returns:
        A `plotly.graph_objects.Figure`, 420 pixels high, with names at the ends of lines.
    """
    last: dict[str, Moment] = {each.model: each for each in moments}
    ranked = sorted(last.values(), key=lambda one: (-one.rating, one.model))
    shown = [last[model] for model in models if model in last] if models else ranked[:FOLLOWED]
    figure = _figure(TALL)
    if not shown:
        return _say(figure, "No ratings to follow yet")
    looks = styles(each.model for each in shown)
    for end in shown:
        color = color_of(end.model)
        line = [each for each in moments if each.model == end.model]
        votes = [each.votes for each in line]
        figure.add_scatter(
            x=[*votes, *reversed(votes)], y=[*(each.upper for each in line), *(each.lower for each in reversed(line))],
            fill="toself", mode="none", fillcolor=_faint(color), hoverinfo="skip",
        )  # fmt: skip
        figure.add_scatter(
            x=votes, y=[each.rating for each in line], mode="lines+markers" if len(line) < 3 else "lines",
            line={"color": color, "width": 2, "dash": looks[end.model].dash},
            hovertext=[
                f"{_short(each.model)}<br>{each.rating:.0f}, 95%: {each.lower:.0f} to {each.upper:.0f}<br>after "
                f"{each.votes:,} votes" for each in line
            ], hoverinfo="text",
        )  # fmt: skip
    late = [each for each in moments if each.votes * 3 >= shown[0].votes]  # the first bands would dwarf all others
    ends = {each.model for each in shown}
    low = min(each.lower for each in late if each.model in ends)
    high = max(each.upper for each in late if each.model in ends)
    _name_ends(figure, shown, high - low)
    figure.update_layout(
        xaxis={"title": {"text": "Votes"}, "tickformat": ",d", "rangemode": "tozero", "nticks": 4},
        yaxis={"tickformat": "d", "nticks": 6, "range": [low - 0.04 * (high - low), high + 0.04 * (high - low)]},
        margin={"t": 16, "r": 152},
    )
    return figure


def draw_position(bias: PositionBias) -> Any:
    """The share of wins that each place on the screen had, with 95% intervals and the share that chance would give.

    Args:
        bias: The estimate.

    Returns:
        A `plotly.graph_objects.Figure`, 44 pixels a place.
    """
    bars = [
        (sides, place, share, bias.votes[sides])
        for sides, shares in sorted(bias.shares.items(), key=lambda one: int(one[0]))
        for place, share in enumerate(shares)
    ]
    if not bars:
        return _say(_figure(ROW * 2), "No vote has a winner yet")
    figure = _figure(ROW * len(bars) + 40)
    for number, (sides, place, share, votes) in enumerate(bars):
        at = len(bars) - 1 - number
        low, high = (float(end) for end in wilson(np.asarray(share), np.asarray(votes)))
        figure.add_bar(
            x=[share], y=[at], orientation="h", width=0.26, marker={"color": SERIES[0]},
            error_x={
                "type": "data", "symmetric": False, "array": [high - share], "arrayminus": [share - low],
                "color": GREY, "thickness": 2, "width": 5,
            },
            hovertext=f"{share:.1%} of {votes:,} votes, 95%: {low:.1%} to {high:.1%}", hoverinfo="text",
        )  # fmt: skip
        title = f"Side {'abcdef'[place]} of {sides}: {share:.1%}"
        figure.add_annotation(x=0, xref="paper", y=at, yshift=8, yanchor="bottom", xanchor="left", text=title)
        even = 1 / int(sides)
        figure.add_shape(
            type="line",
            x0=even,
            x1=even,
            y0=at - 0.22,
            y1=at + 0.22,
            line={"color": SERIES[1], "dash": "dot", "width": 2},
        )
    figure.update_layout(
        xaxis={
            "tickformat": ".0%",
            "rangemode": "tozero",
            "title": {"text": "Share of wins; dotted: what chance gives"},
        },
        yaxis={"visible": False, "range": [-0.5, len(bars) - 0.3]},
        margin={"t": 8},
    )
    return figure


def _name_ends(figure: Any, shown: Sequence[Moment], height: float) -> None:
    """Names beside the ends of lines, moved down where lines end close together."""
    step, below = max(1e-9, height) * 0.062, float("inf")
    labels = _labels([end.model for end in shown], 15)
    for end in sorted(shown, key=lambda one: -one.rating):
        below = min(end.rating, below - step)
        figure.add_annotation(
            x=1, xref="paper", y=below, text=f"{end.rating:.0f} <b>{labels[end.model]}</b>", xanchor="left", xshift=6,
            font={"color": color_of(end.model)},
        )  # fmt: skip


def _rank(row: Standing) -> str:
    return f"{row.rank_lower}" if row.rank_lower == row.rank_upper else f"{row.rank_lower} to {row.rank_upper}"


def _faint(color: str) -> str:
    red, green, blue = (int(color[at : at + 2], 16) for at in (1, 3, 5))
    return f"rgba({red},{green},{blue},.05)"  # up to eight bands lie over each other


def _short(text: str, most: int = LABEL) -> str:
    """The text on one line, cut in the middle: names often begin alike."""
    text = " ".join(text.split())
    if len(text) > most:
        head = (most - 1) // 3
        text = f"{text[:head].rstrip()}…{text[head + 1 - most :].lstrip()}"
    return escape(text, quote=False)


def _labels(models: Sequence[str], most: int = LABEL) -> dict[str, str]:
    """Short names of models, without hashes where these tell nothing apart."""
    plain = {model: re.sub(HASH, "", model) for model in models}
    alone = Counter(plain.values())
    return {model: _short(name if alone[name] == 1 else model, most) for model, name in plain.items()}


def _figure(height: int) -> Any:
    import plotly.graph_objects as go

    return go.Figure(layout={"template": plotly_template(), "height": height})


def _say(figure: Any, text: str) -> Any:
    figure.update_layout(xaxis={"visible": False}, yaxis={"visible": False})
    figure.add_annotation(x=0.5, y=0.5, xref="paper", yref="paper", text=text)
    return figure
