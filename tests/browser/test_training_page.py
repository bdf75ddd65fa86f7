"""The training page, in a real browser: watch a run, and start none where that is not allowed."""

from __future__ import annotations

import sys

import pytest
from browsing import Page, serve
from made_up import write_run
from PIL import Image
from standin import StandIn, write_dataset

from llmseg.ui.app import build_app
from llmseg.ui.training import Trainer


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("training")


@pytest.fixture(scope="module")
def address(folder):
    write_run(folder / "runs" / "first", 30, {30: 0.4})
    demo = build_app(StandIn, [write_dataset(folder / "data")], trainer=Trainer(folder / "runs"))
    yield serve(demo)
    demo.close(verbose=False)


def test_a_run_is_watched_while_it_goes_on(page, folder):
    page.tab.click("#to-training a")
    page.wait("#training-said:has-text('step 30 of 100')")
    assert "best score 0.400 at step 30" in page.tab.inner_text("#training-said")
    page.wait("#training-plot .js-plotly-plot .scatterlayer .trace")
    write_run(folder / "runs" / "first", 60, {60: 0.4})
    Image.new("RGB", (90, 60), "teal").save(folder / "runs" / "first" / "validation.png")
    page.wait("#training-said:has-text('step 60 of 100')")
    page.tab.wait_for_function("document.querySelector('#training-picture img')?.naturalWidth === 90")
    assert page.tab.locator("#start-training").count() == 0
    page.tab.click("text=Back to the workbench")
    page.wait(".viewer[data-ready]")


def test_an_operator_who_allows_it_starts_a_run_and_stops_it(browser, tmp_path, monkeypatch):
    (tmp_path / "waits.py").write_text("import time\ntime.sleep(600)\n")
    monkeypatch.setattr("llmseg.ui.training.LAUNCH", (sys.executable, str(tmp_path / "waits.py")))
    trainer = Trainer(tmp_path / "runs", {"paper": tmp_path / "paper.toml"}, {"mine": tmp_path}, allowed=True)
    demo = build_app(StandIn, [write_dataset(tmp_path / "data")], trainer=trainer)
    page = Page(browser, serve(demo))
    page.tab.click("#to-training a")
    page.tab.fill("#training-name input, #training-name textarea", "first")
    page.tab.click("#training-data input")
    page.tab.click("[role=option]:has-text('mine')")
    page.tab.keyboard.press("Escape")
    page.tab.click("#start-training")
    assert "first has begun" in page.toast()
    page.tab.click(".toast-close")
    page.tab.click("#stop-training")
    page.wait(".toast-body:has-text('first was stopped')")
    page.close()
    demo.close(verbose=False)


def test_an_app_without_runs_has_no_such_page(browser, tmp_path):
    demo = build_app(StandIn, [write_dataset(tmp_path)])
    plain = Page(browser, serve(demo))
    assert plain.tab.locator("#to-training").count() == 0
    plain.close()
    demo.close(verbose=False)
