"""What the generator should answer, worked out from a prompt alone: words, numbers, forms, code."""

import ast
import json
import re

from tree_sitter import Language, Parser

from embedded.tasks import Example
from embedded.tasks.code import KEYWORDS
from embedded.vocabulary import CAPITALS, CHINESE, DAYS, FEMALE, KINDS, MEASURES, MONTHS, MORE_NAMES, NAMES, OPPOSITES

ROWS = 250
NOT_THERE = "The context does not say."
OPPOSITE = OPPOSITES | {other: one for one, other in OPPOSITES.items()}
COUNTS = {"two": 2, "three": 3, "four": 4, "five": 5}
PLACES = {"first": 0, "second": 1, "third": 2, "fourth": 3, "last": -1}
UNITS = {
    "meters centimeters": 100,
    "kilometers meters": 1000,
    "hours minutes": 60,
    "weeks days": 7,
    "minutes seconds": 60,
    "years months": 12,
}
FENCES = {
    "Python": "python",
    "JavaScript": "javascript",
    "C++": "cpp",
    "Rust": "rust",
    "Julia": "julia",
    "Lean 4": "lean",
}


def numbers(text: str) -> list[int]:
    return [int(found) for found in re.findall(r"\d+", text)]


def after(prompt: str) -> list[str]:
    """The words that a task is about: in quotes, or behind its colon."""
    quoted = re.search(r'"(.*)"', prompt)
    return re.split(r",? ", quoted[1] if quoted else prompt.partition(": ")[2].rstrip("?"))


def fact(question: str) -> str:
    """The answer in one word to a capital, an opposite or a class."""
    if found := re.search(r"capital of (\w+)", question):
        return CAPITALS[found[1]][0]
    if found := re.search(r"opposite of (\w+)", question):
        return OPPOSITE[found[1]]
    if found := re.search(r"(?:Repeat:|Say) (\w+)", question):
        return found[1]
    found = re.search(r"Is (\w+) an? (\w+) or an? (\w+)", question)
    assert found
    return next(kind for kind in found.groups()[1:] if found[1] in KINDS[kind])


def difference(row: Example) -> bool:
    left, right = numbers(row.prompt)
    return int(row.answer) == (right - left if row.prompt.startswith("Subtract") else left - right)


def product(row: Example) -> bool:
    left, right = numbers(row.prompt)
    return int(row.answer) == left * right


def word_problem(row: Example) -> bool:
    has, change = numbers(row.prompt)
    whole = has + change if "gets" in row.prompt else has - change
    stated = re.fullmatch(r"(\d+) ([+-]) (\d+) = (\d+)\. .* has (\d+) .*", row.answer)
    assert stated
    return stated.groups() == (str(has), "+" if "gets" in row.prompt else "-", str(change), str(whole), str(whole))


def next_one(row: Example) -> bool:
    prompt, found = row.prompt, numbers(row.prompt)
    if re.search(r"from \d+ to", prompt):
        return row.answer == ", ".join(map(str, range(found[0], found[1] + 1)))
    if found:
        return {b - a for a, b in zip(found, [*found[1:], int(row.answer)], strict=True)} == {found[1] - found[0]}
    if letter := re.search(r"letter comes after (\w)\?", prompt):
        return ord(row.answer) == ord(letter[1]) + 1
    way, said = re.findall(r"(after|before) (\w+)", prompt)[0]
    cycle = DAYS if said in DAYS else MONTHS
    return row.answer == cycle[(cycle.index(said) + (1 if way == "after" else -1)) % len(cycle)]


def parity(row: Example) -> bool:
    found = numbers(row.prompt)
    if len(found) == 1:
        return row.answer == ("odd", "even")[found[0] % 2 == 0]
    return row.answer == ("no", "yes")[found[0] > found[1]]


