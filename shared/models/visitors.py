"""Which models visitors of a public Space may use: what ships, catalog models at pinned revisions, public servers."""

from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from urllib.parse import urlsplit

from shared.catalog import Choice
from shared.errors import NotAllowed, PlaygroundError
from shared.models.builtin import builtins
from shared.models.places import Places
from shared.models.protocol import Event, Failure
from shared.models.servers import Server
from shared.policy import Caller
from shared.refs import Ref


class Visitors:
    """The list of what they may use.

    Args:
        places: Holds the catalog, and finds what a revision means.
        servers: Gives the declared servers by alias.
    """

    def __init__(self, places: Places, servers: Callable[[], dict[str, Server]]) -> None:
        self.places = places
        self._servers = servers

    def check(self, ref: Ref, caller: Caller) -> None:
        """Refuse what this caller may not use.

        Raises:
            NotAllowed: Says what they may use.
        """
        if not caller.owner and not self.may(ref):
            raise NotAllowed(
                f"'{ref}' may only be used by the owner of this Space. Visitors may use: {', '.join(self.refs())}."
                " Duplicate the Space, or run it on your own machine, to use any model."
            )

    def may(self, ref: Ref) -> bool:
        """Whether they may use a model; the adapter on top of it counts as well."""
        if ref.adapter is not None and not self.may(ref.adapter):
            return False
        if ref.scheme == "hub":
            return any(self._same(ref, choice.revision) for choice in self._pinned() if choice.id == ref.name)
        if ref.scheme in ("openai", "tgi"):
            server = self._servers().get(ref.name.partition("/")[0])
            return server is not None and server.public and str(ref) in server.refs
        return ref.scheme == "builtin"

    def overheard(self, ref: str, heard: Iterator[list[Event]]) -> Iterator[list[Event]]:
        """The same events, in which no failure tells where a server is.

        Args:
            ref: The model.
            heard: What comes; closed with this.
        """
        server = self._servers().get(ref.strip().partition(":")[2].partition("/")[0])
        address = urlsplit(server.url).netloc if server is not None else ""
        with closing(heard) as running:  # type: ignore[type-var]
            for events in running:
                yield [_without(address, each) if isinstance(each, Failure) else each for each in events]

    def refs(self) -> list[str]:
        """Every model that they may use, without adapters."""
        shipped = [each.ref for each in builtins(self.places.embedded) if each.kind == "model"]
        public = [text for server in self._servers().values() if server.public for text in server.refs]
        return [*shipped, *(f"hub:{choice.id}@{choice.revision}" for choice in self._pinned()), *public]

    def _pinned(self) -> list[Choice]:
        """The lines of models.txt that pin a revision."""
        return [choice for choice in self.places.chosen() if choice.revision and not choice.problem]

    def _same(self, ref: Ref, revision: str) -> bool:
        """Whether a Hub ref means a pinned revision; it may name the commit that this is on the disk."""
        if ref.revision == revision:
            return True
        if not ref.revision:
            return self.places.revision(ref.name) == revision  # it is the one that is found
        try:
            pinned = self.places.find(Ref("hub", ref.name, revision))
        except PlaygroundError:
            return False
        return pinned.key == f"hub:{ref.name}@{ref.revision}"


def _without(address: str, failure: Failure) -> Failure:
    """A failure in words for strangers."""
    if failure.kind == "connect":
        return replace(failure, message="Its server cannot be reached now. Choose another model, or try again later.")
    return replace(failure, message=failure.message.replace(address, "its server")) if address else failure
