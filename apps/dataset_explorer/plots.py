"""Figures of profiles and comparisons. Labels stand at the data, text stays level, and a phone's width is enough.

Whatever comes from a dataset is escaped: Plotly reads tags and links in its texts.
"""

from collections.abc import Sequence
from html import escape
from typing import Any

import numpy as np

from apps.dataset_explorer.contrast import TellingWord
from apps.dataset_explorer.landscape import Landscape
from apps.dataset_explorer.report import Breach, Exposure, Share
from apps.dataset_explorer.spreads import Bin, Lengths
from shared.palette import SERIES, plotly_template

GREY = "rgba(128,136,148,.55)"
ROW = 44  # pixels of a bar with its label above it
LABEL = 46  # characters that fit beside each other on a phone
HEIGHT, TALL = 264, 420
COLOURED = 6  # clusters: these colours differ most, and points lie close together
LISTED = 12
KEYWORDS = 3  # of a cluster, beside each other
HERE, BEYOND = SERIES[0], SERIES[1]


def draw_lengths(lengths: Lengths, context: int = 0) -> Any:
    """How many rows have which length, and how many are longer than a model can read.

    Args:
        lengths: The lengths, such as `profile.tokens`.
        context: Where the line stands; 0 draws none.

    Returns:
        A `plotly.graph_objects.Figure`, 264 pixels high.
    """
    figure = _figure(HEIGHT)
    figure.update_layout(
        xaxis={
            "title": {"text": f"{lengths.unit.capitalize()} per row"},
            "showgrid": False,
            "tickformat": ",d",
            "nticks": 6,
        },
        yaxis={"tickformat": ",d", "nticks": 5, "rangemode": "tozero"},
        margin={"t": 24},
    )
    if not lengths.bins:
        return _say(figure, "No rows")
    _add_bars(figure, lengths.bins, [each.rows for each in lengths.bins], context)
    if lengths.bins[-1].end - lengths.bins[-1].start > _width(lengths.bins):
        note = f"Last bar: {lengths.bins[-1].rows:,} up to {lengths.most:,}"
        figure.add_annotation(x=1, y=0.86, xref="paper", yref="paper", text=note, xanchor="right", yanchor="top")
    if context:
        _add_context(figure, lengths, context)
    return figure


def draw_rules(quality: Sequence[Breach]) -> Any:
    """How many rows break each quality rule, the most broken first; rules that no row breaks are left out.

    Args:
        quality: As in `profile.quality`.

    Returns:
        A `plotly.graph_objects.Figure`, 44 pixels a rule, at most 12 rules.
    """
    broken = [each for each in quality if each.rows]
    if not broken:
        return _say(_figure(ROW * 2), "No row breaks a rule")
    return _draw_bars(
        [f"{each.says}" for each in broken], [each.rows for each in broken], [each.share for each in broken]
    )


def draw_shares(shares: Sequence[Share]) -> Any:
    """How many rows are in each language.

    Args:
        shares: As in `profile.languages` or `profile.code`.

    Returns:
        A `plotly.graph_objects.Figure`, 44 pixels a language; what comes after the eleventh is one bar.
    """
    if not shares:
        return _say(_figure(ROW * 2), "None found")
    listed = list(shares[:LISTED])
    if len(shares) > LISTED:
        rest = shares[LISTED - 1 :]
        more = Share("", f"{len(rest)} others", sum(each.rows for each in rest), sum(each.share for each in rest))
        listed = [*shares[: LISTED - 1], more]
    names = ["Not told" if each.code == "und" else each.name for each in listed]
    return _draw_bars(names, [each.rows for each in listed], [each.share for each in listed])


def draw_private(private: Sequence[Exposure]) -> Any:
    """How many rows hold personal data or secrets of each kind.

    Args:
        private: As in `profile.private`.

    Returns:
        A `plotly.graph_objects.Figure`, 44 pixels a kind; secrets in orange, and called so.
    """
    if not private:
        return _say(_figure(ROW * 2), "None found")
    names = [f"{each.says}{' (secret)' if each.secret else ''}" for each in private]
    colors = [BEYOND if each.secret else HERE for each in private]
    return _draw_bars(names, [each.rows for each in private], [], colors)


