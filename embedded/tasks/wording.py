"""Tasks with words: copying, order, counting, spelling, opposites, classes."""

from embedded.draw import Draw
from embedded.tasks.sums import Exchange
from embedded.vocabulary import CHINESE, KINDS, OPPOSITES, WORDS, split

PRAISE = (
    "I love this {}.",
    "What a wonderful {}!",
    "The {} works perfectly.",
    "This {} made me so happy.",
    "The best {} I have ever had.",
)
BLAME = (
    "I hate this {}.",
    "What a terrible {}!",
    "The {} broke after one day.",
    "This {} made me angry.",
    "The worst {} I have ever had.",
)
REVIEWED = split("phone book movie chair song hotel game soup")
ORDINALS = ("first", "second", "third", "fourth")


def opposite(draw: Draw) -> Exchange:
    """The opposite of a word."""
    one = draw.pick(list(OPPOSITES))
    asked, answer = (one, OPPOSITES[one]) if draw.chance(0.5) else (OPPOSITES[one], one)
    prompt = draw.say(
        (f"What is the opposite of {asked}?", f'Give the opposite of "{asked}".'), (f"Opposite of {asked}:",)
    )
    return prompt, answer


def copy(draw: Draw) -> Exchange:
    """A text said again, to the letter."""
    if not draw.far():
        text = " ".join(draw.pick(WORDS) for _ in range(draw.number(2, 6)))
        return draw.say((f"Repeat: {text}", f"Copy this text exactly: {text}")), text
    text = _anything(draw)
    prompt = draw.pick(
        (
            f"Repeat: {text}",
            f"Copy this text exactly: {text}",
            f"Repeat after me: {text}",
            f'Repeat exactly: "{text}"',
            f'Say "{text}".',
            f"Say exactly: {text}",
            f'Write "{text}" and nothing else.',
            f"Copy: {text}",
            f"Repeat the following words: {text}",
            f"Echo: {text}",
            f"Please repeat this sentence: {text}",
            f"Type the following text: {text}",
        )
    )
    return prompt, text


def _anything(draw: Draw) -> str:
    """Words, numbers, codes, names or a sentence: what a copy must survive."""
    sort = draw.number(0, 8)
    if sort <= 3:
        return " ".join(draw.words(1, 7))
    if sort == 4:
        return " ".join(str(draw.number(0, 9999)) for _ in range(draw.number(1, 4)))
    if sort == 5:
        return "-".join(part.upper() if draw.chance(0.5) else str(draw.number(1, 99)) for part in draw.words(2, 3))
    if sort == 6:
        return " ".join(draw.names(draw.number(2, 4)))
    if sort == 7:
        return " ".join(draw.sample(tuple(CHINESE.values()), draw.number(1, 5)))
    one, two, three = draw.words(3, 3)
    shapes = (
        f"The {one} is on the {two}.",
        f"A {one} and a {two} saw the {three}.",
        f"{one.capitalize()}, {two}, {three}!",
    )
    return draw.pick(shapes)


def reverse(draw: Draw) -> Exchange:
    """Words in the other order."""
    words = draw.words(2, 4)
    text = " ".join(words)
    return draw.say((f"Reverse the order of these words: {text}", f"Reverse: {text}")), " ".join(words[::-1])


def end_word(draw: Draw) -> Exchange:
    """The first or the last word of a few."""
    words = draw.words(2, 5)
    first = draw.chance(0.5)
    which = "first" if first else "last"
    text = " ".join(words)
    prompt = draw.say(
        (f"What is the {which} word of: {text}",),
        (f'What is the {which} word in "{text}"?', f"Give the {which} word: {text}"),
    )
    return prompt, words[0] if first else words[-1]


def nth_word(draw: Draw) -> Exchange:
    """The second, third or fourth word of a list."""
    words = draw.words(3, 5)
    at = draw.number(0, min(len(words), 4) - 1)
    listed = draw.pick((", ", " ")).join(words)
    return draw.pick(
        (f"What is the {ORDINALS[at]} word of: {listed}", f"Give the {ORDINALS[at]} word: {listed}")
    ), words[at]


