"""`Work`: the buttons that start and stop, the progress between, and the place of the result."""

import re
from collections.abc import Iterator
from typing import Any

import gradio as gr
import pytest

from shared.progress import Progress
from shared.suite import Suite
from shared.ui.pieces import line, progress_html
from shared.ui.work import OVER, STOPPED, Work, follow


def count(upto: int = 3) -> Iterator[Progress | int]:
    """Count.

    Args:
        upto: How far.
    """
    yield Progress("Counting", 0, upto)
    yield 1
    yield Progress("Counting", 1, upto)
    yield upto


def wired(blocks: gr.Blocks) -> list[tuple[str, Any]]:
    """Every function of a page, with the event that it waits for."""
    return [(fn.targets[0][1], fn) for fn in blocks.fns.values()]


def test_a_button_starts_it_and_another_stops_it(house: Suite) -> None:
    with gr.Blocks() as blocks:
        upto, work = gr.Number(), Work("Count")
        told = work.place("<p>Nothing yet</p>")
        (event,) = work.runs(count, lambda n: {told: n}, {"upto": upto}, [told], doing="Looking around")
    assert (work.go.value, work.go.variant, work.stop.value, told.value) == (
        "Count", "primary", "Stop", "<p>Nothing yet</p>",
    )  # fmt: skip
    assert not work.stop.interactive
    (_, begun), (_, ran), *_ = wired(blocks)
    assert begun.targets == [(work.go._id, "click")]
    assert ran.trigger_after == begun._id
    assert next(ran.fn(None, 2)).keys() == {work.told}
    assert event is not None


def test_partial_results_leave_the_progress_standing(house: Suite) -> None:
    with gr.Blocks() as blocks:
        work = Work("Count")
        told = work.place()
        work.runs(count, lambda n: {told: n}, {}, [told])
    (_, ran) = wired(blocks)[1]
    first, part, second, whole = ran.fn(None)
    assert "Counting" in first[work.told]
    assert "1 of 3" in second[work.told]
    assert part == {told: 1}
    assert whole == {told: 3}


def test_only_what_makes_sense_can_be_pressed(house: Suite) -> None:
    with gr.Blocks() as blocks:
        other, work = gr.Button("Count, too"), Work("Count", primary=False)
        told = work.place()
        work.starts.append(other)
        work.runs(count, lambda n: {told: n}, {}, [told], doing="Looking around")
    (_, begun), (_, ran), *rest = wired(blocks)
    running = begun.fn()
    assert "Looking around" in running.pop(work.told)
    assert {each: look["interactive"] for each, look in running.items()} == {
        work.go: False, other: False, work.stop: True,
    }  # fmt: skip
    after = [fn for event, fn in rest if fn.fn is not None]
    assert [event for event, fn in rest if fn in after] == ["success", "failure", "click"]
    assert [fn.trigger_after for fn in after] == [ran._id, ran._id, None]
    for fn in after:
        looks = {each: look["interactive"] for each, look in fn.fn().items()}
        assert looks == {work.go: True, other: True, work.stop: False}
    assert work.go.variant == "secondary"


def test_several_events_may_start_it_with_fixed_arguments(house: Suite) -> None:
    with gr.Blocks() as blocks:
        box, work = gr.Textbox(), Work("Count")
        told = work.place()
        begins = [work.go.click, box.submit]
        events = work.runs(count, lambda n: {told: n}, {}, [told], on=begins, bound={"upto": 7}, said="Kept.")
    starts = [fn for event, fn in wired(blocks) if fn.targets[0] in {(work.go._id, "click"), (box._id, "submit")}]
    assert len(starts) == len(events) == 2
    ran = [fn for _, fn in wired(blocks) if fn.trigger_after in {each._id for each in starts}]
    assert list(ran[1].fn(None))[-1] == {told: 7}
    (stopping,) = [fn for _, fn in wired(blocks) if fn.cancels]
    assert stopping.targets == [(work.stop._id, "click")]
    assert stopping.cancels == [each._id for each in ran]
    assert any("Kept." in (fn.js or "") for _, fn in wired(blocks))


def test_progress_without_buttons_goes_when_it_is_over(house: Suite) -> None:
    with gr.Blocks() as blocks:
        told, out, table = gr.HTML(), gr.JSON(), gr.HTML()
        follow(table.click, count, lambda n: {out: n}, told, outputs=[out], picked="upto")
    (_, ran), *over = wired(blocks)
    first, *_, last = ran.fn(None, gr.EventData(None, {"pick": "2"}))
    assert "Counting" in first[told]
    assert last == {out: 2}
    assert [(event, fn.js) for event, fn in over] == [("success", OVER), ("failure", OVER)]


@pytest.mark.parametrize(
    ("said", "goes"),
    [
        (progress_html(Progress("Counting")), True),
        (line("The answer is being made.", "writing"), True),
        (line(STOPPED), False),
    ],
)
def test_what_says_that_work_goes_on_goes_and_stopped_stays(said: str, goes: bool) -> None:
    (pattern,) = re.findall("/(.+)/", OVER)
    assert bool(re.search(pattern, said)) is goes
