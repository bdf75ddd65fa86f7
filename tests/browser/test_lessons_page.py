"""A lesson in a real browser: drawn blind, then shown and compared, then with another note; and left again."""

from __future__ import annotations

from pathlib import Path

import pytest
from browsing import Page, serve
from standin import LEFT, RIGHT, ball, head, write_dataset, write_lesson
from test_accessible import complaints
from test_viewer import go_to_slice, settle, spot

from llmseg.formats.nifti import write_mask
from llmseg.ui.app import build_app

CHANGE = "Oropharynx, left. Both sides of the neck, 70 Gy."


@pytest.fixture(scope="module")
def address(segmenter, tmp_path_factory):
    folder: Path = tmp_path_factory.mktemp("taught")
    dataset = write_dataset(folder / "data")
    for arm, centre in (("text", RIGHT), ("no-text", LEFT)):
        write_mask(folder / "data" / "results" / "two" / arm / "PTV_High.nii.gz", ball(centre), head().affine)
    write_lesson(folder / "lessons", case="two", change=CHANGE)
    demo = build_app(lambda: segmenter, [dataset], lessons_in=folder / "lessons")
    yield serve(demo)
    demo.close(verbose=False)


def at_stage(page: Page, stage: str) -> None:
    page.wait(f'.viewer[data-ready][data-lesson="{stage}"]')
    page.wait(f'.lesson[data-stage="{stage}"]' if stage else "#left:not(:has(.lesson))")


def places(page: Page) -> dict[str, float]:
    """Where the parts of the left column that a lesson leaves alone stand."""
    return {name: page.tab.locator(f"#{name}").bounding_box()["y"] for name in ("case", "run", "status")}


def test_a_learner_draws_blind_then_compares_then_sees_what_the_note_changes(page):
    before = places(page)
    page.tab.click("button.lessons")
    page.wait(".lesson-list[open]")
    assert complaints(page) == {}
    page.tab.click(".lesson-list [data-lesson=side]")
    at_stage(page, "draw")
    assert complaints(page) == {}
    assert places(page) == before
    assert not page.tab.locator("#upload").is_visible()
    assert page.tab.locator("#run").is_disabled()
    # Going on without a contour is asked about once; whoever draws is no longer asked.
    page.tab.click(".lesson .next")
    page.wait(".lesson .next:text-is('Skip and show')")
    assert page.data("lesson") == "draw"
    go_to_slice(page, 20)
    page.tab.mouse.move(*spot(page, "axial", "edited", RIGHT))
    page.tab.mouse.down()
    page.tab.mouse.up()
    settle(page)
    page.wait(".lesson .next:text-is('Show me')")
    # A page loaded again is where it was, with what was drawn; neither Esc nor E ends the drawing.
    page.tab.locator("#note textarea").focus()
    page.wait_for("unsaved", "0")
    page.tab.reload()
    at_stage(page, "draw")
    go_to_slice(page, 20)
    page.tab.focus(".stage")
    for key in ("Escape", "e"):
        page.tab.keyboard.press(key)
    assert page.contours("edited") != ["-"]
    assert page.data("editing") == "brush"
    blind = list(page.requests)

    page.tab.click(".lesson .next")
    at_stage(page, "seen")
    page.wait_for("mode", "edited")
    said = page.tab.inner_text(".lesson .words")
    assert said.startswith("Your PTV_High has DSC")
    assert "the model with the note DSC\N{NO-BREAK SPACE}1.00" in said
    assert page.tab.locator(".numbers .dsc.edited").nth(1).is_visible()
    assert page.contours("reference")[0] != page.contours("edited")[0] != "-"
    hidden = page.tab.evaluate(
        """() => Object.entries(document.querySelector(".viewer").viewer.scene.arms)
             .filter(([name]) => ["reference", "text", "no-text"].includes(name)).map(([, arm]) => arm.id)"""
    )
    assert len(hidden) == 3
    assert not [url for url in blind if any(id in url for id in hidden)]
    assert all(any(id in url for url in page.requests) for id in hidden)

    page.tab.click(".lesson .next")
    at_stage(page, "changed")
    page.wait_for("mode", "both")
    assert page.contours("text") != page.contours("no-text")
    assert "right → left" in page.tab.inner_text(".lesson .words")
    assert page.tab.inner_text(".panel[data-panel=no-text] .second") == "Changed note"
    page.tab.click(".lesson .leave")
    at_stage(page, "")
    assert page.data("case") == "0/two"
    assert page.tab.locator("#upload").is_visible()
    assert page.tab.locator("#run").is_enabled()
    assert not page.tab.locator('[data-mode="edited"]').is_visible()
