"""What one checkpoint can do: its main table, its patients, its notes, poor scans and other institutions."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence

import numpy as np

from llmseg.case import ORGANS, STRUCTURES, TARGETS
from llmseg.experiments import figures
from llmseg.experiments.comparing import (
    TARGET,
    adjusted,
    by_series,
    change,
    in_words,
    mean_sd,
    of_patients,
    over_seeds,
    p_value,
    paired,
    pooled,
    said,
    table,
    target_of,
)
from llmseg.experiments.plans import EXACT, EXPANDED, LEVELS, NOTE_KINDS
from llmseg.experiments.sections import (
    PLAIN,
    TEXT,
    Section,
    against_image_only,
    change_of_target,
    what_the_note_brings,
)
from llmseg.experiments.stored import Result

CONDITIONS = {TEXT: "with note", PLAIN: "without"}
_WITH_EXPANDED = {TEXT: "with note", EXPANDED.name: "expanded note", PLAIN: "without"}
METRICS = {
    "dice": "DSC",
    "iou": "IoU",
    "hd95_mm": "HD95 (mm)",
    "asd_mm": "ASD (mm)",
    "surface_dice_2mm": "Surface DSC 2 mm",
    "surface_dice_3mm": "Surface DSC 3 mm",
    "volume_error_ml": "Volume error (ml)",
    "volume_error_percent": "Volume error (%)",
    "apl_mm": "APL (mm)",
}
FACTS = {"side": "Side", "site": "Site", "neck": "Neck", "dose_gy": "Dose levels (Gy)"}
UNITS = {"noise": "HU", "streaks": "HU", "missing-slices": "of the slices", "shifted-hu": "HU", "field-of-view": "mm"}
SAYS = {
    "expanded": "Saying more (stage and nodal levels)",
    "sparse": "Saying less (the site alone)",
    "wrong": "A wrong side or site",
    "empty": "An empty note",
}


def main_table(results: Sequence[Result]) -> Section | None:
    """The checkpoint with the note and without, each structure, beside a twin that was trained without notes."""
    arms = by_series(results, "flagship")
    network, twin = arms.get("network"), arms.get("image-only", [])
    if not network:
        return None
    names = present(network)
    gains = {n: paired(pooled(network, TEXT, "dice", n), pooled(network, PLAIN, "dice", n)) for n in names}
    p_values = adjusted({name: gain for name, gain in gains.items() if gain})
    shown = {c: who for c, who in _WITH_EXPANDED.items() if c in network[0].conditions}
    header = ["Structure", "n", *(f"DSC {who}" for who in shown.values()), "Gain (95% interval)", "p (Holm)"]
    header += [f"HD95 {who} (mm)" for who in shown.values()] + ["DSC, trained without notes"] * bool(twin)
    rows = []
    for name in names:
        row = [name, len(pooled(network, TEXT, "dice", name))]
        row += [mean_sd(pooled(network, c, "dice", name)) for c in shown]
        row += [change(gains[name]), f"{p_values[name]:.2g}" if gains[name] else "–"]
        row += [mean_sd(pooled(network, c, "hd95_mm", name), 1) for c in shown]
        rows.append(row + [mean_sd(pooled(twin, PLAIN, "dice", name))] * bool(twin))
    text = [what_the_note_brings(network), *against_image_only(network, twin)]
    if EXPANDED.name in shown:
        more = paired(target_of(network, EXPANDED.name), target_of(network, TEXT))
        verb = said(more, "helps", "costs", "changes nothing that can be told")
        text.append(f"An expanded note (stage and nodal levels) {verb} on {TARGET}: {in_words(more)}.")
    text.append("Gain: with the note as written, against without, by the same network.")
    return Section("The checkpoint", tuple(text), {"main": table(header, rows), "metrics": _every_metric(network)})


def present(results: Sequence[Result]) -> list[str]:
    """The structures that were scored, in the usual order."""
    found = {row.structure for result in results for row in result.rows}
    return [name for name in STRUCTURES if name in found] + sorted(found - set(STRUCTURES))


def _every_metric(results: Sequence[Result]) -> str:
    metrics = [m for m in METRICS if any(m in row.values for r in results for row in r.rows)]
    rows = [
        [name, who, *(mean_sd(pooled(results, condition, m, name), _digits(m)) for m in metrics)]
        for name in present(results)
        for condition, who in CONDITIONS.items()
    ]
    return table(["Structure", "Note", *(METRICS[m] for m in metrics)], rows)


def _digits(metric: str) -> int:
    return 3 if metric in ("dice", "iou") or metric.startswith("surface") else 1


def per_patient(results: Sequence[Result]) -> Section | None:
    """Every patient's target, with mean and SD at the foot, as the paper has it."""
    network = by_series(results, "flagship").get("network")
    if not network:
        return None
    metrics = [m for m in ("dice", "iou", "hd95_mm", "asd_mm") if m in network[0].rows[0].values]
    columns = {(m, c): of_patients(target_of(network, c, m)) for m in metrics for c in CONDITIONS}
    organs = of_patients({key: v for key, v in pooled(network, TEXT).items() if key[1] in ORGANS})
    ids = sorted(columns["dice", TEXT], key=_natural)
    shown = [(_digits(metric), column) for (metric, _), column in columns.items()] + [(3, organs)]
    rows = [[id, *(_cell(column.get(id, math.nan), digits) for digits, column in shown)] for id in ids]
    for name, foot in (("Mean", np.mean), ("SD", lambda values: np.std(values, ddof=1))):
        rows.append([f"**{name}**", *(f"**{_cell(_of(column, foot), digits)}**" for digits, column in shown)])
    header = ["Patient", *(f"{METRICS[m]} {CONDITIONS[c]}" for m, c in columns), "Organs, DSC with note"]
    lines = [(id, *(columns[m, c].get(id, math.nan) for m in ("dice", "hd95_mm") for c in CONDITIONS)) for id in ids]
    drawn = {"per-patient": figures.patients(lines)}
    text = [_helped(columns["dice", TEXT], columns["dice", PLAIN])]
    if network[0].pictures:
        drawn["contours"] = figures.contours(network[0].pictures, {TEXT: "With the note", PLAIN: "Without it"})
        text.append("The pictures show patients evenly spaced from the worst DSC to the best: none was picked.")
    return Section("Patient by patient", tuple(text), {"per-patient": table(header, rows)}, drawn)


