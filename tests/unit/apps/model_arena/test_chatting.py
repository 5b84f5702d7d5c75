"""One model, asked through the core: text as it grows, history, records, and what goes wrong."""

import json
import time
from itertools import pairwise

import pytest

from apps.model_arena import core
from shared import calls, records
from shared.errors import PlaygroundError
from shared.models.models import Models
from shared.models.protocol import Decoding, Delta, Failure, Finish, Message, Start, ToolCall, Usage
from shared.models.scripted import Scripted
from shared.policy import OWNER, Caller
from shared.ui.wiring import _plain
from tests.stand_in import StandIn
from tests.unit.shared.models.toys import Loader

ECHO = "scripted:echo"
GREEDY = Decoding(temperature=0.0)


@pytest.fixture
def models(house):
    made = StandIn(
        Scripted.echo(ECHO, delay=0.02),
        Scripted("scripted:torn", [Start("m"), Delta("Half an ans")]),
        Scripted("scripted:busy", [Failure("overloaded", "busy: too many requests.", 7.0)]),
        Scripted(
            "scripted:tool", [Start("m"), ToolCall("weather", '{"city": "Rome"}'), Usage(3, 5), Finish("tool_calls")]
        ),
    )
    house.__dict__["models"] = made
    yield made
    made.close()


def replies(**arguments):
    return list(calls.call(core.chat, {"model": ECHO, "settings": {"temperature": 0.0}, **arguments}, OWNER))


def test_the_answer_grows_and_ends_with_its_counts(models):
    got = replies(prompt="one two three four five six seven eight nine ten eleven twelve")
    texts = [reply.text for reply in got]
    assert all(later.startswith(earlier) for earlier, later in pairwise(texts))
    assert len(set(texts)) > 2, "it came in pieces"
    last = got[-1]
    assert (last.text, last.finished) == ("one two three four five six seven eight nine ten eleven twelve", "stop")
    assert (last.prompt_tokens, last.answer_tokens) == (12, 12)
    assert last.tokens_per_second > 0
    assert 0 < last.first_seconds <= last.seconds
    assert all(not reply.finished for reply in got[:-1])


def test_history_and_system_prompt_reach_the_model_in_order(models):
    first = replies(prompt="My name is Mia.")[-1]
    assert first.messages == [Message("user", "My name is Mia."), Message("assistant", "My name is Mia.")]
    history = [{"role": m.role, "content": m.content} for m in first.messages]
    again = replies(prompt="What is my name?", history=history, system="Be brief.")[-1]
    _, request, _ = models.asked[-1]
    assert [m.role for m in request.messages] == ["system", "user", "assistant", "user"]
    assert [m.role for m in again.messages] == ["user", "assistant", "user", "assistant"], (
        "the system prompt is no turn"
    )


def test_the_limit_is_said(models):
    assert replies(prompt="a b c d e", settings={"temperature": 0.0, "max_new_tokens": 2})[-1].finished == "length"


def test_tool_calls_are_shown(models):
    (call,) = replies(model="scripted:tool", prompt="Weather?")[-1].tool_calls
    assert (call.name, json.loads(call.arguments)) == ("weather", {"city": "Rome"})


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"prompt": "  \n"}, "prompt is empty"),
        ({"prompt": "x" * 100_001}, "100,001 characters"),
        ({"prompt": "Hi", "model": "scripted:nobody"}, "no model 'scripted:nobody'"),
        ({"prompt": "Hi", "settings": {"temprature": 1}}, "Did you mean 'temperature'"),
        ({"prompt": "Hi", "settings": {"temperature": -1}}, "temperature"),
        ({"prompt": "Hi", "history": [{"role": "robot", "content": "x"}]}, "history"),
        ({"prompt": "Hi", "model": "scripted:busy"}, "busy: too many requests. Try again in 7 s."),
    ],
)
def test_what_cannot_be_done_is_said(models, arguments, said):
    with pytest.raises(PlaygroundError, match=said):
        replies(**arguments)


def test_a_torn_answer_shows_what_came_and_is_never_called_complete(models):
    got = []
    with pytest.raises(PlaygroundError, match="before the answer was complete"):
        got.extend(replies_of_torn())
    assert got[-1].text == "Half an ans"
    assert all(not reply.finished for reply in got)


def replies_of_torn():
    yield from calls.call(core.chat, {"model": "scripted:torn", "prompt": "Hi"}, OWNER)


def test_a_record_is_kept_when_it_is_asked_for_and_asks_the_same_again(house, models):
    assert replies(prompt="no record")[-1].record == ""
    kept = replies(prompt="keep this one", keep_record=True)[-1]
    (record,) = records.find(house.store)
    assert (record.id, record.app, record.action) == (kept.record, "model_arena", "chat")
    assert record.results["answer_tokens"] == 3
    again = list(calls.call(core.chat, record.settings, OWNER))[-1]
    assert again.text == kept.text
    newer = records.load(house.store, again.record)
    assert newer.artifacts == record.artifacts, "the same answer is the same artifact"


