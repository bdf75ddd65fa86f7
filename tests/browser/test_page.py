"""The app in a real browser, by what a user sees."""

from __future__ import annotations

import base64
import csv
import re
import shutil
from pathlib import Path

import numpy as np
import pytest
from browsing import Page, serve
from clinic import Scanner, write_ct
from standin import LEFT, SHAPE, ball, head, write_dataset

from llmseg.formats.nifti import write_mask, write_volume
from llmseg.formats.rtstruct import read_contours
from llmseg.ui.app import LARGEST_UPLOAD, build_app

LIGHT = "rgb(243, 245, 248)"
UI = Path(__file__).parents[2] / "llmseg" / "ui"


def test_a_stored_result_with_its_numbers_is_there_before_anything_is_pressed(page):
    assert page.contours("text")[0] != "-"
    assert page.contours("no-text") != page.contours("text")
    text = page.tab.inner_text("body")
    assert "Stored result" in text
    assert "Research use only" in text
    assert "not clinical benefit" in text
    page.wait("#models :text('a stand-in for the network')")


def test_nothing_moves_when_the_chart_comes(page):
    before = page.view("axial").bounding_box()
    page.wait("#chart .main-svg")
    assert page.view("axial").bounding_box() == before


def test_a_page_at_rest_draws_no_frames(browser, address):
    context = browser.new_context()
    context.add_init_script("""
        const ask = window.requestAnimationFrame.bind(window);
        window.frames_asked = 0;
        window.requestAnimationFrame = (callback) => (window.frames_asked++, ask(callback));
    """)
    page = Page(context, address)
    page.wait("#chart .main-svg")
    assert page.tab.evaluate("window.frames_asked") > 0
    page.tab.wait_for_function(  # what moves at first ends within seconds
        "() => [window.frames_before, window.frames_before = window.frames_asked][0] === window.frames_asked",
        polling=1000,
    )
    page.close()
    context.close()


def test_results_that_were_replaced_leave_nothing_in_the_browser(page):
    inspector = page.tab.context.new_cdp_session(page.tab)

    def nodes_after(runs: int) -> int:
        for n in range(runs):
            page.note(f"{'left' if n % 2 else 'right'}, {n} pack years")
            page.run()
        inspector.send("HeapProfiler.collectGarbage")
        return inspector.send("Memory.getDOMCounters")["nodes"]

    page.wait("#chart .main-svg")
    early = nodes_after(2)
    assert nodes_after(5) < early + 700  # a chart has 300; one may still be on its way out


def test_swapping_the_side_in_the_note_moves_the_contour(page, segmenter):
    status = page.run()
    assert "Image encoded in" in status
    first, without = page.contours("text"), page.contours("no-text")
    opened = segmenter.opened
    assert "left" in page.tab.input_value("#note textarea")
    page.tab.click("#swap")
    page.wait("#undo:not([disabled])")
    assert "right" in page.tab.input_value("#note textarea")
    assert page.tab.input_value("#side input") == "right"
    assert "Image already encoded" in page.run()
    assert segmenter.opened == opened
    assert page.contours("text") != first
    assert page.contours("no-text") == without
    # What the page says of another note makes the table higher; the chart below it makes room.
    page.tab.wait_for_function(
        "(({ bottom }) => document.querySelector('#chart .main-svg').getBoundingClientRect().bottom <= bottom + 1)"
        "(document.querySelector('#chart').getBoundingClientRect())"
    )


def test_the_ct_is_fetched_once_and_a_result_is_small(page):
    sizes = {}
    page.tab.on("response", lambda r: sizes.update({r.url: len(r.body())}) if r.url.endswith(".gz") else None)
    fetched = sum(url.endswith(".gz") for url in page.requests)
    page.run()
    page.note("right")
    page.run()
    assert fetched == 4  # the CT, two stored arms, the reference
    assert len(sizes) == 5  # both arms and the note's probabilities, then the new note's two
    assert max(sizes.values()) < 20_000


def test_a_wheel_notch_is_one_slice_also_after_many_results(page):
    page.run()
    page.note("right")
    page.run()
    start = int(page.data("z"))
    page.view("axial").hover()
    page.tab.mouse.wheel(0, -100)
    page.wait_for("z", str(start + 1))
    page.tab.mouse.wheel(0, 100)
    page.wait_for("z", str(start))
    page.view("coronal", "no-text").hover()
    y = int(page.data("y"))
    page.tab.mouse.wheel(0, -100)
    page.wait_for("y", str(y + 1))
    assert int(page.data("z")) == start


