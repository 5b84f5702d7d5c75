"""Results as JUnit XML, which continuous integration shows as test results."""

import re
import xml.etree.ElementTree as Xml
from collections.abc import Sequence

from shared.checks.results import Result, Results

_LONGEST = 10_000
# What XML 1.0 cannot hold, escaped or not: https://www.w3.org/TR/xml/#charsets
_FORBIDDEN = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_TAGS = {"failed": "failure", "error": "error", "not asked": "skipped"}


def junit(models: Sequence[Results]) -> str:
    """A document with a test suite for each model and a test case for each check.

    Args:
        models: The results of each model.

    Returns:
        XML 1.0. Characters that it cannot hold are "?", and answers end after 10,000 characters.
    """
    root = Xml.Element("testsuites", {"name": "sanity", **_counts(models)})
    for results in models:
        suite = Xml.SubElement(root, "testsuite", {"name": _clean(results.ref), **_counts([results])})
        for result in _cases(results):
            _case(suite, result)
    Xml.indent(root)
    return '<?xml version="1.0" encoding="utf-8"?>\n' + Xml.tostring(root, encoding="unicode") + "\n"


def _cases(results: Results) -> tuple[Result, ...]:
    """The results; a model that could not be asked has one, an error, or it would look like a suite without a fault."""
    if results.stopped and not results.results:
        return (Result("asked", "model", False, "error", results.stopped),)
    return results.results


def _case(suite: Xml.Element, result: Result) -> None:
    name = f"sanity.{result.axis.replace(' ', '_')}"
    case = Xml.SubElement(
        suite, "testcase", classname=_clean(name), name=_clean(result.id), time=f"{result.seconds:.3f}"
    )
    if tag := _TAGS.get(result.outcome):
        Xml.SubElement(case, tag, message=_clean(result.why)).text = _clean(result.answer)
    elif result.answer:
        Xml.SubElement(case, "system-out").text = _clean(result.answer)


def _counts(models: Sequence[Results]) -> dict[str, str]:
    outcomes = [result.outcome for results in models for result in _cases(results)]
    return {
        "tests": str(len(outcomes)),
        "failures": str(outcomes.count("failed")),
        "errors": str(outcomes.count("error")),
        "skipped": str(outcomes.count("not asked")),
        "time": f"{sum(results.seconds for results in models):.3f}",
    }


def _clean(text: str) -> str:
    return _FORBIDDEN.sub("?", text[:_LONGEST])
