"""Take the pictures of a reader study in this folder: python assets/screenshots/take_study.py

The demo study runs as a user would start it; Chromium has to be installed.
"""

from __future__ import annotations

import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
SIZES = {"laptop": (1280, 720), "desktop": (1920, 1080)}
KEYS = {"ordinal": "3", "choice": "2", "preference": "a"}
CODE = re.compile(r"  (\S.*?)\s+((?:[a-z]{5}-){3}[a-z]{5})$")
PLACE = """(last) => {
  const { reader, classList } = document.querySelector(".study");
  const { place } = reader;
  return !classList.contains("turning") && place.state + place.reading !== last && place;
}"""
"""Where the reader is, once that is shown and is not where he was."""


def serve(folder: Path, port: int) -> tuple[subprocess.Popen, dict[str, str]]:
    """The demo on a port, and everyone's code."""
    command = [sys.executable, "-m", "llmseg", "study", "demo", "--out", str(folder), "--port", str(port)]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    codes = {}
    for line in process.stdout:
        if found := CODE.match(line.rstrip()):
            codes[found[1]] = found[2]
        if line.startswith("operators:"):
            wait_for(port)
            return process, codes
    raise SystemExit("The demo ended before it was served.")


def wait_for(port: int) -> None:
    while True:
        with socket.socket() as tried:
            if tried.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.2)


def take(page, name: str) -> None:
    page.mouse.move(0, 0)
    page.screenshot(path=HERE / f"study-{name}.png")


def state(page, *names: str) -> str:
    page.wait_for_selector(", ".join(f'.study[data-state="{name}"]' for name in names))
    return page.get_attribute(".study", "data-state")


def answer(page, place: dict) -> None:
    for question in place["questions"]:
        if question["measure"] in KEYS:
            page.keyboard.press(KEYS[question["measure"]])


def read(page, code: str, size: str) -> None:
    """From the first reading to the last, with a picture of each kind."""
    state(page, "sign-in")
    take(page, f"{size}-sign-in")
    page.fill(".sign-in input", code)
    page.keyboard.press("Enter")
    state(page, "introduction")
    take(page, f"{size}-introduction")
    page.keyboard.press("Enter")
    seen, last = set(), ""
    while state(page, "reading", "training feedback", "done") != "done":
        now = page.wait_for_function(PLACE, arg=last).json_value()
        if now["state"] == "done":
            break
        last = now["state"] + now["reading"]
        name = now["kind"] if now["state"] == "reading" else "practice"
        if now["state"] == "reading":
            answer(page, now)
        if name not in seen and (name == "practice" or not now["training"]):
            take(page, f"{size}-{name}")
            seen.add(name)
        page.keyboard.press("Enter")
    take(page, f"{size}-done")


def main() -> None:
    from playwright.sync_api import sync_playwright

    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        process, codes = serve(Path(folder) / "demo", 7899)
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        readers = [name for name in codes if name.startswith("Reader")]
        for (size, (width, height)), name in zip(SIZES.items(), readers, strict=True):
            page = browser.new_page(viewport={"width": width, "height": height})
            page.set_default_timeout(60_000)
            page.goto("http://127.0.0.1:7899")
            read(page, codes[name], size)
            page.goto("http://127.0.0.1:7899/operator")
            state(page, "sign-in")
            page.fill(".sign-in input", codes["Operator"])
            page.keyboard.press("Enter")
            state(page, "open")
            take(page, f"{size}-operator")
            page.close()
        browser.close()
        process.terminate()
        process.wait()


if __name__ == "__main__":
    main()
