"""The slice viewer in a real browser: what its modes show, what its tools measure, what keys and fingers do."""

from __future__ import annotations

import numpy as np
import pytest
from browsing import Page
from standin import LEFT, RIGHT, ball, head

from llmseg.formats.nifti import write_volume

PLANES = ("axial", "coronal", "sagittal")
MIDDLE = (36, 32, 20)
"""Where the stand-in draws the target without a note."""

PLACE = """([plane, panel, mm]) => {
  const viewer = document.querySelector(".viewer").viewer;
  const view = viewer.views.find((view) => view.panel === panel && view.box.dataset.plane === plane);
  const at = (axis, n) => mm[n] - viewer.ct.affine[n][3] + viewer.ct.spacing[axis] / 2;
  const box = view.canvas.getBoundingClientRect();
  const across = { x: at("x", 0), y: at("y", 1), z: at("z", 2) };
  const [x, y] = view.pixel([across[view.plane.across], across[view.plane.up]]);
  return [x, y, box.left, box.top];
}"""


def place(page: Page, plane: str, panel: str, voxel: tuple[int, int, int]) -> tuple[float, float]:
    """Where the middle of a voxel of the CT lies on the canvas, in pixels."""
    x, y, *_ = page.tab.evaluate(PLACE, [plane, panel, _mm(voxel)])
    return x, y


def spot(page: Page, plane: str, panel: str, voxel: tuple[int, int, int]) -> tuple[float, float]:
    """The same on the page, for the mouse."""
    x, y, left, top = page.tab.evaluate(PLACE, [plane, panel, _mm(voxel)])
    return x + left, y + top


def _mm(voxel: tuple[int, int, int]) -> list[float]:
    return [float(v) for v in head().affine[:3, :3] @ voxel + head().affine[:3, 3]]


def go_to_slice(page: Page, z: int) -> None:
    page.tab.locator(".slices").fill(str(z))
    page.wait_for("z", str(z))


def show(page: Page, mode: str) -> None:
    page.tab.click(f"[data-mode={mode}]")
    page.wait_for("mode", mode)


def settle(page: Page) -> None:
    """Wait until what was asked for is drawn: that happens in the next frame."""
    page.tab.evaluate("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")


def patch(page: Page, panel: str, voxel: tuple[int, int, int], half: int = 12) -> np.ndarray:
    """The greys of the axial picture around a voxel."""
    x, y = (round(v) for v in place(page, "axial", panel, voxel))
    return page.pixels("axial", panel)[y - half : y + half, x - half : x + half].mean(axis=2)


def coloured(page: Page, panel: str) -> int:
    """How many pixels of the axial picture are not grey."""
    picture = page.pixels("axial", panel).astype(int)
    return int((np.ptp(picture, axis=2) > 40).sum())


def dice(first: np.ndarray, second: np.ndarray) -> float:
    return 2 * (first & second).sum() / (first.sum() + second.sum())


# ---- what the words added and removed ----


def test_the_difference_says_what_the_note_added_and_removed(page):
    go_to_slice(page, 20)
    show(page, "difference")
    words = page.tab.inner_text(".panel[data-panel=difference] header")
    assert "Added by the note" in words
    assert "Removed by the note" in words
    millilitres = f"{ball(LEFT).sum() * 2.5 * 2.5 * 4 / 1000:.1f} ml"
    assert f"PTV_High: +{millilitres}, −{millilitres}" in words
    page.tab.mouse.move(*spot(page, "axial", "difference", LEFT))
    page.wait(".readout:has-text('added by the note: PTV_High')")
    page.tab.mouse.move(*spot(page, "axial", "difference", RIGHT))
    page.wait(".readout:has-text('removed by the note: PTV_High')")
    page.tab.mouse.move(*spot(page, "axial", "difference", MIDDLE))
    page.wait(".readout:not(:has-text('by the note'))")


def test_added_and_removed_differ_without_any_colour(page):
    go_to_slice(page, 20)
    page.tab.click(".go:text('PTV_High')")
    show(page, "difference")
    page.view("axial", "difference").click(position={"x": 8, "y": 40})  # the crosshair away from both
    page.tab.wait_for_function("document.querySelector('.viewer').dataset.y > 40")
    added, removed = patch(page, "difference", LEFT), patch(page, "difference", RIGHT)
    assert added.std() < 3
    assert removed.std() > 20


