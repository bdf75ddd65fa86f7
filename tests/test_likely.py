"""How sure the model is, on its way to the page: in the right place, small, and there only where it is known."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import pytest
from pressing import pressed_run
from scipy.ndimage import map_coordinates
from standin import LEFT, RIGHT, head, likelihood
from tiny import NOTE, body, write_checkpoint, write_language_model

from llmseg.case import Likelihood, Note
from llmseg.segmenter import Segmenter
from llmseg.ui.session import Session
from llmseg.ui.viewer import frame_of, pack_likely, to_data


def unpacked(path: str, entry: dict) -> np.ndarray:
    """(X, Y, Z) probabilities of a structure's box, as the page reads them."""
    packed = np.frombuffer(gzip.decompress(Path(path).read_bytes()), np.uint8)[entry["offset"] :]
    count = int(np.prod(entry["size"]))
    steps = np.stack([packed & 15, packed >> 4], axis=1).ravel()[:count]
    return steps.reshape(entry["size"][::-1]).T / 15


def test_probabilities_survive_packing_in_steps_of_a_fifteenth(tmp_path):
    frame = frame_of(head())
    packed = pack_likely({"PTV_High": likelihood(LEFT), "PTV_Low": likelihood(RIGHT)}, frame, tmp_path)
    for entry, source in zip(packed.table, (likelihood(LEFT), likelihood(RIGHT)), strict=True):
        values = unpacked(packed.path, entry)
        corner = frame.affine @ [*entry["origin"], 1]
        start = np.linalg.solve(source.affine, corner)[:3].round(6)
        box = tuple(slice(int(low), int(low) + size) for low, size in zip(start, entry["size"], strict=True))
        assert np.abs(values - source.values[box]).max() <= 1 / 30 + 1e-6
        assert source.values.sum() - source.values[box].sum() < 0.05 * source.values.size
        spacing = np.linalg.norm(frame.affine[:3, :3], axis=0)
        np.testing.assert_allclose(np.array(entry["step"]) * spacing, (5, 5, 8), atol=1e-4)


def test_a_whole_neck_travels_in_less_than_a_tenth_of_a_megabyte(tmp_path):
    grid = np.indices((64, 64, 80)) - np.array([32, 32, 40])[:, None, None, None]
    smooth = 1 / (1 + np.exp((np.sqrt((grid**2).sum(axis=0)) - 20) / 3))  # a ball of 16 cm with a wide rim
    one = Likelihood(smooth.astype(np.float32), np.diag([4.0, 4.0, 4.0, 1.0]), 0.5)
    packed = pack_likely(dict.fromkeys(("PTV_High", "PTV_Mid", "PTV_Low"), one), frame_of(head()), tmp_path)
    assert Path(packed.path).stat().st_size < 100_000


def test_where_no_target_is_likely_nothing_travels(tmp_path):
    nothing = Likelihood(np.full((8, 8, 8), 0.01, np.float32), np.eye(4), 0.5)
    assert pack_likely({"PTV_High": nothing}, frame_of(head()), tmp_path) is None


def test_a_run_brings_it_and_a_stored_result_says_why_there_is_none(bench):
    session = bench.choose(Session.start(), "0/one")
    stored = bench.scene(session)
    assert stored.likely is None
    assert "Press Run" in stored.no_likely
    assert to_data(stored).likely is None
    ran, _ = pressed_run(bench, session, "Oropharynx, right.")
    data = to_data(bench.scene(ran))
    assert [entry["name"] for entry in data.scene["likely"]] == ["PTV_High"]
    assert data.likely.path == ran.results["text"].likely.path
    # A note tried before brings its own back, and the stored one its lack of it.
    back, _ = bench.back_to(ran, 1)
    assert bench.scene(back).likely is None
    again, _ = bench.back_to(back, 2)
    assert bench.scene(again).likely == ran.results["text"].likely
    empty, _ = pressed_run(bench, session, " ")
    assert "no contour with the note" in bench.scene(empty).no_likely


def test_the_networks_own_grid_holds_what_the_cts_grid_does(tmp_path):
    checkpoint = write_checkpoint(tmp_path / "tiny", write_language_model(tmp_path / "model"))
    ct = body()
    drawn = Segmenter.load(checkpoint, "cpu", cache=tmp_path / "cache").open(ct).segment(Note(NOTE))
    coarse = drawn.load_likelihood("PTV_High")
    assert coarse.at_contour == pytest.approx(0.5)
    places = np.stack(np.indices(coarse.values.shape), axis=-1).reshape(-1, 3)
    voxels = (np.linalg.inv(ct.affine) @ coarse.affine @ np.c_[places, np.ones(len(places))].T)[:3]
    inside = ((voxels >= 1) & (voxels <= np.array(ct.shape)[:, None] - 2)).all(axis=0)
    fine = map_coordinates(drawn.probabilities["PTV_High"], voxels[:, inside], order=1)
    assert np.abs(fine - coarse.values.ravel()[inside]).mean() < 0.02
    assert fine.size > 100
