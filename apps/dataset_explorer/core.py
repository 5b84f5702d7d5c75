"""The Dataset Explorer without a screen: its endpoints. Everything here is plain Python and is also the public API."""

from apps.dataset_explorer.reading import Answer, Exported, Loaded, View, export, load, page, query

__all__ = ["Answer", "Exported", "Loaded", "View", "export", "load", "page", "query"]
