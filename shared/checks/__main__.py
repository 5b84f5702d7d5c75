"""`python -m shared.checks --model REF`: the sanity checks from a shell, told like unit tests.

Exit status: 0 when all passed (or as many as --least says), 1 when not, 2 when a model could not be asked.
"""

import argparse
import shutil
import sys
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, TextIO

from shared import env
from shared.checks.junit import junit
from shared.checks.manifest import Check, axes, checks, chosen
from shared.checks.results import Matrix, Result, Results
from shared.checks.running import run
from shared.checks.verdicts import shown
from shared.errors import PlaygroundError
from shared.models.asking import AT_ONCE, Asked
from shared.suite import Suite, using

_WIDEST = 100
_WORDS = {"passed": "PASSED", "failed": "FAILED", "error": "ERROR", "not asked": "NOT ASKED"}


def main(arguments: Sequence[str] | None = None, models: Asked | None = None, out: TextIO | None = None) -> int:
    """Ask, say what came out, and return the exit status.

    Args:
        arguments: The command line; the process's own when left out.
        models: Who is asked; the suite's models when left out.
        out: Where it is said; standard output when left out.
    """
    screen = out or sys.stdout
    options = _parser().parse_args(arguments)
    if options.list:
        for check in checks():
            screen.write(f"{check.id:18} {check.axis:20} {'core' if check.core else '':5} {check.note}\n")
        return 0
    if not options.model:
        _parser().error("say which model: --model REF")
    try:
        wanted = chosen(options.axis, options.check, options.core)
        with _models(models) as asked:
            found = [_asked(asked, ref, wanted, options, screen) for ref in options.model]
        if options.junit:
            _write(Path(options.junit), junit(found))
    except PlaygroundError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    if len(found) > 1:
        _matrix(Matrix(tuple(found)), screen)
    return max(_status(results, options.least) for results in found)


def _parser() -> argparse.ArgumentParser:
    """The command line."""
    parser = argparse.ArgumentParser(
        prog="python -m shared.checks", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--model", metavar="REF", action="append", default=[], help="the model; again for more of them")
    parser.add_argument("--axis", action="append", default=[], choices=axes(), metavar="AXIS", help=", ".join(axes()))
    parser.add_argument("--check", action="append", default=[], metavar="ID", help="one check; again for more of them")
    parser.add_argument("--core", action="store_true", help="only the 32 checks that small models are measured by")
    parser.add_argument("--least", type=int, default=None, metavar="N", help="so many passed checks are enough")
    parser.add_argument("--junit", metavar="FILE", help="write the results as JUnit XML")
    parser.add_argument("--seed", type=int, default=0, help="for models that draw their answers all the same")
    parser.add_argument(
        "--tokens", type=int, default=0, help="longest answer, for models that think before they answer"
    )
    parser.add_argument("--at-once", type=int, default=AT_ONCE, help="how many are asked at once (%(default)s)")
    parser.add_argument("--list", action="store_true", help="say what is checked, and ask nothing")
    return parser


@contextmanager
def _models(given: Asked | None) -> Iterator[Asked]:
    """Who is asked, closed afterwards when it was opened here."""
    if given is not None:
        yield given
        return
    environment = env.read()
    env.apply(environment)
    with using(Suite(environment)) as suite:
        yield suite.models


def _asked(models: Asked, ref: str, wanted: Sequence[Check], options: Any, screen: TextIO) -> Results:
    """Ask one model, a line for each result as it comes."""
    screen.write(_ruled(f"{len(wanted)} checks of {ref}", "="))
    latest = Results(ref, (), len(wanted))
    said = 0
    settings = {"seed": options.seed, "at_once": max(1, options.at_once), "max_new_tokens": options.tokens}
    try:
        with closing(run(models, ref, wanted, **settings)) as running:
            for latest in running:
                for result in latest.results[said:]:
                    said += 1
                    share = f"[{100 * said // len(wanted):3d}%]"
                    screen.write(f"{result.axis + '::' + result.id:44} {_WORDS[result.outcome]:10} {share}\n")
                    screen.flush()
    except PlaygroundError as error:  # the other models are asked all the same
        sys.stderr.write(f"{error}\n")
        return Results(ref, (), len(wanted), str(error))
    _report(latest, {check.id: check for check in wanted}, screen)
    return latest


def _report(results: Results, by_id: dict[str, Check], screen: TextIO) -> None:
    """What failed and why, the totals, and one last line."""
    left = [result for result in results.results if result.outcome in ("failed", "error")]
    if left:
        screen.write(_ruled("failures", "="))
    for result in left:
        screen.write(_ruled(f"{result.axis}::{result.id}", "_") + _told(result, by_id[result.id]))
    screen.write(_ruled("by axis (95 % interval)", "="))
    for axis, total in results.axes.items():
        low, high = total.interval
        screen.write(f"{axis:22} {total.passed:3d} of {total.asked:3d}   {low:4.0%} to {high:4.0%}\n")
    if results.stopped:
        screen.write(f"\n{results.stopped}\n")
    counts = {word: sum(each.outcome == outcome for each in results.results) for outcome, word in _WORDS.items()}
    told = [f"{count} {word.lower()}" for word, count in counts.items() if count]
    core = f"; core: {results.core}" if results.core.asked else ""
    screen.write(_ruled(f"{', '.join(told)} in {results.seconds:.2f} s{core}", "="))


def _told(result: Result, check: Check) -> str:
    asked = "\n".join(f"  {message.role}: {message.content}" for message in check.conversation)
    return f"{asked}\n  answer: {shown(result.answer)}\n  {result.why}\n"


def _matrix(matrix: Matrix, screen: TextIO) -> None:
    """Models side by side: totals of each axis, and the checks on which they differ."""
    screen.write(_ruled("models side by side", "="))
    for n, results in enumerate(matrix.models, start=1):
        screen.write(f"({n}) {results.ref}: {results.total}\n")
    head = "".join(f"{f'({n})':>8}" for n in range(1, len(matrix.models) + 1))
    screen.write(f"{'':31}{head}\n")
    for axis, totals in matrix.axes.items():
        screen.write(f"{axis:31}" + "".join(f"{f'{each.passed}/{each.asked}':>8}" for each in totals) + "\n")
    for id in matrix.disputed:
        row = matrix.checks[id]
        screen.write(f"  {id:29}" + "".join(f"{'pass' if each and each.passed else '-':>8}" for each in row) + "\n")


def _status(results: Results, least: int | None) -> int:
    if results.stopped or results.errors == results.planned:
        return 2
    return 0 if results.total.passed >= (results.planned if least is None else least) else 1


def _ruled(title: str, rule: str) -> str:
    width = min(_WIDEST, shutil.get_terminal_size().columns - 1)
    return f" {title} ".center(width, rule) + "\n"


def _write(path: Path, text: str) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise PlaygroundError(f"{path} cannot be written: {error.strerror}. Choose another --junit file.") from error


if __name__ == "__main__":
    sys.exit(main())
