"""What this machine has, inside its container's limits, and what runs on it. Asking needs neither torch nor a GPU."""

import csv
import math
import os
import re
import shutil
import subprocess
import threading
import time
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

import psutil

from shared.catalog import ModelEntry, Tier
from shared.errors import PlaygroundError

GIB = 2**30
UNLIMITED = 2**60  # cgroup v1 says "no limit" with a number near 2^63
BITS = (4, 8, 16, 32)
CONTEXT = 4096
FRESH = 3.0  # seconds for which the GPUs' free memory is kept
ABSENT = 60.0  # seconds after which a GPU is looked for again where there was none
SHARED_MEMORY = re.compile(r"GB10|Thor|Orin|Xavier|Tegra")  # GPUs without memory of their own: nvidia-smi says [N/A]


@dataclass(frozen=True)
class Gpu:
    """One NVIDIA GPU.

    Attributes:
        name: As its driver calls it.
        memory_gib: Its memory; 0 when the driver does not say.
        free_gib: Memory that nobody uses now.
    """

    name: str
    memory_gib: float
    free_gib: float


@dataclass(frozen=True)
class Machine:
    """What this process may use.

    Attributes:
        cores: Processor cores, at least 1; a part of a core that a container grants counts as one.
        cpu: Name of the processor; "" when the system does not say.
        memory_gib: Memory, the container's when it has a limit.
        memory_free_gib: Memory that can be had now without swapping.
        gpus: The GPUs; none is normal. Their free memory may be some seconds old.
        disk_free_gib: Free space where the workspace is.
    """

    cores: int
    cpu: str
    memory_gib: float
    memory_free_gib: float
    gpus: tuple[Gpu, ...]
    disk_free_gib: float

    @property
    def gpu(self) -> Gpu | None:
        """The GPU with the most memory, or None."""
        return max(self.gpus, key=lambda gpu: gpu.memory_gib, default=None)


@dataclass(frozen=True)
class Fit:
    """Whether a model runs here.

    Attributes:
        ok: It fits into what is free now.
        needs_gib: Memory that it needs, an estimate.
        why: Both numbers, and what to do when it does not fit.
        device: Where it fits, "gpu" or "cpu"; "" when it does not.
    """

    ok: bool
    needs_gib: float
    why: str
    device: str


@dataclass(frozen=True)
class System:
    """Where to look; tests point it at files of their own.

    Attributes:
        cgroups: Where the kernel shows control groups, of version 1, 2 or both.
        proc: Where the kernel shows processes.
        smi: NVIDIA's program that lists GPUs.
    """

    cgroups: Path = Path("/sys/fs/cgroup")
    proc: Path = Path("/proc")
    smi: str = "nvidia-smi"


SYSTEM = System()


def machine(disk: Path, system: System = SYSTEM) -> Machine:
    """What this process may use now.

    Args:
        disk: A folder on the disk to ask about, such as the workspace; it need not exist yet.
        system: Where to look.
    """
    memory = psutil.virtual_memory()
    total, free = float(memory.total), float(memory.available)
    limit, used = _memory_limit(system)
    if limit < total:
        total, free = limit, min(free, max(0.0, limit - used))
    cores = len(os.sched_getaffinity(0))
    while not disk.exists():
        disk = disk.parent
    return Machine(
        cores=max(1, min(cores, math.ceil(_cpu_limit(system)))) if math.isfinite(_cpu_limit(system)) else cores,
        cpu=_cpu_name(system),
        memory_gib=total / GIB,
        memory_free_gib=free / GIB,
        gpus=_gpus(_smi(system.smi).said(), total / GIB, free / GIB),
        disk_free_gib=shutil.disk_usage(disk).free / GIB,
    )


def tier(machine: Machine, tiers: list[Tier]) -> Tier:
    """The tier a machine belongs to.

    Args:
        machine: The machine.
        tiers: Smallest first.

    Returns:
        The largest tier whose memory and GPU it has; the smallest when it has not even that.

    Raises:
        PlaygroundError: There are no tiers.
    """
    if not tiers:
        raise PlaygroundError("hardware.toml names no tiers. Take it from the project again.")
    gpu = machine.gpu.memory_gib if machine.gpu else 0.0
    met = [each for each in tiers if machine.memory_gib >= each.memory_gib and gpu >= each.gpu_gib]
    return met[-1] if met else tiers[0]


