"""The tab "Battle": ask hidden models the same, vote, and see who was who."""

from html import escape
from typing import Any

import gradio as gr

from apps.model_arena import battles, core
from apps.model_arena.ballot import SIDES
from apps.model_arena.tabs import duel
from apps.model_arena.tabs.choosing import Choosers, examples, prompt_box
from apps.model_arena.tabs.ring import FIRST, VOTES, Battle
from shared.ui.forms import Form, form
from shared.ui.pieces import html, line
from shared.ui.wiring import QUIET, when

SAMPLES = [
    "Write a story about Nora and a lamp.",
    "What is 46 + 27?",
    "Make JSON: Leo is 41 years old and lives in Paris.",
    "日本的首都是哪里？",
]
REASONS = ["More correct", "Follows the instruction", "Clearer", "Better style", "Shorter", "Right language"]


def draw(settings: Form, choosers: Choosers) -> list[Any]:
    """Draw the tab and wire it.

    Args:
        settings: The form of the decoding settings.
        choosers: Makes the input that names models.

    Returns:
        The events of votes.
    """
    with gr.Column(elem_classes="work"):
        with gr.Row(elem_classes="askrow"):
            prompt = prompt_box("Ask hidden models the same question…")
            ask = gr.Button("Ask", variant="primary", scale=0, min_width=88)
            on = gr.Button("Say next", scale=0, min_width=104, interactive=False)
            again = gr.Button("Regenerate", scale=0, min_width=120, interactive=False)
            stop = gr.Button("Stop", scale=0, min_width=80, interactive=False)
        samples = examples(SAMPLES)
        cards = duel.draw(note=duel.HIDDEN, reactions=True)
        with gr.Row(elem_classes="votes"):
            votes = {
                winner: gr.Button(text, interactive=False, min_width=120, visible=winner in "ab" or len(winner) > 1)
                for winner, text in VOTES.items()
            }
        told = html(FIRST, min_height=48)
        with gr.Row(elem_classes="filters"):
            reasons = gr.Dropdown(
                choices=REASONS,
                value=[],
                multiselect=True,
                allow_custom_value=True,
                label="Why (optional, choose before you vote)",
                interactive=True,
            )
            share = gr.Button("Share this battle", visible=False, scale=0, min_width=152)
        html(f'<p class="place">{escape(battles.notice())}</p>')
        with gr.Accordion("Who may meet", open=False):
            fields = form(core.ask, "sides", "seed", labels={"seed": "Seed (0 draws afresh)"})
            fields["models"] = choosers.many("Models (empty: all of this machine)", count=0)
    tab = Battle(gr.State(""), prompt, ask, on, again, stop, samples, cards, votes, reasons, told, share, fields)
    _wire_asking(tab, settings)
    return _wire_voting(tab)


def _wire_asking(tab: Battle, settings: Form) -> None:
    running: list[Any] = []

    def ask(trigger: Any, function: Any, inputs: dict[str, Any]) -> None:
        show = tab.begun if function is core.ask else tab.went_on
        begun = when(trigger, function, show, inputs=inputs, outputs=tab.drawn, show_progress="hidden")
        running.append(begun)
        begun.success(lambda: "", None, tab.prompt, **QUIET)
        answer(begun.success, core.answer)

    def answer(trigger: Any, function: Any) -> None:
        inputs = {"battle": tab.battle, "settings": settings}
        event = when(trigger, function, tab.grown, inputs=inputs, outputs=tab.drawn, show_progress="hidden")
        event.failure(tab.broken_off, None, tab.controls, **QUIET)
        running.append(event)

    for trigger in (tab.ask.click, tab.prompt.submit):
        ask(trigger, core.ask, {"prompt": tab.prompt, **tab.fields})
    for sample in tab.samples:
        ask(sample.click, core.ask, {"prompt": sample, **tab.fields})
    ask(tab.on.click, core.say, {"prompt": tab.prompt, "battle": tab.battle})
    answer(tab.again.click(tab.went_on, None, [*tab.controls, *tab.votes.values()], **QUIET).success, core.regenerate)
    tab.stop.click(tab.broken_off, None, tab.controls, cancels=running, **QUIET)


def _wire_voting(tab: Battle) -> list[Any]:
    quiet: dict[str, Any] = {"show_progress": "hidden"}
    events = []
    for winner, button in tab.votes.items():
        inputs, bound = {"battle": tab.battle, "reasons": tab.reasons}, {"winner": winner}
        events.append(
            when(button.click, core.vote, tab.revealed, inputs=inputs, bound=bound, outputs=tab.drawn, **quiet)
        )

    def shared(made: core.Shared) -> dict[Any, Any]:
        link = f"?battle={escape(made.share)}"
        return {tab.told: line(f'{escape(made.shows)} <a class="link" href="{link}">{link}</a>')}

    def reacted(done: core.Reacted) -> dict[Any, Any]:
        said = f"Kept: you {done.reaction} answer {done.turn} of side {done.side.upper()}."
        return {tab.told: line(escape(said))}

    for side, card in zip(SIDES, tab.cards, strict=True):
        inputs, bound = {"battle": tab.battle}, {"side": side}
        when(
            card.talk.like,
            core.react,
            reacted,
            inputs=inputs,
            bound=bound,
            outputs=[tab.told],
            picked=duel.reaction,
            **quiet,
        )
    when(tab.share.click, core.share, shared, inputs={"battle": tab.battle}, outputs=[tab.told], **quiet)
    return events
