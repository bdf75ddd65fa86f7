"""Marks every test here as one for a browser, and lends it one, with the app open in it."""

from __future__ import annotations

import itertools
import tempfile
import time
from pathlib import Path

import pytest
from browsing import FLAGS, Page, serve
from standin import StandIn, write_dataset

from llmseg.ui.app import build_app

HERE = Path(__file__).parent
MARKS = (
    pytest.mark.browser,
    # Gradio's queue asks pandas for what the next pandas will drop; that is not ours to fix.
    pytest.mark.filterwarnings("ignore:'future.no_silent_downcasting' is deprecated"),
    pytest.mark.filterwarnings("ignore:The copy keyword is deprecated"),
)


def pytest_collection_modifyitems(items):
    for item in items:
        if HERE in item.path.parents:
            for mark in MARKS:
                item.add_marker(mark)


@pytest.fixture(scope="module")
def flags() -> tuple[str, ...]:
    return FLAGS


@pytest.fixture(scope="module")
def browser(chromium, flags):
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=list(flags))
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def segmenter():
    return StandIn()


@pytest.fixture(scope="module")
def address(segmenter):
    with tempfile.TemporaryDirectory() as folder:
        demo = build_app(lambda: segmenter, [write_dataset(Path(folder))])
        yield serve(demo)
        demo.close(verbose=False)


@pytest.fixture(scope="module")
def tabs(browser):
    """A context whose tabs follow each other."""
    context = browser.new_context()
    yield context
    context.close()


@pytest.fixture
def page(tabs, address):
    before = tabs.pages
    page = Page(tabs, address)
    for tab in before:  # not earlier: with its last tab a process goes, and what it had compiled
        tab.close()
    yield page
    page.check()
    page.tab.evaluate("localStorage.clear()")


@pytest.fixture
def fingers(page):
    """Puts fingers on the screen, moves and lifts them: each call takes where they are from then on.

    Each says itself to come a twentieth of a second after the last, however long it took to arrive.
    """
    session = page.tab.context.new_cdp_session(page.tab)
    moments = itertools.count(time.time(), 0.05)

    def touch(kind: str, *points: tuple[float, float]) -> None:
        places = [{"x": x, "y": y, "id": n} for n, (x, y) in enumerate(points)]
        event = {"type": f"touch{kind}", "touchPoints": places, "timestamp": next(moments)}
        session.send("Input.dispatchTouchEvent", event)

    return touch
