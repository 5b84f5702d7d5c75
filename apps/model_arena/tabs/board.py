"""The tab "Leaderboard": ratings with their intervals, win rates, how ratings moved, and whether position matters."""

from html import escape
from typing import Any

import gradio as gr

from apps.model_arena import core, plots
from apps.model_arena.history import Moment
from apps.model_arena.tabs.choosing import short
from shared.palette import color_of
from shared.ui.forms import form
from shared.ui.pieces import empty_html, html, section_html, table_html, tile, tiles_html
from shared.ui.wiring import QUIET, when

NOTHING = empty_html(
    "No votes yet",
    "Ratings appear once models have won and lost against each other: ask hidden models the same and vote for the better "
    "answer, or import votes that were cast elsewhere.",
)
INTERVALS = {"sandwich": "Sandwich", "bootstrap": "Bootstrap"}


def draw(opened: Any, tabs: gr.Tabs) -> None:
    """Draw the tab and wire it; it is filled when somebody opens it.

    Args:
        opened: The event of the tab being opened.
        tabs: The page's tabs, with the ids "battle" and "votes": where votes come from.
    """
    with gr.Column(elem_classes="work"):
        with gr.Row(elem_classes="filters"):
            fields = form(core.leaderboard, "category", "language", "interval", "style_control", brief=True)
            for name in ("category", "language"):
                fields[name].choices = [("All", ""), *((each, each) for each, _ in fields[name].choices if each)]
            fields["interval"].choices = [(text, value) for value, text in INTERVALS.items()]
            again = gr.Button("Refresh", scale=0, min_width=104)
        with gr.Accordion("More settings", open=False):
            fields |= form(
                core.leaderboard, "anchor", "anchor_rating", "mine", fold=False, labels={"mine": "My votes only"}
            )
        summary = html(min_height=64)
        with gr.Row(elem_classes="split"):
            with gr.Column(scale=4, min_width=320, visible=False) as left:
                ratings = gr.Plot(show_label=False, container=False)
            with gr.Column(scale=5, min_width=320):
                board = html(min_height=88)
        first, begin, bring = _first()
        with gr.Accordion("Win rates and position", open=False):
            look = gr.Button("Show win rates", scale=0, min_width=144)
            told = html()
            rates, places = (gr.Plot(show_label=False, container=False, visible=False) for _ in range(2))
        with gr.Accordion("How ratings moved", open=False):
            follow = gr.Button("Show how ratings moved", scale=0, min_width=200)
            moved = gr.Plot(show_label=False, container=False, visible=False)

    def ranked(found: core.Board) -> dict[Any, Any]:
        rated = [row for row in found.rows if row.rating is not None]
        drawn = {ratings: plots.draw_ratings(rated)} if rated else {}
        boxes: dict[Any, Any] = {left: gr.update(visible=bool(rated)), first: gr.update(visible=not found.rows)}
        boxes[summary] = gr.update(value=head(found), visible=bool(found.rows))
        return {board: rows(found), **boxes, **drawn}

    def rated(found: core.Rates) -> dict[Any, Any]:
        drawn = bool(found.votes)
        return {
            told: position(found),
            rates: gr.Plot(plots.draw_win_rates(found.table), visible=True) if drawn else gr.Plot(visible=False),
            places: gr.Plot(plots.draw_position(found.position), visible=True) if drawn else gr.Plot(visible=False),
        }

    def followed(moments: list[Moment]) -> dict[Any, Any]:
        return {moved: gr.Plot(plots.draw_history(moments), visible=True)}

    part = {name: fields[name] for name in ("category", "language")}
    drawn = [summary, left, ratings, board, first]
    for trigger in (opened, again.click, *(field.change for field in fields.values())):
        when(trigger, core.leaderboard, ranked, inputs=fields, outputs=drawn, show_progress_on=[summary])
    when(look.click, core.win_rates, rated, inputs=part, outputs=[told, rates, places], show_progress_on=[told])
    when(follow.click, core.rating_history, followed, inputs=part, outputs=[moved])
    begin.click(lambda: gr.update(selected="battle"), None, tabs, **QUIET)
    bring.click(lambda: gr.update(selected="votes"), None, tabs, **QUIET)


def _first() -> tuple[gr.Row, gr.Button, gr.Button]:
    """Where votes come from, while there are none."""
    with gr.Row(elem_classes="samples", visible=False) as row:
        begin = gr.Button("Fight the first battle", variant="primary", scale=0)
        return row, begin, gr.Button("Import votes", scale=0)


def head(found: core.Board) -> str:
    """What stands above the board."""
    if not found.rows:
        return ""
    rated = [row for row in found.rows if row.rating is not None]
    battles = max((row.battles for row in found.rows), default=0)
    top = short(rated[0].model) if rated else "–"
    interval = f"{rated[0].lower:,.0f} to {rated[0].upper:,.0f}" if rated and rated[0].lower is not None else ""
    return tiles_html(
        tile("Ahead", top, interval),
        tile("Models", f"{len(found.rows):,}", f"{len(rated):,} can be compared"),
        tile("Most battles", f"{battles:,}", "of one model"),
    )


def rows(found: core.Board) -> str:
    """The board as a table, and what cannot be said."""
    notes = "".join(f"<li>{escape(note)}</li>" for note in found.notes)
    if not found.rows:
        return NOTHING
    lines = []
    for row in found.rows:
        bead = f'<i class="bead" style="background:{color_of(row.model)}"></i>'
        rank = "–" if row.rank_lower is None else str(row.rank_lower)
        if row.rank_lower != row.rank_upper:
            rank += f" to {row.rank_upper}"
        error = "" if row.standard_error is None else f"±{1.96 * row.standard_error:,.0f}"
        rating = "–" if row.rating is None else f"{row.rating:,.0f}"
        name = f'<span title="{escape(row.model)}">{bead}{escape(short(row.model))}</span>'
        lines.append([rank, name, rating, error, f"{row.battles:,}"])
    css = ["num id", "text", "num", "num wide", "num"]
    table = table_html(["Rank", "Model", "Rating", "95 %", "Battles"], lines, css, "Leaderboard")
    return table + (f'<ul class="plain notes">{notes}</ul>' if notes else "")


def position(found: core.Rates) -> str:
    """Whether being shown first helps, in words."""
    bias = found.position
    if bias.advantage is None:
        said = "Whether being shown first helps cannot be told from these votes."
    else:
        said = (
            f"Being shown first is worth {bias.advantage:+.1f} points (95 %: {bias.lower:+.1f} to {bias.upper:+.1f})."
        )
    more = f" {found.excluded:,} more are stored and not counted." if found.excluded else ""
    caption = f"{found.votes:,} votes are counted.{more}"
    return section_html("Win rates", caption) + f'<p class="place">{escape(said)}</p>'
