"""The average head and neck, organ by organ, and how it is painted: fat first, then what lies in it, air last.

Positions are mm in the average patient: x to the right, y anterior, z superior of the parotids' centre. They were read
off axial, coronal and sagittal slices of the OpenKBP training patients.
"""

from __future__ import annotations

import numpy as np

from llmseg.datasets.canvas import Body, Scene
from llmseg.datasets.implicit import Points, Shape, along, anywhere, blend, box, ellipse, ellipsoid, path, rod, tube

# fmt: off
OUTLINE = (  # z, y centre, half width, half depth, taper (how much narrower in front)
    (80, -10, 67, 88, .10), (60, -4, 70, 96, .12), (30, -7, 74, 103, .14), (10, -3, 74, 100, .16),
    (-12, 4, 73, 96, .20), (-30, 8, 70, 90, .32), (-44, 4, 69, 84, .38), (-56, -8, 68, 75, .50),
    (-70, -20, 69, 70, .62), (-86, -29, 77, 69, .66), (-96, -34, 98, 70, .66), (-106, -38, 124, 72, .6),
    (-118, -43, 150, 75, .4), (-135, -47, 165, 80, .15), (-155, -48, 172, 86, 0), (-190, -41, 172, 93, 0),
    (-230, -32, 172, 100, 0), (-600, -28, 174, 104, 0),
)
AIRWAY = (  # z, y centre, half width, half depth
    (36, 19, 8, 5), (28, 18, 13, 10), (15, 14, 12, 11), (2, 10, 12, 7), (-10, 8, 8, 4), (-20, 9, 10, 6),
    (-35, 9, 12, 7), (-47, 12, 15, 8), (-57, 13, 13, 9), (-67, 15, 8, 10), (-75, 16, 4, 11), (-82, 14, 7, 10),
    (-92, 10, 9, 10), (-110, 1, 9, 9), (-135, -12, 9, 9), (-160, -26, 9, 9), (-215, -46, 10, 8),
)
# Tubes: z, x, y, half width, half depth.
STERNOMASTOID = (
    (15, 63, -33, 6, 12), (-20, 60, -23, 7, 15), (-50, 55, -12, 7, 15), (-80, 50, -3, 7, 13), (-110, 35, 3, 8, 8),
    (-142, 17, 13, 7, 5),
)
SCALENES = (
    (-150, 32, -48, 10, 10), (-120, 32, -36, 12, 11), (-95, 27, -24, 11, 11), (-60, 22, -12, 8, 9),
    (-30, 19, -9, 6, 6),
)
LONGUS_COLLI = (
    (-165, 10, -50, 7, 6), (-110, 11, -22, 7, 4), (-80, 11, -5, 7, 4), (-10, 10, -1, 7, 4), (20, 10, -4, 7, 4),
)
STRAPS = (
    (-48, 10, 35, 7, 3.5), (-75, 13, 34, 6, 3.5), (-110, 16, 17, 9, 4), (-146, 12, 14, 9, 4),
)
CAROTID = (
    (34, 24, -10, 3, 3), (-30, 29, -7, 3.5, 3.5), (-45, 29, -5, 4.5, 4.5), (-60, 28, -5, 4, 4), (-95, 25, -12, 4, 4),
    (-130, 19, -26, 4, 4), (-165, 14, -28, 4.5, 4.5), (-190, 14, -30, 5, 5),
)
JUGULAR = (
    (30, 29, -16, 4, 4), (-30, 37, -13, 5.5, 5.5), (-60, 37, -9, 6, 6), (-100, 34, -14, 6.5, 6),
    (-135, 26, -18, 7, 6), (-150, 20, -14, 8, 7), (-190, 22, -10, 8, 8),
)
SHEATH = (
    (32, 28, -13, 6, 8), (-30, 35, -10, 10, 9), (-60, 34, -7, 11, 9), (-100, 31, -13, 11, 9), (-140, 24, -22, 10, 9),
)
POSTERIOR_TRIANGLE = (
    (-58, 64, -28, 3, 7), (-80, 64, -26, 8, 9), (-100, 68, -26, 13, 11), (-116, 76, -26, 24, 12),
    (-128, 80, -22, 26, 12), (-142, 76, -10, 22, 8),
)
LUNG = (
    (-130, 36, -54, 2, 3), (-140, 37, -54, 16, 19), (-155, 38, -52, 27, 32), (-175, 44, -50, 38, 46),
    (-210, 56, -44, 50, 60), (-300, 64, -34, 58, 70), (-600, 68, -30, 62, 74),
)
BRAINSTEM = (
    (10, 0, -34, 7, 6), (28, 0, -35, 11, 9), (44, 0, -30, 15.5, 13), (58, 0, -31, 14, 11), (68, 0, -31, 12, 9),
)
GULLET = (
    (-88, -1, -7, 9, 6), (-110, -2, -19, 9, 6.5), (-140, -4, -37, 8.5, 6.5), (-180, -4, -55, 9, 7),
    (-250, -4, -67, 9, 7), (-600, -6, -71, 9, 7),
)
LARYNX = (
    (-57, 0, 17, 15, 18), (-70, 0, 17, 18, 20), (-82, 0, 14, 17, 18), (-93, 0, 10, 13, 13),
)
THYROID = (
    (-84, 15, 7, 4, 6), (-100, 16, 1, 7.5, 10), (-116, 14, -7, 6, 8),
)
BACK_Y = -131.0
"""Where the couch flattens the back."""
NECK_LEVELS = (
    (22, 41, -14, 10, 14), (0, 46, -12, 16, 24), (-40, 47, -10, 19, 30), (-80, 48, -14, 20, 30),
    (-110, 46, -24, 22, 28), (-128, 40, -28, 18, 16),
)
"""Elective nodal levels II to IV of one side."""
VERTEBRAE = (14, -2, -18, -36, -53, -70, -87, -105, -124, -144, -165, -187, -210, -234, -259, -285, -312, -340, -370,
             -400, -430, -460, -490, -520, -550, -580, -610)
