"""Whether a Python function computes the right values, worked out on its syntax tree: nothing of an answer is ever run."""

import ast
import operator
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from shared.checks.code_blocks import LONGEST, block
from shared.checks.verdicts import RIGHT, Verdict, shown, wrong

Value = int | float | bool | tuple[Any, ...]

_LARGEST = 2**64
_BINARY: Mapping[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
}
_UNARY: Mapping[type[ast.unaryop], Callable[[Any], Any]] = {
    ast.USub: operator.neg,
    ast.UAdd: operator.pos,
    ast.Not: operator.not_,
}
_COMPARE: Mapping[type[ast.cmpop], Callable[[Any, Any], bool]] = {
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
}
_CALLS: Mapping[str, Callable[..., Any]] = {"max": max, "min": min, "abs": abs, "sum": sum, "int": int, "float": float}


class _CannotFollowError(Exception):
    """The function does something that is not worked out here, or that would raise."""


class _ReturnedError(Exception):
    """The function returned: how `_run` leaves nested blocks."""

    def __init__(self, value: Value | None) -> None:
        super().__init__()
        self.value = value


def python(answer: str, *, names: Sequence[str], parameters: int, cases: Sequence[Sequence[float]]) -> Verdict:
    """The answer is Python with a function that has the right name, number of parameters and results.

    Args:
        answer: What the model said: code alone, or with a code block somewhere in it.
        names: The function's name has one of these in it.
        parameters: How many parameters it has.
        cases: Arguments, and behind them the result.
    """
    text = block(answer)
    if not text.strip() or len(text) > LONGEST:
        return wrong(f"There is no code in it, or too much: {len(text):,} characters.")
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError, MemoryError, RecursionError) as error:
        return wrong(f"It is not Python ({error}): {shown(text)}.")
    function = _find(tree, names)
    if function is None:
        return wrong(f'There is no function whose name has "{names[0]}" in it: {shown(text)}.')
    arguments = [argument.arg for argument in [*function.args.posonlyargs, *function.args.args]]
    if len(arguments) != parameters:
        return wrong(f"The function has {len(arguments)} parameters; it should have {parameters}.")
    for *given, expected in cases:
        try:
            result = _work_out(function, dict(zip(arguments, given, strict=True)))
        except _CannotFollowError as error:
            return wrong(f"The function {error}.")
        except RecursionError:
            return wrong("The function has too many brackets to be read.")
        if result is None or isinstance(result, tuple) or result != expected:
            return wrong(
                f"For {', '.join(f'{each:g}' for each in given)} it should return {expected:g}, and returns {_told(result)}."
            )
    return RIGHT


def _find(tree: ast.Module, names: Sequence[str]) -> ast.FunctionDef | ast.Lambda | None:
    """The first function at the top whose name has one of the names in it."""
    for node in tree.body:
        if isinstance(node, ast.FunctionDef) and any(name in node.name.lower() for name in names):
            return node
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Lambda):
            target = node.targets[0]
            if isinstance(target, ast.Name) and any(name in target.id.lower() for name in names):
                return node.value
    return None


def _work_out(function: ast.FunctionDef | ast.Lambda, scope: dict[str, Value]) -> Value | None:
    """What the function returns; None when it returns nothing."""
    if isinstance(function, ast.Lambda):
        return _value(function.body, scope)
    try:
        _run(function.body, scope)
    except _ReturnedError as returned:
        return returned.value
    return None


def _run(statements: Sequence[ast.stmt], scope: dict[str, Value]) -> None:
    """Follow statements one after the other. There are no loops, so it ends."""
    for node in statements:
        match node:
            case ast.Return():
                raise _ReturnedError(None if node.value is None else _value(node.value, scope))
            case (
                ast.Assign(targets=[ast.Name(id=name)], value=value)
                | ast.AnnAssign(target=ast.Name(id=name), value=ast.expr() as value)
            ):
                scope[name] = _value(value, scope)
            case ast.AugAssign(target=ast.Name(id=name), op=op, value=value):
                scope[name] = _value(ast.BinOp(ast.Name(name), op, value), scope)
            case ast.If():
                _run(node.body if _value(node.test, scope) else node.orelse, scope)
            case ast.Pass() | ast.Expr(value=ast.Constant()):
                pass
            case _:
                raise _CannotFollowError(f"does more than it should: {_quoted(node)}")


def _value(node: ast.expr, scope: Mapping[str, Value]) -> Value:
    """What an expression comes to."""
    match node:
        case ast.Constant(value=int() | float() as value):
            return _apply(operator.pos, [value], node)
        case ast.Name(id=name) if name in scope:
            return scope[name]
        case ast.BinOp() if type(node.op) in _BINARY:
            return _apply(_BINARY[type(node.op)], [_value(node.left, scope), _value(node.right, scope)], node)
        case ast.UnaryOp() if type(node.op) in _UNARY:
            return _apply(_UNARY[type(node.op)], [_value(node.operand, scope)], node)
        case ast.IfExp():
            return _value(node.body if _value(node.test, scope) else node.orelse, scope)
        case ast.BoolOp(op=ast.And()):
            return all(_value(each, scope) for each in node.values)
        case ast.BoolOp():
            return any(_value(each, scope) for each in node.values)
        case ast.Compare():
            return _compare(node, scope)
        case ast.Tuple() | ast.List():
            return tuple(_value(each, scope) for each in node.elts)
        case ast.Call(func=ast.Name(id=name), keywords=[]) if name in _CALLS:
            return _apply(_CALLS[name], [_value(each, scope) for each in node.args], node)
    raise _CannotFollowError(f"does more than it should: {_quoted(node)}")


def _compare(node: ast.Compare, scope: Mapping[str, Value]) -> bool:
    values = [_value(each, scope) for each in [node.left, *node.comparators]]
    for place, op in enumerate(node.ops):
        if type(op) not in _COMPARE:
            raise _CannotFollowError(f"does more than it should: {_quoted(node)}")
        if not _apply(_COMPARE[type(op)], values[place : place + 2], node):
            return False
    return True


def _apply(function: Callable[..., Any], values: Sequence[Value], node: ast.expr) -> Value:
    """One step of arithmetic; tuples are only ever an argument of max, min and sum."""
    if function not in _CALLS.values() and any(isinstance(value, tuple) for value in values):
        raise _CannotFollowError(f"does more than it should: {_quoted(node)}")
    try:
        result: Value = _bounded(function(*values))
        return result
    except (ArithmeticError, TypeError, ValueError):
        raise _CannotFollowError(f"raises an error at {_quoted(node)}") from None


def _bounded(value: Any) -> Any:
    if isinstance(value, int | float) and not abs(value) <= _LARGEST:
        raise _CannotFollowError("computes with numbers that are too large")
    return value


def _quoted(node: ast.AST) -> str:
    try:
        return shown(ast.unparse(node))
    except (RecursionError, ValueError):
        return "a long expression"


def _told(result: Value | None) -> str:
    return "nothing" if result is None else "several values" if isinstance(result, tuple) else f"{result:g}"
