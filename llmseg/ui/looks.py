"""How the page looks: its two colour schemes, and what of the looks belongs to Gradio's `launch()`."""

from __future__ import annotations

from pathlib import Path

import gradio as gr

HERE = Path(__file__).parent
FONTS = ("system-ui", "-apple-system", "Segoe UI", "Roboto", "Helvetica Neue", "Arial", "sans-serif")
COLOURS = {
    "body_background_fill": ("#f3f5f8", "#0d1116"),
    "body_text_color": ("#17202a", "#e8ecf1"),
    "body_text_color_subdued": ("#56616e", "#9aa7b5"),
    "background_fill_primary": ("#ffffff", "#151b23"),
    "background_fill_secondary": ("#eef1f5", "#10151b"),
    "block_background_fill": ("transparent", "transparent"),
    "block_border_color": ("#cfd7df", "#2a323d"),
    "block_label_background_fill": ("transparent", "transparent"),
    "block_label_text_color": ("#56616e", "#9aa7b5"),
    "block_title_text_color": ("#56616e", "#9aa7b5"),
    "border_color_primary": ("#cfd7df", "#2a323d"),
    "border_color_accent": ("#1f75c4", "#3d8fd6"),
    "color_accent_soft": ("#dbeafa", "#1d3650"),
    "input_background_fill": ("#ffffff", "#151b23"),
    "input_background_fill_focus": ("#ffffff", "#151b23"),
    "input_border_color": ("#bcc6d1", "#2a323d"),
    "input_border_color_focus": ("#1f75c4", "#3d8fd6"),
    "input_placeholder_color": ("#6b7683", "#6d7a88"),
    "button_primary_background_fill": ("#1f6fb8", "#2472b5"),
    "button_primary_background_fill_hover": ("#195d9c", "#2b7fc4"),
    "button_primary_text_color": ("#ffffff", "#ffffff"),
    "button_secondary_background_fill": ("#ffffff", "#1c242e"),
    "button_secondary_background_fill_hover": ("#e7edf4", "#263140"),
    "button_secondary_border_color": ("#bcc6d1", "#2a323d"),
    "button_secondary_text_color": ("#17202a", "#e8ecf1"),
    "button_cancel_background_fill": ("#ffffff", "#1c242e"),
    "button_cancel_background_fill_hover": ("#fbe4e2", "#4a2328"),
    "button_cancel_border_color": ("#bcc6d1", "#2a323d"),
    "button_cancel_text_color": ("#17202a", "#e8ecf1"),
    "checkbox_background_color": ("#ffffff", "#151b23"),
    "checkbox_background_color_selected": ("#1f6fb8", "#2b7fc4"),
    "checkbox_border_color": ("#8b97a4", "#3b4653"),
    "checkbox_label_background_fill": ("#ffffff", "#151b23"),
    "checkbox_label_background_fill_hover": ("#eef2f7", "#1c242e"),
    "checkbox_label_background_fill_selected": ("#dbeafa", "#1d3650"),
    "checkbox_label_text_color": ("#17202a", "#e8ecf1"),
    "checkbox_label_text_color_selected": ("#17202a", "#e8ecf1"),
    "checkbox_label_border_color": ("#bcc6d1", "#2a323d"),
}
"""Gradio's name of a colour -> on the light page, on the dark one."""


def theme() -> gr.themes.Base:
    """A light page and a dark one, with the system's own fonts: nothing is fetched from elsewhere."""
    theme = gr.themes.Base(primary_hue="sky", neutral_hue="slate", font=FONTS, font_mono=("ui-monospace", "monospace"))
    light = {name: colour for name, (colour, _) in COLOURS.items()}
    return theme.set(**light, **{f"{name}_dark": colour for name, (_, colour) in COLOURS.items()})


def head() -> str:
    """Styles and script for the page's head.

    Not given to Gradio as `css`: it prefixes that, and `:root` inside a media query then matches nothing.
    """
    styles, scripts = (
        "\n".join((HERE / name).read_text(encoding="utf-8") for name in names)
        for names in (("page.css", "lessons.css"), ("page.js", "tour.js"))
    )
    return f"<style>{styles}</style><script>{scripts}</script>"
