"""Leaving a record of what was done, for the owner; visitors of a Space leave none."""

from collections.abc import Mapping
from typing import Any

from shared import records
from shared.policy import Caller
from shared.records import Record
from shared.suite import suite


def keep(
    app: str,
    action: str,
    settings: dict[str, Any],
    results: Mapping[str, float],
    caller: Caller,
    inputs: dict[str, str],
    artifacts: dict[str, str] | None = None,
) -> str:
    """Write the record of one experiment.

    Args:
        app: Name of the app.
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
    made = Record(app, action, settings, dict(results), inputs, artifacts or {})
    return records.save(suite().store, made).id
