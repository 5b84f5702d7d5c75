"""How a conversation looks: a Chatbot that shows Markdown, code and formulas, and nothing else that a model may write."""

from collections.abc import Iterable
from typing import Any

import gradio as gr

from apps.model_arena.sanitising import LATEX_DELIMITERS, sanitise
from shared.models.protocol import Message


def talk(nothing: str, height: int | None = 320, reactions: bool = False) -> gr.Chatbot:
    """An empty Chatbot.

    Args:
        nothing: What it says while it is empty.
        height: Its height in pixels, kept whatever it holds; None for what it needs, up to twice as much.
        reactions: Whether an answer can be liked or disliked.
    """
    return gr.Chatbot(
        show_label=False,
        container=False,
        height=height,
        max_height=640,
        latex_delimiters=[dict(each) for each in LATEX_DELIMITERS],
        sanitize_html=True,
        allow_tags=False,
        buttons=[],
        feedback_options=("Like", "Dislike") if reactions else None,
        layout="panel",
        placeholder=nothing,
        elem_classes=["talk", "reacts"] if reactions else "talk",
    )


def bubbles(messages: Iterable[Message | dict[str, str]]) -> list[dict[str, Any]]:
    """Messages as the Chatbot takes them; every text is made safe first, whoever wrote it."""
    pairs = [(m["role"], m["content"]) if isinstance(m, dict) else (m.role, m.content) for m in messages]
    return [
        {"role": "user" if role == "user" else "assistant", "content": sanitise(content) or "…"}
        for role, content in pairs
        if role != "system"
    ]
