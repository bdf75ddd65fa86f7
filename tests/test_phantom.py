"""Phantoms are varied, lawful patients whose facts can be read off their contours."""

from __future__ import annotations

import re
from functools import cache
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from scipy import ndimage

from llmseg.case import ORGANS, STRUCTURES, TARGETS, InputError
from llmseg.datasets import phantom as made
from llmseg.datasets.canvas import Body, Grid
from llmseg.datasets.openkbp import facts_from_structures
from llmseg.datasets.phantom import BUNDLED_SEEDS, TEST_SEEDS, TRAINING_SEEDS, make_phantom

FIRST = TEST_SEEDS.start
COARSE_MM = (5.0, 5.0, 5.0)
DOSE_OF = {"PTV_High": 70, "PTV_Mid": 63, "PTV_Low": 56}
TABLE = Path(__file__).parents[1] / "docs" / "phantoms.md"


@cache
def phantom(seed: int, **options):
    return make_phantom(FIRST + seed, **{"spacing_mm": COARSE_MM, **options})


def voxel_ml(structures) -> float:
    return float(np.prod(structures.spacing_mm)) / 1000


def height_mm(phantom, name: str) -> float:
    return float(np.argwhere(phantom.structures[name])[:, 2].mean() * phantom.volume.spacing_mm[2])


def test_seed_decides_everything():
    again = make_phantom(FIRST, spacing_mm=COARSE_MM)
    assert np.array_equal(again.volume.array, phantom(0).volume.array)
    assert again.facts == phantom(0).facts
    for name in STRUCTURES:
        assert np.array_equal(again.structures[name], phantom(0).structures[name])


def test_no_two_are_alike():
    volumes = [tuple(int(phantom(seed).structures[name].sum()) for name in ORGANS) for seed in range(6)]
    assert len(set(volumes)) == 6
    for organ in range(len(ORGANS)):
        sizes = [volume[organ] for volume in volumes]
        assert max(sizes) > 1.1 * min(sizes)
    bodies = [ndimage.binary_fill_holes(phantom(seed).volume.array[:80, :50, :50] > -300) for seed in range(6)]
    for first in range(6):
        for second in range(first):
            both = (bodies[first] & bodies[second]).sum()
            assert 2 * both / (bodies[first].sum() + bodies[second].sum()) < 0.97


@pytest.mark.parametrize("seed", range(8))
def test_organs_are_drawn_and_facts_agree_with_the_contours(seed):
    person = phantom(seed)
    assert set(person.structures) == set(STRUCTURES)
    assert all(person.structures[name].any() for name in ORGANS)
    assert {DOSE_OF[name] for name in TARGETS if person.structures[name].any()} == set(person.facts.dose_gy)
    assert sum(person.structures[name].astype(int) for name in TARGETS).max() == 1
    assert 60 < person.structures["PTV_High"].sum() * voxel_ml(person.structures) < 600
    assert facts_from_structures(person.volume, person.structures).essential == person.facts


def test_every_kind_of_fact_occurs():
    bodies = [Body.draw(FIRST + seed, symmetric=False) for seed in range(30)]
    facts = [made._draw_facts(body.rng("plan")) for body in bodies]
    assert {fact.site for fact in facts} == {"nasopharynx", "oropharynx", "hypopharynx", "larynx"}
    assert {fact.side for fact in facts} == {"left", "right", "midline"}
    assert {fact.neck for fact in facts} == {"left", "right", "bilateral"}
    assert {63 in fact.dose_gy for fact in facts} == {56 in fact.dose_gy for fact in facts} == {True, False}


def test_organs_lie_as_in_a_patient():
    person = phantom(0)
    heights = [height_mm(person, name) for name in ("Esophagus", "Larynx", "Bone_Mandible", "Parotid_R", "Brainstem")]
    assert heights == sorted(heights)
    middle = {name: np.argwhere(person.structures[name]).mean(axis=0) for name in ORGANS}
    assert middle["Parotid_L"][0] < middle["SpinalCord"][0] < middle["Parotid_R"][0]
    assert middle["SpinalCord"][1] < middle["Larynx"][1] < middle["Bone_Mandible"][1]
    assert person.volume.orientation == "RAS"
    air = [person.volume.array[:, -1].mean(), person.volume.array[:, :, -1].mean()]
    assert np.allclose(air, -1000, atol=30)


def test_another_grid_shows_the_same_patient():
    fine = phantom(2, spacing_mm=(4.0, 4.0, 3.0))
    assert fine.facts == phantom(2).facts
    for name in STRUCTURES:
        volumes = [p.structures[name].sum() * voxel_ml(p.structures) for p in (fine, phantom(2))]
        assert volumes[0] == pytest.approx(volumes[1], rel=0.12, abs=2)


def test_more_chest_leaves_everything_above_as_it_was():
    short, long = phantom(1), phantom(1, chest_mm=200.0)
    depth = short.volume.shape[2]
    added = long.volume.shape[2] - depth
    assert added == 40
    assert np.array_equal(long.volume.array[:, :, added:], short.volume.array)
    corner = long.volume.affine @ [0, 0, added, 1]
    assert np.allclose(corner[:3], short.volume.affine[:3, 3])
    for name in STRUCTURES:
        assert np.array_equal(long.structures[name][:, :, added:], short.structures[name])
    assert long.structures["SpinalCord"][:, :, 0].any()
    lungs = (long.volume.array[:, :, :added] < -600) & (long.volume.array[:, :, :added] > -950)
    assert lungs.sum() * voxel_ml(long.structures) > 1000


