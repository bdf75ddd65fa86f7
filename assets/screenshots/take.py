"""Take the pictures of the app in this folder: python assets/screenshots/take.py [app.py's options]

The app runs as a user would start it; Chromium has to be installed.
"""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parents[1]))

SIZES = {"laptop": (1280, 720), "desktop": (1920, 1080)}


def take(page, name: str) -> None:
    page.mouse.move(0, 0)
    page.wait_for_timeout(600)  # for Plotly's own drawing, which tells no one that it is done
    page.screenshot(path=HERE / f"{name}.png")


def walk_through(page, size: str) -> None:
    """First paint, a run with sides exchanged, both contours overlaid, the note's words explained, a wrong side."""
    page.wait_for_selector(".viewer[data-ready]")
    page.wait_for_selector("#models b")
    take(page, f"{size}-first-paint")
    page.click("#swap")
    page.wait_for_selector("#undo:not([disabled])")
    page.click("#run")
    page.wait_for_selector(".status.done", timeout=600_000)
    take(page, f"{size}-sides-exchanged")
    page.click("[data-mode=overlaid]")
    take(page, f"{size}-overlaid")
    page.click("[data-mode=both]")
    page.click("button[role=tab]:has-text('Words')")
    page.click("#explain")
    page.wait_for_selector("#words [data-explained=true]", timeout=600_000)
    page.wait_for_selector("#run:not([disabled])")
    take(page, f"{size}-words")
    page.click("#try-wrong-side")
    page.wait_for_selector(".viewer[data-second='Wrong side']", timeout=600_000)
    take(page, f"{size}-wrong-side")


def main() -> None:
    from playwright.sync_api import sync_playwright

    import app
    from llmseg.ui.app import launch_options

    demo = app.build(app.parse(sys.argv[1:]))
    _, address, _ = demo.launch(prevent_thread_lock=True, quiet=True, **launch_options())
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        for size, (width, height) in SIZES.items():
            page = browser.new_page(viewport={"width": width, "height": height})
            page.set_default_timeout(120_000)
            page.goto(f"{address}?tour=no")
            walk_through(page, size)
            page.close()
        browser.close()
    demo.close()


if __name__ == "__main__":
    main()
