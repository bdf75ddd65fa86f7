"""Contours edited by hand in a real browser: each tool does what it says, to the voxel, and nothing drawn is lost."""

from __future__ import annotations

import zipfile
from pathlib import Path

import numpy as np
import pytest
from browsing import Page
from standin import LEFT, SHAPE, SPACING_MM, ball
from test_viewer import dice, go_to_slice, settle, spot

from llmseg.formats.nifti import read_mask
from llmseg.ui.viewer import HERE

X, Y, Z = SPACING_MM
FREE = (40, 40, 20)
"""A voxel that no contour holds."""


def begin(page: Page) -> None:
    go_to_slice(page, 20)
    page.tab.focus(".stage")
    page.tab.keyboard.press("e")
    page.wait_for("editing", "brush")


def brush(page: Page, millimetres: float) -> None:
    page.tab.locator(".size").fill(str(millimetres))
    page.wait(f".size-mm:text-is('{millimetres} mm')")
    page.tab.focus(".stage")


def stroke(page: Page, *voxels: tuple[int, int, int], plane: str = "axial") -> None:
    """Over the middles of voxels, and away from the picture when the button is up."""
    places = [spot(page, plane, "edited", voxel) for voxel in voxels]
    page.tab.mouse.move(*places[0])
    page.tab.mouse.down()
    for place in places[1:]:
        page.tab.mouse.move(*place, steps=4)
    page.tab.mouse.up()
    settle(page)


def under(voxel: tuple[int, int, int], millimetres: float, axes: tuple[int, int] = (0, 1)) -> np.ndarray:
    """What a brush of this width paints at a voxel, in the slice that these axes span."""
    squared = np.zeros(SHAPE)
    for axis, (index, step) in enumerate(zip(np.indices(SHAPE), SPACING_MM, strict=True)):
        squared += ((index - voxel[axis]) * step) ** 2 if axis in axes else np.where(index == voxel[axis], 0, np.inf)
    return squared <= (millimetres / 2) ** 2


def area(page: Page) -> float:
    """Of the chosen structure on the axial slice, in mm²."""
    settle(page)
    return float(page.data("area"))


def volume(page: Page) -> float:
    settle(page)
    return float(page.data("millilitres"))


def ml(mask: np.ndarray) -> float:
    return mask.sum() * X * Y * Z / 1000


def save(page: Page) -> None:
    page.tab.focus(".stage")
    page.tab.keyboard.press("e")
    page.wait_for("unsaved", "0")
    page.wait(".viewer.has-edit")
    page.wait_for("mode", "edited")
    assert page.tab.locator(".bar").bounding_box()["height"] < 32, "the toolbar takes one line with every button in it"


def taken_home(page: Page, folder: Path, arm: str = "edited") -> np.ndarray:
    page.tab.click("button[role=tab]:has-text('Download')")
    with page.tab.expect_download() as coming:
        page.tab.click("#get-masks")
    with zipfile.ZipFile(coming.value.path()) as archive:
        archive.extract(f"{arm}/PTV_High.nii.gz", folder)
    return read_mask(folder / arm / "PTV_High.nii.gz")[0]