def test_keys_slider_and_mouse_move_and_window(page):
    start = int(page.data("z"))
    page.tab.focus(".stage")
    page.tab.keyboard.press("ArrowUp")
    page.wait_for("z", str(start + 1))
    page.tab.keyboard.press("PageDown")
    page.wait_for("z", str(start - 4))
    page.tab.keyboard.press("2")
    page.wait_for("window", "1800/400")
    page.tab.click("[data-preset=lung]")
    page.wait_for("window", "1500/-600")
    page.tab.fill(".free .window", "350")
    page.tab.press(".free .window", "Enter")
    page.wait_for("window", "350/-600")
    page.tab.locator(".slices").fill("7")
    page.wait_for("z", "7")
    box = page.view("axial").bounding_box()
    page.tab.mouse.move(box["x"] + 100, box["y"] + 100)
    page.tab.mouse.down(button="right")
    page.tab.mouse.move(box["x"] + 110, box["y"] + 90)
    page.tab.mouse.up(button="right")
    page.wait_for("window", "390/-580")
    page.tab.keyboard.press("+")
    page.wait_for("zoom", "1.25")
    page.tab.keyboard.press("0")
    page.wait_for("zoom", "1.00")


def test_a_click_puts_both_panels_crosshairs_on_the_same_point(page):
    box = page.view("axial").bounding_box()
    start = page.data("x")
    page.tab.mouse.click(box["x"] + box["width"] * 0.3, box["y"] + box["height"] * 0.4)
    page.tab.wait_for_function("was => document.querySelector('.viewer').dataset.x !== was", arg=start)
    x, y = page.data("x"), page.data("y")
    page.tab.mouse.click(box["x"] + box["width"] * 0.7, box["y"] + box["height"] * 0.6)
    page.tab.wait_for_function("was => document.querySelector('.viewer').dataset.x !== was", arg=x)
    assert int(page.data("x")) < int(x)
    assert int(page.data("y")) < int(y)
    lines = [page.view("sagittal", panel).locator(".cross.up").get_attribute("style") for panel in ("text", "no-text")]
    assert lines[0] == lines[1]


def test_the_patients_right_is_on_the_screens_left_and_millimetres_are_true(page):
    page.tab.click("[data-preset=bone]")
    page.tab.click("button.reference")
    for box in page.tab.locator("[data-structure]").all():
        box.uncheck()
    page.tab.locator(".slices").fill("20")
    page.wait_for("z", "20")
    axial = page.pixels("axial").mean(axis=2)
    bone = np.argwhere(axial > 200)
    assert bone.size
    assert bone[:, 1].mean() < axial.shape[1] / 2
    page.view("axial").click(position={"x": float(bone[:, 1].mean()), "y": float(bone[:, 0].mean())})
    page.tab.wait_for_function("Math.abs(Number(document.querySelector('.viewer').dataset.x) - 55) < 8")
    # The bone is a ball of 16 mm across, in voxels of 2.5 x 2.5 x 4 mm; the scale bar says how long 16 mm is.
    for plane in ("coronal", "sagittal"):
        view = page.view(plane)
        bar = view.locator(".scale")
        pixels_per_mm = bar.bounding_box()["width"] / float(re.match(r"\d+", bar.inner_text())[0])
        bright = np.argwhere(page.pixels(plane).mean(axis=2) > 150)
        extent_mm = (np.ptp(bright, axis=0) + 1) / pixels_per_mm
        assert np.all(np.abs(extent_mm - 16) < 5), (plane, extent_mm)


def test_letters_name_the_sides_of_each_plane(page):
    shown = {plane: page.view(plane).inner_text().split() for plane in ("axial", "coronal", "sagittal")}
    assert {"R", "L", "A", "P"} <= set(shown["axial"])
    assert {"R", "L", "S", "I"} <= set(shown["coronal"])
    assert {"A", "P", "S", "I"} <= set(shown["sagittal"])
    left = page.view("axial").locator(".letter.left")
    assert left.inner_text() == "R"


