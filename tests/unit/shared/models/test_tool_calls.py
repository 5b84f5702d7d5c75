import pytest

from shared.models.protocol import ToolCall
from shared.models.tool_calls import find

ROME = ToolCall("weather", '{"city": "Rome"}')


@pytest.mark.parametrize(
    ("text", "calls"),
    [
        ('<tool_call>\n{"name": "weather", "arguments": {"city": "Rome"}}\n</tool_call>', [ROME]),
        ('I will look.\n<tool_call>{"name": "weather", "arguments": {"city": "Rome"}}</tool_call> <tool_call>{"name": "now", "arguments": {}}</tool_call>',
         [ROME, ToolCall("now", "{}")]),
        ('<tool_call>{"name": "weather", "arguments": {"city": "Rome"}}', [ROME]),  # the end token took the place of the tag
        ('[TOOL_CALLS][{"name": "weather", "arguments": {"city": "Rome"}, "id": "a1"}]', [ToolCall("weather", '{"city": "Rome"}', "a1")]),
        ('{"name": "weather", "parameters": {"city": "Rome"}}', [ROME]),
        ('{"name": "天气", "arguments": {"城市": "北京"}}', [ToolCall("天气", '{"城市": "北京"}')]),
        ('{"name": "weather", "arguments": "{\\"city\\": 1}"}', [ToolCall("weather", '{"city": 1}')]),
        ('{"name": "Mia", "age": 7}', []),
        ('<tool_call>{"name": "weather", "arguments": {"ci', []),
        ('<tool_call>call weather</tool_call>', []),
        ('["a", 1, {"name": 3, "arguments": {}}]', []),
        ("[" * 100_000, []),
        ("It is sunny.", []),
        ("", []),
    ],
)  # fmt: skip
def test_calls_are_found_in_every_form_and_nothing_else_is_one(text: str, calls: list[ToolCall]) -> None:
    assert find(text) == calls
