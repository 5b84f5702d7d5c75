"""Work that takes a while: what begins it, a Stop that can be pressed only while it runs, and how far it is."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import gradio as gr

from shared.progress import Progress
from shared.ui.pieces import html, progress_html
from shared.ui.wiring import Function, when

QUIET: dict[str, Any] = {"api_visibility": "private", "show_progress": "hidden"}
STOPPED = "Stopped. Nothing was saved."
# A failure takes away what said that work goes on; Gradio 6.31 calls a stopped event a failure, too, and then "Stopped" stays.
OVER = "told => /working|writing/.test(told) ? '' : told"


def line(text: str, css: str = "") -> str:
    """What is going on, in one line that a screen reader says aloud; `text` is escaped already."""
    return f'<p class="place {css}" role="status">{text}</p>'


def stopped(stop: gr.Button, events: Sequence[Any], told: gr.HTML, text: str) -> None:
    """Let a button stop events, and say so at once, in the browser: before the failure that stopping them is.

    Args:
        stop: The button.
        events: What `when` returned.
        told: Where to say it.
        text: What to say.
    """
    for event in events:
        event.failure(None, told, told, js=OVER, **QUIET)
    stop.click(None, None, told, js=f"() => {json.dumps(line(text))}", cancels=list(events), **QUIET)


@dataclass(frozen=True)
class Work:
    """One kind of work on a tab.

    Attributes:
        starts: What begins it; cannot be pressed while it runs, for a second run would write over the first.
        stop: Ends it; can be pressed only while it runs.
        told: Where it says what it does, or how it ended.
    """

    starts: Sequence[Any]
    stop: gr.Button
    told: gr.HTML

    @property
    def drawn(self) -> list[Any]:
        """What can be pressed."""
        return [*self.starts, self.stop]

    def looks(self, running: bool) -> dict[Any, Any]:
        """What can be pressed while it runs, and while it does not."""
        starts = {start: gr.update(interactive=not running) for start in self.starts}
        return {**starts, self.stop: gr.update(interactive=running)}

    def run(
        self,
        triggers: Sequence[Callable[..., Any]],
        function: Function,
        show: Callable[[Any], dict[Any, Any]],
        *,
        inputs: dict[str, Any],
        outputs: Sequence[Any],
        doing: str,
        said: str = STOPPED,
    ) -> list[Any]:
        """Run a long function of the core whenever one of `triggers` fires; call it once, Stop ends all of its triggers.

        Args:
            triggers: Events, such as `button.click`.
            function: A generator of the core.
            show: Turns a result into `{component: value}`; reports of progress are drawn here.
            inputs: By parameter name: a component or a form.
            outputs: What `show` may change.
            doing: What is done, until the first report says more.
            said: What to say after Stop.

        Returns:
            The events of the function, one a trigger.
        """

        def shown(result: Any) -> dict[Any, Any]:
            return {self.told: progress_html(result)} if isinstance(result, Progress) else show(result)

        def begin() -> dict[Any, Any]:
            return {**self.looks(True), self.told: progress_html(Progress(doing))}

        events = []
        for trigger in triggers:
            begun = trigger(begin, None, [*self.drawn, self.told], **QUIET)
            event = when(
                begun.success, function, shown, inputs=inputs, outputs=[*outputs, self.told], show_progress="hidden"
            )
            event.success(lambda: {**self.looks(False), self.told: ""}, None, [*self.drawn, self.told], **QUIET)
            event.failure(lambda: self.looks(False), None, self.drawn, **QUIET)
            events.append(event)
        stopped(self.stop, events, self.told, said)
        self.stop.click(lambda: self.looks(False), None, self.drawn, **QUIET)
        return events


def work(start: str, variant: str = "primary") -> Work:
    """A button that begins, a Stop beside it, and below them how far it is.

    Args:
        start: What the button says.
        variant: How it looks.
    """
    with gr.Row(elem_classes="askrow"):
        go = gr.Button(start, variant=variant, scale=0, min_width=104)
        stop = gr.Button("Stop", scale=0, min_width=80, interactive=False)
    return Work([go], stop, html(min_height=40))
