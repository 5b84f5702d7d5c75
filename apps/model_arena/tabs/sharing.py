"""A battle that somebody shared: shown above the tabs when the page's address names one."""

from html import escape
from typing import Any

import gradio as gr

from apps.model_arena import core
from apps.model_arena.ballot import SIDES
from apps.model_arena.tabs import duel
from apps.model_arena.tabs.choosing import short
from shared.ui.pieces import html, section_html
from shared.ui.wiring import when

ASKED = "() => new URLSearchParams(window.location.search).get('battle') || ''"
WINNERS = {"tie": "Both were found equally good.", "both_bad": "All were found bad."}


def draw(blocks: gr.Blocks) -> None:
    """Draw it, hidden, and wire it.

    Args:
        blocks: The page.
    """
    link = gr.Textbox(visible="hidden", label="Shared battle", elem_id="shared-battle")
    with gr.Column(elem_classes="part", visible=False) as box:
        told, cards = html(), duel.draw(height=None)

    def opened(found: core.SharedBattle) -> dict[Any, Any]:
        models, turns = found.reveal.models, [(turn.prompt, turn.texts) for turn in found.turns]
        shown: dict[Any, Any] = {box: gr.update(visible=True), told: head(found)}
        for side, card in zip(SIDES, cards, strict=True):
            took = duel.took(found.reveal.timings.get(side), found.reveal.costs.get(side))
            shown |= {
                card.box: gr.update(visible=side in models),
                card.who: duel.name(side, models.get(side, ""), took),
            }
        return {**shown, **duel.answered(cards, turns, found.reveal.failures, list(models))}

    blocks.load(None, None, link, js=ASKED, show_progress="hidden")
    outputs = [box, told, *duel.parts(cards)]
    when(link.change, core.shared_battle, opened, inputs={"share": link}, outputs=outputs, show_progress="hidden")


def head(found: core.SharedBattle) -> str:
    """What the battle was, and how it ended."""
    models = found.reveal.models
    ended = WINNERS.get(found.winner) or f"{found.winner.upper()}, {short(models[found.winner])}, was found better."
    reasons = f" Why: {', '.join(found.reasons)}." if found.reasons else ""
    return section_html("A shared battle") + f'<p class="place">{escape(ended + reasons)}</p>'
