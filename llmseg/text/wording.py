"""Many ways to write one note, some of them kept back so that a network has to read and not to look up.

An essential note states four facts (site, side, neck coverage, dose levels), an expanded one the stage and the nodal
plan as well. Everything else in it, histology and history included, is drawn at random, independent of the patient; a
stage that is not to be told is written TX NX.
"""

from __future__ import annotations

import random
import re
from collections.abc import Collection, Mapping

from llmseg.case import InputError
from llmseg.text.facts import DOSES_GY, LEVELS, Facts

TRAINING_WORDINGS = (
    "{Age}-year-old {sex} with {side_sided} {site_adj} {cancer}, {stage}. Plan: {dose_list} in 35 fractions, {neck} treated.",
    "Diagnosis: {side} {site} {cancer}; Stage: {stage}; Radiation: IMRT {dose_list}; Neck: {neck}; {History}.",
    "Dx: {cancer} of the {site}, {side}. {stage}. Rx: {dose_list}. Neck: {neck_short}.",
    "The patient presents with a {side_sided} tumour of the {site} ({stage}). {History}. "
    "We will treat the primary and the {neck} with simultaneous integrated boost to {dose_list}.",
    "{History}. Now diagnosed with {cancer} of the {site}. Laterality: {side}. Nodal irradiation: {neck}. Doses: {dose_list}.",
    "{site_caps} CA, {side_caps}, {stage}. PLAN {dose_list}/35 FX, {neck_caps}.",
    "Simulation note. Site of primary: {site}. Side of primary: {side}. Nodal volumes: {neck}. Prescription: {dose_long}.",
    "Primary: {site}, {lat}. Neck: {neck_short}. Dose: {dose_list}. {stage}. {History}.",
    "{dose_long}. Target is the {side_sided} {site_adj} primary. Elective coverage of the {neck}.",
    "Oncology history: {stage} {site_adj} {cancer}, {side} side. {History}. Radiotherapy to {dose_list}, covering the {neck}.",
    "RT planning request - {site} ({side}). Levels: {dose_list}. Lymph nodes: {neck}. Comment: {history}.",
    "I saw this {age}-year-old {sex} in clinic today. Biopsy showed {cancer} arising from the {site}; "
    "it is {side}. The {neck} will be included. We prescribe {dose_list}.",
    "Stage {stage}. {site_adj_cap} {cancer}. {side_cap}. Neck: {neck}. {dose_list}. {History}.",
    "* Tumour: {cancer}\n* Subsite: {site}\n* Side: {side}\n* Neck: {neck}\n* Dose levels: {dose_list}\n* Comorbidities: {history}.",
    "MDT outcome: definitive chemoradiotherapy for {side_sided} {site} cancer, {stage}. {neck_cap} to be irradiated. "
    "{dose_long}.",
    "{sex_cap}, {age} y. PMH: {history}. {site_adj_cap} primary, {side}; {neck_short}; {dose_list} SIB.",
    "Referred for radical radiotherapy. {cancer_cap}, {site}, {stage}. The lesion is {side}. {dose_long} to be delivered. "
    "Irradiate {neck}.",
    "Treatment intent: curative. Volumes: primary in the {site} ({side}), {neck}. {dose_list} in 35#.",
    "Imaging impression: enhancing mass of the {site}, {side}. Stage: {stage}. Radiation plan: {dose_list}, {neck}.",
    "Assessment: {stage} {cancer} of {side} {site}. {History}. Plan: IMRT, {dose_list}, nodal coverage {neck_short}.",
    "{neck_cap} and primary to be treated. Primary site {site}, {side}. {dose_long}. {History}.",
    "pt w/ {lat} {site} {cancer} {stage}, for chemoRT {dose_list}, {neck_short}, hx {history}.",
    "Clinical summary: the disease is centred on the {site} and is {side}. {history_cap}. The plan covers the {neck} "
    "with {dose_list}.",
    "Prescription {dose_list}. Elective nodes: {neck}. Histology: {cancer}. Origin: {site}. Laterality: {side}. TNM: {stage}.",
    "Mr/Ms X, aged {age}, is to receive {dose_list} for a {site_adj} carcinoma on the {side_on}. {History}. "
    "Coverage includes the {neck}.",
    "HEAD AND NECK RT: {side_caps} {site_caps}. {neck_caps}. {dose_list}.",
    "Following discussion at tumour board we recommend radiotherapy for {cancer} ({stage}) involving the {side} "
    "aspect of the {site}. {dose_long}. Nodal treatment: {neck}.",
    "{stage}; {site}; {side}; {neck}; {dose_list}",
    "Current illness: {side_sided} {site_adj} mass found after three months of symptoms. {History}. "
    "To be irradiated: gross disease and {neck}. Levels {dose_list}.",
    "CT sim done with mask. Contour {side_sided} {site} GTV. Neck = {neck}. Dose = {dose_list}. {History}.",
    "A {sex} of {age} years. {History}. Tumour location: {site}. Tumour side: {side}. Planned doses: {dose_list}. "
    "Neck fields: {neck}.",
    "Diagnosis\n{cancer_cap} of the {site}, {side}, {stage}\nPlan\n{dose_list} to primary and {neck}\nOther\n{history}.",
)

