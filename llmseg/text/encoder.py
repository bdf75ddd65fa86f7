"""A frozen language model behind one call: `encode(notes)`, once per note, cached on disk."""

from __future__ import annotations

import hashlib
import logging
import os
import shutil
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from threading import Lock

import numpy as np
import torch

from llmseg.case import InputError
from llmseg.text.package import GGUF_SHA256, cache_folder, find_gguf

log = logging.getLogger(__name__)

PACKAGED = "SmolLM2-135M-Instruct-Q4_1.gguf"
"""The default: the quantised weights that install from the package index. The hub's own weights are another encoder."""


@dataclass(frozen=True)
class EncoderSpec:
    """Which language model reads, and where it is tapped.

    Args:
        model: PACKAGED, a Hugging Face id ("meta-llama/Llama-2-7b-hf" is the paper's) or a local folder.
        layer: the hidden states after this many blocks are used; 0 means the last, the paper's way.
        revision: branch, tag or commit of a Hugging Face id.
        max_tokens: longer notes are cut here, and said to be.
    """

    model: str = PACKAGED
    layer: int = 16
    revision: str = "main"
    max_tokens: int = 256

    def __post_init__(self):
        if self.layer < 0 or self.max_tokens < 8:
            raise InputError(
                f"Text layer {self.layer} or budget {self.max_tokens} is too small. Use layer >= 0, max_tokens >= 8."
            )


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
        self.fingerprint = _fingerprint(self.spec)
        self.loads = 0
        self._folder = (cache or cache_folder()) / "text" / self.fingerprint
        self._converted = (cache or cache_folder()) / "models"
        self._model = self._tokenizer = None
        self._loading = Lock()

    @property
    def name(self) -> str:
        return f"{self.spec.model}, layer {self.spec.layer or 'last'} ({self.fingerprint})"

    def encode(
        self, notes: Sequence[str], on_progress: Callable[[float], None] | None = None, batch: int = 16
    ) -> TextFeatures:
        """Hidden states of each note's tokens.

        Returns:
            tokens (B, T, D), mask (B, T); T is the longest note's count, at most `max_tokens`.
        Raises:
            InputError: an empty note, a model that cannot be loaded, or a full disk.
        """
        for note in notes:
            if not note.strip():
                raise InputError("The note is empty. Write one, or segment without a note.")
        missing = {note for note in notes if not self._path(note).exists()}
        missing = sorted(missing, key=lambda note: (len(note), note))  # notes of like length share a batch
        for start in range(0, len(missing), batch):
            self._encode_into_cache(missing[start : start + batch])
            if on_progress:
                on_progress(min(start + batch, len(missing)) / len(missing))
        return _pad([torch.from_numpy(np.load(self._path(note)).astype(np.float32)) for note in notes])

    def warm_up(self) -> None:
        """Load the language model now, where nobody waits, and not with the first note that is not cached.

        Raises:
            InputError: it cannot be loaded.
        """
        with self._loading:
            if self._model is None:
                self._load()

    def cuts(self, note: str) -> bool:
        """Whether the note is longer than the token budget, so that its end is not read."""
        return (
            len(np.load(self._path(note), mmap_mode="r")) >= self.spec.max_tokens
            if self._path(note).exists()
            else False
        )

    def _path(self, note: str) -> Path:
        return self._folder / f"{hashlib.sha256(note.encode()).hexdigest()}.npy"

    @torch.inference_mode()
    def _encode_into_cache(self, notes: list[str]) -> None:
        self.warm_up()
        pad = self._tokenizer.pad_token_id or 0
        start = [i for i in (self._tokenizer.bos_token_id, self._tokenizer.cls_token_id) if i is not None][:1] or [pad]
        ids = [self._tokenizer(note, add_special_tokens=False)["input_ids"][: self.spec.max_tokens] for note in notes]
        if not all(ids):
            raise InputError(f"A note has no word that {self.spec.model} knows. Write it in words.")
        longest = 1 + max(map(len, ids))
        rows = torch.tensor([start + row + [pad] * (longest - 1 - len(row)) for row in ids], device=self.device)
        mask = torch.tensor([[1] * (1 + len(row)) + [0] * (longest - 1 - len(row)) for row in ids], device=self.device)
        states = self._model(input_ids=rows, attention_mask=mask, output_hidden_states=True).hidden_states
        tapped = states[self.spec.layer or -1].float().cpu()
        for note, row, tokens in zip(notes, tapped, ids, strict=True):
            # Position 0 is the start token, the attention sink. Half precision on both ways, so that a cached note
            # and a fresh one give the same contour.
            _save_array(self._path(note), row[1 : 1 + len(tokens)].numpy().astype(np.float16))

    def _load(self) -> None:
        log.info("Loading the language model %s", self.spec.model)
        self.loads += 1
        self._model, self._tokenizer = _load_model(self.spec, self._converted)
        self._model.to(self.device).eval().requires_grad_(False)


