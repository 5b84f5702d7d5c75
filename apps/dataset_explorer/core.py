"""The Dataset Explorer without a screen: its endpoints. Everything here is plain Python and is also the public API."""

from apps.dataset_explorer.checking import (
    Added,
    Leaked,
    Licensed,
    Repeated,
    add_benchmark,
    contamination,
    duplicates,
    licence,
)
from apps.dataset_explorer.cleaning import Cleaned, clean
from apps.dataset_explorer.explaining import Explanation, explain
from apps.dataset_explorer.finding import Matches, search
from apps.dataset_explorer.mapping import Mapped, map
from apps.dataset_explorer.mixing import Mixed, mix
from apps.dataset_explorer.profiling import Contrast, compare, profile
from apps.dataset_explorer.pushing import Pushed, push
from apps.dataset_explorer.reading import Answer, Exported, Loaded, View, export, load, page, query
from apps.dataset_explorer.recipes import CleanRules
from apps.dataset_explorer.report import Profile

__all__ = [
    "Added",
    "Answer",
    "CleanRules",
    "Cleaned",
    "Contrast",
    "Explanation",
    "Exported",
    "Leaked",
    "Licensed",
    "Loaded",
    "Mapped",
    "Matches",
    "Mixed",
    "Profile",
    "Pushed",
    "Repeated",
    "View",
    "add_benchmark",
    "clean",
    "compare",
    "contamination",
    "duplicates",
    "explain",
    "export",
    "licence",
    "load",
    "map",
    "mix",
    "page",
    "profile",
    "push",
    "query",
    "search",
]
