"""Refs: one string names one dataset, model or adapter, and the store, the records and every app use the same string.

| text                                 | what it names                                        | same bytes for ever |
|--------------------------------------|------------------------------------------------------|---------------------|
| `hub:owner/name@commit#config/split` | a Hub repository; the last two parts may be left out | with a full commit  |
| `local:name@sha`                     | a folder of this workspace, by 12-64 digits of its hash | yes              |
| `builtin:name`, `builtin:name@sha`   | what this project ships                              | yes                 |
| `base+adapter`                       | a model and the adapter on top of it                 | when both are       |
| `openai:alias/model`                 | a model behind an OpenAI-compatible server           | no                  |
| `tgi:alias`                          | a model behind a TGI server                          | no                  |
| `provider:owner/name`                | a model behind Hugging Face's Inference Providers    | no                  |
"""

import re
from dataclasses import dataclass, replace

from shared.errors import PlaygroundError

SERVED = ("openai", "tgi", "provider")
FORMS = {
    "hub": "hub:owner/name@commit, and #config/split after it for a part of a dataset",
    "local": "local:name@sha, with at least 12 of the hash's 64 digits",
    "builtin": "builtin:name",
    "openai": "openai:alias/model",
    "tgi": "tgi:alias",
    "provider": "provider:owner/name",
}

_NAME = r"[A-Za-z0-9][A-Za-z0-9._-]{0,95}"
_PATTERNS = {
    "hub": re.compile(
        rf"(?P<name>{_NAME}/{_NAME})(@(?P<revision>[A-Za-z0-9][A-Za-z0-9._/-]{{0,99}}))?"
        r"(#(?P<config>[^<>:/\\|?*#\x00-\x1f]*)(/(?P<split>[A-Za-z0-9._-]+))?)?"
    ),
    "local": re.compile(r"(?P<name>[A-Za-z0-9._-]{1,64})@(?P<revision>[0-9a-fA-F]{12,64})"),
    "builtin": re.compile(rf"(?P<name>{_NAME})(@(?P<revision>[0-9a-fA-F]{{12,64}}))?"),
    "openai": re.compile(rf"(?P<name>{_NAME}/[^\s#]+)"),
    "tgi": re.compile(rf"(?P<name>{_NAME})"),
    "provider": re.compile(rf"(?P<name>{_NAME}/{_NAME}(:{_NAME})?)"),
}
_ADAPTER = re.compile(r"\+(?=(?:hub|local|builtin):)")
_COMMIT = re.compile(r"[0-9a-f]{40}")


@dataclass(frozen=True)
class Ref:
    """The name of one thing; `str(ref)` is its text, and `parse` reads that text back.

    Attributes:
        scheme: What kind of name it is: hub, local, builtin, openai, tgi or provider.
        name: `owner/name`, the name in the workspace, or the alias of a server (with its model).
        revision: Commit, tag or branch on the Hub; hash, or first digits of it, in the workspace; "" when not given.
        config: Configuration of a dataset; "" for its only or default one.
        split: Split of a dataset; "" for all or the default one.
        adapter: The adapter on top of this model.
    """

    scheme: str
    name: str
    revision: str = ""
    config: str = ""
    split: str = ""
    adapter: "Ref | None" = None

    def __str__(self) -> str:
        text = f"{self.scheme}:{self.name}" + (f"@{self.revision}" if self.revision else "")
        if self.config or self.split:
            text += f"#{self.config}" + (f"/{self.split}" if self.split else "")
        return text + (f"+{self.adapter}" if self.adapter else "")

    @property
    def exact(self) -> bool:
        """Whether the name can only ever mean the same bytes, so that a replay of a record is exact."""
        if self.adapter is not None and not self.adapter.exact:
            return False
        if self.scheme == "hub":
            return bool(_COMMIT.fullmatch(self.revision))
        return self.scheme not in SERVED

    @property
    def base(self) -> "Ref":
        """The model without its adapter."""
        return replace(self, adapter=None)


def parse(text: str) -> Ref:
    """Read a ref from its text.

    Args:
        text: A ref as a person or another app wrote it; blanks around it do not matter.

    Raises:
        PlaygroundError: The text is not a ref; the message says the form it should have.
    """
    base, *adapters = _split(text.strip())
    ref = _parse_one(base, text)
    if not adapters:
        return ref
    if len(adapters) > 1:
        raise PlaygroundError(f"'{text}' names {len(adapters)} adapters. A model takes one: base+adapter.")
    if ref.scheme in SERVED:
        raise PlaygroundError(
            f"'{text}' puts an adapter on a served model. Only a local, Hub or built-in model takes one; "
            f"ask the server for a model that has the adapter already."
        )
    adapter = _parse_one(adapters[0], text)
    return replace(ref, adapter=adapter)


def _split(text: str) -> list[str]:
    """The base and its adapters; a `+` after `#` belongs to a dataset's configuration."""
    return [text] if "#" in text else _ADAPTER.split(text)


def _parse_one(part: str, whole: str) -> Ref:
    scheme, colon, rest = part.partition(":")
    if not colon or scheme not in _PATTERNS:
        raise PlaygroundError(
            f"'{_short(whole)}' is not a ref. Write one of: {'; '.join(FORMS.values())}; base+adapter."
        )
    found = _PATTERNS[scheme].fullmatch(rest)
    if not found or ".." in rest.partition("#")[0]:
        raise PlaygroundError(f"'{_short(whole)}' is not a ref of the kind '{scheme}'. Write {FORMS[scheme]}.")
    groups = {name: value or "" for name, value in found.groupdict().items()}
    revision = groups.get("revision", "")
    return Ref(
        scheme=scheme,
        name=groups["name"],
        revision=revision if scheme == "hub" else revision.lower(),
        config=groups.get("config", ""),
        split=groups.get("split", ""),
    )


def _short(text: str, most: int = 200) -> str:
    return text if len(text) <= most else text[:most] + "..."
