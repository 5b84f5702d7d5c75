"""Tasks with numbers: sums, comparisons, units, word problems, sequences."""

from embedded.draw import Draw
from embedded.vocabulary import DAYS, MONTHS, OBJECTS

Exchange = tuple[str, str]
UNITS = (
    ("meters", "centimeters", 100),
    ("kilometers", "meters", 1000),
    ("hours", "minutes", 60),
    ("weeks", "days", 7),
    ("minutes", "seconds", 60),
    ("years", "months", 12),
)


def sum_of(draw: Draw, left: int, right: int) -> Exchange:
    """How to ask for a sum, and the sum."""
    prompt = draw.say(
        (
            f"What is {left} + {right}?",
            f"Add {left} and {right}.",
            f"{left} + {right} =",
            f"Compute {left} plus {right}.",
        ),
        (f"What is {left} plus {right}?", f"Calculate {left} + {right}.", f"How much is {left} + {right}?"),
    )
    return prompt, str(left + right)


def difference_of(draw: Draw, left: int, right: int) -> Exchange:
    """How to ask for a difference, and the difference."""
    prompt = draw.say(
        (f"What is {left} - {right}?", f"Subtract {right} from {left}.", f"{left} - {right} ="),
        (f"What is {left} minus {right}?", f"Calculate {left} - {right}.", f"Compute {left} minus {right}."),
    )
    return prompt, str(left - right)


def product_of(draw: Draw, left: int, right: int) -> Exchange:
    """How to ask for a product, and the product."""
    prompt = draw.say(
        (f"What is {left} * {right}?", f"Multiply {left} by {right}.", f"{left} x {right} ="),
        (f"What is {left} times {right}?", f"Calculate {left} * {right}.", f"Compute {left} times {right}."),
    )
    return prompt, str(left * right)


def add(draw: Draw) -> Exchange:
    """A sum of two numbers below 100."""
    return sum_of(draw, draw.number(0, 99), draw.number(0, 99))


def subtract(draw: Draw) -> Exchange:
    """A difference of two numbers below 100 that is not negative."""
    left = draw.number(0, 99)
    return difference_of(draw, left, draw.number(0, left))


def multiply(draw: Draw) -> Exchange:
    """A product from the table of twelve."""
    return product_of(draw, draw.number(0, 12), draw.number(0, 12))


def compare(draw: Draw) -> Exchange:
    """The larger of two numbers."""
    one, two = draw.sample(range(100), 2)
    prompt = draw.say(
        (f"Which is larger, {one} or {two}?", f"Larger number: {one}, {two}?"),
        (f"Which number is bigger: {one} or {two}?", f"Which is greater, {one} or {two}?"),
    )
    return prompt, str(max(one, two))


def smaller(draw: Draw) -> Exchange:
    """The smaller of two numbers."""
    one, two = draw.sample(range(100), 2)
    return draw.pick((f"Which is smaller, {one} or {two}?", f"Which number is less: {one} or {two}?")), str(
        min(one, two)
    )


def sort_numbers(draw: Draw) -> Exchange:
    """Two to four numbers in order."""
    numbers = draw.sample(range(100), draw.number(2, 4))
    listed = ", ".join(map(str, numbers))
    prompt = draw.say(
        (f"Sort from small to large: {listed}",),
        (
            f"Sort these numbers: {listed}",
            f"Sort in ascending order: {listed}",
            f"Put these numbers in order: {listed}",
        ),
    )
    return prompt, ", ".join(map(str, sorted(numbers)))


def convert(draw: Draw) -> Exchange:
    """A measure in a smaller unit."""
    amount = draw.number(1, 9)
    large, small, factor = draw.pick(UNITS)
    return f"Convert {amount} {large} to {small}.", f"{amount} {large} is {amount * factor} {small}."


def word_problem(draw: Draw) -> Exchange:
    """Somebody gets or gives away some things."""
    name, thing = draw.names(1)[0], draw.pick(OBJECTS)
    has, change = draw.number(2, 20), draw.number(1, 20)
    if draw.chance(0.5):
        prompt = f"{name} has {has} {thing}s and gets {change} more. How many {thing}s does {name} have?"
        return prompt, f"{has} + {change} = {has + change}. {name} has {has + change} {thing}s."
    change = min(has, change)
    prompt = f"{name} has {has} {thing}s and gives away {change}. How many {thing}s are left?"
    return prompt, f"{has} - {change} = {has - change}. {name} has {has - change} {thing}s left."


def sequence(draw: Draw) -> Exchange:
    """What comes next: in a row of numbers, letters, days or months."""
    sort = draw.pick(("numbers", "count", "letter", "day", "month"))
    if sort == "numbers":
        start, step = draw.number(1, 20), draw.number(1, 5)
        row = ", ".join(str(start + step * i) for i in range(draw.number(3, 4)))
        following = start + step * (row.count(",") + 1)
        return draw.pick((f"What comes next: {row}?", f"Continue: {row}", f"What number comes next? {row}")), str(
            following
        )
    if sort == "count":
        low = draw.number(1, 5)
        high = low + draw.number(2, 6)
        row = ", ".join(map(str, range(low, high + 1)))
        return draw.pick((f"Count from {low} to {high}.", f"List the numbers from {low} to {high}.")), row
    if sort == "letter":
        at = draw.number(0, 24)
        return f"What letter comes after {chr(65 + at)}?", chr(66 + at)
    cycle = DAYS if sort == "day" else MONTHS
    at = draw.number(0, len(cycle) - 1)
    if draw.chance(0.5):
        return f"What {sort} comes after {cycle[at]}?", cycle[(at + 1) % len(cycle)]
    return f"What {sort} comes before {cycle[at]}?", cycle[at - 1]


def parity(draw: Draw) -> Exchange:
    """Whether a number is even, or larger than another."""
    number = draw.number(0, 99)
    if draw.chance(0.5):
        return draw.pick((f"Is {number} even or odd?", f"Even or odd: {number}")), "odd" if number % 2 else "even"
    other = draw.number(0, 99)
    answer = "yes" if number > other else "no"
    return draw.pick(
        (f"Is {number} larger than {other}? Answer yes or no.", f"Yes or no: is {number} > {other}?")
    ), answer
