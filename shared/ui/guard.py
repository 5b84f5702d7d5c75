"""A Blocks that refuses forged values with a sentence, before any component or function sees them, and limits what waits."""

from typing import Any

import gradio as gr
from gradio.exceptions import ComponentProcessingError, InvalidPathError
from pydantic import ValidationError

from shared.errors import PlaygroundError
from shared.uploads import accept, files_in

AT_ONCE = 16  # calls of one endpoint or listener that run at the same time
SESSIONS = 300  # pages whose state is kept; each takes half a megabyte, and a call without a session is one, too
WAITING = 256  # calls that may wait; the next one is told that the server is busy


class Guarded(gr.Blocks):  # type: ignore[misc]
    """gr.Blocks with one more check on what comes in and limits of its own, whether it was launched or mounted."""

    def queue(self, *settings: Any, **named: Any) -> "Guarded":
        """The queue with this suite's limits; Gradio makes it when the Blocks begins.

        Args:
            settings: As for `gr.Blocks.queue`.
            named: As for `gr.Blocks.queue`; what is given goes before the limits.
        """
        super().queue(*settings, **{"max_size": WAITING, "default_concurrency_limit": AT_ONCE, **named})
        return self

    async def preprocess_data(
        self, block_fn: Any, inputs: list[Any], state: Any, explicit_call: bool = False
    ) -> list[Any]:
        """Check every file that is named in the inputs, then let Gradio do its part.

        Args:
            block_fn: The event that was called.
            inputs: Its raw values, as JSON.
            state: The session's state.
            explicit_call: Whether Python code in this process called, not a browser or client.

        Raises:
            gr.Error: A value names a file that was not uploaded, or is nothing that its input takes.
        """
        try:
            for value in [] if explicit_call else inputs:
                for file in files_in(value):
                    accept(file)
            return list(await super().preprocess_data(block_fn, inputs, state, explicit_call))
        except PlaygroundError as error:
            raise gr.Error(str(error), print_exception=False) from error
        except (ValidationError, ComponentProcessingError, InvalidPathError) as error:
            # gradio 6.31 would answer "None" here, and print a traceback for each such call
            raise gr.Error(_sentence(block_fn, error), print_exception=False) from error


def _sentence(block_fn: Any, error: Exception) -> str:
    labels = ", ".join(str(getattr(block, "label", "") or type(block).__name__) for block in block_fn.inputs)
    return (
        f"A value that was sent does not fit its input (inputs: {labels}; {type(error).__name__}). "
        "Reload the page, or see the API page for the types."
    )