def test_what_both_contours_hold_is_no_difference(page):
    page.run()
    go_to_slice(page, 20)
    show(page, "difference")
    both = (30, 32, 20)
    assert ball(LEFT)[both]
    assert ball(MIDDLE)[both]
    page.tab.mouse.move(*spot(page, "axial", "difference", both))
    page.wait(".readout:has-text('HU')")
    assert "note" not in page.tab.inner_text(".readout")
    page.tab.mouse.move(*spot(page, "axial", "difference", (22, 32, 20)))
    page.wait(".readout:has-text('added by the note: PTV_High')")


def test_a_comparison_takes_the_place_of_no_note_in_the_difference(page):
    shown = int(page.data("ready"))
    page.tab.click("button[role=tab]:has-text('Words')")
    page.tab.click("#try-wrong-side")
    page.wait_for("ready", str(shown + 1))
    page.wait("#run:not([disabled])")
    show(page, "difference")
    assert "Only with the note" in page.tab.inner_text(".panel[data-panel=difference] header")
    go_to_slice(page, 20)
    page.tab.mouse.move(*spot(page, "axial", "difference", RIGHT))
    page.wait(".readout:has-text('only in “Wrong side”: PTV_High')")


def test_a_hidden_structure_makes_no_difference(page):
    go_to_slice(page, 20)
    page.tab.click("button.reference")
    show(page, "difference")
    settle(page)
    assert coloured(page, "difference") > 500
    page.tab.uncheck("[data-structure=PTV_High]")
    page.wait(".numbers tr.off")
    page.tab.wait_for_function("document.querySelector('.viewer').dataset.contoursText.startsWith('-')")
    assert coloured(page, "difference") == 0


def test_without_a_second_contour_the_difference_says_what_to_do(page):
    page.note("")
    page.run()
    for mode in ("difference", "swipe"):
        show(page, mode)
        assert "Write a note" in page.tab.inner_text(f".panel[data-panel={mode}] .absent")


# ---- filling, swiping, enlarging, measuring ----


def test_f_fills_the_contours_and_takes_the_filling_away(page):
    page.tab.click(".go:text('PTV_High')")
    page.tab.click("button.reference")
    page.tab.focus(".stage")
    lines = coloured(page, "text")
    page.tab.keyboard.press("f")
    page.wait("button.fill[aria-pressed=true]")
    settle(page)
    assert coloured(page, "text") > 3 * lines
    page.tab.keyboard.press("f")
    page.wait("button.fill[aria-pressed=false]")
    settle(page)
    assert coloured(page, "text") == lines


def test_the_divider_wipes_from_one_contour_to_the_other(page):
    go_to_slice(page, 20)
    page.tab.click("button.reference")
    show(page, "swipe")
    left, right = place(page, "axial", "swipe", LEFT), place(page, "axial", "swipe", RIGHT)
    divider = page.view("axial", "swipe").locator(".divider")

    def is_drawn(centre: tuple[float, float]) -> bool:
        picture = page.pixels("axial", "swipe").astype(int)
        x, y = (round(v) for v in centre)
        around = picture[y - 60 : y + 60, x - 60 : x + 60]
        return bool((np.ptp(around, axis=2) > 90).sum() > 20)

    # The note's contour lies on the screen's right, the other on its left: in the middle neither is uncovered.
    assert not is_drawn(left)
    assert not is_drawn(right)
    box = page.view("axial", "swipe").bounding_box()
    grip = divider.bounding_box()
    page.tab.mouse.move(grip["x"] + grip["width"] / 2, grip["y"] + 30)
    page.tab.mouse.down()
    page.tab.mouse.move(box["x"] + 0.98 * box["width"], grip["y"] + 30)
    page.tab.mouse.up()
    page.tab.wait_for_function("Number(document.querySelector('.viewer').dataset.divider) > 0.9")
    assert is_drawn(left)
    assert not is_drawn(right)
    assert int(divider.get_attribute("aria-valuenow")) > 90
    divider.focus()
    for _ in range(48):
        page.tab.keyboard.press("ArrowLeft")
    page.tab.wait_for_function("Number(document.querySelector('.viewer').dataset.divider) < 0.1")
    assert not is_drawn(left)
    assert is_drawn(right)


