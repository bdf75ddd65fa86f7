"""Pretraining: images meet their notes, before anything is contoured.

    image (B, M, X, Y, Z) --encoder, pooled, projected--> (B, E)   <- cosine ->   (N, E) <--projected-- contexts (N, W)

The image must lie nearer to its own note than to other patients', and than to its own with one fact changed.
"""

from __future__ import annotations

import logging
import math
import random
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain, islice, zip_longest
from pathlib import Path

import torch
from torch import nn
from torch.nn import functional

from llmseg.case import Case, InputError
from llmseg.datasets.folder import Dataset
from llmseg.model.architectures import build_network
from llmseg.model.network import ContourNetwork
from llmseg.model.reader import TextReader
from llmseg.text.encoder import TextEncoder
from llmseg.text.facts import DOSES_GY, N_STAGES, NECKS, SIDES, SITES, T_STAGES
from llmseg.text.note import read_note
from llmseg.text.stated import StatedFacts
from llmseg.training.config import ContrastConfig, TrainConfig
from llmseg.training.finetune import Beginning, begin, check_width, identity_of, lesson_of, stream_of, write_checkpoint
from llmseg.training.patients import Patients, gather
from llmseg.training.prepared import PreparedCase, cut
from llmseg.training.reading import prompt_of, prompt_of_note
from llmseg.training.run import Course, Processes, Report
from llmseg.training.runfolder import RunFolder
from llmseg.training.samples import Batch
from llmseg.training.starting import PRETRAIN

log = logging.getLogger(__name__)

_COARSE = 2
"""Edge of the grid that features are pooled to: left and right, front and back, up and down stay apart."""

_CHOICES = {"site": SITES, "side": SIDES, "neck": NECKS, "t_stage": T_STAGES, "n_stage": N_STAGES}


def pretrain(
    config: TrainConfig,
    datasets: Sequence[Dataset],
    out: str | Path,
    *,
    cache: Path,
    resume: bool = False,
    report: Report = lambda what, share, figures: None,
) -> Path:
    """Align the image encoder with the notes of the training split; `train` starts from the checkpoint.

    Args:
        out, cache, resume: as for `train`.
    Returns:
        the checkpoint folder; its decoder has learned nothing yet.
    Raises:
        InputError: a network without an image encoder of its own or that reads no notes, nobody with a note, and what
            `train` refuses.
    Source: LLMSeg III.C.1, which gives one direction and no temperature; both directions and a learned temperature
        after CLIP (Radford et al., ICML 2021).
    """
    network = config.network
    if network.architecture != "context-unetr" or not network.reads_notes:
        raise InputError(
            f"architecture = {network.architecture} with fusion = {network.fusion} has no notes to align images with. "
            "Pretrain a context-unetr that reads them."
        )
    processes = Processes.of(config.precision, config.network)
    report = processes.only_main(report)
    identity = identity_of(config, datasets, processes, stage=PRETRAIN)
    with RunFolder.open(Path(out), identity, resume=resume, writes=processes.main) as folder:
        with processes.one_first():
            patients = _noted(gather(config, datasets, cache, report))
            encoder = TextEncoder(config.encoder, device=str(processes.device), cache=cache)
            statements = Statements(patients, encoder, config.contrast.negatives, report)
            check_width(statements.width, config)
            beginning = begin(config, [], encoder, report, resumed=folder.saved is not None)
        task = Aligning(config, datasets, patients, statements, encoder, beginning, processes)
        return Course(config, task, folder, processes, report).go()


def _noted(patients: Patients) -> Patients:
    """The patients of whom something is said."""

    def noted(some: Iterable[PreparedCase]) -> list[PreparedCase]:
        return [prepared for prepared in some if prepared.case.facts or prepared.case.note.text.strip()]

    kept = Patients(noted(patients.learned), noted(patients.tuning), noted(patients.extras))
    if not kept.learned:
        raise InputError("No training case has a note to align its image with. Write notes, or start with train.")
    if left_out := len(patients.learned) - len(kept.learned):
        log.warning("%d training cases have no note and are left out.", left_out)
    return kept


