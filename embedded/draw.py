"""One source of chance for the generator, and how far it reaches beyond the closed word lists."""

import random
from collections.abc import Sequence
from typing import TypeVar

from embedded.vocabulary import MORE_NAMES, NAMES, OBJECTS, WORDS, WORDS_OPEN, split

T = TypeVar("T")

_ONSETS = split("b c d f g h j k l m n p r s t v w z bl br ch cl dr fl fr gl gr pl pr sh sl sn sp st th tr")
_VOWELS = split("a e i o u a e i o ai ee oo ou")
_CODAS = split("b d f g k l m n p r s t x ck ll mp nd nk rm st")
_LETTERS = "abcdefghijklmnopqrstuvwxyz"


class Draw:
    """Chance with a seed; the same seed always makes the same corpus.

    Attributes:
        random: The generator of random numbers.
        reach: Chance (0 to 1) that names and words come from beyond the closed lists: longer lists and made-up words.
            0 draws exactly the corpus that the tokenizer was learned from.
    """

    def __init__(self, seed: int | str, reach: float = 0.0) -> None:
        self.random = random.Random(seed)
        self.reach = reach

    def chance(self, probability: float) -> bool:
        """Whether a coin with this probability fell on its side."""
        return self.random.random() < probability

    def pick(self, options: Sequence[T]) -> T:
        """One of the options."""
        return self.random.choice(options)

    def sample(self, options: Sequence[T], count: int) -> list[T]:
        """So many different options."""
        return self.random.sample(options, count)

    def number(self, low: int, high: int) -> int:
        """A whole number from low to high, both included."""
        return self.random.randint(low, high)

    def say(self, closed: Sequence[str], more: Sequence[str] = ()) -> str:
        """One way to say something; `more` ways are known only to a generator with reach."""
        options = [*closed, *more] if self.reach else closed
        return options[0] if len(options) == 1 else self.pick(options)

    def far(self) -> bool:
        """Whether this draw goes beyond the closed lists."""
        return bool(self.reach) and self.chance(self.reach)

    def made_up(self) -> str:
        """A word of one to three syllables, or a handful of letters, that stands in no list."""
        if self.chance(0.15):
            return "".join(self.pick(_LETTERS) for _ in range(self.number(2, 6)))
        parts = [self.pick(_ONSETS) + self.pick(_VOWELS) for _ in range(self.number(1, 3))]
        return "".join(parts) + (self.pick(_CODAS) if self.chance(0.6) else "")

    def word(self) -> str:
        """A word: from the closed list, or beyond it."""
        if not self.far():
            return self.pick(WORDS)
        return self.made_up() if self.chance(0.5) else self.pick(WORDS_OPEN)

    def words(self, few: int, many: int) -> list[str]:
        """From few to many different words of one sort."""
        count = self.number(few, many)
        if not self.far():
            return self.sample(WORDS, count)
        if self.chance(0.4):
            return self.sample(WORDS_OPEN, count)
        found: dict[str, None] = {}
        while len(found) < count:
            found[self.made_up() if self.chance(0.7) else self.pick(WORDS_OPEN)] = None
        return list(found)

    def names(self, count: int) -> list[str]:
        """So many different names."""
        if not self.far():
            return self.sample(NAMES, count)
        found: dict[str, None] = {}
        while len(found) < count:
            found[self.made_up().capitalize() if self.chance(0.5) else self.pick(MORE_NAMES)] = None
        return list(found)

    def things(self, count: int) -> list[str]:
        """So many different things that somebody can have."""
        if not self.far():
            return self.sample(OBJECTS, count)
        return self.sample([*OBJECTS, *WORDS_OPEN[30:]], count) if self.chance(0.5) else self.words(count, count)
