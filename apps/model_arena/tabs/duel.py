"""Two to six answers side by side: the cards of the tabs Battle and Compare."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

import gradio as gr

from apps.model_arena.ballot import SIDES
from apps.model_arena.tabs.choosing import short
from apps.model_arena.tabs.conversation import bubbles, talk
from shared.palette import color_of
from shared.ui.pieces import html

HIDDEN = "name hidden until you vote"
Turns = Sequence[tuple[str, Mapping[str, str]]]


@dataclass(frozen=True)
class Card:
    """One side.

    Attributes:
        box: Everything of it.
        who: Its name, or that it is hidden.
        talk: What was asked and answered.
    """

    box: gr.Column
    who: gr.HTML
    talk: gr.Chatbot


def draw(shown: int = 2, note: str = "", reactions: bool = False, height: int | None = 304) -> list[Card]:
    """Six cards, of which the first few are visible.

    Args:
        shown: How many.
        note: What stands under each name.
        reactions: Whether an answer can be liked or disliked.
        height: Of the answers, in pixels; None for what they need, where none is still to come.
    """
    cards = []
    with gr.Row(elem_classes="duel"):
        for place, side in enumerate(SIDES):
            with gr.Column(elem_classes="card", min_width=320, visible=place < shown) as box:
                who = html(name(side, note=note))
                cards.append(Card(box, who, talk("The answer appears here as it is written.", height, reactions)))
    return cards


def parts(cards: Sequence[Card]) -> list[Any]:
    """Every component of the cards."""
    return [part for card in cards for part in (card.box, card.who, card.talk)]


def name(side: str, model: str = "", note: str = "") -> str:
    """What stands above an answer: which side it is, whose it is when that may be known, and below it a note.

    It has the same height with and without a name, so that nothing moves when names are shown.
    """
    bead = f'<i class="bead" style="background:{color_of(model)}"></i>' if model else ""
    head = f'<b title="{escape(model)}">{bead}{escape(short(model)) or f"Model {side.upper()}"}</b>'
    letter = f"<span>{side.upper()}</span>" if model else ""
    return f'<div class="who">{head}{letter}<p class="aside">{escape(note)}&nbsp;</p></div>'


def opened(cards: Sequence[Card], sides: Sequence[str]) -> dict[Any, Any]:
    """Empty cards for these sides; the others go."""
    found: dict[Any, Any] = {}
    for card, side in zip(cards, SIDES, strict=True):
        found |= {card.box: gr.Column(visible=side in sides), card.who: name(side, note=HIDDEN), card.talk: []}
    return found


def answered(cards: Sequence[Card], turns: Turns, failed: Mapping[str, str], sides: Sequence[str]) -> dict[Any, Any]:
    """What all sides have said so far.

    Args:
        cards: The cards.
        turns: Prompts with every side's answer, oldest first.
        failed: Sides without an answer, and what to say about them.
        sides: The sides there are.
    """
    found: dict[Any, Any] = {}
    for card, side in zip(cards, SIDES, strict=True):
        if side not in sides:
            continue
        said: list[dict[str, str]] = []
        for prompt, texts in turns:
            said += [{"role": "user", "content": prompt}, {"role": "assistant", "content": texts.get(side, "")}]
        if side in failed and said:
            said[-1] = {"role": "assistant", "content": f"*{failed[side]}*"}
        found[card.talk] = bubbles(said)
    return found


def reaction(data: Mapping[str, Any]) -> dict[str, Any]:
    """What the event of a like says, as arguments of `react`; prompts and answers take turns in a conversation."""
    liked = data.get("liked", True)
    return {"turn": int(data["index"]) // 2 + 1, "reaction": "like" if liked is True or liked == "Like" else "dislike"}


def took(timing: Mapping[str, float | None] | None, cost: float | None = None) -> str:
    """What an answer took, in a few words."""
    if not timing:
        return ""
    parts = [f"{timing['tokens']:,.0f} tokens" if timing.get("tokens") else ""]
    parts.append(f"{timing['seconds']:.2f} s" if timing.get("seconds") else "")
    parts.append(f"{timing['tokens_per_second']:,.0f} tokens/s" if timing.get("tokens_per_second") else "")
    parts.append(f"first after {timing['first_seconds']:.2f} s" if timing.get("first_seconds") else "")
    parts.append(f"${cost:.4f}" if cost else "")
    return " · ".join(part for part in parts if part)
