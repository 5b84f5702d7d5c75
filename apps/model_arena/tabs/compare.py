"""The tab "Compare": models by name, or one model under several decoding settings, side by side."""

from html import escape
from typing import Any

import gradio as gr

from apps.model_arena import core
from apps.model_arena.ballot import SIDES
from apps.model_arena.tabs import duel
from apps.model_arena.tabs.choosing import Choosers, examples, prompt_box, short
from shared.models.protocol import Decoding
from shared.ui.forms import Form
from shared.ui.pieces import html, section_html, table_html
from shared.ui.wiring import QUIET
from shared.ui.work import Work

SETTINGS = [[0.0, 1.0, 0, 0.0, 1.0, 0], [0.7, 0.95, 0, 0.0, 1.0, 1], [1.2, 1.0, 0, 0.05, 1.0, 2]]
COLUMNS = ["temperature", "top_p", "top_k", "min_p", "repetition_penalty", "seed"]
STOPPED = "Stopped. What was written so far stays here."
SAMPLES = ["Write a story about Tom and a boat.", "What is 61 - 25?", "法国的首都是哪里？"]
DOING = "The answers are being written; a model that is not in memory yet takes some seconds more"


def draw(settings: Form, choosers: Choosers) -> None:
    """Draw the tab and wire it.

    Args:
        settings: The form of the decoding settings.
        choosers: Makes the inputs that name models.
    """
    with gr.Column(elem_classes="work"):
        models = choosers.many("Models, two to six")
        with gr.Row(elem_classes="askrow"):
            prompt = prompt_box("Ask them the same…")
            work = Work("Ask these models", width=144)
        samples = examples(SAMPLES)
        with gr.Accordion("One model under several settings", open=False):
            model = choosers.one()
            table = gr.Dataframe(
                headers=COLUMNS,
                value=SETTINGS,
                datatype="number",
                interactive=True,
                label="One row a side, two to six; a cell's menu adds and removes rows",
                type="array",
            )
            under = gr.Button("Ask under these settings", scale=0, min_width=192)
        work.track()
        cards = duel.draw()
        costs = html()
    work.starts += [prompt, *samples, under]

    def shown(found: core.Comparison) -> dict[Any, Any]:
        sides = list(found.texts)
        names = {
            card.who: duel.name(side, found.models[side], _note(found, side))
            for card, side in zip(cards, SIDES, strict=True)
            if side in sides
        }
        boxes = {card.box: gr.update(visible=side in sides) for card, side in zip(cards, SIDES, strict=True)}
        grown = duel.answered(cards, [(found.prompt, found.texts)], found.failed, sides)
        return {**boxes, **names, **grown, costs: _costs(found) if found.finished else ""}

    drawn = [*duel.parts(cards), costs]
    how: dict[str, Any] = {"doing": DOING, "said": STOPPED}
    filled = [each.click(lambda text: text, each, prompt, **QUIET).success for each in samples]
    asks, inputs = [work.go.click, prompt.submit, *filled], {"models": models, "prompt": prompt, "settings": settings}
    work.runs(core.side_by_side, shown, inputs, drawn, on=asks, **how)
    inputs = {"model": model, "prompt": prompt, "settings": table}
    work.runs(core.compare_decoding, shown, inputs, drawn, on=[under.click], **how)


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
    """What every side took; the column of costs only where one has a price."""
    rows, priced = [], any(found.costs.values())
    for side in found.texts:
        timing = found.timings.get(side) or {}
        cells = [f"{timing[key]:,.{digits}f}{unit}" if timing.get(key) else "–" for key, digits, unit in (
            ("tokens", 0, ""), ("seconds", 2, " s"), ("first_seconds", 2, " s"), ("tokens_per_second", 0, ""))]  # fmt: skip
        price = found.costs.get(side)
        cost = [f"${price:.4f}" if price else "–"] if priced else []
        note = _note(found, side)
        who = f"{side.upper()} · {escape(short(found.models[side]))}{f' <span class=aside>{escape(note)}</span>' if note else ''}"
        rows.append([who, *cells, *cost])
    head = ["Side", "Tokens", "Took", "First after", "Tokens/s", *(["Cost"] if priced else [])]
    css = ["text", *["num"] * 2, "num wide", *["num"] * (len(head) - 4)]
    return section_html("What it took") + table_html(head, rows, css, "What every side took")
