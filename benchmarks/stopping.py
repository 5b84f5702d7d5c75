"""Stop: how long a server or a model goes on working for an answer that nobody wants any more.

    python -m benchmarks.stopping [--trials 9] [--backends scripted local tgi openai provider]

Every backend of the contract test is asked for a long answer, and Stop is pressed at a random moment while it comes. Time is
counted from the press, so that the turn for which a page waits until it may close a stream (0.1 s at most) counts, until the
work has ended: a local model has no answer left, a fake server of TGI's protocol (which the client for Inference Providers is
pointed at, too) has noticed that nobody listens, and a real `transformers serve` computes no more (less than a twentieth of a
processor in steps of 0.02 s). After that 0.1 s have to stay quiet. Bar: 200 ms for the worst trial, on a machine with a core to
spare: the processes that measure and that are measured wait for other work like everything else.
"""

import argparse
import random
import statistics
import tempfile
from contextlib import ExitStack
from pathlib import Path

import psutil

BAR = 200.0  # milliseconds


def measure(name: str, trials: int, folders: dict[str, Path], home: Path) -> float:
    """The worst trial of one backend, in milliseconds."""
    from tests.backends import make_case, stop

    dice = random.Random(name)
    with ExitStack() as stack:
        case = make_case(name, folders, home, stack)
        stop(case)  # the first answer loads what the others find loaded
        taken = [stop(case, after=dice.uniform(0.2, 0.6)) for _ in range(trials)]
    turns, ends = ([1000 * each[place] for each in taken] for place in (0, 1))
    print(
        f"  {name:9} stream closed after {statistics.median(turns):4.0f} ms, work ended after"
        f" {statistics.median(ends):4.0f} ms (medians of {trials}); at worst {max(turns):.0f} and {max(ends):.0f} ms"
    )
    return max(ends)


def main() -> None:
    from tests.backends import FIVE, make_models

    parser = argparse.ArgumentParser(description="How soon after Stop the work for an answer ends.")
    parser.add_argument("--trials", type=int, default=9)
    parser.add_argument("--backends", nargs="+", choices=FIVE, default=FIVE)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        folders = make_models(Path(folder) / "models")
        worst = {name: measure(name, given.trials, folders, Path(folder) / name / "home") for name in given.backends}
    slowest = max(worst, key=lambda name: worst[name])
    busy = psutil.getloadavg()[0] / (psutil.cpu_count() or 1)
    print(f"{worst[slowest]:.0f} ms at worst ({slowest}; bar {BAR:.0f} ms; {busy:.1f} processes waited for each core)")
    raise SystemExit(0 if worst[slowest] <= BAR else 1)


if __name__ == "__main__":
    main()
