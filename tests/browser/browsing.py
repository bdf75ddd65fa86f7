"""A browser for tests of the app: open a tab, press what a user presses, read what a user sees."""

from __future__ import annotations

import base64
import copy
import io
import socket
from pathlib import Path
from urllib.parse import urlparse

import numpy as np
from PIL import Image

from llmseg.ui.app import launch_options

FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-sync",
    "--process-per-site",  # tabs of one context share what was compiled of the page's scripts
)
PATIENCE_MS = 240_000
"""A busy machine is slow, not wrong."""


def serve(demo) -> str:
    """Launch the app as a user would, on a port of its own, and return its address.

    Left to itself, Gradio tries 7860 first and never closes the socket that finds it taken by a test beside this one.
    """
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    options = {"server_name": "127.0.0.1", "server_port": port, **launch_options()}
    _, address, _ = demo.launch(prevent_thread_lock=True, quiet=True, **options)
    return address


class Page:
    """One open tab, and everything it asked for or complained about.

    Args:
        opener: a browser, for a tab with a context of its own, or a context; 1280 x 720 unless `options` say otherwise.
    """

    def __init__(self, opener, address: str, tour: str = "no", **options):
        self._follow(opener.new_page(**options))
        self.tab.goto(f"{address}?tour={tour}")
        self.wait(".viewer[data-ready]")

    def twin(self) -> Page:
        """What the browser's own "Duplicate tab" opens: another tab with all that this one remembers."""
        with self.tab.context.expect_page() as opened:
            self.tab.evaluate("window.open(location.href)")
        twin = copy.copy(self)
        twin._follow(opened.value)
        twin.wait(".viewer[data-ready]")
        return twin

    def _follow(self, tab) -> None:
        self.tab, self.viewer = tab, tab.locator(".viewer")
        tab.set_default_timeout(PATIENCE_MS)
        self.complaints, self.requests = [], []
        self.tab.on("console", lambda message: message.type == "error" and self.complaints.append(message.text))
        self.tab.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.tab.on("request", lambda request: self.requests.append(request.url))

    def wait(self, selector: str) -> None:
        self.tab.wait_for_selector(selector)

    def data(self, name: str) -> str:
        return self.viewer.get_attribute(f"data-{name}")

    def wait_for(self, name: str, value: str) -> None:
        self.tab.wait_for_selector(f'.viewer[data-{name}="{value}"]')

    def contours(self, arm: str = "text") -> list[str]:
        """Per structure a mark of what is drawn on the axial slice, "-" for nothing."""
        return self.data(f"contours-{arm}").split()

    def background(self, selector: str) -> str:
        return self.tab.locator(selector).first.evaluate("element => getComputedStyle(element).backgroundColor")

    def view(self, plane: str, panel: str = "text"):
        return self.tab.locator(f'.panel[data-panel="{panel}"] .view[data-plane="{plane}"]')

    def open_case(self, name: str) -> None:
        """Open a case of the list by its card."""
        self.tab.click("#case .open")
        self.tab.click(f"#case [role=option]:has(b:text-is('{name}'))")

    def note(self, text: str) -> None:
        self.tab.fill("#note textarea", text)

    def send(self, path: Path) -> None:
        self.tab.set_input_files("input[type=file]", str(path))

    def toast(self) -> str:
        """What the one toast says; there must not be two."""
        self.wait(".toast-body")
        assert self.tab.locator(".toast-body").count() == 1
        return self.tab.inner_text(".toast-body")

    def run(self) -> str:
        """Press Run, wait for the end, and return what the status line says."""
        # Leaving an edit for the note may begin to save it at any moment: waited for and read at once.
        shown = int(self.tab.wait_for_function("document.querySelector('.viewer').dataset.ready").json_value())
        self.tab.click("#run")
        # What was drawn by hand is saved before, and shown before.
        self.tab.wait_for_function(f"document.querySelector('.viewer').dataset.ready > {shown}")
        self.wait(".status.done")
        self.wait("#run:not([disabled])")
        self.wait(".viewer[data-ready]")
        return self.tab.inner_text("#status")

    def pixels(self, plane: str, panel: str = "text") -> np.ndarray:
        """A view's canvas, (height, width, 3)."""
        url = self.view(plane, panel).locator("canvas").evaluate("canvas => canvas.toDataURL()")
        return np.array(Image.open(io.BytesIO(base64.b64decode(url.split(",")[1]))).convert("RGB"))

    def close(self) -> None:
        self.tab.close()
        self.check()

    def check(self) -> None:
        """The tab must have asked nothing of another machine, and complained of nothing."""
        hosts = {urlparse(url).hostname for url in self.requests if url.startswith("http")}
        assert hosts == {"127.0.0.1"}, "a request left this machine"
        assert self.complaints == []
