"""The tab "Compare": models by name, or one model under several decoding settings, side by side."""

from typing import Any

import gradio as gr

from apps.model_arena import core
from apps.model_arena.ballot import SIDES
from apps.model_arena.tabs import duel
from apps.model_arena.tabs.choosing import Choosers
from shared.models.protocol import Decoding
from shared.ui.forms import Form
from shared.ui.pieces import html, section_html, table_html
from shared.ui.wiring import stops, when

SETTINGS = [[0.0, 1.0, 0, 0.0, 1.0, 0], [0.7, 0.95, 0, 0.0, 1.0, 1], [1.2, 1.0, 0, 0.05, 1.0, 2]]
COLUMNS = ["temperature", "top_p", "top_k", "min_p", "repetition_penalty", "seed"]


def draw(settings: Form, choosers: Choosers) -> None:
    """Draw the tab and wire it.

    Args:
        settings: The form of the decoding settings.
        choosers: Makes the inputs that name models.
    """
    with gr.Column(elem_classes="work"):
        with gr.Row(elem_classes="askrow"):
            prompt = gr.Textbox(
                placeholder="Ask the same…", label="Prompt", show_label=False, container=False, lines=1, max_lines=8
            )
            go = gr.Button("Ask these models", variant="primary", scale=0, min_width=144)
            stop = gr.Button("Stop", scale=0, min_width=80)
        models = choosers.many("Models, two to six")
        with gr.Accordion("One model under several settings", open=False):
            model = choosers.one()
            table = gr.Dataframe(
                headers=COLUMNS,
                value=SETTINGS,
                datatype="number",
                interactive=True,
                label="One row a side",
                type="array",
            )
            under = gr.Button("Ask under these settings", scale=0, min_width=192)
        cards = duel.draw()
        told = html(min_height=48)

    def shown(found: core.Comparison) -> dict[Any, Any]:
        sides = list(found.texts)
        names = {
            card.who: duel.name(side, found.models[side], _note(found, side))
            for card, side in zip(cards, SIDES, strict=True)
            if side in sides
        }
        boxes = {card.box: gr.Column(visible=side in sides) for card, side in zip(cards, SIDES, strict=True)}
        grown = duel.answered(cards, [(found.prompt, found.texts)], found.failed, sides)
        return {**boxes, **names, **grown, told: _costs(found) if found.finished else ""}

    drawn = [*duel.parts(cards), told]
    asked = {"models": models, "prompt": prompt, "settings": settings}
    running = [
        when(trigger, core.side_by_side, shown, inputs=asked, outputs=drawn, show_progress="hidden")
        for trigger in (go.click, prompt.submit)
    ]
    compared = {"model": model, "prompt": prompt, "settings": table}
    running.append(
        when(under.click, core.compare_decoding, shown, inputs=compared, outputs=drawn, show_progress="hidden")
    )
    stops(stop, running)


def _note(found: core.Comparison, side: str) -> str:
    """What tells this side from the others where all are one model: its settings."""
    same = len(set(found.models.values())) == 1
    return _differences(found.settings[side]) if same and side in found.settings else ""


def _differences(settings: Decoding) -> str:
    parts = [f"temperature {settings.temperature:g}"]
    parts += [
        f"{name.replace('_', '-')} {getattr(settings, name):g}"
        for name in COLUMNS[1:]
        if getattr(settings, name) != getattr(Decoding(), name)
    ]
    return ", ".join(parts)


def _costs(found: core.Comparison) -> str:
    rows = []
    for side in found.texts:
        timing = found.timings.get(side) or {}
        cells = [f"{timing[key]:,.{digits}f}" if timing.get(key) else "–" for key, digits in (
            ("seconds", 2), ("first_seconds", 2), ("tokens", 0), ("tokens_per_second", 0))]  # fmt: skip
        price = found.costs.get(side)
        rows.append([side.upper(), *cells, f"${price:.4f}" if price else "–"])
    head = ["Side", "Seconds", "First token after", "Tokens", "Tokens/s", "Cost"]
    return section_html("What it took") + table_html(head, rows, ["", *["num"] * 5], "What every side took")