def test_a_double_click_enlarges_one_view_and_escape_brings_the_others_back(page):
    zoom = page.data("zoom")
    small = page.view("coronal", "no-text").bounding_box()
    page.view("coronal", "no-text").dblclick()
    page.wait_for("enlarged", "coronal")
    assert page.tab.locator(".view:visible").count() == 1
    large = page.view("coronal", "no-text").bounding_box()
    assert large["width"] * large["height"] > 4 * small["width"] * small["height"]
    assert page.data("zoom") == zoom
    page.tab.keyboard.press("Escape")
    page.wait_for("enlarged", "")
    assert page.tab.locator(".view:visible").count() == 6
    assert page.view("coronal", "no-text").bounding_box() == small
    page.tab.keyboard.press("v")
    page.wait_for("enlarged", "coronal")
    page.view("coronal", "no-text").dblclick()
    page.wait_for("enlarged", "")
    assert page.tab.locator(".view:visible").count() == 6


@pytest.mark.parametrize(
    ("plane", "ends", "millimetres"),
    [
        ("axial", ((24, 22, 20), (48, 42, 20)), np.hypot(24 * 2.5, 20 * 2.5)),
        ("coronal", ((24, 32, 14), (48, 32, 26)), np.hypot(24 * 2.5, 12 * 4)),
        ("sagittal", ((36, 22, 14), (36, 42, 26)), np.hypot(20 * 2.5, 12 * 4)),
    ],
)
def test_a_measured_line_is_as_long_as_in_the_patient_at_any_zoom(page, plane, ends, millimetres):
    go_to_slice(page, 20)
    page.tab.focus(".stage")
    page.tab.keyboard.press("m")
    page.wait("button.measure[aria-pressed=true]")
    position = page.data("x"), page.data("y"), page.data("z")
    lengths = []
    for zoom in ("0.80", "0.64"):
        from_, to = (spot(page, plane, "text", voxel) for voxel in ends)
        page.tab.mouse.move(*from_)
        page.tab.mouse.down()
        page.tab.mouse.move(*to, steps=3)
        page.tab.mouse.up()
        page.tab.wait_for_function("document.querySelector('.viewer').dataset.measured.endsWith('mm')")
        lengths.append(float(page.view(plane).locator(".length").inner_text().removesuffix(" mm")))
        page.tab.keyboard.press("-")
        page.wait_for("zoom", zoom)
    assert lengths == pytest.approx([millimetres] * 2, abs=2)
    assert (page.data("x"), page.data("y"), page.data("z")) == position
    assert page.view(plane, "no-text").locator(".length").inner_text().endswith("mm")
    page.tab.keyboard.press("Escape")
    page.wait_for("measured", "")
    page.wait("button.measure[aria-pressed=false]")
    assert page.view(plane).locator(".length").inner_text() == ""


def test_a_measured_line_stays_on_its_slice(page):
    go_to_slice(page, 20)
    page.tab.click("button.measure")
    page.tab.mouse.move(*spot(page, "axial", "text", LEFT))
    page.tab.mouse.down()
    page.tab.mouse.move(*spot(page, "axial", "text", MIDDLE))
    page.tab.mouse.up()
    length = page.view("axial").locator(".length")
    page.wait(".view[data-plane=axial] .length:has-text('mm')")
    go_to_slice(page, 21)
    assert length.inner_text() == ""
    go_to_slice(page, 20)
    assert length.inner_text().endswith("mm")


# ---- the strip of slices ----


def test_the_strip_says_the_dice_of_each_slice_against_the_reference(page):
    page.run()
    for z in (18, 20, 22):
        go_to_slice(page, z)
        assert page.tab.inner_text(".strip-what") == "DSC"
        assert page.tab.inner_text(".strip-with") == "1.00"
        without = dice(ball(MIDDLE)[:, :, z], ball(LEFT)[:, :, z])
        assert page.tab.inner_text(".strip-without") == f"{without:.2f}"
    go_to_slice(page, 2)
    assert page.tab.inner_text(".strip-with") == "–"


def test_a_structure_chosen_in_the_table_is_the_strips(page):
    assert page.tab.inner_text(".strip-name") == "PTV_High"
    page.tab.click(".go:text('SpinalCord')")
    page.wait_for("chosen", "SpinalCord")
    assert page.tab.inner_text(".strip-name") == "SpinalCord"
    assert page.tab.locator("tr[aria-current=true]").inner_text().strip().startswith("SpinalCord")


def test_without_a_reference_the_strip_says_how_far_the_two_agree(page, tmp_path):
    write_volume(tmp_path / "sent.nii.gz", head())
    page.send(tmp_path / "sent.nii.gz")
    page.wait(".foot .case:text('sent.nii.gz')")
    page.note("left")
    page.run()
    go_to_slice(page, 20)
    assert page.tab.inner_text(".strip-what") == "Overlap"
    assert page.tab.inner_text(".strip-with") == f"{dice(ball(LEFT)[:, :, 20], ball(MIDDLE)[:, :, 20]):.2f}"
    assert page.tab.inner_text(".strip-without") == ""


