import pytest

from shared.errors import PlaygroundError
from shared.expressions import compile_pattern


@pytest.mark.parametrize(
    ("pattern", "says"),
    [
        ("", "The pattern is empty"),
        (r"(a)\1", r"Backreferences, such as '\\1' at position 4, are not possible. Patterns here run in linear time"),
        (r"(?P<x>a)(?P=x)", r"Backreferences, such as '\(\?P=' at position 9"),
        (r"a(?=b)", r"Lookahead and lookbehind, such as '\(\?=' at position 2"),
        (r"(?<!a)b", r"Lookahead and lookbehind, such as '\(\?<!' at position 1"),
        (r"(?>a)", "Atomic groups"),
        (r"ab++", r"Possessive repetitions, such as '\+' at position 4"),
        (r"(?(1)a)", "Conditions"),
        (r"a(?R)", "Recursion"),
        (r"(?ix)a", "Verbose patterns"),
        ("ab(c", r"The '\(' at position 3 is not closed"),
        (r"\(a)", r"The '\)' at position 4 closes nothing"),
        ("(a)(b", r"The '\(' at position 4 is not closed"),
        ("a" * 2001, "The pattern has 2,001 characters. 2,000 are the most"),
        ("(a)[b", r"The '\[' at position 4 is not closed"),
        ("x[z-a]", "The class or range 'z-a' at position 3 does not exist"),
        ("[[:foo:]]", "does not exist"),
        ("a|*b", r"The '\*' at position 3 has nothing before it to repeat"),
        ("a**", r"The '\*\*' at position 2 repeats a repetition"),
        ("a{2000}", r"'\{2000\}' at position 2 repeats too often: 1,000 times"),
        (r"a\j", r"The escape '\\j' at position 2 is unknown"),
        ("a(?<n b)", "group"),
        ("a\\", "ends in one backslash"),
        (r"((\pL{100}){10}\pL{500}){1}" * 20, "The pattern is too large"),
        ("(?z)a", r"The group '\(\?z' at position 1 is unknown"),
    ],
)
def test_faults_are_said_with_their_place(pattern, says):
    with pytest.raises(PlaygroundError, match=says):
        compile_pattern(pattern)


@pytest.mark.parametrize(
    "pattern", [r"[(?=]", r"\(?=", r"\\1", r"\++", r"(?i)a", r"\p{Han}+", r"[[:alpha:]](?:x)", "(?P<n>a)", "[]a]"]
)
def test_what_only_looks_unsupported_compiles(pattern):
    assert compile_pattern(pattern).pattern == pattern.encode()


def test_an_escape_inside_a_class_is_no_backreference():
    with pytest.raises(PlaygroundError, match=r"The escape '\\8' at position 2 is unknown"):
        compile_pattern(r"[\8](?:a)")


def test_a_message_that_is_not_known_is_passed_on(monkeypatch):
    import re2

    def fail(*_):
        raise re2.error("out of luck")

    monkeypatch.setattr(re2, "compile", fail)
    with pytest.raises(PlaygroundError, match="The fault is: out of luck"):
        compile_pattern("a")


def test_bytes_of_any_script_are_searched():
    found = compile_pattern("学.").search("深度学习".encode())
    assert found.span() == (6, 12)
    assert compile_pattern("ÄÖ", ignore_case=True).search("äö".encode())
    assert not compile_pattern("ÄÖ").search("äö".encode())
