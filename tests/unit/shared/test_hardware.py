"""What the machine has, inside and outside of containers, and what fits into it."""

import math
import os
from pathlib import Path

import psutil
import pytest

from shared import hardware
from shared.catalog import Catalog, ModelEntry
from shared.env import ROOT
from shared.errors import PlaygroundError
from shared.hardware import (
    GIB,
    Gpu,
    Machine,
    System,
    cache_gib,
    fits,
    machine,
    needs_gib,
    tier,
    weights_gib,
)

CATALOG = Catalog(ROOT / "manifests")
L40S = Gpu("NVIDIA L40S", 45.0, 44.0)
LAPTOP = Machine(8, "a laptop", 7.6, 5.5, (), 100.0)


def entry(parameters_b: float, active_b: float = 0.0, embedding: bool = False) -> ModelEntry:
    active = active_b or parameters_b
    return ModelEntry("a/b", "A", parameters_b, active, "MIT", "yes", "", [], [], {}, embedding=embedding)


def system(
    workspace: Path, cgroup: str = "", files: dict[str, str] | None = None, smi: str = "", cpu: str = ""
) -> System:
    """A made-up /proc and /sys/fs/cgroup, and a program that prints what nvidia-smi would."""
    (workspace / "proc" / "self").mkdir(parents=True)
    (workspace / "proc" / "self" / "cgroup").write_text(cgroup)
    if cpu:
        (workspace / "proc" / "cpuinfo").write_text(cpu)
    for name, text in (files or {}).items():
        path = workspace / "cgroups" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    program = workspace / "nvidia-smi"
    program.write_text(f"#!/bin/sh\n{smi or 'exit 9'}\n")
    program.chmod(0o755)
    return System(workspace / "cgroups", workspace / "proc", str(program))


def test_this_machine(workspace: Path) -> None:
    found = machine(workspace / "not" / "there" / "yet")
    assert 1 <= found.cores <= (os.cpu_count() or 1)
    assert 0 < found.memory_free_gib <= found.memory_gib <= psutil.virtual_memory().total / GIB
    assert found.disk_free_gib > 0


def test_a_machine_without_limits_and_without_a_gpu(workspace: Path) -> None:
    found = machine(workspace, system(workspace, cpu="processor : 0\nmodel name\t: AMD EPYC 9B14\nflags : fpu\n"))
    assert found.cpu == "AMD EPYC 9B14"
    assert found.cores == len(os.sched_getaffinity(0))
    assert found.memory_gib == psutil.virtual_memory().total / GIB
    assert (found.gpus, found.gpu) == ((), None)
    missing = System(workspace / "none", workspace / "none", str(workspace / "none"))
    assert machine(workspace, missing).cpu == ""


def test_version_2_limits_are_the_tightest_on_the_way_up(workspace: Path) -> None:
    files = {
        "a/b/memory.max": "max\n",
        "a/memory.max": f"{2 * GIB}\n",
        "a/memory.current": f"{GIB}\n",
        "a/memory.stat": f"anon 5\ninactive_file {GIB // 4}\nactive_file 7\n",
        "a/b/cpu.max": "max 100000\n",
        "a/cpu.max": "50000 100000\n",
    }
    found = machine(workspace, system(workspace, "0::/a/b\n", files))
    assert found.memory_gib == 2
    assert found.memory_free_gib == 1.25, "file pages that can be dropped are free"
    assert found.cores == 1, "half a core counts as one"


def test_version_1_limits_also_when_the_path_is_the_hosts(workspace: Path) -> None:
    files = {
        "memory/memory.limit_in_bytes": f"{GIB}",
        "memory/memory.usage_in_bytes": f"{GIB // 2}",
        "memory/memory.stat": f"inactive_file 1\ntotal_inactive_file {GIB // 4}",
        "cpu,cpuacct/cpu.cfs_quota_us": "100000",
        "cpu,cpuacct/cpu.cfs_period_us": "100000",
    }
    groups = "4:memory:/docker/0123\n3:cpu,cpuacct:/docker/0123\n1:name=systemd:/docker/0123\n0::/\n"
    found = machine(workspace, system(workspace, groups, files))
    assert (found.memory_gib, found.memory_free_gib, found.cores) == (1, 0.75, 1)


@pytest.mark.parametrize(
    "files",
    [
        {"memory/memory.limit_in_bytes": "9223372036854771712", "cpu/cpu.cfs_quota_us": "-1", "cpu/cpu.cfs_period_us": "100000"},
        {"memory/memory.limit_in_bytes": "?", "cpu/cpu.cfs_quota_us": "", "cpu/cpu.cfs_period_us": "0"},
        {"memory/x": "", "cpu/x": ""},
    ],
)  # fmt: skip
def test_version_1_without_limits(workspace: Path, files: dict[str, str]) -> None:
    found = machine(workspace, system(workspace, "4:memory:/x\n3:cpu:/x\n", files))
    assert found.memory_gib == psutil.virtual_memory().total / GIB
    assert found.cores == len(os.sched_getaffinity(0))