HELD_OUT_WORDINGS = (
    "This {age}-year-old {sex} was found to have {cancer} in the {site} on the {side_on}, {stage}. "
    "Radiation therapy will deliver {dose_list} and encompass the {neck}.",
    "Tumor origin {site}; location {side}; lymphatic drainage treated: {neck}; dose per volume: {dose_list}; note: {history}.",
    "{History}. Consulted regarding {side_sided} {site_adj} malignancy ({stage}). Intend {dose_list}; nodes: {neck}.",
    "SUMMARY - {stage} - {side} {site} - {neck} - {dose_list} - {history}.",
    "Radiation oncology consult. HPI: {history}. Exam and PET show a {site_adj} primary which is {side}. "
    "A/P: {dose_long}. Target the {neck} as well.",
    "Planned today: VMAT for {site} {cancer}. Which side? {side_cap}. Which neck? {neck_cap}. What dose? {dose_list}.",
    "{dose_list} over seven weeks is proposed for this {sex} whose {cancer} ({stage}) lies in the {site}, {side}. "
    "Nodal regions at risk are in the {neck}.",
    "Treating {neck}, {dose_list}. Indication: {stage} {side_sided} disease of the {site}. {History}.",
    "New patient, {age}. Scope: lesion of {site}, {side}. Path: {cancer}. Will plan {dose_list}. LN: {neck_short}.",
    "Dear colleague, thank you for sending this {age}-year-old with a {site} tumour, which is {side}. {History}. "
    "We shall give {dose_list}. Our volumes will take in the {neck}. With kind regards.",
    "Rad Onc plan of care:\n1. {cancer_cap}, {site}\n2. {side_cap}\n3. {dose_list}\n4. {neck_cap}\n5. {history_cap}",
    "Site={site} | Side={side} | TNM={stage} | Neck={neck} | Gy={dose_list}",
)

