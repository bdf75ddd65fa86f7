"""From a raw note to an explained contour, in a real browser."""

from __future__ import annotations

import pytest
from browsing import Page

NOTE = "Mr. John Miller (MRN 4471982) has SCC of the left tonsil, cT2N1M0. Plan: bilateral neck, 70 / 56 Gy."


def open_words(page: Page, note: str = NOTE) -> None:
    page.note(note)
    page.tab.click("button[role=tab]:has-text('Words')")
    page.wait("#words .redaction" if "Miller" in note else "#words .fact")


def finish(page: Page, shown: int) -> str:
    page.wait_for("ready", str(shown + 1))
    page.wait(".status.done")
    page.wait("#run:not([disabled])")
    return page.tab.inner_text("#status")


def test_identifiers_are_marked_and_a_click_takes_one_back(page):
    open_words(page)
    assert "Miller" not in page.tab.inner_text("#words")
    assert "4471982" not in page.tab.inner_text("#words")
    assert "2 identifiers taken out" in page.tab.inner_text("#words")
    page.tab.click("#words .redaction >> nth=0")
    page.wait("#words .kept")
    assert "John Miller" in page.tab.inner_text("#words .kept")
    assert "4471982" not in page.tab.inner_text("#words")
    page.tab.click("#words .kept")
    page.tab.wait_for_selector("#words .kept", state="detached")
    assert "Miller" not in page.tab.inner_text("#words")


def test_a_typed_note_fills_the_fields_and_the_prompt(page):
    open_words(page)
    page.wait("#words pre:has-text('left oropharynx')")
    values = {name: page.tab.input_value(f"#{name} input") for name in ("site", "side", "neck", "t-stage", "n-stage")}
    assert values == {"site": "oropharynx", "side": "left", "neck": "bilateral", "t-stage": "T2", "n-stage": "N1"}
    assert "IMRT 70 / 56 Gy" in page.tab.inner_text("#words pre")
    assert page.tab.inner_text("#words .fact[data-fact=side]") == "left"


def test_a_chosen_field_changes_its_words_in_the_note(page):
    page.note(NOTE)
    page.tab.wait_for_function("document.querySelector('#side input').value === 'left'")
    page.tab.click("#side input")
    page.tab.keyboard.press("Control+A")
    page.tab.keyboard.type("right")
    page.tab.keyboard.press("Enter")
    page.tab.wait_for_function("document.querySelector('#note textarea').value.includes('right tonsil')")
    assert page.tab.input_value("#note textarea") == NOTE.replace("left", "right")
    page.tab.click("#undo")
    page.tab.wait_for_function("document.querySelector('#note textarea').value.includes('left tonsil')")


def test_explaining_shades_the_words_and_a_click_shows_what_one_moves(page):
    open_words(page)
    shown = int(page.data("ready"))
    page.tab.click("#explain")
    status = finish(page, shown)
    assert "phrases move the contour" in status
    heat = page.tab.locator("#words .phrase", has_text="left").first.get_attribute("style")
    assert "--heat: 1.00" in heat
    with_note = page.contours("text")
    page.tab.click("#words .phrase:text-is('left')")
    status = finish(page, shown + 1)
    assert status.startswith("Without “left”")
    assert "ml move" in status
    assert page.data("second") == "Without “left”"
    assert page.contours("no-text") != with_note
    assert page.contours("text") == with_note
    page.wait("#words .phrase[aria-pressed=true]")


@pytest.mark.parametrize("preset", ["wrong side", "other site", "other stage", "paraphrase", "another patient"])
def test_each_counterfactual_stands_beside_the_note(page, preset):
    open_words(page)
    shown = int(page.data("ready"))
    page.tab.click("#try-" + preset.replace(" ", "-"))
    status = finish(page, shown)
    moves = preset in ("wrong side", "another patient")
    assert ("ml move" in status) == moves
    assert ("nothing moves" in status) == (not moves)
    assert page.data("second")
    assert page.tab.input_value("#note textarea") == NOTE


def test_no_note_brings_the_contour_without_one_back(page):
    open_words(page)
    shown = int(page.data("ready"))
    page.tab.click("#try-wrong-side")
    finish(page, shown)
    page.tab.click("#try-empty")
    assert "Without the note" in finish(page, shown + 1)
    assert page.data("second") == ""


def test_a_preset_without_a_hold_in_the_note_says_so_and_loses_nothing(page):
    open_words(page, "Carcinoma of the larynx, 70 Gy.")
    page.tab.click("#try-wrong-side")
    page.wait(".toast-body")
    assert "names no side" in page.tab.inner_text(".toast-body")
    page.wait("#run:not([disabled])")
    assert page.tab.input_value("#note textarea") == "Carcinoma of the larynx, 70 Gy."
