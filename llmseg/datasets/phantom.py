"""Synthetic head-and-neck CTs with contours and the facts of their note, made from a seed and nothing else."""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
from scipy import ndimage

from llmseg.case import ORGANS, TARGETS, InputError, Structures, Volume
from llmseg.datasets.anatomy import BACK_Y, NECK_LEVELS, airway, jaw, paint, skin, waves
from llmseg.datasets.canvas import Body, Grid, Scene
from llmseg.datasets.implicit import NOTHING, Points, Shape, anywhere, box, ellipse, ellipsoid, tube
from llmseg.datasets.uptake import paint_uptake
from llmseg.text.facts import SITES, Facts

TRAINING_SEEDS = range(0, 100_000)
BUNDLED_SEEDS = range(500_000, 600_000)
TEST_SEEDS = range(900_000, 1_000_000)
"""Seeds that never meet: what a network trains on, what ships as an example, and what tests use."""


@dataclass(frozen=True, eq=False)
class Phantom:
    """A synthetic patient: the CT, every structure's contour, and the facts its note may state; a PET on request."""

    volume: Volume
    structures: Structures
    facts: Facts
    pet: Volume | None = None


def make_phantom(
    seed: int,
    *,
    teaching: bool = False,
    side: str | None = None,
    spacing_mm: tuple[float, float, float] = (3.0, 3.0, 3.0),
    chest_mm: float = 0.0,
    pet: bool = False,
) -> Phantom:
    """Make one synthetic patient; the same seed gives the same patient.

    Args:
        seed: 0 or more; see TRAINING_SEEDS, BUNDLED_SEEDS, TEST_SEEDS.
        teaching: two mirrored, identical lesions, of which only the facts say which one is the target.
        side: teaching only: "left" or "right" target; None lets the seed choose. The CT does not depend on it.
        spacing_mm: voxel edges (x, y, z) in mm.
        chest_mm: how much chest to append below; everything above stays bit-identical.
        pet: also a PET in SUV on a grid of its own, which ends where the chest is appended. Twin lesions take up alike.
    Raises:
        InputError: a negative seed, a side without `teaching`, an unknown side, an unusable `chest_mm` or spacing.
    """
    if seed < 0:
        raise InputError(f"Phantom seed {seed} is negative. Pass 0 or more.")
    if side is not None and (not teaching or side not in ("left", "right")):
        raise InputError(f"Phantom side {side!r} is not usable. Pass left or right, together with teaching=True.")
    if chest_mm < 0:
        raise InputError(f"chest_mm is {chest_mm:g}. Pass 0 mm or more.")
    if not all(0.5 <= mm <= 10 for mm in spacing_mm):
        raise InputError(f"A phantom's spacing of {spacing_mm} mm is not usable. Pass 0.5 to 10 mm per axis.")
    body = Body.draw(seed, symmetric=teaching)
    plan = _plan_teaching(body, side) if teaching else _plan(body)
    grid = Grid.around(body, spacing_mm)
    grids = [grid, grid.below(chest_mm)] if chest_mm else [grid]
    scenes = [_painted(body, plan, grid) for grid in grids]
    masks = {name: _stacked([scene.masks[name] for scene in scenes]) for name in ORGANS}
    targets = [_target_masks(plan, scene) for scene in scenes]
    masks |= {name: _stacked([slab[name] for slab in targets]) for name in TARGETS}
    affine = grids[-1].affine
    hu = np.clip(np.round(_with_noise(body, scenes)), -1024, 3071)
    uptake = paint_uptake(body, plan.lesions) if pet else None
    return Phantom(Volume(hu, affine, name=f"phantom {seed}"), Structures(masks, affine), plan.facts, uptake)


def _stacked(slabs: list[np.ndarray]) -> np.ndarray:
    """Join blocks given from the head down."""
    return np.concatenate(slabs[::-1], axis=2)


@dataclass(frozen=True, eq=False)
class _Plan:
    """What grows where, what will be treated, and what a note may say of it.

    Args:
        targets: name -> the volume before the levels of higher dose are cut out of it.
    """

    lesions: tuple[Shape, ...]
    targets: dict[str, Shape]
    facts: Facts


