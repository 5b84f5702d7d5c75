"""`Work`: the buttons that start and stop, the progress between, and the place of the result."""

from collections.abc import Iterator

import gradio as gr

from shared.progress import Progress
from shared.suite import Suite
from shared.ui.work import Work


def count(upto: int = 3) -> Iterator[Progress | int]:
    """Count.

    Args:
        upto: How far.
    """
    yield Progress("Counting", 0, upto)
    yield upto


def test_a_button_starts_it_and_another_stops_it(house: Suite) -> None:
    with gr.Blocks() as blocks:
        upto, work = gr.Number(), Work("Count")
        told = work.place("<p>Nothing yet</p>")
        (event,) = work.runs(count, lambda n: {told: n}, {"upto": upto}, [told])
    assert (work.go.value, work.go.variant, work.stop.value, told.value) == (
        "Count", "primary", "Stop", "<p>Nothing yet</p>",
    )  # fmt: skip
    started, _, telling, stopping = blocks.fns.values()
    assert started.targets == [(work.go._id, "click")]
    begun, done = started.fn(None, 2)
    assert "Counting" in begun[work.working]
    assert done == {told: 2, work.working: ""}
    assert stopping.cancels == [0]
    assert telling.fn() == '<p class="place">Stopped. Nothing was saved.</p>'
    assert event is not None


def test_several_events_may_start_it_with_fixed_arguments(house: Suite) -> None:
    with gr.Blocks() as blocks:
        box, work = gr.Textbox(), Work("Count", primary=False)
        told = work.place()
        begins = [work.go.click, box.submit]
        work.runs(count, lambda n: {told: n}, {}, [told], on=begins, bound={"upto": 7}, said="Kept <what> was done.")
    clicked, _, submitted, _, telling, stopping = blocks.fns.values()
    assert [fn.targets[0] for fn in (clicked, submitted)] == [(work.go._id, "click"), (box._id, "submit")]
    assert list(submitted.fn(None))[-1] == {told: 7, work.working: ""}
    assert stopping.cancels == [0, 2]
    assert "Kept &lt;what&gt;" in telling.fn()
    assert work.go.variant == "secondary"
