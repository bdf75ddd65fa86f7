"""Draws patients whose site, stage, nodes and prescription belong together, as they do in a clinic.

Staging follows TNM 8, with N2a to N3b as TNM 7 has them too; prescriptions are in use in the United States, the United
Kingdom, Denmark, Germany, India or China.
"""

from __future__ import annotations

import random
from dataclasses import dataclass

# Subsite: its site, how often it is drawn, and how often its side is one side, the midline, both sides or not said.
SUBSITES = {
    "tonsil": ("oropharynx", 9, (94, 0, 3, 3)),
    "base of tongue": ("oropharynx", 7, (74, 18, 0, 8)),
    "soft palate": ("oropharynx", 4, (45, 40, 0, 15)),
    "nasopharynx": ("nasopharynx", 9, (60, 12, 4, 24)),
    "pyriform sinus": ("hypopharynx", 6, (100, 0, 0, 0)),
    "postcricoid": ("hypopharynx", 2, (0, 40, 0, 60)),
    "glottis": ("larynx", 7, (70, 0, 18, 12)),
    "supraglottis": ("larynx", 5, (60, 20, 0, 20)),
    "oral tongue": ("oral cavity", 7, (100, 0, 0, 0)),
    "floor of mouth": ("oral cavity", 4, (65, 35, 0, 0)),
    "buccal mucosa": ("oral cavity", 4, (100, 0, 0, 0)),
    "retromolar trigone": ("oral cavity", 3, (100, 0, 0, 0)),
    "parotid": ("salivary gland", 6, (100, 0, 0, 0)),
    "submandibular gland": ("salivary gland", 2, (100, 0, 0, 0)),
    "maxillary sinus": ("sinonasal", 4, (100, 0, 0, 0)),
    "nasal cavity": ("sinonasal", 3, (75, 0, 0, 25)),
    "thyroid": ("thyroid", 4, (60, 0, 5, 35)),
    "unknown primary": ("unknown primary", 4, (0, 0, 0, 100)),
    "unstated": (None, 2, (0, 0, 0, 100)),
}

# A stage listed twice is drawn twice as often.
T_STAGES = {
    "HPV": "T1 T2 T2 T3 T4",
    "oropharynx": "T1 T2 T2 T3 T3 T4a T4b",
    "nasopharynx": "T1 T1 T2 T2 T3 T3 T4",
    "hypopharynx": "T1 T2 T2 T3 T3 T4a T4b",
    "glottis": "Tis T1 T1a T1a T2 T2 T3 T4a",
    "supraglottis": "T1 T2 T2 T3 T3 T4a",
    "oral cavity": "T1 T2 T2 T3 T3 T4a T4a T4b",
    "salivary gland": "T1 T2 T2 T3 T3 T4a",
    "sinonasal": "T1 T2 T3 T3 T4a T4a T4b",
    "thyroid": "T2 T3 T3 T4a T4b",
    "unknown primary": "T0 T0 T0 TX",
    None: "T2 T3 T4a",
}
N_STAGES = {
    "HPV": "N0 N1 N1 N1 N1 N2 N2 N3",
    "nasopharynx": "N0 N0 N1 N1 N1 N2 N2 N2 N3 N3a",
    "thyroid": "N0 N1 N1",
    "unknown primary": "N1 N2a N2a N2b N2b N2c N3 N3b",
    "usual": "N0 N0 N0 N0 N0 N0 N1 N1 N1 N2a N2b N2b N2b N2c N2c N3 N3a N3b NX",
}
NODES = {"N0": "none", "NX": "unassessed", "N1": "single", "N2a": "single", "N2b": "multiple"}
NODES |= {"N3": "large", "N3a": "large", "N3b": "extranodal"}

RADICAL = {
    1: [((70,), 35), ((55,), 20), ((66,), 33), ((65,), 30), ((69.6,), 58)],
    2: [((70, 56), 35), ((65, 54), 30), ((66, 54), 30), ((69.96, 59.4), 33), ((70.4, 57.6), 32), ((68, 50), 34)],
    3: [
        ((70, 63, 56), 35),
        ((69.96, 59.4, 54.12), 33),
        ((65, 60, 54), 30),
        ((66, 60, 50), 33),
        ((68, 60, 50), 34),
        ((67.5, 60, 54), 30),
        ((70, 60, 54), 33),
        ((70, 63, 58.1), 35),
    ],
}
AFTER_SURGERY = {
    1: [((60,), 30), ((66,), 33), ((64,), 32), ((56,), 28)],
    2: [((60, 54), 30), ((66, 54), 30), ((66, 59.4), 33), ((60, 50), 30), ((64, 54), 32), ((62.5, 55), 25)],
    3: [((66, 60, 54), 33), ((66, 59.4, 54.12), 33), ((63, 60, 54), 30), ((66, 60, 56), 33)],
}
EARLY_GLOTTIC = [((63,), 28), ((65.25,), 29), ((55,), 20), ((50,), 16), ((66,), 33)]
PALLIATIVE = [((30,), 10), ((20,), 5), ((14,), 4), ((24,), 3), ((40,), 15)]

OPPOSITE = {"left": "right", "right": "left"}