def differing(said: StatedFacts, count: int, seed: int | str) -> list[StatedFacts]:
    """The same statement with one fact changed, each fact in turn; at most `count` of them."""
    rng = random.Random(seed)
    by_fact = [
        [replace(said, **{fact: value}) for value in values if not getattr(said, fact).startswith(value)]
        for fact, values in _CHOICES.items()
        if getattr(said, fact)
    ]
    if said.dose_gy:
        doses = [{dose}.symmetric_difference(said.dose_gy) for dose in DOSES_GY[1:]]
        by_fact.append([replace(said, dose_gy=tuple(sorted(levels, reverse=True))) for levels in doses])
    for changed in by_fact:
        rng.shuffle(changed)
    rng.shuffle(by_fact)
    in_turn = chain.from_iterable(zip_longest(*by_fact))
    return list(islice(filter(None, in_turn), count))


class Statements:
    """What is said of each patient, and of each mirror image, and what nearly is: numbers of prompts.

    Args:
        negatives: how many prompts of each differ from its own in one fact.
    """

    def __init__(self, patients: Patients, encoder: TextEncoder, negatives: int, report: Report):
        prompts: dict[str, int] = {}
        self._rows: dict[tuple[str, bool], list[int]] = {}
        for case in (prepared.case for prepared in (*patients.learned, *patients.tuning, *patients.extras)):
            for mirror in (False, True) if case.facts else (False,):
                own, others = _prompts_of(case, mirror, negatives)
                numbers = [prompts.setdefault(prompt, len(prompts)) for prompt in (own, *others)]
                self._rows[case.id, mirror] = numbers + [-1] * (negatives + 1 - len(numbers))
        report("reading notes", 0.0, {})
        encoder.encode(list(prompts), lambda share: report("reading notes", share, {}))
        self._prompts, self._encoder = list(prompts), encoder
        self.width = encoder.encode(self._prompts[:1]).tokens.shape[-1]

    def rows(self, drawn: Iterable[tuple[str, bool]]) -> torch.Tensor:
        """(B, 1 + negatives): the number of each one's own prompt, then those that differ; -1 where there is none."""
        return torch.tensor([self._rows[id, mirror] for id, mirror in drawn])

    @torch.no_grad()
    def contexts(self, reader: TextReader, device: torch.device) -> torch.Tensor:
        """(prompts, W): each as the frozen reader reads it, standardised: most of it is what all have in common."""
        starts = range(0, len(self._prompts), 64)
        texts = (self._encoder.encode(self._prompts[start : start + 64]) for start in starts)
        read = torch.cat([reader(text.to(device)) for text in texts])
        return (read - read.mean(0)) / read.std(0, correction=0).clamp_min(1e-3)


def _prompts_of(case: Case, mirror: bool, negatives: int) -> tuple[str, list[str]]:
    """A patient's prompt, and prompts that differ from it in one fact."""
    if case.facts is not None:
        said = StatedFacts.of(case.facts.mirrored() if mirror else case.facts)
    else:
        said = read_note(case.note.text).facts
    own = prompt_of(said) if case.facts is not None else prompt_of_note(case.note)
    return own, [prompt_of(other) for other in differing(said, negatives, f"{case.id}/{mirror}")]


class Centred(nn.Module):
    """Takes off the running mean: most of an image's features is what all patients have in common."""

    def __init__(self, width: int, momentum: float = 0.05):
        super().__init__()
        self.momentum = momentum
        self.register_buffer("mean", torch.zeros(width))
        self.register_buffer("batches", torch.zeros(()))

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        """(B, F) -> (B, F)."""
        if self.training:
            with torch.no_grad():
                self.batches += 1
                self.mean.lerp_(features.mean(0), (1 / self.batches).clamp_min(self.momentum))
        return features - self.mean


