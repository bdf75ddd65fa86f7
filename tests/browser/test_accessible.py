"""What axe, the checker of accessibility, says of each part of the page on either colour scheme."""

from __future__ import annotations

from axe_playwright_python.sync_playwright import Axe
from browsing import Page


def complaints(page: Page) -> dict[str, list[str]]:
    """Each broken rule, and where."""
    found = Axe().run(page.tab).response["violations"]
    return {rule["id"]: [str(node["target"]) for node in rule["nodes"]] for rule in found}


def test_axe_finds_nothing_on_any_tab_in_any_view_or_dialog_of_the_light_page(page):
    page.tab.click("button.scheme")
    page.run()
    for tab in ("Words", "Tried", "Download", "Note"):
        page.tab.click(f"button[role=tab]:has-text('{tab}')")
        assert complaints(page) == {}, tab
    for mode in ("overlaid", "difference", "swipe", "both"):
        page.tab.click(f"[data-mode={mode}]")
        assert complaints(page) == {}, mode
    page.tab.click(".ask")
    page.wait(".help[open]")
    assert complaints(page) == {}
    page.tab.keyboard.press("Escape")
    page.tab.click("button.take-tour")
    assert complaints(page) == {}
    page.tab.keyboard.press("Escape")
    page.tab.click("button.scheme")
    for tab in ("Words", "Tried", "Download", "Note"):
        page.tab.click(f"button[role=tab]:has-text('{tab}')")
        assert complaints(page) == {}, f"{tab}, dark"


def test_axe_would_say_so(page):
    page.tab.evaluate("document.querySelector('#masthead h1').style.color = '#223'")
    assert "color-contrast" in complaints(page)