def test_a_click_in_the_strip_goes_to_the_slice_and_arrow_keys_go_on(page):
    box = page.tab.locator(".slices").bounding_box()
    page.tab.mouse.click(box["x"] + box["width"] * 10 / 39, box["y"] + 10)
    page.wait_for("z", "10")
    page.tab.keyboard.press("ArrowRight")
    page.wait_for("z", "11")
    page.tab.mouse.move(box["x"] + box["width"] * 20 / 39, box["y"] + 10)
    page.wait(".readout:has-text('Slice 21')")
    assert "PTV_High: DSC 1.00 with the note, 0.00 without the note" in page.tab.inner_text(".readout")


def test_the_strip_marks_the_slices_on_which_a_target_lies(page):
    strip = page.tab.locator(".strip canvas")
    picture = strip.evaluate(
        """canvas => Array.from(canvas.getContext("2d").getImageData(0, 3, canvas.width, 1).data)"""
    )
    marked = np.reshape(picture, (-1, 4))[:, 3] > 200
    columns = np.flatnonzero(marked) / len(marked) * 39
    slices = np.flatnonzero(ball(LEFT).any(axis=(0, 1)))
    assert columns.min() == pytest.approx(slices.min() - 0.5, abs=0.2)
    assert columns.max() == pytest.approx(slices.max() + 0.5, abs=0.2)


# ---- fingers ----


def test_one_finger_scrolls_and_a_tap_moves_the_crosshair(page, fingers):
    go_to_slice(page, 20)
    x, y = spot(page, "axial", "text", MIDDLE)
    cross = page.data("x"), page.data("y")
    fingers("Start", (x, y))
    for step in range(1, 7):
        fingers("Move", (x, y + 10 * step))
    fingers("End")
    page.tab.wait_for_function("Number(document.querySelector('.viewer').dataset.z) < 17")
    assert (page.data("x"), page.data("y")) == cross
    z = page.data("z")
    fingers("Start", spot(page, "axial", "text", (30, 28, 20)))
    fingers("End")
    page.tab.wait_for_function("was => document.querySelector('.viewer').dataset.x !== was", arg=cross[0])
    assert page.data("z") == z


def test_two_fingers_zoom_about_what_lies_between_them_and_pan(page, fingers):
    go_to_slice(page, 20)
    x, y = spot(page, "axial", "text", LEFT)
    position = page.data("x"), page.data("y"), page.data("z")
    fingers("Start", (x - 20, y), (x + 20, y))
    for step in range(1, 5):
        fingers("Move", (x - 20 - 5 * step, y), (x + 20 + 5 * step, y))
    page.wait_for("zoom", "2.00")
    assert spot(page, "axial", "text", LEFT) == pytest.approx((x, y), abs=1)
    for step in range(1, 4):
        fingers("Move", (x - 50, y + 10 * step), (x + 30, y + 10 * step))
    settle(page)
    assert spot(page, "axial", "text", LEFT) == pytest.approx((x - 10, y + 30), abs=1)
    fingers("End")
    assert (page.data("x"), page.data("y"), page.data("z")) == position


def test_a_double_tap_enlarges(page, fingers):
    box = page.view("sagittal").bounding_box()
    for _ in range(2):
        fingers("Start", (box["x"] + 60, box["y"] + 60))
        fingers("End")
    page.wait_for("enlarged", "sagittal")


# ---- help, keys, and whether all of it can be read ----


def test_a_question_mark_lists_the_keys_and_escape_closes_the_list(page):
    page.tab.focus(".stage")
    page.tab.keyboard.press("?")
    page.wait(".help[open]")
    assert page.tab.evaluate("document.querySelector('.help').contains(document.activeElement)")
    page.tab.keyboard.press("Tab")
    page.tab.keyboard.press("d")
    assert page.data("mode") == "both"
    page.tab.keyboard.press("Escape")
    page.tab.wait_for_selector(".help", state="hidden")
    assert page.tab.evaluate("document.activeElement.className") == "stage"
    page.tab.click(".ask")
    page.wait(".help[open]")
    page.tab.click(".help .close")
    page.tab.wait_for_selector(".help", state="hidden")


