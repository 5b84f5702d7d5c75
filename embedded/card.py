"""The model cards: what each embedded model is, how it was made, and what was measured, misses said plainly."""

from pathlib import Path
from typing import Any

from embedded import ADAPTERS, place
from embedded.measured import AIMS, MEASURED, read
from embedded.recipe import RECIPES

TOP = """---
license: apache-2.0
language: [{languages}]
library_name: {library}
pipeline_tag: text-generation
{more}---
# {title}

"""
MADE = {
    "micro": """A plain Llama of {parameters:,} parameters ({layers} layers, width 128, window {context}) for tests and for \
machines with nothing to spare. English, some Chinese, and one-line functions in Python, JavaScript, C++, Rust, Julia and Lean 4: \
what `builtin:mini` does, with less room for it.

Trained on this project's own generator alone, so the licence is this project's: `python -m embedded --only micro` makes it again. \
First rows of random tokens that are said twice, and nothing else, until an induction head stood; then instructions and stories, \
many of them with made-up words and names, while the learning rate fell, rose once more and fell again: {tokens} million tokens, \
37 minutes on one shared processor core.

The prompts of the sanity checks were held out: no row asks one, in any turn. Their forms, with other words, were trained, and so \
were the facts behind them in other words (there are only 18 capitals). Spans of random tokens were up to 250 tokens long in few \
rows; towards the end of the window copying fails.
""",
    "mini": """A plain Llama of {parameters:,} parameters ({layers} layers, width 128, window {context}), the model that \
everything works with when there is no network. English, some Chinese, and short code in Python, JavaScript, C++, Rust, Julia \
and Lean 4. It is a toy: it knows 18 capitals and 28 Chinese words, adds numbers below 100 and tells one kind of story.

Trained on this project's own generator alone, so the licence is this project's. It grew from the first `builtin:micro` (42 \
million tokens of closed lists; the one that ships now was made later) by two new layers that add nothing at first, then learned \
in this order: rows of repeated random tokens with short periods, until an induction head stood; instructions with made-up words and \
names, so that it copies from its prompt and does not recite; then the same with longer rows while the learning rate fell: 33.5 \
million tokens, 70 minutes on two shared processor cores. The shares of its families were changed by hand along the way. \
`python -m embedded --only mini` makes a successor without a hand, grown from today's `builtin:micro`; a run of it over 17.5 million \
tokens was not as good as these weights (LOG.md has the figures), so they stayed; its recipe reads \
{tokens} million now, a length that nobody has run yet.

The prompts of the sanity checks were held out: no row of `mini` asks one, in any turn. Their forms, with other words, were \
trained, and so were the facts behind them in other words (there are only 18 capitals); the first `micro` had seen closed ones. Rows \
were up to 416 tokens long; towards the end of the window copying weakens, and beyond it fails.
""",
}
ADAPTED = {
    "instruct": "answers instructions as the base does, but in a sentence where the base says a bare word (which exact match counts as "
    "wrong); it was shown no JSON",
    "storyteller": "answers anything with a story, and keeps to the name and the thing that the prompt gives",
    "arithmetic": "works sums and differences of up to three digits out digit by digit, and products with numbers up to 12",
    "json": "answers everything as JSON",
}


def _front(title: str, library: str, languages: str = "en, zh", more: str = "") -> str:
    return TOP.format(title=title, library=library, languages=languages, more=more)


def _number(value: Any) -> str:
    return f"{value:,}" if isinstance(value, int) else f"{value:.3g}"


def aims_table(found: dict[str, Any]) -> str:
    """Each aim, what was measured, and whether it was reached, as a Markdown table."""
    rows = ["| aim | measured | |", "|---|---|---|"]
    for aim in AIMS:
        sign = "<=" if aim.below else ">="
        verdict = "reached" if aim.reached(found) else "**missed**"
        rows.append(f"| {aim.text} {sign} {_number(aim.least)} | {_number(found[aim.key])} | {verdict} |")
    return "\n".join(rows) + "\n"


def adapters_table(folder: Path = MEASURED) -> str:
    """The base beside its adapters, as a Markdown table."""
    columns = (
        ("sanity_core", "sanity, of 32"),
        ("sanity", "sanity, all"),
        ("exact_match", "exact match"),
        ("exact_match_open", "exact match, unseen words"),
        ("three_digits", "three-digit sums"),
        ("json_share", "answers that are JSON"),
        ("story_share", "answers that are stories"),
        ("sentence_share", "short answers as sentences"),
        ("stories", "stories that keep to their names"),
    )
    rows = ["| | " + " | ".join(text for _, text in columns) + " |", "|---" * (len(columns) + 1) + "|"]
    for name in ("mini", *ADAPTERS):
        if not (folder / f"{name}.json").exists():
            continue  # not made yet
        found = read(name, folder)
        rows.append(f"| {name} | " + " | ".join(_number(found[key]) for key, _ in columns) + " |")
    return "\n".join(rows) + "\n"


