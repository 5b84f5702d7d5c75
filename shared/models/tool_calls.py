"""Tool calls in what a model wrote, in the three forms that open models are taught; they are reported, never run.

Hermes and Qwen write `<tool_call>{"name": ..., "arguments": {...}}</tool_call>`, Mistral `[TOOL_CALLS][{...}]`, and Llama 3.1 nothing
but `{"name": ..., "parameters": {...}}`, as their chat templates show.
"""

import json
import re
from collections.abc import Iterator
from typing import Any

from shared.models.protocol import ToolCall

_TAGGED = re.compile(r"<tool_call>(.*?)(?:</tool_call>|\Z)", re.DOTALL)
_MARK = "[TOOL_CALLS]"
_ARGUMENTS = ("arguments", "parameters")


def find(text: str) -> list[ToolCall]:
    """The calls in an answer, in order; none where it holds no whole one.

    Args:
        text: What a model wrote that was offered tools.
    """
    parts = _TAGGED.findall(text) or [text.partition(_MARK)[2] if _MARK in text else text]
    return [call for part in parts for call in _calls(part.strip())]


def _calls(text: str) -> Iterator[ToolCall]:
    if not text.startswith(("{", "[")):
        return
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return  # a torn call is text
    for each in value if isinstance(value, list) else [value]:
        call = _call(each)
        if call is not None:
            yield call


def _call(value: Any) -> ToolCall | None:
    if not isinstance(value, dict) or not isinstance(value.get("name"), str):
        return None
    given = next((value[key] for key in _ARGUMENTS if key in value), None)
    if given is None:
        return None  # an object that happens to have a name
    arguments = given if isinstance(given, str) else json.dumps(given, ensure_ascii=False)
    return ToolCall(value["name"], arguments, str(value.get("id", "")))