"""z of the middle of the vertebral bodies, from the skull base down."""
# fmt: on


def skin(body: Body, p: Points) -> np.ndarray:
    """Distance to the outline of head, neck, shoulders, arms and chest."""
    stout = body.fat_mm - 4
    wide = (1 + 0.03 * body.jaw * (np.abs(p.z) < 60)) * np.where(p.z < -95, body.shoulders, 1)
    rx, ry = along(p.z, OUTLINE, 2) * wide + stout, along(p.z, OUTLINE, 3) + 0.6 * stout
    v = p.y - along(p.z, OUTLINE, 1)
    taper = 1 - along(p.z, OUTLINE, 4) * np.clip(v / ry, -1, 1)
    trunk = np.maximum(ellipse(p.x / taper, v, rx, ry), p.z - 78)
    reach = 12 * (body.shoulders - 1) / 0.05
    arm = rod((152 + reach, -46, -162), (186 + reach, -42, -640), 45 + stout, (1, 1.2, 1))
    arm = arm.distance(p._replace(x=np.abs(p.x)))
    d = blend(blend(trunk, arm, 45), cranium(0).distance(p), 12)
    nose = rod((0, 90, 64), (0, 105, 44), 6, (1.2, 1, 1)) | rod((0, 100, 42), (0, 97, 40), 8, (1.4, 1, 0.8))
    d = blend(d, nose.distance(p), 6)
    ear = ellipsoid((77, -16, 32), (5, 12, 25)).distance(p._replace(x=np.abs(p.x)))
    # Who lies on a couch has a flat back.
    return np.maximum(np.minimum(d, ear), BACK_Y - p.y)


def cranium(inset: float) -> Shape:
    """The egg of the head, `inset` mm under the scalp; flatter below its widest height, narrower in front."""
    rx, ry, tall, flat = 77 - inset, 98 - inset, 97 - inset, 72 - inset

    def distance(p: Points):
        rz = np.where(p.z > 58, tall, flat)
        v = (p.y + 23) / ry
        u, w = p.x / rx / (1 - 0.13 * np.clip(v, -1, 1)), (p.z - 58) / rz
        k = np.sqrt(u * u + v * v + w * w)
        return k * (k - 1) / np.maximum(np.sqrt((u / rx) ** 2 + (v / ry) ** 2 + (w / rz) ** 2), 1e-4)

    return Shape(distance, (-88, -121 + inset, -14), (88, 75 - inset, 155 - inset))