def test_under_the_mouse_stand_hu_position_and_structure(page):
    page.tab.click("button.go:text('PTV_High')")
    line = page.view("axial").locator(".cross.up").bounding_box()
    across = page.view("axial").locator(".cross.across").bounding_box()
    page.tab.mouse.move(line["x"] + 2, across["y"] + 2)
    page.tab.wait_for_selector(".readout:has-text('HU')")
    readout = page.tab.inner_text(".readout")
    assert readout.startswith("40 HU")
    assert "PTV_High" in readout
    assert re.search(r"[LR] \d+\.\d  [AP] \d+\.\d  [SI] \d+\.\d mm", readout)


def test_structures_reference_and_panels_can_be_hidden(page):
    before = page.pixels("axial")
    page.tab.uncheck("[data-structure=PTV_High]")
    page.wait(".numbers tr.off")
    page.tab.wait_for_function("document.querySelector('.viewer').dataset.contoursText.startsWith('-')")
    hidden = page.pixels("axial")
    assert (before != hidden).any()
    page.tab.check("[data-structure=PTV_High]")
    page.tab.keyboard.press("r")
    page.wait("button.reference[aria-pressed=false]")
    page.tab.click("[data-mode=overlaid]")
    page.wait_for("mode", "overlaid")
    assert page.tab.locator(".panel:visible").count() == 1
    page.tab.click("[data-mode=both]")
    assert page.tab.locator(".panel:visible").count() == 2


def test_another_case_brings_its_own_note_and_picture(page):
    page.open_case("two")
    page.wait_for("case", "0/two")
    assert "right" in page.tab.input_value("#note textarea")
    assert page.data("contours-text") == "- -"
    assert "Press Run" in page.tab.inner_text(".panel[data-panel=text]")
    page.run()
    assert page.contours("text")[0] != "-"


def test_fields_write_the_note_and_undo_brings_the_old_one_back(page):
    old = page.tab.input_value("#note textarea")
    page.tab.click("#site input")
    page.tab.click("[role=option]:has-text('larynx')")
    page.wait("#undo:not([disabled])")
    assert page.tab.input_value("#note textarea") == old.replace("Oropharynx", "Larynx")
    page.tab.click("#undo")
    page.wait("#undo[disabled]")
    assert page.tab.input_value("#note textarea") == old


def test_an_empty_note_says_what_was_drawn(page):
    page.note("")
    assert "The note is empty" in page.run()
    assert page.contours("text") == ["-", "-"]
    assert "only the contours without a note" in page.tab.inner_text(".panel[data-panel=text]")


def test_a_bad_upload_gives_one_toast_and_loses_nothing(page, tmp_path):
    bad = tmp_path / "<b>holiday.nii.gz"
    bad.write_bytes(b"not an image at all")
    page.note("my own words about the left side")
    case = page.data("case")
    shown = page.data("ready")
    page.send(bad)
    assert "cannot be read as NIfTI" in page.toast()
    assert page.tab.input_value("#note textarea") == "my own words about the left side"
    assert page.data("case") == case
    assert page.data("ready") == shown


def test_an_uploaded_ct_can_be_contoured(page, tmp_path):
    write_volume(tmp_path / "sent.nii.gz", head())
    page.send(tmp_path / "sent.nii.gz")
    page.wait(".foot .case:text('sent.nii.gz')")
    page.note("right")
    page.run()
    assert page.contours("text")[0] != "-"
    assert "No reference" in page.tab.inner_text(".caveat")


def test_a_zipped_dicom_series_can_be_dropped_and_taken_home_as_an_rtstruct(page, tmp_path):
    write_ct(tmp_path / "ct", Scanner())
    shutil.make_archive(str(tmp_path / "series"), "zip", tmp_path / "ct")
    drop(page, tmp_path / "series.zip")
    page.wait(".foot .case:text('series.zip')")
    page.note("right")
    page.run()
    path = download(page, "rtstruct", tmp_path)
    assert path.name == "llmseg-rtstruct.dcm"
    assert set(read_contours(path)) == {"PTV_High"}


def drop(page: Page, path: Path) -> None:
    """Drag a file from the desktop onto the drop area, as far as a browser lets a script do that."""
    area = page.tab.locator("#upload button")
    data = page.tab.evaluate_handle(
        """([name, bytes]) => {
            const data = new DataTransfer();
            data.items.add(new File([Uint8Array.from(atob(bytes), (c) => c.charCodeAt(0))], name));
            return data;
        }""",
        [path.name, base64.b64encode(path.read_bytes()).decode()],
    )
    area.dispatch_event("dragenter", {"dataTransfer": data})
    area.dispatch_event("drop", {"dataTransfer": data})


