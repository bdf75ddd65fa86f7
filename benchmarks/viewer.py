"""How long a slice change and a stroke of the brush take in the browser: three planes each, every contour on.

    python benchmarks/viewer.py

Headless Chromium without a GPU, like a hospital desktop: it draws a case of 256 x 256 x 128 voxels with
stored contours for both panels and the reference, at 1920 x 1080. The time runs from the change until the pixels of
every canvas on show can be read back.
"""

from __future__ import annotations

import os
import shutil
import statistics
import tempfile
from pathlib import Path
from types import SimpleNamespace

import numpy as np

BROWSERS = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
FLAGS = ("--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking", "--disable-sync")
SHAPE, SPACING_MM = (256, 256, 128), (1.0, 1.0, 2.5)
SLICES, STROKES = 80, 80

TIME_SLICES = """async (count) => {
  const viewer = document.querySelector(".viewer").viewer;
  const canvases = viewer.views.filter((view) => view.isShown()).map((view) => view.context);
  const times = [];
  for (let n = -10; n < count; n++) {
    const began = performance.now();
    viewer.cursor.z = (viewer.cursor.z + 1) % viewer.ct.size.z;
    viewer.draw();
    for (const context of canvases) context.getImageData(0, 0, 1, 1);
    if (n >= 0) times.push(performance.now() - began);
    await new Promise(requestAnimationFrame);
  }
  return times;
}"""


TIME_STROKES = """async (count) => {
  const viewer = document.querySelector(".viewer").viewer;
  const view = viewer.views.find((view) => view.isShown() && view.box.dataset.plane === "axial");
  const canvases = viewer.views.filter((view) => view.isShown()).map((view) => view.context);
  const middle = ["x", "y"].map((axis) => (viewer.cursor[axis] + 0.5) * viewer.ct.spacing[axis]);
  const at = (n) => [middle[0] + 25 * Math.cos(n / 6), middle[1] + 25 * Math.sin(n / 6)];
  const times = [];
  viewer.editor.press(view, at(-11), { shiftKey: false, altKey: false });
  for (let n = -10; n < count; n++) {
    const began = performance.now();
    viewer.editor.sweep(at(n));
    viewer.draw();
    for (const context of canvases) context.getImageData(0, 0, 1, 1);
    if (n >= 0) times.push(performance.now() - began);
    await new Promise(requestAnimationFrame);
  }
  viewer.editor.release();
  return times;
}"""


def p90_ms() -> dict[str, float]:
    """90th percentile, in ms, over 80 axial slices and over 80 moves of the brush; each the median of five pages."""
    pages = _pages(5)
    return {name: statistics.median(float(np.percentile(times[name], 90)) for times in pages) for name in pages[0]}


def _pages(count: int) -> list[dict[str, list[float]]]:
    from playwright.sync_api import sync_playwright

    with tempfile.TemporaryDirectory() as folder:
        demo, address = _serve(Path(folder))
        try:
            with sync_playwright() as playwright:
                browser = playwright.chromium.launch(executable_path=chromium(), args=list(FLAGS))
                found = [_time_page(browser, address) for _ in range(count)]
                browser.close()
        finally:
            demo.close()
    return found


def _time_page(browser, address: str) -> dict[str, list[float]]:
    page = browser.new_page(viewport={"width": 1920, "height": 1080})
    page.goto(f"{address}?tour=no")
    page.wait_for_selector(".viewer[data-ready]", timeout=60_000)
    page.wait_for_selector("#chart .main-svg")
    slices = page.evaluate(TIME_SLICES, SLICES)
    page.focus(".stage")
    page.keyboard.press("e")
    page.wait_for_selector(".viewer[data-editing=brush]")
    strokes = page.evaluate(TIME_STROKES, STROKES)
    page.close()
    return {"slices": slices, "strokes": strokes}


def _serve(folder: Path):
    from llmseg.datasets.folder import read_dataset
    from llmseg.ui.app import build_app, launch_options

    _write_case(folder)
    model = SimpleNamespace(encoder_name="not used", checkpoint_name="not used")
    demo = build_app(lambda: model, [read_dataset(folder)])
    _, address, _ = demo.launch(prevent_thread_lock=True, quiet=True, server_name="127.0.0.1", **launch_options())
    return demo, address


def _write_case(folder: Path) -> None:
    """A phantom on a fine grid, and its contours moved a little as the stored results of the two panels."""
    from scipy import ndimage

    from llmseg.case import Structures, Volume
    from llmseg.datasets.folder import write_case, write_manifest
    from llmseg.datasets.phantom import make_phantom
    from llmseg.formats.nifti import write_mask

    phantom = make_phantom(500_000)
    affine = np.diag([*SPACING_MM, 1.0])
    step = np.divide(SPACING_MM, phantom.volume.spacing_mm)
    offset = (np.array(phantom.volume.shape) - np.array(SHAPE) * step) / 2

    def resampled(array: np.ndarray, order: int, outside: float) -> np.ndarray:
        return ndimage.affine_transform(array, step, offset, SHAPE, order=order, cval=outside)

    volume = Volume(resampled(phantom.volume.array, 1, -1000.0), affine)
    masks = {name: resampled(mask.astype(np.float32), 1, 0.0) > 0.5 for name, mask in phantom.structures.items()}
    entry = write_case(folder, "fine", volume, Structures(masks, affine), "Left oropharynx.")
    write_manifest(folder, {"test": [entry]}, "fine", "For timing only.")
    for arm, moved in (("text", 2), ("no-text", 4)):
        for name, mask in masks.items():
            write_mask(folder / "results" / "fine" / arm / f"{name}.nii.gz", np.roll(mask, moved, axis=0), affine)


def chromium() -> str:
    found = os.environ.get("LLMSEG_CHROMIUM") or next(filter(None, map(shutil.which, BROWSERS)), None)
    if not found:
        raise ImportError("no Chromium is installed")
    return found


if __name__ == "__main__":
    for name, milliseconds in p90_ms().items():
        print(f"{name}, 90th percentile: {milliseconds:.1f} ms")
