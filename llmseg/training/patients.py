"""Who is learned from, and who is kept to choose by."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from llmseg.case import Case, InputError
from llmseg.datasets.folder import Dataset
from llmseg.training.config import TrainConfig
from llmseg.training.prepared import PreparedCase, prepare
from llmseg.training.run import Report
from llmseg.training.samples import is_tuning, nested_share

log = logging.getLogger(__name__)


@dataclass(frozen=True, eq=False)
class Patients:
    """Patients to learn from, patients to choose on, and cases of the further datasets."""

    learned: list[PreparedCase]
    tuning: list[PreparedCase]
    extras: list[PreparedCase]

    @property
    def cases(self) -> list[Case]:
        """All that is learned from."""
        return [prepared.case for prepared in (*self.learned, *self.extras)]

    def unseen(self, structures: Sequence[str]) -> list[str]:
        """Structures that nobody has contoured."""
        known = np.any([prepared.known for prepared in (*self.learned, *self.extras)], axis=0)
        return [name for name, seen in zip(structures, known, strict=True) if not seen]


def gather(config: TrainConfig, datasets: Sequence[Dataset], cache: Path, report: Report) -> Patients:
    """Prepare the training cases: of the first dataset those the config chooses, of the others all.

    Raises:
        InputError: nobody to learn from, a case without contours, or none with a contour of the config's structures.
    """
    ids = Counter(case.id for dataset in datasets for case in dataset.split("training"))
    if twice := [id for id, count in ids.items() if count > 1]:
        # Notes are kept by id: one case would be drawn with another's.
        raise InputError(f"The id {twice[0]} is in two datasets. Rename it in one of them.")
    for dataset in datasets:
        if not dataset.split("training"):
            raise InputError(f"{dataset.root} lists no training case. Add some to its dataset.json.")
    chosen, kept = _split(datasets[0].split("training"), config)

    def ready(dataset: Dataset, cases: Sequence[Case]) -> list[PreparedCase]:
        folder = cache / "prepared" / dataset.manifest_hash[:16]

        def tell(done: int, total: int) -> None:
            report(f"preparing {dataset.root.name}", done / total, {})

        return prepare(cases, config.grid, config.network.structures, folder, tell, config.network.modalities)

    first = ready(datasets[0], [*chosen, *kept])
    extras = [prepared for dataset in datasets[1:] for prepared in ready(dataset, dataset.split("training"))]
    patients = Patients(first[: len(chosen)], first[len(chosen) :], extras)
    _warn(patients, config)
    return patients


def _split(cases: Sequence[Case], config: TrainConfig) -> tuple[list[Case], list[Case]]:
    """The cases to learn from, and those kept for tuning.

    Raises:
        InputError: nobody is left to learn from, or a named patient is not among those.
    """
    tuning = [case for case in cases if is_tuning(_patient(case), config.tuning_share)]
    others = [case for case in cases if case not in tuning]
    if not others:
        raise InputError(f"All {len(cases)} training cases fell to tuning. Add cases or lower tuning_share.")
    if config.patience and not tuning:
        raise InputError(
            f"patience = {config.patience} waits for tuning patients, and none of {len(cases)} training cases is one. "
            "Raise tuning_share."
        )
    if config.patients:
        if missing := set(config.patients) - set(map(_patient, others)):
            name = min(missing)
            reason = "is kept for tuning" if name in map(_patient, tuning) else "is no training patient"
            raise InputError(f"patients: {name!r} {reason}. Take it out of the config.")
        others = [case for case in others if _patient(case) in config.patients]
    share = nested_share(map(_patient, others), config.fraction)
    if not share:
        raise InputError(
            f"fraction = {config.fraction} of {len(others)} training cases leaves none. Raise it to 1 / {len(others)}."
        )
    return [case for case in others if _patient(case) in share], tuning


def _patient(case: Case) -> str:
    return case.patient_id or case.id


def _warn(patients: Patients, config: TrainConfig) -> None:
    """Say what the data do not allow.

    Raises:
        InputError: nobody has a contour of any structure.
    """
    structures = config.network.structures
    unseen = patients.unseen(structures)
    if len(unseen) == len(structures):
        raise InputError(
            f"No training case has a contour of {', '.join(structures)}. Name structures that the dataset has."
        )
    if unseen:
        log.warning("No training case has a contour of %s: it will not be learned.", ", ".join(unseen))
    if not patients.tuning:
        log.warning("No training patient is kept for tuning: nothing is validated, and the last step is shipped.")