def _fingerprint(spec: EncoderSpec) -> str:
    if spec.model == PACKAGED:
        weights = GGUF_SHA256
    elif Path(spec.model).is_dir():
        weights = _hash_folder(Path(spec.model))
    else:
        weights = f"{spec.model}@{spec.revision}"
    described = f"{weights}|layer {spec.layer}|{spec.max_tokens} tokens|no sink|float16"
    return hashlib.sha256(described.encode()).hexdigest()[:16]


def _hash_folder(folder: Path) -> str:
    files = sorted(p for p in folder.iterdir() if p.suffix in {".safetensors", ".bin", ".json", ".model"})
    if not files:
        raise InputError(f"{folder} holds no model files. Point to a folder saved with save_pretrained.")
    digest = hashlib.sha256()
    for path in files:
        digest.update(path.name.encode())
        with path.open("rb") as handle:
            while block := handle.read(1 << 20):
                digest.update(block)
    return digest.hexdigest()


def _load_model(spec: EncoderSpec, converted: Path) -> tuple[torch.nn.Module, object]:
    from safetensors import SafetensorError
    from transformers import AutoConfig, AutoModel, AutoTokenizer
    from transformers.utils import logging as transformers_logging

    transformers_logging.disable_progress_bar()
    transformers_logging.set_verbosity_error()  # the layers above the tapped one are left out on purpose
    source = str(converted_package(converted)) if spec.model == PACKAGED else spec.model
    try:
        config = AutoConfig.from_pretrained(source, revision=spec.revision)
        if config.is_encoder_decoder:
            raise InputError(f"{spec.model} is an encoder-decoder. Choose a model like BERT or LLaMA.")
        depth = config.num_hidden_layers
        if spec.layer > depth:
            raise InputError(f"{spec.model} has {depth} layers; layer {spec.layer} was asked for. Choose 0 to {depth}.")
        config.num_hidden_layers = spec.layer or depth
        model = AutoModel.from_pretrained(source, config=config, revision=spec.revision, dtype=torch.float32)
        tokenizer = AutoTokenizer.from_pretrained(source, revision=spec.revision)
    except InputError:
        raise
    except (OSError, ValueError, SafetensorError) as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise InputError(
            f"The language model {spec.model} cannot be loaded ({reason}). Check the id, the network and, "
            "for a gated model, your access token; or use the default."
        ) from error
    if 0 < spec.layer < depth and hasattr(model, "norm"):
        # The closing norm belongs to the last layer; a tapped middle layer is read as the next block would read it.
        model.norm = torch.nn.Identity()
    return model, tokenizer


def converted_package(models: Path | None = None) -> Path:
    """Dequantise the packaged GGUF one time; later starts load plain float16 weights in about a second."""
    models = models or cache_folder() / "models"
    folder = models / f"smollm2-{GGUF_SHA256[:16]}"
    if folder.exists():
        return folder
    from transformers import AutoModel, AutoTokenizer, LlamaConfig, LlamaModel

    gguf = find_gguf()
    log.info("Converting %s (once)", gguf.name)
    models.mkdir(parents=True, exist_ok=True)
    scratch = Path(tempfile.mkdtemp(dir=models, prefix=".converting-"))
    try:
        quantised = AutoModel.from_pretrained(gguf.parent, gguf_file=gguf.name, dtype=torch.float32)
        # transformers refuses to save a model that came from a GGUF, so its weights move to a plain twin.
        config = LlamaConfig(**{k: v for k, v in quantised.config.to_dict().items() if k != "quantization_config"})
        plain = LlamaModel(config)
        plain.load_state_dict(quantised.state_dict())
        plain.to(torch.float16).save_pretrained(scratch)
        AutoTokenizer.from_pretrained(gguf.parent, gguf_file=gguf.name).save_pretrained(scratch)
        if not folder.exists():
            os.replace(scratch, folder)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    return folder


def _pad(rows: list[torch.Tensor]) -> TextFeatures:
    tokens = torch.nn.utils.rnn.pad_sequence(rows, batch_first=True)
    lengths = torch.tensor([len(row) for row in rows])
    return TextFeatures(tokens, torch.arange(tokens.shape[1])[None] < lengths[:, None])


def _save_array(path: Path, array: np.ndarray) -> None:
    temporary = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(dir=path.parent, suffix=".npy")
        with os.fdopen(handle, "wb") as file:
            np.save(file, array)
        os.replace(temporary, path)
    except OSError as error:
        raise InputError(
            f"Notes cannot be kept in {path.parent} ({error.strerror}). Free some space or set LLMSEG_CACHE."
        ) from error
    finally:
        if temporary:
            Path(temporary).unlink(missing_ok=True)
