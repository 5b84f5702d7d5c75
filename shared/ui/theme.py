"""How every page looks: one Gradio theme for light and dark. Pass `theme=Playground()` to `launch` or `mount_gradio_app`.

Its stylesheet travels inside it (`custom_css`).
"""

from pathlib import Path

import gradio as gr
from gradio.themes.utils.colors import Color
from gradio.themes.utils.sizes import Size

from shared.palette import FONT, MONO

ACCENT = Color(
    "#eef4fe",
    "#dbe7fd",
    "#bcd2fb",
    "#8fb4f7",
    "#6a9df5",
    "#2f6fdb",
    "#2860c4",
    "#2250a4",
    "#1e4485",
    "#1c3a6c",
    "#14264a",
)
NEUTRAL = Color(
    "#f7f8f9",
    "#eff1f3",
    "#e2e5e9",
    "#cdd2d8",
    "#98a1ac",
    "#646d79",
    "#4d5560",
    "#373e47",
    "#262b32",
    "#171a1f",
    "#0f1115",
)
TEXT = Size("11px", "12px", "12px", "14px", "16px", "20px", "24px")
SPACE = Size("2px", "4px", "4px", "8px", "8px", "12px", "16px")
RADIUS = Size("2px", "4px", "6px", "6px", "8px", "8px", "12px")


class Playground(gr.themes.Base):  # type: ignore[misc]
    """The theme of the suite. `*name` refers to another variable; `_dark` is its value in dark mode."""

    def __init__(self) -> None:
        super().__init__(primary_hue=ACCENT, secondary_hue=ACCENT, neutral_hue=NEUTRAL,
                         text_size=TEXT, spacing_size=SPACE, radius_size=RADIUS, font=FONT, font_mono=MONO)  # fmt: skip
        self.custom_css = Path(__file__).with_name("theme.css").read_text()
        self.set(**_page(), **_parts())  # once: a second set() would reset some fills to their defaults (gradio 6.31)


def _page() -> dict[str, str]:
    """Backgrounds, text, lines and blocks."""
    return dict(
        **_both("background_fill_primary", "white", "*neutral_950"),
        **_both("background_fill_secondary", "*neutral_50", "*neutral_900"),
        **_both("body_text_color", "*neutral_900", "*neutral_200"),
        **_both("body_text_color_subdued", "*neutral_500", "*neutral_400"),
        **_both("border_color_primary", "*neutral_200", "*neutral_800"),
        **_both("color_accent_soft", "*primary_50", "#17233a"),
        **_both("link_text_color", "*primary_600", "*primary_300"),
        **_both("link_text_color_hover", "*primary_700", "*primary_200"),
        **_both("link_text_color_visited", "*primary_600", "*primary_300"),
        **_both("code_background_fill", "*neutral_100", "*neutral_900"),
        # Blocks are not boxes: labels above, nothing around.
        **_both("block_background_fill", "transparent", "transparent"),
        block_border_width="0px",
        block_padding="0",
        block_radius="*radius_md",
        **_both("block_title_text_color", "*body_text_color", "*body_text_color"),
        block_title_text_weight="500",
        block_title_text_size="*text_md",
        **_both("block_label_background_fill", "transparent", "transparent"),
        block_label_border_width="0px",
        block_label_padding="0",
        **_both("block_label_text_color", "*body_text_color_subdued", "*body_text_color_subdued"),
        block_info_text_size="*text_sm",
        section_header_text_weight="500",
        section_header_text_size="*text_md",
        layout_gap="24px",
    )


def _parts() -> dict[str, str]:
    """Inputs, buttons, tables and messages."""
    return dict(
        # Inputs: one hairline, accent on focus.
        **_both("input_background_fill", "white", "*neutral_900"),
        **_both("input_border_color", "*neutral_300", "*neutral_700"),
        **_both("input_border_color_focus", "*primary_500", "*primary_400"),
        **_both("input_placeholder_color", "*neutral_500", "*neutral_400"),
        input_border_width="1px",
        input_padding="9px 12px",
        input_radius="*radius_md",
        **_both("checkbox_border_color", "*neutral_400", "*neutral_500"),
        **_both("checkbox_background_color", "white", "*neutral_900"),
        **_both("slider_color", "*primary_500", "*primary_400"),
        **_both("loader_color", "*primary_500", "*primary_400"),
        # Buttons: one filled per view, the rest outlined.
        button_border_width="1px",
        button_transition="background-color .12s, border-color .12s",
        button_large_padding="8px 16px",
        button_large_text_size="*text_md",
        button_large_text_weight="500",
        button_large_radius="*radius_md",
        button_small_padding="4px 12px",
        button_small_radius="*radius_md",
        **_both("button_primary_background_fill", "*primary_600", "*primary_500"),
        **_both("button_primary_background_fill_hover", "*primary_700", "*primary_600"),
        **_both("button_primary_border_color", "transparent", "transparent"),
        **_both("button_primary_text_color", "white", "white"),
        **_both("button_secondary_background_fill", "white", "*neutral_900"),
        **_both("button_secondary_background_fill_hover", "*neutral_100", "*neutral_800"),
        **_both("button_secondary_border_color", "*neutral_300", "*neutral_700"),
        **_both("button_secondary_text_color", "*neutral_900", "*neutral_200"),
        # Tables: hairlines, no zebra.
        **_both("table_even_background_fill", "*background_fill_primary", "*background_fill_primary"),
        **_both("table_odd_background_fill", "*background_fill_primary", "*background_fill_primary"),
        **_both("table_row_focus", "*neutral_50", "*neutral_900"),
        **_both("table_border_color", "*border_color_primary", "*border_color_primary"),
        **_both("error_background_fill", "#fdf0ee", "#2a1714"),
        **_both("error_text_color", "#a3260b", "#ff9d87"),
        **_both("error_border_color", "#f1c4ba", "#5b2a20"),
        **_both("error_icon_color", "#cd3009", "#ff9d87"),
    )


def _both(name: str, light: str, dark: str) -> dict[str, str]:
    return {name: light, f"{name}_dark": dark}