def test_what_is_painted_is_what_is_saved_measured_and_taken_home(page, tmp_path):
    begin(page)
    before = ball(LEFT)
    cell = X * Y
    assert area(page) == pytest.approx(before[:, :, 20].sum() * cell)
    brush(page, 23.5)
    stroke(page, FREE)
    dot = under(FREE, 23.5)
    assert area(page) == pytest.approx((before | dot)[:, :, 20].sum() * cell)
    page.tab.keyboard.press("Control+z")
    assert area(page) == pytest.approx(before[:, :, 20].sum() * cell)
    page.tab.keyboard.press("Control+Shift+Z")
    page.tab.keyboard.down("Shift")
    stroke(page, LEFT)
    page.tab.keyboard.up("Shift")
    drawn = (before | dot) & ~under(LEFT, 23.5)
    assert area(page) == pytest.approx(drawn[:, :, 20].sum() * cell)
    assert volume(page) == pytest.approx(ml(drawn), abs=1e-3)
    # Neither another slice nor another zoom loses it.
    go_to_slice(page, 25)
    page.tab.keyboard.press("+")
    go_to_slice(page, 20)
    assert area(page) == pytest.approx(drawn[:, :, 20].sum() * cell)
    save(page)
    shown = page.tab.locator(".numbers tbody tr").first.locator(".dsc.edited").inner_text()
    assert shown == f"{dice(drawn, before):.2f}"
    name, time, apl, surface = page.tab.locator(".edits tbody tr").inner_text().split("\t")
    assert name == "PTV_High"
    assert ":" in time
    assert float(apl) > 0
    assert surface.startswith("1.00 → 0.")
    np.testing.assert_array_equal(taken_home(page, tmp_path), drawn)
    np.testing.assert_array_equal(taken_home(page, tmp_path, "text"), before)
    # It goes on from there, and undoing still works.
    page.tab.focus(".stage")
    page.tab.keyboard.press("e")
    page.wait_for("editing", "brush")
    page.tab.keyboard.press("Control+z")
    assert area(page) == pytest.approx((before | dot)[:, :, 20].sum() * cell)
    save(page)
    page.tab.wait_for_function("document.querySelector('.status').textContent.includes('saved')")


def test_every_plane_is_painted_in_true_millimetres_and_the_nudge_pushes_the_line(page):
    begin(page)
    expected = ball(LEFT)
    brush(page, 18)
    for plane, axes in (("coronal", (0, 2)), ("sagittal", (1, 2))):
        above = (LEFT[0], LEFT[1], 29)  # the crosshair is in the middle of the target
        stroke(page, above, plane=plane)
        expected = expected | under(above, 18, axes)
        assert volume(page) == pytest.approx(ml(expected), abs=1e-3), plane
    page.tab.keyboard.press("n")
    page.wait_for("editing", "nudge")
    brush(page, 30)
    still = volume(page)
    stroke(page, (22, 32, 20))  # inside: pressing alone moves nothing
    assert volume(page) == still
    stroke(page, (24, 32, 20), (29, 32, 20))  # from inside it pushes outwards
    assert volume(page) > still
    page.tab.keyboard.press("Control+z")
    assert volume(page) == still
    stroke(page, (10, 32, 20), (16, 32, 20))  # from outside, inwards
    assert volume(page) < still


def test_slices_between_two_that_were_drawn_are_filled_as_shapes(page):
    begin(page)
    page.tab.select_option(".pick", "SpinalCord")
    page.wait_for("chosen", "SpinalCord")
    page.tab.keyboard.press("i")
    page.wait(".edit-said:has-text('Draw SpinalCord on two slices')")
    brush(page, 30)
    go_to_slice(page, 10)
    stroke(page, (36, 20, 10))
    wide = area(page)
    brush(page, 10)
    go_to_slice(page, 16)
    stroke(page, (36, 20, 16))
    narrow = area(page)
    page.tab.keyboard.press("i")
    page.wait(".edit-said:has-text('5 slices filled.')")
    between = []
    for z in range(11, 16):
        go_to_slice(page, z)
        between.append(area(page))
    assert between == sorted(between, reverse=True)
    assert wide >= between[0] > between[2] > between[4] >= narrow
    # Halfway between circles of 30 and 10 mm lies one of 20 mm, as far as voxels can say.
    assert between[2] == pytest.approx(np.pi * 10**2, rel=0.12)
    page.tab.keyboard.press("Control+z")
    go_to_slice(page, 13)
    assert area(page) == 0
    page.tab.keyboard.press("Control+Shift+Z")
    go_to_slice(page, 13)
    assert area(page) == between[2]