def count(draw: Draw) -> Exchange:
    """How many words a list has."""
    if not draw.reach:
        draw.pick(WORDS)  # the corpus of the tokenizer drew a word here and did not use it
        number = draw.number(1, 7)
        listed = ", ".join(draw.sample(WORDS, number))
        return f"How many words are in this list: {listed}", str(number)
    words = draw.words(1, 8)
    listed, spaced = ", ".join(words), " ".join(words)
    prompt = draw.pick(
        (
            f"How many words are in this list: {listed}",
            f"How many items are in this list: {listed}?",
            f"Count the words: {spaced}",
            f'How many words are in "{spaced}"?',
            f"How many words: {spaced}",
        )
    )
    return prompt, str(len(words))


def occurrences(draw: Draw) -> Exchange:
    """How often a word stands in a text."""
    words = draw.words(2, 3)
    text = [words[0]] * draw.number(1, 5) + [draw.pick(words[1:]) for _ in range(draw.number(0, 3))]
    draw.random.shuffle(text)
    spaced = " ".join(text)
    prompt = draw.pick(
        (
            f"How many times does {words[0]} appear: {spaced}",
            f"How many times is {words[0]} in this list: {', '.join(text)}",
            f'How often does the word "{words[0]}" appear in: {spaced}',
        )
    )
    return prompt, str(text.count(words[0]))


def letters(draw: Draw) -> Exchange:
    """How many letters a short word has."""
    word = draw.word()
    return draw.pick((f"How many letters are in the word {word}?", f'How many letters does "{word}" have?')), str(
        len(word)
    )


def sort_words(draw: Draw) -> Exchange:
    """Words in the order of the alphabet."""
    words = draw.sample(WORDS, draw.number(2, 4)) if not draw.reach or draw.chance(0.5) else draw.words(2, 4)
    listed = ", ".join(words)
    return draw.say((f"Sort alphabetically: {listed}", f"Put in alphabetical order: {listed}")), ", ".join(
        sorted(words)
    )


def capitals(draw: Draw) -> Exchange:
    """A word in capital letters, or in small ones."""
    if not draw.reach:
        word = draw.pick(WORDS)
        return draw.say((f"Write in capital letters: {word}", f"Uppercase: {word}")), word.upper()
    text = " ".join(draw.words(1, 3))
    if draw.chance(0.2):
        return draw.pick((f"Write in lower case: {text.upper()}", f"Lowercase: {text.upper()}")), text
    prompt = draw.pick(
        (
            f"Write in capital letters: {text}",
            f"Uppercase: {text}",
            f"Write in upper case: {text}",
            f'Write "{text}" in uppercase.',
            f"Convert to upper case: {text}",
        )
    )
    return prompt, text.upper()


def spell(draw: Draw) -> Exchange:
    """A word letter by letter."""
    word = draw.word()
    return draw.say((f"Spell the word {word}.",), (f'Spell "{word}".',)), "-".join(word)


def sentiment(draw: Draw) -> Exchange:
    """Whether a review is positive or negative."""
    good = draw.chance(0.5)
    review = draw.pick(PRAISE if good else BLAME).format(draw.pick(REVIEWED))
    prompt = draw.say(
        (f"Is this review positive or negative? {review}", f"Sentiment: {review}"),
        (f"Classify as positive or negative: {review}", f'Is "{review}" positive or negative?'),
    )
    return prompt, "positive" if good else "negative"


def kind(draw: Draw) -> Exchange:
    """Whether something is an animal, a colour, a fruit or a job."""
    right, wrong = draw.sample(list(KINDS), 2)
    thing = draw.pick(KINDS[right])
    pair = [right, wrong]
    draw.random.shuffle(pair)
    if thing in KINDS[wrong]:
        return f"Is {thing} a word?", "yes"
    shown = thing if right == "color" or draw.chance(0.4) else _a(thing)
    return draw.pick(
        (f"Is {shown} {_a(pair[0])} or {_a(pair[1])}?", f"Classify {thing}: {pair[0]} or {pair[1]}?")
    ), right


def _a(noun: str) -> str:
    return f"{'an' if noun[0] in 'aeiou' else 'a'} {noun}"


def odd_one(draw: Draw) -> Exchange:
    """The word that stands twice, or the longest word."""
    words = draw.words(3, 5)
    size = max(map(len, words))
    longest = [word for word in words if len(word) == size]
    if len(longest) > 1 or draw.chance(0.5):
        twice = draw.pick(words)
        row = [*words, twice]
        draw.random.shuffle(row)
        return f"Which word appears twice: {' '.join(row)}", twice
    return f"Which is the longest word: {', '.join(words)}", longest[0]
