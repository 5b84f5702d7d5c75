"""Models in this process, through transformers: requests to one model are answered together."""

from shared.models.local.model import LocalModel

__all__ = ["LocalModel"]
