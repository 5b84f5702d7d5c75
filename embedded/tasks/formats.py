"""Tasks about the form of an answer: JSON, lists, one word, capitals, a word said three times."""

import json

from embedded.draw import Draw
from embedded.tasks.sums import Exchange
from embedded.vocabulary import ANIMALS, CAPITALS, COLOURS, FRUITS, KINDS, NAMES, OPPOSITES, WORDS


def person_json(draw: Draw) -> Exchange:
    """A person's name, age and city as a JSON object."""
    name = draw.names(1)[0] if draw.reach else draw.pick(NAMES)
    age = draw.number(5, 90)
    city = CAPITALS[draw.pick(list(CAPITALS))][0]
    prompt = draw.say(
        (
            f"Make JSON: {name} is {age} years old and lives in {city}.",
            f"Extract name, age and city as JSON. {name}, aged {age}, lives in {city}.",
        ),
        (f"Write as JSON with the keys name, age and city: {name} is {age} years old and lives in {city}.",),
    )
    return prompt, json.dumps({"name": name, "age": age, "city": city}, ensure_ascii=False)


def word_list_json(draw: Draw) -> Exchange:
    """Three words as a JSON list."""
    if not draw.reach:
        words = draw.sample(WORDS, 3)
        return f"Write as a JSON list: {', '.join(words)}", json.dumps(words)
    words = draw.words(2, 5)
    if draw.chance(0.2):
        numbers = [draw.number(0, 99) for _ in words]
        listed = ", ".join(map(str, numbers))
        return draw.pick((f"Write as a JSON list: {listed}", f"Write as a JSON list of numbers: {listed}")), json.dumps(
            numbers
        )
    listed = ", ".join(words)
    prompts = (
        f"Write as a JSON list: {listed}",
        f"Write as a JSON array: {listed}",
        f"Make a JSON list of {listed}.",
        f"Return a JSON array with the strings {listed}.",
    )
    return draw.pick(prompts), json.dumps(words)


def object_json(draw: Draw) -> Exchange:
    """One or two keys with their values as a JSON object."""
    keys = draw.words(1, 3)[:2]
    values: list[str | int | bool] = []
    for _ in keys:
        sort = draw.number(0, 5)
        values.append(draw.number(0, 999) if sort < 2 else draw.chance(0.5) if sort == 2 else draw.word())
    shown = [json.dumps(value) for value in values]
    answer = json.dumps(dict(zip(keys, values, strict=True)))
    if len(keys) == 1:
        prompts: tuple[str, ...] = (
            f'Make a JSON object with the key "{keys[0]}" and the value {shown[0]}.',
            f"Write a JSON object where {keys[0]} is {shown[0]}.",
            f"Make JSON: {keys[0]} = {shown[0]}",
            f'Reply with a JSON object that has the key "{keys[0]}" with the value {shown[0]}.',
        )
        return draw.pick(prompts), answer
    prompts = (
        f"Make JSON: {keys[0]} = {shown[0]}, {keys[1]} = {shown[1]}",
        f"Write as JSON: {keys[0]}: {shown[0]}, {keys[1]}: {shown[1]}",
        f"Make a JSON object with {keys[0]} = {shown[0]} and {keys[1]} = {shown[1]}.",
    )
    return draw.pick(prompts), answer


def pet_json(draw: Draw) -> Exchange:
    """Somebody and their animal as a JSON object in which an object stands."""
    name, pet = draw.names(2)
    animal = draw.pick(ANIMALS)
    prompts = (
        f"Make JSON with name and pet: {name} has a {animal} named {pet}.",
        f"Write as JSON with the keys name and pet: {name} has a {animal} called {pet}.",
    )
    return draw.pick(prompts), json.dumps({"name": name, "pet": {"kind": animal, "name": pet}})


