"""`form`: the type gives the widget, the docstring the help, the default the value."""

from dataclasses import dataclass, field
from typing import Annotated, Literal

import gradio as gr
from pydantic import Field

from shared.calls import help_texts
from shared.policy import OWNER, Caller
from shared.refs import Ref
from shared.settings import Advanced, Choices
from shared.ui.forms import form
from shared.uploads import Upload


@dataclass(frozen=True)
class Sampling:
    """How to sample.

    Attributes:
        temperature: Randomness; 0 is
            greedy.
        stop: Where to stop.
    """

    temperature: Annotated[float, Field(ge=0, le=2)] = 0.7
    stop: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Settings:
    """All kinds.

    Attributes:
        rank: Width.
        seed: Draw.
        quantize: Storage.
        packing: Fill.
        name: Name.
        sampling: Nested.
        data: A file.
        model: A ref.
        axes: Several.
        template: Picked.
    """

    rank: Annotated[int, Field(ge=1, le=256)] = 16
    seed: Annotated[int, Advanced] = 0
    quantize: Literal["nf4", "none"] = "nf4"
    packing: bool = False
    name: str = "run"
    sampling: Sampling = Sampling()
    data: Upload | None = None
    model: Ref | None = None
    axes: list[Literal["a", "b"]] = field(default_factory=list)
    template: Annotated[str, Choices(lambda: ["x", "y"])] = "x"


def greet(name: str, caller: Caller = OWNER) -> str:
    """Greet.

    Args:
        name: Whom.
        caller: Who asks.
    """
    return name


def test_every_type_has_its_widget() -> None:
    with gr.Blocks():
        made = form(Settings)
    kinds = {name: type(part).__name__ for name, part in made.items() if not isinstance(part, dict)}
    assert kinds == {
        "rank": "Slider", "seed": "Number", "quantize": "Dropdown", "packing": "Checkbox", "name": "Textbox",
        "data": "File", "model": "Textbox", "axes": "Dropdown", "template": "Dropdown",
    }  # fmt: skip
    assert list(made) == list(Settings.__dataclass_fields__)
    assert {name: type(part).__name__ for name, part in made["sampling"].items()} == {
        "temperature": "Slider",
        "stop": "Dropdown",
    }


def test_help_default_range_and_label_come_from_the_signature() -> None:
    with gr.Blocks():
        made = form(Settings, "rank", "quantize", "sampling", labels={"rank": "Adapter rank"})
    rank, temperature = made["rank"], made["sampling"]["temperature"]
    assert (rank.label, rank.info, rank.value, rank.minimum, rank.maximum, rank.step) == (
        "Adapter rank",
        "Width.",
        16,
        1,
        256,
        1,
    )
    assert [choice for _, choice in made["quantize"].choices] == ["nf4", "none"]
    assert temperature.info == "Randomness; 0 is greedy."


def test_advanced_settings_are_folded() -> None:
    with gr.Blocks() as page:
        made = form(Settings, "seed", "rank")
    fold = next(block for block in page.blocks.values() if isinstance(block, gr.Accordion))
    assert fold.open is False
    assert made["seed"].parent is not made["rank"].parent
    assert list(made) == ["seed", "rank"]


def test_the_caller_is_in_no_form() -> None:
    with gr.Blocks():
        assert list(form(greet)) == ["name"]


def test_help_texts_of_functions_and_dataclasses() -> None:
    assert help_texts(greet)["name"] == "Whom."
    assert help_texts(Settings)["template"] == "Picked."
    assert help_texts(lambda: None) == {}
