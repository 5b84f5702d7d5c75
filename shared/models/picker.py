"""Which models there are to choose from, whether each runs here, and why one that does not is greyed out. No network."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Literal

from shared import hardware
from shared.catalog import ModelEntry
from shared.errors import PlaygroundError
from shared.hardware import GIB, Machine
from shared.licence_names import licence
from shared.models.builtin import builtins
from shared.models.memory import amount
from shared.models.places import ADAPTERS, MODELS, Place, Places
from shared.models.servers import Server
from shared.models.weights import Card, Quantise, Shape, Weights, adapted, card, measure, shape
from shared.refs import Ref, parse

Kind = Literal["builtin", "local", "hub", "served"]

OURS = "Apache-2.0"  # the project's licence, under which its own models are
BITS: Mapping[Quantise, int] = {"": 16, "int8": 8, "nf4": 4}
WORKING = 1.2  # weights and what a forward pass adds: see shared/hardware.py, `fits`
PROCESS = GIB // 2
COMMERCIAL: Mapping[str, Literal["yes", "no", "conditional", "check"]] = {
    "yes": "yes",
    "no": "no",
    "conditions": "conditional",
}
OWNERS = "Only the owner of this Space may use it."


@dataclass(frozen=True)
class ModelRow:
    """One model of the picker.

    Attributes:
        ref: What to ask for; with commit or hash where the files are here.
        name: Its name for people.
        licence: As its authors name it; "" when nobody does.
        commercial: Whether it may be used commercially; "check" when that is not certain, "" for a served model.
        fits: Whether it fits into the memory that models may take on this machine.
        why: Why it cannot be used now and what to do; for a served model, where it answers. Empty when it is ready.
        on_disk: Whether its files are on this machine.
        parameters: How many it has; 0 when that is not known.
        context: Its window in tokens; 0 when that is not known (for a Hub model, before it is on the disk).
        languages: ISO 639 codes; "multi" for more than are listed.
        gib: Memory of its weights in 16 bits, in GiB; 0 when that is not known. A small one takes 32 bits on a processor.
        gib_int8: The same with its linear layers in 8 bits.
        gib_nf4: The same with its linear layers in 4 bits.
        usable: Whether it can be asked right now by whoever wants these rows.
        kind: Where it comes from: builtin, local, hub or served.
        chats: Whether it was taught to answer: it has a chat template, or a server that has one; what is not on the disk may.
    """

    ref: str
    name: str
    licence: str
    commercial: Literal["yes", "no", "conditional", "check", ""]
    fits: bool
    why: str
    on_disk: bool
    parameters: int
    context: int
    languages: list[str]
    gib: float
    gib_int8: float
    gib_nf4: float
    usable: bool
    kind: Kind
    chats: bool = True


@dataclass(frozen=True)
class Here:
    """What decides whether a model fits.

    Attributes:
        machine: The machine, with the memory of loaded models that nobody uses counted as free.
        limit: Bytes that loaded models may take together.
        quantise: How the model would be loaded.
        allowed: Whether whoever asks may use a ref.
    """

    machine: Machine
    limit: int
    quantise: Quantise = ""
    allowed: Callable[[Ref], bool] = lambda ref: True


@dataclass(frozen=True)
class Files:
    """What the files of one model say: its weights, window and card."""

    weights: Weights
    shape: Shape
    card: Card


def rows(places: Places, servers: Mapping[str, Server], here: Here, owner: bool = True) -> list[ModelRow]:
    """Every model there is to choose from: those that ship, of the workspace, of declared servers, of the catalog.

    Args:
        places: Finds files, and holds catalog and workspace.
        servers: The declared servers.
        here: The machine and who asks.
        owner: Whether the workspace's own models are listed.
    """
    return [
        *_shipped(places, here),
        *(_stored(places, here) if owner else ()),
        *(row for server in servers.values() for row in _served(server, here)),
        *(_listed(places, entry, here) for entry in places.catalog.models()),
    ]


def width(weights: Weights, machine: Machine) -> int:
    """Bytes of a number that is not quantised once it is loaded.

    2 on a GPU. On a processor 4, which is faster there, unless that would take more than half of the free memory.

    Args:
        weights: What the files say.
        machine: Where it would be loaded.
    """
    if machine.gpu is not None:
        return 2
    return 4 if weights.floats * 4 + weights.packed <= machine.memory_free_gib * GIB / 2 else 2


def fit(files: Files, here: Here) -> str:
    """Why a model with these files does not fit; "" when it does.

    Needs 1.2 x weights + keys and values of 4,096 tokens + 0.5 GiB, the formula of `shared.hardware.fits`, with sizes from
    the files instead of estimates.

    Args:
        files: The model's.
        here: The machine.
    """
    size = files.weights.needs(here.quantise, width(files.weights, here.machine))
    if size > here.limit:
        return _over(size, here)
    context = min(files.shape.context or hardware.CONTEXT, hardware.CONTEXT)
    needs = round(WORKING * size) + files.shape.cache * context + PROCESS
    gpu = here.machine.gpu
    free = max(here.machine.memory_free_gib, gpu.free_gib if gpu else 0.0) * GIB
    if needs <= free:
        return ""
    return f"Needs about {amount(needs)}; {free / GIB:.1f} GiB are free. Close what else is running, or quantise it."


def _over(size: float, here: Here) -> str:
    """A sentence about a model larger than the budget."""
    do = "Choose a smaller model" if here.quantise else "Quantise it, choose a smaller one"
    return (
        f"Its weights take about {amount(round(size))}, and models may take {amount(here.limit)} together. {do}, or raise"
        " PLAYGROUND_MODEL_GIB where the machine has more."
    )


def _shipped(places: Places, here: Here) -> Iterator[ModelRow]:
    """The project's own models, each followed by its adapters on top of it."""
    everything = builtins(places.embedded)
    for model in everything:
        on_top = [each for each in everything if each.base == model.ref]
        names = [(model.ref, model.title), *((f"{model.ref}+{each.ref}", each.title) for each in on_top)]
        for text, title in names if model.kind == "model" else ():
            yield _found(places, parse(text), title, here, "builtin", OURS)


