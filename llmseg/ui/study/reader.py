"""The reader's page: one HTML component, whose scripts ask the server's plain routes for everything they show."""

from __future__ import annotations

from pathlib import Path

import gradio as gr

from llmseg.ui import viewer

HERE = Path(__file__).parent
SCRIPTS = ("panels.js", "wire.js", "questions.js", "reader.js")


def page() -> gr.HTML:
    """The page; it holds nothing of a study, and learns everything after signing in."""
    scripts = [viewer.HERE / name for name in viewer.PANEL_SCRIPTS] + [HERE / name for name in SCRIPTS]
    styles = [viewer.HERE / "viewer.css", HERE / "reader.css"]
    return gr.HTML(
        html_template=viewer.page_of(HERE / "reader.html"),
        css_template="\n".join(path.read_text(encoding="utf-8") for path in styles),
        js_on_load="\n".join(path.read_text(encoding="utf-8") for path in scripts),
        apply_default_css=False,
        padding=False,
        elem_id="reader",
    )
