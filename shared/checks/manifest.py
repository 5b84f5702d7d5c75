"""The sanity checks as data, from manifests/sanity.toml, every field and every checker's arguments checked."""

import difflib
import json
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Annotated, Any

from pydantic import ConfigDict, Field, TypeAdapter, ValidationError

from shared.checks.checkers import judge
from shared.checks.verdicts import Verdict
from shared.env import ROOT
from shared.errors import PlaygroundError
from shared.models.protocol import Decoding, Message, Request

MANIFEST = ROOT / "manifests" / "sanity.toml"
STRICT = ConfigDict(extra="forbid", strict=True)


@dataclass(frozen=True)
class Examples:
    """Answers that the checker must judge rightly; the tests hold it to them.

    Attributes:
        right: These pass.
        nearly: These are almost right, and fail.
        wrong: These fail.
    """

    __pydantic_config__ = STRICT

    right: Annotated[tuple[str, ...], Field(min_length=1)]
    nearly: Annotated[tuple[str, ...], Field(min_length=1)]
    wrong: Annotated[tuple[str, ...], Field(min_length=1)]


@dataclass(frozen=True)
class Check:
    """One question, and how its answer is judged.

    Attributes:
        id: Its name, the same for ever.
        axis: What it is about.
        checker: Which function judges the answer.
        expect: The function's arguments.
        note: Why the check is here, or what makes it hard.
        examples: Answers that are judged rightly.
        prompt: What is asked, when it is one message.
        system: The system prompt before it; "" for none.
        messages: The conversation, when it is more than one message; the user speaks last.
        core: Whether it is one of the 32 that small models are measured by.
        ends: Whether the model must end its answer by itself.
        max_new_tokens: Longest answer, in tokens.
    """

    __pydantic_config__ = STRICT

    id: Annotated[str, Field(pattern="^[a-z][a-z0-9_]*$")]
    axis: Annotated[str, Field(min_length=1)]
    checker: str
    note: Annotated[str, Field(min_length=1)]
    examples: Examples
    expect: dict[str, Any] = field(default_factory=dict)
    prompt: str = ""
    system: str = ""
    messages: tuple[Message, ...] = ()
    core: bool = False
    ends: bool = False
    max_new_tokens: Annotated[int, Field(ge=1, le=32768)] = 64

    @property
    def conversation(self) -> tuple[Message, ...]:
        """What the model is given, oldest message first."""
        asked = self.messages or (Message("user", self.prompt),)
        return (Message("system", self.system), *asked) if self.system else asked

    def request(self, seed: int = 0, max_new_tokens: int = 0) -> Request:
        """What a backend is asked: greedy, so that the same model always answers the same.

        Args:
            seed: For backends that draw all the same.
            max_new_tokens: Instead of the check's own, when larger: for models that think before they answer.
        """
        longest = max(self.max_new_tokens, max_new_tokens)
        return Request(self.conversation, Decoding(max_new_tokens=longest, temperature=0.0, seed=seed))

    def judge(self, answer: str, complete: bool = True) -> Verdict:
        """Whether an answer is right.

        Args:
            answer: What the model said.
            complete: Whether the model ended it by itself, before it was too long.
        """
        if self.ends and not complete:
            return Verdict(False, "The answer did not end; it was cut off.")
        return judge(self.checker, self.expect, answer)


CHECK = TypeAdapter(Check)


@cache
def checks(path: Path = MANIFEST) -> tuple[Check, ...]:
    """Every check, in the order of the manifest.

    Args:
        path: The manifest.

    Raises:
        PlaygroundError: The manifest has a fault; the message names the entry and the field.
    """
    try:
        raw = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise PlaygroundError(
            f"{path.name} cannot be read: {error.strerror}. Take it from the project again."
        ) from error
    except ValueError as error:
        raise PlaygroundError(f"{path.name} is not TOML: {error}.") from error
    if unknown := set(raw) - {"checks", "max_new_tokens"}:
        raise PlaygroundError(f"{path.name} has an unknown field '{min(unknown)}'. It holds [[checks]].")
    common = {"max_new_tokens": raw.get("max_new_tokens", 64)}
    found = tuple(_check({**common, **entry}, path.name, n) for n, entry in enumerate(raw.get("checks", []), start=1))
    if not found:
        raise PlaygroundError(f"{path.name} holds no checks. Write [[checks]] entries.")
    ids = [check.id for check in found]
    if twice := [id for id in ids if ids.count(id) > 1]:
        raise PlaygroundError(f"{path.name} has two checks '{twice[0]}'. Rename one.")
    return found


def _check(raw: Mapping[str, Any], name: str, place: int) -> Check:
    """One entry, with every field of the right type."""
    where = f"{name}, check {place} '{raw.get('id', '')}'"
    try:
        check = CHECK.validate_json(json.dumps(raw))
    except ValidationError as error:
        first = error.errors()[0]
        path = ".".join(str(part) for part in first["loc"])
        raise PlaygroundError(f"{where}, field '{path}': {first['msg']}.") from error
    if bool(check.prompt) == bool(check.messages):
        raise PlaygroundError(f"{where}: give either a prompt or messages.")
    if check.messages and check.messages[-1].role != "user":
        raise PlaygroundError(f"{where}: the last message must be the user's.")
    try:
        judge(check.checker, check.expect, "")
    except PlaygroundError as error:
        raise PlaygroundError(f"{where}: {error}") from error
    return check


def axes(among: Iterable[Check] | None = None) -> tuple[str, ...]:
    """The axes of the checks, in the order of the manifest.

    Args:
        among: These checks alone; all when left out.
    """
    return tuple(dict.fromkeys(check.axis for check in (checks() if among is None else among)))


def chosen(axis: Sequence[str] = (), ids: Sequence[str] = (), core: bool = False) -> tuple[Check, ...]:
    """Some of the checks, in the order of the manifest.

    Args:
        axis: Those of these axes.
        ids: Those of these ids, besides.
        core: Only those that small models are measured by.

    Raises:
        PlaygroundError: An axis or id does not exist, or no check is left.
    """
    every = checks()
    for given, known, what in ((axis, axes(), "axis"), (ids, [check.id for check in every], "check")):
        for name in given:
            if name not in known:
                near = difflib.get_close_matches(name, known, 1) or [", ".join(known)]
                raise PlaygroundError(f"There is no {what} '{name}'. Did you mean: {near[0]}?")
    found = [check for check in every if check.axis in axis or check.id in ids or not (axis or ids)]
    found = [check for check in found if check.core or not core]
    if not found:
        raise PlaygroundError("No check is left. None of those chosen is a core check.")
    return tuple(found)
