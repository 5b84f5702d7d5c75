"""The tab "Chat": one model, what was sent to it, and how fast it answers."""

from html import escape
from typing import Any

import gradio as gr

from apps.model_arena import core
from apps.model_arena.tabs.choosing import Choosers, examples, prompt_box
from apps.model_arena.tabs.conversation import talk
from apps.model_arena.tabs.dialogue import KEPT, Chat, Said
from shared.errors import PlaygroundError
from shared.models.protocol import Decoding, Message
from shared.models.weights import Quantise
from shared.policy import OWNER, Caller
from shared.ui.forms import Form, form
from shared.ui.pieces import html, line
from shared.ui.wiring import QUIET, when
from shared.ui.work import OVER, stops

SAMPLES = [
    "Write a story about Lucy and a kite.",
    "What is 38 + 47?",
    "Make JSON: Mia is 30 years old and lives in Rome.",
    "中国的首都是哪里？",
]


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
        samples = examples(SAMPLES)
        chatbot = talk(
            "Ask something below, or press an example: the answer appears here as it is written.", height=384
        )
        with gr.Row(elem_classes="askrow"):
            prompt = prompt_box("Say something…")
            buttons = {"Send": gr.Button("Send", variant="primary", scale=0, min_width=96)}
            buttons["Stop"] = gr.Button("Stop", scale=0, min_width=80, interactive=False)
        told = html(min_height=72)
        with gr.Row(elem_classes="samples"):
            for name in KEPT:
                buttons[name] = gr.Button(name, scale=0, min_width=112, interactive=False)
        with gr.Accordion("How the model is loaded", open=False):
            loading = form(core.chat, "quantise", "draft", fold=False)
        with gr.Accordion("Prompt as sent, chat template applied", open=False):
            sent = gr.Textbox(
                label="Prompt as sent", show_label=False, lines=6, max_lines=16, interactive=False, elem_classes="mono"
            )
    chat = Chat(gr.State([]), model, system, samples, chatbot, told, prompt, buttons, sent, loading)
    _wire(chat, settings)
    _wire_keeping(chat, settings)


def _wire(chat: Chat, settings: Form) -> None:
    drawn = [*chat.controls, chat.chatbot, chat.told, chat.said]
    seed = settings["seed"]

    def rewound(said: Said, number: int) -> dict[Any, Any]:
        question = said[-2]["content"] if len(said) > 1 else ""
        return {**chat.begun(said[:-2], question), seed: number + 1}  # the same seed would say the same again

    begun = [each(chat.begun, [chat.said, chat.prompt], drawn, **QUIET) for each in (
        chat.buttons["Send"].click, chat.prompt.submit)]  # fmt: skip
    begun += [each.click(chat.begun, [chat.said, each], drawn, **QUIET) for each in chat.samples]
    begun.append(chat.buttons["Regenerate"].click(rewound, [chat.said, seed], [*drawn, seed], **QUIET))
    inputs = {"model": chat.model, "prompt": chat.prompt, "history": chat.said, "system": chat.system, **chat.loading}
    inputs["settings"] = settings
    outputs = [chat.chatbot, chat.told, chat.sent, chat.said, chat.prompt]
    running = []
    for event in begun:
        answer = when(event.success, core.chat, chat.replied, inputs=inputs, outputs=outputs, show_progress="hidden")
        answer.failure(None, chat.told, chat.told, js=OVER, **QUIET)
        for over in (answer.success, answer.failure):
            over(chat.ended, chat.said, drawn, **QUIET)
        running.append(answer)
    stops(chat.buttons["Stop"], running, chat.told, "Stopped. What was written so far stays in the conversation.")
    chat.buttons["Stop"].click(chat.ended, chat.said, drawn, **QUIET)


def _wire_keeping(chat: Chat, settings: Form) -> None:
    inputs = {"model": chat.model, "said": chat.said, "system": chat.system, "settings": settings, **chat.loading}

    def kept(record: str) -> dict[Any, Any]:
        return {chat.told: line(f"Saved as record {escape(record[:8])}. The portal lists it.")}

    when(chat.buttons["Save as record"].click, save, kept, inputs=inputs, outputs=[chat.told], show_progress="hidden")
    cleared = [*chat.controls, chat.said, chat.chatbot, chat.told, chat.sent]
    nothing = {chat.said: [], chat.chatbot: [], chat.told: "", chat.sent: ""}
    chat.buttons["New chat"].click(lambda: {**nothing, **chat.look(False)}, None, cleared, **QUIET)


def save(
    model: str,
    said: list[Message],
    system: str = "",
    settings: Decoding = Decoding(),
    quantise: Quantise = "",
    draft: str = "",
    caller: Caller = OWNER,
) -> str:
    """Leave a record of the last answer of a conversation: `save_chat` for the conversation that the tab shows.

    Args:
        model: The model's ref.
        said: The conversation, the answer at its end.
        system: The instructions before it.
        settings: How the answer was drawn.
        quantise: How the model was loaded.
        draft: Which model guessed ahead.
        caller: Who asks.

    Returns:
        The record's id.

    Raises:
        PlaygroundError: There is no answer yet.
    """
    if len(said) < 2:
        raise PlaygroundError("There is no answer to save yet. Ask the model first.")
    *history, asked, answer = said
    return core.save_chat(model, asked.content, answer.content, history, system, settings, quantise, draft, caller)