def paint(scene: Scene) -> None:
    """Everything healthy, from the skin inwards."""
    scene.fill("skin", anywhere(lambda p: p.depth), under_skin_mm=0)
    scene.fill("fat", anywhere(lambda p: p.depth + 2.2), under_skin_mm=0)
    _paint_muscles(scene)
    _paint_fat_pockets(scene)
    _paint_chest(scene)
    _paint_face_muscles(scene)
    _paint_skull(scene)
    _paint_midface(scene)
    _paint_spine(scene)
    _paint_jaws(scene)
    _paint_parotids(scene)
    _paint_throat(scene)
    _paint_vessels(scene)


def waves(body: Body, stream: str, length: float):
    """A slow random field, about -1 to 1."""
    rng = body.rng(stream)
    directions = rng.normal(0, 1, (3, 3)) / length
    phases = rng.uniform(0, 2 * np.pi, 3)

    def field(p: Points):
        parts = [np.sin(a * p.x + b * p.y + c * p.z + q) for (a, b, c), q in zip(directions, phases, strict=True)]
        return sum(parts) / 2

    return field


def _paint_muscles(scene: Scene) -> None:
    body, fill = scene.body, scene.fill
    rind = ((-600, 1.6), (-150, 1.4), (-110, 1.3), (-60, 1.0), (-20, 1.0), (20, 0.9), (60, 0.6))
    bumpy = waves(body, "rind", 30)

    def core(p: Points):
        # Fat is thickest at the nape and under the chin.
        nape = 1 + 0.7 * np.clip(-p.back / 50, 0, 1)
        return p.depth + 2.2 + body.fat_mm * along(p.z, rind) * nape * (1 + 0.25 * bumpy(p))

    fill("muscle", anywhere(lambda p: np.maximum(core(p), p.z - 40)))
    _paint_planes(scene)
    for muscle in (STERNOMASTOID, SCALENES):
        _wrapped(scene, "muscle", tube(muscle))
    fill("muscle", tube(LONGUS_COLLI), pair=True)


def _wrapped(scene: Scene, tissue: str, shape: Shape) -> None:
    """Paint a pair of muscles or glands with the patchy fat around them."""
    patches = waves(scene.body, "fascia", 11)
    fascia = Shape(lambda p: shape.distance(p) - 1.2 - 1.6 * patches(p), shape.low, shape.high)
    scene.fill("fat", fascia, 0.8, pair=True)
    scene.fill(tissue, shape, pair=True)


def _paint_planes(scene: Scene) -> None:
    """The thin fat between the layers of the nape, never the same twice."""
    drift, gaps = waves(scene.body, "drift", 22), waves(scene.body, "gaps", 13)

    def layers(p: Points):
        u, v = np.abs(p.x) / 62, (p.back + 4) / 56
        k = np.sqrt(u * u + v * v) + 0.07 * drift(p)
        rings = np.minimum.reduce([np.abs(k - r) for r in (0.5, 0.84)]) * 46
        thin = np.minimum(rings, np.abs(p.x) + 0.4) + 0.9 * gaps(p)
        return np.maximum(np.maximum(thin - 0.5, p.back + 8), p.z - 8)

    scene.fill("fat", Shape(layers, (-84, -135, -150), (84, -18, 8)), 0.75)

    marble, strength = waves(scene.body, "marble", 6), scene.body.rng("marbling").uniform(0.3, 0.75)

    def septa(p: Points):
        sheet = np.abs(marble(p._replace(z=p.z / 4))) * 9 - 0.7 + 0.8 * gaps(p)
        return np.maximum(np.maximum(sheet, p.z - 30), p.depth + 7)

    scene.fill("fat", Shape(septa, (-110, -140, -170), (110, 90, 34)), strength)

    def shoulder(p: Points):
        k = 0.11 * (p.y + 0.35 * np.abs(p.x)) + 0.05 * p.z + 0.7 * drift(p)
        thin = np.abs(np.mod(k / 3, 1) - 0.5) * 27 - 1.0 + 0.8 * gaps(p)
        return np.maximum(np.maximum(thin, 60 - np.abs(p.x)), p.depth + 10)

    scene.fill("fat", Shape(shoulder, (-230, -140, -620), (230, 60, -112)), 0.6)


