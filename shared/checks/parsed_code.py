"""Whether a function in C++, JavaScript, Rust, Julia or Lean 4 combines its parameters as asked: parsed, never run.

The four that tree-sitter knows are read by its grammars, Lean 4 by `shared.checks.lean_code`.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING, Any, Literal

from shared.checks import lean_code
from shared.checks.code_blocks import LONGEST, block
from shared.checks.verdicts import RIGHT, Verdict, shown, wrong

if TYPE_CHECKING:
    from tree_sitter import Language as Grammar
    from tree_sitter import Node

Language = Literal["cpp", "javascript", "rust", "julia", "lean"]
TITLES = {"cpp": "C++", "javascript": "JavaScript", "rust": "Rust", "julia": "Julia", "lean": "Lean 4"}


@dataclass(frozen=True)
class Function:
    """One function of an answer.

    Attributes:
        name: What it is called.
        parameters: Their names, in order.
        results: What it returns, for each place where it does: (left, operator, right), or None for anything else.
    """

    name: str
    parameters: tuple[str, ...]
    results: tuple[tuple[str, str, str] | None, ...]


def code(answer: str, *, language: Language, names: Sequence[str], parameters: int, operator: str) -> Verdict:
    """The answer is code without a fault, with a function that returns its two parameters combined.

    Args:
        answer: What the model said: code alone, or with a code block somewhere in it.
        language: cpp, javascript, rust, julia or lean.
        names: The function's name has one of these in it.
        parameters: How many parameters it has.
        operator: What combines them; the order counts unless it is + or *.
    """
    text = block(answer)
    if not text.strip() or len(text) > LONGEST:
        return wrong(f"There is no code in it, or too much: {len(text):,} characters.")
    try:
        functions = _lean(text) if language == "lean" else _functions(text, language)
    except SyntaxError as error:
        return wrong(f"It cannot be read as {TITLES[language]} (line {error.lineno}): {shown(text)}.")
    found = [each for each in functions if any(name in each.name.lower() for name in names)]
    if not found:
        return wrong(f'There is no function whose name has "{names[0]}" in it: {shown(text)}.')
    function = found[0]
    if len(function.parameters) != parameters:
        return wrong(f"The function has {len(function.parameters)} parameters; it should have {parameters}.")
    if not function.results:
        return wrong("The function returns nothing.")
    for result in function.results:
        if result is None or not _combines(result, function.parameters, operator):
            said = " ".join(result) if result else "something else"
            return wrong(f"It should return {f' {operator} '.join(function.parameters)}, and returns {said}.")
    return RIGHT


def _combines(result: tuple[str, str, str], parameters: Sequence[str], operator: str) -> bool:
    left, sign, right = result
    pairs = [tuple(parameters), tuple(reversed(parameters))] if operator in ("+", "*") else [tuple(parameters)]
    return sign == operator and (left, right) in pairs


def _lean(text: str) -> list[Function]:
    return [Function(each.name, each.parameters, (each.result,)) for each in lean_code.definitions(text)]


@cache
def _grammar(language: str) -> "Grammar":
    from tree_sitter import Language as Grammar

    return Grammar(import_module(f"tree_sitter_{language}").language())


def _functions(text: str, language: str) -> list[Function]:
    """Every function of a text.

    Raises:
        SyntaxError: The text is not of this language.
    """
    from tree_sitter import Parser

    root = Parser(_grammar(language)).parse(text.encode("utf-8")).root_node
    if root.has_error:
        fault = next((node for node in _walk(root) if node.is_error or node.is_missing), root)
        raise SyntaxError("", ("", fault.start_point[0] + 1, 0, ""))
    return [function for node in _walk(root) if (function := _READ[language](node))]


def _walk(node: "Node") -> Iterator["Node"]:
    """A node and everything below it, in the order of the text; without recursion, which deep nesting would exhaust."""
    waiting = [node]
    while waiting:
        current = waiting.pop()
        yield current
        waiting.extend(reversed(current.children))


def _text(node: "Node | None") -> str:
    return node.text.decode("utf-8") if node is not None and node.text is not None else ""


def _field(node: "Node", *names: str) -> "Node | None":
    """A field of a field of ... a node."""
    found: Node | None = node
    for name in names:
        found = found.child_by_field_name(name) if found is not None else None
    return found


def _unwrapped(node: "Node", kinds: Sequence[str]) -> "Node":
    """The first thing inside a node, as long as the node is only a wrapping of one of these kinds."""
    while node.type in kinds and node.named_children:
        node = node.named_children[0]
    return node


def _cpp(node: "Node") -> Function | None:
    wrappings = ("pointer_declarator", "reference_declarator")
    if node.type == "function_definition" and (declarator := _field(node, "declarator")):
        declarator = _unwrapped(declarator, wrappings)
        name, listed = _text(_field(declarator, "declarator")).rpartition("::")[2], _field(declarator, "parameters")
    elif node.type == "init_declarator" and (made := _field(node, "value")) and made.type == "lambda_expression":
        name, listed = _text(_field(node, "declarator")), _field(made, "declarator", "parameters")
    else:
        return None
    typed = node.type != "function_definition" or _text(_field(node, "type")) not in _NO_NUMBERS
    declared = [_field(each, "declarator") for each in (listed.named_children if listed else [])]
    parameters = [_text(_unwrapped(each, wrappings)) for each in declared if each is not None]
    return _function(name, parameters, _returned(node) if typed else [], node)


def _javascript(node: "Node") -> Function | None:
    made = node if node.type == "function_declaration" else _field(node, "value")
    if made is None or (made is not node and made.type not in ("arrow_function", "function_expression")):
        return None
    single, listed = _field(made, "parameter"), _field(made, "parameters")
    parameters = [single] if single else list(listed.named_children if listed else [])
    body = _field(made, "body")
    results = _returned(made) if body is None or body.type == "statement_block" else [body]
    return _function(_text(_field(node, "name")), [_text(each) for each in parameters], results, made)


def _rust(node: "Node") -> Function | None:
    if node.type != "function_item" or _text(_field(node, "return_type")) in _NO_NUMBERS:
        return None
    listed, body = _field(node, "parameters"), _field(node, "body")
    typed = [each for each in (listed.named_children if listed else []) if each.type == "parameter"]
    last = body.named_children[-1] if body is not None and body.named_children else None
    results = _returned(node)
    if last is not None and last.type not in ("expression_statement", "let_declaration", "return_expression"):
        results = [*results, last]
    return _function(_text(_field(node, "name")), [_text(_field(each, "pattern")) for each in typed], results, node)


def _julia(node: "Node") -> Function | None:
    children = node.named_children
    if node.type == "function_definition" and children:
        call, last = _unwrapped(children[0], ("signature", "typed_expression", "where_expression")), children[-1]
        results = _returned(node) or ([last] if len(children) > 1 else [])
    elif node.type == "assignment" and len(children) == 3 and children[2].type == "arrow_function_expression":
        given, body = children[2].named_children[0], children[2].named_children[-1]
        return _function(_text(children[0]), [_text(each) for each in given.named_children], [body], node)
    elif node.type == "assignment" and len(children) == 3:
        call, results = _unwrapped(children[0], ("typed_expression", "where_expression")), [children[2]]
    else:
        return None
    if call.type != "call_expression":
        return None
    listed = [each for each in call.named_children[1].named_children if call.named_child_count > 1]
    parameters = [_text(_unwrapped(each, ("typed_expression",))) for each in listed]
    return _function(_text(call.named_children[0]), parameters, results, node)


# What a function that combines two numbers does not return; "function" is how another language begins one.
_NO_NUMBERS = {"", "void", "bool", "function", "string", "std::string", "String", "&str", "char", "()", "Self"}
_READ: dict[str, Any] = {"cpp": _cpp, "javascript": _javascript, "rust": _rust, "julia": _julia}


def _returned(function: "Node") -> list["Node"]:
    """What stands behind every `return`."""
    kinds = ("return_statement", "return_expression")
    return [node.named_children[0] for node in _walk(function) if node.type in kinds and node.named_children]


def _function(name: str, parameters: Sequence[str], results: Sequence["Node"], inside: "Node") -> Function:
    changed = any(_given(each, parameter) for each in _walk(inside) for parameter in parameters)
    return Function(name, tuple(parameters), tuple(None if changed else _result(node, inside) for node in results))


def _result(node: "Node", inside: "Node") -> tuple[str, str, str] | None:
    """The two sides and the operator of a returned expression; a name stands for what was last given to it."""
    node = _unwrapped(node, ("parenthesized_expression",))
    if node.type == "identifier":
        given = [value for each in _walk(inside) if (value := _given(each, _text(node)))]
        node = _unwrapped(given[-1], ("parenthesized_expression",)) if given else node
    if node.type != "binary_expression" or len(node.children) != 3:
        return None
    left, sign, right = node.children
    return _text(left), _text(sign), _text(right)


def _given(node: "Node", name: str) -> "Node | None":
    """The value that a declaration or an assignment gives to a name; None for any other node."""
    if node.type == "assignment" and len(node.named_children) == 3:
        return node.named_children[2] if _text(node.named_children[0]) == name else None
    for field, value in (("name", "value"), ("declarator", "value"), ("pattern", "value"), ("left", "right")):
        if _text(_field(node, field)) == name and node.type != "binary_expression":
            return _field(node, value)
    return None