def test_a_limit_that_is_used_up_leaves_nothing(workspace: Path) -> None:
    files = {"memory.max": f"{GIB}", "memory.current": f"{2 * GIB}"}
    assert machine(workspace, system(workspace, "0::/\n", files)).memory_free_gib == 0


def test_gpus(workspace: Path) -> None:
    said = """cat <<END
NVIDIA A100-SXM4-80GB, 81920, 81000
NVIDIA L40S, 46068, 1024
Tesla, broken line
NVIDIA A30 MIG 1g.6gb, [Insufficient Permissions], [Insufficient Permissions]
END"""
    found = machine(workspace, system(workspace, smi=said))
    assert found.gpus == (
        Gpu("NVIDIA A100-SXM4-80GB", 80.0, 81000 / 1024),
        Gpu("NVIDIA L40S", 46068 / 1024, 1.0),
        Gpu("NVIDIA A30 MIG 1g.6gb", 0.0, 0.0),
    )
    assert found.gpu == found.gpus[0]


def test_a_gpu_that_shares_the_machines_memory(workspace: Path) -> None:
    found = machine(workspace, system(workspace, smi="echo 'NVIDIA GB10, [N/A], [N/A]'"))
    assert found.gpus == (Gpu("NVIDIA GB10", found.memory_gib, found.memory_free_gib),)


@pytest.mark.parametrize("smi", ["exit 9", "echo NVIDIA-SMI has failed", ""])
def test_a_driver_that_does_not_answer(workspace: Path, smi: str) -> None:
    assert machine(workspace, system(workspace, smi=smi)).gpus == ()


@pytest.mark.parametrize(
    ("memory", "gpu", "id"),
    [
        (4.0, 0.0, "edge"),  # less than the smallest is still the smallest
        (7.5, 0.0, "edge"),
        (15.5, 24.0, "edge"),
        (30.5, 0.0, "cpu"),
        (64.0, 24.0, "cpu"),
        (30.5, 44.4, "gpu48"),
        (16.0, 47.5, "gpu48"),
        (200.0, 79.2, "gpu80"),
        (200.0, 139.0, "gpu80"),
        (8.0, 80.0, "edge"),  # a GPU needs a machine around it
    ],
)
def test_tier(memory: float, gpu: float, id: str) -> None:
    gpus = (Gpu("small", 1.0, 1.0), Gpu("G", gpu, gpu)) if gpu else ()
    assert tier(Machine(2, "", memory, memory, gpus, 1.0), CATALOG.tiers()).id == id


def test_no_tiers() -> None:
    with pytest.raises(PlaygroundError, match="no tiers"):
        tier(LAPTOP, [])


def test_weights_worked_examples() -> None:
    assert weights_gib(1.0, 1.0, 32) == 4e9 / GIB
    assert weights_gib(1.0, 1.0, 16) == 2e9 / GIB
    # 8.2e9: width (8.2e9 * 128 / 12) ** (1/3) = 4439, two tables of 150,000 x 4439 = 1.332e9, the rest 6.868e9
    assert weights_gib(8.2, 8.2, 4) == pytest.approx((1.332e9 * 2 + 6.868e9 * 4.127 / 8) / GIB, rel=1e-3)
    assert weights_gib(8.2, 8.2, 8) == pytest.approx((1.332e9 * 2 + 6.868e9) / GIB, rel=1e-3)
    assert weights_gib(0.1, 0.1, 4) == pytest.approx((0.04e9 * 2 + 0.06e9 * 4.127 / 8) / GIB), "at most 40 %"


def test_cache_is_near_what_configurations_say() -> None:
    """Qwen3-8B: 36 layers, 8 key heads of 128; Qwen3-32B: 64 layers, 8 key heads of 128; both in 16 bits."""
    for active_b, layers in ((8.2, 36), (32.8, 64)):
        true = 2 * layers * 8 * 128 * 4096 * 2 / GIB
        assert true / 2 < cache_gib(active_b) < true * 2
    assert cache_gib(8.2, 8192) == pytest.approx(2 * cache_gib(8.2, 4096))