def _paint_fat_pockets(scene: Scene) -> None:
    body, fill = scene.body, scene.fill
    plump = 0.8 + 0.05 * body.fat_mm
    rough = waves(body, "pockets", 9)
    triangle, sheath = tube(POSTERIOR_TRIANGLE).grown(2 * plump - 2), tube(SHEATH)
    fill("fat", Shape(lambda p: triangle.distance(p) + 3.5 * rough(p), triangle.low, triangle.high), 0.85, pair=True)
    fill("fat", Shape(lambda p: sheath.distance(p) + 3 * rough(p), sheath.low, sheath.high), 0.55 * plump, pair=True)
    fill("fat", ellipsoid((27, 9, 8), (6, 11, 16)), 0.75, pair=True)
    fill("fat", ellipsoid((46, 62, 14), (10, 13, 20)), 0.9, pair=True)
    fill("fat", ellipsoid((0, 60, -50), (30, 24, 9)), 0.9)
    fill("fat", ellipsoid((0, 45, -62), (18, 10, 12)), 0.8)
    fill("fat", ellipsoid((114, -10, -168), (26, 20, 30)), 0.8, pair=True)
    fill("fat", ellipsoid((0, -82, -12), (5, 16, 22)), 0.6)


def _paint_chest(scene: Scene) -> None:
    fill, lung = scene.fill, tube(LUNG)
    cavity = Shape(lambda p: ellipse(p.x, p.y + 20, 40, 42), (-42, -62, -620), (42, 24, -140))
    fill("fat", cavity & box((-60, -60, -620), (60, 60, -150)), 0.4)

    def ribs(p: Points):
        d = lung.distance(p._replace(x=np.abs(p.x)))
        phase = np.mod((p.z + 0.55 * p.y) / 25, 1) - 0.5
        return np.maximum(np.abs(d - 6) - 3.2, (np.abs(phase) - 0.2) * 22)

    ribs = Shape(ribs, (-150, -140, -620), (150, 70, -128))
    fill("cortical bone", ribs, 0.5)
    fill("lung", lung, pair=True)
    fill("heart", ellipsoid((-22, 0, -300), (58, 50, 62)))
    clavicle = path(((14, 26, -146), (45, 22, -141), (80, 4, -126), (120, -22, -113), (150, -36, -114)), 5.6)
    fill("cortical bone", clavicle, 0.8, pair=True)
    fill("fatty marrow", clavicle.grown(-3), 0.7, pair=True)
    humerus = ellipsoid((165, -34, -142), (23, 23, 23)) | rod((170, -34, -150), (188, -34, -420), 11.5)
    fill("fat", humerus.grown(2), 0.4, pair=True)
    fill("cortical bone", humerus, 0.8, pair=True)
    fill("fatty marrow", humerus.grown(-3.2), pair=True)
    blade = path(((142, -52, -142), (118, -74, -142), (82, -98, -140)), 3.2, (1, 1, 3.5))
    spine = path(((152, -42, -114), (118, -78, -126), (90, -100, -136)), 4)
    body = path(((138, -56, -152), (112, -88, -192), (92, -100, -290)), 3, (2.6, 1, 1))
    scapula = blade | spine | body
    fill("fat", scapula.grown(3), 0.35, pair=True)
    fill("cortical bone", scapula, 0.7, pair=True)
    fill("marrow", rod((0, 30, -156), (0, 54, -300), 6, (3.2, 1, 1)))


def _paint_face_muscles(scene: Scene) -> None:
    fill, width = scene.fill, 1 + 0.1 * scene.body.jaw
    fill("fat", anywhere(lambda p: np.maximum(np.abs(p.z - 32) - 34, 40 - p.y)), 0.5)
    masseter = ellipsoid((59, 26, -3), (8 * width, 18, 27))
    for muscle in (
        masseter,
        ellipsoid((41, 20, -4), (7, 15, 22)),
        ellipsoid((38, 26, 24), (17, 14, 9)),
        ellipsoid((60, 30, 50), (10, 27, 30)),
    ):
        _wrapped(scene, "muscle", muscle)
    fill("muscle", ellipsoid((0, 55, -4), (27, 36, 24)))
    fill("muscle", ellipsoid((0, 56, -28), (25, 36, 14)))
    fill("fat", Shape(lambda p: np.abs(p.x) - 0.6, (-2, 36, -34), (2, 80, 6)) & box((-2, 36, -34), (2, 80, 6)), 0.5)
    fill("fat", ellipsoid((0, 58, -20), (16, 22, 3)), 0.35)
    gland = ellipsoid((38, 30, -36), (10, 16, 14))
    _wrapped(scene, "gland", gland)
    fill("muscle", ellipsoid((0, 92, 12), (28, 8, 24)), 0.8)


