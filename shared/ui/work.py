"""What most tabs are made of: a button that starts long work, one that stops it, its progress, and the place of its result."""

from collections.abc import Callable, Sequence
from typing import Any

import gradio as gr

from shared.ui.pieces import html
from shared.ui.wiring import Function, stops, when


class Work:
    """Two buttons, drawn where this is made (at the end of a row of inputs), and below them what `place` draws.

    Example:
        with gr.Row(elem_classes="filters"):
            fields = form(core.search, brief=True)
            work = Work("Search")
        told = work.place(NOTHING)
        work.runs(core.search, lambda found: {told: matches(found)}, {"dataset": dataset, **fields}, [told])

    Attributes:
        go: Starts the work.
        stop: Stops it.
        working: Where the progress is drawn, once `place` was called.
    """

    def __init__(self, verb: str, *, primary: bool = True, width: int = 112) -> None:
        """Draw the buttons.

        Args:
            verb: What the first button says.
            primary: Whether it is the one filled button of the view.
            width: Its least width in pixels.
        """
        self.go = gr.Button(verb, variant="primary" if primary else "secondary", scale=0, min_width=width)
        self.stop = gr.Button("Stop", scale=0, min_width=96)
        self.working: gr.HTML | None = None

    def place(self, nothing: str = "", min_height: int = 96) -> gr.HTML:
        """Draw where progress and result go.

        Args:
            nothing: What stands there before the first result, as escaped HTML; see `pieces.empty_html`.
            min_height: Height in pixels that is kept for the result, so that nothing jumps.

        Returns:
            The place of the result.
        """
        self.working = html()
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
        said: str = "Stopped. Nothing was saved.",
    ) -> list[Any]:
        """Wire the buttons.

        Args:
            function: What is run; see `wiring.when`.
            show: Turns one result into `{component: value}`.
            inputs: By parameter name.
            outputs: What `show` may change.
            on: What starts it, such as `[work.go.click, box.submit]`; the first button alone when nothing is named.
            bound: Fixed arguments.
            said: What to say when it was stopped.

        Returns:
            One event for each that starts it; their `.success` can trigger the next.
        """
        events = [
            when(trigger, function, show, inputs=inputs, outputs=list(outputs), bound=bound, progress=self.working)
            for trigger in on or [self.go.click]
        ]
        stops(self.stop, events, self.working, said)
        return events