def translated(row: Example) -> bool:
    """One word, in whichever direction."""
    chinese = row.answer if re.search(r"[^\x00-\x7f]", row.answer) else None
    english = next(word for word, said in CHINESE.items() if said == chinese) if chinese else row.answer
    return english in row.prompt if chinese else CHINESE[english] in row.prompt


def sentence(row: Example) -> bool:
    """Both sentences are about the same noun; one that is counted has its measure word in Chinese, an article in English."""
    both = [row.prompt.partition("：")[2] or row.prompt.partition(": ")[2] or row.prompt, row.answer]
    chinese = both[1] if re.search(r"[^\x00-\x7f]", row.answer) else both[0]
    english = both[0] if chinese == both[1] else both[1]
    noun = next(word for word in MEASURES if re.search(rf"\b{word}s?\b", english))
    assert CHINESE[noun] in chinese
    if re.search(r"\b[Tt]his is|\bhave\b|\bsee\b|\bhas\b", english):
        assert f"{MEASURES[noun]}{CHINESE[noun]}" in chinese
        assert bool(re.search(r"\ban? ", english)) == bool(MEASURES[noun])
    else:
        assert "一" not in chinese
    return "a apple" not in english and "waters" not in english and "fishs" not in english


def end_word(row: Example) -> bool:
    which = re.search(r"(first|last|second|third|fourth) word", row.prompt)
    assert which
    return row.answer == after(row.prompt)[PLACES[which[1]]]


def odd_one(row: Example) -> bool:
    words = row.prompt.partition(": ")[2].replace(",", "").split()
    if "twice" in row.prompt:
        return [word for word in set(words) if words.count(word) == 2] == [row.answer]
    return all(len(word) < len(row.answer) for word in words if word != row.answer)


def appears(row: Example) -> bool:
    said = re.search(r'times (?:does|is) (\w+)|word "(\w+)"', row.prompt)
    assert said
    text = row.prompt.rpartition(": ")[2]
    return int(row.answer) == re.findall(r"\w+", text).count(said[1] or said[2])


def capitals(row: Example) -> bool:
    text = " ".join(after(row.prompt))
    return row.answer == (text.lower() if re.match("Write in lower|Lowercase", row.prompt) else text.upper())


def sentiment(row: Example) -> bool:
    review = re.split(" (?:Say|Answer|You must say|Write) ", row.prompt)[0]
    good = re.search("love|wonderful|works perfectly|so happy|best", review)
    bad = re.search("hate|terrible|broke|angry|worst", review)
    assert bool(good) != bool(bad)
    return row.answer == ("positive" if good else "negative")


def person(row: Example) -> bool:
    found = json.loads(row.answer)
    return list(found) == ["name", "age", "city"] and all(str(value) in row.prompt for value in found.values())


def json_list(row: Example) -> bool:
    given = re.sub(r".*(?:: | of | strings )", "", row.prompt).rstrip(".")
    return [str(each) for each in json.loads(row.answer)] == given.split(", ")


def json_object(row: Example) -> bool:
    found = json.loads(row.answer)
    return 1 <= len(found) <= 2 and all(
        key in row.prompt and json.dumps(value) in row.prompt for key, value in found.items()
    )


def pet(row: Example) -> bool:
    found = json.loads(row.answer)
    said = re.search(r"(\w+) has an? (\w+) (?:named|called) (\w+)\.", row.prompt)
    assert said
    return (found["name"], found["pet"]["kind"], found["pet"]["name"]) == said.groups()


def listing(row: Example) -> bool:
    words = re.split(r",? ", row.prompt.partition(": ")[2])
    lines = {
        "numbered": "\n".join(f"{at}. {word}" for at, word in enumerate(words, 1)),
        "bullet": "\n".join(f"- {word}" for word in words),
        "ine": "\n".join(words),
        "omma": ", ".join(words),
    }
    return row.answer == next(said for sort, said in lines.items() if sort in row.prompt.partition(": ")[0])


