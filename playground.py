"""The launcher: every app on one port, or one app alone. `python playground.py [APP]`; settings come from the environment."""

import argparse
import contextlib
import importlib
import multiprocessing
import os
import signal
import sys
from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING

from apps import card, cards
from shared import env
from shared.errors import PlaygroundError
from shared.suite import Suite, using

if TYPE_CHECKING:
    import fastapi
    import gradio as gr

    from shared.appcard import AppCard


def build(chosen: "Sequence[AppCard]") -> "dict[str, gr.Blocks]":
    """The pages of these apps by path; an app that runs alone is at "/"."""
    alone = len(chosen) == 1
    made = [(each.path, importlib.import_module(f"apps.{each.name}.app").build(chosen)) for each in chosen]
    return {"/" if alone else path: blocks for path, blocks in made}


def pages(chosen: "Sequence[AppCard]") -> "dict[str, gr.Blocks | Callable[[], gr.Blocks]]":
    """What is served by path: the page at "/" is built now, every other one when it is first asked for."""
    if len(chosen) == 1:
        return {**build(chosen)}

    def page(each: "AppCard") -> "gr.Blocks":
        made: gr.Blocks = importlib.import_module(f"apps.{each.name}.app").build(chosen)
        return made

    return {each.path: page(each) if each.path == "/" else partial(page, each) for each in chosen}


def server(chosen: "Sequence[AppCard]", environment: env.Environment) -> "fastapi.FastAPI":
    """Everything that is served, ready for an ASGI server."""
    from shared.ui.mount import mount

    return mount(
        pages(chosen), public=environment.public, loopback=environment.host in {"127.0.0.1", "localhost", "::1"}
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve until interrupted; returns the exit status."""
    names = [each.name for each in cards()]
    parser = argparse.ArgumentParser(prog="playground.py", description=__doc__)
    parser.add_argument("app", nargs="?", default="", help=f"one of {', '.join(names)}; all when left out")
    app = parser.parse_args(arguments).app
    if app and app not in names:
        parser.error(f"there is no app '{app}'; choose one of {', '.join(names)}")
    try:
        environment = env.read()
        env.apply(environment)
        with using(Suite(environment)) as suite:
            suite.start()
            serve([card(app)] if app else cards(), environment)
    except PlaygroundError as error:
        print(error, file=sys.stderr)  # noqa: T201
        return 1
    return 0


def serve(chosen: "Sequence[AppCard]", environment: env.Environment) -> None:
    """Run the web server until SIGINT or SIGTERM."""
    from shared.ui.serving import Server

    application = server(chosen, environment)
    address = f"http://{environment.host}:{environment.port}/"
    titles = ", ".join(each.title for each in chosen)
    print(f"{titles}\n  {address}\n  workspace: {environment.home}", flush=True)  # noqa: T201
    with contextlib.suppress(KeyboardInterrupt):  # the signal that stopped it, raised again
        Server(application, environment.host, environment.port).run()


def leave(status: int) -> None:
    """End the process, whatever its threads are doing: rows are on disk by now, and nothing else was promised to anybody."""
    for child in multiprocessing.active_children():
        child.kill()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)


if __name__ == "__main__":
    # uvicorn raises the signal again when it has stopped: as Ctrl-C does, it must leave time to send the rows that wait
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    leave(main())