_PRIMARY_CLAUSES = (
    "{cancer_cap} of the {site}, {side}",
    "Primary tumour: {site}, {side}",
    "Primary site is the {site}; the tumour is {side}",
    "Site: {site}. Side: {side}",
    "{side_sided} {site_adj} {cancer}",
    "Side: {side}. Site: {site}",
    "Known {site_adj} {cancer}, which is {side}",
    "The lesion arises in the {site} and is {side}",
    "Lesion {side}, {site}",
    "GTV: {site} ({side})",
    "Laterality {side}; organ {site}",
    "{cancer_cap} ({site}), on imaging {side}",
    "Endoscopy: ulcerated growth of the {site}, {side}",
    "On MRI the {site_adj} mass is {side}",
    "Tumour centred {side} in the {site}",
    "Presents with {side_sided} disease of the {site}",
    "Proven {cancer} of {side} {site}",
    "{site_cap} primary. It is {side}",
    "PET-avid {site_adj} primary, {side}",
    "{lat} {site} {cancer}",
)
_SITE_CLAUSES = ("Site: {site}", "{cancer_cap} of the {site}", "Primary: {site}", "{site_cap} {cancer}", "{site_cap}")
_SIDE_CLAUSES = ("Side: {side}", "{side_cap}", "Laterality: {side}", "Tumour side - {side}", "The tumour is {side}")
_OTHER_CLAUSES = (
    (
        "Neck: {neck}",
        "Nodal coverage: {neck}",
        "The {neck} will be treated",
        "Elective irradiation of {neck}",
        "CTV includes {neck}",
        "{neck_cap} irradiated",
        "Treat {neck}",
        "Nodes covered: {neck}",
        "Lymphatics: {neck}",
        "Regional volume: {neck}",
        "Fields cover the {neck}",
        "{neck_short}",
    ),
    (
        "{dose_list}",
        "Dose: {dose_list}",
        "Planned to {dose_list} in 35 fractions",
        "{dose_long}",
        "Prescription {dose_list}, SIB",
        "Radiation: IMRT {dose_list}",
        "We prescribe {dose_long}",
        "Dose levels {dose_list}",
    ),
    ("{stage}", "Stage {stage}", "TNM {stage}", "Staged as {stage}", ""),
    ("{History}", "PMH: {history}", "Comorbidities: {history}", "Background of {history}", "Also {history}", "", ""),
    ("{Age}-year-old {sex}", "{sex_cap}, {age}", "", "", ""),
)
"""Training only: a note may also be put together from one clause of each kind, in any order."""

_WORDINGS = {"training": TRAINING_WORDINGS, "held out": HELD_OUT_WORDINGS}

