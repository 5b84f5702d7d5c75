"""Rows of other shapes as conversations in OpenAI's form: `messages`, a list of {role, content}, with tool calls where there are any."""

import json
from functools import cache
from typing import TYPE_CHECKING, Any

from shared.conversations import as_messages, text_of, turns_of
from shared.errors import PlaygroundError
from shared.shapes import Shape, show

if TYPE_CHECKING:
    import pyarrow

MESSAGES, TOOLS = "messages", "tools"
ASKED = ("context", "user", "input", "choices")  # parts of a row that make one question


def convertible(shape: Shape) -> bool:
    """Whether rows of this shape say the same as a conversation.

    A pair of answers, a label, an instruction with several instances, and plain text do not.

    Args:
        shape: The shape of a dataset.
    """
    if shape.name == "instruction":
        return "answer" in shape.roles
    return shape.name in ("prompt_completion", "qa", "sharegpt", "messages")


def calls_tools(shape: Shape, schema: "pyarrow.Schema") -> bool:
    """Whether conversations of this dataset may hold calls of tools.

    Args:
        shape: Its shape.
        schema: Its Arrow schema.
    """
    import pyarrow as pa

    if "tools" in shape.roles:
        return True
    kind = schema.field(shape.roles["conversation"]).type if "conversation" in shape.roles else pa.null()
    item = kind.value_type if pa.types.is_list(kind) or pa.types.is_large_list(kind) else kind
    return pa.types.is_struct(item) and any(field.name in ("tool_calls", "function_call") for field in item)


def chat_schema(tools: bool) -> "pyarrow.Schema":
    """The schema of converted rows.

    Args:
        tools: Whether messages have `tool_calls`, `tool_call_id` and `name`, and rows have `tools`, as JSON text.
    """
    import pyarrow as pa

    text = pa.string()
    fields = [("role", text), ("content", text)]
    if not tools:
        return pa.schema([(MESSAGES, pa.list_(pa.struct(fields)))])
    function = pa.struct([("name", text), ("arguments", text)])
    call = pa.struct([("id", text), ("type", text), ("function", function)])
    fields += [("tool_calls", pa.list_(call)), ("tool_call_id", text), ("name", text)]
    return pa.schema([(MESSAGES, pa.list_(pa.struct(fields))), (TOOLS, text)])


def convert(batch: "pyarrow.RecordBatch", shape: Shape, tools: bool) -> "pyarrow.RecordBatch":
    """Rows as conversations; columns that play no part are left out.

    Args:
        batch: Some rows.
        shape: Their shape, one that is convertible.
        tools: As in `chat_schema`.

    Raises:
        PlaygroundError: A message holds something that is no text, such as an image.
    """
    import pyarrow as pa

    rows = batch.select(list(dict.fromkeys(shape.roles.values()))).to_pylist()
    columns: dict[str, list[Any]] = {MESSAGES: [chat(row, shape, tools) for row in rows]}
    if tools:
        columns[TOOLS] = [text_of(row.get(shape.roles.get("tools", ""))) or None for row in rows]
    schema = chat_schema(tools)
    return pa.RecordBatch.from_arrays([pa.array(columns[field.name], field.type) for field in schema], schema=schema)


def chat(row: dict[str, Any], shape: Shape, tools: bool = False) -> list[dict[str, Any]]:
    """One row as a conversation.

    Args:
        row: Values by column name.
        shape: Its shape.
        tools: Whether calls of tools have a place of their own; else they stay in the text, as JSON.

    Raises:
        PlaygroundError: A message holds something that is no text.
    """
    if "conversation" not in shape.roles:
        return _exchange(row, shape)
    messages = as_messages(row.get(shape.roles["conversation"])) or []
    chat = [_message(message, tools) for message in messages]
    system = text_of(row.get(shape.roles.get("system", "")))
    told = chat and chat[0]["role"] == "system"
    return [{"role": "system", "content": system}, *chat] if system and not told else chat


def _exchange(row: dict[str, Any], shape: Shape) -> list[dict[str, Any]]:
    """A question and its answer, with what comes before; the parts of one question are one message."""
    chat: list[dict[str, Any]] = []
    for turn in show(row, shape):
        role = "user" if turn.role in ASKED else turn.role if turn.role in ("system", "tool") else "assistant"
        if role == "user" and chat and chat[-1]["role"] == "user":
            chat[-1]["content"] += f"\n\n{turn.text}"
        else:
            chat.append({"role": role, "content": turn.text})
    return chat


@cache
def _role(said: str) -> str:
    """A writer's name as OpenAI has it; "tool call" for one who calls a tool."""
    role = turns_of([{"from": said, "value": "{}"}])[-1].role
    return role if role in ("system", "user", "tool", "tool call") else "assistant"


def _message(message: dict[str, Any], tools: bool) -> dict[str, Any]:
    said = str(message.get("from") or message.get("role"))
    role, content = _role(said), _text(message)
    calls = _from_json(message.get("tool_calls") or message.get("function_call"))
    if role == "tool call":
        calls, content = (_from_json(content), "") if tools else (None, content)
    role = "assistant" if role == "tool call" else role
    if not tools:
        extra = text_of(calls) if calls else ""
        return {"role": role, "content": "\n".join(filter(None, [content, extra]))}
    made = {"role": role, "content": content, "tool_calls": _calls(calls) if calls else None}
    return made | {"tool_call_id": message.get("tool_call_id"), "name": message.get("name")}


def _text(message: dict[str, Any]) -> str:
    content = next((message[key] for key in ("content", "value", "text", "parts") if message.get(key) is not None), "")
    if isinstance(content, list):
        kinds = {str(part.get("type", "text")) for part in content if isinstance(part, dict)} - {"text"}
        if kinds:
            raise PlaygroundError(
                f"A message holds a part of type {', '.join(sorted(kinds))}. Only text can be converted."
            )
        return "\n".join(text_of(part.get("text")) if isinstance(part, dict) else text_of(part) for part in content)
    return text_of(content)


def _calls(calls: Any) -> list[dict[str, Any]]:
    """Calls of tools as OpenAI has them, the arguments as JSON text."""
    made = []
    for call in calls if isinstance(calls, list) else [calls]:
        inner = (call.get("function") or call) if isinstance(call, dict) else {}
        name, arguments = (inner.get("name"), inner.get("arguments")) if isinstance(inner, dict) else (None, None)
        known = call.get("id") if isinstance(call, dict) else None
        arguments = text_of(call) if name is None else text_of(arguments)
        made.append({"id": known, "type": "function", "function": {"name": name, "arguments": arguments}})
    return made


def _from_json(value: Any) -> Any:
    if not isinstance(value, str) or value.lstrip()[:1] not in ("[", "{"):
        return value
    try:
        return json.loads(value)
    except (ValueError, RecursionError):
        return value
