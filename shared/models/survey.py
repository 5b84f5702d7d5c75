"""What is known about every model there is to choose from, out of files and manifests, kept until one of them changes."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Literal
from urllib.parse import urlsplit

from shared.catalog import ModelEntry
from shared.errors import PlaygroundError
from shared.licence_names import licence
from shared.models.builtin import builtins
from shared.models.places import ADAPTERS, MODELS, Place, Places
from shared.models.servers import Server
from shared.models.stamps import SETTLED, Outcome, stamp
from shared.models.visitors import Visitors
from shared.models.weights import Card, Shape, Weights, adapted, card, measure, shape
from shared.refs import Ref, parse
from shared.store import ARTIFACTS

Kind = Literal["builtin", "local", "hub", "served"]
Commercial = Literal["yes", "no", "conditional", "check", ""]

OURS = "Apache-2.0"  # the project's licence, under which its own models are
COMMERCIAL: Mapping[str, Commercial] = {"yes": "yes", "no": "no", "conditions": "conditional"}


@dataclass(frozen=True)
class Files:
    """What the files of one model say: its weights, window and card."""

    weights: Weights
    shape: Shape
    card: Card


@dataclass(frozen=True)
class Known:
    """What is known about one model whatever the moment and whoever asks.

    Attributes:
        ref: What to ask for; with commit or hash where the files are here.
        name: Its name for people.
        kind: Where it comes from.
        licence: As its authors name it; "" when nobody does.
        commercial: Whether it may be used commercially.
        languages: ISO 639 codes.
        entry: What the catalog says about it.
        place: Where its files are; None when they are not here, or cannot be used.
        files: What they say.
        why: Why it cannot be used, on any machine and by anybody; for a served model, where it answers.
        public: Whether visitors of a Space may use it.
    """

    ref: Ref
    name: str
    kind: Kind
    licence: str = ""
    commercial: Commercial = "check"
    languages: tuple[str, ...] = ()
    entry: ModelEntry | None = None
    place: Place | None = None
    files: Files | None = None
    why: str = ""
    public: bool = False


class Survey:
    """Everything that is known. Any thread may use it; no network is used.

    Args:
        places: Finds files, and holds catalog and workspace.
        servers: Gives the declared servers by alias.
        visitors: Says what strangers may use.
        settled: Seconds that have to pass after a change of a file before an outcome is kept.
    """

    def __init__(
        self,
        places: Places,
        servers: Callable[[], Mapping[str, Server]],
        visitors: Visitors,
        settled: float = SETTLED,
    ) -> None:
        self.places = places
        self._servers = servers
        self._visitors = visitors
        self._named: Outcome[list[Known]] = Outcome(settled)
        self._known: Outcome[list[Known]] = Outcome(settled)

    def known(self) -> list[Known]:
        """Every model: those that ship, of the workspace, of declared servers, of the catalog.

        Files are read when one of them has changed, or a model has come or gone; else this takes some milliseconds.
        """
        newest = self.places.store.read("SELECT max(seq) FROM rows WHERE kind = ?", (ARTIFACTS,))
        here = stamp(self.places.traces(), *newest)
        named = self._named.get(here, lambda: list(self._name()))
        there = stamp(self.places.repositories(each.ref for each in named))
        return self._known.get(here + there, lambda: [self._look(each) for each in named])

    def _name(self) -> Iterator[Known]:
        """Every model by its ref alone."""
        yield from self._shipped()
        yield from self._stored()
        for server in self._servers().values():
            yield from _served(server)
        for entry in self.places.catalog.models():
            ref = Ref("hub", entry.id, self.places.revision(entry.id))
            yield Known(ref, entry.id, "hub", entry.licence, entry.commercial, tuple(entry.languages), entry)

    def _shipped(self) -> Iterator[Known]:
        """The project's own models, each followed by its adapters on top of it."""
        everything = builtins(self.places.embedded)
        for model in everything:
            on_top = [each for each in everything if each.base == model.ref]
            names = [(model.ref, model.title), *((f"{model.ref}+{each.ref}", each.title) for each in on_top)]
            for text, title in names if model.kind == "model" else ():
                yield Known(parse(text), title, "builtin", OURS)

    def _stored(self) -> Iterator[Known]:
        """Models of the workspace, and its adapters on the models that they name."""
        for artifact in self.places.store.artifacts(MODELS):
            yield Known(parse(artifact.ref), artifact.name, "local")
        for artifact in self.places.store.artifacts(ADAPTERS):
            own = parse(artifact.ref)
            try:
                said = adapted(artifact.path)
                base = parse(said if ":" in said else f"hub:{said}").base
                yield Known(replace(base, adapter=own), f"{artifact.name} on {base.name}", "local")
            except (PlaygroundError, OSError):
                why = f"Its adapter_config.json names no model that is known here. Write base+{own} with its model."
                yield Known(own, artifact.name, "local", why=why)

    def _look(self, named: Known) -> Known:
        """What its files say, or why they cannot be used."""
        known = replace(named, public=self._visitors.may(named.ref))
        if named.why:
            return known
        vectors = "It turns texts into vectors and does not answer." if named.entry and named.entry.embedding else ""
        try:
            place = self.places.find(named.ref)
            files = read(place)
        except PlaygroundError as error:
            return replace(known, why=f"{vectors} {error}".strip())
        if named.entry is not None:
            return replace(known, ref=parse(place.pinned), place=place, files=files, why=vectors)
        stated = files.card.licence or named.licence
        meant = licence(stated)
        return replace(
            known, place=place, files=files, licence=stated, languages=files.card.languages,
            commercial=COMMERCIAL.get(meant.commercial, "check") if meant else "check",
        )  # fmt: skip


def read(place: Place) -> Files:
    """What the files of a model say.

    Args:
        place: The files.

    Raises:
        PlaygroundError: Some are missing or broken.
    """
    try:
        return Files(measure(place.folder), shape(place.folder), card(place.folder))
    except OSError as error:
        raise PlaygroundError(f"The files in '{place.folder.name}' cannot be read: {error}.") from error


def _served(server: Server) -> Iterator[Known]:
    """The models that are declared for a server; asking whether they are there would need the network."""
    address = urlsplit(server.url).netloc
    title = server.alias if server.public and address in server.title else server.title  # strangers read it
    for text in server.refs:
        model = text.partition("/")[2] or (server.models[0] if server.models else "")
        name = f"{model}, {title}" if model else title
        why = f"Nothing is stored here: '{server.alias}' answers, if it is running."
        yield Known(parse(text), name, "served", commercial="", why=why)
