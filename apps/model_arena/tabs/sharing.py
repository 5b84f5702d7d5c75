"""A battle that somebody shared: shown above the tabs when the page's address names one."""

from html import escape
from typing import Any

import gradio as gr

from apps.model_arena import core
from apps.model_arena.tabs.conversation import bubbles, talk
from apps.model_arena.tabs.sanity import short
from shared.ui.pieces import html
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
        told, shown = html(), talk("", 420)

    def opened(found: core.SharedBattle) -> dict[Any, Any]:
        said: list[dict[str, str]] = []
        for turn in found.turns:
            said.append({"role": "user", "content": turn.prompt})
            said += [
                {"role": "assistant", "content": f"**{side.upper()} · {short(found.reveal.models[side])}**\n\n{text}"}
                for side, text in turn.texts.items()
            ]
        return {box: gr.Column(visible=True), told: head(found), shown: bubbles(said)}

    blocks.load(None, None, link, js=ASKED, show_progress="hidden")
    when(link.change, core.shared_battle, opened, inputs={"share": link}, outputs=[box, told, shown])


def head(found: core.SharedBattle) -> str:
    """What the battle was, and how it ended."""
    models = found.reveal.models
    ended = WINNERS.get(found.winner) or f"{short(models[found.winner])} won."
    reasons = f" Why: {', '.join(found.reasons)}." if found.reasons else ""
    return f'<h2 class="section">A shared battle</h2><p class="place">{escape(ended + reasons)}</p>'
