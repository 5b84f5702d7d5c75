"""The last check before a component sees a value: forged files and values that do not fit get a sentence."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import gradio as gr
import pytest
from fastapi import FastAPI, Request
from gradio.queueing import Event
from gradio.server_messages import HeartbeatMessage
from starlette.testclient import TestClient
from starlette.types import Message

from shared.env import Environment
from shared.suite import Suite, using
from shared.ui import guard
from shared.ui.guard import Bodies, Guarded

META = {"_type": "gradio.FileData"}


def sent(blocks: Guarded, values: list[object], explicit: bool = False) -> list[object]:
    (event,) = blocks.fns.values()
    return asyncio.run(blocks.preprocess_data(event, values, None, explicit))


@pytest.fixture(scope="module")
def page(lasting_house: Suite) -> Guarded:
    with Guarded() as blocks:
        name, file, number = gr.Textbox(label="Name"), gr.File(label="Rows"), gr.Slider(0, 9, label="Count")
        gr.Button().click(lambda *values: None, [name, file, number], None)
    return blocks


def test_what_fits_passes(page: Guarded, lasting_house: Suite) -> None:
    path = lasting_house.environment.uploads / "a" / "x.csv"
    path.parent.mkdir()
    path.write_text("a\n1\n")
    name, file, number = sent(page, ["n", {"path": str(path), "meta": META}, 3])
    assert (name, str(file), number) == ("n", str(path), 3)
    assert sent(page, ["n", None, 3]) == ["n", None, 3]


@pytest.mark.parametrize("place", [0, 1, 2])
def test_a_file_from_elsewhere_is_refused_in_every_input(page: Guarded, workspace: Path, place: int) -> None:
    (workspace / "secret").write_text("x")
    values: list[object] = ["n", None, 3]
    values[place] = {"path": str(workspace / "secret"), "meta": META}
    with pytest.raises(gr.Error, match="'secret' was not uploaded here"):
        sent(page, values)
    values[place] = [{"deep": values[place]}]
    with pytest.raises(gr.Error, match="'secret' was not uploaded here"):
        sent(page, values)


def test_a_value_that_does_not_fit_names_the_inputs(page: Guarded) -> None:
    with pytest.raises(gr.Error, match=r"does not fit its input \(inputs: Name, Rows, Count"):
        sent(page, ["n", {"path": "/etc/passwd"}, 3])


def test_a_choice_that_is_none_and_what_runs_in_the_browser_leave_no_traceback(lasting_house: Suite) -> None:
    with Guarded() as blocks:
        gr.Button().click(lambda value: value, gr.Dropdown(["a", "b"]), None)
    with pytest.raises(gr.Error, match="not in the list of choices") as told:
        sent(blocks, ["c"])
    assert told.value.print_exception is False
    with Guarded() as blocks:
        gr.Button().click(None, None, None, js="() => 1")
    with pytest.raises(gr.Error, match="nothing to call") as told:
        sent(blocks, [])
    assert told.value.print_exception is False


def test_too_few_values_are_counted(page: Guarded) -> None:
    with pytest.raises(gr.Error, match="2 values were sent, and this takes 3"):
        sent(page, ["n", None])


def test_a_value_may_not_be_nested_without_end(page: Guarded) -> None:
    deep: object = "x"
    for _ in range(500):
        deep = [deep]
    with pytest.raises(gr.Error, match="nested more than 64 levels"):
        sent(page, [deep, None, 3])


@pytest.fixture
def taken(workspace: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[TestClient]:
    """A public server that says how many bytes it was given, with small limits."""
    monkeypatch.setattr(guard, "BODY", {True: 2 << 20, False: 4 << 20})
    app = FastAPI()

    @app.post("/{path:path}")
    async def given(path: str, request: Request) -> int:
        return len(await request.body())

    app.add_middleware(Bodies, public=True)
    with using(Suite(Environment(home=workspace / "home", space="me/x"))), TestClient(app) as client:
        yield client


def test_a_request_is_taken_up_to_its_limit(taken: TestClient) -> None:
    assert taken.post("/call", content=bytes(2 << 20)).json() == 2 << 20
    refused = taken.post("/call", content=bytes((2 << 20) + 1))
    assert (refused.status_code, refused.json()) == (
        413,
        {"error": "A request takes at most 2 MiB. Send what is larger as a file."},
    )
    assert taken.post("/a/upload", content=bytes(3 << 20)).json() == 3 << 20
    assert taken.get("/call").status_code == 405


def test_all_requests_together_have_a_limit(taken: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guard, "HELD", 1000)
    assert taken.post("/call", content=bytes(1001)).status_code == 503
    assert [taken.post("/call", content=bytes(900)).status_code for _ in range(3)] == [200] * 3


def test_uploads_are_refused_when_there_is_no_room(taken: TestClient) -> None:
    guard.suite().visitors.whole = -1
    refused = taken.post("/upload", content=b"x")
    assert refused.status_code == 507
    assert "What visitors opened here takes" in refused.json()["error"]


@pytest.mark.parametrize(("path", "heard"), [("/call", "408"), ("/upload", "http.disconnect")])
def test_who_sends_too_slowly_is_cut_off(monkeypatch: pytest.MonkeyPatch, path: str, heard: str) -> None:
    monkeypatch.setattr(guard, "SECONDS", 0.05)
    said: list[str] = []

    async def app(scope: object, receive: object, send: object) -> None:
        while True:
            message: Message = await receive()  # type: ignore[operator]
            said.append(message["type"])
            if message["type"] == "http.disconnect":
                return

    async def trickle() -> AsyncIterator[Message]:
        yield {"type": "http.request", "body": b"x", "more_body": True}
        await asyncio.sleep(60)
        yield {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Message) -> None:
        said.append(str(message.get("status", "")))

    async def run() -> None:
        pieces = trickle()
        scope = {"type": "http", "method": "POST", "path": path, "headers": []}
        await Bodies(app)(scope, lambda: anext(pieces), send)

    asyncio.run(run())
    assert heard in said
    assert (path == "/upload") == ("http.request" in said)


def test_answers_that_nobody_fetches_are_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    with Guarded() as blocks:
        gr.Button().click(lambda: None, None, None)
    queue = blocks._queue
    (function,) = blocks.fns.values()
    events = {name: Event(name, function, None, None) for name in ("reads", "never", "gone")}
    for name in ("reads", "never"):
        queue.pending_messages_per_session[name] = asyncio.Queue()
        queue.pending_event_ids_session[name] = {events[name]._id}
    for name in events:
        queue.send_message(events[name], HeartbeatMessage())
    assert not events["gone"].alive
    monkeypatch.setattr(guard, "UNREAD", 0.2)
    for _ in range(4):
        queue.send_message(events["reads"], HeartbeatMessage())
        queue.pending_messages_per_session["reads"].get_nowait()
        time.sleep(0.1)
    assert set(queue.pending_messages_per_session) == {"reads"}
    assert set(queue.pending_event_ids_session) == {"reads"}
    queue.send_message(events["never"], HeartbeatMessage())
    assert not events["never"].alive