def listing(draw: Draw) -> Exchange:
    """Words as a numbered list, with dashes, one a line, or between commas."""
    words = draw.words(2, 5)
    given, spaced = ", ".join(words), " ".join(words)
    sort = draw.number(0, 4)
    if sort <= 1:
        answer = "\n".join(f"{i}. {word}" for i, word in enumerate(words, 1))
        return draw.pick((f"Write as a numbered list: {given}", f"Make a numbered list of: {given}")), answer
    if sort == 2:
        answer = "\n".join(f"- {word}" for word in words)
        return draw.pick((f"Write as a bullet list: {given}", f"Make a bulleted list: {given}")), answer
    if sort == 3:
        return draw.pick((f"Write one word per line: {spaced}", f"One word a line: {given}")), "\n".join(words)
    return draw.pick((f"Separate with commas: {spaced}", f"Write with commas between the words: {spaced}")), given


def examples(draw: Draw) -> Exchange:
    """Some animals, colours, fruits or jobs, as a numbered list or between commas."""
    name = draw.pick(list(KINDS))
    number = draw.number(2, 4)
    chosen = draw.sample(KINDS[name], number)
    told = {2: "two", 3: "three", 4: "four"}[number]
    sort = draw.number(0, 2)
    if sort == 0:
        answer = "\n".join(f"{i}. {thing}" for i, thing in enumerate(chosen, 1))
        return draw.pick(
            (f"List {told} {name}s as a numbered list.", f"Write a numbered list of {told} {name}s.")
        ), answer
    if sort == 1:
        return f"Give me a JSON list of {told} {name}s.", json.dumps(chosen)
    return draw.pick((f"Name {told} {name}s.", f"List {told} {name}s.", f"Give {told} {name}s.")), ", ".join(chosen)


def short_fact(draw: Draw) -> tuple[str, str]:
    """A question and its answer in one word."""
    if draw.chance(0.4):
        country = draw.pick(list(CAPITALS))
        return f"What is the capital of {country}?", CAPITALS[country][0]
    if draw.chance(0.4):
        word = draw.pick(list(OPPOSITES))
        return f"What is the opposite of {word}?", OPPOSITES[word]
    kind = draw.pick(("fruit", "color"))
    thing = draw.pick(FRUITS if kind == "fruit" else COLOURS)
    other = "color" if kind == "fruit" else "fruit"
    if thing == "orange":
        return "What is the opposite of hot?", "cold"
    return f"Is {thing} a {kind} or a {other}?", kind


def one_word(draw: Draw) -> Exchange:
    """A question to be answered with one word, or in capital letters."""
    question, answer = short_fact(draw)
    if draw.chance(0.4):
        loud = (
            f"Answer in upper case: {question}",
            f"{question} Answer in capital letters.",
            f"Answer in capital letters: {question}",
            f"{question} Answer in upper case.",
        )
        return draw.pick(loud), answer.upper()
    prompts = (
        f"Answer with one word: {question}",
        f"{question} Answer with one word.",
        f"{question} Answer in one word.",
        f"Answer in one word: {question}",
        f"{question} One word only.",
    )
    return draw.pick(prompts), answer


def repetition(draw: Draw) -> Exchange:
    """A word said two to five times."""
    word, number = draw.word(), draw.number(2, 5)
    told = {2: "two", 3: "three", 4: "four", 5: "five"}[number]
    prompts = (
        f"Say {word} {told} times.",
        f'Write the word "{word}" {told} times.',
        f"Write {word} {number} times.",
        f"Repeat the word {word} {told} times.",
    )
    return draw.pick(prompts), " ".join([word] * number)


def only(draw: Draw) -> Exchange:
    """One word and nothing else, or a text that starts or ends as asked."""
    word, other = draw.words(2, 2)
    sort = draw.number(0, 3)
    if sort == 0:
        return draw.pick(
            (f"Say only the word {word}.", f"Answer only with the word {word}.", f"Reply with {word}.")
        ), word
    if sort == 1:
        return draw.pick((f"Put {word} in quotes.", f"Write {word} in double quotes.")), f'"{word}"'
    if sort == 2:
        return draw.pick(
            (f"Join with a hyphen: {word} {other}", f"Write with a hyphen: {word} {other}")
        ), f"{word}-{other}"
    return draw.pick((f"Write {word} in square brackets.", f"Put {word} in square brackets.")), f"[{word}]"
