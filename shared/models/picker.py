"""Which models there are to choose from, whether each runs here, and why one that does not is greyed out. No network."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from shared import hardware
from shared.catalog import ModelEntry
from shared.hardware import GIB, Machine
from shared.models.memory import amount
from shared.models.survey import Commercial, Files, Kind, Known
from shared.models.weights import Quantise, Weights

BITS: Mapping[Quantise, int] = {"": 16, "int8": 8, "nf4": 4}
WORKING = 1.2  # weights and what a forward pass adds: see shared/hardware.py, `fits`
PROCESS = GIB // 2
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
    commercial: Commercial
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
    """What decides whether a model can be used now.

    Attributes:
        machine: The machine, with the memory of loaded models that nobody uses counted as free.
        limit: Bytes that loaded models may take together.
        quantise: How the model would be loaded.
        owner: Whether the owner asks; visitors do not see what is in the workspace.
        loaded: What is in memory already, as `Place.loaded_as` calls it.
    """

    machine: Machine
    limit: int
    quantise: Quantise = ""
    owner: bool = True
    loaded: frozenset[str] = frozenset()


def rows(known: Iterable[Known], here: Here) -> list[ModelRow]:
    """A row for every model that this caller may see.

    Args:
        known: What is known about each.
        here: The machine and who asks.
    """
    return [_row(each, here) for each in known if here.owner or _seen(each)]


def _seen(known: Known) -> bool:
    """Whether visitors see a model, be it greyed out."""
    return known.kind not in ("local", "served") or known.public


def _row(known: Known, here: Here) -> ModelRow:
    """One model here and now."""
    served, entry, files = known.kind == "served", known.entry, known.files
    problem = "" if served else _problem(known, here)
    owners = "" if here.owner or known.public else OWNERS
    why = " ".join(each for each in (owners, known.why, problem) if each)
    gib, gib_int8, gib_nf4 = (round(_gib(known, how), 4 if files else 2) for how in BITS)
    counted = round(entry.parameters_b * 1e9) if entry else 0
    return ModelRow(
        str(known.ref), known.name, known.licence, known.commercial,
        fits=served or (not problem and (files is not None or entry is not None)),
        why=why, on_disk=files is not None,
        parameters=counted or (files.weights.parameters if files else 0),
        context=files.shape.context if files else 0,
        languages=list(known.languages), gib=gib, gib_int8=gib_int8, gib_nf4=gib_nf4,
        usable=served or not why, kind=known.kind, chats=files.shape.chats if files else True,
    )  # fmt: skip


def _problem(known: Known, here: Here) -> str:
    """Why it does not fit; "" when it does, or when nobody knows."""
    if known.place is not None and known.place.loaded_as(here.quantise) in here.loaded:
        return ""
    if known.files is not None:
        return fit(known.files, here)
    return _catalogued(known.entry, here) if known.entry is not None else ""


def _gib(known: Known, how: Quantise) -> float:
    """Memory of the weights in 16 bits or quantised; 0 when that is not known."""
    if known.files is not None:
        return known.files.weights.needs(how) / GIB
    return _weights_gib(known.entry, BITS[how]) if known.entry is not None else 0.0


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
    gpu = here.machine.gpu
    free = max(here.machine.memory_free_gib, gpu.free_gib if gpu else 0.0) * GIB
    most = max(here.machine.memory_gib, gpu.memory_gib if gpu else 0.0) * GIB
    size, needs = _needs(files, here, here.quantise)
    smaller, fewer = _needs(files, here, "nf4")
    if size > here.limit:
        return _over(size, smaller, here)
    if needs <= free:
        return ""
    do = ["close what else is running"] if needs <= most else []
    do += ["quantise it"] if fewer <= free and not here.quantise else []
    advice = ", or ".join(do) or "choose a smaller model"
    return f"Needs about {amount(needs)}; {free / GIB:.1f} GiB are free. {advice.capitalize()}."


def _needs(files: Files, here: Here, quantise: Quantise) -> tuple[int, int]:
    """Bytes of the weights, and of all that answering takes."""
    size = files.weights.needs(quantise, width(files.weights, here.machine))
    context = min(files.shape.context or hardware.CONTEXT, hardware.CONTEXT)
    return size, round(WORKING * size) + files.shape.cache * context + PROCESS


def _over(size: float, smaller: float, here: Here) -> str:
    """A sentence about a model larger than the budget, which in 4 bits would be `smaller`."""
    helps = not here.quantise and smaller <= here.limit
    do = "Quantise it, choose a smaller one" if helps else "Choose a smaller model"
    return (
        f"Its weights take about {amount(round(size))}, and models may take {amount(here.limit)} together. {do}, or raise"
        " PLAYGROUND_MODEL_GIB where the machine has more."
    )


def _catalogued(entry: ModelEntry, here: Here) -> str:
    """Why a model that is not on the disk would not fit; "" when it would."""
    bits = BITS[here.quantise]
    found = hardware.fits(entry, here.machine, bits)
    if not found.ok:
        return found.why
    size, smaller = (_weights_gib(entry, each) * GIB for each in (bits, BITS["nf4"]))
    return _over(size, smaller, here) if size > here.limit else ""


def _weights_gib(entry: ModelEntry, bits: int) -> float:
    return hardware.weights_gib(entry.parameters_b, entry.active_b, bits)