_SIDED = {
    "training": (
        "{}",
        "{}",
        "{}-sided",
        "on the {}",
        "on the {} side",
        "to the {}",
        "lateralised to the {}",
        "{}, not crossing the midline",
        "{}, clear of the midline",
        "{} of centre",
        "predominantly {}",
        "{} of the midline",
        "strictly {}, no midline extension",
        "within the {} portion",
        "{} lateral wall",
        "only {}",
    ),
    "held out": ("{}", "{}-lateralised", "confined to the {} half"),
}
_CENTRAL = {
    "training": (
        "midline",
        "midline",
        "midline, both sides involved",
        "crossing the midline",
        "central",
        "bilateral",
        "in the midline",
        "on both sides of the midline",
        "straddling the midline, left and right",
        "not lateralised",
        "midline, reaching left and right",
        "extending over the midline to both sides",
    ),
    "held out": ("midline", "extending across the midline", "midline with bilateral extension"),
}
_ONE_NECK = {
    "training": (
        "{} neck",
        "{} neck",
        "{} neck only",
        "ipsilateral {} neck",
        "unilateral {} neck",
        "{} cervical nodes",
        "nodes of the {} neck",
        "neck, {} side only",
        "only the {} side of the neck",
        "{}-sided nodes",
        "{} levels II-IV, one side only",
        "nodal basins on the {}",
        "single neck, {}",
    ),
    "held out": ("{} hemineck", "neck nodes on the {} side alone", "{} neck alone"),
}
_BOTH_NECKS = {
    "training": (
        "bilateral neck",
        "bilateral neck",
        "both sides of the neck",
        "left and right neck",
        "bilateral cervical nodes",
        "both necks",
        "neck bilaterally",
        "nodes on both sides",
        "left and right levels II-IV",
        "nodal basins, right and left",
        "whole neck, both sides",
    ),
    "held out": ("bilateral necks", "neck nodes on either side", "neck on both sides"),
}
_NODAL_PLANS = {
    "training": (
        ("{side} neck: ", "{levels} {dose} Gy", "; ", ", "),
        ("{side} neck: ", "levels {levels} to {dose} Gy", ". ", ", "),
        ("{dose} Gy to ", "{side} {levels}", "; ", " and "),
        ("{dose} Gy: ", "{side} levels {levels}", ". ", ", "),
        ("", "levels {levels} {side} to {dose} Gy", "; ", ""),
        ("", "{side} {levels} {dose} Gy", ", ", ""),
        ("", "{side} levels {levels}: {dose} Gy", ". ", ""),
        ("Nodes {side}: ", "{levels} = {dose}", "; ", ", "),
    ),
    "held out": (
        ("{side} nodal levels: ", "{levels} ({dose} Gy)", ". ", ", "),
        ("{dose} Gy covers ", "{side} levels {levels}", ". ", " and "),
        ("", "{side} levels {levels} will receive {dose} Gy", "; ", ""),
        ("", "levels {levels} on the {side} get {dose} Gy", ". ", ""),
    ),
}
"""Before each side or dose, for each group of levels, between, and between groups of one side or dose."""
_SITE_ADJECTIVE = {
    "nasopharynx": "nasopharyngeal",
    "oropharynx": "oropharyngeal",
    "hypopharynx": "hypopharyngeal",
    "larynx": "laryngeal",
}
_SHORT_SIDE = {"left": ("L", "Lt"), "right": ("R", "Rt"), "midline": ("midline", "central")}
_SHORT_NECK = {
    "left": ("L neck", "Lt neck"),
    "right": ("R neck", "Rt neck"),
    "bilateral": ("bilat neck", "bilateral neck"),
}
_CANCER = ("squamous cell carcinoma", "SCC", "carcinoma", "cancer", "invasive squamous carcinoma")
_PLAIN_HISTORY = (
    "no significant medical history",
    "type 2 diabetes on metformin",
    "hypertension and hyperlipidaemia",
    "ex-smoker, 30 pack-years",
    "never smoker, drinks socially",
    "appendectomy in childhood",
    "hypothyroidism on replacement",
    "chronic kidney disease stage 2",
    "penicillin allergy",
    "weight loss of 6 kg since spring",
    "dental extractions completed",
    "atrial fibrillation on apixaban",
)
_SIDED_HISTORY = {
    "training": (
        "{} hip replacement in 2014",
        "{} knee arthroscopy years ago",
        "{}-handed, works as a carpenter",
        "{} bundle branch block on ECG",
        "{} inguinal hernia repair",
        "{} carpal tunnel release",
        "pacemaker in the {} chest wall",
        "{} leg ulcer, healed",
        "previous fracture of the {} wrist",
        "{} nephrectomy for stones",
        "hearing aid on the {} side",
        "cataract surgery, {} eye",
    ),
    "held out": (
        "{} ankle fracture as a child",
        "{} mastectomy ten years ago",
        "deaf in the {} ear",
        "port placed in the {} subclavian vein",
    ),
}
"""Sides that have nothing to do with the tumour: a reader that counts words fails on them."""


def write_note(facts: Facts, *, split: str, seed: str | int, spelled_out: bool = False) -> str:
    """Write one patient's note in a wording drawn by the seed; an expanded one where stage and nodal plan are given.

    Args:
        facts: the only things the note says about this patient; `Facts.essential` for an essential note.
        split: "training" draws from TRAINING_WORDINGS, "validation" and "test" from HELD_OUT_WORDINGS.
        seed: same seed, same note.
        spelled_out: leave out wordings that shorten "left" to "L" or "Lt".
    """
    pool = "training" if split == "training" else "held out"
    rng = random.Random(f"{split}/{seed}")
    while True:
        wording = _put_together(rng) if pool == "training" and rng.random() < 0.6 else rng.choice(_WORDINGS[pool])
        if not (spelled_out and ("{lat}" in wording or "{neck_short}" in wording)):
            fill = _fill(facts, pool, rng)
            note = wording.format(**fill)
            if facts.t_stage and "{stage}" not in wording:
                note = f"{note.rstrip()}\nStage: {fill['stage']}."
            return f"{note.rstrip()}\n{_nodal_plan(facts, pool, rng)}" if facts.nodes else note


