"""What a model is sent: its own chat template filled in, a plain dialogue where it has none, or raw text."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from shared.errors import PlaygroundError
from shared.models.protocol import Message, Request

SPEAKERS = {"system": "System", "user": "User", "assistant": "Assistant", "tool": "Tool"}
NEXT_TURN = "\nUser:"


@dataclass(frozen=True)
class Prompt:
    """A prompt as sent.

    Attributes:
        text: As text.
        ids: As tokens.
        stops: Texts that end the answer besides the ones asked for: a plain dialogue ends where the user speaks.
        continues: The answer goes on with the prompt's own text, with no turn between them.
    """

    text: str
    ids: tuple[int, ...]
    stops: tuple[str, ...] = ()
    continues: bool = False


def prepare(tokenizer: Any, request: Request, name: str) -> Prompt:
    """Fill in the template, and tokenise.

    Args:
        tokenizer: The model's.
        request: What is asked.
        name: The model, for messages.

    Returns:
        The prompt. Without a chat template it is a plain dialogue (`User: ...`, `Assistant:`). A system message goes to
        the head of the first user message where the template has no place for it. A conversation that ends with the
        assistant is continued there.

    Raises:
        PlaygroundError: There is nothing to answer, or the template does not take these messages or tools.
    """
    if request.text:
        ids = tokenizer(request.text, add_special_tokens=True, verbose=False)["input_ids"]
        return Prompt(request.text, tuple(ids), continues=True)
    if not request.messages or not request.messages[-1].content.strip():
        raise PlaygroundError("The prompt is empty. Write something for the model to answer.")
    if not tokenizer.chat_template:
        if request.tools:
            raise PlaygroundError(f"{name} has no chat template, so it cannot be offered tools. Ask without them.")
        text = _dialogue(request.messages)
        return Prompt(text, tuple(tokenizer(text, add_special_tokens=True, verbose=False)["input_ids"]), (NEXT_TURN,))
    text = _fill(tokenizer, request, name)
    ids = tokenizer(text, add_special_tokens=False, verbose=False)["input_ids"]
    return Prompt(text, tuple(ids), continues=request.messages[-1].role == "assistant")


def _dialogue(messages: Sequence[Message]) -> str:
    """A conversation for a model that knows no template."""
    turns = [f"{SPEAKERS[message.role]}: {message.content}" for message in messages]
    return "\n".join(turns if messages[-1].role == "assistant" else [*turns, "Assistant:"])


def _fill(tokenizer: Any, request: Request, name: str) -> str:
    """The conversation in the model's template, the system message folded into the first user's where need be."""
    from jinja2 import TemplateError

    refusals = (TemplateError, TypeError, ValueError)  # also where a template leaves out what is to be continued
    messages = request.messages
    if request.tools and "tools" not in _template(tokenizer):
        raise PlaygroundError(f"The chat template of {name} has no place for tools. Ask without them.")
    system = messages[0].content.strip() if messages[0].role == "system" else ""
    try:
        text = _apply(tokenizer, messages, request.tools)
        if system and system not in text:
            text = _apply(tokenizer, _fold(messages), request.tools)
    except refusals as refusal:
        if not system:
            raise PlaygroundError(f"The chat template of {name} refuses this conversation: {refusal}.") from None
        try:
            text = _apply(tokenizer, _fold(messages), request.tools)
        except refusals as error:
            raise PlaygroundError(f"The chat template of {name} refuses this conversation: {error}.") from None
    return text


def _template(tokenizer: Any) -> str:
    """The template's text, of several the one for tools or the default one."""
    template = tokenizer.chat_template
    if isinstance(template, dict):
        return str(template.get("tool_use", template.get("default", "")))
    return str(template)


def _apply(tokenizer: Any, messages: Sequence[Message], tools: Sequence[dict[str, Any]]) -> str:
    last = messages[-1].role == "assistant"
    filled = tokenizer.apply_chat_template(
        [{"role": message.role, "content": message.content} for message in messages],
        tools=list(tools) or None,
        tokenize=False,
        add_generation_prompt=not last,
        continue_final_message=last,
    )
    return str(filled)


def _fold(messages: Sequence[Message]) -> list[Message]:
    """The system message at the head of the first user message."""
    system, *rest = messages
    for index, message in enumerate(rest):
        if message.role == "user":
            rest[index] = Message("user", f"{system.content}\n\n{message.content}")
            return rest
    return [Message("user", system.content), *rest]
