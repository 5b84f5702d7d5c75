"""Leaving a record of what was done in this app."""

from functools import partial

from shared import keeping

keep = partial(keeping.keep, "dataset_explorer")
"""Write the record of one experiment of this app; see `shared.keeping.keep`."""