def test_what_was_drawn_is_saved_before_anything_else_on_the_page_is_pressed(page, segmenter):
    begin(page)
    brush(page, 23.5)
    stroke(page, FREE)
    assert page.data("unsaved") == "1"
    # The browser asks before it closes the tab.
    assert page.tab.evaluate("!window.dispatchEvent(new Event('beforeunload', { cancelable: true }))")
    page.note("right")
    page.run()
    page.wait_for("unsaved", "0")
    assert page.data("editing") == "brush"
    assert area(page) == pytest.approx((ball(LEFT) | under(FREE, 23.5))[:, :, 20].sum() * X * Y)
    save(page)
    assert page.contours("text")[0] != page.contours("edited")[0] != "-"
    # A save that the server refuses is one toast, and still there to be saved.
    page.tab.keyboard.press("e")
    page.wait_for("editing", "brush")
    stroke(page, (30, 44, 20))
    page.tab.evaluate("document.querySelector('.viewer').viewer.editor.after = '00000000'")
    page.tab.keyboard.press("e")
    assert "edited elsewhere" in page.toast()
    page.wait_for("unsaved", "1")
    assert page.data("mode") == "edited"


def test_one_finger_paints_and_two_zoom_without_painting(page, fingers):
    begin(page)
    brush(page, 23.5)
    before, (x, y) = area(page), spot(page, "axial", "edited", FREE)
    fingers("Start", (x, y))
    fingers("Move", (x, y))
    fingers("End")
    painted = area(page)
    assert painted == pytest.approx((ball(LEFT) | under(FREE, 23.5))[:, :, 20].sum() * X * Y)
    assert painted > before
    fingers("Start", (x, y - 90))
    fingers("Start", (x, y - 90), (x + 40, y - 90))
    for step in range(1, 5):
        fingers("Move", (x - 10 * step, y - 90), (x + 40 + 10 * step, y - 90))
    fingers("End")
    page.tab.wait_for_function("Number(document.querySelector('.viewer').dataset.zoom) > 1.5")
    assert area(page) == painted


PURE = """([first, second, edges]) => {
  const clamp = (value, low, high) => Math.min(high, Math.max(low, value));
  const layer = (cells) => ({ size: [cells[0].length, cells.length], cells: Uint8Array.from(cells.flat()) });
  const deep = depths(layer(first), edges);
  const times = [];
  const clock = new Clock(() => times.at(-1));
  for (const now of [0, 4000, 5000, 65_000]) {
    times.push(now);
    clock.tick("Larynx");
  }
  clock.stop();
  times.push(100_000);
  clock.tick("Larynx");
  const mask = { low: [2, 3, 4], size: [2, 1, 1], voxels: Uint8Array.of(1, 1) };
  const size = { x: 10, y: 10, z: 10 };
  const wide = grown(mask, [0, 3, 4], [1, 5, 6]);
  const box = boundsOf(differences(mask, null, size), size);
  return { deep: [...deep], clock: clock.take(), same: grown(mask, [2, 3, 4], [3, 4, 5]) === mask,
    moved: differences(mask, wide, size), volume: wide.voxels.length, box };
}"""


def test_depths_are_distances_in_mm_and_pauses_are_no_editing(browser):
    """The distance transform against one that looks at every pair of cells; a clock that is told the time."""
    rng = np.random.default_rng(3)
    cells = np.pad(rng.random((9, 12)) < 0.4, 1).astype(int)
    tab = browser.new_page()
    scripts = [(HERE / name).read_text() for name in ("volume.js", "masks.js", "clock.js", "editing.js")]
    tab.add_script_tag(content="\n".join(scripts))
    found = tab.evaluate(PURE, [cells.tolist(), cells.tolist(), [2.5, 4.0]])
    tab.close()
    points = np.argwhere(np.ones_like(cells)) * [4.0, 2.5]
    apart = np.linalg.norm(points[:, None] - points[None], axis=2)
    inside = cells.ravel() == 1
    expected = apart[:, ~inside].min(axis=1) - apart[:, inside].min(axis=1)
    np.testing.assert_allclose(found["deep"], expected, atol=1e-5)
    assert found["clock"] == {"Larynx": 4 + 1 + 10}
    assert found["same"]
    assert found["moved"] == []
    assert found["volume"] == 4 * 2 * 2
    assert found["box"] == [[2, 3, 4], [4, 4, 5]]