# How far below the parotids' centre the middle of PTV_High lies, mm, with room to the rule's limits of 5, 35 and 60.
_BELOW_PAROTIDS_MM = MappingProxyType(
    {"nasopharynx": (-20, 2), "oropharynx": (9, 31), "hypopharynx": (39, 56), "larynx": (64, 84)}
)
# Where a primary may start: z, y.
_PRIMARY = MappingProxyType(
    {
        "nasopharynx": ((4, 18), (10, 18)),
        "oropharynx": ((-26, -8), (12, 28)),
        "hypopharynx": ((-54, -38), (8, 18)),
        "larynx": ((-80, -66), (10, 20)),
    }
)
_CHECK_MM = 6.0


def _plan(body: Body) -> _Plan:
    """Draw a disease and its targets until the facts are what anyone would read off the contours."""
    rng, check = body.rng("plan"), Scene(body, Grid.around(body, (_CHECK_MM,) * 3), skin)
    for _ in range(50):
        facts = _draw_facts(rng)
        for _ in range(40):
            plan = _draw(rng, facts)
            if _agrees(plan, check, (95, 500)):
                return plan
    raise AssertionError(f"phantom {body.seed}: nothing drawn agrees with its facts")


def _draw_facts(rng: np.random.Generator) -> Facts:
    site, side = str(rng.choice(SITES)), str(rng.choice(["left", "left", "right", "right", "midline"]))
    mid, low = bool(rng.random() < 0.5), bool(rng.random() < 0.88)
    # Without elective volumes a lateral tumour's own side is all that is covered.
    one_neck = side != "midline" and bool(rng.random() < 0.4 or not low)
    return Facts(site, side, side if one_neck else "bilateral", (70, *[63] * mid, *[56] * low))


def _draw(rng: np.random.Generator, facts: Facts) -> _Plan:
    towards = {"left": -1, "right": 1, "midline": 0}[facts.side]
    z_range, y_range = _PRIMARY[facts.site]
    centre = np.array([towards * rng.uniform(14, 24), rng.uniform(*y_range), rng.uniform(*z_range)])
    lesions = [_mass(centre, rng.uniform((13, 13, 14), (25, 23, 28)), rng)]
    node_sides = [towards] * int(rng.random() < 0.7) if towards else [-1, 1] * int(rng.random() < 0.4)
    for node in node_sides:
        place = (node * rng.uniform(40, 48), rng.uniform(-12, 2), centre[2] + rng.uniform(-16, 10))
        lesions.append(_mass(place, rng.uniform((8, 9, 10), (14, 15, 18)), rng))
    gross = _union(lesions)
    margin = rng.uniform(10, 15)
    levels = {-1: tube(NECK_LEVELS).mirrored(), 1: tube(NECK_LEVELS), 0: tube(NECK_LEVELS).both_sides()}
    around = _slab(centre[2], rng.uniform(24, 42))
    treated = gross.grown(margin)
    if node_sides and rng.random() < 0.75:
        treated = treated | (levels[towards] & around)
    elective = treated.grown(rng.uniform(5, 9)) | levels[0 if facts.neck == "bilateral" else towards]
    if 56 not in facts.dose_gy:
        elective = NOTHING
    middle = treated.grown(rng.uniform(4, 7)) | (levels[towards] & _slab(centre[2], rng.uniform(40, 60)))
    if 63 not in facts.dose_gy:
        middle = NOTHING
    return _Plan(tuple(lesions), {"PTV_High": treated, "PTV_Mid": middle, "PTV_Low": elective}, facts)


def _target_masks(plan: _Plan, scene: Scene) -> dict[str, np.ndarray]:
    """Dose levels as rings: each holds what the higher ones left, where a target may reach at all."""
    masks, taken = {}, np.zeros(scene.grid.shape, dtype=bool)
    for name in TARGETS:
        shape = plan.targets[name]
        masks[name] = scene.mask(shape & _TREATABLE) & ~taken
        taken = taken | masks[name]
    return masks


def _may_be_treated(p: Points) -> np.ndarray:
    """Under the skin, and neither in the vertebrae nor behind them."""
    spine = -ellipse(p.x, p.back - 6, 19, 23)
    return np.maximum(np.maximum(p.depth + 4.5, spine), -22 - p.back)


_TREATABLE = anywhere(_may_be_treated)


def _union(shapes: list[Shape]) -> Shape:
    whole = shapes[0]
    for shape in shapes[1:]:
        whole = whole | shape
    return whole


def _slab(z: float, half: float) -> Shape:
    return box((-300, -300, z - half), (300, 300, z + half))


