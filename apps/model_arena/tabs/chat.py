"""The tab "Chat": one model, what was sent to it, and how fast it answers."""

from dataclasses import asdict, dataclass
from html import escape
from typing import Any

import gradio as gr

from apps.model_arena import core
from apps.model_arena.tabs.choosing import Choosers
from apps.model_arena.tabs.conversation import bubbles, talk
from shared.ui.forms import Form, form
from shared.ui.pieces import html, tile, tiles_html
from shared.ui.wiring import stops, when

REASONS = {
    "stop": "complete",
    "length": "cut at the longest answer",
    "tool_calls": "asks for a tool",
    "content_filter": "held back by the server",
}
SAMPLES = [
    "Write a story about Lucy and a kite.",
    "What is 38 + 47?",
    "Make JSON: Mia is 30 years old and lives in Rome.",
    "中国的首都是哪里？",
]

Said = list[dict[str, str]]


@dataclass(frozen=True)
class Chat:
    """The tab's parts.

    Attributes:
        said: The conversation, the newest answer at its end.
        before: What was said before the question that is being answered.
        asked: That question.
    """

    said: gr.State
    before: gr.State
    asked: gr.State
    model: gr.Dropdown
    system: gr.Textbox
    samples: list[gr.Button]
    chatbot: gr.Chatbot
    told: gr.HTML
    prompt: gr.Textbox
    buttons: dict[str, gr.Button]
    sent: gr.Textbox
    loading: Form

    def replied(self, reply: core.Reply) -> dict[Any, Any]:
        """A piece of the answer came."""
        said = [asdict(message) for message in reply.messages]
        return {self.chatbot: bubbles(said), self.told: facts(reply), self.sent: reply.prompt, self.said: said}


def draw(settings: Form, choosers: Choosers) -> None:
    """Draw the tab and wire it.

    Args:
        settings: The form of the decoding settings.
        choosers: Makes the input that names the model.
    """
    with gr.Column(elem_classes="work"):
        with gr.Row(elem_classes="filters"):
            labels = {"system": "System prompt (optional)"}
            model = choosers.one()
            system = form(core.chat, "system", brief=True, labels=labels)["system"]
        with gr.Row(elem_classes="samples"):
            samples = [gr.Button(text, size="sm", scale=0) for text in SAMPLES]
        chatbot = talk("Ask something below: the answer appears here as it is written.", height=384)
        with gr.Row(elem_classes="askrow"):
            prompt = gr.Textbox(
                placeholder="Say something…", label="Prompt", show_label=False, container=False, lines=1, max_lines=8
            )
            buttons = {"Send": gr.Button("Send", variant="primary", scale=0, min_width=96)}
            buttons["Stop"] = gr.Button("Stop", scale=0, min_width=80)
        told = html(min_height=72)
        with gr.Row(elem_classes="samples"):
            for name in ("Regenerate", "Save as record", "New chat"):
                buttons[name] = gr.Button(name, scale=0, min_width=112)
        with gr.Accordion("How the model is loaded", open=False):
            loading = form(core.chat, "quantise", "draft", fold=False)
        with gr.Accordion("Prompt as sent, chat template applied", open=False):
            sent = gr.Textbox(show_label=False, lines=6, max_lines=16, interactive=False, elem_classes="mono")
    states = [gr.State([]), gr.State([]), gr.State("")]
    parts = Chat(*states, model, system, samples, chatbot, told, prompt, buttons, sent, loading)
    _wire(parts, settings)


def _wire(chat: Chat, settings: Form) -> None:
    asks = [chat.buttons["Send"], chat.buttons["Regenerate"], *chat.samples]
    ready = [chat.before, chat.asked, chat.prompt, chat.chatbot, *asks]
    off = [gr.Button(interactive=False)] * len(asks)  # a question asked now would be dropped
    on = (gr.Textbox(interactive=True), *[gr.Button(interactive=True)] * len(asks))
    quiet: dict[str, Any] = {"api_visibility": "private", "show_progress": "hidden"}

    def begin(said: Said, prompt: str) -> tuple[Any, ...]:
        asked = bubbles([*said, {"role": "user", "content": prompt}])
        return said, prompt, gr.Textbox("", interactive=False), asked, *off

    def rewind(said: Said, seed: int) -> tuple[Any, ...]:
        question = said[-2]["content"] if len(said) > 1 else ""
        box = gr.Textbox("", interactive=False)
        return said[:-2], question, box, bubbles(said[:-1]), *off, seed + 1  # the same seed would say the same again

    def given_back(asked: str, said: Said) -> tuple[Any, ...]:
        """What was typed is not lost; when some of the answer came, it stands in the conversation. Stop comes here, too."""
        if len(said) > 1 and said[-2]["content"] == asked and said[-1]["content"]:
            return on
        return gr.Textbox(asked, interactive=True), *on[1:]

    begun = [trigger(begin, [chat.said, chat.prompt], ready, **quiet) for trigger in (
        chat.buttons["Send"].click, chat.prompt.submit)]  # fmt: skip
    for sample in chat.samples:
        begun.append(sample.click(begin, [chat.said, sample], ready, **quiet))
    again = chat.buttons["Regenerate"].click
    begun.append(again(rewind, [chat.said, settings["seed"]], [*ready, settings["seed"]], **quiet))
    asking = {"model": chat.model, "prompt": chat.asked, "history": chat.before, "system": chat.system}
    asking |= chat.loading
    drawn = [chat.chatbot, chat.told, chat.sent, chat.said]
    running = []
    for event in begun:
        inputs = {**asking, "settings": settings}
        running.append(
            when(event.success, core.chat, chat.replied, inputs=inputs, outputs=drawn, show_progress="hidden")
        )
        running[-1].success(lambda: on, None, [chat.prompt, *asks], **quiet)
        running[-1].failure(given_back, [chat.asked, chat.said], [chat.prompt, *asks], **quiet)
    stops(chat.buttons["Stop"], running)
    chat.buttons["Stop"].click(lambda: on, None, [chat.prompt, *asks], **quiet)
    _wire_keeping(chat, settings, asking, quiet)


def _wire_keeping(chat: Chat, settings: Form, asking: dict[str, Any], quiet: dict[str, Any]) -> None:
    answer = gr.State("")
    taken = chat.buttons["Save as record"].click(
        lambda said: said[-1]["content"] if said else "", chat.said, answer, **quiet
    )
    inputs = {**asking, "answer": answer, "settings": settings}
    when(
        taken.success,
        core.save_chat,
        lambda record: {chat.told: f'<p class="place">Saved as record {escape(record[:8])}. The portal lists it.</p>'},
        inputs=inputs,
        outputs=[chat.told],
    )
    cleared = [chat.said, chat.before, chat.asked, chat.chatbot, chat.told, chat.sent]
    chat.buttons["New chat"].click(lambda: ([], [], "", [], "", ""), None, cleared, **quiet)


def facts(reply: core.Reply) -> str:
    """Speed and size of an answer, as tiles."""
    calls = "".join(
        f'<p class="place">Asks for the tool {escape(call.name)} with {escape(call.arguments)}. Tools are not run.</p>'
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
