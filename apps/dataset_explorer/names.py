"""What a dataset is known by outside the workspace."""

import re

EXTENSIONS = re.compile(r"(\.(jsonl|json|ndjson|csv|tsv|parquet|txt|text|md|gz|zst|zstd))+$", re.IGNORECASE)


def known_as(source: str, name: str) -> str:
    """The name by which a dataset may be known: its Hub id when it has one, else what its file is called.

    Args:
        source: Where it came from, as a ref.
        name: What it is called here.
    """
    if source.startswith("hub:"):
        return source.removeprefix("hub:").split("@")[0].split("#")[0]
    return EXTENSIONS.sub("", name)