def draw_two_lengths(first: Lengths, second: Lengths, names: tuple[str, str]) -> Any:
    """The lengths of two datasets, one above the other on the same scale of lengths.

    The area of a bar is its share of the rows, so that two datasets of different sizes compare; each has its own height, or the
    wide one of two would be flat.

    Args:
        first: Lengths of the one.
        second: Lengths of the other, in the same unit.
        names: What the two are called.

    Returns:
        A `plotly.graph_objects.Figure`, 420 pixels high.
    """
    figure = _figure(TALL)
    title = {"text": f"{first.unit.capitalize()} per row; the area is the share of rows"}
    figure.update_layout(
        xaxis={"title": title, "showgrid": False, "tickformat": ",d", "nticks": 6, "anchor": "y2"},
        yaxis={"domain": [0.54, 1], "showticklabels": False, "showgrid": False, "rangemode": "tozero"},
        yaxis2={"domain": [0, 0.46], "showticklabels": False, "showgrid": False, "rangemode": "tozero"},
    )
    for place, (lengths, name, top) in enumerate(zip((first, second), names, (1.0, 0.46), strict=True)):
        rows = max(1, sum(each.rows for each in lengths.bins))
        width = _width(lengths.bins)
        heights = [each.rows / rows / width for each in lengths.bins]
        color = SERIES[place]
        _add_bars(figure, lengths.bins, heights, 0, color, "y" if place == 0 else "y2", rows)
        text = f"<b>{_short(name, 28)}</b>  median {lengths.median:,.0f}"
        figure.add_annotation(x=1, y=top, xref="paper", yref="paper", text=text, xanchor="right", yanchor="top")
    return figure


def draw_telling_words(words: Sequence[TellingWord], second: bool = False) -> Any:
    """The words that are typical of one dataset, with how often they occur in it and in the other.

    Args:
        words: As in `contrast.first_words`.
        second: Whether they are those of the second dataset, for the colour.

    Returns:
        A `plotly.graph_objects.Figure`, 44 pixels a word, at most 12 words; the length of a bar is the z-score.
    """
    if not words:
        return _say(_figure(ROW * 2), "No word is typical")
    listed = words[:LISTED]
    figure = _draw_bars(
        [each.word for each in listed], [each.z for each in listed], [], [SERIES[int(second)]] * len(listed)
    )
    figure.data[0].text = [f"{each.here:,} : {each.there:,}" for each in listed]
    return figure


def draw_map(landscape: Landscape, texts: Sequence[str] = ()) -> Any:
    """Rows as points, where near ones are alike; every cluster has its colour, and its keywords in its middle.

    Args:
        landscape: The map.
        texts: The text of each point, shown when it is pointed at.

    Returns:
        A `plotly.graph_objects.Figure`, 420 pixels high. The six largest clusters have colours, the others are grey.
    """
    points = [(each.x, each.y) for each in landscape.points]
    clusters = [each.cluster for each in landscape.points]
    labels = [", ".join(each.keywords[:KEYWORDS]) or f"{each.size:,} rows" for each in landscape.clusters]
    import plotly.graph_objects as go

    figure = _figure(TALL)
    hidden = {"visible": False, "fixedrange": False}
    figure.update_layout(xaxis=hidden, yaxis=hidden, margin={"l": 8, "r": 8, "t": 8, "b": 8})
    if not points:
        return _say(figure, "No rows")
    places, groups = np.array(points, np.float64), np.array(clusters, np.int64)
    # A list with one colour a point: one trace draws 100,000 points faster than one for each cluster.
    colors = [SERIES[group] if 0 <= group < COLOURED else GREY for group in groups.tolist()]
    figure.add_trace(
        go.Scattergl(
            x=places[:, 0].tolist(), y=places[:, 1].tolist(), mode="markers",
            marker={"color": colors, "size": 5 if len(points) > 2000 else 7, "opacity": 0.75},
            text=[_short(text, 90) for text in texts] or None,
            hovertemplate="%{text}<extra></extra>" if texts else None, hoverinfo=None if texts else "skip",
        )
    )  # fmt: skip
    for (x, y), label in _free_places(places, groups, labels):
        figure.add_annotation(
            x=x, y=y, text=f"<b>{_short(label, 28)}</b>", bgcolor="rgba(128,136,148,.22)", borderpad=3
        )
    return figure


def _free_places(places: Any, groups: Any, labels: Sequence[str]) -> list[tuple[tuple[float, float], str]]:
    """Where the labels of the largest clusters stand: in the middle, or a little above or below where one stands there."""
    wide, high = (np.ptp(places, axis=0) + 1e-9).tolist()
    taken: list[tuple[tuple[float, float], str]] = []
    for group, label in enumerate(labels[:LISTED]):
        inside = places[groups == group]
        if not len(inside):
            continue
        x, y = np.median(inside, axis=0).tolist()
        for step in (0, 1, -1, 2, -2):
            at = y + step * 0.07 * high
            if not any(abs(x - one) < 0.55 * wide and abs(at - two) < 0.065 * high for (one, two), _ in taken):
                taken.append(((x, at), label))
                break
    return taken


