"""`python -m embedded`: makes every embedded model again, going on where it stopped. See `--help`."""

import argparse
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

from embedded import ADAPTERS, WEIGHTS, adapters, analytic, card, measured, place, tokenizer
from embedded.recipe import INSTRUCTIONS, RECIPES, STORIES
from embedded.training import digest, export, llama, origin

NAMES = ("induction", "micro", "mini", *ADAPTERS)
STATE = Path(__file__).resolve().parents[1] / "out" / "embedded"


def say(line: str) -> None:
    """Tells how it goes, with the time of day."""
    sys.stdout.write(f"{time.strftime('%H:%M:%S')} {line}\n")
    sys.stdout.flush()


def learn_tokenizer(state: Path) -> Path:
    """The tokenizer of both Llamas, learned once from the first corpus."""
    folder = state / "tokenizer"
    if not (folder / "tokenizer.json").exists():
        made = tokenizer.learn(RECIPES["micro"].size.vocabulary, tokenizer.first_texts(STORIES, INSTRUCTIONS))
        tokenizer.wrap(made, RECIPES["micro"].size.context).save_pretrained(folder)
        say("tokenizer learned")
    return folder


def make(name: str, weights: Path, state: Path, minutes: float, seed: int) -> None:
    """Makes one model or adapter and writes its weights.

    Args:
        name: One of `NAMES`.
        weights: The folder of all weights.
        state: Where unfinished training is kept.
        minutes: The most minutes of training, or 0 for as long as the recipe says.
        seed: Where chance starts, for adapters; a model's seed is in its recipe.
    """
    import torch

    lanes = torch.get_num_threads()
    if name == "induction":
        analytic.write(weights / name)
    elif name in RECIPES:
        words = tokenizer.load(learn_tokenizer(state))
        words.model_max_length = RECIPES[name].size.context
        training = llama(RECIPES[name], words, weights, state / name, minutes, lanes)
        training.run(say)
        export(training.model, words, weights / name)
    else:
        training = adapters.training(name, weights, state / name, seed, minutes, lanes)
        training.run(say)
        adapters.write(training.model, place(name, weights))
    say(f"{name}: weights written")


def stamp(name: str, weights: Path, seed: int) -> str:
    """What a part is made from, and what came out; when any of it changes, so does the stamp."""
    made_from = "by hand"
    if name in ADAPTERS:
        made_from = adapters.origin(name, weights, seed)
    elif name in RECIPES:
        made_from = origin(RECIPES[name], weights)
    return f"{made_from} {digest(place(name, weights))}"


def measure(name: str, weights: Path, folder: Path) -> None:
    """Measures one model or adapter and keeps the numbers."""
    if name == "induction":
        found = measured.measure_induction(weights)
    elif name in RECIPES:
        found = measured.measure_llama(name, weights)
    else:
        found = measured.measure_adapter(name, weights)
    measured.write(name, found, folder)
    say(f"{name}: measured")


def main(arguments: list[str] | None = None) -> None:
    """Makes what was asked for: weights, measured numbers, cards."""
    parser = argparse.ArgumentParser(prog="python -m embedded", description=__doc__)
    parser.add_argument(
        "--only", choices=NAMES, action="append", help="one model or adapter; all in their order otherwise"
    )
    parser.add_argument(
        "--minutes", type=float, default=0.0, help="the most minutes of training for each; every stage becomes shorter"
    )
    parser.add_argument("--measure", action="store_true", help="measure and write the cards; train nothing")
    parser.add_argument("--cards", action="store_true", help="write the cards from what was measured; nothing else")
    parser.add_argument("--threads", type=int, default=0, help="processor threads; all cores otherwise")
    parser.add_argument("--weights", type=Path, default=WEIGHTS, help="where the weights are")
    parser.add_argument("--state", type=Path, default=STATE, help="where training is kept; without it all begins anew")
    parser.add_argument("--seed", type=int, default=0, help="where chance starts, for adapters")
    options = parser.parse_args(arguments)
    if options.threads:
        import torch

        torch.set_num_threads(options.threads)
    folder = measured.MEASURED if options.weights == WEIGHTS else options.weights / "measured"
    chosen = tuple(options.only or NAMES)
    for name in () if options.cards else chosen:
        _part(name, options, folder)
    for name in chosen:
        card.write(name, options.weights, folder)
    say("cards written")


def _part(name: str, options: argparse.Namespace, folder: Path) -> None:
    """Makes and measures one part; what an earlier run did stays."""
    stamped = partial(stamp, name, options.weights, options.seed)
    made, known = (options.state / name / f"{step}.txt" for step in ("made", "measured"))
    if not options.measure:
        _once(made, stamped, partial(make, name, options.weights, options.state, options.minutes, options.seed))
    if options.measure or not (folder / f"{name}.json").exists():
        known.unlink(missing_ok=True)
    _once(known, stamped, partial(measure, name, options.weights, folder))


def _once(mark: Path, stamped: Callable[[], str], work: Callable[[], None]) -> None:
    """Does some work, unless it left its mark and nothing that it depends on has changed since."""
    if mark.exists() and mark.read_text("utf-8") == stamped():
        return
    work()
    mark.parent.mkdir(parents=True, exist_ok=True)
    mark.write_text(stamped(), "utf-8")


if __name__ == "__main__":
    main()