@pytest.mark.parametrize("seed", range(3))
def test_only_the_note_tells_a_teaching_phantoms_target(seed):
    left, right = (phantom(seed, teaching=True, side=side) for side in ("left", "right"))
    assert np.array_equal(left.volume.array, right.volume.array)
    assert left.facts == right.facts.mirrored()
    for name in ORGANS:
        assert np.array_equal(left.structures[name], right.structures[name])
    for person in (left, right):
        assert person.facts.side == person.facts.neck
        assert facts_from_structures(person.volume, person.structures).essential == person.facts
    covered = [np.any([p.structures[name] for name in TARGETS], axis=0) for p in (left, right)]
    assert not (covered[0] & covered[1]).any()


@pytest.mark.parametrize("seed", range(3))
def test_teaching_lesions_are_mirrored_twins(seed):
    body = Body.draw(FIRST + seed, symmetric=True)
    plan = made._plan_teaching(body, "right")
    scene = made._painted(body, plan, Grid.around(body, (3.0, 3.0, 3.0)))
    right, left = (scene.mask(lesion) for lesion in plan.lesions)
    assert right.sum() == pytest.approx(left.sum(), rel=0.04)
    hu_right, hu_left = (scene.hu[ndimage.binary_erosion(mask)] for mask in (right, left))
    assert hu_right.mean() == pytest.approx(hu_left.mean(), abs=3)
    assert hu_right.std() == pytest.approx(hu_left.std(), abs=3)
    x, _, z = scene.points[:3]
    assert -x[left].mean() > 25 < x[right].mean()
    assert z[left].mean() == pytest.approx(z[right].mean(), abs=1)
    target = made._target_masks(plan, scene)["PTV_High"]
    assert not (target & left).any()
    assert (target & right).sum() > 0.85 * right.sum()


def test_seed_chooses_either_side_of_a_teaching_phantom():
    sides = [Body.draw(FIRST + seed, symmetric=True).rng("side").choice(["left", "right"]) for seed in range(200)]
    assert 70 < sides.count("left") < 130
    assert phantom(0, teaching=True).facts.side == sides[0]


def tissues(person) -> dict[str, np.ndarray]:
    """HU of each tissue, measured as the table in the documentation says."""
    ct, masks, spacing = person.volume.array, person.structures, person.volume.spacing_mm
    parotids = masks["Parotid_L"] | masks["Parotid_R"]
    where = {name: ndimage.binary_erosion(masks[name]) for name in ("Brainstem", "Bone_Mandible", "Larynx")}
    where |= {"Parotid": ndimage.binary_erosion(parotids), "SpinalCord": masks["SpinalCord"]}
    low, high = ndimage.minimum_filter(ct, 3), ndimage.maximum_filter(ct, 3)
    centre = np.argwhere(parotids).mean(axis=0)
    _, y, z = ((i - c) * mm for i, c, mm in zip(np.indices(ct.shape, sparse=True), centre, spacing, strict=True))
    where["Muscle"] = (y < -30) & (np.abs(z + 45) < 30) & (low > -30) & (high < 120)
    where["Fat"] = (low > -200) & (high < -20)
    where["Brain"] = (z > 40) & (low > -40) & (high < 110)
    return {name: ct[mask] for name, mask in where.items()}


def measured() -> dict[str, tuple[tuple[float, float], tuple[float, float]]]:
    """The documentation's table: tissue -> (range of means, range of SDs) in real patients."""
    rows = re.findall(r"^\| (\w+) \| (-?\d+) to (-?\d+) \| (\d+) to (\d+) \|", TABLE.read_text(), re.MULTILINE)
    return {name: ((float(a), float(b)), (float(c), float(d))) for name, a, b, c, d in rows}


@pytest.mark.parametrize("seed", [900_300, 900_301])
def test_tissues_lie_within_the_table_of_real_values(seed):
    table = measured()
    found = tissues(make_phantom(seed))
    assert set(found) == set(table)
    for name, hu in found.items():
        (mean_low, mean_high), (sd_low, sd_high) = table[name]
        quartiles = np.percentile(hu, [25, 75])
        assert hu.size > 60, name
        assert mean_low <= hu.mean() <= mean_high, name
        assert sd_low <= np.diff(quartiles)[0] / 1.349 <= sd_high, name


def test_seeds_of_training_examples_and_tests_never_meet():
    ranges = sorted((r.start, r.stop) for r in (TRAINING_SEEDS, BUNDLED_SEEDS, TEST_SEEDS))
    assert all(first[1] <= second[0] for first, second in pairwise(ranges))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"seed": -1}, "negative"),
        ({"seed": 1, "side": "left"}, "teaching=True"),
        ({"seed": 1, "teaching": True, "side": "midline"}, "midline"),
        ({"seed": 1, "chest_mm": -5}, "chest_mm"),
        ({"seed": 1, "spacing_mm": (3.0, 0.0, 3.0)}, "spacing"),
    ],
)
def test_unusable_requests_name_the_remedy(options, message):
    with pytest.raises(InputError, match=message):
        make_phantom(**options)
