"""The tab "Prompts": several models on the same prompts, in one matrix, with what differs between two of them."""

from html import escape
from typing import Any

import gradio as gr

from apps.model_arena import core
from apps.model_arena.prompt_sets import difference
from apps.model_arena.tabs.choosing import Choosers, examples, short
from shared.ui.forms import Form, form
from shared.ui.pieces import empty_html, section_html, table_html, tile, tiles_html
from shared.ui.wiring import QUIET
from shared.ui.work import Work

NOTHING = empty_html(
    "Nothing asked yet",
    "Write prompts, one a line, or choose a prompt set: every model answers all of them, and the answers stand side by side.",
)
SAMPLES = ["What is 7 + 5?", "Write a story about Nora and a lamp.", "意大利的首都是哪里？"]
MARKS = {"both": "{}", "left": "<del>{}</del>", "right": "<ins>{}</ins>"}


def draw(settings: Form, choosers: Choosers) -> None:
    """Draw the tab and wire it.

    Args:
        settings: The form of the decoding settings.
        choosers: Makes the input that names models.
    """
    with gr.Column(elem_classes="work"):
        with gr.Row(elem_classes="filters"):
            models = choosers.many("Models to ask", scale=2)
            labels = {"prompt_set": "Prompt set (optional)", "sanity": "Sanity checks, too"}
            fields = form(core.run_prompts, "prompt_set", "sanity", brief=True, labels=labels)
            fields["prompt_set"].choices = [
                (name.capitalize() or "None", name) for _, name in fields["prompt_set"].choices
            ]
        lines = gr.Textbox(
            label="Prompts, one a line", lines=3, max_lines=12, placeholder="What is 7 + 5?\nWrite a story about Nora."
        )
        prompts = gr.State([])
        (sample,) = examples(["Try three prompts"])
        with gr.Row(elem_classes="askrow"):
            asking = Work("Ask all models")
        told = asking.place(NOTHING, min_height=240)

    def shown(found: core.PromptMatrix) -> dict[Any, Any]:
        return {told: matrix(found)}

    def split(text: str) -> list[str]:
        return [line for line in text.splitlines() if line.strip()]

    begun = [asking.go.click(split, lines, prompts, **QUIET)]
    begun.append(sample.click(lambda: ("\n".join(SAMPLES), SAMPLES), None, [lines, prompts], **QUIET))
    inputs = {"models": models, "prompts": prompts, **fields, "settings": settings}
    asking.starts.append(sample)
    asking.runs(core.run_prompts, shown, inputs, [told], on=[each.success for each in begun], doing="Asking")


def matrix(found: core.PromptMatrix) -> str:
    """Every model's totals, and every prompt with all answers; the first two models' answers are compared word by word."""
    tiles = tiles_html(
        *(
            tile(
                short(each.model),
                f"{each.tokens_per_second:,.0f} tokens/s" if each.tokens_per_second else f"{each.seconds:.1f} s",
                f"{each.answered:,} {'answer' if each.answered == 1 else 'answers'} in {each.seconds:.1f} s"
                + (f", {each.passed:,} of {each.checked:,} checks passed" if each.checked else "")
                + (f", {each.failed:,} failed" if each.failed else "")
                + (f", ${each.cost:.4f}" if each.cost else ""),
            )
            for each in found.summaries
        )
    )
    rows, details = [], []
    for line in found.lines:
        cells = [escape((cell.text or cell.failure)[:160]) for cell in line.cells]
        rows.append([escape(line.prompt[:120]), *cells, *["…"] * (len(found.models) - len(cells))])
        details.append(_details(found.models, line))
    head = ["Prompt", *map(short, found.models)]
    saved = f'<p class="aside">Saved as record {escape(found.record[:8])}.</p>' if found.record else ""
    table = table_html(head, rows, ["text", *["text"] * len(found.models)], "Answers", details)
    return tiles + saved + section_html("Answers", "Open a prompt to read them whole.") + table


def _details(models: list[str], line: Any) -> str:
    turns = f"<dt>Asked</dt><dd>{escape(line.prompt)}</dd>"
    for model, cell in zip(models, line.cells, strict=False):  # while it runs, not all have answered
        text = escape(cell.text) or f'<span class="aside">{escape(cell.failure or "nothing")}</span>'
        turns += f"<dt>{escape(short(model))}</dt><dd>{text}</dd>"
    if len(line.cells) > 1:
        pieces = difference(line.cells[0].text, line.cells[1].text)
        marked = "".join(MARKS[piece.kind].format(escape(piece.text)) for piece in pieces)
        turns += f"<dt>Difference of the first two</dt><dd>{marked}</dd>"
    return f'<dl class="turns">{turns}</dl>'
