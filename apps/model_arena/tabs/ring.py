"""The parts of the tab Battle, and how they look in each state of a battle."""

from dataclasses import dataclass
from html import escape
from typing import Any

import gradio as gr

from apps.model_arena import core
from apps.model_arena.ballot import SIDES
from apps.model_arena.tabs import duel
from apps.model_arena.tabs.sanity import short
from shared.ui.forms import Form

VOTES = {**{side: f"{side.upper()} is better" for side in SIDES}, "tie": "Equally good", "both_bad": "All are bad"}
WAIT = '<p class="aside">You can vote once all answers are complete; the names appear after the vote.</p>'
WRITING = (
    '<p class="aside" role="status">The answers are being written. A model that is not in memory yet is loaded first, which takes '
    "some seconds. You can vote once all are complete.</p>"
)


@dataclass(frozen=True)
class Battle:
    """The tab's parts.

    Attributes:
        battle: Id of the battle on the screen.
        shown: How many sides are on the screen.
    """

    battle: gr.State
    prompt: gr.Textbox
    ask: gr.Button
    on: gr.Button
    again: gr.Button
    stop: gr.Button
    samples: list[gr.Button]
    cards: list[duel.Card]
    votes: dict[str, gr.Button]
    reasons: gr.Dropdown
    told: gr.HTML
    share: gr.Button
    fields: Form

    @property
    def drawn(self) -> list[Any]:
        """Everything that a battle changes."""
        ballot = [*self.votes.values(), self.reasons, self.told, self.share]
        return [self.battle, self.on, self.again, *self.asks, *duel.parts(self.cards), *ballot]

    @property
    def asks(self) -> list[Any]:
        """What begins a battle."""
        return [self.prompt, self.ask, *self.samples]

    def asking(self, allowed: bool) -> dict[Any, Any]:
        """What begins a battle, allowed or not: not while answers are written, or two battles would share the cards."""
        buttons = {button: gr.Button(interactive=allowed) for button in self.asks[1:]}
        return {self.prompt: gr.Textbox(interactive=allowed), **buttons}

    def broken_off(self) -> dict[Any, Any]:
        """Answers were stopped, or failed: there is nothing to vote on, but they can be asked for again."""
        return {**self.asking(True), self.again: gr.Button(interactive=True), self.told: WAIT}

    def voting(self, allowed: bool, sides: list[str] | None = None) -> dict[Any, Any]:
        """The buttons that vote and go on, allowed or not; for these sides when they change."""
        found: dict[Any, Any] = {}
        for winner, button in self.votes.items():
            visible = {} if sides is None else {"visible": winner in sides or winner in ("tie", "both_bad")}
            found[button] = gr.Button(interactive=allowed, **visible)
        return {**found, self.on: gr.Button(interactive=allowed), self.again: gr.Button(interactive=allowed)}

    def begun(self, asked: core.Asked) -> dict[Any, Any]:
        """A battle has begun: empty cards, no vote yet."""
        ready = {self.battle: asked.battle, self.told: WRITING, self.reasons: [], self.share: gr.Button(visible=False)}
        cards = duel.opened(self.cards, asked.sides)
        return {**ready, **cards, **self.voting(False, asked.sides), **self.asking(False)}

    def went_on(self, _asked: core.Asked) -> dict[Any, Any]:
        """The next prompt was said: the same sides, no vote yet."""
        return {self.told: WRITING, **self.voting(False), **self.asking(False)}

    def grown(self, answers: core.Answers) -> dict[Any, Any]:
        """Pieces of the answers came."""
        turns = [(turn.prompt, turn.texts) for turn in answers.turns]
        found = duel.answered(self.cards, turns, answers.failed, list(answers.texts))
        told = {self.told: WAIT} if answers.finished else {}
        return {**found, **told, **self.voting(answers.finished), **self.asking(answers.finished)}

    def revealed(self, found: core.Reveal) -> dict[Any, Any]:
        """The vote is on the disk: names, and what every answer took."""
        names = {
            card.who: duel.name(side, found.models[side], duel.took(found.timings.get(side), found.costs.get(side)))
            for card, side in zip(self.cards, SIDES, strict=True)
            if side in found.models
        }
        said = f"Saved. {' '.join(f'{side.upper()} was {short(ref)}.' for side, ref in found.models.items())}"
        hidden = f" A name was hidden in side {', '.join(found.named).upper()}." if found.named else ""
        lost = "".join(f" Side {side.upper()} failed: {why}" for side, why in found.failures.items())
        told = f'<p class="place" role="status">{escape(said + hidden + lost)}</p>'
        return {**names, self.told: told, self.share: gr.Button(visible=True), **self.voting(False)}