def _paint_skull(scene: Scene) -> None:
    fill, rng = scene.fill, scene.body.rng("skull")
    scalp, wall = 5.5, rng.uniform(5.5, 7.5)
    floor = ((-68, 26), (-48, 30), (-22, 36), (-6, 50), (22, 57), (40, 68), (75, 76))
    cerebrum = cranium(scalp + wall) & anywhere(lambda p: 0.8 * (np.interp(p.y, *np.transpose(floor)) - p.z))
    middle, hind = ellipsoid((36, 14, 56), (26, 29, 21)).both_sides(), ellipsoid((0, -58, 38), (55, 47, 29))
    brain = (cerebrum | middle | hind) & cranium(scalp + wall)
    petrous = rod((58, -26, 31), (16, -3, 42), 8, (1, 1, 1.3))
    mastoid = ellipsoid((56, -26, 20), (12, 15, 19))
    clivus = rod((0, 7, 44), (0, -14, 13), 6.5, (2.2, 1, 1))
    fill("skull", ((cerebrum | hind).grown(wall) | middle.grown(3.2)) & cranium(scalp))
    fill("marrow", cranium(scalp + 2) - cranium(scalp + wall - 2), 0.35)
    for bone in (petrous, mastoid):
        fill("skull", bone, 0.95, pair=True)
    fill("brain", brain - petrous.both_sides())
    fill("skull", clivus, 0.85)
    fill("white matter", cranium(scalp + wall + 15) & box((-90, -130, 62), (90, 90, 160)))
    fill("csf", rod((7, 8, 92), (12, -48, 90), 3.6, (1, 1, 2)), 0.8, pair=True)
    fill("csf", ellipsoid((0, -53, 34), (6, 4, 6)), 0.8)
    fill("csf", ellipsoid((0, 0, 58), (13, 9, 5)), 0.8)
    fill("falx", box((-0.7, -92, 84), (0.7, 56, 140)), 0.6)
    cells = waves(scene.body, "mastoid", 3.2)
    pneumatic = Shape(lambda p: 3.5 * cells(p) - 0.3, (40, -44, 0), (72, -8, 40)) & mastoid.grown(-2)
    fill("air", pneumatic, 0.85, pair=True)
    fill("air", rod((76, -10, 27), (50, -9, 28), 3), pair=True, under_skin_mm=-9)
    # Foramina and vessels break up the skull base, as they do on every real slice.
    holes = waves(scene.body, "foramina", 4)
    base = Shape(lambda p: 4 * holes(p) + 1.8, (-62, -30, 10), (62, 44, 52)) & (brain.grown(9) - brain.grown(1))
    fill("muscle", base & box((-62, -30, 10), (62, 44, 52)), 0.8)
    stem = tube(BRAINSTEM)
    fill("csf", stem.grown(2.5), 0.6)
    fill("brainstem", stem)
    scene.mark("Brainstem", stem)