@dataclass(frozen=True)
class Case:
    """One patient: all that a note could say of the tumour and its treatment.

    Args:
        side: of the primary, None where it is not to be said.
        near: the side of the involved nodes where they are on one side; the primary's side, where it has one.
        nodes: how the neck looks: none, unassessed, single, multiple, large, extranodal, bilateral or contralateral.
        neck: the side to irradiate, "none" where the neck is left out, None where it is not to be said.
    """

    site: str | None
    subsite: str
    side: str | None
    near: str
    t: str
    n: str
    m: str
    nodes: str
    hpv: str
    intent: str
    dose_gy: tuple[float, ...]
    fractions: int
    neck: str | None
    sex: str
    age: int

    @property
    def early_glottic(self) -> bool:
        return _early_glottic(self.subsite, self.t, self.n)

    @property
    def tags(self) -> set[str]:
        """What a phrase can ask for, in one word each."""
        words = {self.site, self.subsite, self.t, self.n, self.m, self.nodes, self.hpv, self.intent, self.sex}
        words |= {"sided"} if self.side in OPPOSITE else set()
        words |= {"early"} if self.early_glottic else set()
        words |= {f"levels{len(self.dose_gy)}"}
        return {word.replace(" ", "_") for word in words if word}


def draw_case(rng: random.Random) -> Case:
    subsite = rng.choices(list(SUBSITES), [weight for _, weight, _ in SUBSITES.values()])[0]
    site, _, sides = SUBSITES[subsite]
    side = rng.choices([rng.choice(["left", "right"]), "midline", "bilateral", None], sides)[0]
    near = side if side in OPPOSITE else rng.choice(["left", "right"])
    hpv = "no_hpv"
    if site == "oropharynx":
        hpv = rng.choice(["hpv_positive", "hpv_positive", "hpv_negative"])
    positive = hpv == "hpv_positive"
    t = rng.choice(T_STAGES["HPV" if positive else subsite if site == "larynx" else site].split())
    if subsite == "glottis" and side == "bilateral" and t in ("Tis", "T1", "T1a"):
        t = "T1b"
    n = rng.choice(N_STAGES["HPV" if positive else site if site in N_STAGES else "usual"].split())
    if t == "Tis" or (subsite == "glottis" and t in ("T1", "T1a", "T1b", "T2")) or (site == "sinonasal" and n > "N1"):
        n = "N0"
    if site in ("salivary gland", "thyroid", "sinonasal") and n == "NX":
        n = "N0"
    nodes = _nodes(rng, site, n, positive, side)
    m = rng.choices(["M0", "M1", "MX"], [89, 8, 3])[0]
    m = "M0" if _early_glottic(subsite, t, n) else m
    intent = _intent(rng, site, m, t)
    if intent == "postop" and n in ("NX", "N3", "N3a", "N3b"):
        n, nodes = "N2b", "multiple"
    neck = _neck(rng, subsite, site, side, near, t, n, nodes, intent)
    dose_gy, fractions = _prescription(rng, intent, neck, _early_glottic(subsite, t, n))
    if rng.random() < 0.1:
        dose_gy = ()
    sex = rng.choices(["male", "female"], [68, 32])[0]
    return Case(
        site,
        subsite,
        side,
        near,
        t,
        n,
        m,
        nodes,
        hpv,
        intent,
        dose_gy,
        fractions,
        neck,
        sex,
        rng.randint(41, 84),
    )


def _early_glottic(subsite: str, t: str, n: str) -> bool:
    return subsite == "glottis" and n == "N0" and t in ("Tis", "T1", "T1a", "T1b", "T2")


def _nodes(rng: random.Random, site: str | None, n: str, positive: bool, side: str | None) -> str:
    other_side = n == "N2c" or (n == "N2" and (positive or site == "nasopharynx"))
    if other_side:
        alone = side in OPPOSITE and site != "nasopharynx" and rng.random() < 0.4
        return "contralateral" if alone else "bilateral"
    return NODES[n]


def _intent(rng: random.Random, site: str | None, m: str, t: str) -> str:
    if m == "M1" or (t == "T4b" and rng.random() < 0.3):
        return "palliative"
    after_surgery = {"oral cavity": 0.75, "salivary gland": 0.85, "thyroid": 1.0, "sinonasal": 0.6}.get(site, 0.06)
    if site in (None, "unknown primary", "nasopharynx") or t in ("T4b", "Tis"):
        after_surgery = 0.0
    return "postop" if rng.random() < after_surgery else "radical"


def _neck(
    rng: random.Random,
    subsite: str,
    site: str | None,
    side: str | None,
    near: str,
    t: str,
    n: str,
    nodes: str,
    intent: str,
) -> str | None:
    if intent == "palliative" or rng.random() < 0.15:
        return None
    if _early_glottic(subsite, t, n) or (n == "N0" and site in ("sinonasal", "salivary gland") and rng.random() < 0.5):
        return "none"
    both = nodes in ("bilateral", "contralateral") or (side not in OPPOSITE and site != "unknown primary")
    if both or site in ("nasopharynx", "hypopharynx", "larynx", "thyroid"):
        return "bilateral"
    lateral = subsite in ("tonsil", "buccal mucosa", "retromolar trigone", "oral tongue", "unknown primary")
    if site in ("salivary gland", "sinonasal"):
        return near
    if lateral and n in ("N0", "N1", "N2a", "N2b") and t not in ("T3", "T4", "T4a", "T4b"):
        return near if rng.random() < 0.6 else "bilateral"
    return "bilateral"


def _prescription(
    rng: random.Random, intent: str, neck: str | None, early_glottic: bool
) -> tuple[tuple[float, ...], int]:
    if intent == "palliative":
        return rng.choice(PALLIATIVE)
    if early_glottic:
        return rng.choice(EARLY_GLOTTIC)
    levels = 1 if neck == "none" else rng.choices([1, 2, 3], [15, 45, 40])[0]
    return rng.choice((AFTER_SURGERY if intent == "postop" else RADICAL)[levels])