def _helped(text: Mapping[str, float], plain: Mapping[str, float]) -> str:
    shared = [id for id in text if id in plain]
    better = sum(text[id] > plain[id] for id in shared)
    return f"{TARGET} of each patient: the note brings a higher DSC in {better} of {len(shared)}."


def _cell(value: float, digits: int) -> str:
    return "–" if math.isnan(value) else f"{value:.{digits}f}"


def _of(column: Mapping[str, float], foot) -> float:
    return float(foot(list(column.values()))) if len(column) > 1 else math.nan


def _natural(id: str) -> list[tuple[bool, object]]:
    """Patient 2 before patient 10."""
    parts = re.split(r"(\d+)", id)
    return [(part.isdigit(), int(part) if part.isdigit() else part) for part in parts]


def subgroups(results: Sequence[Result]) -> Section | None:
    """The target by side, site, neck and dose levels, as the facts have them."""
    network = by_series(results, "flagship").get("network", [])
    facts = {id: known for id, known in network[0].cases.items() if known} if network else {}
    gains, rows = {}, []
    for group, ids in _groups(facts).items():
        text, plain = ({k: v for k, v in target_of(network, c).items() if k[0] in ids} for c in CONDITIONS)
        gain = paired(text, plain)
        if gain:
            gains[f"{group} (n = {gain.n})"] = gain.mean_difference
            rows.append([group, gain.n, mean_sd(text), mean_sd(plain), change(gain)])
    if not rows:
        return None
    most, least = (pick(gains, key=gains.get) for pick in (max, min))
    text = (
        f"The note brings most for {most}, {gains[most]:+.3f}, and least for {least}, {gains[least]:+.3f}. "
        "The groups are small and were not tested one by one.",
    )
    header = ["Group", "n", f"{TARGET} DSC with note", "without", "Gain (95% interval)"]
    return Section("By side, site, neck and dose levels", text, {"subgroups": table(header, rows)})


