"""The parts of the tab Chat, and how they look while an answer is written and after it."""

from dataclasses import asdict, dataclass
from html import escape
from typing import Any

import gradio as gr

from apps.model_arena import core
from apps.model_arena.tabs.conversation import bubbles
from shared.ui.forms import Form
from shared.ui.pieces import line, tile, tiles_html

REASONS = {
    "stop": "complete",
    "length": "cut at the longest answer",
    "tool_calls": "asks for a tool",
    "content_filter": "held back by the server",
}
KEPT = ("Regenerate", "Save as record", "New chat")
WRITING = line("The answer is being written; a model that is not in memory yet takes some seconds more.", "writing")

Said = list[dict[str, str]]


@dataclass(frozen=True)
class Chat:
    """The tab's parts.

    Attributes:
        said: The conversation, the newest answer at its end; a question that is not answered yet stands in `prompt`.
    """

    said: gr.State
    model: gr.Dropdown
    system: gr.Textbox
    samples: list[gr.Button]
    chatbot: gr.Chatbot
    told: gr.HTML
    prompt: gr.Textbox
    buttons: dict[str, gr.Button]
    sent: gr.Textbox
    loading: Form

    @property
    def controls(self) -> list[Any]:
        """What can be pressed."""
        return [self.prompt, *self.samples, *self.buttons.values()]

    def look(self, writing: bool, answered: bool = False) -> dict[Any, Any]:
        """What can be pressed: a question asked while an answer is written would be dropped.

        Args:
            writing: Whether an answer is being written.
            answered: Whether there is one to ask for again, save or leave behind.
        """
        asks = {each: gr.update(interactive=not writing) for each in (self.prompt, *self.samples, self.buttons["Send"])}
        kept = {self.buttons[each]: gr.update(interactive=answered) for each in KEPT}
        return {**asks, **kept, self.buttons["Stop"]: gr.update(interactive=writing)}

    def begun(self, said: Said, prompt: str) -> dict[Any, Any]:
        """A question was asked: it is shown, and stays in its box until an answer begins, so that an error loses nothing."""
        asked = bubbles([*said, {"role": "user", "content": prompt}]) if prompt.strip() else bubbles(said)
        box = gr.update(value=prompt, interactive=False)
        return {**self.look(True), self.prompt: box, self.chatbot: asked, self.told: WRITING, self.said: said}

    def replied(self, reply: core.Reply) -> dict[Any, Any]:
        """A piece of the answer came."""
        said = [asdict(message) for message in reply.messages]
        found = {self.chatbot: bubbles(said), self.told: facts(reply), self.sent: reply.prompt}
        return {**found, self.said: said, self.prompt: ""} if reply.text else found

    def ended(self, said: Said) -> dict[Any, Any]:
        """The answer is complete, was stopped, or failed: what there is of the conversation."""
        return {**self.look(False, bool(said)), self.chatbot: bubbles(said)}


def facts(reply: core.Reply) -> str:
    """Speed and size of an answer, as tiles."""
    calls = "".join(
        line(f"Asks for the tool {escape(call.name)} with {escape(call.arguments)}. Tools are not run.")
        for call in reply.tool_calls
    )
    speed = f"{reply.tokens_per_second:,.0f} tokens/s" if reply.tokens_per_second else "–"
    return calls + tiles_html(
        tile("Speed", speed, "from the first token on"),
        tile("First token", f"{reply.first_seconds:.2f} s" if reply.first_seconds else "–", "after the question"),
        tile(
            "Answer",
            f"{reply.answer_tokens:,} tokens" if reply.answer_tokens else "–",
            REASONS.get(reply.finished, "writing"),
        ),
        tile("Prompt", f"{reply.prompt_tokens:,} tokens" if reply.prompt_tokens else "–", "template included"),
    )
