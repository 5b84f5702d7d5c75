"""Colours that everybody can tell apart, in both modes, and the same for the same model always."""

from itertools import combinations

import numpy as np
import pytest

from shared.models.builtin import builtins
from shared.palette import DASHES, SERIES, SYMBOLS, Style, color_of, styles

# Machado, Oliveira, Fernandes 2009 (doi:10.1109/TVCG.2009.113), table 1, severity 1.0, on linear RGB.
SIGHTS = {
    "normal": np.eye(3),
    "protan": [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
    "deutan": [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]],
    "tritan": [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]],
}


def linear(color: str) -> np.ndarray:
    """Linear RGB of a colour (IEC 61966-2-1)."""
    parts = np.array([int(color[at : at + 2], 16) for at in (1, 3, 5)]) / 255
    return np.where(parts <= 0.04045, parts / 12.92, ((parts + 0.055) / 1.055) ** 2.4)


def oklab(rgb: np.ndarray) -> np.ndarray:
    """Ottosson 2020, https://bottosson.github.io/posts/oklab/."""
    cones = [
        [0.4122214708, 0.5363325363, 0.0514459929],
        [0.2119034982, 0.6806995451, 0.1073969566],
        [0.0883024619, 0.2817188376, 0.6299787005],
    ]
    lab = [
        [0.2104542553, 0.7936177850, -0.0040720468],
        [1.9779984951, -2.4285922050, 0.4505937099],
        [0.0259040371, 0.7827717662, -0.8086757660],
    ]
    return np.array(lab) @ np.cbrt(np.array(cones) @ rgb.clip(0, 1))


def distance(one: str, two: str, sight: str) -> float:
    seen = [oklab(np.array(SIGHTS[sight]) @ linear(color)) for color in (one, two)]
    return float(100 * np.linalg.norm(seen[0] - seen[1]))


def test_the_formulas_are_the_sources() -> None:
    assert oklab(linear("#ff0000")) == pytest.approx([0.628, 0.225, 0.126], abs=1e-3)
    assert distance("#000000", "#ffffff", "normal") == pytest.approx(100, abs=0.01)
    assert distance("#ff0000", "#00ff00", "deutan") < distance("#ff0000", "#00ff00", "normal") / 2


@pytest.mark.parametrize("sight", SIGHTS)
def test_any_two_colours_can_be_told_apart(sight: str) -> None:
    assert min(distance(one, two, sight) for one, two in combinations(SERIES, 2)) >= 7.7
    assert min(distance(one, two, sight) for one, two in combinations(SERIES[:6], 2)) >= 8.9


def test_a_name_has_its_colour_for_good_and_every_colour_is_used() -> None:
    assert color_of("builtin:mini") == SERIES[0]
    assert {color_of(f"model-{i}") for i in range(50)} == set(SERIES)
    assert color_of("模型") in SERIES


def test_the_models_that_ship_all_differ() -> None:
    refs = [each.ref for each in builtins()]
    assert "builtin:mini" in refs
    assert len({color_of(ref) for ref in refs}) == len(refs) > 4


def test_what_shares_a_colour_has_a_marker_and_a_line_of_its_own() -> None:
    alike = [f"model-{n}" for n in range(200) if color_of(f"model-{n}") == SERIES[0]][:7]
    drawn = styles([*alike[:6], "other", *alike[:2]])
    assert [drawn[name] for name in sorted(alike[:6])] == [
        Style(SERIES[0], symbol, dash) for symbol, dash in zip(SYMBOLS, DASHES, strict=True)
    ]
    assert drawn["other"] == Style(color_of("other"))
    assert {name: style.color for name, style in styles(alike).items()} == dict.fromkeys(alike, SERIES[0])
    assert styles([]) == {}
