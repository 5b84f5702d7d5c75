"""Serving pages: health, slashes, host names, and the hole that mounting leaves."""

import gradio as gr
import pytest
from fastapi.testclient import TestClient

from shared.suite import Suite
from shared.ui.mount import mount


@pytest.fixture(scope="module")
def web(lasting_house: Suite) -> TestClient:
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