def _mass(centre, radii, rng: np.random.Generator) -> Shape:
    """A lobulated tumour or node."""
    core = ellipsoid(centre, radii)
    waves_mm, phases = rng.uniform(0.12, 0.3, (3, 3)), rng.uniform(0, 2 * np.pi, 3)

    def distance(p: Points):
        bumps = [np.sin(a * p.x + b * p.y + c * p.z + q) for (a, b, c), q in zip(waves_mm, phases, strict=True)]
        return core.distance(p) + 1.1 * sum(bumps)

    return Shape(distance, tuple(np.array(core.low) - 4), tuple(np.array(core.high) + 4))


def _agrees(plan: _Plan, scene: Scene, volume_ml: tuple[float, float]) -> bool:
    """Whether side, neck and level can be read off the contours, clear of the rule's limits.

    The rule: of a target's voxels L lie left of the body's middle and R right of it. Side of PTV_High: beyond 0.35 of
    (L - R) / (L + R). Neck: the same for all PTVs together, beyond 0.5. Site: PTV_High's median height below the
    parotids' centre.
    """
    x, _, z = scene.grid.points
    high, mid, low = _target_masks(plan, scene).values()
    if not volume_ml[0] < high.sum() * _CHECK_MM**3 / 1000 < volume_ml[1]:
        return False
    parotids = scene.mask(ellipsoid((60, -4, -1), (13, 20, 26)).both_sides())
    below = z[parotids].mean() - np.median(z[high])
    first, last = _BELOW_PAROTIDS_MM[plan.facts.site]
    within = (scene.points.depth < 0) & (z >= z[high].min()) & (z <= z[high].max())
    middle = np.median(x[within])
    lean_high, lean_all = (float(np.sign(middle - x[mask]).mean()) for mask in (high, high | mid | low))
    side = {"left": lean_high > 0.45, "right": lean_high < -0.45, "midline": abs(lean_high) < 0.22}[plan.facts.side]
    neck = {"left": lean_all > 0.6, "right": lean_all < -0.6, "bilateral": abs(lean_all) < 0.4}[plan.facts.neck]
    return bool(first < below < last and side and neck)


def _plan_teaching(body: Body, side: str | None) -> _Plan:
    """Two mirrored lesions, one of them the target; nothing but the choice of target depends on the side."""
    rng = body.rng("twins")
    site, low = str(rng.choice(SITES)), bool(rng.random() < 0.5)
    doses = (70, 56) if low else (70,)
    check = Scene(body, Grid.around(body, (_CHECK_MM,) * 3), skin)
    for _ in range(200):
        z_range, y_range = _PRIMARY[site]
        centre = rng.uniform(30, 36), rng.uniform(*y_range) - rng.uniform(0, 10), rng.uniform(*z_range)
        twin = _mass(centre, rng.uniform((11, 11, 12), (14.5, 15, 17)), rng)
        one_side = box((2, -300, -400), (300, 300, 300))
        high = twin.grown(rng.uniform(7, 10)) & one_side
        right = {"PTV_High": high, "PTV_Mid": NOTHING, "PTV_Low": tube(NECK_LEVELS) & one_side if low else NOTHING}
        left = {name: shape.mirrored() for name, shape in right.items()}
        plans = {
            name: _Plan((twin, twin.mirrored()), targets, Facts(site, name, name, doses))
            for name, targets in (("left", left), ("right", right))
        }
        if all(_agrees(plan, check, (25, 200)) for plan in plans.values()):
            return plans[side or str(body.rng("side").choice(["left", "right"]))]
    raise AssertionError(f"teaching phantom {body.seed}: no place for two lesions at the {site}")


def _painted(body: Body, plan: _Plan, grid: Grid) -> Scene:
    scene = Scene(body, grid, skin)
    paint(scene)
    grain = waves(body, "tumour", 4)
    for lesion in plan.lesions:
        scene.fill("tumour", lesion.grown(2), 0.5)
        scene.fill("tumour", (lesion & _TREATABLE) - airway().grown(-3) - jaw().both_sides())
        where = scene.reach(lesion)
        if where is not None:
            p = scene.points.at(where)
            # Twins share their texture too: it is drawn on |x|.
            scene.hu[where] += np.where(lesion.distance(p) < 0, 7 * grain(p._replace(x=np.abs(p.x))), 0)
    _paint_fillings(scene)
    _paint_couch(scene)
    return scene


