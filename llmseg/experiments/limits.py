"""What was aimed at, what was reached, and which experiment says why not more."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from types import MappingProxyType

import numpy as np

from llmseg.case import ORGANS
from llmseg.datasets.displaced import BONE_HU, ON_BONE, is_displaced
from llmseg.experiments.comparing import (
    TARGET,
    by_series,
    change,
    in_words,
    mean_sd,
    of_share,
    paired,
    pooled,
    shares_of,
    table,
    target_of,
    verdict,
)
from llmseg.experiments.plans import EXACT, EXPANDED
from llmseg.experiments.sections import PLAIN, TEXT, Section
from llmseg.experiments.stored import Result

AIMS: Mapping[str, float] = MappingProxyType(
    {
        TARGET: 0.68,
        "Bone_Mandible": 0.84,
        "Brainstem": 0.78,
        "Parotid_R": 0.77,
        "Parotid_L": 0.77,
        "SpinalCord": 0.72,
        "Larynx": 0.60,
        "Esophagus": 0.45,
    }
)
"""DSC with the note as written that the checkpoint was to reach, set before it was trained."""
AIM_EXPANDED, AIM_GAIN, AIM_HD95 = 0.72, 0.12, 15.0
"""For the target: DSC with an expanded note, gain over no note, and HD95 in mm."""
TRIED = "../../docs/experiments.md#what-was-tried-on-the-shipped-weights"
LOST = 0.5
"""DSC of a reference with itself, brought to the checkpoint's voxels and back, under which hardly a contour is left."""
ODD = 3.5
"""Modified z-score above which a value is an outlier: Iglewicz and Hoaglin, How to Detect and Handle Outliers, 1993."""


def limits(results: Sequence[Result]) -> Section | None:
    """Each aim beside what was reached, and what fit, contours, resolution, data and reading leave to be had."""
    network = by_series(results, "flagship").get("network")
    if not network:
        return None
    reached = {name: _mean(network, TEXT, name) for name in AIMS if pooled(network, TEXT, "dice", name)}
    voxels, seen = _own_voxels(results, network), by_series(results, "fit").get("seen", [])
    header = ["Structure", "n", "aimed at", "reached", "on patients it was trained on"]
    header += ["without contours in doubt", "the voxels leave"]
    header += ["last quarter of the patients brings", "facts instead of words bring", "twice the width brings"]
    rows = [
        [
            name,
            len(pooled(network, TEXT, "dice", name)),
            f"{AIMS[name]:.2f}",
            f"{dice:.3f}",
            mean_sd(pooled(seen, TEXT, "dice", name)),
            _without(network, name, _in_doubt(network, voxels, name)),
            mean_sd(pooled(voxels, "", "dice", name)),
            change(_last_quarter(results, name)),
            change(_perfect_reading(results, name)),
            change(_larger(results, name)),
        ]
        for name, dice in reached.items()
    ]
    text = (_verdict(reached), _target(network), *_why(results, network))
    return Section("What was aimed at, and what limits it", text, {"limits": table(header, rows)})


def _mean(results: Sequence[Result], condition: str, structure: str, metric: str = "dice") -> float:
    return float(np.mean(list(pooled(results, condition, metric, structure).values())))


def _verdict(reached: Mapping[str, float]) -> str:
    met = [name for name, dice in reached.items() if dice >= AIMS[name]]
    short = [f"{name} (by {_gap(AIMS[name] - dice)})" for name, dice in reached.items() if dice < AIMS[name]]
    return f"Reached: {', '.join(met) or 'none'}. **Short of the aim: {', '.join(short) or 'none'}.**"


def _gap(dice: float) -> str:
    return f"{dice:.3f}" if dice >= 0.001 else "less than 0.001"


def _target(network: Sequence[Result]) -> str:
    gain = paired(target_of(network, TEXT), target_of(network, PLAIN))
    parts = [
        f"gain over no note {in_words(gain)}, aimed at {AIM_GAIN:+.2f}",
        f"HD95 {_mean(network, TEXT, TARGET, 'hd95_mm'):.1f} mm, aimed at under {AIM_HD95:g} mm",
    ]
    if _has_expanded(network):
        parts.insert(0, f"with an expanded note {_mean(network, EXPANDED.name, TARGET):.3f}, aimed at {AIM_EXPANDED}")
    return f"{TARGET}: {'; '.join(parts)}."


def _own_voxels(results: Sequence[Result], network: Sequence[Result]) -> list[Result]:
    """The reference brought to the checkpoint's own grid and back."""
    edge = max(network[0].checkpoint["recipe"]["grid"]["spacing_mm"])
    return by_series(results, "resolution").get(f"{edge:g} mm", [])