def _groups(facts: Mapping[str, Mapping[str, object]]) -> dict[str, set[str]]:
    """ "Side: left" -> the patients of whom that is said."""
    groups: dict[str, set[str]] = {}
    for key, name in FACTS.items():
        values = {id: known[key] for id, known in facts.items()}
        said_of = {id: " / ".join(map(str, v)) if isinstance(v, list) else str(v) for id, v in values.items()}
        for value in sorted(set(said_of.values())):
            groups[f"{name}: {value}"] = {id for id, own in said_of.items() if own == value}
    return groups


def notes(results: Sequence[Result]) -> Section | None:
    """What each kind of note is worth to the same network."""
    network = by_series(results, "notes").get("network")
    if not network:
        return None
    kinds = [kind for kind in (*NOTE_KINDS, PLAIN) if kind in network[0].conditions]
    base = target_of(network, NOTE_KINDS[0])
    gaps = {kind: paired(target_of(network, kind), base) for kind in kinds[1:]}
    text, rows = [], []
    for kind in kinds:
        gap = gaps.get(kind)
        rows.append(
            [
                kind,
                *(mean_sd(pooled(network, kind, "dice", name)) for name in TARGETS),
                mean_sd(target_of(network, kind, "hd95_mm"), 1),
                mean_sd(over_seeds(network, kind)),
                f"{change(gap)}, {p_value(gap.p)}" if gap else "–",
            ]
        )
        if gap and kind in SAYS:
            verb = said(gap, "helps", "costs", "changes nothing that can be told")
            text.append(f"{SAYS[kind]} {verb}: {in_words(gap)} against the essential note.")
    header = ["Note", *(f"{n} DSC" for n in TARGETS), f"{TARGET} HD95 (mm)", "Mean DSC", f"{TARGET}, against essential"]
    groups = {kind: {n: list(pooled(network, kind, "dice", n).values()) for n in TARGETS} for kind in kinds}
    return Section("What the note says", tuple(text), {"notes": table(header, rows)}, {"notes": figures.bars(groups)})


def robustness(results: Sequence[Result]) -> Section | None:
    """What each corruption costs at each level, with the note and without."""
    arms = by_series(results, "robustness")
    clean = arms.pop("clean", [])
    if not clean or not arms:
        return None
    rows, text, panels = [], [], {}
    for kind, spoilt in arms.items():
        panels[f"{kind} ({UNITS[kind]})"] = _by_level(kind, spoilt, clean)
        for level in LEVELS[kind]:
            cells = []
            for condition in CONDITIONS:
                named = f"{condition}/{kind}={level:g}"
                cells += [mean_sd(target_of(spoilt, named)), change_of_target(spoilt, named, clean, condition)]
            rows.append([f"{kind} {level:g} {UNITS[kind]}", *cells])
        gaps = {
            level: paired(target_of(spoilt, f"{TEXT}/{kind}={level:g}"), target_of(clean, TEXT))
            for level in LEVELS[kind]
        }
        worst = min(gaps, key=lambda level: gaps[level].mean_difference)
        text.append(f"{kind} of {worst:g} {UNITS[kind]} changes {TARGET} with the note by {in_words(gaps[worst])}.")
    header = ["Scan", f"{TARGET} DSC with note", "change", "without", "change"]
    drawn = {"robustness": figures.curves(panels, "level")}
    return Section("Poor scans", tuple(text), {"robustness": table(header, rows)}, drawn)