def _paint_fillings(scene: Scene) -> None:
    """Metal in teeth, now and then, and its streaks."""
    rng = scene.body.rng("fillings")
    for _ in range(int(rng.choice([0, 0, 0, 1, 2, 3]))):
        side, turn = rng.choice([-1, 1]), rng.uniform(0.5, 1.2)
        centre = np.array([side * 25 * np.sin(turn), 47 + 42 * np.cos(turn), rng.choice([-5.0, 5.0])], np.float32)
        spokes, phase = rng.integers(4, 9), rng.uniform(0, 2 * np.pi)
        where = scene.reach(ellipsoid(centre, (100, 100, 9)))
        if where is None:
            continue
        p = scene.points.at(where)
        x, y, z = p.x - centre[0], p.y - centre[1], p.z - centre[2]
        r, theta = np.sqrt(x * x + y * y), np.arctan2(y, x)
        streaks = 330 * np.sin(spokes * theta + phase) * np.cos(3 * theta - phase) / (1 + r / 18)
        scene.hu[where] += np.where(p.depth < 0, streaks * np.exp(-((z / 4) ** 2)), 0)
        metal = np.clip(0.5 - (np.sqrt(r * r + z * z) - 4) / scene.edge_mm, 0, 1)
        scene.hu[where] += metal * (3000 - scene.hu[where])


def _paint_couch(scene: Scene) -> None:
    """A flat carbon-fibre top over foam, under half of the patients."""
    rng = scene.body.rng("couch")
    if rng.random() < 0.5:
        return
    x, y, _ = scene.grid.points
    below = (BACK_Y - rng.uniform(3, 8)) * scene.body.scale[1] - y
    across = np.abs(x) - rng.uniform(200, 240)
    thick = rng.uniform(18, 40)
    foam = np.maximum(np.maximum(-below, below - thick), across)
    shell = np.abs(foam) - 1.2
    for tissue, distance in (("foam", foam), ("carbon fibre", shell)):
        share = np.clip(0.5 - distance / scene.edge_mm, 0, 1) * (scene.points.depth > 0)
        mean, _ = scene.body.hu(tissue)
        scene.hu += (share * (mean - scene.hu)).astype(np.float32)


def _with_noise(body: Body, scenes: list[Scene]) -> np.ndarray:
    """HU of all slabs with tissue texture, quantum noise, and the streaks that thick shoulders leave.

    Noise is drawn slice by slice from the head down, so a longer scan repeats the shorter one exactly.
    """
    nx, ny = scenes[0].grid.shape[:2]
    slices = sum(scene.grid.shape[2] for scene in scenes)
    spacing = np.array(scenes[0].grid.spacing_mm)

    def noise(stream: str, blur_mm) -> np.ndarray:
        white = body.rng(stream).standard_normal((slices + 2 * _TAPS, nx, ny), dtype=np.float32)
        return _blurred(white, (np.broadcast_to(blur_mm, 3) / spacing)[[2, 0, 1]])[::-1].transpose(1, 2, 0)

    hu, texture = _stacked([scene.hu for scene in scenes]), _stacked([scene.texture for scene in scenes])
    opaque_mm = np.clip(hu / 1000 + 1, 0, 2.5).sum(axis=0) * spacing[0]
    starved = np.exp(np.clip(opaque_mm - 190, 0, 330) / 120).astype(np.float32)[None]
    quantum = body.rng("dose").uniform(5.0, 8.5) * np.sqrt(starved) * noise("grain", 2.2)
    quantum += 2.5 * (starved - 1) * noise("rays", (24, 1.4, 0))
    return hu + texture * noise("tissue", 3.6) + np.where(hu > -950, 1, 0.5).astype(np.float32) * quantum


_TAPS = 5


def _blurred(white: np.ndarray, sigma) -> np.ndarray:
    """White noise (Z, X, Y), blurred to `sigma` voxels and brought back to unit deviation, less _TAPS slices a side."""
    for axis, s in enumerate(sigma):
        if s > 0.15:
            reach = np.arange(-_TAPS, _TAPS + 1) if axis == 0 else np.arange(-int(3 * s + 1), int(3 * s + 2))
            taps = np.exp(-0.5 * (reach / s) ** 2)
            white = ndimage.correlate1d(white, (taps / np.sqrt((taps**2).sum())).astype(np.float32), axis=axis)
    return white[_TAPS:-_TAPS]