class Alignment(nn.Module):
    """An image encoder and a frozen reader, each with a projection to where they are compared."""

    def __init__(self, network: ContourNetwork, contrast: ContrastConfig):
        super().__init__()
        self.network = network.requires_grad_(False)
        network.encoder.requires_grad_(True)
        pooled, context = network.config.channels[-1] * _COARSE**3, network.config.context_width
        self.of_image = nn.Sequential(Centred(pooled), nn.LayerNorm(pooled), nn.Linear(pooled, contrast.width))
        self.of_note = nn.Linear(context, contrast.width)
        self.sharpness = nn.Parameter(torch.tensor(-math.log(contrast.temperature)))

    def forward(self, image: torch.Tensor, contexts: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """(B, M, X, Y, Z) and (N, W) -> embeddings (B, E) and (N, E) of length 1, and one over the temperature."""
        pooled = functional.adaptive_avg_pool3d(self.network.encode_image(image)[-1].float(), _COARSE)
        images = functional.normalize(self.of_image(pooled.flatten(1)).float(), dim=1)
        notes = functional.normalize(self.of_note(contexts).float(), dim=1)
        return images, notes, self.sharpness.exp().clamp(1, 100)


@dataclass(frozen=True)
class Contrast:
    """InfoNCE of a batch, and the share of its images whose own note is the nearest."""

    loss: torch.Tensor
    accuracy: torch.Tensor


def info_nce(
    images: torch.Tensor,
    notes: torch.Tensor,
    image_says: torch.Tensor,
    note_says: torch.Tensor,
    *,
    pairs: int,
    sharpness: torch.Tensor | float,
) -> Contrast:
    """-log of the softmax of each pair among all that could be meant, mean over the pairs and both directions.

    Another that says the same as the pair is not wrong: it is left out, as is one that says nothing (-1).

    Args:
        images, notes: (I, E), (N, E) of length 1; the first `pairs` of each belong together, the others are wrong.
        image_says, note_says: (I,), (N,) the number of what is said of each.
        sharpness: one over the temperature.
    """
    own = torch.arange(pairs, device=images.device)

    def logits(rows: torch.Tensor, columns: torch.Tensor, said: torch.Tensor, others: torch.Tensor) -> torch.Tensor:
        meant = (others >= 0) & (others != said[:, None])
        meant[own, own] = True
        return (sharpness * rows @ columns.T).masked_fill(~meant, -torch.inf)

    to_notes = logits(images[:pairs], notes, image_says[:pairs], note_says)
    to_images = logits(notes[:pairs], images, note_says[:pairs], image_says)
    loss = (functional.cross_entropy(to_notes, own) + functional.cross_entropy(to_images, own)) / 2
    return Contrast(loss, (to_notes.argmax(1) == own).float().mean())


class Aligning:
    """Learn which note belongs to which image; a `Task` of a `Course`.

    Small batches have few wrong pairs: the images and notes of past steps stand in for more. Notes are remembered by
    number and projected anew; images as they were embedded then.
    """

    def __init__(
        self,
        config: TrainConfig,
        datasets: Sequence[Dataset],
        patients: Patients,
        statements: Statements,
        encoder: TextEncoder,
        beginning: Beginning,
        processes: Processes,
    ):
        self.config, self.datasets, self.patients, self.encoder = config, datasets, patients, encoder
        self.statements, self.processes, self.reading = statements, processes, beginning.reading
        torch.manual_seed(config.seed)  # a reader that was not in the cache drew from it while it was taught
        self.model = Alignment(beginning.network, config.contrast)
        self.stream = stream_of(config, patients, None, processes)
        self.tunes = bool(patients.tuning)
        self._contexts: torch.Tensor | None = None
        self._images = torch.empty(0, config.contrast.width, device=processes.device)
        self._says = torch.empty(0, dtype=torch.long, device=processes.device)

    @property
    def contexts(self) -> torch.Tensor:
        """(prompts, W), read when first asked for: a resumed run has its reader by then."""
        if self._contexts is None:
            self._contexts = self.statements.contexts(self.model.network.reader, self.processes.device)
        return self._contexts

    def figures(self, model: nn.Module, batch: Batch) -> dict[str, torch.Tensor]:
        model.train()
        self.model.network.reader.eval()
        rows = self.statements.rows((drawn.case_id, drawn.mirror) for drawn in batch.drawn).to(self._says.device)
        own = rows[:, 0]
        says = torch.cat((own, rows[:, 1:].flatten(), self._says))
        images, notes, sharpness = model(batch.image, self.contexts[says.clamp_min(0)])
        image_says = torch.cat((own, self._says))
        found = info_nce(
            torch.cat((images, self._images)), notes, image_says, says, pairs=len(own), sharpness=sharpness
        )
        self._remember(images.detach(), own)
        return {"loss": found.loss, "accuracy": found.accuracy, "temperature": 1 / sharpness.detach()}

    def _remember(self, images: torch.Tensor, says: torch.Tensor) -> None:
        """All processes remember the same."""
        gather, kept = self.processes.accelerator.gather, self.config.contrast.memory
        self._images = torch.cat((gather(images), self._images))[:kept]
        self._says = torch.cat((gather(says), self._says))[:kept]

    @torch.inference_mode()
    def validate(self, average: Mapping[str, torch.Tensor]) -> dict[str, float]:
        """How well the tuning patients' images find their notes, among each other's and ones with a fact changed.

        "score" is the mean reciprocal rank of the right one, over both directions.
        """
        if not self.tunes:
            return {"score": 0.0}
        model = self._averaged(average).to(self.processes.device).eval()
        rows = self.statements.rows((prepared.case.id, False) for prepared in self.patients.tuning)
        says = torch.cat((rows[:, 0], rows[:, 1:].flatten())).to(self.processes.device)
        notes = functional.normalize(model.of_note(self.contexts[says.clamp_min(0)]).float(), dim=1).cpu()
        mine = [self._embedded(model, prepared) for prepared in self.processes.mine(self.patients.tuning)]
        return retrieval(torch.stack(self.processes.together(mine)), notes, rows)

    def picture(self) -> None:
        """Nothing is drawn yet."""

    def _embedded(self, model: Alignment, prepared: PreparedCase) -> torch.Tensor:
        image = cut(prepared, self.config.network.field).image[None].to(self.processes.device)
        with self.processes.accelerator.autocast():
            return model(image, self.contexts[:1])[0][0].cpu()

    def _averaged(self, average: Mapping[str, torch.Tensor]) -> Alignment:
        model = Alignment(build_network(self.config.network), self.config.contrast)
        model.load_state_dict(average)
        return model

    def save(self, folder: Path, average: Mapping[str, torch.Tensor], facts: dict[str, object]) -> None:
        lesson = lesson_of(self.config, self.datasets, self.patients)
        trained = {**lesson, "stage": PRETRAIN, "reading": self.reading, **facts}
        write_checkpoint(folder, self._averaged(average).network, self.config, self.encoder, trained)

    def state(self) -> dict[str, object]:
        return {"reading": self.reading, "images": self._images, "says": self._says}

    def restore(self, state: Mapping[str, object]) -> None:
        self.reading = state["reading"]
        self._images, self._says = (state[key].to(self.processes.device) for key in ("images", "says"))


def retrieval(images: torch.Tensor, notes: torch.Tensor, rows: torch.Tensor) -> dict[str, float]:
    """How well P images find their notes, and notes their images.

    Args:
        images: (P, E) of length 1.
        notes: (P + P * H, E): the patients' own, then H of each that differ from its own in one fact.
        rows: (P, 1 + H) the number of what each says; -1 where there is none.
    Returns:
        "score", the mean reciprocal rank over both directions; "image to note", "note to image" and "one fact": the
        share of patients whose own note is nearest among all, whose image is, and whose note is nearer than all that
        differ from it in one fact; "chance" of the first.
    """
    count, changes = len(rows), rows.shape[1] - 1
    own, says = rows[:, 0], torch.cat((rows[:, 0], rows[:, 1:].flatten()))
    nearness = images @ notes.T  # (P, P + P * H)
    right = nearness[torch.arange(count), torch.arange(count)][:, None]
    wrong = (says >= 0) & (says != own[:, None])
    note_ranks = 1 + ((nearness >= right) & wrong).sum(1)
    across = nearness[:, :count].T  # (P notes, P images)
    image_ranks = 1 + ((across >= right) & (own != own[:, None])).sum(1)
    changed = nearness[:, count:].reshape(count, count, changes)[torch.arange(count), torch.arange(count)]  # (P, H)
    one_fact = ((changed >= right) & (rows[:, 1:] >= 0) & (rows[:, 1:] != own[:, None])).any(1)
    figures = {
        "score": (1 / note_ranks + 1 / image_ranks).mean() / 2,
        "image to note": (note_ranks == 1).float().mean(),
        "note to image": (image_ranks == 1).float().mean(),
        "one fact": 1 - one_fact.float().mean(),
        "chance": (1 / (1 + wrong.sum(1))).mean(),
    }
    return {name: round(float(value), 4) for name, value in figures.items()}
