"""The Model Arena's screen: what is on it, and who calls whom."""

from collections.abc import Sequence
from typing import Any

import gradio as gr

from apps.model_arena import CARD, core
from apps.model_arena.ballot import KIND
from apps.model_arena.tabs import battle, board, chat, compare, evaluate, listing, prompts, sanity, sharing, votes
from apps.model_arena.tabs.choosing import Choosers
from shared.appcard import AppCard
from shared.models.picker import ModelRow
from shared.models.protocol import Decoding
from shared.suite import suite
from shared.ui.forms import Form, form
from shared.ui.page import page
from shared.ui.pieces import Kind
from shared.ui.wiring import QUIET, when

LABELS = {
    "max_new_tokens": "Longest answer",
    "json_schema": "JSON Schema",
    "top_p": "Top-p",
    "top_k": "Top-k",
    "min_p": "Min-p",
    "stop": "Stop texts",
}


def build(beside: Sequence[AppCard] = ()) -> gr.Blocks:
    """The page; the caller launches or mounts it.

    Args:
        beside: The apps that are served with it.
    """
    settings: Form = {}
    choosers = Choosers()
    with page(CARD, beside, lambda: settings.update(form(Decoding, labels=LABELS)), headed=False) as made:
        sharing.draw(made.blocks)
        with gr.Tabs() as tabs:
            with gr.Tab("Battle", id="battle"):
                voted = battle.draw(settings, choosers)
            with gr.Tab("Leaderboard") as standing:
                board.draw(standing.select, tabs)
            with gr.Tab("Chat"):
                chat.draw(settings, choosers)
            with gr.Tab("Compare"):
                compare.draw(settings, choosers)
            with gr.Tab("Check"):
                sanity.draw(choosers)
            with gr.Tab("Measure"):
                evaluate.draw(choosers)
            with gr.Tab("Prompts"):
                prompts.draw(settings, choosers)
            with gr.Tab("Votes", id="votes"):
                imported = votes.draw(choosers)
            with gr.Tab("Models") as known:
                listing.draw(known.select)
        usable = gr.State(0)

        def counted(models: int) -> dict[Any, Any]:
            cast = suite().store.count(KIND)
            chips: list[tuple[str, Kind]] = [
                (f"{models:,} models", "plain"),
                (f"{cast:,} {'vote' if cast == 1 else 'votes'}", "plain"),
            ]
            return made.header(chips)

        def listed(rows: list[ModelRow]) -> dict[Any, Any]:
            models = sum(row.usable for row in rows)
            return {usable: models, **counted(models), **choosers.fill(rows)}

        when(
            made.blocks.load, core.models, listed, outputs=[made.head, usable, *choosers.boxes], show_progress="hidden"
        )
        for event in (*voted, imported):
            event.success(counted, usable, [made.head], **QUIET)
    return made.blocks