def _paint_midface(scene: Scene) -> None:
    fill, rng = scene.fill, scene.body.rng("face")
    antrum = ellipsoid((27, 60, 38), (16, 18, 17) * rng.uniform(0.8, 1.1, 3))
    sphenoid = ellipsoid((8, 20, 48), (11, 14, 11) * rng.uniform(0.75, 1.1, 3))
    crooked = waves(scene.body, "antrum", 7)
    antrum = Shape(lambda p, smooth=antrum: smooth.distance(p) + 2.2 * crooked(p), antrum.low, antrum.high)
    orbit = ellipsoid((31, 58, 66), (18, 29, 16))
    walls = antrum.grown(2.4) | sphenoid.grown(2.6) | (orbit.grown(2.4) & box((0, 0, 0), (80, 74, 100)))
    fill("skull", walls, 0.75, pair=True)
    fill("skull", box((-13, 34, 26), (13, 86, 70)), 0.4)
    fill("skull", path(((49, 66, 70), (46, 72, 44), (62, 54, 40), (66, 12, 37)), 3.8), 0.95, pair=True)
    fill("skull", ellipsoid((46, 68, 44), (9, 8, 9)), 0.9, pair=True)
    fill("skull", rod((0, 88, 74), (0, 94, 62), 3, (2.5, 1, 1)), 0.9)
    fill("skull", path(((14, 22, 36), (15, 24, 16)), 1.8, (1, 4, 1)), 0.8, pair=True)
    fill("fat", orbit, pair=True)
    fill("eye", ellipsoid((32, 73, 66), (12.3, 12.3, 12.3)), pair=True)
    for start, end in (((19, 40, 66), (24, 62, 66)), ((42, 46, 66), (45, 66, 66)), ((24, 40, 68), (31, 60, 67))):
        fill("muscle", rod(start, end, 2.2), 0.9, pair=True)
    deep = 5.0
    for sinus in (antrum, sphenoid):
        fill("air", sinus, pair=True, under_skin_mm=deep)
    if rng.random() < 0.3:
        side = antrum & box((0, 0, 0), (60, 100, rng.uniform(26, 36)))
        fill("mucosa", side if rng.random() < 0.5 else side.mirrored())
    fill("air", ellipsoid((0, 68, 88), np.array((17, 5, 11)) * rng.uniform(0.5, 1.1)), under_skin_mm=deep)
    nose = (
        ellipsoid((0, 58, 41), (13, 34, 16)) | ellipsoid((0, 50, 60), (10, 26, 13)) | rod((5, 84, 34), (5, 98, 37), 4)
    )
    fill("air", nose, under_skin_mm=deep)
    turbinates = path(((8, 40, 32), (8, 80, 33)), 4.5, (0.9, 1, 1.4)) | path(
        ((8, 42, 46), (8, 76, 48)), 4, (0.9, 1, 1.4)
    )
    fill("mucosa", turbinates, pair=True)
    cells = waves(scene.body, "ethmoid", 3.5)
    fill("mucosa", Shape(lambda p: 3 * cells(p) + 0.8, (-12, 38, 57), (12, 74, 74)) & box((-12, 38, 57), (12, 74, 74)))
    bend = rng.normal(0, 1.5)
    middle = box((-6, 36, 25), (6, 82, 72))
    for tissue, half_mm, strength in (("mucosa", 2.0, 0.9), ("skull", 0.8, 0.6)):
        septum = anywhere(lambda p, half_mm=half_mm: np.abs(p.x - bend * np.sin(p.y / 14)) - half_mm)
        fill(tissue, middle & septum, strength, under_skin_mm=deep)


def _paint_spine(scene: Scene) -> None:
    fill, low, high = scene.fill, (-46, -150, -620), (46, 20, 8)
    heights = -np.array(VERTEBRAE, dtype=float)

    def level(z):
        return np.interp(-z, heights, np.arange(len(heights))).astype(np.float32)

    def size(z):
        return np.interp(z, (-210, -110, -20), (1.45, 1.15, 1.0)).astype(np.float32)

    def between(z, half):
        """Negative within `half` of a vertebra's height around its middle."""
        return (np.abs(np.mod(level(z) + 0.5, 1) - 0.5) - half) * 18

    def bodies(inset):
        def distance(p: Points):
            g = size(p.z)
            return np.maximum(ellipse(p.x, p.back - 9 - 8 * g, 12.5 * g - inset, 8.5 * g - inset), p.z + 8)

        return Shape(distance, low, high)

    def arch(p: Points):
        return np.maximum(np.abs(ellipse(p.x, p.back + 1, 14.5, 11)) - 2.6, np.maximum(between(p.z + 3, 0.36), p.z + 8))

    def pillars(p: Points):
        g = size(p.z)
        pillar = ellipse(np.abs(p.x) - 19, p.back - 3, 7, 7.5)
        process = np.abs(p.back - 4 + 0.3 * (np.abs(p.x) - 20)) - 3.5
        process = np.maximum(np.maximum(process, np.abs(p.x) - 27 * g), between(p.z, 0.25))
        return np.maximum(np.minimum(pillar, np.maximum(process, 12 - np.abs(p.x))), p.z + 8)

    def spinous(p: Points):
        reach = -12 - np.interp(p.z, (-130, -105, -80, -20), (30, 34, 18, 20))
        tip = np.maximum(np.maximum(np.abs(p.x) - 3, p.back + 11), reach - p.back)
        return np.maximum(tip, np.maximum(between(p.z - 0.45 * (p.back + 12), 0.24), p.z + 8))

    for part in (arch, pillars, spinous):
        fill("cortical bone", Shape(part, low, high), 0.55)
    fill("cortical bone", bodies(0), 0.62)
    fill("vertebra", bodies(2.2), 0.9)
    disc = bodies(1) & anywhere(lambda p: np.maximum(-between(p.z, 0.39), p.z + 26))
    fill("disc", disc, 0.85)
    _paint_atlas(scene)
    canal = Shape(lambda p: np.maximum(ellipse(p.x, p.back, 11, 8), p.z - 16), (-12, -100, -620), (12, -8, 16))
    cord = Shape(lambda p: np.maximum(ellipse(p.x, p.back, 6.8, 5.6), p.z - 12), (-7, -100, -620), (7, -10, 12))
    fill("canal", canal)
    fill("cord", cord)
    scene.mark("SpinalCord", cord)


