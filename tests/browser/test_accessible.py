"""What axe, the checker of accessibility, says of each part of the page on either colour scheme."""

from __future__ import annotations

from axe_playwright_python.sync_playwright import Axe
from browsing import Page


def complaints(page: Page, part: str | None = None) -> dict[str, list[str]]:
    """Each broken rule, and where; of the whole page, or of what a selector names."""
    found = Axe().run(page.tab, context=part).response["violations"]
    return {rule["id"]: [str(node["target"]) for node in rule["nodes"]] for rule in found}


def look_through_tabs(page: Page) -> None:
    """The whole page with each other tab would be looked through four times for one changed corner."""
    assert complaints(page) == {}
    for tab in ("Words", "Tried", "Download", "Note"):
        page.tab.click(f"button[role=tab]:has-text('{tab}')")
        assert complaints(page, "#tabs") == {}, tab


def test_axe_finds_nothing_on_any_tab_in_any_view_or_dialog_of_the_light_page(page):
    page.tab.click("button.scheme")
    page.run()
    look_through_tabs(page)
    for mode in ("overlaid", "difference", "swipe", "both"):
        page.tab.click(f"[data-mode={mode}]")
        assert complaints(page, "#viewer") == {}, mode
    page.tab.click(".ask")
    page.wait(".help[open]")
    assert complaints(page, ".help") == {}
    page.tab.keyboard.press("Escape")
    page.tab.click("button.take-tour")
    assert complaints(page, ".tour") == {}
    page.tab.keyboard.press("Escape")
    page.tab.click("button.scheme")
    look_through_tabs(page)


def test_axe_would_say_so(page):
    page.tab.evaluate("document.querySelector('#masthead h1').style.color = '#223'")
    assert "color-contrast" in complaints(page)
