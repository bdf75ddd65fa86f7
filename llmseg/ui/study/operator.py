"""The operator's page: progress, pause, export, codes; one HTML component like the reader's."""

from __future__ import annotations

from pathlib import Path

import gradio as gr

from llmseg.ui import viewer

HERE = Path(__file__).parent


def page() -> gr.HTML:
    """The page; it holds nothing of a study, and learns everything after signing in."""
    scripts = [viewer.HERE / "dom.js", HERE / "wire.js", HERE / "operator.js"]
    return gr.HTML(
        html_template=(HERE / "operator.html").read_text(encoding="utf-8"),
        css_template=(HERE / "operator.css").read_text(encoding="utf-8"),
        js_on_load="\n".join(path.read_text(encoding="utf-8") for path in scripts),
        apply_default_css=False,
        padding=False,
        elem_id="operator",
    )