def download(page: Page, kind: str, folder: Path) -> Path:
    page.tab.click("#tabs [role=tab]:has-text('Download')")
    with page.tab.expect_download() as sent:
        page.tab.click(f"#get-{kind}")
    path = folder / sent.value.suggested_filename
    sent.value.save_as(path)
    return path


def test_a_saved_session_shows_the_same_contours_again(page, tmp_path):
    page.note("right")
    page.run()
    drawn, without = page.contours("text"), page.contours("no-text")
    path = download(page, "session", tmp_path)
    page.open_case("two")
    page.wait_for("case", "0/two")
    page.send(path)
    page.tab.wait_for_selector(".viewer[data-case^=upload]")
    assert page.contours("text") == drawn
    assert page.contours("no-text") == without
    page.tab.click("#tabs [role=tab]:has-text('Note')")
    assert page.tab.input_value("#note textarea") == "right"


def test_a_report_and_a_table_say_what_the_page_says(page, tmp_path):
    page.note("right, by a quiet quokka")
    page.run()
    told = page.tab.locator(".numbers tr:has-text('PTV_High') td.hd95.text").text_content()
    with download(page, "table", tmp_path).open(encoding="utf-8-sig", newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["structure"] == "PTV_High"]
    assert [f"{float(row['hd95_mm']):.1f}" for row in rows if row["arm"] == "with the note"] == [told]
    report = page.tab.context.new_page()
    report.goto(download(page, "report", tmp_path).as_uri())
    assert "quiet quokka" in report.inner_text("body")
    assert told in report.inner_text("tr:has-text('PTV_High')")
    assert report.locator("img").first.evaluate("picture => picture.naturalWidth") > 100
    report.close()


def test_a_file_of_another_kind_gives_one_toast_and_loses_nothing(page, tmp_path):
    (tmp_path / "letter.pdf").write_bytes(b"pdf")
    page.note("my own words about the left side")
    page.send(tmp_path / "letter.pdf")
    assert ".zip" in page.toast()
    assert page.tab.input_value("#note textarea") == "my own words about the left side"


def test_a_mask_sent_as_a_ct_gives_one_toast_and_the_next_file_is_taken(page, tmp_path):
    write_mask(tmp_path / "mask.nii.gz", ball(LEFT), head().affine)
    page.note("my own words about the left side")
    page.send(tmp_path / "mask.nii.gz")
    assert "as a mask does" in page.toast()
    assert page.tab.input_value("#note textarea") == "my own words about the left side"
    write_volume(tmp_path / "sent.nii.gz", head())
    page.send(tmp_path / "sent.nii.gz")
    page.wait(".foot .case:text('sent.nii.gz')")


def test_a_file_that_is_too_large_gives_one_toast_and_loses_nothing(browser, monkeypatch, segmenter, tmp_path):
    monkeypatch.setattr("llmseg.ui.app.LARGEST_UPLOAD", "1mb")
    demo = build_app(lambda: segmenter, [write_dataset(tmp_path / "data")])
    page = Page(browser, serve(demo))
    page.note("my own words about the left side")
    (tmp_path / "large.nii.gz").write_bytes(bytes(1_200_000))
    page.send(tmp_path / "large.nii.gz")
    assert "maximum allowed size of 1" in page.toast()
    assert page.tab.input_value("#note textarea") == "my own words about the left side"
    page.tab.close()
    demo.close(verbose=False)


def test_what_is_odd_about_a_ct_and_how_large_it_may_be_stand_on_the_page(page, tmp_path):
    said = "[...document.querySelectorAll('#upload [data-testid=upload-text]')].map("
    said += "e => getComputedStyle(e, '::after').content).join()"
    assert LARGEST_UPLOAD.removesuffix("mb") + " MB" in page.tab.evaluate(said)
    write_volume(tmp_path / "small.nii.gz", head())
    page.send(tmp_path / "small.nii.gz")
    page.wait("#status .warning:has-text('Use a field of view with the whole neck')")
    assert page.tab.locator(".toast-body").count() == 0


