"""Keys and values of the answers in a batch: rows of unequal length end at the same column, padded on the left."""

from collections.abc import Sequence
from typing import Any


class Columns:
    """The keys and values of several rows.

    Attributes:
        past: What the model takes and extends: transformers' DynamicCache, every layer in full.
        pads: Empty columns before each row.
        length: Columns that are filled.
    """

    def __init__(self, pads: Sequence[int], device: Any) -> None:
        from transformers import DynamicCache

        self.past: Any = DynamicCache()
        self.pads = list(pads)
        self.length = 0
        self._device = device

    def mask(self, new: int) -> Any:
        """Which columns hold something, once `new` ones are added: [rows, columns], or None when all do."""
        import torch

        if not any(self.pads):
            return None
        columns = torch.arange(self.length + new, device=self._device)
        return (columns[None] >= torch.tensor(self.pads, device=self._device)[:, None]).long()

    def positions(self, new: int) -> Any:
        """The position of each of the `new` columns in its row: [rows, new]; 0 where a row is empty."""
        import torch

        columns = torch.arange(self.length, self.length + new, device=self._device)
        return (columns[None] - torch.tensor(self.pads, device=self._device)[:, None]).clamp(min=0)

    def crop(self, rows: int) -> None:
        """Forget columns that a failed step left in some of the layers, and all but the first rows; takes no memory."""
        self.pads = self.pads[:rows]
        for layer in self.past.layers:
            layer.keys = layer.keys[:rows, :, : self.length]
            layer.values = layer.values[:rows, :, : self.length]

    def keep(self, rows: Sequence[int]) -> None:
        """Keep these rows alone, and drop columns that are empty in all of them."""
        import torch

        self.pads = [self.pads[row] for row in rows]
        spare = min(self.pads, default=0)
        chosen = torch.tensor(rows, device=self._device, dtype=torch.long)
        for layer in self.past.layers:
            layer.keys = layer.keys[:, :, spare:].index_select(0, chosen)
            layer.values = layer.values[:, :, spare:].index_select(0, chosen)
        self.pads = [pad - spare for pad in self.pads]
        self.length -= spare

    def join(self, other: "Columns") -> None:
        """Take the rows of another batch in, below one's own."""
        import torch
        from torch.nn.functional import pad

        length = max(self.length, other.length)
        mine, theirs = length - self.length, length - other.length
        joined = [
            tuple(
                torch.cat([pad(one, (0, 0, mine, 0)), pad(two, (0, 0, theirs, 0))])
                for one, two in ((ours.keys, other_layer.keys), (ours.values, other_layer.values))
            )
            for ours, other_layer in zip(self.past.layers, other.past.layers, strict=True)
        ]
        # only now: when memory runs out above, the rows that were there are untouched
        for layer, (keys, values) in zip(self.past.layers, joined, strict=True):
            layer.keys, layer.values = keys, values
        self.pads = [each + mine for each in self.pads] + [each + theirs for each in other.pads]
        self.length = length


def bytes_per_token(config: Any, size: int) -> int:
    """Memory of one token's keys and values in all layers.

    Args:
        config: The model's, of its text part.
        size: Bytes of one number.
    """
    heads = getattr(config, "num_attention_heads", None) or 1
    width = getattr(config, "head_dim", None) or getattr(config, "hidden_size", 64) // heads
    keys = getattr(config, "num_key_value_heads", None) or heads
    return 2 * (getattr(config, "num_hidden_layers", None) or 1) * keys * width * size