def write_partial_note(facts: Facts, known: Collection[str], *, seed: str | int) -> str:
    """Write a training note that states only some of the facts.

    Args:
        known: which of "site", "side", "neck" and "dose_gy".
    """
    rng = random.Random(f"partial/{seed}")
    neck, dose, *others = _OTHER_CLAUSES
    kinds = {"site": _SITE_CLAUSES, "side": _SIDE_CLAUSES, "neck": neck, "dose_gy": dose}
    if "site" in known and "side" in known and rng.random() < 0.6:
        kinds = {"site": _PRIMARY_CLAUSES, "neck": neck, "dose_gy": dose}
    stated = [clauses for fact, clauses in kinds.items() if fact in known]
    note = _joined([clause for kind in (*stated, *others) if (clause := rng.choice(kind))], rng)
    return note.format(**_fill(facts, "training", rng)) or "No history."


def _put_together(rng: random.Random) -> str:
    primary = (_PRIMARY_CLAUSES,) if rng.random() < 0.6 else (_SITE_CLAUSES, _SIDE_CLAUSES)
    return _joined([clause for kind in (*primary, *_OTHER_CLAUSES) if (clause := rng.choice(kind))], rng)


def _joined(clauses: list[str], rng: random.Random) -> str:
    rng.shuffle(clauses)
    mark = rng.choice(("", "", "", "- ", "{}. "))
    if mark:
        return "\n".join(mark.replace("{}", str(i)) + clause for i, clause in enumerate(clauses, start=1))
    return rng.choice((". ", ". ", "; ", "\n", " - ", ", ", ".\n", " | ")).join(clauses) + rng.choice((".", ""))


def _fill(facts: Facts, pool: str, rng: random.Random) -> dict[str, str]:
    side = rng.choice((_CENTRAL if facts.side == "midline" else _SIDED)[pool]).format(facts.side)
    neck = rng.choice((_BOTH_NECKS if facts.neck == "bilateral" else _ONE_NECK)[pool]).format(facts.neck)
    fill = {
        "age": str(rng.randint(38, 86)),
        "sex": rng.choice(("man", "woman", "male", "female", "gentleman", "lady")),
        "cancer": rng.choice(_CANCER),
        "stage": _stage(facts, rng),
        "history": _history(pool, rng),
        "site": facts.site,
        "site_adj": _SITE_ADJECTIVE[facts.site],
        "side": side,
        "side_sided": facts.side if facts.side == "midline" else f"{facts.side}-sided",
        "side_on": "midline" if facts.side == "midline" else f"{facts.side} side",
        "lat": rng.choice(_SHORT_SIDE[facts.side]),
        "neck": neck,
        "neck_short": rng.choice(_SHORT_NECK[facts.neck]),
        "dose_list": _dose_list(facts.dose_gy, rng),
        "dose_long": _dose_sentence(facts.dose_gy),
    }
    starts = ("site", "site_adj", "side", "neck", "cancer", "sex", "history")
    capitals = {f"{key}_cap": _capitalise(fill[key]) for key in starts}
    shouting = {f"{key}_caps": fill[key].upper() for key in ("site", "side", "neck")}
    return {**fill, **capitals, **shouting, "Age": fill["age"], "History": _capitalise(fill["history"])}


def _history(pool: str, rng: random.Random) -> str:
    if rng.random() < 0.5:
        return rng.choice(_PLAIN_HISTORY)
    return rng.choice(_SIDED_HISTORY[pool]).format(rng.choice(("left", "right")))


