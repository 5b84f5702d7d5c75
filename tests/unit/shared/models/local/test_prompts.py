"""What a model is sent."""

from pathlib import Path
from typing import Any

import pytest

from shared.errors import PlaygroundError
from shared.models.local.prompts import prepare
from shared.models.protocol import Message, Request
from tests.tiny_models import tiny_tokenizer

NO_SYSTEM = (
    "{% for m in messages %}{% if m['role'] == 'system' %}{{ raise_exception('no system') }}{% endif %}"
    "[{{ m['role'] }}]{{ m['content'] }}{% endfor %}"
)
IGNORES_SYSTEM = "{% for m in messages if m['role'] != 'system' %}[{{ m['role'] }}]{{ m['content'] }}{% endfor %}"
TOOLS = "{% if tools %}TOOLS {{ tools | tojson }} {% endif %}{% for m in messages %}{{ m['content'] }}{% endfor %}"
REFUSES = "{{ raise_exception('never') }}"
TOOL = {"type": "function", "function": {"name": "look_up", "parameters": {"type": "object", "properties": {}}}}
TALK = (Message("system", "Be brief."), Message("user", "Hi"), Message("assistant", "Yes?"), Message("user", "Go"))


def made(folder: Path, template: Any) -> Any:
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(tiny_tokenizer(folder, template=""))
    tokenizer.chat_template = template
    return tokenizer


def test_the_template_is_filled_in(tmp_path: Path) -> None:
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(tiny_tokenizer(tmp_path))
    prompt = prepare(tokenizer, Request(TALK), "m")
    assert prompt.text == (
        "<|im_start|>system\nBe brief.<|im_end|>\n<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\nYes?<|im_end|>\n"
        "<|im_start|>user\nGo<|im_end|>\n<|im_start|>assistant\n"
    )
    assert list(prompt.ids) == tokenizer.apply_chat_template(
        [{"role": m.role, "content": m.content} for m in TALK], add_generation_prompt=True, return_dict=False
    )
    assert not prompt.continues


def test_a_conversation_that_ends_with_the_assistant_goes_on_there(tmp_path: Path) -> None:
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(tiny_tokenizer(tmp_path))
    prompt = prepare(tokenizer, Request(TALK[:3]), "m")
    assert prompt.text.endswith("<|im_start|>assistant\nYes?")
    assert prompt.continues


@pytest.mark.parametrize("template", [NO_SYSTEM, IGNORES_SYSTEM])
def test_a_system_message_goes_where_there_is_room(tmp_path: Path, template: str) -> None:
    prompt = prepare(made(tmp_path, template), Request(TALK), "m")
    assert prompt.text == "[user]Be brief.\n\nHi[assistant]Yes?[user]Go"


def test_without_a_template_it_is_a_dialogue(tmp_path: Path) -> None:
    prompt = prepare(made(tmp_path, None), Request(TALK), "m")
    assert prompt.text == "System: Be brief.\nUser: Hi\nAssistant: Yes?\nUser: Go\nAssistant:"
    assert prompt.stops == ("\nUser:",)
    assert prepare(made(tmp_path, None), Request(TALK[:3]), "m").text.endswith("Assistant: Yes?")


def test_tools(tmp_path: Path) -> None:
    request = Request(TALK, tools=(TOOL,))
    assert '"name": "look_up"' in prepare(made(tmp_path, TOOLS), request, "m").text
    both = {"default": NO_SYSTEM, "tool_use": TOOLS}
    assert '"name": "look_up"' in prepare(made(tmp_path, both), request, "m").text
    with pytest.raises(PlaygroundError, match="m has no place for tools"):
        prepare(made(tmp_path, NO_SYSTEM), request, "m")
    with pytest.raises(PlaygroundError, match="m has no chat template, so it cannot be offered tools"):
        prepare(made(tmp_path, None), request, "m")


def test_raw_text(tmp_path: Path) -> None:
    tokenizer = made(tmp_path, NO_SYSTEM)
    prompt = prepare(tokenizer, Request(text="The sky 天"), "m")
    assert prompt.text == "The sky 天"
    assert tokenizer.decode(prompt.ids) == "The sky 天"
    assert prompt.continues


@pytest.mark.parametrize("messages", [(), (Message("user", " \n"),)])
def test_nothing_is_refused(tmp_path: Path, messages: tuple[Message, ...]) -> None:
    with pytest.raises(PlaygroundError, match="The prompt is empty"):
        prepare(made(tmp_path, NO_SYSTEM), Request(messages), "m")


def test_a_template_that_refuses(tmp_path: Path) -> None:
    for messages in (TALK, TALK[1:]):
        with pytest.raises(PlaygroundError, match="m refuses this conversation: never"):
            prepare(made(tmp_path, REFUSES), Request(messages), "m")


@pytest.mark.parametrize("template", ["{% for m in messages %}{{ m.role }}{% endfor %}", "{{ messages + 1 }}"])
def test_a_template_that_leaves_out_what_is_to_be_continued_or_breaks(tmp_path: Path, template: str) -> None:
    continued = (Message("user", "Hi"), Message("assistant", "Well"))
    with pytest.raises(PlaygroundError, match="The chat template of m refuses this conversation: "):
        prepare(made(tmp_path, template), Request(continued), "m")


def test_a_system_message_alone(tmp_path: Path) -> None:
    assert prepare(made(tmp_path, NO_SYSTEM), Request(TALK[:1]), "m").text == "[user]Be brief."
