import time

import pytest

from apps.model_arena.replies import Growing
from shared.errors import PlaygroundError
from shared.models.protocol import Delta, Failure, Finish, Message, Start, ToolCall, Usage


def test_events_add_up():
    growing = Growing("m", [Message("user", "你好")])
    assert growing.reply().seconds >= 0
    assert growing.reply().first_seconds == growing.reply().tokens_per_second == 0
    growing.hear([Start("m", "<user>你好"), Delta("你"), Delta("好！")])
    assert not growing.ended
    growing.hear([ToolCall("f", "{}"), Usage(2, 3), Finish("stop")])
    reply = growing.reply("r1")
    assert growing.ended
    assert (reply.text, reply.finished, reply.prompt, reply.record) == ("你好！", "stop", "<user>你好", "r1")
    assert (reply.prompt_tokens, reply.answer_tokens) == (2, 3)
    assert reply.messages == [Message("user", "你好"), Message("assistant", "你好！")]
    assert reply.seconds == growing.reply().seconds, "time stands still once it is complete"
    growing.check()


def test_one_token_has_no_speed():
    growing = Growing("m")
    growing.hear([Delta("x"), Usage(1, 1), Finish("length")])
    assert growing.reply().tokens_per_second == 0


def test_an_answer_that_came_whole_has_no_speed():
    """Everything at one moment, as from a server that does not stream: tokens over nothing would be any number."""
    growing = Growing("m")
    growing.hear([Start("m"), Delta("one two"), Delta(" three"), Usage(1, 900), Finish("stop")])
    assert growing.reply().tokens_per_second == 0


def test_speed_counts_from_the_first_piece():
    growing = Growing("m")
    time.sleep(0.05)  # waiting for the first piece is no writing
    growing.hear([Start("m"), Delta("one")])
    time.sleep(0.02)
    growing.hear([Delta(" two"), Delta(" three"), Usage(1, 3), Finish("stop")])
    reply = growing.reply()
    writing = reply.seconds - reply.first_seconds
    assert reply.first_seconds >= 0.05
    assert reply.tokens_per_second == pytest.approx(2 / writing, rel=0.01)


def test_an_answer_of_tool_calls_alone_begins_with_the_first():
    growing = Growing("m")
    growing.hear([Start("m")])
    assert growing.reply().first_seconds == 0
    time.sleep(0.01)
    growing.hear([ToolCall("f", "{}")])
    growing.hear([ToolCall("g", "{}"), Finish("tool_calls")])
    reply = growing.reply()
    assert [call.name for call in reply.tool_calls] == ["f", "g"]
    assert (reply.text, reply.finished, reply.first_seconds > 0) == ("", "tool_calls", True)


def test_a_reply_is_a_picture_of_its_moment():
    growing = Growing("m", [Message("user", "Hi")])
    before = growing.reply()
    growing.hear([Delta("x"), ToolCall("f", "{}")])
    assert (before.text, before.tool_calls, before.messages[-1].content) == ("", [], "")


@pytest.mark.parametrize(("after", "said"), [(None, "it broke"), (2.5, "it broke Try again in 2.5 s.")])
def test_a_failure_speaks_for_itself(after, said):
    growing = Growing("m")
    growing.hear([Delta("half"), Failure("server", "it broke", after)])
    assert growing.ended
    assert growing.reply().finished == ""
    with pytest.raises(PlaygroundError, match="it broke") as raised:
        growing.check()
    assert str(raised.value) == said
