"""What a fast model loses beside a slow one: its time in a battle of two against its time alone.

    python -m benchmarks.fairness [--tokens 30] [--rounds 3]

Both models are scripted, 0.05 s and 0.4 s a token, and asked through the arena's own endpoint, everything on the way to the page
included. The claim: beside the slow one the fast one takes at most 1.2x of its time alone. Time is counted from the question to
the moment at which the whole answer has been handed to whoever asked.
"""

import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

FAST, SLOW = "openai:farm/fast", "openai:farm/slow"
DELAYS = {FAST: 0.05, SLOW: 0.4}
CLAIM = 1.2


def alone(tokens: int) -> float:
    """Seconds until the whole answer of the fast model is there, when it is asked alone."""
    from apps.model_arena import core

    return _until((reply.text for reply in core.chat(FAST, "Go")), tokens)


def beside(tokens: int) -> float:
    """The same while the slow model answers, too."""
    from apps.model_arena import core

    return _until((answers.texts["a"] for answers in core.side_by_side([FAST, SLOW], "Go")), tokens)


def _until(texts: Iterator[str], tokens: int) -> float:
    began = time.perf_counter()
    for text in texts:
        if text.count("on") == tokens:
            took = time.perf_counter() - began
            texts.close()  # type: ignore[attr-defined]
            return took
    raise AssertionError("the answer never was complete")


def main() -> None:
    import argparse

    from shared.env import Environment
    from shared.models.protocol import Delta, Finish, Start
    from shared.models.scripted import Scripted
    from shared.suite import Suite, using

    parser = argparse.ArgumentParser(description="A fast model beside a slow one.")
    parser.add_argument("--tokens", type=int, default=30)
    parser.add_argument("--rounds", type=int, default=3)
    given = parser.parse_args()
    ratios = []
    with tempfile.TemporaryDirectory() as home, using(Suite(Environment(home=Path(home)))) as suite:
        for ref, delay in DELAYS.items():
            script = [Start(ref), *[(delay, Delta(" on"))] * given.tokens, Finish("stop")]
            suite.models.add(Scripted(ref, script))
        alone(given.tokens)  # the first answers of a process load what the others find loaded
        beside(given.tokens)
        for _ in range(given.rounds):
            single, double = alone(given.tokens), beside(given.tokens)
            ratios.append(double / single)
            print(
                f"  alone {single:.3f} s, beside a model that is eight times slower {double:.3f} s: {ratios[-1]:.3f}x"
            )
    print(f"{max(ratios):.3f}x at most (claim at most {CLAIM:.1f}x)")
    raise SystemExit(0 if max(ratios) <= CLAIM else 1)


if __name__ == "__main__":
    main()
