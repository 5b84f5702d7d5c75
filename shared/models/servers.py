"""Servers with models: `manifests/servers.toml` and PLAYGROUND_SERVERS, each with its address and the key for it alone.

Nothing here contacts a server.
"""

import difflib
import json
import re
import tomllib
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit

from pydantic import ConfigDict, TypeAdapter, ValidationError

from shared.env import Environment
from shared.errors import PlaygroundError

ALIAS = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,95}")
MODEL = re.compile(r"[^\s#,]+")
FORM = "alias=openai@http://host:port/v1 or alias=tgi@http://host:port"


@dataclass(frozen=True)
class Server:
    """One server.

    Attributes:
        alias: What refs call it: `openai:alias/model`, `tgi:alias`.
        kind: What it speaks: "openai" is the protocol that most servers have, "tgi" is Text Generation Inference's own.
        url: Its address; for "openai" up to and including /v1.
        title: Its name for people.
        models: Its models as it names them; the picker lists these. A TGI server has one model, whose name is optional.
        public: Whether visitors of a Space may ask the models listed here.
        key: The key for this address; "" when it needs none.
    """

    __pydantic_config__ = ConfigDict(extra="forbid", strict=True)

    alias: str
    kind: Literal["openai", "tgi"]
    url: str
    title: str = ""
    models: tuple[str, ...] = ()
    public: bool = False
    key: str = field(default="", repr=False)

    @property
    def refs(self) -> list[str]:
        """Refs of the models that are listed for it; a TGI server's only model needs no listing."""
        if self.kind == "tgi":
            return [f"tgi:{self.alias}"]
        return [f"openai:{self.alias}/{model}" for model in self.models]


def servers(environment: Environment, manifest: Path) -> dict[str, Server]:
    """Every known server by its alias.

    Args:
        environment: Its `servers` add to the manifest's, or give an alias another address; its `server_keys` are theirs.
        manifest: servers.toml.

    Raises:
        PlaygroundError: The manifest or a variable cannot be used; the message never holds a key.
    """
    found = {server.alias: server for server in _listed(manifest)}
    for place, word in enumerate(environment.servers.split(), start=1):
        server = _declared(word, place)
        known = found.get(server.alias)
        if known is not None:
            server = replace(known, kind=server.kind, url=server.url, models=server.models or known.models)
        found[server.alias] = server
    for place, word in enumerate(environment.server_keys.split(), start=1):
        alias, equals, key = word.partition("=")
        if not equals or not key or not ALIAS.fullmatch(alias):
            raise PlaygroundError(
                f"PLAYGROUND_SERVER_KEYS, entry {place}: write alias=key, and a blank between entries."
            )
        if alias not in found:
            hint = nearest(alias, list(found))
            raise PlaygroundError(f"PLAYGROUND_SERVER_KEYS has a key for '{alias}', which is no known server. {hint}")
        found[alias] = replace(found[alias], key=key)
    return found


def find(known: dict[str, Server], kind: str, alias: str, ref: str) -> Server:
    """The server that a ref means.

    Args:
        known: Every known server by its alias.
        kind: What the ref says it speaks: "openai" or "tgi".
        alias: Its alias.
        ref: The ref, for messages.

    Raises:
        PlaygroundError: There is no such server, or it speaks the other protocol.
    """
    server = known.get(alias)
    if server is None:
        raise PlaygroundError(
            f"'{ref}': there is no server '{alias}'. {nearest(alias, list(known))} Another one is declared in"
            f" PLAYGROUND_SERVERS ({FORM}) or manifests/servers.toml."
        )
    if server.kind != kind:
        right = f"tgi:{alias}" if server.kind == "tgi" else f"openai:{alias}/model"
        raise PlaygroundError(f"'{ref}': '{alias}' is declared as {server.kind}, not as {kind}. Write {right}.")
    return server


def nearest(word: str, known: list[str], most: int = 3) -> str:
    """A sentence with the known names that look most like a word, or with all of them when none does.

    Args:
        word: What was written.
        known: What could have been meant.
        most: The most names of the first kind.
    """
    folded = {_plain(each): each for each in known}
    near = [folded[each] for each in difflib.get_close_matches(_plain(word), list(folded), most, 0.6)]
    if near:
        return f"Did you mean {' or '.join(near)}?"
    return f"Known: {', '.join(known)}." if known else "None is known."