def weights_gib(parameters_b: float, active_b: float, bits: int) -> float:
    """Memory of a model's weights.

    In 32 and 16 bits: parameters x bits. In 8 and 4 bits only the layers between the embeddings shrink: to 8 bits
    (LLM.int8, Dettmers et al. 2022) or 4.127 bits (NF4 with double quantisation, 4 + 0.127: QLoRA, Dettmers et al.
    2023, section 3), while the embeddings stay at 16. Their size is an estimate: a vocabulary of 150,000 times the
    width, once (tied) below 4 thousand million parameters, twice from there on, and at most 40 % of the model.

    Args:
        parameters_b: All parameters, in thousand millions.
        active_b: Parameters used for one token, in thousand millions; the width follows from these.
        bits: 4, 8, 16 or 32.

    Returns:
        GiB.

    Raises:
        PlaygroundError: Other bits.
    """
    if bits not in BITS:
        raise PlaygroundError(f"Weights of {bits} bits are not known. Choose one of {', '.join(map(str, BITS))}.")
    parameters = parameters_b * 1e9
    if bits >= 16:
        return parameters * bits / 8 / GIB
    tables = 1 if parameters_b < 4 else 2
    embeddings = min(0.4 * parameters, tables * 150_000 * _width(active_b))
    return (embeddings * 16 + (parameters - embeddings) * (4.127 if bits == 4 else 8)) / 8 / GIB


def cache_gib(active_b: float, context: int = CONTEXT) -> float:
    """Memory of keys and values for one conversation, in 16 bits.

    2 (keys and values) x layers x width x context x 2 bytes, a quarter of it because four or more query heads share
    one key (GQA, Ainslie et al. 2023). Layers and width are estimated from the parameters: N = 12 x layers x width^2
    (Kaplan et al. 2020, section 2.1) with width = 128 x layers, as in GPT-3 and Llama.

    Args:
        active_b: Parameters used for one token, in thousand millions.
        context: Tokens.

    Returns:
        GiB.
    """
    width = _width(active_b)
    return 2 * (width / 128) * width * context * 2 / 4 / GIB


def fits(entry: ModelEntry, machine: Machine, bits: int, context: int = CONTEXT) -> Fit:
    """Whether a model can answer here, on the GPU if it fits there, else in the machine's memory.

    needs = 1.2 x weights + keys and values + 0.5 GiB. The fifth on top of the weights is the bound for one forward
    pass of EleutherAI's "Transformer Math 101" (Anthony, Biderman and Schoelkopf 2023); the half GiB is Python, torch
    and, on a GPU, the CUDA context. An estimate, meant to err on the safe side: see `weights_gib`, `cache_gib`.

    Args:
        entry: The model.
        machine: The machine.
        bits: Bits a weight: 4, 8, 16 or 32.
        context: Tokens of question and answer together.

    Raises:
        PlaygroundError: Other bits.
    """
    needs = needs_gib(entry, bits, context)
    gpu = machine.gpu
    moe = " if its loader shrinks the experts too" if bits < 16 and entry.active_b < entry.parameters_b else ""
    said = f"Needs about {needs:.1f} GiB in {bits} bits{moe}"
    if gpu is not None and needs <= gpu.free_gib:
        return Fit(True, needs, f"{said}; the {gpu.name} has {gpu.free_gib:.1f} GiB free.", "gpu")
    if needs <= machine.memory_free_gib:
        where = f"{machine.memory_free_gib:.1f} GiB of memory are free"
        return Fit(True, needs, f"{said}; {where}{', on the processor' if gpu else ''}.", "cpu")
    most = max(machine.memory_gib, gpu.memory_gib if gpu else 0.0)
    if needs <= most:
        free = max(machine.memory_free_gib, gpu.free_gib if gpu else 0.0)
        return Fit(False, needs, f"{said}; {free:.1f} of {most:.1f} GiB are free. Close what else is running.", "")
    small = needs_gib(entry, 4, context)
    do = f"In 4 bits it needs about {small:.1f} GiB." if bits > 4 and small <= most else "Choose a smaller model."
    return Fit(False, needs, f"{said}; this machine has {most:.1f} GiB. {do}", "")


def needs_gib(entry: ModelEntry, bits: int, context: int = CONTEXT) -> float:
    """Memory that a model needs to answer; the formula is explained at `fits`.

    Args:
        entry: The model.
        bits: Bits a weight: 4, 8, 16 or 32.
        context: Tokens of question and answer together; an embedding model keeps no keys and values.

    Returns:
        GiB.

    Raises:
        PlaygroundError: Other bits.
    """
    cache = 0.0 if entry.embedding else cache_gib(entry.active_b, context)
    return 1.2 * weights_gib(entry.parameters_b, entry.active_b, bits) + cache + 0.5