def examples(row: Example) -> bool:
    said = re.search(r"(two|three|four) (\w+)s\b", row.prompt)
    assert said
    found = json.loads(row.answer) if row.answer[0] == "[" else re.split(r", |\n", re.sub(r"\d\. ", "", row.answer))
    return len(set(found)) == len(found) == COUNTS[said[1]] and set(found) <= set(KINDS[said[2]])


def one_word(row: Example) -> bool:
    loud = re.search("upper case|capital letters", row.prompt)
    return row.answer == (fact(row.prompt).upper() if loud else fact(row.prompt))


def again(row: Example) -> bool:
    times = (
        next((count for word, count in COUNTS.items() if f" {word} times" in row.prompt), 0) or numbers(row.prompt)[-1]
    )
    words = row.answer.split()
    return len(words) == times and set(words) == {words[0]} and words[0] in row.prompt.replace('"', "").split()


def only(row: Example) -> bool:
    if "hyphen" in row.prompt:
        return row.answer.split("-") == row.prompt.partition(": ")[2].split()
    said = re.search(r"Put (\w+) in|Write (\w+) in|word (\w+)\.|with (\w+)\.", row.prompt)
    assert said
    word = next(filter(None, said.groups()))
    frame = '"{}"' if "quotes" in row.prompt else "[{}]" if "brackets" in row.prompt else "{}"
    return row.answer == frame.format(word)


def source(row: Example) -> str:
    """The code of an answer, which must be in the language that was asked for, and parse."""
    language = max((name for name in FENCES if name in row.prompt), key=len)
    fence, _, code = row.answer.removesuffix("\n```").partition("\n")
    assert fence == f"```{FENCES[language]}"
    if language == "Python":
        ast.parse(code)
    elif language != "Lean 4":
        import importlib

        grammar = Language(importlib.import_module(f"tree_sitter_{FENCES[language]}").language())
        assert not Parser(grammar).parse(code.encode()).root_node.has_error, code
    else:
        assert re.fullmatch(
            r'def \w+ \((?:a b|x) : Nat\) : Nat := \w+ [-+*] \w+|def main : IO Unit := IO.println ".*"', code
        )
    return code


def function(row: Example) -> bool:
    signs = {
        "add": "+",
        "subtract": "-",
        "multipl": "*",
        "double": "x * 2",
        "square": "x * x",
        "triple": "x * 3",
        "one": "x + 1",
    }
    asked = re.search(r"returns (\w+ [-+*] \w+)", row.prompt)
    body = asked[1] if asked else signs[next(name for name in signs if name in row.prompt)]
    called = re.search(r"(?:named|called) (\w+)|function (\w+)\(", row.prompt)
    name = re.search(r"(?:def|function|int|fn) (\w+)|^(\w+)\(", source(row))
    assert name
    assert (name[1] or name[2]) not in KEYWORDS
    return body in row.answer and (not called or (called[1] or called[2]) == (name[1] or name[2]))


def printed(row: Example) -> bool:
    text = re.search(r'"(.*)"', row.prompt)
    return f'"{text[1] if text else "Hello, world!"}"' in source(row)


def exchanges(row: Example) -> bool:
    """Every exchange of the dialogue is right by itself."""
    return len([role for role, _ in row.turns if role == "user"]) >= 2


def story(row: Example) -> bool:
    name = re.search(r"story about (\w+)", row.prompt)
    thing = re.search(r"and an? (\w+)\.|, an? (\w+) and", row.prompt)
    assert name
    assert not re.search(r"[{}]|\ba [aeiou]", row.answer)
    held = thing[1] or thing[2] if thing else ""
    if name[1] in (*NAMES, *MORE_NAMES) and held not in ("", "boy", "girl"):
        assert not re.search(rf"\b{'boy' if name[1] in FEMALE else 'girl'}\b", row.answer), row.answer
    return row.answer.count(name[1]) >= 2 and held in row.answer
