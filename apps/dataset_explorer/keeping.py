"""Leaving a record of what was done in this app."""

from collections.abc import Mapping
from typing import Any

from shared import keeping
from shared.policy import Caller


def keep(
    action: str,
    settings: dict[str, Any],
    results: Mapping[str, float],
    caller: Caller,
    inputs: dict[str, str],
    artifacts: dict[str, str] | None = None,
) -> str:
    """Write the record of one experiment of this app; see `shared.keeping.keep`."""
    return keeping.keep("dataset_explorer", action, settings, results, caller, inputs, artifacts)
