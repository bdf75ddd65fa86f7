"""The whole path in a browser: the app as it ships, with the real network, the real language model and a real note."""

from __future__ import annotations

import pytest
from browsing import Page, serve

from llmseg.segmenter import DEFAULT_CHECKPOINT


@pytest.fixture(scope="module")
def address():
    if not DEFAULT_CHECKPOINT.is_dir():
        pytest.skip(f"no checkpoint in {DEFAULT_CHECKPOINT}")
    import app

    yield serve(app.demo)
    app.demo.close(verbose=False)


def test_a_newcomer_sees_runs_scrolls_and_steers_a_contour(browser, address):
    page = Page(browser, address)
    assert "Stored result" in page.tab.inner_text(".panel[data-panel=text]")
    assert page.contours("text")[0] != "-"

    z = int(page.data("z"))
    page.view("axial").hover()
    page.tab.mouse.wheel(0, -100)
    page.wait_for("z", str(z + 1))
    page.tab.mouse.wheel(0, 100)
    page.wait_for("z", str(z))

    drawn, note = page.contours("text"), page.tab.input_value("#note textarea")
    page.tab.click("#swap")
    page.wait("#undo:not([disabled])")
    assert page.tab.input_value("#note textarea") != note
    assert "Image encoded in" in page.run()
    assert page.contours("text") != drawn
    assert "SmolLM2" in page.tab.inner_text("#models")
    page.close()
