"""Calling a core function for somebody: access, validation, and errors in words.

Pages, API, tools and replay all come through here.
"""

import dataclasses
import difflib
import importlib
import inspect
from collections.abc import Callable, Iterator
from functools import cache
from typing import Any, Union, get_args, get_origin, get_type_hints

from pydantic import ConfigDict, ValidationError, validate_call

from shared.appcard import Access, AppCard
from shared.errors import PlaygroundError
from shared.policy import OWNER, Caller, check

Function = Callable[..., Any]


def call(function: Function, arguments: dict[str, Any], caller: Caller = OWNER) -> Any:
    """Run a core function for `caller` with checked arguments.

    Args:
        function: A public function of an app's core, or any annotated function.
        arguments: By parameter name, as they came in: JSON, or values of a form.
        caller: Who asks; handed to the function when it takes `caller: Caller`.

    Returns:
        What the function returns; for a generator, an iterator that checks nothing more.

    Raises:
        PlaygroundError: The caller may not do this, or an argument cannot be used; the message names it.
    """
    check(access(function), caller, function.__name__)
    known = parameters(function)
    for name in arguments:
        if name not in known:
            raise PlaygroundError(_unknown(name, list(known), function.__name__))
    given = dict(arguments)
    name_of_caller = caller_parameter(function)
    if name_of_caller:
        given[name_of_caller] = caller
    try:
        result = _checked(function)(**given)
    except ValidationError as error:
        if error.title != function.__name__:  # raised inside the function, by something else: a bug
            raise
        raise PlaygroundError(_sentences(error, function)) from None
    return result


def help_texts(source: Function) -> dict[str, str]:
    """The `Args:` (or `Attributes:`) of a Google-style docstring, by name, each joined to one line."""
    texts: dict[str, str] = {}
    lines = (inspect.getdoc(source) or "").splitlines()
    start = next((i for i, line in enumerate(lines) if line.strip() in {"Args:", "Attributes:"}), len(lines))
    name = ""
    for line in lines[start + 1 :]:
        if line and not line.startswith(" "):
            break
        if line.startswith("    ") and not line.startswith("     ") and ":" in line:
            name, _, text = line.strip().partition(":")
            texts[name] = text.strip()
        elif name and line.strip():
            texts[name] += " " + line.strip()
    return texts


def parameters(function: Function) -> dict[str, inspect.Parameter]:
    """The parameters that a person may set, with real types; the caller is not one of them."""
    hints = get_type_hints(function, include_extras=True)
    return {
        name: parameter.replace(annotation=hints.get(name, Any))
        for name, parameter in inspect.signature(function).parameters.items()
        if hints.get(name) is not Caller
    }


def caller_parameter(function: Function) -> str:
    """Name of the parameter that takes the Caller, or ""."""
    return next((name for name, hint in get_type_hints(function).items() if hint is Caller and name != "return"), "")


def result_type(function: Function) -> Any:
    """What the function returns; for a generator, what it yields."""
    hint = get_type_hints(function).get("return", Any)
    if inspect.isgeneratorfunction(function) and get_args(hint):
        return get_args(hint)[0]
    return hint


def access(function: Function) -> Access:
    """Who may call the function: what its app's card says, else the owner alone."""
    found = card_of(function)
    return found.endpoints.get(function.__name__, "owner") if found else "owner"


def card_of(function: Function) -> AppCard | None:
    """The card of the app that the function belongs to, or None."""
    parts = function.__module__.split(".")
    if len(parts) < 2 or parts[0] != "apps":
        return None
    card = getattr(importlib.import_module(".".join(parts[:2])), "CARD", None)
    return card if isinstance(card, AppCard) else None


def last(items: Iterator[Any]) -> Any:
    """The last item of a long function, which is its result."""
    result = None
    for item in items:
        result = item
    return result


@cache
def _checked(function: Function) -> Function:
    checking = validate_call(config=ConfigDict(arbitrary_types_allowed=True, extra="forbid"))
    made: Function = checking(function)
    return made


def _sentences(error: ValidationError, function: Function) -> str:
    """Every fault of the arguments in one line, each with its place and value."""
    seen: dict[str, str] = {}
    for fault in error.errors(include_url=False):
        loc = [str(part) for part in fault["loc"]]
        if fault["type"] in {"unexpected_keyword_argument", "extra_forbidden"}:
            siblings = _fields(function, loc[:-1])
            seen[".".join(loc)] = _unknown(".".join(loc), siblings, function.__name__)
            continue
        place = ".".join(_without_members(loc, function))
        if fault["type"] in {"missing", "missing_argument"}:
            seen.setdefault(place, f"{place} is missing: give a value for it.")
            continue
        shown = repr(fault["input"])
        seen.setdefault(
            place, f"{place}: {fault['msg']}, but it is {shown if len(shown) <= 80 else shown[:77] + '...'}."
        )
    return " ".join(seen.values())


def _without_members(loc: list[str], function: Function) -> list[str]:
    """A union adds the name of its member to the place; people do not know those names."""
    hint = parameters(function)[loc[0]].annotation if loc and loc[0] in parameters(function) else Any
    is_union = get_origin(hint) is Union or type(hint).__name__ == "UnionType"
    return loc[:1] if is_union else loc


def _fields(function: Function, path: list[str]) -> list[str]:
    """Names that are allowed at a place inside the arguments."""
    if not path:
        return list(parameters(function))
    hint: Any = parameters(function)[path[0]].annotation
    for part in path[1:]:
        hints = get_type_hints(hint) if isinstance(hint, type) else {}
        hint = hints.get(part, Any)
    return [field.name for field in dataclasses.fields(hint)] if dataclasses.is_dataclass(hint) else []


def _unknown(name: str, known: list[str], where: str) -> str:
    near = difflib.get_close_matches(name.rsplit(".", maxsplit=1)[-1], known, n=1, cutoff=0.5)
    hint = f"Did you mean '{near[0]}'?" if near else f"Known: {', '.join(known) or 'none'}."
    return f"'{where}' has no setting '{name}'. {hint}"