def resolution(results: Sequence[Result]) -> Section | None:
    """The most that voxels of each size leave to be reached, structure by structure."""
    arms = by_series(results, "resolution")
    if not arms:
        return None
    names = present([result for found in arms.values() for result in found])
    rows = [[name, *(mean_sd(pooled(found, "", "dice", name)) for found in arms.values())] for name in names]
    text = (
        "The reference itself, brought to cubic voxels and back: what a network without any mistake would score there.",
    )
    return Section("What the resolution leaves", text, {"resolution": table(["Structure", *arms], rows)})


def fit(results: Sequence[Result]) -> Section | None:
    """The checkpoint on patients it was trained on, beside those it never saw."""
    seen, unseen = by_series(results, "fit").get("seen"), by_series(results, "flagship").get("network")
    if not (seen and unseen):
        return None
    both = {"seen": seen, "never seen": unseen}
    shown = {c: who for c, who in _WITH_EXPANDED.items() if all(c in found[0].conditions for found in both.values())}
    rows = [
        [
            name,
            *(len(pooled(found, TEXT, "dice", name)) for found in both.values()),
            *(mean_sd(pooled(found, c, "dice", name)) for c in shown for found in both.values()),
        ]
        for name in present(unseen)
    ]
    text = (
        "What is missing on patients it was trained on is left by the network's size and training, its voxels, its "
        "notes and the contours themselves. What is lost from there to patients it never saw is what more patients, "
        "or a network that carries over better, could bring back.",
    )
    header = ["Structure", *(f"n {who}" for who in both)]
    header += [f"DSC {note}, {who}" for note in shown.values() for who in both]
    return Section("Patients it was trained on", text, {"fit": table(header, rows)})


def exact_facts(results: Sequence[Result]) -> Section | None:
    """What the target would score, were exact facts about it known beside the note."""
    network = by_series(results, "exact-facts").get("network")
    if not network:
        return None
    rows = []
    for fact, said_to_be in {"": "nothing more", **EXACT}.items():
        row = [said_to_be]
        for kind in (TEXT, EXPANDED.name):
            named = f"{kind}+{fact}" if fact else kind
            row += [mean_sd(target_of(network, named)), mean_sd(target_of(network, named, "hd95_mm"), 1)]
            row.append(change_of_target(network, named, network, kind) if fact else "–")
        rows.append(row)
    text = (
        f"{TARGET}, were the network's drawing corrected by what is exactly known: as many of its likeliest voxels as "
        "the reference has, nothing above or below it, nothing beyond the targets. The facts are the reference's own, "
        "so this is no result: it says how much of the error each of them would take away.",
    )
    figures_of = [f"{who} note: {what}" for who in ("Essential", "Expanded") for what in ("DSC", "HD95 (mm)", "change")]
    return Section(
        "What exact facts would mend", text, {"exact-facts": table(["Told beside the note", *figures_of], rows)}
    )


def _by_level(kind: str, spoilt: Sequence[Result], clean: Sequence[Result]) -> dict[str, dict[float, list[float]]]:
    lines = {}
    for condition, name in CONDITIONS.items():
        # A field of view that cuts nothing off has no diameter of its own.
        points = {} if kind == "field-of-view" else {0.0: over_seeds(clean, condition, TARGET)}
        points |= {x: over_seeds(spoilt, f"{condition}/{kind}={x:g}", TARGET) for x in LEVELS[kind]}
        lines[name] = points
    return lines


def external(results: Sequence[Result]) -> Section | None:
    """A checkpoint on other institutions' patients."""
    found = [result for result in results if result.experiment == "external"]
    rows = [
        [
            result.arm,
            name,
            len(pooled([result], TEXT, "dice", name)),
            *(mean_sd(pooled([result], c, "dice", name)) for c in CONDITIONS),
            mean_sd(pooled([result], TEXT, "hd95_mm", name), 1),
        ]
        for result in found
        for name in present([result])
    ]
    header = ["Dataset", "Structure", "n", *(f"DSC {c}" for c in CONDITIONS.values()), "HD95 with note (mm)"]
    text = tuple(f"{result.arm}: {what_the_note_brings([result])}" for result in found)
    return Section("Other institutions", text, {"external": table(header, rows)}) if found else None
