"""Inputs that name models, and what a model is called on the page; what can be chosen is looked up again at every load."""

from collections.abc import Sequence
from typing import Any

import gradio as gr

from shared.models.picker import ModelRow

FIRST = ("builtin:mini", "builtin:micro")


def short(ref: str) -> str:
    """A ref without the hashes that only machines read."""
    return "+".join(part.split("@")[0] for part in ref.split("+"))


def prompt_box(placeholder: str) -> gr.Textbox:
    """A line to write in, which grows up to eight; Enter sends it.

    Args:
        placeholder: What it says while it is empty.
    """
    return gr.Textbox(placeholder=placeholder, label="Prompt", show_label=False, container=False, lines=1, max_lines=8)


def examples(prompts: Sequence[str]) -> list[gr.Button]:
    """A row of prompts that can be tried with one click."""
    with gr.Row(elem_classes="samples"):
        return [gr.Button(prompt, size="sm", scale=0) for prompt in prompts]


class Choosers:
    """The inputs of a page that name models."""

    def __init__(self) -> None:
        self.boxes: list[gr.Dropdown] = []
        self._counts: dict[gr.Dropdown, int] = {}

    def one(self, label: str = "Model") -> gr.Dropdown:
        """A box that takes one model; refs that are not in the list can be typed.

        Args:
            label: What the box is called.
        """
        return self._box(1, label=label)

    def many(self, label: str = "Models", count: int = 2, scale: int = 1) -> gr.Dropdown:
        """A box that takes several models; refs that are not in the list can be typed.

        Args:
            label: What the box is called.
            count: How many of the models that ship are in it at first.
            scale: Its share of the row.
        """
        return self._box(count, label=label, multiselect=True, scale=scale, min_width=280)

    def _box(self, count: int, **look: Any) -> gr.Dropdown:
        box = gr.Dropdown(
            choices=[], value=[] if look.get("multiselect") else None, allow_custom_value=True, interactive=True, **look
        )
        self.boxes.append(box)
        self._counts[box] = count
        return box

    def fill(self, rows: Sequence[ModelRow]) -> dict[Any, Any]:
        """Choices of every box, as an update for `when`'s show.

        Args:
            rows: What the endpoint `models` returned.
        """
        known = offered([row.ref for row in rows if row.usable and row.chats])
        found: dict[Any, Any] = {}
        for box, count in self._counts.items():
            first: Any = known[:count] if box.multiselect else next(iter(known), None)
            found[box] = gr.Dropdown(choices=known, value=first)
        return found


def offered(known: Sequence[str]) -> list[str]:
    """Models that can be asked, those that ship before all others."""
    ours = [ref for first in FIRST for ref in known if ref.split("@")[0] == first]
    return [*ours, *(ref for ref in known if ref not in ours)]
