"""The parts of the tab Battle, and how they look in each state of a battle."""

from dataclasses import dataclass
from html import escape
from typing import Any

import gradio as gr

from apps.model_arena import core
from apps.model_arena.ballot import SIDES
from apps.model_arena.tabs import duel
from apps.model_arena.tabs.choosing import short
from shared.ui.forms import Form
from shared.ui.pieces import line

VOTES = {**{side: f"{side.upper()} is better" for side in SIDES}, "tie": "Equally good", "both_bad": "All are bad"}
FIRST = line("Ask something, or press an example: you vote for the better answer, then see who wrote it.")
WRITING = line("The answers are being written; a model that is not in memory yet takes some seconds more.", "writing")
BROKEN = line("Not all answers are complete, so there is nothing to vote on. Regenerate, or ask something else.")
VOTE = line("Which answer is better? The names appear after the vote. Or say the next thing to both, or regenerate.")


@dataclass(frozen=True)
class Battle:
    """The tab's parts.

    Attributes:
        battle: Id of the battle on the screen.
        on: Says the next prompt to the same sides.
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
        ballot = [*self.votes.values(), self.reasons, self.share]
        return [self.battle, *self.controls, *duel.parts(self.cards), *ballot]

    @property
    def controls(self) -> list[Any]:
        """What begins, goes on and ends, and what is said about it."""
        return [self.prompt, self.ask, *self.samples, self.on, self.again, self.stop, self.told]

    def asking(self, allowed: bool, on: bool, again: bool, told: str) -> dict[Any, Any]:
        """What can be pressed: nothing begins while answers are written, or two battles would share the cards.

        Args:
            allowed: Whether a new battle may begin; Stop can be pressed while it may not.
            on: Whether the next thing can be said to the same sides.
            again: Whether the answers can be asked for again.
            told: What is said about it.
        """
        begin = {each: gr.update(interactive=allowed) for each in (self.prompt, self.ask, *self.samples)}
        more = {each: gr.update(interactive=may) for each, may in ((self.on, on), (self.again, again))}
        return {**begin, **more, self.stop: gr.update(interactive=not allowed), self.told: told}

    def writing(self) -> dict[Any, Any]:
        """Answers are being written."""
        return self.asking(False, False, False, WRITING)

    def broken_off(self) -> dict[Any, Any]:
        """Answers were stopped, or failed: there is nothing to vote on, but they can be asked for again."""
        return self.asking(True, False, True, BROKEN)

    def voting(self, allowed: bool, sides: list[str] | None = None) -> dict[Any, Any]:
        """The buttons that vote, allowed or not; for these sides when they change."""
        found: dict[Any, Any] = {}
        for winner, button in self.votes.items():
            visible = {} if sides is None else {"visible": winner in sides or winner in ("tie", "both_bad")}
            found[button] = gr.update(interactive=allowed, **visible)
        return found

    def begun(self, asked: core.Asked) -> dict[Any, Any]:
        """A battle has begun: empty cards, no vote yet."""
        reasons = gr.update(value=[], interactive=True)
        ready = {self.battle: asked.battle, self.reasons: reasons, self.share: gr.update(visible=False)}
        return {**ready, **duel.opened(self.cards, asked.sides), **self.went_on(asked, asked.sides)}

    def went_on(self, _asked: core.Asked | None = None, sides: list[str] | None = None) -> dict[Any, Any]:
        """The next prompt was said, or the last one again: no vote yet."""
        return {**self.voting(False, sides), **self.writing()}

    def grown(self, answers: core.Answers) -> dict[Any, Any]:
        """Pieces of the answers came."""
        turns = [(turn.prompt, turn.texts) for turn in answers.turns]
        found = duel.answered(self.cards, turns, answers.failed, list(answers.texts))
        return {**found, **self.voting(True), **self.asking(True, True, True, VOTE)} if answers.finished else found

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
        told = line(escape(f"{said}{hidden}{lost} Ask again for the next battle."))
        ended = {self.reasons: gr.update(interactive=False), self.share: gr.update(visible=True)}
        return {**names, **ended, **self.voting(False), **self.asking(True, False, False, told)}