def _stored(places: Places, here: Here) -> Iterator[ModelRow]:
    """Models of the workspace, and its adapters on the models that they name."""
    for artifact in places.store.artifacts(MODELS):
        yield _found(places, parse(artifact.ref), artifact.name, here, "local")
    for artifact in places.store.artifacts(ADAPTERS):
        try:
            said = adapted(artifact.path)
            base = parse(said if ":" in said else f"hub:{said}").base
            ref = replace(base, adapter=parse(artifact.ref))
        except PlaygroundError:
            why = (
                f"Its adapter_config.json names no model that is known here. Write base+{artifact.ref} with its model."
            )
            yield _unknown(artifact.ref, artifact.name, why, "local")
            continue
        yield _found(places, ref, f"{artifact.name} on {base.name}", here, "local")


def _found(places: Places, ref: Ref, name: str, here: Here, kind: Kind, otherwise: str = "") -> ModelRow:
    """A row for files that should be here."""
    row = _unknown(str(ref), name, "", kind)
    try:
        files = _read(places.find(ref))
    except PlaygroundError as error:
        return replace(row, why=str(error))
    stated = files.card.licence or otherwise
    known = licence(stated)
    row = replace(row, licence=stated, languages=list(files.card.languages))
    return _measured(
        replace(row, commercial=COMMERCIAL.get(known.commercial, "check") if known else "check"), files, here
    )


def _listed(places: Places, entry: ModelEntry, here: Here) -> ModelRow:
    """A row for a model of the catalog, on this disk or not."""
    ref = Ref("hub", entry.id, places.revision(entry.id))
    gib, gib_int8, gib_nf4 = (round(_weights_gib(entry, bits), 2) for bits in BITS.values())
    row = replace(
        _unknown(str(ref), entry.id, "", "hub"),
        licence=entry.licence, commercial=entry.commercial, parameters=round(entry.parameters_b * 1e9),
        languages=list(entry.languages), gib=gib, gib_int8=gib_int8, gib_nf4=gib_nf4,
    )  # fmt: skip
    vectors = "It turns texts into vectors and does not answer." if entry.embedding else ""
    try:
        place = places.find(ref)
        files = _read(place)
    except PlaygroundError as error:
        problem = _catalogued(entry, here)
        return replace(row, fits=not problem, why=_sentences(here, ref, vectors, str(error), problem))
    return _measured(replace(row, ref=place.pinned), files, here, vectors)


def _catalogued(entry: ModelEntry, here: Here) -> str:
    """Why a model that is not on the disk would not fit; "" when it would."""
    bits = BITS[here.quantise]
    size = _weights_gib(entry, bits) * GIB
    found = hardware.fits(entry, here.machine, bits)
    return _over(size, here) if found.ok and size > here.limit else "" if found.ok else found.why


def _read(place: Place) -> Files:
    """What the files of a model say.

    Raises:
        PlaygroundError: Some are missing or broken.
    """
    return Files(measure(place.folder), shape(place.folder), card(place.folder))


def _measured(row: ModelRow, files: Files, here: Here, otherwise: str = "") -> ModelRow:
    """The row of a model on this disk, with what its files say."""
    gib, gib_int8, gib_nf4 = (round(files.weights.needs(how) / GIB, 4) for how in BITS)
    problem = fit(files, here)
    why = _sentences(here, parse(row.ref), otherwise, problem)
    return replace(
        row, fits=not problem, why=why, usable=not why, on_disk=True, parameters=row.parameters or files.weights.parameters,
        chats=files.shape.chats, context=files.shape.context, gib=gib, gib_int8=gib_int8, gib_nf4=gib_nf4,
    )  # fmt: skip


def _served(server: Server, here: Here) -> Iterator[ModelRow]:
    """Rows for the models that are declared for a server; asking whether they are there would need the network."""
    for text in server.refs:
        model = text.partition("/")[2] or (server.models[0] if server.models else "")
        name = f"{model}, {server.title}" if model else server.title
        ref = parse(text)
        if here.allowed(ref):
            row = _unknown(text, name, f"Nothing is stored here: '{server.alias}' answers, if it is running.", "served")
            yield replace(row, fits=True, usable=True, commercial="")


def _unknown(ref: str, name: str, why: str, kind: Kind) -> ModelRow:
    """A row of which little is known."""
    return ModelRow(ref, name, "", "check", False, why, False, 0, 0, [], 0.0, 0.0, 0.0, False, kind)


def _sentences(here: Here, ref: Ref, *sentences: str) -> str:
    return " ".join(each for each in (*(() if here.allowed(ref) else (OWNERS,)), *sentences) if each)


def _weights_gib(entry: ModelEntry, bits: int) -> float:
    return hardware.weights_gib(entry.parameters_b, entry.active_b, bits)
