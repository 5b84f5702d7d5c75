"""The theme: its colours are legible in light and dark, and its stylesheet travels with it."""

import pytest

from shared.palette import SERIES
from shared.ui.theme import NEUTRAL, Playground


def luminance(color: str) -> float:
    parts = [int(color[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
    return sum(v * w for v, w in zip(linear, (0.2126, 0.7152, 0.0722), strict=True))


def contrast(first: str, second: str) -> float:
    """WCAG 2.1, success criterion 1.4.3."""
    high, low = sorted((luminance(first), luminance(second)), reverse=True)
    return (high + 0.05) / (low + 0.05)


def test_the_formula_is_the_standards() -> None:
    assert contrast("#ffffff", "#000000") == pytest.approx(21)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.01)


def test_text_is_legible_in_both_modes() -> None:
    page, dark = "#ffffff", NEUTRAL.c950
    assert contrast(NEUTRAL.c900, page) >= 7
    assert contrast(NEUTRAL.c500, page) >= 4.5
    assert contrast(NEUTRAL.c200, dark) >= 7
    assert contrast(NEUTRAL.c400, dark) >= 4.5
    assert all(contrast(color, page) >= 3 and contrast(color, dark) >= 3 for color in SERIES)


def test_the_stylesheet_travels_inside_the_theme_and_names_no_other_place() -> None:
    theme = Playground()
    assert ".gradio-container.gradio-container" in theme.custom_css
    assert "http" not in theme.custom_css
    assert "@import" not in theme.custom_css
    assert theme.button_primary_background_fill == "*primary_600"
    assert theme.background_fill_primary_dark == "*neutral_950"