def test_needs_is_what_the_formula_says_independently() -> None:
    def again(billions: float, context: int) -> float:
        weights = billions * 1e9 * 2
        layers = (billions * 1e9 / 12 / 128**2) ** (1 / 3)
        cache = layers * (128 * layers) * context  # 2 x 2 bytes / 4
        return (1.2 * weights + cache) / 2**30 + 0.5

    for billions in (0.135, 0.6, 8.2, 70.0):
        assert needs_gib(entry(billions), 16, 2048) == pytest.approx(again(billions, 2048))
    assert needs_gib(entry(0.6, embedding=True), 16) == pytest.approx(1.2 * 1.2e9 / GIB + 0.5)


def test_published_figures_lie_within_the_estimate() -> None:
    """gpt-oss-120b's files are about 63 GB and gpt-oss-20b's about 13 GB; both are reported to run in 80 and 16 GB."""
    for parameters, active, files, card in ((117.0, 5.1, 63e9, 80e9), (21.0, 3.6, 13e9, 16e9)):
        weights = weights_gib(parameters, active, 4) * GIB
        assert files * 0.8 < weights < files * 1.2
        assert needs_gib(entry(parameters, active), 4) * GIB < card


def test_fits_on_the_gpu_first_then_in_memory() -> None:
    both = Machine(8, "", 64.0, 60.0, (L40S,), 100.0)
    on_gpu = fits(entry(8.2), both, 16)
    assert (on_gpu.ok, on_gpu.device) == (True, "gpu")
    assert on_gpu.why == f"Needs about {on_gpu.needs_gib:.1f} GiB in 16 bits; the NVIDIA L40S has 44.0 GiB free."
    in_memory = fits(entry(24.0), both, 16)
    assert (in_memory.ok, in_memory.device) == (True, "cpu")
    assert in_memory.why.endswith("; 60.0 GiB of memory are free, on the processor.")
    assert fits(entry(0.6), LAPTOP, 16).why.endswith("; 5.5 GiB of memory are free.")


def test_what_does_not_fit_says_what_to_do() -> None:
    busy = fits(entry(2.6), LAPTOP, 16)
    assert (busy.ok, busy.device) == (False, "")
    assert busy.why.endswith("5.5 of 7.6 GiB are free. Close what else is running.")
    assert fits(entry(4.0), LAPTOP, 16).why.endswith(f"In 4 bits it needs about {needs_gib(entry(4.0), 4):.1f} GiB.")
    assert fits(entry(70.0), LAPTOP, 4).why.endswith("this machine has 7.6 GiB. Choose a smaller model.")
    full = Machine(8, "", 7.6, 5.5, (Gpu("G", 45.0, 2.0),), 1.0)
    assert fits(entry(8.2), full, 16).why.endswith("5.5 of 45.0 GiB are free. Close what else is running.")


def test_a_mixture_of_experts_is_marked() -> None:
    text = "if its loader shrinks the experts too"
    assert text in fits(entry(30.5, 3.3), LAPTOP, 4).why
    assert text not in fits(entry(30.5, 3.3), LAPTOP, 16).why
    assert text not in fits(entry(8.0), LAPTOP, 4).why


@pytest.mark.parametrize("bits", [0, 3, 64])
def test_other_bits(bits: int) -> None:
    with pytest.raises(PlaygroundError, match=f"Weights of {bits} bits are not known"):
        fits(entry(1.0), LAPTOP, bits)


def test_more_bits_and_more_parameters_need_more() -> None:
    sizes = [0.1, 0.6, 1.7, 3.9, 4.0, 8.0, 32.0, 70.0]
    for bits in (4, 8, 16, 32):
        needs = [needs_gib(entry(size), bits) for size in sizes]
        assert needs == sorted(needs)
    assert all(needs_gib(entry(s), 4) < needs_gib(entry(s), 8) < needs_gib(entry(s), 16) for s in sizes)
    assert math.isclose(needs_gib(entry(1e-6), 16), 0.5, abs_tol=1e-4)


def test_the_drivers_program_is_asked_at_most_every_few_seconds(
    workspace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = workspace / "asked"
    where = system(workspace, smi=f'echo x >> {asked}; echo "NVIDIA L40S, 46068, $(cat {asked} | wc -l)"')
    found = [machine(workspace, where).gpus for _ in range(20)]
    assert asked.read_text() == "x\n"
    assert set(found) == {(Gpu("NVIDIA L40S", 46068 / 1024, 1 / 1024),)}
    monkeypatch.setattr("shared.hardware.FRESH", 0.0)
    monkeypatch.setattr("shared.hardware.ABSENT", 0.0)
    hardware._smi(where.smi)._until = 0.0
    machine(workspace, where)
    assert machine(workspace, where).gpus[0].free_gib == 3 / 1024
    Path(where.smi).unlink()
    assert machine(workspace, where).gpus == ()
