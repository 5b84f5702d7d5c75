"""Work that takes a while: a button that starts it, one that stops it while it runs, how far it is, and the place of its result."""

import json
from collections.abc import Callable, Sequence
from typing import Any

import gradio as gr

from shared.progress import Progress
from shared.ui.pieces import html, line, progress_html
from shared.ui.wiring import QUIET, Function, when

STOPPED = "Stopped. Nothing was saved."
# What says that work goes on goes when it is over. Gradio 6.31 calls a stopped event a failure, too; "Stopped" stays.
OVER = "told => /working|writing/.test(told) ? '' : told"


def follow(
    trigger: Callable[..., Any], function: Function, show: Callable[[Any], dict[Any, Any]], told: gr.HTML, **wiring: Any
) -> Any:
    """Run a long function on `trigger`, and draw how far it is; nothing says so any more once it is over, or failed.

    Args:
        trigger: An event, such as `button.click`.
        function: A generator of the core.
        show: Turns a result into `{component: value}`.
        told: Where its reports are drawn.
        wiring: For `wiring.when`: inputs, outputs, bound, picked...

    Returns:
        The event of the function.
    """

    def shown(result: Any) -> dict[Any, Any]:
        return {told: progress_html(result)} if isinstance(result, Progress) else show(result)

    outputs = [*wiring.pop("outputs"), told]
    event = when(trigger, function, shown, outputs=outputs, show_progress="hidden", **wiring)
    for over in (event.success, event.failure):
        over(None, told, told, js=OVER, **QUIET)
    return event


def stops(stop: gr.Button, events: Sequence[Any], told: gr.HTML, text: str = STOPPED) -> None:
    """Let a button stop events, and say so at once, in the browser: before the failure that stopping them is.

    Args:
        stop: The button.
        events: What `when` or `follow` returned.
        told: Where to say it.
        text: What to say, as escaped HTML.
    """
    stop.click(None, None, told, js=f"() => {json.dumps(line(text))}", cancels=list(events), **QUIET)


class Work:
    """Two buttons, drawn where this is made (at the end of a row of inputs), and below them what `place` draws.

    Example:
        with gr.Row(elem_classes="filters"):
            fields = form(core.search, brief=True)
            work = Work("Search")
        found = work.place(NOTHING)
        work.runs(core.search, lambda result: {found: matches(result)}, {"dataset": dataset, **fields}, [found])

    Attributes:
        go: Starts the work.
        stop: Stops it; can be pressed only while it runs.
        starts: What cannot be pressed while it runs, for a second run would write over the first. Before `runs`, add what starts
            it besides `go`.
        told: Where it says what it does, or how it ended, once `place` or `track` was called.
    """

    told: gr.HTML

    def __init__(self, verb: str, *, primary: bool = True, width: int = 112) -> None:
        """Draw the buttons.

        Args:
            verb: What the first button says.
            primary: Whether it is the one filled button of the view.
            width: Its least width in pixels.
        """
        with gr.Row(elem_classes="pair"):  # they stay side by side where a row is too narrow for both
            self.go = gr.Button(verb, variant="primary" if primary else "secondary", scale=0, min_width=width)
            self.stop = gr.Button("Stop", scale=0, min_width=80, interactive=False)
        self.starts: list[Any] = [self.go]

    def track(self, min_height: int | None = 28) -> None:
        """Draw where the progress goes.

        Args:
            min_height: Height in pixels that is kept for it, so that nothing jumps.
        """
        self.told = html(min_height=min_height)

    def place(self, nothing: str = "", min_height: int = 96) -> gr.HTML:
        """Draw where progress and result go.

        Args:
            nothing: What stands there before the first result, as escaped HTML; see `pieces.empty_html`.
            min_height: Height in pixels that is kept for the result, so that nothing jumps.

        Returns:
            The place of the result.
        """
        self.track()
        return html(nothing, min_height=min_height)

    def runs(
        self,
        function: Function,
        show: Callable[[Any], dict[Any, Any]],
        inputs: dict[str, Any],
        outputs: Sequence[Any],
        *,
        on: Sequence[Callable[..., Any]] = (),
        bound: dict[str, Any] | None = None,
        doing: str = "Starting",
        said: str = STOPPED,
    ) -> list[Any]:
        """Wire the buttons.

        Args:
            function: What is run; see `wiring.when`.
            show: Turns one result into `{component: value}`.
            inputs: By parameter name.
            outputs: What `show` may change.
            on: What starts it, such as `[work.go.click, box.submit]`; the first button alone when nothing is named.
            bound: Fixed arguments.
            doing: What is done, until the first report says more.
            said: What to say when it was stopped.

        Returns:
            One event for each that starts it; their `.success` can trigger the next.
        """
        drawn = [*self.starts, self.stop]

        def begin() -> dict[Any, Any]:
            return {**self._looks(True), self.told: progress_html(Progress(doing))}

        events = []
        for trigger in on or [self.go.click]:
            begun = trigger(begin, None, [*drawn, self.told], **QUIET).success
            events.append(follow(begun, function, show, self.told, inputs=inputs, outputs=outputs, bound=bound))
        for over in (each for event in events for each in (event.success, event.failure)):
            over(lambda: self._looks(False), None, drawn, **QUIET)
        stops(self.stop, events, self.told, said)
        self.stop.click(lambda: self._looks(False), None, drawn, **QUIET)
        return events

    def _looks(self, running: bool) -> dict[Any, Any]:
        starts = {start: gr.update(interactive=not running) for start in self.starts}
        return {**starts, self.stop: gr.update(interactive=running)}