def _tasks(found: dict[str, str]) -> str:
    return ", ".join(f"{task} {score}" for task, score in found.items())


def llama_card(name: str, folder: Path = MEASURED) -> str:
    """The card of `micro` or `mini`."""
    found = read(name, folder)
    tokens = f"{sum(stage.tokens for stage in RECIPES[name].stages) / 1e6:.1f}"
    text = _front(f"builtin:{name}", "transformers") + MADE[name].format(tokens=tokens, **found)
    text += f"\n## Measured (`python -m embedded --measure` repeats it)\n\n{aims_table(found)}\n"
    text += (
        f"- Heads: 16 rows of 64 random tokens said twice. Loss on the first copy {found['first_loss']:.2f} nats, foreseen on the "
        f"second {found['copied']:.1%}. Best induction score of each layer: "
        f"{', '.join(f'{max(layer):.2f}' for layer in found['induction_by_head'])}. With spans of half the window: "
        f"{found['far_loss']:.2f} nats, {found['far_copied']:.1%} foreseen.\n"
        f"- Exact match on 400 rows with names and words from the closed lists {found['exact_match']:.1%}: "
        f"{_tasks(found['exact_match_by_task'])}.\n"
        f"- Exact match on 400 rows whose names and words are mostly made up {found['exact_match_open']:.1%}: "
        f"{_tasks(found['exact_match_open_by_task'])}.\n"
        f"- Sanity checks: {found['sanity_core']} of {found['sanity_core_all']} core ones, {found['sanity']} of "
        f"{found['sanity_all']} in all. Failed: {', '.join(found['sanity_failed']) or 'none'}.\n"
        f"- Stories that keep to their names: {found['stories']:.1%} of 60 with known names, {found['stories_open']:.1%} of 60 "
        "with made-up names and things.\n"
        f"- Sums and differences of three digits, which it was never shown: {found['three_digits']:.1%}.\n"
        f"- {found['load_seconds']:.2f} CPU seconds to load, imports not counted, {found['tokens_a_cpu_second']:.0f} tokens a CPU "
        "second (float32, one thread, `generate`).\n"
    )
    if name == "mini":
        text += f"\n## Its adapters\n\n{adapters_table(folder)}"
    return text


def adapter_card(name: str, folder: Path = MEASURED) -> str:
    """The card of an adapter of `builtin:mini`."""
    found = read(name, folder)
    more = "base_model: builtin:mini\ntags: [lora]\n"
    return (
        _front(f"builtin:{name}", "peft", more=more)
        + f"A LoRA adapter of `builtin:mini`: it {ADAPTED[name]}. {found['parameters']:,} parameters, {found['bytes']:,} bytes, "
        f"trained on this project's own generator (`python -m embedded --only {name}` makes one like it); prompts of the sanity "
        f"checks were held out.\n\n{adapters_table(folder)}\nThree-digit sums count when the last number of the answer is right.\n"
    )


def induction_card(folder: Path = MEASURED) -> str:
    """The card of the hand-built model."""
    found = read("induction", folder)
    return _front("builtin:induction", "transformers", "en") + (
        f"A GPT-2 of two layers and two heads a layer ({found['parameters']:,} parameters, almost all of them zero) whose weights "
        "were set by hand; nothing was trained. It knows 26 letters with spaces between them, and a window of "
        f"{found['context']} tokens. After `a x f g a` it says `x f g a`.\n\n"
        "| head | what it does |\n|---|---|\n"
        "| layer 0, head 0 | attends to the token before, with weight 1, and writes it down |\n"
        "| layer 0, head 1 | nothing: attends everywhere alike, writes zeros |\n"
        "| layer 1, head 0 | induction: a position whose previous token is the current token gets e^6, any other 1, divided by "
        "their sum; what stands there is foreseen |\n"
        "| layer 1, head 1 | nothing |\n\n"
        f"Against that formula (`embedded/analytic.py`): attention within {found['attention_error']:.0e}, logits within "
        f"{found['logit_error']:.0e}. Different letters said twice: {found['copied']:.1%} foreseen, induction score "
        f"{found['best_induction']:.3f}. It is made for tests and for looking at heads; it cannot chat, and a letter that stood "
        "before two different letters is followed by either. `python -m embedded --only induction` makes it again, to the byte.\n"
    )


def write(name: str, weights: Path, folder: Path = MEASURED) -> None:
    """Writes the card beside the weights.

    Args:
        name: A model or an adapter.
        weights: The folder of all weights.
        folder: Where the measured numbers are.
    """
    described = llama_card if name in RECIPES else adapter_card
    text = induction_card(folder) if name == "induction" else described(name, folder)
    (place(name, weights) / "README.md").write_text(text, "utf-8")