def _stage(facts: Facts, rng: random.Random) -> str:
    """Subdivisions are drawn at random: the contours tell none."""
    t = facts.t_stage or "TX"
    n = facts.n_stage or "NX"
    t += rng.choice(("", "a")) if t == "T4" else ""
    n += rng.choice(("a", "b", "c")) if n == "N2" else ""
    return rng.choice(("", "c", "p")) + t + n + "M0"


def _nodal_plan(facts: Facts, pool: str, rng: random.Random) -> str:
    """Each treated level with its dose, in one of several orders of side, level and dose."""
    groups: dict[tuple[str, int], list[str]] = {}
    for side, level, dose in facts.nodes:
        groups.setdefault((side, dose), []).append(level)
    parts = [{"side": side, "dose": dose, "levels": _listed(levels, rng)} for (side, dose), levels in groups.items()]
    leading, one, between, inner = rng.choice(_NODAL_PLANS[pool])
    by = "dose" if "{dose}" in leading else "side" if leading else None
    if by is None:
        return _sentences([one.format(**part) for part in parts], between)
    heads = list(dict.fromkeys(part[by] for part in parts))
    if by == "dose":
        heads.sort(reverse=True)
    said = [(head, inner.join(one.format(**part) for part in parts if part[by] == head)) for head in heads]
    return _sentences([leading.format(**{by: head}) + text for head, text in said], between)


def _sentences(parts: list[str], between: str) -> str:
    first, *others = parts
    return between.join([_capitalise(first), *(map(_capitalise, others) if between == ". " else others)]) + "."


def _listed(levels: list[str], rng: random.Random) -> str:
    """ "II, III and IV" or "II-IV"."""
    numbered = [level for level in levels if level != "Ib"]
    run = [LEVELS.index(level) for level in numbered]
    if len(run) > 1 and run == list(range(run[0], run[-1] + 1)) and rng.random() < 0.6:
        numbered = [f"{numbered[0]}-{numbered[-1]}"]
    levels = [level for level in levels if level == "Ib"] + numbered
    if len(levels) == 1:
        return levels[0]
    return ", ".join(levels[:-1]) + rng.choice((", ", " and ")) + levels[-1]


def _dose_list(dose_gy: tuple[int, ...], rng: random.Random) -> str:
    join = rng.choice((" / ", "/", ", ", " and "))
    return join.join(map(str, dose_gy)) + " Gy"


def _dose_sentence(dose_gy: tuple[int, ...]) -> str:
    volume = dict(zip(DOSES_GY, ("gross disease", "intermediate-risk volume", "elective volume"), strict=True))
    return ", ".join(f"{dose} Gy to the {volume[dose]}" for dose in dose_gy)


def _capitalise(text: str) -> str:
    return text[:1].upper() + text[1:]


_OTHER: Mapping[str, str] = {"left": "right", "right": "left", "lt": "rt", "rt": "lt", "l": "r", "r": "l"}
# RT is radiotherapy, LT alone would be ambiguous; "2 L" is a volume, "L4" a vertebra, "L-shaped" and "R/O" are words.
_SIDE_WORD = re.compile(r"\b(?:(?i:left|right)|[Ll]t|[Rr]t)\b|(?<![\w./-])(?<!\d )[LR](?![\w/-])")


def exchange_sides(text: str) -> str:
    """Swap every left and right (also Lt, Rt and a lone capital L or R), keeping capitals.

    Raises:
        InputError: if the note names no side, so there is nothing to exchange.
    """

    def swapped(match: re.Match) -> str:
        word = match.group()
        other = _OTHER[word.lower()]
        if word.isupper():
            return other.upper()
        return other.capitalize() if word[0].isupper() else other

    exchanged = _SIDE_WORD.sub(swapped, text)
    if exchanged == text:
        raise InputError("The note names no side. Write left or right in it, then exchange them.")
    return exchanged