def _plain(ref: str) -> str:
    """What is compared: without the scheme, which would make all names of one scheme look alike."""
    return (ref.partition(":")[2] or ref).casefold()


def _listed(manifest: Path) -> list[Server]:
    """The servers of the manifest, checked."""
    name = f"{manifest.parent.name}/{manifest.name}"
    try:
        raw = tomllib.loads(manifest.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise PlaygroundError(f"{name} is missing. Take it from the project again.") from error
    except ValueError as error:
        raise PlaygroundError(f"{name} is not TOML: {error}.") from error
    entries = raw.get("server", [])
    if set(raw) - {"server"} or not isinstance(entries, list):
        raise PlaygroundError(f"{name} has to hold [[server]] entries only, and holds {', '.join(raw)}.")
    found = [_entry(entry, f"{name}, entry {place}") for place, entry in enumerate(entries, start=1)]
    aliases = [server.alias for server in found]
    twice = next((alias for alias in aliases if aliases.count(alias) > 1), None)
    if twice:
        raise PlaygroundError(f"{name} has two servers '{twice}'. Keep one.")
    return found


def _entry(raw: Any, where: str) -> Server:
    """One entry of the manifest."""
    if isinstance(raw, dict) and "key" in raw:
        raise PlaygroundError(f"{where} holds a key. Keys are never kept in files: put it into PLAYGROUND_SERVER_KEYS.")
    try:
        server = TypeAdapter(Server).validate_json(
            json.dumps(raw, default=str)
        )  # strict, and still makes tuples of lists
    except ValidationError as error:
        first = error.errors(include_input=False)[0]
        place = ".".join(str(part) for part in first["loc"]) or "it"
        raise PlaygroundError(f"{where}, field '{place}': {first['msg']}.") from error
    return _checked(server, where)


def _declared(word: str, place: int) -> Server:
    """One word of PLAYGROUND_SERVERS."""
    alias, equals, rest = word.partition("=")
    kind, at, address = rest.partition("@")
    url, _, models = address.partition("#")
    if not at or kind not in ("openai", "tgi") or "://" not in url:
        # what does not look like an address may be a key that was put into the wrong variable
        whose = f", '{alias[:40]}'" if equals else ""
        raise PlaygroundError(f"PLAYGROUND_SERVERS, entry {place}{whose}: write {FORM}.")
    names = tuple(name for name in models.split(",") if name)
    made = Server(alias, "tgi" if kind == "tgi" else "openai", url, models=names)
    return _checked(made, "PLAYGROUND_SERVERS")


def _checked(server: Server, where: str) -> Server:
    """The same server with a tidy address and a title.

    Raises:
        PlaygroundError: Its alias, address or a model's name cannot be used.
    """
    if not ALIAS.fullmatch(server.alias):
        raise PlaygroundError(
            f"{where}: '{server.alias}' is not an alias. Use letters, digits, dots, dashes, underscores."
        )
    where = f"{where}, server '{server.alias}'"
    try:
        parts = urlsplit(server.url)
        port = parts.port
    except ValueError:  # its text may hold a piece of a password
        raise PlaygroundError(f"{where}: its address cannot be read. Write http://host:port.") from None
    if "@" in parts.netloc:
        raise PlaygroundError(
            f"{where}: the address of '{parts.hostname}' carries a name or a password. Put keys into PLAYGROUND_SERVER_KEYS."
        )
    shown = re.split(r"[?#]", server.url)[0]  # what follows may hold a key
    if parts.query or parts.fragment:
        raise PlaygroundError(f"{where}: '{shown}' is not an address of a server: leave out what follows the ? or #.")
    if parts.scheme not in ("http", "https") or not parts.hostname or port == 0:
        raise PlaygroundError(f"{where}: '{shown}' is not an address. Write http://host:port, with /v1 for openai.")
    for model in server.models:
        if not MODEL.fullmatch(model):
            raise PlaygroundError(f"{where}: '{model}' is not a model's name. It holds no blanks, commas or #.")
    return replace(server, url=server.url.rstrip("/"), title=server.title or f"{server.alias} ({parts.netloc})")
