"""Tasks about code: one-line functions and greetings in six programming languages."""

from dataclasses import dataclass

from embedded.draw import Draw
from embedded.tasks.sums import Exchange
from embedded.vocabulary import split

OPERATORS = {"add": "+", "subtract": "-", "multiply": "*"}


@dataclass(frozen=True)
class Language:
    """How one programming language writes what the tasks ask for.

    Attributes:
        fence: What stands after the three backticks.
        two: A function of two numbers; takes `name` and `body`.
        one: A function of one number; takes `name` and `body`.
        hello: A program that prints a text; takes `text`.
    """

    fence: str
    two: str
    one: str
    hello: str


LANGUAGES = {
    "Python": Language(
        "python",
        "def {name}(a, b):\n    return {body}",
        "def {name}(x):\n    return {body}",
        'print("{text}")',
    ),
    "JavaScript": Language(
        "javascript",
        "function {name}(a, b) {{\n  return {body};\n}}",
        "function {name}(x) {{\n  return {body};\n}}",
        'console.log("{text}");',
    ),
    "C++": Language(
        "cpp",
        "int {name}(int a, int b) {{\n    return {body};\n}}",
        "int {name}(int x) {{\n    return {body};\n}}",
        '#include <iostream>\n\nint main() {{\n    std::cout << "{text}";\n    return 0;\n}}',
    ),
    "Rust": Language(
        "rust",
        "fn {name}(a: i32, b: i32) -> i32 {{\n    {body}\n}}",
        "fn {name}(x: i32) -> i32 {{\n    {body}\n}}",
        'fn main() {{\n    println!("{text}");\n}}',
    ),
    "Julia": Language("julia", "{name}(a, b) = {body}", "{name}(x) = {body}", 'println("{text}")'),
    "Lean 4": Language(
        "lean",
        "def {name} (a b : Nat) : Nat := {body}",
        "def {name} (x : Nat) : Nat := {body}",
        'def main : IO Unit := IO.println "{text}"',
    ),
}
SINGLE = {
    "doubled": ("x * 2", "doubles a number"),
    "square": ("x * x", "squares a number"),
    "triple": ("x * 3", "triples a number"),
    "increment": ("x + 1", "adds one to a number"),
}
KEYWORDS = frozenset(
    split(
        "abort and as asm async await begin box by class const def del do double dyn elif else end enum fin fn for from fun "
        "goto have if impl in int is let long loop match meta mod mut mutual new not of open or priv pub raise ref self show "
        "static struct super sum then this throw trait try type union unsafe use var virtual void while with yield"
    )
)
"""Words that some of the six languages keeps for itself, among those that `Draw.made_up` can make."""


def fenced(language: str, source: str) -> str:
    """Source code between the fences of its language."""
    return f"```{LANGUAGES[language].fence}\n{source}\n```"


def operation(draw: Draw) -> Exchange:
    """A function that adds, subtracts or multiplies two numbers."""
    language, name = draw.pick(list(LANGUAGES)), draw.pick(list(OPERATORS))
    sign = OPERATORS[name]
    prompt = draw.say(
        (
            f"Write a {language} function that returns a {sign} b.",
            f"{language} function to {name} two numbers.",
        ),
        (
            f"Write a {language} function that {name}s two numbers."
            if name != "multiply"
            else f"Write a {language} function that multiplies two numbers.",
            f"Write a function in {language} to {name} two numbers.",
            f"Write a {language} function named {name} that returns a {sign} b.",
            f"Write a function {name}(a, b) in {language}.",
        ),
    )
    return prompt, fenced(language, LANGUAGES[language].two.format(name=name, body=f"a {sign} b"))


def single(draw: Draw) -> Exchange:
    """A function of one number, sometimes with a name that the prompt gives."""
    language, name = draw.pick(list(LANGUAGES)), draw.pick(list(SINGLE))
    body, does = SINGLE[name]
    prompts = (
        f"Write a {language} function that {does}.",
        f"Write a {language} function {name}(x) that returns {body}.",
        f"Write a function in {language} that {does}.",
    )
    if draw.chance(0.35):
        called = next(word for word in iter(draw.made_up, "") if word not in KEYWORDS)
        prompts = (
            f"Write a {language} function named {called} that returns {body}.",
            f"Write a {language} function called {called} that {does}.",
            f"Write a function {called}(x) in {language} that returns {body}.",
        )
        return draw.pick(prompts), fenced(language, LANGUAGES[language].one.format(name=called, body=body))
    return draw.pick(prompts), fenced(language, LANGUAGES[language].one.format(name=name, body=body))


def hello(draw: Draw) -> Exchange:
    """A program that prints a text."""
    language = draw.pick(list(LANGUAGES))
    text = "Hello, world!" if draw.chance(0.5) else " ".join(draw.words(1, 2))
    if text == "Hello, world!" and draw.chance(0.5):
        prompt = draw.pick((f"Write hello world in {language}.", f"Write a hello world program in {language}."))
    else:
        prompt = draw.pick((f'Print "{text}" in {language}.', f'Write a {language} program that prints "{text}".'))
    return prompt, fenced(language, LANGUAGES[language].hello.format(text=text))
