"""`when` and `expose`: one function is page, API and validation."""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import gradio as gr
import pytest
from gradio_client import Client, handle_file
from gradio_client.exceptions import AppError
from pydantic import Field

from shared.errors import PlaygroundError
from shared.policy import OWNER, Caller
from shared.progress import Progress
from shared.suite import Suite, suite
from shared.ui.forms import form
from shared.ui.mount import launch
from shared.ui.wiring import publish, when
from shared.uploads import Download, Upload


@dataclass(frozen=True)
class Lora:
    """Adapter settings.

    Attributes:
        rank: Width of the adapter; memory grows
            linearly with it.
        packing: Fill each sequence with several examples.
    """

    rank: Annotated[int, Field(ge=1, le=256)] = 16
    packing: bool = False


@dataclass(frozen=True)
class Run:
    """What came out."""

    model: str
    lora: Lora
    who: str


def train(model: str, lora: Lora = Lora(), caller: Caller = OWNER) -> Run:
    """Pretend to train.

    Args:
        model: The base model.
        lora: The adapter.
        caller: Who asks.

    Raises:
        PlaygroundError: The model is not there.
    """
    if model == "missing":
        raise PlaygroundError("There is no model 'missing'. Pick another.")
    return Run(model, lora, caller.id)


def count(upto: int = 3) -> Iterator[Progress | int]:
    """Count slowly.

    Args:
        upto: How far.
    """
    for done in range(upto):
        yield Progress("Counting", done, upto)
        time.sleep(0.02)
    yield upto


def size(source: str | Upload) -> dict[str, Any]:
    """Measure a file.

    Args:
        source: The file.
    """
    if isinstance(source, str):
        return {"text": source}
    return {"name": source.name, "bytes": source.path.stat().st_size}


def write(text: str) -> Download:
    """Write a file.

    Args:
        text: What to write.
    """
    path = suite().environment.uploads / "out" / "made.txt"
    path.parent.mkdir(exist_ok=True)
    path.write_text(text)
    return Download(path)


def trap() -> dict[str, Any]:
    """Return data that looks like a file."""
    return {"rows": [{"path": "/etc/passwd", "meta": {"_type": "gradio.FileData"}}, {"path": "a", "meta": "b"}]}


@pytest.fixture(scope="module")
def client(lasting_house: Suite) -> Iterator[Client]:
    with gr.Blocks() as blocks:
        for function in (train, count, size, write, trap):
            publish(function)
        lora, model, out = form(Lora), gr.Textbox("toy"), gr.JSON()
        go = gr.Button("Train")
        when(go.click, train, lambda run: {out: run.lora.rank}, inputs={"model": model, "lora": lora}, outputs=out)
    _, url, _ = launch(blocks, prevent_thread_lock=True)
    made = Client(url, verbose=False)
    made.blocks = blocks
    yield made
    made.close()
    blocks.close()


def test_the_api_is_exactly_what_was_published(client: Client) -> None:
    api = client.view_api(return_format="dict")
    assert list(api["named_endpoints"]) == ["/train", "/count", "/size", "/write", "/trap"]
    assert api["unnamed_endpoints"] == {}
    model, lora = api["named_endpoints"]["/train"]["parameters"]
    assert [model["parameter_name"], lora["parameter_name"]] == ["model", "lora"]
    info = client._get_api_info()["named_endpoints"]["/train"]
    assert info["parameters"][1]["type"]["properties"]["rank"]["maximum"] == 256
    assert info["parameters"][0]["parameter_has_default"] is False


def test_a_call_by_name_with_nested_settings(client: Client) -> None:
    assert client.predict(model="m", lora={"rank": 4}, api_name="/train") == {
        "model": "m", "lora": {"rank": 4, "packing": False}, "who": "owner",
    }  # fmt: skip
    assert client.predict(model="m", api_name="/train")["lora"]["rank"] == 16


def test_errors_reach_the_client_in_our_words(client: Client) -> None:
    with pytest.raises(AppError, match="There is no model 'missing'"):
        client.predict(model="missing", api_name="/train")
    with pytest.raises(AppError, match=r"lora\.rank: Input should be less than or equal to 256, but it is 999"):
        client.predict(model="m", lora={"rank": 999}, api_name="/train")
    with pytest.raises(AppError, match="Did you mean 'rank'"):
        client.predict(model="m", lora={"rnk": 9}, api_name="/train")


def test_a_generator_streams_and_predict_returns_its_result(client: Client) -> None:
    assert client.predict(upto=2, api_name="/count") == 2
    items = list(client.submit(upto=3, api_name="/count"))
    assert items[0] == {"stage": "Counting", "done": 0, "total": 3, "eta_seconds": None}
    assert items[-1] == 3


def test_an_upload_goes_in_and_a_download_comes_out(client: Client, workspace: Path) -> None:
    path = workspace / "my rows.txt"
    path.write_text("12345")
    assert client.predict(source=handle_file(str(path)), api_name="/size") == {"name": "my rows.txt", "bytes": 5}
    assert client.predict(source="just text", api_name="/size") == {"text": "just text"}
    assert Path(client.predict(text="hello", api_name="/write")).read_text() == "hello"


def test_data_that_looks_like_a_file_arrives_as_text(client: Client) -> None:
    first, second = client.predict(api_name="/trap")["rows"]
    assert isinstance(first, str)
    assert "passwd" in first
    assert second == '{"path": "a", "meta": "b"}'


def test_a_page_hands_core_a_settings_object(client: Client) -> None:
    click = next(fn for fn in client.blocks.fns.values() if fn.api_visibility == "private")
    (value,) = click.fn(None, "toy", 8, True).values()
    assert value == 8
    with pytest.raises(gr.Error, match="rank"):
        click.fn(None, "toy", 0, True)


def test_a_click_inside_markup_names_what_was_picked(house: Suite) -> None:
    with gr.Blocks() as blocks:
        out, table = gr.JSON(), gr.HTML()
        when(table.click, train, lambda run: {out: run.model}, outputs=out, picked="model")
    (click,) = blocks.fns.values()
    event = gr.EventData(None, {"pick": "m1"})
    assert list(click.fn(None, event)) == [{out: "m1"}]


def test_an_event_can_be_read_by_a_function(house: Suite) -> None:
    with gr.Blocks() as blocks:
        out, talk = gr.JSON(), gr.Chatbot()
        when(
            talk.like,
            train,
            lambda run: {out: run.model},
            outputs=out,
            picked=lambda data: {"model": f"m{data['index']}"},
        )
    (liked,) = blocks.fns.values()
    assert list(liked.fn(None, gr.EventData(None, {"index": 3}))) == [{out: "m3"}]


@dataclass(frozen=True)
class Part:
    """One part."""

    dataset: str
    weight: float = 1.0


def mix(parts: list[Part]) -> float:
    """Add weights.

    Args:
        parts: The parts.
    """
    return sum(part.weight for part in parts)


def test_a_table_hands_core_objects(house: Suite) -> None:
    with gr.Blocks() as blocks:
        table = gr.Dataframe(headers=["dataset", "weight"], type="array")
        out, go = gr.Number(), gr.Button()
        when(go.click, mix, lambda total: {out: total}, inputs={"parts": table}, outputs=out)
    (click,) = blocks.fns.values()
    assert click.fn(None, [["a", 2], ["b", None], ["", 7], [None, None]]) == {out: 3}
