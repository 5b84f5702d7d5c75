"""Claim: the whole suite answers /healthz within 1.5x the CPU time of `import gradio`, and idles at <= 300 MB.

Both sides are processes of their own, alternated, measured by the operating system (user + system time).
"""

import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

import psutil

from tests.server import ROOT, serving

RUNS = 5
HEAVY = ("torch", "transformers", "datasets", "trl", "peft", "llama_index")


def cpu(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)


def importing() -> float:
    """CPU seconds of `python -c "import gradio"`."""
    code = "import gradio, time, sys; sys.stdout.write('%f' % time.process_time())"
    return float(
        subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT).stdout
    )


def starting(home: Path) -> tuple[float, float]:
    """CPU seconds until /healthz answered, and resident MB when idle afterwards."""
    with serving(home) as server:
        process = psutil.Process(server.process.pid)
        return cpu(process), process.memory_info().rss / 1e6


def main() -> None:
    ratios, sizes = [], []
    with tempfile.TemporaryDirectory() as folder:
        starting(Path(folder) / "warm")  # compiles the .pyc files of both sides
        for run in range(RUNS):
            alone = importing()
            ours, size = starting(Path(folder) / f"home{run}")
            ratios.append(ours / alone)
            sizes.append(size)
            print(
                f"import gradio {alone:.2f} CPU s, suite to /healthz {ours:.2f} CPU s, ratio {ours / alone:.2f}, idle {size:.0f} MB"
            )
    print(f"median ratio {statistics.median(ratios):.2f} (bar <= 1.5); idle {max(sizes):.0f} MB (bar <= 300)")
    print("heavy packages loaded: checked by tests/api/test_start.py:", ", ".join(HEAVY))


if __name__ == "__main__":
    main()
