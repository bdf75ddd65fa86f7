"""The case browser without a page: what a card says, what its picture shows, and what it costs."""

from __future__ import annotations

import base64
import io
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image
from standin import write_dataset

from llmseg.case import InputError
from llmseg.datasets.folder import read_dataset
from llmseg.plots import COLOURS
from llmseg.ui.browser import SIDE_MM, STEP_MM, Shelf, named
from llmseg.ui.cases import Catalogue, uploaded


@pytest.fixture
def dataset(tmp_path):
    return write_dataset(tmp_path)


def shelf_of(dataset, is_busy=lambda: False) -> Shelf:
    return Shelf(Catalogue([dataset]), is_busy)


def pixels(made: dict) -> np.ndarray:
    """(rows, columns, 3) of a card's picture."""
    return np.array(Image.open(io.BytesIO(base64.b64decode(made["src"].split(",")[1]))).convert("RGB")).astype(int)


def test_cards_say_what_the_manifest_says_and_read_no_ct(dataset):
    for case in dataset.cases:
        object.__setattr__(case, "load_volume", lambda: pytest.fail("a CT was read"))
    one, two = shelf_of(dataset).cards()
    assert (one["name"], one["side"], one["site"], one["split"]) == ("one", "left", "oropharynx", "test")
    assert (one["reference"], one["scored"]) == (True, True)
    assert (two["side"], two["scored"]) == ("right", False)
    assert "70 Gy" in two["note"]


def test_without_facts_in_the_manifest_the_note_is_read(dataset):
    unknown = replace(dataset, cases=tuple(replace(case, facts=None) for case in dataset.cases))
    assert [(card["side"], card["site"]) for card in shelf_of(unknown).cards()] == [
        ("left", "oropharynx"),
        ("right", "oropharynx"),
    ]


def test_a_case_whose_folder_holds_no_contour_has_no_reference(dataset):
    for path in (dataset.root / "structures" / "two").iterdir():
        path.unlink()
    assert [card["reference"] for card in shelf_of(read_dataset(dataset.root)).cards()] == [True, False]


def test_a_picture_shows_the_target_in_its_colour_on_the_patients_side(dataset):
    shelf = shelf_of(dataset)
    colour = np.array(list(bytes.fromhex(COLOURS["PTV_High"][1:])))
    middles = {}
    for key in ("0/one", "0/two"):
        picture = pixels(shelf.picture(key))
        assert picture.shape[:2] == (SIDE_MM / STEP_MM,) * 2
        edge = np.argwhere(np.abs(picture - colour).sum(axis=2) < 120)
        middles[key] = edge[:, 1].mean()
        # The ball is 32 mm across; its outline lies within it.
        assert 26 <= np.ptp(edge[:, 1]) * STEP_MM <= 36
    # "one" has it on the patient's left, which is to the right.
    assert middles["0/one"] - middles["0/two"] == pytest.approx(24 * 2.5 / STEP_MM, abs=6)


def test_a_case_without_contours_still_has_a_picture(dataset):
    bare = replace(dataset.cases[1], load_structures=lambda: None, has_structures=False)
    picture = pixels(shelf_of(replace(dataset, cases=(bare,))).picture("0/two"))
    assert np.ptp(picture, axis=2).max() < 40
    assert picture.max() > 100


def test_the_score_is_the_dsc_of_the_stored_contour_where_there_is_one(dataset):
    shelf = shelf_of(dataset)
    assert shelf.scores() == {"0/one": 1.0}
    assert shelf.picture("0/one")["dsc"] == 1.0
    assert shelf.picture("0/two")["dsc"] is None


def test_while_the_model_works_only_pictures_made_before_are_given(dataset):
    busy = []
    shelf = shelf_of(dataset, lambda: bool(busy))
    made = shelf.picture("0/one")
    busy.append(True)
    assert shelf.picture("0/one") == made
    assert shelf.picture("0/two") is None
    busy.clear()
    assert "src" in shelf.picture("0/two")


def test_a_damaged_ct_says_so_on_its_card_and_an_unknown_key_is_refused(dataset):
    (dataset.root / "images" / "two.nii.gz").write_bytes(b"not an image")
    shelf = shelf_of(dataset)
    assert "two.nii.gz" in shelf.picture("0/two")["wrong"]
    with pytest.raises(InputError, match="no case"):
        shelf.picture("0/../../etc")


def test_the_button_names_the_open_case_also_one_that_was_sent(dataset, tmp_path):
    catalogue = Catalogue([dataset])
    assert named(None, catalogue)["key"] == ""
    assert named(catalogue["0/two"], catalogue) == {
        "key": "0/two",
        "name": "two",
        "what": "right oropharynx",
    }
    sent = uploaded(dataset.root / "images" / "one.nii.gz", "upload/1", tmp_path)
    assert named(sent, catalogue)["name"] == "one.nii.gz"
