"""Notes tried before, in a real browser: kept in a list, one click back, any two side by side."""

from __future__ import annotations


def test_a_changed_word_can_be_taken_back_or_set_beside(page):
    first = page.tab.input_value("#note textarea")
    page.note("Oropharynx, right. Both sides of the neck, 70 Gy.")
    page.run()
    right = page.contours("text")
    page.tab.click("button[role=tab]:has-text('Tried')")
    page.wait("#tried li >> nth=1")
    assert "left → right" in page.tab.inner_text("#tried li >> nth=0")
    page.tab.click("#tried .beside[data-tried='1']")
    page.wait("#tried .beside[data-tried='1'][aria-pressed=true]")
    page.wait_for("second", "Note 1")  # the contours, too, come a moment after the list
    assert page.contours("text") == right
    assert page.contours("no-text") != right
    page.tab.click("#tried .back[data-tried='1']")
    page.wait("#tried [aria-current] .back[data-tried='1']")
    page.tab.wait_for_function("document.querySelector('#note textarea').value.includes('left')")
    assert page.tab.input_value("#note textarea") == first
    page.wait(f'.viewer:not([data-contours-text="{" ".join(right)}"])')  # they come a moment after the words
    assert page.contours("text") != right
    page.tab.click("button[role=tab]:has-text('Note')")
    page.tab.click("#undo")
    page.tab.wait_for_function("document.querySelector('#note textarea').value.includes('right')")