def _figure(height: int) -> Any:
    import plotly.graph_objects as go

    return go.Figure(layout={"template": plotly_template(), "height": height})


def _say(figure: Any, text: str) -> Any:
    figure.update_layout(xaxis={"visible": False}, yaxis={"visible": False})
    figure.add_annotation(x=0.5, y=0.5, xref="paper", yref="paper", text=text)
    return figure


def _short(text: str, most: int = LABEL) -> str:
    text = " ".join(text.split())
    return escape(text if len(text) <= most else text[: most - 1].rstrip() + "…", quote=False)


def _percent(share: float) -> str:
    return "<0.1%" if 0 < share < 0.001 else f"{share:.1%}"


def _width(bins: Sequence[Bin]) -> int:
    """The width that all bins have but the last."""
    return bins[0].end - bins[0].start if bins else 1


def _add_bars(
    figure: Any,
    bins: Sequence[Bin],
    heights: Sequence[float],
    context: int,
    color: str = HERE,
    axis: str = "y",
    rows: int = 0,
) -> None:
    """Bars of one width; the last one stands a little aside when it takes all that is longer."""
    if not bins:
        return
    width = _width(bins)
    apart = [width if each.end - each.start > width else 0 for each in bins]
    names = [
        f"{each.start:,}" if each.end - each.start == 1 else f"{each.start:,} to {each.end - 1:,}" for each in bins
    ]
    counts = [f"{each.rows:,} rows" if not rows else f"{_percent(each.rows / rows)} of rows" for each in bins]
    colors = [BEYOND if context and each.start > context else color for each in bins]
    figure.add_bar(
        x=[each.start + width / 2 + aside for each, aside in zip(bins, apart, strict=True)],
        y=list(heights), width=width * 0.92, marker={"color": colors, "line": {"width": 0}}, yaxis=axis, xaxis="x",
        customdata=[list(each) for each in zip(names, counts, strict=True)],
        hovertemplate="%{customdata[0]}: %{customdata[1]}<extra></extra>",
    )  # fmt: skip


def _add_context(figure: Any, lengths: Lengths, context: int) -> None:
    """The line where a model stops reading, or a note when that is beyond the bars."""
    rows = sum(each.rows for each in lengths.bins)
    width = _width(lengths.bins)
    regular = [each for each in lengths.bins if each.end - each.start == width]
    end = regular[-1].end if regular else 0
    over = lengths.most > context
    note = {"yref": "paper", "y": 1, "yanchor": "bottom"}
    text = f"Context {context:,}" + ("" if over else f": all {rows:,} rows fit")
    if context > end:
        figure.add_annotation(
            x=1, xref="paper", xanchor="right", text=text + (" is in the last bar" if over else ""), **note
        )
        return
    figure.add_vline(x=context, line={"color": BEYOND, "width": 1, "dash": "dot"})
    left = context < (lengths.bins[0].start + end) / 2
    figure.add_annotation(x=context, xanchor="left" if left else "right", text=text, **note)


def _draw_bars(
    names: Sequence[str], values: Sequence[float], shares: Sequence[float] = (), colors: Sequence[str] = ()
) -> Any:
    """Level bars, the first one on top, each under its name, with its number at its end."""
    names, values = names[:LISTED], values[:LISTED]
    count = len(names)
    places = list(range(count - 1, -1, -1))
    texts = [f"{value:,}" for value in values]
    if shares:
        texts = [f"{text} ({_percent(share)})" for text, share in zip(texts, shares, strict=False)]
    hover = [escape(name, quote=False) for name in names]
    figure = _figure(ROW * count + 8)
    figure.add_bar(
        x=list(values), y=places, orientation="h", width=0.26, hovertext=hover, hoverinfo="text", marker={"color": list(colors[:LISTED]) or HERE},
        text=texts, textposition="outside", cliponaxis=False, constraintext="none", textfont={"size": 12},
    )  # fmt: skip
    top = max(values) or 1
    figure.update_layout(
        xaxis={"visible": False, "range": [0, top * 1.4]},
        yaxis={"visible": False, "range": [-0.5, count - 0.4]},
        margin={"t": 0},
    )
    for name, place in zip(names, places, strict=True):
        figure.add_annotation(
            x=0, y=place, xref="paper", text=_short(name), xanchor="left", yanchor="bottom", yshift=6, align="left"
        )
    return figure