def _paint_atlas(scene: Scene) -> None:
    fill = scene.fill

    def ring(p: Points):
        return np.maximum(np.abs(ellipse(p.x, p.y + 28, 24, 20)) - 3.8, np.abs(p.z + 3) - 5)

    fill("cortical bone", Shape(ring, (-30, -54, -9), (30, -2, 3)), 0.65)
    fill("cortical bone", ellipsoid((24, -24, -3), (10, 9, 8)), 0.5, pair=True)
    fill("cortical bone", ellipsoid((19, -27, 9), (8, 10, 6)), 0.55, pair=True)
    fill("cortical bone", rod((0, -12, -16), (0, -14, 6), 5.5), 0.65)


def jaw() -> Shape:
    """The right half of the mandible."""
    body = path(((0, 90, -27), (20, 84, -26), (38, 56, -18), (48, 26, -9)), 12, (0.45, 0.45, 1))
    ramus = rod((49, 20, -6), (52, 12, 16), 11, (0.4, 1, 1)) | rod((52, 8, 14), (55, 2, 32), 5.2)
    return body | ramus | rod((50, 22, 10), (49, 28, 27), 4, (0.7, 1.2, 1))


def _ridge(rx: float, front: float, half: float, z: tuple[float, float], tooth: bool = False) -> Shape:
    """A horseshoe of bone or, with gaps, of teeth."""

    def distance(p: Points):
        v = (p.y - front + 42) / 42
        d = np.abs(np.sqrt((p.x / rx) ** 2 + v**2) - 1) * min(rx, 42) - half
        d = np.maximum(d, np.maximum(np.maximum(z[0] - p.z, p.z - z[1]), front - 46 - p.y))
        if tooth:
            gap = np.abs(np.mod(np.arctan2(p.x / rx, v) * 5.2, 1) - 0.5)
            d = np.maximum(d, (gap - 0.43) * 7)
        return d

    return Shape(distance, (-rx - 8, front - 48, z[0]), (rx + 8, front + 8, z[1]))


def _paint_jaws(scene: Scene) -> None:
    fill, rng = scene.fill, scene.body.rng("teeth")
    fill("skull", _ridge(26, 90, 5, (9, 20)), 0.75)
    fill("skull", ellipsoid((0, 62, 23), (20, 26, 1.8)), 0.6)
    mouth = rng.random()
    if mouth < 0.4:
        fill("air", ellipsoid((0, 62, 14), (20, 22, 3.5 * mouth + 2)), 0.9)
    whole = jaw().both_sides()
    fill("cortical bone", whole)
    fill("marrow", whole.grown(-2.4), 0.95)
    scene.mark("Bone_Mandible", whole.grown(1.0))
    if rng.random() > 0.12:
        fill("tooth", _ridge(25, 89, 3.4, (0, 10), tooth=True), 0.9)
        fill("tooth", _ridge(24, 87, 3.2, (-16, -1), tooth=True), 0.9)


