"""The case browser in a real browser: found by typing, opened by a key or a click, pictured as it scrolls into view."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest
from browsing import serve
from standin import write_dataset

from llmseg.ui.app import build_app

MANY = 60


@pytest.fixture(scope="module")
def address(segmenter):
    with tempfile.TemporaryDirectory() as folder:
        names = tuple(f"case_{number}" for number in range(1, MANY + 1))
        demo = build_app(lambda: segmenter, [write_dataset(Path(folder), names)])
        yield serve(demo)
        demo.close(verbose=False)


def names(page) -> list[str]:
    return page.tab.locator("#case .card b").all_inner_texts()


def test_cases_are_found_by_words_and_filters_and_opened_by_keys(page):
    assert page.tab.inner_text("#case .open .name") == "case_1"
    page.tab.click("#case .open")
    page.wait("#case .card")
    assert len(names(page)) == MANY
    assert page.tab.get_attribute("#case .card >> nth=0", "aria-selected") == "true"
    page.tab.keyboard.type("case_2")
    page.wait("#case .count:has-text('11 of 60')")
    page.tab.select_option("#case .side select", "right")
    page.wait("#case .count:has-text('6 of 60')")  # 2, 20, 22, ... 28: every second one
    assert names(page) == [f"case_{number}" for number in (2, 20, 22, 24, 26, 28)]
    page.tab.focus("#case .search")
    page.tab.keyboard.press("ArrowDown")
    page.tab.keyboard.press("ArrowRight")
    page.wait("#case .card:focus:has-text('case_20')")
    page.tab.keyboard.press("Enter")
    page.wait_for("case", "0/case_20")
    assert page.tab.inner_text("#case .open .name") == "case_20"
    assert not page.tab.is_visible("#case dialog")
    # It opens again where it was left, with what was typed ready to be typed over.
    page.tab.click("#case .open")
    page.wait("#case .card[aria-selected=true]:has-text('case_20')")
    page.tab.keyboard.type("nothing like it")
    page.wait("#case .nothing:visible")
    page.tab.click("#case .clear")
    page.wait(f"#case .count:text('{MANY} cases.')")
    page.tab.keyboard.press("Escape")
    page.tab.wait_for_selector("#case dialog", state="hidden")
    assert page.tab.evaluate("document.activeElement.className") == "open"
    assert page.data("case") == "0/case_20"


def test_pictures_come_with_scrolling_and_wait_for_a_run(page, segmenter):
    pictured = page.tab.locator("#case .card img[src]")
    segmenter.go_on.clear()
    try:
        page.tab.click("#run")
        page.wait("#status:has-text('Reading the CT')")
        page.tab.click("#case .open")
        page.tab.keyboard.type("case_60")
        page.wait("#case .count:has-text('Pictures wait')")
        assert page.tab.locator("#case .card:has-text('case_60') img[src]").count() == 0
    finally:
        segmenter.go_on.set()
    page.wait("#case .card:has-text('case_60') img[src]")
    page.tab.fill("#case .search", "")
    page.wait("#case .card:nth-child(6) img[src]")
    page.wait("#case .card:has-text('DSC 1.00')")
    assert pictured.count() < MANY / 2
    assert page.tab.locator("#case .card:nth-last-child(2) img[src]").count() == 0
    page.tab.keyboard.press("ArrowDown")
    page.tab.keyboard.press("End")
    page.wait("#case .card:nth-last-child(2) img[src]")
    # The only stored contour there is comes first when the worst is asked for, whatever stood before it.
    page.tab.select_option("#case .order select", "worst")
    page.wait("#case .card:first-child:has-text('case_1')")
    page.tab.click("#case .card:nth-child(2)")
    page.wait_for("case", "0/case_2")