def _width(active_b: float) -> float:
    """Width of a transformer of that many parameters: N = 12 layers width^2, width = 128 layers."""
    return float((active_b * 1e9 * 128 / 12) ** (1 / 3))


class _Smi:
    """NVIDIA's program, which takes up to a second and is asked for every list of models: its answer is kept for a while."""

    def __init__(self, program: str) -> None:
        self._command = [program, "--query-gpu=name,memory.total,memory.free", "--format=csv,noheader,nounits"]
        self._asking = threading.Lock()
        self._answer = ""
        self._until = -math.inf

    def said(self) -> str:
        """What it last said; "" when there is no such program or it fails."""
        with self._asking:
            if time.monotonic() >= self._until:
                try:
                    done = subprocess.run(self._command, capture_output=True, text=True, timeout=20, check=True)
                    self._answer, kept = done.stdout, FRESH
                except (OSError, subprocess.SubprocessError):
                    self._answer, kept = "", ABSENT
                self._until = time.monotonic() + kept
            return self._answer


@cache
def _smi(program: str) -> _Smi:
    return _Smi(program)


def _gpus(answer: str, memory_gib: float, free_gib: float) -> tuple[Gpu, ...]:
    """The GPUs that NVIDIA's program listed."""
    found = []
    for row in csv.reader(answer.splitlines(), skipinitialspace=True):
        if len(row) == 3:
            gpu = Gpu(row[0], _mib(row[1]) / 1024, _mib(row[2]) / 1024)
            shared = gpu.memory_gib == 0 and SHARED_MEMORY.search(gpu.name)
            found.append(replace(gpu, memory_gib=memory_gib, free_gib=free_gib) if shared else gpu)
    return tuple(found)


def _mib(text: str) -> float:
    return float(text) if text.strip().isdigit() else 0.0  # [N/A], [Insufficient Permissions]


def _cpu_name(system: System) -> str:
    """The processor's name from /proc/cpuinfo; ARM machines name none there."""
    found = re.search(r"^model name\s*:\s*(.+)$", _text(system.proc / "cpuinfo"), re.MULTILINE)
    return found[1].strip() if found else ""


def _memory_limit(system: System) -> tuple[float, float]:
    """The tightest memory limit of the control groups this process is in, and what is used of it, in bytes.

    File pages that can be dropped at once do not count as used. Without a limit: infinity and 0.
    """
    limits = [(math.inf, 0.0)]
    for group, second in _groups(system, "memory"):
        limit = _number(group / ("memory.max" if second else "memory.limit_in_bytes"))
        if limit is not None and limit < UNLIMITED:
            used = _number(group / ("memory.current" if second else "memory.usage_in_bytes")) or 0.0
            name = "inactive_file" if second else "total_inactive_file"
            cached = re.search(rf"^{name} (\d+)$", _text(group / "memory.stat"), re.MULTILINE)
            limits.append((limit, max(0.0, used - (float(cached[1]) if cached else 0.0))))
    return min(limits)


def _cpu_limit(system: System) -> float:
    """Cores that the control groups grant; infinity without a limit."""
    limits = [math.inf]
    for group, second in _groups(system, "cpu"):
        if second:
            quota, _, length = _text(group / "cpu.max").strip().partition(" ")
        else:
            quota, length = (_text(group / f"cpu.cfs_{name}_us").strip() for name in ("quota", "period"))
        if quota.isdigit() and length.isdigit() and int(length) > 0:  # "max" and -1 are no limit
            limits.append(int(quota) / int(length))
    return min(limits)


def _groups(system: System, controller: str) -> list[tuple[Path, bool]]:
    """This process's control group and all groups around it, each with whether it is of version 2.

    Inside a container the path may be the host's, of which only the root is mounted: what is missing is passed over.
    """
    found: list[tuple[Path, bool]] = []
    for line in _text(system.proc / "self" / "cgroup").splitlines():
        _, _, rest = line.partition(":")
        controllers, _, path = rest.partition(":")
        second = controllers == ""
        if not second and controller not in controllers.split(","):
            continue
        roots = [system.cgroups] if second else [system.cgroups / controllers, system.cgroups / controller]
        root = next((each for each in roots if each.is_dir()), None)
        parts = [part for part in path.split("/") if part not in ("", "..")]
        if root is not None:
            found += [(root.joinpath(*parts[:length]), second) for length in range(len(parts), -1, -1)]
    return found


def _text(path: Path) -> str:
    """A file's text; empty when there is none or it may not be read."""
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""


def _number(path: Path) -> float | None:
    text = _text(path).strip()
    return float(text) if text.isdigit() else None