def _paint_parotids(scene: Scene) -> None:
    rng, bone = scene.body.rng("parotids"), jaw().grown(1.5)
    masseter = ellipsoid((59, 28, -3), (7, 17, 27))
    for name in ("Parotid_R", "Parotid_L"):
        big = rng.normal(1, 0.07, 3)
        gland = ellipsoid((61, -4, -1), (12, 20, 26) * big) | ellipsoid((50, -4, 1), (11, 12, 17) * big)
        gland = gland | ellipsoid((67, 14, 6), (6, 17, 14) * big)
        gland = (gland - bone - masseter) & box((36, -40, -60), (90, 60, 24)) & anywhere(lambda p: p.depth + 4)
        if name == "Parotid_L":
            gland = gland.mirrored()
        scene.fill("parotid", gland)
        scene.mark(name, gland)


def airway(grow: float = 0.0) -> Shape:
    """From the nasopharynx to the carina, `grow` mm wider than the air itself."""
    return tube(tuple((z, 0, y, rx + grow, ry + grow) for z, y, rx, ry in AIRWAY))


def _paint_throat(scene: Scene) -> None:
    fill, rng = scene.fill, scene.body.rng("throat")
    fill("mucosa", airway(3.5) & box((-40, -40, -62), (40, 60, 40)))
    fill("muscle", tube(STRAPS), pair=True)
    fill("mucosa", tube(((-62, 0, 15, 16, 19), (-75, 0, 15, 16, 20), (-92, 0, 10, 13, 13), (-98, 0, 6, 12, 12))))
    fill("fat", ellipsoid((0, 29, -63), (8, 4, 6)), 0.6)

    def thyroid_cartilage(p: Points):
        line = (np.abs(p.x) - 2 - (37 - p.y) * 0.62) * 0.85
        return np.maximum(np.maximum(np.abs(line) - 1.9, 6 - p.y), np.abs(p.z + 71 - 0.25 * (p.y - 20)) - 10)

    def cricoid(p: Points):
        ring = np.abs(ellipse(p.x, p.y - 10, 11.5, 12.5)) - 2.2
        return np.maximum(ring, np.abs(p.z + 90 - 0.3 * (10 - p.y)) - 5)

    def hyoid(p: Points):
        ring = np.abs(ellipse(p.x, p.y - 12, 19, 24)) - 2.6
        return np.maximum(np.maximum(ring, 8 - p.y), np.abs(p.z + 50) - 4)

    fill("cartilage", Shape(thyroid_cartilage, (-26, 4, -90), (26, 40, -52)))
    fill("cartilage", Shape(cricoid, (-15, -6, -104), (15, 26, -80)))
    fill("cortical bone", Shape(hyoid, (-23, 6, -56), (23, 40, -44)), 0.5)
    lobe = tube(THYROID)
    fill("thyroid", lobe.grown(rng.uniform(-1.5, 2)), pair=True)
    fill("thyroid", rod((-12, 12, -106), (12, 12, -106), 3.5))
    gullet = tube(GULLET)
    fill("fat", gullet.grown(1.5), 0.4)
    fill("oesophagus", gullet)
    scene.mark("Esophagus", gullet)
    if rng.random() < 0.5:
        bubble = rng.uniform(-150, -105)
        fill("air", ellipsoid((-2, float(along(np.float64(bubble), GULLET, 2)), bubble), (3, 2.5, 14)), 0.8)
    fill("mucosa", airway(2.2) & box((-20, -70, -220), (20, 40, -88)))
    fill("air", airway())
    fill("mucosa", rod((0, 23, -48), (0, 17, -64), 1.8, (4, 1, 1)))
    scene.mark("Larynx", tube(LARYNX))


def _paint_vessels(scene: Scene) -> None:
    rng = scene.body.rng("vessels")
    for vessel in (CAROTID, JUGULAR):
        for side in (1, -1):
            wide = rng.uniform(0.8, 1.3)
            whole = tube(tuple((z, x, y, rx * wide, ry * wide) for z, x, y, rx, ry in vessel))
            scene.fill("vessel", whole if side > 0 else whole.mirrored())
    arch = rod((-12, 2, -205), (-22, -48, -205), 12) | rod((-22, -50, -205), (-24, -58, -600), 12)
    scene.fill("vessel", arch | rod((14, -4, -190), (14, -4, -290), 10))
    scene.fill(
        "vessel", path(((22, -14, -140), (12, 8, -168), (14, -2, -195)), 6) | path(((-20, -6, -140), (12, 20, -180)), 5)
    )