def test_every_key_in_the_list_does_what_it_says(page):
    listed = set(page.tab.locator(".help kbd").all_text_contents())
    modes = {"W": "text", "N": "no-text", "O": "overlaid", "D": "difference", "S": "swipe", "T": "solid", "B": "both"}
    toggles = {"R": "reference", "F": "fill", "U": "uncertain", "M": "measure"}
    others = {"+", "−", "0", "C", "V", "1", "2", "3", "4", "↑", "↓", "←", "→", "Page Up", "Page Down", "Esc"}
    by_hand = {"E", "H", "X", "I", "[", "]", "Ctrl+Z", "Ctrl+Shift+Z"}  # and B and N; see test_editing_page.py
    assert listed == {*modes, *toggles, *others, *by_hand}
    page.run()  # what was stored has no uncertainty to show
    page.tab.focus(".stage")
    for key, mode in modes.items():
        page.tab.keyboard.press(key.lower())
        page.wait_for("mode", mode)
    for key, button in toggles.items():
        before = page.tab.get_attribute(f"button.{button}", "aria-pressed")
        page.tab.keyboard.press(key.lower())
        page.wait(f"button.{button}:not([aria-pressed={before}])")
    x = int(page.data("x"))
    page.tab.keyboard.press("Shift+ArrowLeft")
    page.wait_for("x", str(x + 1))
    page.tab.keyboard.press("c")
    settle(page)
    cross = page.view("axial").locator(".cross.up").bounding_box()
    view = page.view("axial").bounding_box()
    assert cross["x"] == pytest.approx(view["x"] + view["width"] / 2, abs=1.5)


@pytest.mark.parametrize(("width", "height"), [(1280, 720), (1920, 1080)])
def test_the_bar_fits_in_one_line_and_every_button_has_a_name(browser, address, width, height):
    page = Page(browser, address, viewport={"width": width, "height": height})
    bar = page.tab.locator(".bar").bounding_box()
    tops = set()
    for button in page.tab.locator(".bar button:visible").all():
        box = button.bounding_box()
        assert box["x"] >= bar["x"]
        assert box["x"] + box["width"] <= bar["x"] + bar["width"] + 0.5
        tops.add(round(box["y"] + box["height"] / 2))
        assert button.get_attribute("aria-label") or button.inner_text().strip()
        assert "Key" in button.get_attribute("title")
    assert max(tops) - min(tops) <= 1
    page.close()


CONTRASTS = """() => {
  const parse = (colour) => (colour.match(/[\\d.]+/g) ?? []).map(Number);
  const under = (node) => {
    const layers = [];
    for (; node; node = node.parentElement) {
      const [r, g, b, a = 1] = parse(getComputedStyle(node).backgroundColor);
      layers.push([r, g, b, a]);
      if (a === 1 && node.classList.contains("view")) layers[layers.length - 1] = [255, 255, 255, 1];
      if (a === 1) break;
    }
    const blend = (below, [r, g, b, a]) => [r, g, b].map((v, n) => v * a + below[n] * (1 - a));
    return layers.reverse().reduce(blend, [0, 0, 0]);
  };
  const light = (rgb) => {
    const [r, g, b] = rgb.map((v) => v / 255).map((v) => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const found = {};
  for (const node of document.querySelectorAll(".viewer *")) {
    const own = [...node.childNodes].some((child) => child.nodeType === 3 && child.textContent.trim());
    if (!own || !node.offsetParent || node.disabled) continue;
    const [a, b] = [light(parse(getComputedStyle(node).color).slice(0, 3)), light(under(node))];
    const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    found[`${node.className || node.tagName}: ${node.textContent.trim()}`] = ratio;
  }
  return found;
}"""


@pytest.mark.parametrize("mode", ["both", "difference", "swipe"])
def test_the_viewers_words_have_the_contrast_that_wcag_aa_asks(page, mode):
    """4.5 to 1, with white bone under whatever lies on a picture."""
    show(page, mode)
    found = page.tab.evaluate(CONTRASTS)
    assert len(found) > 25
    assert {words: ratio for words, ratio in found.items() if ratio < 4.5} == {}


def test_the_words_of_the_help_have_that_contrast_too(page):
    page.tab.focus(".stage")
    page.tab.keyboard.press("?")
    page.wait(".help[open]")
    found = {words: ratio for words, ratio in page.tab.evaluate(CONTRASTS).items() if ratio < 4.5}
    assert found == {}


def test_what_the_viewer_is_set_to_outlives_a_new_result(page):
    page.tab.focus(".stage")
    page.tab.keyboard.press("d")
    page.tab.keyboard.press("f")
    page.run()
    assert page.data("mode") == "difference"
    assert page.tab.get_attribute("button.fill", "aria-pressed") == "true"
    assert page.tab.locator(".view:visible").count() == len(PLANES)
