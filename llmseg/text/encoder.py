"""A frozen language model behind one call: `encode(notes)`, once per note, cached on disk."""

from __future__ import annotations

import hashlib
import logging
import os
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from threading import Lock

import numpy as np
import torch

from llmseg.case import InputError
from llmseg.text.languagemodel import (
    PACKAGED,
    EncoderSpec,
    Vocabulary,
    write_random_twin,
)
from llmseg.text.languagemodel import (
    load_model as _load_model,
)
from llmseg.text.onehot import ONE_HOT, OneHotEncoder
from llmseg.text.package import cache_folder, converted_package
from llmseg.text.template import estimate_tokens

__all__ = ["PACKAGED", "EncoderSpec", "TextEncoder", "TextFeatures", "converted_package", "write_random_twin"]

log = logging.getLogger(__name__)

_LARGEST = float(np.finfo(np.float16).max)


@dataclass(frozen=True, eq=False)
class TextFeatures:
    """Hidden states of notes.

    Args:
        tokens: (B, T, D) float32, zero where padded.
        mask: (B, T) bool, true on real tokens.
    """

    tokens: torch.Tensor
    mask: torch.Tensor

    def to(self, device: torch.device | str) -> TextFeatures:
        return TextFeatures(self.tokens.to(device), self.mask.to(device))

    def __getitem__(self, rows: Sequence[int] | slice) -> TextFeatures:
        return TextFeatures(self.tokens[rows], self.mask[rows])


class TextEncoder:
    """Reads notes with a frozen language model; the model loads only for a note not seen before.

    Source: LLMSeg III.A and III.B. Departures: a middle layer instead of the last, tokens instead of their mean, and
    the first position, an attention sink that says nothing of the note, is left out.
    """

    def __init__(self, spec: EncoderSpec | None = None, *, device: str = "cpu", cache: Path | None = None):
        self.spec = spec or EncoderSpec()
        self.device = device
        self.fingerprint = self.spec.fingerprint
        self.loads = 0
        self.folder = (cache or cache_folder()) / "text" / self.fingerprint
        self._converted = (cache or cache_folder()) / "models"
        self._model = self._vocabulary = OneHotEncoder(self.spec.max_tokens) if self.spec.model == ONE_HOT else None
        self._loading = Lock()

    @property
    def name(self) -> str:
        return f"{self.spec} ({self.fingerprint})"

    @property
    def budget(self) -> int:
        """How many tokens of a note are read: `max_tokens`, or fewer where the model holds fewer. Loads no model."""
        return self._words().budget

    def tokens_in(self, note: str) -> int:
        """The number of a note's tokens, cut or not. Loads the tokenizer, but no model."""
        return len(self._words().ids(note))

    def count(self, prompt: str) -> int:
        """A prompt's tokens, to fit it to `max_tokens`: a cautious estimate where it suffices, which loads nothing."""
        at_most = estimate_tokens(prompt)
        return at_most if at_most <= self.spec.max_tokens else self.tokens_in(prompt)

    def cuts(self, note: str) -> bool:
        """Whether a note that was read is longer than the budget, so that its end was not."""
        return self._path(note, ".cut").exists()

    def encode(
        self, notes: Sequence[str], on_progress: Callable[[float], None] | None = None, batch: int = 16
    ) -> TextFeatures:
        """Hidden states of each note's tokens.

        Returns:
            tokens (B, T, D), mask (B, T); T is the longest note's count, at most `budget`.
        Raises:
            InputError: an empty note, a model that cannot be loaded, or a full disk.
        """
        for note in notes:
            if not note.strip():
                raise InputError("The note is empty. Write one, or segment without a note.")
        if isinstance(self._model, OneHotEncoder):
            return TextFeatures(self._model(notes), torch.ones(len(notes), 1, dtype=torch.bool))
        missing = {note for note in notes if not self._path(note).exists()}
        ids = {note: self._words().ids(note) for note in missing}
        if not all(ids.values()):
            raise InputError(f"A note has no word that {self.spec.model} knows. Write it in words.")
        missing = sorted(missing, key=lambda note: (len(ids[note]), note))  # notes of like length share a batch
        for start in range(0, len(missing), batch):
            self._encode_into_cache({note: ids[note] for note in missing[start : start + batch]})
            if on_progress:
                on_progress(min(start + batch, len(missing)) / len(missing))
        return _pad([torch.from_numpy(np.load(self._path(note)).astype(np.float32)) for note in notes])

    def warm_up(self) -> None:
        """Load the language model now, where nobody waits, and not with the first note that is not cached.

        Raises:
            InputError: it cannot be loaded.
        """
        self._words()
        with self._loading:
            if self._model is None:
                self._load()

    def _load(self) -> None:
        log.info("Loading the language model %s", self.spec)
        self.loads += 1
        self._model = _load_model(self.spec, self._converted, self.device).eval().requires_grad_(False)

    def _words(self) -> Vocabulary:
        with self._loading:
            if self._vocabulary is None:
                self._vocabulary = Vocabulary(self.spec, self._converted)
            return self._vocabulary

    def _path(self, note: str, suffix: str = ".npy") -> Path:
        return self.folder / f"{hashlib.sha256(note.encode()).hexdigest()}{suffix}"

    @torch.inference_mode()
    def _encode_into_cache(self, notes: dict[str, list[int]]) -> None:
        self.warm_up()
        words = self._words()
        rows = [torch.tensor([words.start, *ids[: words.budget]]) for ids in notes.values()]
        mask = torch.nn.utils.rnn.pad_sequence([torch.ones_like(row) for row in rows], batch_first=True)
        padded = torch.nn.utils.rnn.pad_sequence(rows, batch_first=True, padding_value=words.pad)
        tapped = self._model(padded.to(self.device), mask.to(self.device)).float().cpu()
        for (note, ids), row, states in zip(notes.items(), rows, tapped, strict=True):
            # Position 0 is the start token, the attention sink. Half precision on both ways, so that a cached note
            # and a fresh one give the same contour.
            kept = states[1 : len(row)].clamp(-_LARGEST, _LARGEST).numpy().astype(np.float16)
            if not np.isfinite(kept).all():
                raise InputError(f"{self.spec} runs over its numbers. Choose the precision bf16 or fp32.")
            _save(self._path(note), kept, cut=self._path(note, ".cut") if len(ids) > words.budget else None)


def _pad(rows: list[torch.Tensor]) -> TextFeatures:
    tokens = torch.nn.utils.rnn.pad_sequence(rows, batch_first=True)
    lengths = torch.tensor([len(row) for row in rows])
    return TextFeatures(tokens, torch.arange(tokens.shape[1])[None] < lengths[:, None])


def _save(path: Path, array: np.ndarray, cut: Path | None) -> None:
    temporary = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(dir=path.parent, suffix=".npy")
        with os.fdopen(handle, "wb") as file:
            np.save(file, array)
        if cut:
            cut.touch()  # ahead of the states, so that no reader finds those without it
        os.replace(temporary, path)
    except OSError as error:
        raise InputError(
            f"Notes cannot be kept in {path.parent} ({error.strerror}). Free some space or set LLMSEG_CACHE."
        ) from error
    finally:
        if temporary:
            Path(temporary).unlink(missing_ok=True)