def test_an_answer_can_be_kept_afterwards(house, models):
    reply = replies(prompt="keep me")[-1]
    made = core.save_chat(ECHO, "keep me", reply.text, settings=GREEDY)
    record = records.load(house.store, made)
    folder = house.store.find(record.artifacts["answer"]).path
    assert json.loads((folder / "answer.json").read_text("utf-8")) == {"prompt": "keep me", "answer": "keep me"}
    with pytest.raises(PlaygroundError, match="no answer"):
        core.save_chat(ECHO, "keep me", "")


def test_a_visitor_leaves_no_record(house, models):
    visitor = Caller("a3f", owner=False)
    last = list(calls.call(core.chat, {"model": ECHO, "prompt": "Hi", "keep_record": True}, visitor))[-1]
    assert last.record == ""
    assert records.find(house.store) == []
    assert models.asked[-1][2] == visitor, "the model layer knows who asks"


def test_stopping_ends_the_work(models):
    stream = calls.call(core.chat, {"model": ECHO, "prompt": "word " * 500}, OWNER)
    next(stream)
    next(stream)
    stream.close()
    backend = models.backend(ECHO)
    for _ in range(100):
        if backend.stopped:
            break
        time.sleep(0.02)
    assert backend.running == 0
    assert backend.stopped == 1


def test_the_models_are_listed(house):
    house.__dict__["models"] = Models(house.environment, house.catalog, house.store, load=Loader())
    rows = calls.call(core.models, {}, OWNER)
    json.dumps(_plain(rows), allow_nan=False)
    micro = next(row for row in rows if row.ref == "builtin:micro")
    assert (micro.on_disk, micro.fits, micro.why) == (True, True, "")
    assert micro.name
    assert micro.parameters > 0
    assert micro.context > 0
    assert micro.licence
    assert all(row.usable or row.why for row in rows), "what is greyed out says why"


def test_every_reply_is_json(models):
    for reply in [*replies(prompt="Hi 你好"), *replies(model="scripted:tool", prompt="Weather?")]:
        json.dumps(_plain(reply), allow_nan=False)


def test_a_record_names_the_very_bytes(house):
    house.__dict__["models"] = Models(house.environment, house.catalog, house.store, load=Loader())
    kept = replies(model="builtin:micro", prompt="Hi", keep_record=True)[-1]
    record = records.load(house.store, kept.record)
    assert record.inputs == {"model": house.models.pinned("builtin:micro")}
    assert records.exact(record) == (True, "")
    saved = records.load(house.store, core.save_chat("builtin:micro", "Hi", kept.text, settings=GREEDY))
    assert saved.inputs == record.inputs
    assert saved.artifacts == record.artifacts
    assert saved.settings == record.settings, "both ask the same again"


def test_an_answer_of_nobody_is_not_kept(house, models):
    with pytest.raises(PlaygroundError, match="no model 'scripted:nobody'"):
        core.save_chat("scripted:nobody", "Hi", "Hello")
    with pytest.raises(PlaygroundError, match="prompt is empty"):
        core.save_chat(ECHO, " ", "Hello")
    assert records.find(house.store) == []
    assert house.store.artifacts("answers") == []


def test_the_longest_prompt_is_sent(models):
    assert replies(prompt="x" * 100_000, settings={"temperature": 0.0})[-1].text == "x" * 100_000


def test_a_visitor_does_not_read_a_backends_own_words(models):
    with pytest.raises(PlaygroundError, match=r"gave no whole answer. Try again in 7 s") as caught:
        list(core.chat("scripted:busy", "Hi", caller=Caller("ann", owner=False)))
    assert "too many requests" not in str(caught.value)
    with pytest.raises(PlaygroundError, match=r"too many requests\. Try again in 7 s"):
        list(core.chat("scripted:busy", "Hi"))


def test_a_failure_leaves_no_record(house, models):
    with pytest.raises(PlaygroundError, match="busy"):
        replies(model="scripted:busy", prompt="Hi", keep_record=True)
    assert records.find(house.store) == []


def test_a_reply_is_a_picture_of_its_moment(models):
    early, *_, last = replies(prompt="word " * 40)
    assert (early.text, early.finished, early.answer_tokens, early.tokens_per_second) != ("word " * 40, "stop", 40, 0)
    assert early.messages[-1].content == early.text != last.text
    assert [message.role for message in early.messages] == ["user", "assistant"]


def test_a_page_that_takes_long_to_draw_gets_fewer_pictures(models):
    seen, drawn = [], 0
    for reply in calls.call(core.chat, {"model": ECHO, "prompt": "word " * 100}, OWNER):
        if not seen or reply is not seen[-1]:
            time.sleep(0.05)
            drawn += 1
        seen.append(reply)
    assert seen[-1].finished == "stop"
    assert drawn < len(seen) / 2
