r"""Conversations as people read them: turns, from the ways in which datasets write conversations.

Read are lists of messages (`role` and `content`), of ShareGPT turns (`from` and `value`), both also as JSON text, and
transcripts with "\n\nHuman:" and "\n\nAssistant:".
"""

import json
import re
from dataclasses import dataclass
from typing import Any

_ROLES = {
    "human": "user",
    "prompter": "user",
    "gpt": "assistant",
    "chatgpt": "assistant",
    "bot": "assistant",
    "model": "assistant",
    "ai": "assistant",
    "developer": "system",
    "function_call": "tool call",
    "tool_call": "tool call",
    "observation": "tool",
    "function": "tool",
    "function_response": "tool",
    "tool_response": "tool",
    "ipython": "tool",
}
_TRANSCRIPT = re.compile(r"(?:^|\n\n)(Human|Assistant|System): ?")
_WRITERS = ("from", "role")
# What a message has beside its writer; an e-mail has "from" too, but no "value".
_WRITINGS = {"from": ("value",), "role": ("content", "text", "value", "tool_calls", "function_call", "parts")}


@dataclass(frozen=True)
class Turn:
    """One thing that was said, or one part of a row.

    Attributes:
        role: Who says it or what it is: system, user, assistant, tool, "tool call", tools, chosen, rejected, label, text,
            input, context, choices, thinking; a column's name where a row has no shape.
        text: What is said.
    """

    role: str
    text: str


def text_of(value: Any) -> str:
    """A value as a person reads it: text as it is, null as "", bytes as their size, anything else as JSON."""
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    if isinstance(value, bytes):
        return f"({len(value):,} bytes)"
    return json.dumps(value, ensure_ascii=False, default=str)


def as_messages(value: Any) -> list[dict[str, Any]] | None:
    """The messages that a value holds, as a list, as one message, or as the JSON text of either; None when it is neither."""
    if isinstance(value, str):
        value = _from_json(value)
    items = [value] if isinstance(value, dict) else value
    if not isinstance(items, list) or not items:
        return None
    return items if all(_is_message(item) for item in items) else None


def style(messages: list[dict[str, Any]]) -> str:
    """How messages are written: "sharegpt" (`from`) or "messages" (`role`)."""
    return "sharegpt" if messages[0].get("from") is not None else "messages"


def _from_json(text: str) -> Any:
    if text.lstrip()[:1] not in ("[", "{"):
        return None
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def _is_message(item: Any) -> bool:
    if not isinstance(item, dict):
        return False
    return any(
        isinstance(item.get(writer), str) and any(key in item for key in writings)
        for writer, writings in _WRITINGS.items()
    )


def _first(item: dict[str, Any], keys: tuple[str, ...]) -> Any:
    return next((item[key] for key in keys if item.get(key) is not None), None)


def turns_of(value: Any, role: str = "user") -> list[Turn]:
    """The turns of a conversation, however it is written; anything else is one turn of the given role, nothing is none."""
    messages = as_messages(value)
    if messages is not None:
        return [turn for message in messages for turn in _turns(message)]
    if isinstance(value, str) and value.lstrip("\n").startswith(("Human:", "System:")):
        return transcript(value)
    text = text_of(value)
    return [Turn(role, text)] if text else []


def _turns(message: dict[str, Any]) -> list[Turn]:
    """One message: what was thought, what was said, which tools were called."""
    said = str(_first(message, _WRITERS))
    role = _ROLES.get(said.lower(), said.lower())
    content = _first(message, ("content", "value", "text", "parts"))
    thought = message.get("reasoning_content") or message.get("thinking")
    calls = message.get("tool_calls") or message.get("function_call")
    turns = [Turn("thinking", text_of(thought))] if thought else []
    if role == "tool call":
        return [*turns, *_calls(content)]
    if content or not calls:
        turns.append(Turn(role, _content(content)))
    return [*turns, *_calls(calls)] if calls else turns


def _content(content: Any) -> str:
    """Content that is text, or a list of parts of which some are text."""
    if not isinstance(content, list) or not all(isinstance(part, dict) for part in content):
        return text_of(content)
    return "\n".join(text_of(part.get("text")) or f"[{part.get('type', 'part')}]" for part in content)


def _calls(calls: Any) -> list[Turn]:
    """Calls of tools, each as `name(arguments)`."""
    if isinstance(calls, str):
        calls = _from_json(calls) or calls
    turns = []
    for call in calls if isinstance(calls, list) else [calls]:
        inner = (call.get("function") or call) if isinstance(call, dict) else None
        if isinstance(inner, dict) and inner.get("name"):
            turns.append(Turn("tool call", f"{inner['name']}({text_of(inner.get('arguments'))})"))
        else:
            turns.append(Turn("tool call", text_of(call)))
    return turns


def transcript(text: str) -> list[Turn]:
    r"""The turns of a text with "\n\nHuman:" and "\n\nAssistant:" in it, as in Anthropic's hh-rlhf."""
    parts = _TRANSCRIPT.split(text)
    turns = [Turn("text", parts[0].strip())] if parts[0].strip() else []
    for who, said in zip(parts[1::2], parts[2::2], strict=True):
        turns.append(Turn(_ROLES.get(who.lower(), who.lower()), said.strip()))
    return turns
