"""Pages that are built when somebody first asks for them."""

import asyncio
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager

import fastapi
import gradio as gr
import pytest
from fastapi.testclient import TestClient

from shared.suite import Suite
from shared.ui.later import Later
from shared.ui.mount import mount


@pytest.fixture
def lazy(house: Suite) -> Iterator[tuple[TestClient, list[str]]]:
    built: list[str] = []

    def page(name: str) -> gr.Blocks:
        built.append(name)
        if built.count(name) == 1 and name == "shy":
            raise ZeroDivisionError("a bug")
        with gr.Blocks(title=name) as blocks:
            out = gr.Textbox()
            gr.Button().click(lambda: name, None, out, api_name="name")
        return blocks

    with gr.Blocks() as home:
        gr.Markdown("home")
    pages = {"/": home, "/toy": lambda: page("toy"), "/shy": lambda: page("shy")}
    with TestClient(mount(pages), base_url="http://127.0.0.1:7860", raise_server_exceptions=False) as client:
        yield client, built


def test_a_page_is_built_once_and_when_it_is_asked_for(lazy: tuple[TestClient, list[str]]) -> None:
    web, built = lazy
    assert web.get("/healthz").json()["apps"] == ["/toy", "/shy", "/"]
    assert web.get("/").status_code == 200
    assert built == []
    with ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(lambda _: web.get("/toy/").status_code, range(6)))
    assert answers == [200] * 6
    assert built == ["toy"]
    assert web.get("/toy/config").json()["title"] == "toy"
    done = web.post("/toy/gradio_api/run/name", json={"data": []})
    assert done.json()["data"] == ["toy"], "its queue was started"


def test_a_page_that_cannot_be_built_is_tried_again(lazy: tuple[TestClient, list[str]]) -> None:
    web, built = lazy
    assert web.get("/shy/").status_code == 500
    assert web.get("/shy/").status_code == 200
    assert built == ["shy", "shy"]


def test_a_page_built_later_counts_as_launched(house: Suite) -> None:
    forged = {"data": [{"path": "/etc/passwd", "meta": {"_type": "gradio.FileData"}}]}
    with gr.Blocks() as toy:
        file = gr.File()
        gr.Button().click(lambda path: path, file, gr.Textbox(), api_name="read")
    with TestClient(mount({"/": toy, "/later": lambda: toy}), base_url="http://127.0.0.1:7860") as client:
        assert client.get("/later/").status_code == 200
        answer = client.post("/later/gradio_api/run/read", json=forged)
    assert toy.has_launched is True
    assert answer.status_code != 200
    assert "root:" not in answer.text


def test_what_a_page_starts_is_ended_in_the_same_task() -> None:
    told: list[tuple[str, object]] = []

    @asynccontextmanager
    async def life(_: fastapi.FastAPI):
        told.append(("begun", asyncio.current_task()))
        yield
        told.append(("ended", asyncio.current_task()))

    async def page(scope, receive, send) -> None:
        told.append(("asked", None))

    def make() -> fastapi.FastAPI:
        server = fastapi.FastAPI(lifespan=life)
        server.mount("/", page)
        return server

    async def use() -> None:
        later = Later(make, asyncio.Lock())
        await asyncio.gather(*(later({}, None, None) for _ in range(3)))
        await later.close()
        await Later(make, asyncio.Lock()).close()  # never asked for: nothing to end

    asyncio.run(use())
    assert [word for word, _ in told] == ["begun", "asked", "asked", "asked", "ended"]
    assert told[0][1] is told[-1][1]


def test_a_page_that_cannot_start_says_so() -> None:
    @asynccontextmanager
    async def life(_: fastapi.FastAPI):
        raise ZeroDivisionError("a bug")
        yield

    async def use() -> None:
        await Later(lambda: fastapi.FastAPI(lifespan=life), asyncio.Lock())({}, None, None)

    with pytest.raises(ZeroDivisionError, match="a bug"):
        asyncio.run(use())
