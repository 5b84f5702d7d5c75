"""The bridge between plain functions and Gradio: `when` wires events, `expose` publishes. Inputs come from `forms.form`.

Both run a function through `shared.calls.call`: the same access check, validation and messages for a page, the API and tools.
"""

import inspect
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any

import gradio as gr
from pydantic import TypeAdapter
from pydantic.errors import PydanticInvalidForJsonSchema, PydanticSchemaGenerationError

from shared import calls
from shared.appcard import AppCard
from shared.errors import PlaygroundError
from shared.ui.callers import caller_of
from shared.uploads import Download, defuse, inside

Function = Callable[..., Any]
Picked = Callable[[dict[str, Any]], dict[str, Any]]

QUIET: dict[str, Any] = {"api_visibility": "private", "show_progress": "hidden"}  # of an event that only redraws


def when(
    trigger: Callable[..., Any],
    function: Function,
    show: Callable[[Any], dict[Any, Any]],
    *,
    outputs: Any = None,
    inputs: dict[str, Any] | None = None,
    bound: dict[str, Any] | None = None,
    picked: str | Picked = "",
    **event: Any,
) -> Any:
    """On `trigger`, run `show(function(**inputs, **bound))`.

    Args:
        trigger: A component's event, `button.click`, or another event's `.success`.
        function: A function of the core; a generator is streamed.
        show: Turns one result into `{component: value}`.
        outputs: The components that `show` may change.
        inputs: By parameter name: a component, or a whole form for a settings dataclass.
        bound: Fixed arguments.
        picked: Argument that the clicked `data-pick` of a `pieces.pickable` gives; or a function that makes arguments of what
            the event tells, such as which message was liked.
        event: Passed to Gradio: cancels, js, concurrency_limit, concurrency_id, show_progress, queue, trigger_mode...

    Returns:
        The event; its `.success` can trigger the next.
    """
    slots = list(_slots(inputs or {}))
    drawn = list(outputs) if isinstance(outputs, list | tuple) else [outputs] if outputs is not None else []
    event.setdefault("show_progress", "minimal")

    def arguments(values: tuple[Any, ...]) -> dict[str, Any]:
        return {**_nested(slots, values), **(bound or {})}

    callback = _picking(function, show, arguments, picked) if picked else _callback(function, show, arguments)
    components = [component for _, component in slots]
    return trigger(callback, components, drawn, api_visibility="private", **event)


def expose(card: AppCard) -> None:
    """Publish the functions that a card names as API endpoints. Call it first in a Blocks: listeners claim names too.

    Args:
        card: Names the endpoints and says who may call each.
    """
    for function in card.functions():
        publish(function)


def publish(function: Function) -> None:
    """Publish one function as an API endpoint under its own name."""
    parameters = calls.parameters(function)

    def named(values: tuple[Any, ...]) -> dict[str, Any]:
        return dict(zip(parameters, values, strict=True))

    callback = _callback(function, _plain, named)
    result = calls.result_type(function)
    request = inspect.Parameter("request", inspect.Parameter.POSITIONAL_OR_KEYWORD, annotation=gr.Request)
    kept = [p.replace(kind=inspect.Parameter.POSITIONAL_OR_KEYWORD) for p in parameters.values()]
    callback.__signature__ = inspect.Signature([request, *kept], return_annotation=result)
    callback.__annotations__ = {"request": gr.Request, **{p.name: p.annotation for p in kept}, "return": result}
    callback.__name__, callback.__doc__ = function.__name__, _one_line_help(function)
    gr.api(callback, api_name=function.__name__)
    _type_endpoint(function.__name__, [p.annotation for p in kept], result)


def _callback(
    function: Function, show: Callable[[Any], Any], named: Callable[[tuple[Any, ...]], dict[str, Any]]
) -> Any:
    def once(request: gr.Request, *values: Any) -> Any:
        with errors_for_people():
            return show(calls.call(function, named(values), caller_of(request)))

    def stream(request: gr.Request, *values: Any) -> Iterator[Any]:
        with errors_for_people():
            for result in calls.call(function, named(values), caller_of(request)):
                yield show(result)

    return stream if inspect.isgeneratorfunction(function) else once


def _picking(
    function: Function,
    show: Callable[[Any], Any],
    named: Callable[[tuple[Any, ...]], dict[str, Any]],
    picked: str | Picked,
) -> Any:
    def stream(request: gr.Request, event: gr.EventData, *values: Any) -> Iterator[Any]:
        said = event._data if isinstance(event._data, dict) else {}  # anything, when no page sent it
        told = picked(said) if callable(picked) else {picked: said.get("pick", "")}
        arguments = {**named(values), **told}
        with errors_for_people():
            result = calls.call(function, arguments, caller_of(request))
            for item in result if inspect.isgeneratorfunction(function) else [result]:
                yield show(item)

    return stream


