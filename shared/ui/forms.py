"""`form`: the inputs of a function or a settings dataclass.

The type gives the widget, the docstring the help, the default the value.
"""

import inspect
from collections.abc import Callable
from dataclasses import MISSING, fields, is_dataclass
from types import UnionType
from typing import Any, get_args, get_origin, get_type_hints

import gradio as gr
from pydantic import TypeAdapter

from shared import calls
from shared.refs import Ref
from shared.settings import Advanced, Choices
from shared.uploads import Upload

SLIDER = 1024  # steps that a hand can still hit

Form = dict[str, Any]  # a component, or the form of a nested dataclass, by name


def form(
    source: Callable[..., Any],
    *names: str,
    labels: dict[str, str] | None = None,
    brief: bool = False,
    fold: bool = True,
) -> Form:
    """One input per parameter of a function, or field of a dataclass.

    Args:
        source: The function or dataclass.
        names: Only these, in this order; all when none is named.
        labels: Other labels than the names themselves, for the few that read badly.
        brief: Without the help texts, for a row of inputs whose labels say enough.
        fold: Whether settings marked Advanced go into the fold "More settings".

    Returns:
        The components by name; pass them to `when(inputs=...)`. Parameters marked `Annotated[..., Advanced]` are
        drawn last, in a fold.
    """
    known = {name: p for name, p in calls.parameters(source).items() if not names or name in names}
    prose = {} if brief else calls.help_texts(source)
    order = list(names) or list(known)
    plain = [name for name in order if not (fold and is_marked(known[name].annotation))]
    folded = [name for name in order if name not in plain]

    def make(name: str) -> Any:
        label = (labels or {}).get(name) or name.replace("_", " ").capitalize()
        default = _default(source, name, known[name].default)
        return _input(label, known[name].annotation, default, prose.get(name, ""))

    made = {name: make(name) for name in plain}
    if folded:
        with gr.Accordion("More settings", open=False):
            made |= {name: make(name) for name in folded}
    return {name: made[name] for name in order}


def is_marked(hint: Any) -> bool:
    """Whether a parameter is annotated as Advanced."""
    return any(mark is Advanced or isinstance(mark, Advanced) for mark in getattr(hint, "__metadata__", ()))


def _input(label: str, hint: Any, default: Any, info: str) -> Any:
    if _is_settings(hint):
        return form(_bare(hint))
    look: dict[str, Any] = {"label": label, "info": info or None, "value": default, "interactive": True}
    marks = getattr(hint, "__metadata__", ())
    choices = next((mark for mark in marks if isinstance(mark, Choices)), None)
    if choices:
        return gr.Dropdown(choices=choices.make(), allow_custom_value=choices.free, **look)
    bare = _bare(hint)
    if bare is Upload:
        return gr.File(label=label, interactive=True)
    if bare is Ref:
        return gr.Textbox(**{**look, "value": str(default or "")})
    return _by_schema(TypeAdapter(hint).json_schema(), look)


def _by_schema(schema: dict[str, Any], look: dict[str, Any]) -> Any:
    match schema:
        case {"enum": choices}:
            return gr.Dropdown(choices=choices, **look)
        case {"type": "boolean"}:
            return gr.Checkbox(**look)
        case {"type": "integer", "minimum": low, "maximum": high} if high - low <= SLIDER:
            return gr.Slider(low, high, step=1, **look)
        case {"type": "number", "minimum": low, "maximum": high}:
            return gr.Slider(low, high, step=(high - low) / 100, **look)
        case {"type": "integer" | "number" as kind}:
            bounds = {"minimum": schema.get("minimum"), "maximum": schema.get("maximum")}
            return gr.Number(precision=0 if kind == "integer" else None, **bounds, **look)
        case {"type": "array", "items": {"enum": choices}}:
            return gr.Dropdown(choices=choices, multiselect=True, **{**look, "value": list(look["value"] or [])})
        case {"type": "array"}:
            chosen = list(look["value"] or [])
            return gr.Dropdown(choices=chosen, multiselect=True, allow_custom_value=True, **{**look, "value": chosen})
    return gr.Textbox(**look)


def _bare(hint: Any) -> Any:
    """The type without its marks, and without the `None` of something optional."""
    hint = get_args(hint)[0] if hasattr(hint, "__metadata__") else hint
    members = [member for member in get_args(hint) if member is not type(None)] if isinstance(hint, UnionType) else []
    return members[0] if len(members) == 1 else hint


def _default(source: Callable[..., Any], name: str, default: Any) -> Any:
    """The default of a parameter; a dataclass field may have a factory instead."""
    if default is inspect.Parameter.empty:
        return None
    if isinstance(source, type) and is_dataclass(source):
        factory = next(field.default_factory for field in fields(source) if field.name == name)
        return default if factory is MISSING else factory()
    return default


def _is_settings(hint: Any) -> bool:
    bare = _bare(hint)
    return (
        isinstance(bare, type) and get_origin(bare) is None and bare not in (Upload, Ref)
        and hasattr(bare, "__dataclass_fields__") and bool(get_type_hints(bare))
    )  # fmt: skip
