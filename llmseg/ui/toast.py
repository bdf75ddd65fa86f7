"""What a user got wrong, said for a while in the corner of the page."""

from __future__ import annotations

import html

import gradio as gr

from llmseg.case import InputError


def toast(error: InputError) -> None:
    """Say what was wrong; to be called while an event is handled."""
    # Gradio shows it as HTML, and a file's name may hold anything.
    gr.Warning(html.escape(str(error)), duration=15)
