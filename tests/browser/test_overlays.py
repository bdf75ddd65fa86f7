"""What lies over the slices in a real browser: the structures in 3D, and how sure the model is."""

from __future__ import annotations

import numpy as np
import pytest
from browsing import FLAGS

FIGURE = "document.querySelector('#solid .js-plotly-plot')"
SHOWN = f"{FIGURE}.data.filter((trace) => trace.type === 'mesh3d' && trace.visible === true).map((trace) => trace.name)"


@pytest.fixture(scope="module")
def flags():
    # WebGL, in software: slower for everything else, so for these tests alone.
    return (*FLAGS, "--enable-unsafe-swiftshader")


def test_surfaces_are_made_when_they_are_looked_at_and_again_for_a_new_result(page):
    assert page.tab.locator("#solid .js-plotly-plot").count() == 0
    page.tab.focus(".stage")
    page.tab.keyboard.press("t")
    page.wait_for("mode", "solid")
    page.wait_for("solid", "1")
    page.wait("#solid .js-plotly-plot canvas:visible")
    assert page.tab.evaluate(SHOWN) == ["PTV_High", "PTV_High"]  # with the note, and the other as a veil
    assert page.tab.evaluate(f"JSON.stringify({FIGURE}.data).length") < 1_000_000
    plot, panels = (page.tab.locator(where).bounding_box() for where in ("#solid", ".panels"))
    assert all(abs(plot[side] - panels[side]) < 1 for side in ("x", "y", "width", "height"))
    # A click on the legend hides a structure.
    page.tab.click("#solid .traces:has-text('PTV_High') .legendtoggle >> nth=0")
    page.tab.wait_for_function(f"{SHOWN}.length === 1")
    # Slices again: nothing is made while they are shown, however many results come.
    page.tab.click("[data-mode=both]")
    page.note("right")
    page.run()
    assert page.data("solid") == "1"
    assert not page.tab.is_visible("#solid")
    page.tab.click("[data-mode=solid]")
    page.wait_for("solid", "2")
    page.open_case("two")
    page.wait_for("case", "0/two")
    page.wait(".solid-said:has-text('Press Run')")
    assert not page.tab.is_visible("#solid")


def test_how_sure_the_model_is_is_painted_under_the_notes_contour(page):
    button = page.tab.locator(".uncertain")
    assert button.is_disabled()
    assert "Press Run" in button.get_attribute("title")  # a stored contour came without it
    page.run()
    page.tab.locator(".slices").fill("20")
    page.wait_for("z", "20")
    before, other = page.pixels("axial").astype(int), page.pixels("axial", "no-text").astype(int)
    page.tab.focus(".stage")
    page.tab.keyboard.press("u")
    page.wait_for("uncertain", "PTV_High")
    page.tab.wait_for_function("document.querySelector('.viewer').viewer.frame === undefined")
    assert page.tab.inner_text('.panel[data-panel="text"] .likely-key >> nth=0').startswith("Probability of PTV_High")
    painted = page.pixels("axial").astype(int)
    assert (page.pixels("axial", "no-text") == other).all()
    # Around the ball's rim, not in its middle; on the patient's left, which is to the right.
    y, x = np.nonzero(np.abs(painted - before).sum(axis=2) > 30)
    assert x.min() > painted.shape[1] / 2
    middle = painted[round(y.mean()), round(x.mean())]
    assert np.ptp(middle) < 10
    # The readout agrees: one half on the contour, more within it.
    box = page.view("axial").bounding_box()
    ratio = painted.shape[1] / box["width"]
    page.tab.mouse.move(box["x"] + x.mean() / ratio, box["y"] + y.mean() / ratio)
    page.wait(".readout:has-text('PTV_High 9'), .readout:has-text('PTV_High 100 %')")
    page.tab.click("[data-mode=difference]")
    assert button.is_disabled()
    page.tab.click("[data-mode=overlaid]")
    page.wait('.panel[data-panel="overlaid"] .likely-key:visible')
    page.tab.keyboard.press("u")
    page.wait_for("uncertain", "")
