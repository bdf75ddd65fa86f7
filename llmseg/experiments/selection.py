"""Which patients to train on: the ones a network is least sure of, or all but those it contradicts.

Both are compared with chance at the same number of patients, because fewer or more patients alone change the result.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence

import numpy as np

from llmseg.case import Case, InputError
from llmseg.experiments.plans import Choice
from llmseg.metrics import dice
from llmseg.segmenter import Segmenter

FOLDS = 3
BODY_HU = -300.0

Progress = Callable[[int, int], None]


def patient_of(case: Case) -> str:
    return case.patient_id or case.id


def choose(
    choice: Choice,
    pool: Sequence[Case],
    *,
    seed: int,
    before: Sequence[str],
    networks: Sequence[Segmenter],
    on_progress: Progress,
) -> tuple[str, ...]:
    """Patients to train on.

    Args:
        pool: one case of each patient that may be trained on.
        before: patients of the arm before, which active learning keeps.
        networks: of the arms before: one for "uncertain", one for each fold for "consistent".
    Returns:
        their ids, sorted.
    Raises:
        InputError: the share leaves nobody.
    """
    ids = [patient_of(case) for case in pool]
    count = round(choice.share * len(ids))
    if choice.kind == "fold":
        chosen = [id for id in ids if fold_of(id, seed) != choice.fold]
    elif choice.kind == "fewer":
        chosen = _shuffled(ids, seed)[:count]
    elif choice.kind == "consistent":
        agreement = agreements(pool, networks, seed, on_progress)
        chosen = sorted(ids, key=lambda id: -agreement[id])[:count]
    else:
        others = [case for case in pool if patient_of(case) not in set(before)]
        if choice.kind == "random":
            ranked = _shuffled([patient_of(case) for case in others], seed)
        else:
            unsure = {patient_of(case): entropy(networks[0], case) for case in _counted(others, on_progress)}
            ranked = sorted(unsure, key=lambda id: -unsure[id])
        chosen = [*before, *ranked[: max(0, count - len(before))]]
    if not chosen:
        raise InputError(f"A share of {choice.share:g} of {len(ids)} patients leaves none. Use more training patients.")
    return tuple(sorted(chosen))


def fold_of(id: str, seed: int) -> int:
    """Which third a patient belongs to, by a hash of the id."""
    return int(_digest(f"fold/{seed}/{id}"), 16) % FOLDS


def entropy(segmenter: Segmenter, case: Case) -> float:
    """How unsure the network is: binary entropy in bits, mean over the voxels of the body and the structures."""
    volume = case.volume
    body = volume.array > BODY_HU
    ct = segmenter.open(volume, others=case.others(segmenter.modalities))
    probabilities = ct.segment(case.note).probabilities
    bits = []
    for probability in probabilities.values():
        p = probability[body].astype(np.float64).clip(1e-6, 1 - 1e-6)
        bits.append(float(-(p * np.log2(p) + (1 - p) * np.log2(1 - p)).mean()))
    return float(np.mean(bits))


def agreements(
    pool: Sequence[Case], networks: Sequence[Segmenter], seed: int, on_progress: Progress
) -> Mapping[str, float]:
    """Patient -> mean DSC of its contours with what the network that never saw it draws.

    A structure's DSC is taken relative to that structure's mean: an oesophagus is hard in everyone.
    """
    scores: dict[str, dict[str, float]] = {}
    for case in _counted(pool, on_progress):
        unseen = networks[fold_of(patient_of(case), seed)]
        drawn = unseen.open(case.volume, others=case.others(unseen.modalities)).segment(case.note).structures
        found = {name: dice(mask, drawn[name]) for name, mask in case.structures.items() if name in drawn}
        scores[patient_of(case)] = {name: value for name, value in found.items() if not np.isnan(value)}
    names = {name for found in scores.values() for name in found}
    usual = {name: np.mean([found[name] for found in scores.values() if name in found]) for name in names}
    return {id: float(np.mean([v - usual[n] for n, v in found.items()] or [0.0])) for id, found in scores.items()}


def _counted(cases: Sequence[Case], on_progress: Progress):
    for number, case in enumerate(cases):
        on_progress(number, len(cases))
        yield case


def _shuffled(ids: Sequence[str], seed: int) -> list[str]:
    return sorted(ids, key=lambda id: _digest(f"random/{seed}/{id}"))


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
