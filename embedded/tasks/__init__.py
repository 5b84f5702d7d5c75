"""The families of tasks that the generator knows, and how often each is drawn."""

from dataclasses import dataclass

from embedded.draw import Draw
from embedded.stories import story
from embedded.tasks import code, context, dialogue, facts, formats, sums, wording
from embedded.tasks.dialogue import Turn, turns
from embedded.tasks.sums import Exchange
from embedded.vocabulary import NAMES, OBJECTS, PLACES


@dataclass(frozen=True)
class Example:
    """One row of the corpus.

    Attributes:
        task: The family it was drawn from; `story` for plain text.
        turns: The dialogue; empty for plain text.
        text: The plain text; empty for a dialogue.
    """

    task: str
    turns: tuple[Turn, ...] = ()
    text: str = ""

    @property
    def prompt(self) -> str:
        """What the user asked last, or nothing for plain text."""
        return next((said for role, said in reversed(self.turns) if role == "user"), "")

    @property
    def answer(self) -> str:
        """What the assistant answers last, or nothing for plain text."""
        return next((said for role, said in reversed(self.turns) if role == "assistant"), "")


def told_story(draw: Draw) -> Exchange:
    """A story about a name and a thing that the prompt gives."""
    if draw.reach:
        name, thing = draw.names(1)[0], draw.things(1)[0]
    else:
        name, thing = draw.pick(NAMES), draw.pick(OBJECTS)
    place = draw.pick(PLACES)[0]
    text = story(draw, name=name, thing=thing, place=place)
    prompt = draw.say(
        (f"Write a story about {name} and a {thing}.", f"Tell me a story about {name}, a {thing} and {place}."),
        (f"Write a short story about {name} and a {thing}.", f"Tell a story about {name}."),
    )
    return prompt, text


CLOSED = {
    "add": sums.add,
    "sub": sums.subtract,
    "mul": sums.multiply,
    "cmp": sums.compare,
    "cap": facts.capital,
    "capzh": facts.capital_zh,
    "zh": facts.to_chinese,
    "en": facts.to_english,
    "opp": wording.opposite,
    "copy": wording.copy,
    "rev": wording.reverse,
    "last": wording.end_word,
    "count": wording.count,
    "sort": wording.sort_words,
    "sortn": sums.sort_numbers,
    "up": wording.capitals,
    "spell": wording.spell,
    "sent": wording.sentiment,
    "json": formats.person_json,
    "list": formats.word_list_json,
    "code": code.operation,
    "unit": sums.convert,
    "word": sums.word_problem,
    "ctx": context.possession,
    "ctxno": context.possession_absent,
    "story": told_story,
    "hello": facts.greeting,
}
"""The families that are known without reach, too; the tokenizer is learned from them, so their order stays."""

OPEN = {
    "less": sums.smaller,
    "next": sums.sequence,
    "parity": sums.parity,
    "nth": wording.nth_word,
    "times": wording.occurrences,
    "letters": wording.letters,
    "kind": wording.kind,
    "odd": wording.odd_one,
    "country": facts.country,
    "sentence": facts.sentence,
    "object": formats.object_json,
    "pet": formats.pet_json,
    "listing": formats.listing,
    "examples": formats.examples,
    "oneword": formats.one_word,
    "again": formats.repetition,
    "only": formats.only,
    "function": code.single,
    "print": code.hello,
    "reading": context.reading,
    "lookup": context.lookup,
    "note": context.note,
    "planted": context.planted,
    "quoted": context.planted_work,
    "places": context.places,
    "false": context.false_facts,
    "deeds": context.deeds,
    "review": context.planted_review,
}
"""The families of one exchange that are drawn with reach alone."""

DIALOGUES = ("memory", "secret", "ruled", "turns")
"""The families of several turns or with a system prompt; drawn with reach alone."""

CLOSED_WEIGHTS = {
    "add": 4, "sub": 3, "mul": 3, "ctx": 4, "copy": 3, "json": 2, "code": 2, "story": 2, "rev": 2, "sort": 2, "word": 2,
}  # fmt: skip
OPEN_WEIGHTS = CLOSED_WEIGHTS | {
    "add": 10, "sub": 15, "hello": 2, "parity": 1.5, "mul": 6, "copy": 7, "ctx": 9, "code": 3, "rev": 3, "sort": 4,
    "sortn": 3, "word": 4, "count": 4, "list": 3, "spell": 3, "up": 2, "unit": 2, "capzh": 2, "story": 3, "ctxno": 2,
    "reading": 4, "lookup": 4, "note": 2, "planted": 3, "places": 3, "false": 2, "deeds": 1.5, "review": 1.5,
    "memory": 4, "secret": 2, "ruled": 2.5, "turns": 3, "listing": 3, "again": 2, "object": 2, "print": 1,
    "function": 1.5, "letters": 0.5, "times": 1, "odd": 0.5, "quoted": 0.5, "nth": 0.7,
}  # fmt: skip
"""How often a family is drawn, for those that are not drawn with weight 1."""


def exchange(draw: Draw, task: str) -> Exchange:
    """A prompt and its answer from a family of one exchange."""
    return CLOSED[task](draw) if task in CLOSED else OPEN[task](draw)


def _short(draw: Draw) -> Exchange:
    """An exchange that fits between the turns of a dialogue."""
    return exchange(
        draw, draw.pick(("add", "sub", "cmp", "cap", "opp", "copy", "zh", "up", "last", "hello", "oneword"))
    )


def example(draw: Draw, task: str | None = None) -> Example:
    """A row of instructions.

    Args:
        draw: Where chance comes from; its reach decides which families there are.
        task: The family; drawn by weight when not given.
    """
    if task is None:
        names = [*CLOSED, *OPEN, *DIALOGUES] if draw.reach else list(CLOSED)
        weights = OPEN_WEIGHTS if draw.reach else CLOSED_WEIGHTS
        task = draw.random.choices(names, [weights.get(name, 1) for name in names])[0]
    if task == "memory":
        found = dialogue.memory(draw, _short)
    elif task == "secret":
        found = dialogue.secret(draw, _short)
    elif task == "ruled":
        found = dialogue.ruled(draw)
    elif task == "turns":
        found = turns(*(_short(draw) for _ in range(draw.number(2, 3))))
    else:
        one = exchange(draw, task)
        found = dialogue.neutral(draw, one) if draw.reach and draw.chance(0.08) else turns(one)
    return Example(task, tuple(found))


def plain_story(draw: Draw) -> Example:
    """A story as plain text."""
    return Example("story", text=story(draw))
