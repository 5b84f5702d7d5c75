"""All language models in one place: a ref gives a backend, wherever the model runs, and refs are answered and scored."""

from collections.abc import Iterator, Sequence
from functools import cached_property
from pathlib import Path
from threading import RLock

from shared import env
from shared.catalog import Catalog
from shared.env import Environment
from shared.errors import PlaygroundError
from shared.models import picker
from shared.models.answers import Answer, collect
from shared.models.builtin import FOLDER, builtins
from shared.models.connections import Connections
from shared.models.lending import Kept, Lent
from shared.models.memory import Loaded
from shared.models.picker import Here, ModelRow
from shared.models.places import ADAPTERS, MODELS, Places
from shared.models.protocol import Backend, Event, Request, Scored, Timeouts
from shared.models.residents import Load, Residents, load_local
from shared.models.servers import Server, nearest, servers
from shared.models.streams import Loop, play
from shared.models.survey import Survey
from shared.models.visitors import Visitors
from shared.models.weights import Quantise
from shared.policy import OWNER, Caller
from shared.refs import SERVED, Ref, parse
from shared.store import Store

__all__ = ["Answer", "Loaded", "ModelRow", "Models"]


class Models:
    """Every model that can be asked. Any thread may use it; nothing is opened before it is needed.

    Args:
        environment: Servers, keys and the budget that were set.
        catalog: What is known about Hub models, and which revisions are used here.
        store: The workspace.
        manifest: The list of servers.
        embedded: What ships with the project.
        cache: What was fetched from the Hub; None is the cache of huggingface_hub.
        load: Loads a model into this process.
    """

    def __init__(
        self,
        environment: Environment,
        catalog: Catalog,
        store: Store,
        *,
        manifest: Path = env.ROOT / "manifests" / "servers.toml",
        embedded: Path = FOLDER,
        cache: Path | None = None,
        load: Load = load_local,
    ) -> None:
        self.environment = environment
        self.places = Places(catalog, store, embedded, cache)
        self._manifest = manifest
        self.residents = Residents(environment, load)
        self.connections = Connections(environment, lambda: self.servers)
        self.visitors = Visitors(self.places, lambda: self.servers)
        self.survey = Survey(self.places, lambda: self.servers, self.visitors)
        self._opening = RLock()
        self._added: dict[str, Backend] = {}
        self._closed = False

    # Asking

    def backend(self, ref: str, caller: Caller = OWNER, quantise: Quantise = "", draft: str = "") -> Backend:
        """The model that a ref names, ready to be asked; a model of this machine is loaded when it is not yet.

        The backend belongs to everybody who asks for it: closing it does nothing. A model of this machine may have to
        make room for others while it does not answer, and is loaded again with its next request.

        Args:
            ref: builtin:mini, hub:owner/name, local:name@sha, base+adapter, openai:alias/model, tgi:alias,
                provider:owner/name or provider:owner/name:provider.
            caller: Who asks. Visitors of a Space may use what ships, catalog models at pinned revisions, and the models
                of servers that are declared public.
            quantise: Load the linear layers of a model of this machine in 8 bits ("int8") or 4 ("nf4").
            draft: Ref of a smaller model of this machine that guesses ahead (speculative decoding).

        Raises:
            NotAllowed: This caller may not use it.
            PlaygroundError: There is no such model, it is not on this machine, it is larger than the budget, or it cannot
                be loaded; the message says what to do, and the nearest known names.
        """
        if ref.strip() in self._added:
            return Kept(self._added[ref.strip()])
        parsed = self._parse(ref, caller)
        self.visitors.check(parsed, caller)
        if parsed.scheme not in SERVED:
            lent = self.residents.lend(self.places.find(parsed), quantise, self._drafting(draft, caller))
            lent.prepare()
            return lent
        if quantise or draft:
            raise PlaygroundError(
                f"'{ref}' runs on a server, which loads it as it was told. Leave quantise and draft out."
            )
        return Kept(self.connections.find(parsed, caller))

    def stream(
        self,
        ref: str,
        request: Request,
        timeouts: Timeouts = Timeouts(),
        caller: Caller = OWNER,
        quantise: Quantise = "",
        draft: str = "",
    ) -> Iterator[list[Event]]:
        """Ask a model, and hear its answer as it comes.

        Args:
            ref: The model.
            request: What is asked.
            timeouts: How long to wait for what.
            caller: Who asks.
            quantise: As in `backend`.
            draft: As in `backend`.

        Returns:
            Iterates over the events that came since the last time, at least ten times a second; sometimes none. The last
            event of all is Finish or Failure. Closing it stops the model.

        Raises:
            PlaygroundError: As `backend` does, before anything is asked.
        """
        heard = play(self.loop, self.backend(ref, caller, quantise, draft), request, timeouts)
        return heard if caller.owner else self.visitors.overheard(ref, heard)

    def answer(
        self,
        ref: str,
        request: Request,
        timeouts: Timeouts = Timeouts(),
        caller: Caller = OWNER,
        quantise: Quantise = "",
    ) -> Answer:
        """Ask a model, and wait for the whole answer.

        Args:
            ref: The model.
            request: What is asked.
            timeouts: How long to wait for what.
            caller: Who asks.
            quantise: As in `backend`.

        Raises:
            PlaygroundError: As `backend` does, or the answer failed; in the words of the failure.
        """
        return self.loop.run(collect(self.backend(ref, caller, quantise), request, timeouts))

    def score(
        self,
        ref: str,
        texts: Sequence[str],
        contexts: Sequence[str] = (),
        caller: Caller = OWNER,
        quantise: Quantise = "",
    ) -> list[Scored]:
        """Log-probabilities of the tokens of texts.

        Args:
            ref: The model.
            texts: What to score.
            contexts: What precedes each text; none, or as many as texts.
            caller: Who asks.
            quantise: As in `backend`.

        Raises:
            PlaygroundError: As `backend` does, the model cannot score, or a text is longer than its window.
        """
        if contexts and len(contexts) != len(texts):
            raise PlaygroundError(f"{len(texts)} texts came with {len(contexts)} contexts. Give one for each, or none.")
        return self.loop.run(self.backend(ref, caller, quantise).score(texts, contexts)) if texts else []

    # Looking

    def rows(self, caller: Caller = OWNER, quantise: Quantise = "") -> list[ModelRow]:
        """Every model there is to choose from, and why one that is greyed out cannot be used. Uses no network.

        Args:
            caller: Who asks; visitors do not see what is in the workspace.
            quantise: How models would be loaded.
        """
        machine, loaded = self.residents.machine(), frozenset(each.key for each in self.loaded())
        here = Here(machine, self.residents.limit(machine), quantise, caller.owner, loaded)
        return picker.rows(self.survey.known(), here)

    def pinned(self, ref: str) -> str:
        """The ref that means the very same bytes for ever, for a record; a served model's is what it was.

        Args:
            ref: Any model's.

        Raises:
            PlaygroundError: There is no such model, or it is not on this machine.
        """
        if ref.strip() in self._added:
            return ref.strip()
        parsed = self._parse(ref)
        return str(parsed) if parsed.scheme in SERVED else self.places.find(parsed).pinned

    def loaded(self) -> list[Loaded]:
        """The models in memory, the most recently used first; asking loads nothing."""
        return self.residents.loaded()

    def add(self, backend: Backend) -> None:
        """Let a backend of your own answer under its ref, for every caller: in a test or a notebook.

        Args:
            backend: It is closed with everything else.
        """
        self._added[backend.ref] = backend

    @cached_property
    def servers(self) -> dict[str, Server]:
        """Every declared server by its alias."""
        return servers(self.environment, self._manifest)

    @cached_property
    def loop(self) -> Loop:
        """Where every stream runs."""
        with self._opening:
            return self.__dict__.get("loop") or Loop()

    def close(self) -> None:
        """Stop every answer, close connections, and give all memory back; it is not used any more. Twice is once."""
        with self._opening:
            if self._closed:
                return
            self._closed = True
            backends = [*self._added.values(), *self.connections.take()]
            self._added = {}
        self.residents.stop()
        try:
            for backend in backends:
                self.loop.run(backend.close())
        finally:
            self.loop.close()
            self.residents.close()

    # Inside

    def _drafting(self, text: str, caller: Caller) -> Lent | None:
        """The draft model that was asked for."""
        if not text:
            return None
        ref = self._parse(text, caller)
        self.visitors.check(ref, caller)
        if ref.scheme in SERVED or ref.adapter is not None:
            raise PlaygroundError(
                f"'{text}' cannot guess ahead: a draft is a model of this machine, without an adapter."
            )
        return self.residents.lend(self.places.find(ref))

    def _parse(self, text: str, caller: Caller = OWNER) -> Ref:
        """A ref; of what is none, the nearest that is known to this caller."""
        try:
            return parse(text)
        except PlaygroundError as error:
            word, known = text.strip(), self._known() if caller.owner else self.visitors.refs()
            scheme = word.partition(":")[0] + ":"
            known = [each for each in known if each.startswith(scheme)] or known
            meant = [each for each in known if word and word in (each.partition(":")[2], each.rpartition("/")[2])]
            hint = f"Did you mean {' or '.join(meant[:3])}?" if meant else nearest(word, known)
            raise PlaygroundError(f"{error} {hint}" if hint.startswith("Did") else str(error)) from error

    def _known(self) -> list[str]:
        """Refs that a person could have meant."""
        store, catalog = self.places.store, self.places.catalog
        shipped = builtins(self.places.embedded)
        return [
            *self._added,
            *(each.ref if each.kind == "model" else f"{each.base}+{each.ref}" for each in shipped),
            *(each.ref for kind in (MODELS, ADAPTERS) for each in store.artifacts(kind)),
            *(ref for server in self.servers.values() for ref in server.refs),
            *(f"openai:{server.alias}/model" for server in self.servers.values() if server.kind == "openai"),
            *(f"hub:{entry.id}" for entry in catalog.models()),
        ]