def test_stop_leaves_the_panels_as_they_were(page, segmenter):
    before = page.contours("text")
    segmenter.go_on.clear()
    try:
        page.tab.click("#run")
        page.wait(".status.busy progress")
        page.tab.click("#stop")
        page.wait(".status:has-text('Stopping')")
    finally:
        segmenter.go_on.set()
    page.wait(".status:has-text('Stopped')")
    page.wait("#run:not([disabled])")
    assert page.contours("text") == before
    assert "Stored result" in page.tab.inner_text(".panel[data-panel=text]")


def test_two_browsers_running_at_once_never_see_each_others_case_note_file_or_result(
    browser, address, page, segmenter, tmp_path
):
    write_volume(tmp_path / "axolotl.nii.gz", head())
    other = Page(browser, address)
    other.send(tmp_path / "axolotl.nii.gz")
    other.wait("#run:not([disabled])")
    other.wait("#case:has-text('axolotl')")
    page.note("right, quokka")
    other.note("left, wombat")
    segmenter.go_on.clear()
    try:
        page.tab.dblclick("#run")  # a second click is no second run
        page.wait(".status.busy progress")
        other.tab.click("#run")
        other.wait(".status:has-text('Waiting for the model: 1 run before yours')")
    finally:
        segmenter.go_on.set()
    for one in (page, other):
        one.wait(".status.done")
        one.wait("#run:not([disabled])")
    assert page.contours("text") != other.contours("text")
    assert page.tab.input_value("#note textarea") == "right, quokka"
    assert other.tab.input_value("#note textarea") == "left, wombat"
    assert "axolotl" not in page.tab.content()
    assert "quokka" not in other.tab.content()
    results = [{url for url in one.requests if "/packed/" in url and "/cases/" not in url} for one in (page, other)]
    assert all(results)
    assert not results[0] & results[1]
    other.close()


def test_a_duplicated_tab_goes_its_own_way_from_where_the_first_one_was(page):
    page.note("right")
    page.run()
    drawn = page.contours("text")
    twin = page.twin()
    assert twin.contours("text") == drawn
    assert twin.tab.input_value("#note textarea") == "right"
    twin.note("left")
    twin.run()
    page.note("right, and more")
    page.run()
    assert page.contours("text") == drawn != twin.contours("text")
    twin.close()
    page.note("left")
    assert "decode" in page.run()


def test_a_lost_network_is_said_and_loses_neither_note_nor_result(browser, address, segmenter):
    page = Page(browser, address)
    page.wait("#chart .main-svg")
    segmenter.go_on.clear()
    try:
        page.note("right, in my own words")
        page.tab.click("#run")
        page.wait(".status.busy progress")
        assert page.complaints == []
        page.tab.context.set_offline(True)
    finally:
        segmenter.go_on.set()
    page.wait(".toast-body:has-text('Connection to the server was lost')")
    page.tab.context.set_offline(False)
    page.tab.wait_for_selector(".toast-body", state="detached")
    page.wait("#run:not([disabled])")
    page.wait(".viewer[data-ready]")
    page.complaints.clear()  # the browser's, of what it could not fetch meanwhile
    assert page.tab.input_value("#note textarea") == "right, in my own words"
    page.note("left, in my own words")
    assert "decode" in page.run()
    page.close()


def test_a_first_visit_is_shown_round_in_four_steps_and_the_second_is_not(browser, address):
    page = Page(browser, address, tour="yes")
    titles = []
    for _ in range(4):
        page.wait("dialog.tour[open]")
        titles.append(page.tab.inner_text(".tour h2"))
        inside, beside = page.tab.locator(".toured").bounding_box(), page.tab.locator(".tour").bounding_box()
        assert beside["x"] >= inside["x"] + inside["width"] or beside["x"] + beside["width"] <= inside["x"]
        page.tab.keyboard.press("Enter")
    assert titles == ["A case", "Its note", "Run", "The numbers"]
    assert page.tab.locator(".tour[open], .toured").count() == 0
    page.tab.reload()
    page.wait(".viewer[data-ready]")
    page.tab.wait_for_timeout(1000)
    assert page.tab.locator(".tour").count() == 0
    page.tab.click("button.take-tour")
    page.tab.keyboard.press("Escape")
    assert page.tab.locator(".tour[open]").count() == 0
    page.close()


