"""The last check before a component sees a value: forged files and values that do not fit get a sentence."""

import asyncio
from pathlib import Path

import gradio as gr
import pytest

from shared.suite import Suite
from shared.ui.guard import Guarded

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
