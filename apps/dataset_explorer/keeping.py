"""Leaving a record of what was done."""

from collections.abc import Mapping
from typing import Any

from shared import records
from shared.policy import Caller
from shared.records import Record
from shared.suite import suite

APP = "dataset_explorer"


def keep(
    action: str,
    settings: dict[str, Any],
    results: Mapping[str, float],
    caller: Caller,
    inputs: dict[str, str],
    artifacts: dict[str, str] | None = None,
) -> str:
    """Write the record of one experiment; visitors of a Space leave none.

    Args:
        action: The endpoint.
        settings: All its arguments, so that they alone run it again.
        results: Flat numbers.
        caller: Who asked.
        inputs: Refs of what was read, by name.
        artifacts: Refs of what was made, by name.

    Returns:
        The record's id; empty for a visitor.
    """
    if not caller.owner:
        return ""
    made = Record(APP, action, settings, dict(results), inputs, artifacts or {})
    return records.save(suite().store, made).id