def test_the_round_steps_aside_for_whoever_runs(browser, address):
    page = Page(browser, address, tour="yes")
    page.wait("dialog.tour[open]")
    page.run()
    assert page.tab.locator(".tour[open], .toured").count() == 0
    page.close()


def test_a_reload_keeps_case_note_contours_and_the_light_page(browser, address, page):
    page.tab.click("button.scheme")
    page.note("right")
    page.run()
    drawn = page.contours("text")
    page.note("right, and a word not yet run")
    page.tab.reload()
    page.wait(".viewer[data-ready]")
    assert page.contours("text") == drawn
    assert page.tab.input_value("#note textarea") == "right, and a word not yet run"
    assert page.background("body") == LIGHT
    assert page.background(".panel") == "rgb(0, 0, 0)"
    other = Page(browser, address)
    assert other.contours("text") != drawn
    other.close()


def test_a_note_outlives_a_server_that_knows_nothing_of_it(browser, address):
    page = Page(browser, address)
    page.tab.wait_for_function("keptInTab()?.session && keptInTab()?.note")
    # The last word before the page goes: whatever it still keeps on its own comes earlier.
    page.tab.evaluate("addEventListener('pagehide', () => keepInTab({ session: 'a server before', note: 'right' }))")
    page.tab.reload()
    page.wait(".viewer[data-ready]")
    assert "no longer holds" in page.toast()
    assert page.tab.input_value("#note textarea") == "right"
    page.close()


@pytest.mark.parametrize(("width", "height"), [(1280, 720), (1920, 1080)])
def test_the_essential_path_needs_no_scrolling(browser, address, width, height):
    page = Page(browser, address, viewport={"width": width, "height": height}, device_scale_factor=2)
    assert page.tab.evaluate("document.documentElement.scrollHeight <= window.innerHeight")
    for selector in (
        "#case",
        "#upload",
        "#note",
        "#swap",
        "#run",
        "#stop",
        ".panels",
        ".slices",
        ".numbers tfoot",
        ".caveat",
    ):
        box = page.tab.locator(selector).bounding_box()
        assert box["x"] >= 0, selector
        assert box["y"] >= 0, selector
        assert box["x"] + box["width"] <= width, selector
        assert box["y"] + box["height"] <= height, selector
    assert page.pixels("axial").shape[1] == round(2 * page.view("axial").bounding_box()["width"])
    page.close()


def test_an_outline_encloses_the_mask_it_was_traced_from(browser):
    tab = browser.new_page()
    tab.evaluate(
        "code => { window.trace = new Function(code + '; return traceLoops')(); }", (UI / "contours.js").read_text()
    )
    rng = np.random.default_rng(0)
    for _ in range(20):
        mask = np.pad(rng.random((9, 12)) < 0.5, 1)
        loops = tab.evaluate(
            "([bits, w, h]) => trace(Uint8Array.from(bits), w, h).map(loop => Array.from(loop))",
            [mask.astype(int).ravel().tolist(), mask.shape[1], mask.shape[0]],
        )
        # Holes run the other way, so signed areas add up; each crossed edge is one point.
        crossed = np.abs(np.diff(mask.astype(int), axis=0)).sum() + np.abs(np.diff(mask.astype(int), axis=1)).sum()
        assert sum(len(loop) for loop in loops) == 2 * crossed
        area = sum(signed_area(np.reshape(loop, (-1, 2))) for loop in loops)
        assert abs(area) == pytest.approx(mask.sum() - corners_cut(mask) / 8)
    tab.close()


def signed_area(points: np.ndarray) -> float:
    x, y = points.T
    return float((x * np.roll(y, -1) - np.roll(x, -1) * y).sum() / 2)


def corners_cut(mask: np.ndarray) -> int:
    """Cells of four voxels where the outline cuts a corner: off the mask (one in four) or into it (three in four)."""
    inside = sum(mask[i : i + mask.shape[0] - 1, j : j + mask.shape[1] - 1].astype(int) for i in (0, 1) for j in (0, 1))
    diagonal = (mask[:-1, :-1] == mask[1:, 1:]) & (mask[1:, :-1] == mask[:-1, 1:]) & (inside == 2)
    return int((inside == 1).sum() - (inside == 3).sum() + 2 * diagonal.sum())


def test_the_stand_in_has_the_shape_its_masks_have():
    assert head().shape == SHAPE