@contextmanager
def errors_for_people() -> Iterator[None]:
    """Hand a PlaygroundError's own words to the page and the client; a bug keeps its traceback."""
    try:
        yield
    except PlaygroundError as error:
        raise gr.Error(str(error), print_exception=False, duration=None) from error


def _slots(inputs: dict[str, Any], path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    for name, value in inputs.items():
        if isinstance(value, dict):
            yield from _slots(value, (*path, name))
        else:
            yield (*path, name), value


def _nested(slots: list[tuple[tuple[str, ...], Any]], values: tuple[Any, ...]) -> dict[str, Any]:
    arguments: dict[str, Any] = {}
    for (path, component), value in zip(slots, values, strict=True):
        into = arguments
        for part in path[:-1]:
            into = into.setdefault(part, {})
        into[path[-1]] = _received(component, value)
    return arguments


def _received(component: Any, value: Any) -> Any:
    """A file input hands over a path inside the upload folder, and a table its rows; core takes Uploads and objects."""
    if isinstance(component, gr.Dataframe):
        return _objects(component.headers, value)
    if not isinstance(component, gr.File | gr.UploadButton) or value is None:
        return value
    return [inside(Path(v)) for v in value] if isinstance(value, list) else inside(Path(value))


def _objects(headers: list[str], rows: list[list[Any]]) -> list[dict[str, Any]]:
    """Rows of a table by header: an empty cell keeps its default, a row without a first cell is no row."""
    found = [{k: v for k, v in zip(headers, row, strict=True) if v is not None and v != ""} for row in rows]
    return [row for row in found if headers[0] in row]


def _plain(result: Any) -> Any:
    """JSON of a result: dataclasses become objects, and only our own downloads are files."""
    return defuse(_undressed(result))


def _undressed(value: Any) -> Any:
    if isinstance(value, Download):
        return value
    if is_dataclass(value) and not isinstance(value, type):
        return {f.name: _undressed(getattr(value, f.name)) for f in fields(value) if not f.name.startswith("_")}
    if isinstance(value, dict):
        return {key: _undressed(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_undressed(item) for item in value]
    return value


def _one_line_help(function: Function) -> str:
    """The docstring as gradio's parser wants it: one line a parameter, nothing after the result."""
    lines = (
        (inspect.getdoc(function) or "")
        .split("\nArgs:")[0]
        .split("\nReturns:")[0]
        .split("\nRaises:")[0]
        .strip()
        .splitlines()
    )
    prose = [f"    {name}: {text}" for name, text in calls.help_texts(function).items()]
    return "\n".join([*lines, "Args:", *prose])


def _type_endpoint(name: str, hints: list[Any], result: Any) -> None:
    """Give the endpoint the schemas that pydantic checks against; gradio 6.31 drops ranges and files."""
    blocks = gr.context.Context.root_block
    assert blocks is not None
    endpoint = next(fn for fn in reversed(list(blocks.fns.values())) if fn.api_name == name)
    for component, hint in [*zip(endpoint.inputs, hints, strict=True), *zip(endpoint.outputs, [result], strict=False)]:
        schema = _schema(hint)
        if schema is not None:
            component._api_info = schema


def _schema(hint: Any) -> dict[str, Any] | None:
    try:
        schema = TypeAdapter(hint).json_schema()
    except (PydanticInvalidForJsonSchema, PydanticSchemaGenerationError):
        return None
    definitions = schema.pop("$defs", {})
    resolved: dict[str, Any] = _resolved(schema, definitions)
    return resolved


def _resolved(schema: Any, definitions: dict[str, Any]) -> Any:
    """The schema with every `$ref` replaced: gradio's API page and client read no definitions of a single parameter."""
    if isinstance(schema, dict):
        if "$ref" in schema:
            return _resolved(definitions[schema["$ref"].rsplit("/", maxsplit=1)[-1]], definitions)
        # gradio_client 2.7 fails on the booleans that JSON Schema allows in place of a schema
        return {
            key: _resolved({} if key in {"additionalProperties", "items"} and value is True else value, definitions)
            for key, value in schema.items()
            if not (key == "additionalProperties" and value is False)
        }
    if isinstance(schema, list):
        return [_resolved(item, definitions) for item in schema]
    return schema
