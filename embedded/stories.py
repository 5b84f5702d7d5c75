"""A grammar of little stories in which a name, a thing and a place stay the same from the first line to the last."""

from dataclasses import dataclass

from embedded.draw import Draw
from embedded.vocabulary import (
    ANIMALS,
    COLOURS,
    FEMALE,
    FOODS,
    MORE_NAMES,
    NAMES,
    NAMES_F,
    NAMES_M,
    OBJECTS,
    PLACES,
    TRAITS,
)

WEATHER = (
    "It was a sunny morning.",
    "It was a rainy day.",
    "The wind was strong that day.",
    "Snow was falling softly.",
    "The sky was full of clouds.",
    "It was a warm evening.",
)
OPENINGS = (
    "Once upon a time, there was a {trait} {sort} named {hero}.",
    "One day, a {trait} {sort} called {hero} woke up early.",
    "There once lived a {trait} {sort}. {Their} name was {hero}.",
    "Long ago, in a small village, there was a {trait} {sort} named {hero}.",
    "{hero} was a {trait} {sort} who lived near {place}.",
)
WISHES = (
    "{hero} loved {their} {colour} {thing} more than anything.",
    "More than anything, {hero} wanted to find a {colour} {thing}.",
    "{hero} had a {colour} {thing} and carried it everywhere.",
    "{hero} got a {colour} {thing} as a gift from Grandma.",
)
ENDINGS = (
    '{hero} said, "Thank you, {friend}!"',
    "{hero} and {friend} became good friends.",
    "They laughed and ate {food} together.",
    "{hero} went home happy that night.",
    "From that day on, {hero} and {friend} played at {place} every day.",
)


@dataclass(frozen=True)
class Plot:
    """What goes wrong, who helps, and what is learned.

    Attributes:
        trouble: The sentences of the trouble; the first one always stands.
        help: The sentences of the help; the first and the last always stand.
        moral: What the hero learned.
    """

    trouble: tuple[str, ...]
    help: tuple[str, ...]
    moral: str


PLOTS = {
    "lost": Plot(
        (
            "But when {hero} got to {place}, the {thing} was gone.",
            "{hero} looked {where}, but the {thing} was not there.",
            "{They} felt sad and began to cry.",
        ),
        (
            "Then a {trait2} {sort2} named {friend} came by.",
            '"Why are you sad?" asked {friend}.',
            '"I lost my {colour} {thing}," said {hero}.',
            '"I will help you look," said {friend}.',
            "They looked {where} and there it was!",
        ),
        "And {hero} learned that asking for help is a good thing.",
    ),
    "broken": Plot(
        (
            "At {place}, {hero} tripped and the {colour} {thing} broke.",
            "The pieces lay {where}.",
            '"Oh no, my {thing}!" said {hero}.',
        ),
        (
            "A {trait2} {sort2} named {friend} saw what happened.",
            '"Do not worry," said {friend}. "We can fix it."',
            "They used some string and glue, and soon the {thing} was whole again.",
        ),
        "And {hero} learned that broken things can be fixed with care.",
    ),
    "stuck": Plot(
        (
            "At {place}, the wind took the {thing} and it got stuck in a tree.",
            "{hero} jumped and jumped, but {they} could not reach it.",
            '"It is too high," said {hero}.',
        ),
        (
            "A {trait2} {sort2} named {friend} heard the noise.",
            '"I can climb," said {friend}.',
            "{friend} climbed up and brought the {colour} {thing} down.",
        ),
        "And {hero} learned that friends make hard things easy.",
    ),
    "share": Plot(
        (
            'At {place}, a {trait2} {sort2} named {friend} asked, "Can I play with your {thing}?"',
            "{hero} did not want to share the {colour} {thing}.",
            "{friend} went away {where} and felt sad.",
        ),
        (
            "Then {hero} thought about it. Playing alone was not fun.",
            '{hero} ran after {friend} and said, "I am sorry. Let us play together."',
            "{friend} smiled, and they took turns with the {thing}.",
        ),
        "And {hero} learned that sharing makes every game better.",
    ),
    "dark": Plot(
        (
            "{hero} walked to {place}, but soon it got dark.",
            "{They} could not see the path home.",
            "{hero} was scared and held the {thing} tight.",
        ),
        (
            "Then {they} saw a small light. It was a {trait2} {sort2} named {friend} with a lamp.",
            '"Follow me," said {friend}. "I know the way."',
            "They walked together, step by step.",
        ),
        "And {hero} learned that being brave is easier with a friend.",
    ),
}


def _cast(draw: Draw, name: str | None, thing: str | None, place: str | None) -> tuple[dict[str, str], Plot]:
    girl = draw.chance(0.5)
    hero = name or (draw.names(1)[0] if draw.far() else draw.pick(NAMES_F if girl else NAMES_M))
    if hero in (*NAMES, *MORE_NAMES):
        girl = hero in FEMALE
    friend = draw.names(1)[0] if draw.far() else draw.pick([other for other in NAMES if other != hero])
    chosen = draw.pick(PLACES)
    where = next((near for known, near in PLACES if known == place), chosen[1])
    plot = PLOTS[draw.pick(list(PLOTS))]
    person = draw.chance(0.5)
    sort = ("girl" if girl else "boy") if person else draw.pick(ANIMALS)
    cast = {"hero": hero, "friend": friend, "place": place or chosen[0], "where": where}
    cast |= {"trait": draw.pick(TRAITS), "trait2": draw.pick(TRAITS), "sort": sort, "sort2": draw.pick(ANIMALS)}
    cast |= {"thing": thing or draw.pick(OBJECTS), "colour": draw.pick(COLOURS), "food": draw.pick(FOODS)}
    cast |= {"they": "she" if girl else "he", "their": "her" if girl else "his"}
    cast |= {"They": cast["they"].capitalize(), "Their": cast["their"].capitalize()}
    return cast, plot


def story(draw: Draw, name: str | None = None, thing: str | None = None, place: str | None = None) -> str:
    """A story of five to sixteen sentences.

    Args:
        draw: Where chance comes from.
        name: The hero; drawn when not given.
        thing: What the story turns around; drawn when not given.
        place: Where it happens, as in `vocabulary.PLACES`; drawn when not given.
    """
    cast, plot = _cast(draw, name, thing, place)
    parts = [draw.pick(OPENINGS), draw.pick(WISHES)]
    if draw.chance(0.6):
        parts.insert(draw.pick([1, 2]), draw.pick(WEATHER))
    parts += [line for line in plot.trouble if line is plot.trouble[0] or draw.chance(0.8)]
    outer = (plot.help[0], plot.help[-1])
    parts += [line for line in plot.help if line in outer or draw.chance(0.85)]
    parts += draw.sample(ENDINGS, draw.number(2, 4))
    if draw.chance(0.7):
        parts.append(plot.moral)
    return " ".join(parts).format(**cast).replace("a orange", "an orange")
