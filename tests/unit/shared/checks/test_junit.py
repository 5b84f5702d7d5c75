import xml.etree.ElementTree as Xml

from shared.checks import Result, Results, junit

ODD = 'a<b> & "c" ]]> \x00\x1b\x0b\ud800\ufffe 猫🙂\n\ttab'
RESULTS = Results(
    f"openai:x/{ODD}",
    (
        Result("one", "not in the context", True, "passed", "", ODD, 1.5),
        Result("two", "b", False, "failed", ODD, ODD),
        Result("three", "b", False, "error", "down"),
        Result("four", "b", False, "not asked", "given up"),
        Result("five", "b", False, "passed"),
    ),
    5,
    seconds=2.25,
)


def test_what_a_reader_of_junit_expects() -> None:
    text = junit([RESULTS, Results("empty", (), 0)])
    text.encode("utf-8")
    root = Xml.fromstring(text)
    counts = {"tests": "5", "failures": "1", "errors": "1", "skipped": "1", "time": "2.250"}
    assert root.tag == "testsuites"
    assert {key: root.get(key) for key in counts} == counts
    suite, empty = root
    assert {key: suite.get(key) for key in counts} == counts
    assert suite.get("name").startswith("openai:x/a<b>")
    assert (empty.get("name"), empty.get("tests"), len(empty)) == ("empty", "0", 0)
    cases = list(suite)
    assert [case.get("name") for case in cases] == ["one", "two", "three", "four", "five"]
    assert [[child.tag for child in case] for case in cases] == [
        ["system-out"],
        ["failure"],
        ["error"],
        ["skipped"],
        [],
    ]
    assert (cases[0].get("classname"), cases[0].get("time")) == ("sanity.not_in_the_context", "1.500")
    assert cases[2][0].get("message") == "down"


def test_characters_come_back_as_they_were_or_as_question_marks() -> None:
    failure = Xml.fromstring(junit([RESULTS])).find(".//failure")
    assert failure.text == 'a<b> & "c" ]]> ????? 猫🙂\n\ttab'


def test_long_answers_are_cut() -> None:
    text = junit([Results("x", (Result("a", "b", False, "failed", "y" * 100_000, "z" * 100_000),), 1)])
    assert len(text) < 25_000
