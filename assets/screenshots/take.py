"""Take the pictures of the app in this folder: python assets/screenshots/take.py [app.py's options]

Every tab, dialog and view, at two sizes, dark and light. The app runs as a user would start it; Chromium has to be
installed. With --runs FOLDER the training page is among them.
"""

from __future__ import annotations

import io
import shutil
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parents[1]))

SCHEMES = ("dark", "light")
SIZES = {"laptop": (1280, 720), "desktop": (1920, 1080)}
FLAGS = ("--no-sandbox", "--enable-unsafe-swiftshader")  # the second draws 3D without a GPU
RUN_MS = 600_000


class Camera:
    """Takes what is on the page, dark and light."""

    def __init__(self, page, size: str):
        self.page, self.size = page, size

    def take(self, name: str) -> None:
        for scheme in SCHEMES:
            if self.page.evaluate("document.body.classList.contains('dark')") != (scheme == "dark"):
                self.page.evaluate("document.querySelector('button.scheme').click()")  # also behind a dialog
            self.snap(name, scheme)

    def snap(self, name: str, scheme: str) -> None:
        from PIL import Image

        self.page.wait_for_timeout(700)  # for Plotly's own drawing, which tells no one that it is done
        shot = Image.open(io.BytesIO(self.page.screenshot()))
        shot.save(HERE / f"{name}-{self.size}-{scheme}.webp", quality=88)

    def key(self, key: str) -> None:
        self.page.focus(".stage")
        self.page.keyboard.press(key)

    def tab(self, name: str) -> None:
        self.page.click(f"button[role=tab]:has-text('{name}')")


def walk_through(camera: Camera, page) -> None:
    """Swap the side, run, and look at the result in every way there is."""
    page.wait_for_selector(".viewer[data-ready]")
    page.wait_for_selector("#models b")
    page.wait_for_selector("#chart .main-svg")
    camera.take("first")
    page.click("#swap")
    page.wait_for_selector("#undo:not([disabled])")
    page.click("#run")
    page.wait_for_selector(".status.done", timeout=RUN_MS)
    page.mouse.move(0, 0)
    camera.take("swapped")
    for key, name in {"d": "difference", "s": "swipe", "o": "overlaid"}.items():
        camera.key(key)
        camera.take(name)
    camera.key("w")
    camera.key("u")
    camera.take("uncertainty")
    camera.key("u")
    camera.key("t")
    page.wait_for_selector(".viewer[data-solid]")
    page.wait_for_timeout(2000)  # for the surfaces
    camera.take("solid")
    camera.key("b")
    page.click("#undo")
    camera.tab("Words")
    page.click("#explain")
    page.wait_for_selector("#words [data-explained=true]", timeout=RUN_MS)
    page.wait_for_selector("#run:not([disabled])")
    page.click("#try-wrong-side")
    page.wait_for_selector(".viewer[data-second='Wrong side']", timeout=RUN_MS)
    page.wait_for_selector("#run:not([disabled])")
    page.mouse.move(0, 0)
    camera.take("words")
    for tab in ("Tried", "Download"):
        camera.tab(tab)
        camera.take(tab.lower())
    edit(camera, page)
    look_around(camera, page)


def edit(camera: Camera, page) -> None:
    camera.tab("Note")
    camera.key("e")
    page.wait_for_selector(".viewer[data-editing=brush]")
    box = page.locator(".view[data-plane=axial]:visible").first.bounding_box()
    x, y = box["x"] + 0.45 * box["width"], box["y"] + 0.5 * box["height"]
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + 30, y + 25, steps=6)
    page.mouse.up()
    camera.take("edit")
    camera.key("e")


def look_around(camera: Camera, page) -> None:
    """The dialogs, a lesson, and the training page."""
    camera.key("?")
    camera.take("keys")
    page.keyboard.press("Escape")
    page.click("#case .open")
    page.wait_for_selector("#case [role=option] img")
    page.wait_for_timeout(4000)  # for the rest of the pictures
    camera.take("cases")
    page.keyboard.press("Escape")
    page.click("button.lessons")
    page.wait_for_selector(".lesson-list[open]")
    camera.take("lessons")
    page.click(".lesson-list [data-lesson=side]")
    page.wait_for_selector('.viewer[data-ready][data-lesson="draw"]')
    camera.take("lesson")
    if page.locator("#to-training a").count():
        address = page.locator("#to-training a").evaluate("link => link.href")
        for scheme in SCHEMES:
            page.goto(f"{address}?__theme={scheme}")
            page.wait_for_selector("#training-plot .js-plotly-plot .scatterlayer .trace")
            camera.snap("training", scheme)


def main() -> None:
    from playwright.sync_api import sync_playwright

    import app
    from llmseg.ui.app import launch_options

    demo = app.build(app.parse(sys.argv[1:]))
    _, address, _ = demo.launch(prevent_thread_lock=True, quiet=True, **launch_options())
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=list(FLAGS))
        for size, (width, height) in SIZES.items():
            page = browser.new_page(viewport={"width": width, "height": height})
            page.set_default_timeout(120_000)
            page.goto(f"{address}?tour=no")
            walk_through(Camera(page, size), page)
            page.close()
        browser.close()
    demo.close()


if __name__ == "__main__":
    main()
