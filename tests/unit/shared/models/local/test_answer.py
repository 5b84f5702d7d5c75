"""One answer, token by token."""

import asyncio
from typing import Any

import pytest
import torch

from shared.models.local import LocalModel
from shared.models.local.answer import Answer
from shared.models.local.prompts import Prompt
from shared.models.local.sampling import Draw
from shared.models.local.tickets import Ticket
from shared.models.protocol import Decoding, Delta, Event, Finish, Request, Start, ToolCall, Usage


def grow(model: LocalModel, text: str, limit: int = 99, end: bool = False, **request: Any) -> list[Event]:
    """The events of an answer that consists of a text's tokens."""

    async def story() -> list[Event]:
        asked = Request(text="x", decoding=request.pop("decoding", Decoding(temperature=0)), **request)
        ticket = Ticket("m", asked, Prompt("x", (50,)), Draw(asked.decoding, "cpu"), limit)
        answer = Answer(ticket, model.network)
        answer.start()
        for token in model.tokenizer(text)["input_ids"]:
            answer.add(token, torch.zeros(384))
        if end:
            answer.end()
            answer.end()
        assert ticket.done == answer.over
        await asyncio.sleep(0)
        return [ticket.events.get_nowait() for _ in range(ticket.events.qsize())]

    return asyncio.run(story())


def test_an_end_token_ends_it(llama: LocalModel) -> None:
    found = grow(llama, "the fox<|im_end|> and more")
    count = len(llama.tokenizer("the fox")["input_ids"])
    assert found[0] == Start("m", "x")
    assert "".join(event.text for event in found if isinstance(event, Delta)) == "the fox"
    assert found[-2:] == [Usage(1, count), Finish("stop")]


def test_the_limit_ends_it_and_a_stop_text_before_that(llama: LocalModel) -> None:
    count = len(llama.tokenizer("the fox")["input_ids"])
    assert grow(llama, "the fox", count)[-1] == Finish("length")
    found = grow(llama, "the fox", count, decoding=Decoding(temperature=0, stop=["ox"]))
    assert found[-1] == Finish("stop")
    assert "".join(event.text for event in found if isinstance(event, Delta)) == "the f"


@pytest.mark.parametrize(("limit", "reason"), [(99, "stop"), (2, "length")])
def test_nothing_more_comes(llama: LocalModel, limit: int, reason: str) -> None:
    assert grow(llama, "the fox", limit, end=True)[-1] == Finish(reason)
    assert [type(event) for event in grow(llama, "", limit, end=True)] == [Start, Usage, Finish]


def test_log_probabilities(llama: LocalModel) -> None:
    found = [token for e in grow(llama, "the fox", end=True, logprobs=2) if isinstance(e, Delta) for token in e.tokens]
    assert "".join(token.text for token in found) == "the fox"
    assert all(len(token.top) == 2 for token in found)
    assert found[0].logprob == pytest.approx(-torch.log(torch.tensor(384.0)).item())


WEATHER = {"type": "function", "function": {"name": "weather", "parameters": {"type": "object"}}}
CALL = '<tool_call>{"name": "weather", "arguments": {"city": "Rome"}}</tool_call>'


def test_a_tool_that_was_on_offer_is_asked_for(llama: LocalModel) -> None:
    found = grow(llama, CALL + "<|im_end|>", tools=(WEATHER,))
    assert "".join(event.text for event in found if isinstance(event, Delta)) == CALL
    assert [event for event in found if isinstance(event, ToolCall)] == [ToolCall("weather", '{"city": "Rome"}')]
    assert found[-1] == Finish("tool_calls")


def test_without_tools_on_offer_the_same_words_are_text(llama: LocalModel) -> None:
    found = grow(llama, CALL + "<|im_end|>")
    assert not [event for event in found if isinstance(event, ToolCall)]
    assert found[-1] == Finish("stop")
