"""Colours, fonts and the Plotly template of every figure: no Gradio here, so that plots need none."""

from typing import Any

# What each platform ships, by name; a bare `system-ui` is DejaVu on a plain Linux. Plain strings: a `Font` object would quote generic names.
FONT = "-apple-system, BlinkMacSystemFont, 'Segoe UI', Roboto, Inter, Cantarell, 'Noto Sans', 'Liberation Sans', system-ui, sans-serif"
MONO = "ui-monospace, 'SF Mono', 'Cascadia Mono', Consolas, 'DejaVu Sans Mono', 'Liberation Mono', monospace"

# Each is >= 3:1 on both backgrounds; any two differ by >= 8.9 (OKLab x 100) in normal, protan, deutan and tritan sight.
SERIES = ("#2f6fdb", "#e8721d", "#17aa69", "#b13ca7", "#cd3009", "#c17cb0")


def color_of(name: str) -> str:
    """The colour of a model or dataset: always the same for the same name."""
    return SERIES[sum(name.encode()) % len(SERIES)]


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
