"""What lies over or beside the slices in a real browser: the structures in 3D."""

from __future__ import annotations

FIGURE = "document.querySelector('#solid .js-plotly-plot')"
SHOWN = f"{FIGURE}.data.filter((trace) => trace.type === 'mesh3d' && trace.visible === true).map((trace) => trace.name)"


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
    page.tab.wait_for_function(f"{SHOWN}.length === 1", timeout=60_000)
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
