from shared.checks.verdicts import RIGHT, shown, wrong


def test_verdicts() -> None:
    assert (RIGHT.passed, RIGHT.why) == (True, "")
    assert (wrong("no").passed, wrong("no").why) == (False, "no")


def test_what_is_shown_is_short_and_on_one_line() -> None:
    assert shown("a\n b") == '"a b"'
    assert shown("") == '""'
    assert shown("x" * 80) == f'"{"x" * 80}"'
    assert len(shown("x" * 100_000)) < 90
    assert shown(" " * 100_000 + "x").endswith('…"')
