"""Where a model's files are on this machine: of the project, of the workspace, or fetched from the Hub before.

Nothing is fetched here. What is not there is said, with the command that fetches it.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from shared import hardware, snapshots
from shared.catalog import Catalog, Choice, ModelEntry, Tier
from shared.downloads import CLEARED
from shared.errors import PlaygroundError
from shared.models.builtin import FOLDER, builtin, builtins
from shared.models.servers import nearest
from shared.models.stamps import Outcome, stamp
from shared.models.weights import Quantise, adapted
from shared.refs import Ref
from shared.snapshots import Repository
from shared.store import Artifact, Store

MODELS, ADAPTERS = "models", "adapters"  # kinds of artifacts


@dataclass(frozen=True)
class Place:
    """The files of a model, and of the adapter on top of it.

    Attributes:
        ref: The model's ref as it was given, with its adapter.
        pinned: The ref that means these very bytes: with hash or commit.
        key: The pinned ref of the model without its adapter.
        folder: The model's files.
        adapter: The adapter's files; None without one.
    """

    ref: str
    pinned: str
    key: str
    folder: Path
    adapter: Path | None = None

    def loaded_as(self, quantise: Quantise = "") -> str:
        """What the model is called among the loaded ones."""
        return self.key + (f" in {quantise}" if quantise else "")


class Places:
    """Finds models on this machine.

    Args:
        catalog: Says which revision of a Hub model is used here.
        store: The workspace.
        embedded: What ships with the project.
        cache: What was fetched from the Hub; None is the cache of huggingface_hub.
    """

    def __init__(self, catalog: Catalog, store: Store, embedded: Path = FOLDER, cache: Path | None = None) -> None:
        self.catalog = catalog
        self.store = store
        self.embedded = embedded
        self.cache = cache
        self._chosen: Outcome[list[Choice]] = Outcome()

    def find(self, ref: Ref) -> Place:
        """The files that a ref names.

        Args:
            ref: builtin, local or hub, with or without an adapter.

        Raises:
            PlaygroundError: They are not here, the adapter is for another model, or one of both is not what it should be.
        """
        if ref.config or ref.split:
            raise PlaygroundError(f"'{ref}' names a part of a dataset. A model's ref ends before the #.")
        folder, key = self._model(ref.base)
        if ref.adapter is None:
            return Place(str(ref), key, key, folder)
        adapter, pinned = self._adapter(ref.adapter, ref.base)
        return Place(str(ref), f"{key}+{pinned}", key, folder, adapter)

    def revision(self, id: str) -> str:
        """The revision of a Hub model that models.txt pins; "" when it pins none."""
        return next((choice.revision for choice in self.chosen() if choice.id == id), "")

    def chosen(self) -> list[Choice]:
        """The lines of models.txt, in the manifests and in the apps' folders."""
        return self._chosen.get(stamp(self._lists()), lambda: self.catalog.chosen("models"))

    def traces(self) -> list[Path]:
        """Files and folders of which one changes whenever a model of the project or the workspace comes, goes or changes."""
        kept = self.store.home / "artifacts"
        return [*self._lists(), self.embedded, kept / MODELS, kept / ADAPTERS]

    def repositories(self, refs: Iterable[Ref]) -> list[Path]:
        """Folders of which one changes whenever a model of the Hub is fetched, removed or changed on this disk.

        Args:
            refs: The models, and adapters on top of them.
        """
        from huggingface_hub.constants import HF_HUB_CACHE

        cache = self.cache or Path(HF_HUB_CACHE)
        every = [part for ref in refs for part in (ref, ref.adapter) if part is not None]
        names = {ref.name.replace("/", "--") for ref in every if ref.scheme == "hub"}
        return [cache / f"models--{name}" for name in sorted(names)]

    def _lists(self) -> list[Path]:
        """Every models.txt that is read, or would be if it were there."""
        apps = self.catalog.apps
        return [
            self.catalog.folder / "models.txt",
            *(path / "models.txt" for path in (apps.iterdir() if apps.is_dir() else ())),
        ]

    def _model(self, ref: Ref) -> tuple[Path, str]:
        """Folder and pinned ref of a model."""
        if ref.scheme == "builtin":
            shipped = builtin(ref.name, ref.revision, self.embedded)
            if shipped.kind == "adapter":
                raise PlaygroundError(f"'{ref}' is an adapter and needs its model: {shipped.base}+{shipped.ref}.")
            return shipped.folder, shipped.pinned
        if ref.scheme == "local":
            artifact = self._artifact(ref, MODELS)
            return artifact.path, artifact.ref
        return self._snapshot(ref)

    def _adapter(self, ref: Ref, base: Ref) -> tuple[Path, str]:
        """Folder and pinned ref of an adapter."""
        if ref.scheme == "builtin":
            shipped = builtin(ref.name, ref.revision, self.embedded)
            if shipped.kind == "model":
                known = [each.ref for each in builtins(self.embedded) if each.kind == "adapter"]
                raise PlaygroundError(f"'{ref}' is a model, not an adapter. {nearest(str(ref), known)}")
            if base.scheme != "builtin" or base.name != shipped.base.removeprefix("builtin:"):
                raise PlaygroundError(
                    f"'{ref}' was made for {shipped.base}, not for {base}. Write {shipped.base}+{ref}."
                )
            return shipped.folder, shipped.pinned
        if ref.scheme == "local":
            artifact = self._artifact(ref, ADAPTERS)
            return artifact.path, artifact.ref
        folder, pinned = self._snapshot(ref)
        adapted(folder)  # says so when it is something else
        return folder, pinned

    def _artifact(self, ref: Ref, kind: str) -> Artifact:
        """A model or adapter of the workspace."""
        try:
            return self.store.find(ref, kind)
        except PlaygroundError as error:
            other = ADAPTERS if kind == MODELS else MODELS
            if any(each.sha.startswith(ref.revision) for each in self.store.artifacts(other)):
                form = "base+adapter, with this as the adapter" if kind == MODELS else "an adapter after the +"
                raise PlaygroundError(f"'{ref}' is one of the {other}, not of the {kind}. Write {form}.") from error
            known = [each.ref for each in self.store.artifacts(kind)]
            raise PlaygroundError(f"{error} {nearest(str(ref), known)}" if known else str(error)) from error

    def _snapshot(self, ref: Ref) -> tuple[Path, str]:
        """A repository of the Hub that was fetched before."""
        from huggingface_hub.errors import HFValidationError

        revision = ref.revision or self.revision(ref.name) or "main"
        repository = Repository(ref.name, "models", revision, token=False, cache=self.cache)
        try:
            folder = snapshots.cached(repository, [*snapshots.NEVER, *snapshots.AGAIN])
        except HFValidationError as error:
            raise PlaygroundError(f"'{ref}' cannot be a repository of the Hub: {error}") from error
        except OSError as error:
            raise PlaygroundError(f"'{ref}' is not on this disk, or not all of it. {self.command(ref)}") from error
        return folder, f"hub:{ref.name}@{folder.name}"

    def command(self, ref: Ref) -> str:
        """A sentence with the command that fetches a Hub model.

        Args:
            ref: The model or adapter.
        """
        entry = self.catalog.model(ref.name)
        if entry is None:
            hint = nearest(ref.name, [each.id for each in self.catalog.models()])
            hint = f" {hint}" if hint.startswith("Did") else ""
            exact = f" --revision {ref.revision}" if ref.revision else ""
            return f"Fetch it with: hf download {ref.name}{exact}.{hint}"
        revision = f"@{ref.revision}" if ref.revision else ""
        listed = any(c.id == ref.name and ref.revision in ("", c.revision) for c in self.chosen())
        flags = ["--models-only"]
        if entry.commercial not in CLEARED:
            flags.append("--any-licence")
        if self._too_big(entry):
            flags.append("--any-size")
        first = "Fetch it with" if listed else f"Add the line {ref.name}{revision} to manifests/models.txt, then run"
        gate = f" Its page on the Hub, {ref.name}, asks to accept terms first." if entry.gated else ""
        return f'{first}: make download ARGS="{" ".join(flags)}".{gate}'

    def _too_big(self, entry: ModelEntry) -> bool:
        """Whether `make download` would leave it out on this machine."""
        order = [tier.id for tier in self.catalog.tiers()]
        return order.index(self._tier.id) < min((order.index(each) for each in entry.tiers), default=0)

    @cached_property
    def _tier(self) -> Tier:
        return hardware.tier(hardware.machine(self.store.home), self.catalog.tiers())
