"""Serving pages: health, slashes, host names, and the hole that mounting leaves."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import gradio as gr
import pytest
from fastapi.testclient import TestClient

from shared.suite import Suite
from shared.ui.mount import mount


@pytest.fixture
def web(house: Suite) -> TestClient:
    with gr.Blocks() as home:
        gr.Markdown("home")
    with gr.Blocks() as toy:
        gr.File()
    return TestClient(mount({"/": home, "/toy": toy}), base_url="http://127.0.0.1:7860", follow_redirects=False)


def test_health_names_the_apps(web: TestClient) -> None:
    assert web.get("/healthz").json() == {"status": "ok", "apps": ["/toy", "/"]}


def test_a_path_without_its_slash_is_led_to_the_page_and_keeps_its_query(web: TestClient) -> None:
    answer = web.get("/toy?__theme=dark")
    assert (answer.status_code, answer.headers["location"]) == (307, "toy/?__theme=dark")
    assert web.get("/toy/").status_code == 200


@pytest.mark.parametrize(("host", "status"), [("127.0.0.1:7860", 200), ("localhost", 200), ("[::1]:7860", 200), ("[::1]", 200), ("LOCALHOST:1", 200),
                                              ("evil.example", 421), ("127.0.0.1.evil.example:80", 421), ("", 421)])  # fmt: skip
def test_only_this_machines_names_are_answered(web: TestClient, host: str, status: int) -> None:
    assert web.get("/healthz", headers={"host": host}).status_code == status


def test_every_name_is_answered_where_the_server_is_meant_for_others(house: Suite) -> None:
    with gr.Blocks() as home:
        gr.Markdown("home")
    client = TestClient(mount({"/": home}, public=True, loopback=False), base_url="http://my.space")
    assert client.get("/healthz").status_code == 200


def test_a_mounted_page_counts_as_launched(house: Suite) -> None:
    with gr.Blocks() as home:
        gr.File()
    mount({"/": home})
    assert home.has_launched is True


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
