"""Colours, fonts and the Plotly template of every figure: no Gradio here, so that plots need none."""

from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

# What each platform ships, by name; a bare `system-ui` is DejaVu on a plain Linux. Plain strings: a `Font` object would quote generic names.
FONT = "-apple-system, BlinkMacSystemFont, 'Segoe UI', Roboto, Inter, Cantarell, 'Noto Sans', 'Liberation Sans', system-ui, sans-serif"
MONO = "ui-monospace, 'SF Mono', 'Cascadia Mono', Consolas, 'DejaVu Sans Mono', 'Liberation Mono', monospace"

# Each is >= 3:1 on both backgrounds; any two differ by >= 7.7 (OKLab x 100) in normal, protan, deutan and tritan sight, the first
# six by >= 8.9: tests/unit/shared/test_palette.py. An eleventh would come closer than 7.
SERIES = (
    "#2f6fdb", "#e8721d", "#17aa69", "#b13ca7", "#cd3009", "#c17cb0",
    "#9880f8", "#107810", "#785868", "#907078",
)  # fmt: skip
SYMBOLS = ("circle", "diamond", "square", "triangle-up", "cross", "star")
DASHES = ("solid", "dash", "dot", "dashdot", "longdash", "longdashdot")
_SALT = "492"  # one with which the models that ship all differ


@dataclass(frozen=True)
class Style:
    """How a model or dataset is drawn.

    Attributes:
        color: Its colour.
        symbol: Its marker, as Plotly calls it.
        dash: Its line, as Plotly calls it.
    """

    color: str
    symbol: str = SYMBOLS[0]
    dash: str = DASHES[0]


def color_of(name: str) -> str:
    """The colour of a model or dataset: always the same for the same name."""
    return SERIES[int.from_bytes(sha256(f"{_SALT} {name}".encode()).digest()[:8]) % len(SERIES)]


def styles(names: Iterable[str]) -> dict[str, Style]:
    """Styles for what is drawn in one figure: everything in its own colour, and two of one colour told apart by marker and line.

    Args:
        names: What is drawn; order and repetition do not matter.

    Returns:
        A style for each name; the first six of one colour (in alphabetical order) all differ.
    """
    drawn: dict[str, Style] = {}
    for name in sorted(set(names)):
        color = color_of(name)
        place = sum(style.color == color for style in drawn.values()) % len(SYMBOLS)
        drawn[name] = Style(color, SYMBOLS[place], DASHES[place])
    return drawn


def plotly_template() -> Any:
    """Transparent, thin grid, colour-blind-safe. Text colour follows the page through theme.css, so one figure serves both modes."""
    import plotly.graph_objects as go

    axis = {
        "gridcolor": "rgba(128,136,148,.20)", "linecolor": "rgba(128,136,148,.45)", "zeroline": False, "automargin": True,
        "ticks": "", "ticklabelstandoff": 6, "tickfont": {"size": 12}, "fixedrange": True,
        "title": {"standoff": 12, "font": {"size": 12}},
    }  # fmt: skip
    return go.layout.Template(layout={
        "font": {"family": FONT, "size": 12, "color": "#6b7280"},
        "paper_bgcolor": "rgba(0,0,0,0)", "plot_bgcolor": "rgba(0,0,0,0)",
        "colorway": SERIES, "xaxis": axis, "yaxis": axis,
        "height": 264, "margin": {"l": 0, "r": 0, "t": 16, "b": 0}, "bargap": .08, "barcornerradius": 2,
        "showlegend": False, "dragmode": False, "hovermode": "closest",
        "hoverlabel": {"bgcolor": "#262b32", "bordercolor": "#262b32", "font": {"family": FONT, "size": 12, "color": "#ffffff"}},
        "annotationdefaults": {"showarrow": False, "font": {"size": 12}},
    })  # fmt: skip
