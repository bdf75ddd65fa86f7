"""The stream of training samples: the n-th is a function of seed and n alone, so a resumed run sees the same ones."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import torch

from llmseg.case import PAIRED, Case, InputError
from llmseg.text.encoder import TextEncoder, TextFeatures
from llmseg.training.prepared import Augmentation, PreparedCase, cut, mirrored_channels
from llmseg.training.reading import prompt_of, prompt_of_note, said_of

_STRIDE = 0x9E3779B1  # torch's generator keeps 32 bits of a seed: runs start far apart on one circle of samples


def is_tuning(case_id: str, share: float) -> bool:
    """Whether a training patient is kept for choices (step, weights, thresholds), by a hash of the id."""
    return _hash(case_id) < share


def nested_share(ids: Iterable[str], fraction: float) -> set[str]:
    """A share of the patients, by a hash of the id: a smaller share lies within every larger one."""
    ranked = sorted(set(ids), key=lambda id: _hash(f"fraction/{id}"))
    return set(ranked[: round(fraction * len(ranked))])


def _hash(text: str) -> float:
    return int(hashlib.sha256(text.encode()).hexdigest()[:8], 16) / 2**32


class NoteBank:
    """Every prompt training may ask for, encoded once.

    The prompts of a case with facts say now more, now less of them: the essential ones, all, or a few, and as often of
    its mirror image. A case without facts keeps its one note, and is never mirrored; one with an empty note is drawn
    without text.
    """

    def __init__(
        self,
        cases: Sequence[Case],
        encoder: TextEncoder,
        wordings: int,
        on_progress: Callable[[float], None] | None = None,
    ):
        self._prompts: dict[tuple[str, bool], list[str]] = {}
        for case in cases:
            for mirror in (False, True):
                if case.facts is not None:
                    facts = case.facts.mirrored() if mirror else case.facts
                    drawn = (said_of(facts, f"{case.id}/{mirror}/{i}") for i in range(wordings))
                    self._prompts[case.id, mirror] = [prompt for said in drawn if (prompt := prompt_of(said))]
                elif not mirror:
                    self._prompts[case.id, mirror] = [prompt_of_note(case.note)] if case.note.text.strip() else []
        texts = sorted({text for prompts in self._prompts.values() for text in prompts})
        if not texts:
            raise InputError("No training case has a note to read. Write notes, or train with network.fusion = none.")
        encoder.encode(texts, on_progress)  # fills the cache; read back one by one, as half precision
        self._tokens = {text: encoder.encode([text]).tokens[0].half() for text in texts}

    @property
    def width(self) -> int:
        """D of the language model's hidden states."""
        return next(iter(self._tokens.values())).shape[1]

    def says_something_of(self, case: Case, mirror: bool) -> bool:
        return bool(self._prompts[case.id, mirror])

    def draw(self, case: Case, mirror: bool, number: int) -> torch.Tensor:
        """(T, D) tokens of one prompt; one of zeros where there is none."""
        prompts = self._prompts[case.id, mirror]
        return self._tokens[prompts[number % len(prompts)]] if prompts else torch.zeros(1, self.width).half()


class Drawn(NamedTuple):
    """Which sample this is: of which case, whether its mirror image, and the number of its note's wording."""

    case_id: str
    mirror: bool
    wording: int


@dataclass(frozen=True, eq=False)
class Batch:
    """image (B, 1, X, Y, Z), targets (B, K, X, Y, Z), known (B, K), text of B notes, keep (B,) whether it is shown.

    `drawn` says which B samples these are.
    """

    image: torch.Tensor
    targets: torch.Tensor
    known: torch.Tensor
    text: TextFeatures | None
    keep: torch.Tensor
    drawn: tuple[Drawn, ...] = ()

    def to(self, device: torch.device) -> Batch:
        return self._with(lambda tensor: tensor.to(device, non_blocking=True))

    def pin_memory(self) -> Batch:
        """Where a GPU fetches it while the step before is still running."""
        return self._with(torch.Tensor.pin_memory)

    def _with(self, change: Callable[[torch.Tensor], torch.Tensor]) -> Batch:
        text = self.text and TextFeatures(change(self.text.tokens), change(self.text.mask))
        image, targets, known, keep = map(change, (self.image, self.targets, self.known, self.keep))
        return Batch(image, targets, known, text, keep, self.drawn)


class SampleStream(torch.utils.data.Dataset):
    """Augmented fields with one wording of their note.

    Args:
        patients, extras: prepared cases; `extra_share` of the samples come from the second.
        bank: their notes, or None for an image-only network.
    """

    def __init__(
        self,
        patients: Sequence[PreparedCase],
        extras: Sequence[PreparedCase],
        bank: NoteBank | None,
        *,
        count: int,
        field: Sequence[int],
        structures: Sequence[str],
        spacing_mm: Sequence[float],
        extra_share: float,
        drop_note: float,
        seed: int,
        augment: Augmentation | None = None,
    ):
        self._pools = (patients, extras)
        self._bank, self._count, self._field = bank, count, tuple(field)
        self._swap, self._spacing_mm = mirrored_channels(structures), tuple(spacing_mm)
        # Half a pair has no channel to become: mirrored, it would be learned on both sides.
        self._mirrors = all(PAIRED.get(name, name) in structures for name in structures)
        self._extra_share = extra_share if extras else 0.0
        self._drop_note, self._seed = drop_note, seed
        self._augment = augment or Augmentation()

    def __len__(self) -> int:
        return self._count

    def __getitem__(self, number: int) -> tuple:
        rng = torch.Generator().manual_seed((self._seed * _STRIDE + number) % 2**32)

        def chance() -> float:
            return float(torch.rand(1, generator=rng))

        pool = self._pools[chance() < self._extra_share]
        prepared = pool[int(torch.randint(len(pool), (1,), generator=rng))]
        mirror = chance() < 0.5 and self._mirrors and prepared.case.facts is not None
        wording = int(torch.randint(1 << 30, (1,), generator=rng))
        keep = chance() >= self._drop_note
        if self._bank is not None:
            keep = keep and self._bank.says_something_of(prepared.case, mirror)
        tokens = None if self._bank is None else self._bank.draw(prepared.case, mirror, wording)
        sample = cut(prepared, self._field, mirror, self._swap, self._augment, self._spacing_mm, rng)
        return sample, tokens, keep, Drawn(prepared.case.id, mirror, wording)


def collate(items: Sequence[tuple]) -> Batch:
    samples, tokens, keep, drawn = zip(*items, strict=True)
    text = None
    if tokens[0] is not None:
        padded = torch.nn.utils.rnn.pad_sequence([row.float() for row in tokens], batch_first=True)
        lengths = torch.tensor([len(row) for row in tokens])
        text = TextFeatures(padded, torch.arange(padded.shape[1])[None] < lengths[:, None])
    return Batch(
        torch.stack([s.image for s in samples]),
        torch.stack([s.targets for s in samples]),
        torch.stack([s.known for s in samples]),
        text,
        torch.tensor(keep),
        drawn,
    )
