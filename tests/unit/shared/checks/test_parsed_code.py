import pytest

from shared.checks.parsed_code import code

SUBTRACT = {"names": ["sub"], "parameters": 2, "operator": "-"}


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("cpp", "int sub(int a, int b) {\n    return a - b;\n}"),
        (
            "cpp",
            "#include <iostream>\n\ntemplate <typename T>\nT sub(T a, const T& b) {\n    return (a - b);\n}\n\nint main() { return 0; }",
        ),
        ("cpp", "int Math::sub(int a, int b) { int c = a - b; return c; }"),
        ("cpp", "double& sub(double* a, double b) { return a - b; }"),
        ("cpp", "auto sub = [](int a, int b) { return a - b; };"),
        ("javascript", "function sub(a, b) {\n  return a - b;\n}\n\nconsole.log(sub(1, 2));"),
        ("javascript", "const sub = (a, b) => a - b;"),
        ("javascript", "const sub = (a, b) => {\n  const c = a - b;\n  return c;\n};"),
        ("javascript", "let sub = function (a, b) { return (a - b); };"),
        ("javascript", "export function sub(a, b) { return a - b }"),
        ("rust", "fn sub(a: i32, b: i32) -> i32 {\n    a - b\n}"),
        ("rust", "pub fn sub(a: f64, b: f64) -> f64 {\n    return a - b;\n}\n\nfn main() {}"),
        ("rust", "fn sub(a: i32, b: i32) -> i32 {\n    let c = a - b;\n    c\n}"),
        ("rust", "fn sub(a: i32, b: i32) -> i32 { return a - b }"),
        ("julia", "sub(a, b) = a - b"),
        ("julia", "sub(a::Int, b::Int)::Int = a - b"),
        ("julia", "function sub(a, b)\n    a - b\nend"),
        ("julia", "function sub(a::T, b::T)::T where {T<:Number}\n    return a - b\nend"),
        ("julia", "function sub(a, b)\n    c = a - b\n    return c\nend"),
        ("lean", "def sub (a b : Int) : Int := a - b"),
    ],
)
def test_right_functions(language: str, text: str) -> None:
    verdict = code(f"Of course!\n\n```\n{text}\n```\n\nDone.", language=language, **SUBTRACT)
    assert verdict.passed, verdict.why


@pytest.mark.parametrize(
    ("language", "text", "words"),
    [
        ("cpp", "", "no code"),
        ("cpp", "(" * 100_000, "too much"),
        ("cpp", "int sub(int a, int b) { return a - b }", "cannot be read as C++ (line 1)"),
        ("cpp", "int sub(int a, int b) { return b - a; }", "should return a - b, and returns b - a"),
        ("cpp", "int add(int a, int b) { return a - b; }", "no function"),
        ("cpp", "int sub(int, int) { return a - b; }", "0 parameters"),
        ("cpp", "int sub;", "no function"),
        ("cpp", "void sub(int a, int b) { }", "returns nothing"),
        ("cpp", "int sub(int a, int b) { return minus(a, b); }", "returns something else"),
        ("javascript", "const sub = a => a - 1;", "1 parameters"),
        ("javascript", "const sub = 3;\nlet x;", "no function"),
        ("javascript", "const sub = (a, b) => a - c;", "returns a - c"),
        ("javascript", "function sub(a, b) {\n  return a -- b;\n}", "cannot be read as JavaScript (line 2)"),
        ("rust", "fn sub(a: i32, b: i32) { a - b }", "no function"),
        ("rust", "fn sub(a: i32, b: i32) -> i32 { a - b; }", "returns nothing"),
        ("rust", "fn sub(a: i32, b: i32) -> i32 { if a > b { return b - a; } a - b }", "returns b - a"),
        ("rust", "fn sub(a: i32, b: i32) -> i32 { }", "returns nothing"),
        ("rust", "fn sub(a, b) -> i32 { a - b }", "0 parameters"),
        ("julia", "sub = 3", "no function"),
        ("julia", "sub(a, b = a - b", "cannot be read as Julia"),
        ("julia", "function sub(a, b)\nend", "returns nothing"),
        ("julia", "function sub end", "no function"),
        ("julia", "sub(a, b) = d", "something else"),
        ("lean", "def sub (a b : Int) : Int = a - b", "cannot be read as Lean 4"),
        ("lean", "def sub (a b : Int) : Int := f a b", "something else"),
    ],
)
def test_wrong_functions(language: str, text: str, words: str) -> None:
    verdict = code(text, language=language, **SUBTRACT)
    assert not verdict.passed
    assert words in verdict.why


def test_the_order_counts_unless_it_does_not_matter() -> None:
    for operator, passes in {"+": True, "*": True, "-": False, "/": False}.items():
        text = f"function f(a, b) {{ return b {operator} a; }}"
        assert code(text, language="javascript", names=["f"], parameters=2, operator=operator).passed == passes


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("cpp", "void sub(int a, int b) { return a - b; }"),
        ("cpp", "function sub(int a, int b) { return a - b; }"),
        ("cpp", "sub(int a, int b) { return a - b; }"),
        ("cpp", "int sub(int a, int b) { a = 0; return a - b; }"),
        ("cpp", "int sub(int a, int b) { int c = a - b; c = 3; return c; }"),
        ("javascript", "function sub(a, b) { a = 0; return a - b; }"),
        ("rust", "fn sub(a: i32, b: i32) -> String { a - b }"),
        ("rust", "fn sub(a: i32, b: i32) -> i32 { let a = 3; a - b }"),
        ("julia", "function sub(a, b)\n a = 1\n return a - b\nend"),
        ("julia", "sub = (a, b) -> b - a"),
    ],
)
def test_code_that_parses_and_is_wrong_all_the_same(language: str, text: str) -> None:
    assert not code(text, language=language, **SUBTRACT).passed


def test_a_named_arrow_of_julia() -> None:
    assert code("sub = (a, b) -> a - b", language="julia", **SUBTRACT).passed