def odd_volumes(network: Sequence[Result], name: str) -> dict[tuple[str, str], float]:
    """The references of an organ whose volume is an outlier among them: (id, structure) -> ml.

    Modified z-score of the logarithm, which a few outliers do not move. Targets have none: any volume can be one.
    """
    volumes = {key: ml for key, ml in pooled(network, TEXT, "reference_ml", name).items() if ml > 0}
    if name not in ORGANS or not volumes:
        return {}
    logs = np.log(list(volumes.values()))
    distance = np.abs(logs - np.median(logs))
    far = 0.6745 * distance > ODD * np.median(distance)
    return {key: volumes[key] for key, odd in zip(volumes, far, strict=True) if odd}


def _lost(voxels: Sequence[Result], name: str) -> dict[tuple[str, str], float]:
    """The references that the checkpoint's own voxels do not hold: (id, structure) -> DSC with themselves."""
    return {key: dice for key, dice in pooled(voxels, "", "dice", name).items() if dice < LOST}


def _displaced(voxels: Sequence[Result]) -> dict[str, float]:
    """The patients whose contours lie beside their anatomy: id -> the largest share of an organ on bone."""
    found: dict[str, float] = {}
    for (id, name), share in pooled(voxels, "", "on_bone").items():
        if is_displaced(name, share):
            found[id] = max(share, found.get(id, 0.0))
    return found


def _in_doubt(network: Sequence[Result], voxels: Sequence[Result], name: str) -> set[tuple[str, str]]:
    """The references of a structure that are odd, lost or displaced: (id, structure)."""
    return {*odd_volumes(network, name), *_lost(voxels, name), *((id, name) for id in _displaced(voxels))}


def _kept(
    network: Sequence[Result], name: str, doubtful: set[tuple[str, str]], condition: str = TEXT, metric: str = "dice"
) -> dict[tuple[str, str], float]:
    scores = pooled(network, condition, metric, name)
    return {key: value for key, value in scores.items() if key not in doubtful}


def _without(network: Sequence[Result], name: str, doubtful: set[tuple[str, str]]) -> str:
    kept = _kept(network, name, doubtful)
    fewer = len(_kept(network, name, set())) - len(kept)
    return f"{mean_sd(kept)} ({fewer} fewer)" if fewer else "–"


def _target_without(network: Sequence[Result], doubtful: set[tuple[str, str]]) -> str:
    """What the target scores where its reference is not in doubt, in words."""
    kept = partial(_kept, network, TARGET, doubtful)
    expanded = f", {mean_sd(kept(EXPANDED.name))} with an expanded one" if _has_expanded(network) else ""
    gain = in_words(paired(kept(TEXT), kept(PLAIN)))
    return (
        f"Without them {TARGET} has {mean_sd(kept(TEXT))} with the note{expanded}, HD95 "
        f"{mean_sd(kept(TEXT, 'hd95_mm'), 1)} mm, and a gain over no note of {gain}."
    )


def _has_expanded(network: Sequence[Result]) -> bool:
    return EXPANDED.name in network[0].conditions


def _last_quarter(results: Sequence[Result], name: str, series: str = "multimodal", condition: str = TEXT):
    """All training patients against three quarters of them, by a network of the reduced protocol."""
    arms = by_series(results, "data-efficiency").get(series, [])
    if not {0.75, 1.0} <= set(shares_of(arms)):
        return None
    return paired(*(pooled(of_share(arms, share), condition, "dice", name) for share in (1.0, 0.75)))


def _perfect_reading(results: Sequence[Result], name: str):
    """The facts themselves against a language model's reading of their words, by the reduced protocol."""
    return _against(results, "baselines", "one-hot", "full", name)


def _larger(results: Sequence[Result], name: str):
    """A network twice as wide against one as wide as what ships, by the reduced protocol."""
    return _against(results, "size", "twice-as-wide", "as-shipped", name)


def _follows(results: Sequence[Result], series: str) -> bool:
    """Whether a baseline draws the target better for the note; few steps do not teach every network to follow one."""
    arms = by_series(results, "baselines")[series]
    found = paired(target_of(arms, TEXT), target_of(arms, PLAIN))
    return bool(found) and verdict(found) > 0


def _against(results: Sequence[Result], experiment: str, one: str, other: str, name: str):
    arms = by_series(results, experiment)
    found = [arms.get(series, []) for series in (one, other)]
    return paired(*(pooled(arm, TEXT, "dice", name) for arm in found)) if all(found) else None


