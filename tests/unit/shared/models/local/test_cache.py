"""Rows of unequal length in one batch of keys and values."""

from types import SimpleNamespace

import torch

from shared.models.local.cache import Columns, bytes_per_token


def filled(pads: list[int], length: int, start: float) -> Columns:
    columns = Columns(pads, "cpu")
    size = len(pads) * length
    values = torch.arange(start, start + size).view(len(pads), 1, length, 1).clone()
    columns.past.update(values, values + 0.5, 0)
    columns.length = length
    return columns


def test_rows_join_at_the_last_column_and_leave() -> None:
    long, short = filled([0, 2], 4, 0), filled([0], 2, 100)
    long.join(short)
    assert (long.pads, long.length) == ([0, 2, 2], 4)
    keys = long.past.layers[0].keys[:, 0, :, 0]
    assert keys.tolist() == [[0, 1, 2, 3], [4, 5, 6, 7], [0, 0, 100, 101]]
    long.keep([1, 2])
    assert (long.pads, long.length) == ([0, 0], 2)
    assert long.past.layers[0].keys[:, 0, :, 0].tolist() == [[6, 7], [100, 101]]
    assert long.past.layers[0].values[:, 0, :, 0].tolist() == [[6.5, 7.5], [100.5, 101.5]]
    short = filled([0], 1, 50)
    short.join(long)
    assert (short.pads, short.length) == ([1, 0, 0], 2)


def test_masks_and_positions() -> None:
    columns = filled([0, 2], 3, 0)
    assert columns.mask(1).tolist() == [[1, 1, 1, 1], [0, 0, 1, 1]]
    assert columns.positions(1).tolist() == [[3], [1]]
    assert Columns([0, 0], "cpu").mask(2) is None
    assert Columns([0, 1], "cpu").positions(3).tolist() == [[0, 1, 2], [0, 0, 1]]


def test_columns_of_a_failed_step_are_forgotten() -> None:
    columns = filled([0, 1], 3, 0)
    columns.length = 2
    columns.crop(2)
    assert columns.past.layers[0].keys[:, 0, :, 0].tolist() == [[0, 1], [3, 4]]
    columns.crop(1)
    assert (columns.past.get_seq_length(), columns.pads) == (2, [0])
    assert columns.past.layers[0].values[:, 0, :, 0].tolist() == [[0.5, 1.5]]


def test_memory_of_a_token() -> None:
    config = SimpleNamespace(num_hidden_layers=4, num_attention_heads=8, num_key_value_heads=2, hidden_size=64)
    assert bytes_per_token(config, 2) == 2 * 4 * 2 * 8 * 2
    assert bytes_per_token(SimpleNamespace(n=1), 4) == 2 * 64 * 4
