"""What a user of the page waits for, and what many of them cost: the bundled cases in headless Chromium.

    python benchmarks/page.py

The app runs as `make demo` starts it, with the shipped network. Times are medians of five fresh pages; on machines
whose cores are busy with other things they say little.
"""

from __future__ import annotations

import contextlib
import statistics
import time
from collections.abc import Iterator
from pathlib import Path

from viewer import FLAGS, chromium

ROOT = Path(__file__).resolve().parents[1]
REPEATS, RUNS, SESSIONS = 5, 50, 10
CASES = ROOT / "examples" / "teaching"


def measure() -> dict[str, float]:
    """Name of a figure -> its value, in the unit that its name ends with."""
    with _served() as (address, browser, segmenter):
        found = _opening(browser, address)
        found |= _running(browser, address, segmenter)
        found["memory_ratio"] = _memory_after_runs(browser, address)
        found["wrong_pictures"] = _wrong_pictures(browser, address)
    return found


@contextlib.contextmanager
def _served() -> Iterator[tuple]:
    from playwright.sync_api import sync_playwright

    from llmseg.datasets.folder import read_dataset
    from llmseg.segmenter import Segmenter
    from llmseg.ui.app import build_app, launch_options

    segmenter = Segmenter.load(device="cpu")
    segmenter.warm_up()
    demo = build_app(lambda: segmenter, [read_dataset(CASES)])
    _, address, _ = demo.launch(prevent_thread_lock=True, quiet=True, server_name="127.0.0.1", **launch_options())
    try:
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=chromium(), args=list(FLAGS))
            yield address, browser, segmenter
            browser.close()
    finally:
        demo.close(verbose=False)


def _open(browser, address: str):
    page = browser.new_page(viewport={"width": 1280, "height": 720})
    page.set_default_timeout(600_000)
    page.goto(f"{address}?tour=no", wait_until="commit")
    return page


def _ready(browser, address: str):
    """A page with all it shows, the chart too, which comes last."""
    page = _open(browser, address)
    page.wait_for_selector(".viewer[data-ready]")
    page.wait_for_selector("#chart .main-svg")
    return page


def _run(page, note: str) -> None:
    shown = int(page.get_attribute(".viewer", "data-ready"))
    page.fill("#note textarea", note)
    page.click("#run")
    page.wait_for_selector(f".viewer[data-ready='{shown + 1}']")


def _opening(browser, address: str) -> dict[str, float]:
    """Seconds until the page stands there, and from then until a case's CT and contours do."""
    _ready(browser, address).close()  # the server prepares the case once
    paints, cases = [], []
    for _ in range(REPEATS):
        began = time.perf_counter()
        page = _open(browser, address)
        page.wait_for_selector("#run")
        paints.append(time.perf_counter() - began)
        page.wait_for_selector(".viewer[data-ready]")
        cases.append(time.perf_counter() - began - paints[-1])
        page.close()
    return {"first_paint_s": statistics.median(paints), "case_s": statistics.median(cases)}


def _running(browser, address: str, segmenter) -> dict[str, float]:
    """From the click on Run to drawn contours, against the same with no page around it; and what is sent."""
    from llmseg.case import Note
    from llmseg.datasets.folder import read_dataset

    case = next(iter(read_dataset(CASES).cases))
    runs, parts, sizes = [], [], []
    for n in range(REPEATS):
        note = f"{case.note.text.strip()} Seen {n} times."
        page = _ready(browser, address)
        sent = []
        page.on("response", lambda reply, sent=sent: sent.append(reply) if reply.url.endswith(".gz") else None)
        began = time.perf_counter()
        _run(page, note)
        runs.append(time.perf_counter() - began)
        sizes.append(max(len(reply.body()) for reply in sent) / 1000)
        page.close()
        began = time.perf_counter()
        image = segmenter.open(case.volume)
        image.segment(Note(note))
        image.segment(None)
        parts.append(time.perf_counter() - began)
    ratio = statistics.median((run - 0.5) / part for run, part in zip(runs, parts, strict=True))
    return {"run_s": statistics.median(runs), "parts_s": statistics.median(parts), "run_ratio": ratio, "kb": max(sizes)}


def _memory_after_runs(browser, address: str) -> float:
    """The page's live JavaScript memory after 50 runs, against that after five."""
    page = _ready(browser, address)
    inspector = page.context.new_cdp_session(page)

    def used() -> float:
        inspector.send("HeapProfiler.collectGarbage")
        return inspector.send("Runtime.getHeapUsage")["usedSize"]

    early = 0.0
    for n in range(RUNS):
        _run(page, f"{'Left' if n % 2 else 'Right'} oropharynx, {n} pack years.")
        if n == 4:
            early = used()
    ratio = used() / early
    page.close()
    return ratio


def _wrong_pictures(browser, address: str) -> int:
    """Ten sessions run at once, each with its own note; how many show another picture than when it ran alone."""
    notes = [f"{'Left' if n % 2 else 'Right'} larynx, {n} pack years." for n in range(SESSIONS)]

    def seen(page) -> tuple[str, str]:
        return page.get_attribute(".viewer", "data-contours-text"), page.inner_text(".numbers")

    pages = [_ready(browser, address) for _ in notes]
    shown = [int(page.get_attribute(".viewer", "data-ready")) for page in pages]
    for page, note in zip(pages, notes, strict=True):
        page.fill("#note textarea", note)
        page.click("#run")
    for page, count in zip(pages, shown, strict=True):
        page.wait_for_selector(f".viewer[data-ready='{count + 1}']")
    together = [seen(page) for page in pages]
    for page in pages:
        page.close()
    alone = []
    for note in notes:
        page = _ready(browser, address)
        _run(page, note)
        alone.append(seen(page))
        page.close()
    return sum(a != b for a, b in zip(together, alone, strict=True))


if __name__ == "__main__":
    for name, value in measure().items():
        print(f"{name}: {value:.3f}")