def _why(results: Sequence[Result], network: Sequence[Result]) -> list[str]:
    said, voxels = [], _own_voxels(results, network)
    if voxels:
        said.append(
            f"**Resolution.** The physician's own {TARGET}, brought to this checkpoint's voxels and back, scores "
            f"{_mean(voxels, '', TARGET):.3f}: no network on this grid can score more."
        )
    seen = by_series(results, "fit").get("seen", [])
    if seen:
        on_seen, on_unseen = (
            f"{_mean(found, TEXT, TARGET):.3f} (HD95 {_mean(found, TEXT, TARGET, 'hd95_mm'):.1f} mm)"
            for found in (seen, network)
        )
        said.append(
            f"**Fit.** On {len(target_of(seen, TEXT))} of the patients it was trained on {TARGET} scores {on_seen}, on "
            f"those it never saw {on_unseen}. More patients alone would bring it no further than the first; longer "
            "training, a larger network or notes that say more might."
        )
    said += _under_protocol(results)
    if _has_expanded(network):
        more = paired(target_of(network, EXPANDED.name), target_of(network, TEXT))
        said.append(f"**Notes.** Stage and nodal levels change {TARGET} by {in_words(more)}.")
        if seen and _has_expanded(seen):
            on_seen, on_unseen = (_mean(found, EXPANDED.name, TARGET) for found in (seen, network))
            said[-1] += (
                f" With them it scores {on_seen:.3f} on patients it was trained on and {on_unseen:.3f} on those it "
                "never saw: what lies between is not for want of words."
            )
    if exact := by_series(results, "exact-facts").get("network"):
        kind = EXPANDED.name
        bounds = {fact: _mean(exact, f"{kind}+{fact}", TARGET) for fact in EXACT}
        all_three_mm = _mean(exact, f"{kind}+everything", TARGET, "hd95_mm")
        said.append(
            f"**Exact facts.** What it draws with an expanded note ({_mean(exact, kind, TARGET):.3f}), corrected by "
            f"exact facts, scores {bounds['volume']:.3f} where the volume of {TARGET} is known to the millilitre, "
            f"{bounds['slices']:.3f} its top and its bottom slice, {bounds['outline']:.3f} the outline of all targets "
            f"together, and {bounds['everything']:.3f} (HD95 {all_three_mm:.1f} mm) all three: more than words tell."
        )
    said += _about_references(network, voxels)
    said.append(
        "**Contours.** Each patient was contoured once, so how far two physicians would agree on one patient cannot "
        "be measured on these data; whatever part of the distance to 1 that is, no network closes it."
    )
    said.append(f"What was tried on the shipped weights: [docs/experiments.md]({TRIED}).")
    return said


def _under_protocol(results: Sequence[Result]) -> list[str]:
    """What more patients, flawless reading and a larger network bring where all else is alike."""
    said = []
    if found := _last_quarter(results, TARGET):
        said.append(
            f"**Data.** From three quarters of the training patients to all, {TARGET} changes by {in_words(found)} "
            "under the reduced protocol."
        )
        if plain := _last_quarter(results, TARGET, "image-only", PLAIN):
            said[-1] += f" The network that reads no notes changes by {in_words(plain)}."
    if found := _perfect_reading(results, TARGET):
        if deaf := [name for name in ("one-hot", "full") if not _follows(results, name)]:
            means = f"no note helps {' or '.join(deaf)} there, so it says little of reading"
        else:
            means = "so much a flawless reader could add" if verdict(found) > 0 else "reading is not what limits it"
        said.append(
            f"**Reading.** Given the facts themselves in place of their words, {TARGET} changes by {in_words(found)} "
            f"under the reduced protocol: {means}."
        )
    if found := _larger(results, TARGET):
        means = "a larger one would do better" if verdict(found) > 0 else "size is not what limits it"
        said.append(
            f"**Size.** In a network twice as wide, with four times the weights, {TARGET} changes by {in_words(found)} "
            f"under the reduced protocol: {means}."
        )
    return said


def _about_references(network: Sequence[Result], voxels: Sequence[Result]) -> list[str]:
    """The contours that can hardly be what they are named, and what is scored without them."""
    said = []
    if odd := [found for name in AIMS for found in odd_volumes(network, name).items()]:
        named = ", ".join(f"{structure} of {id} ({ml:.0f} ml)" for (id, structure), ml in odd)
        said.append(
            "**Odd contours.** References whose volume alone makes them outliers among the patients' (modified z-score "
            f"above {ODD:g}): {named}."
        )
    if lost := [found for name in AIMS for found in _lost(voxels, name).items()]:
        named = ", ".join(f"{structure} of {id} ({dice:.2f})" for (id, structure), dice in lost)
        said.append(
            f"**Lost contours.** References that score less than {LOST:g} with themselves on this checkpoint's voxels, "
            f"scraps or outside the scan: {named}."
        )
    if displaced := _displaced(voxels):
        named = ", ".join(f"{id} ({share:.0%})" for id, share in displaced.items())
        said.append(
            f"**Displaced contours.** Patients whose cord or brainstem lies on bone (above {BONE_HU:g} HU) to a share "
            f"of more than {ON_BONE:.0%}, so that contours and CT do not belong together: {named}."
        )
    if said:
        said[-1] += " What was reached counts them all; the table has the DSC without contours in doubt, too."
    if of_target := _in_doubt(network, voxels, TARGET):
        said[-1] += f" {_target_without(network, of_target)}"
    return said
