"""Load once, open a CT once, segment it with as many notes as you like.

segmenter = Segmenter.load("assets/checkpoints/openkbp")
ct = segmenter.open(read_volume("ct.nii.gz"))
with_note, without = ct.segment(Note("T3N2b carcinoma of the left oropharynx ...")), ct.segment(None)
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import Literal

import numpy as np
import torch

from llmseg import __version__
from llmseg.case import CT, InputError, Likelihood, Note, Segmentation, Structures, Volume
from llmseg.memory import reuse_freed_memory
from llmseg.metrics import dice
from llmseg.model.checkpoint import CheckpointConfig, load_checkpoint
from llmseg.model.network import ContourNetwork
from llmseg.model.precision import autocast
from llmseg.model.refinement import Box, Refinement, View
from llmseg.model.tiling import Tile, blend, overlap, tiles_of
from llmseg.preprocessing import Placement, affine_on_grid, forward, inverse, inverse_mask
from llmseg.text.encoder import TextEncoder, TextFeatures
from llmseg.text.note import NoteReading, read_note
from llmseg.text.template import AS_WRITTEN, DEFAULT_TEMPLATE, read_template

log = logging.getLogger(__name__)

Progress = Callable[[float, str], None]
"""Called with the share done and what is being done; an exception it raises aborts and leaves nothing half done."""

DECODE_BATCH = 4
"""Notes decoded at once, fewer where each is drawn in several views: more saves little and costs memory for each."""

DEFAULT_CHECKPOINT = Path(__file__).parents[1] / "assets" / "checkpoints" / "openkbp"


def choose_device(device: str) -> torch.device:
    """ "auto" takes CUDA where there is one.

    Raises:
        InputError: "cuda" where there is none, or another word.
    """
    if device not in ("auto", "cpu", "cuda"):
        raise InputError(f"Device {device!r} is not one of auto, cpu, cuda.")
    if device == "cuda" and not torch.cuda.is_available():
        raise InputError("Device cuda was asked for, but torch sees no GPU. Use --device cpu or auto.")
    return torch.device("cuda" if device != "cpu" and torch.cuda.is_available() else "cpu")


class Segmenter:
    """A checkpoint and its language model, shared by all who use them; holds nothing of any patient."""

    def __init__(
        self,
        network: ContourNetwork,
        config: CheckpointConfig,
        encoder: TextEncoder,
        device: torch.device,
        name: str,
        template: str = DEFAULT_TEMPLATE,
        refinement: Refinement | None = None,
    ):
        self.network = network.to(device, memory_format=torch.channels_last_3d)
        self.config, self.encoder, self.device, self.checkpoint_name = config, encoder, device, name
        self.template = template
        self.refinement = config.refinement if refinement is None else refinement

    @classmethod
    def load(
        cls,
        checkpoint: str | Path = DEFAULT_CHECKPOINT,
        device: str = "auto",
        *,
        encoder: str | None = None,
        allow_encoder_mismatch: bool = False,
        template: str = DEFAULT_TEMPLATE,
        refinement: Refinement | Literal[False] | None = None,
        one_view: bool = False,
        cache: Path | None = None,
    ) -> Segmenter:
        """Load a checkpoint folder; the language model itself loads with the first note that is not cached.

        Args:
            device: "auto", "cpu" or "cuda".
            encoder: read notes with this language model (Hugging Face id or folder) instead of the checkpoint's.
            allow_encoder_mismatch: accept one whose fingerprint is not the checkpoint's; docs/encoders.md has the cost.
            template: how a prompt is made of a note: a packaged template, a path to your own, or "as-written".
            refinement: instead of the checkpoint's; False draws as the bare network does.
            one_view: leave out further views (the mirrored CT) that the refinement asks for; takes half the time.
            cache: folder of encoded notes; default ~/.cache/llmseg.
        Raises:
            InputError: no such checkpoint or template, keys that do not match, another language model than it was
                trained with, or one that was only pretrained.
        """
        chosen = choose_device(device)
        if chosen.type == "cpu":
            reuse_freed_memory()
        if template != AS_WRITTEN:
            read_template(template)
        network, config = load_checkpoint(checkpoint)
        if config.trained.get("stage") == "pretrain":
            raise InputError(f"{checkpoint} was only pretrained and contours nothing yet. Train it first, with --init.")
        refinement = config.refinement if refinement is None else refinement or Refinement()
        spec = replace(config.encoder, model=encoder, revision="main", adapter="") if encoder else config.encoder
        reader = TextEncoder(spec, device=str(chosen), cache=cache)
        if config.network.reads_notes and reader.fingerprint != config.encoder_fingerprint:
            problem = (
                f"{Path(checkpoint).name} was trained with the language model {config.encoder.model} "
                f"({config.encoder_fingerprint}); this one is {reader.name}"
            )
            if not allow_encoder_mismatch:
                raise InputError(f"{problem}. Use the trained one, or --allow-encoder-mismatch.")
            log.warning("%s. Contours with text will be worse.", problem)
        refinement = refinement.one_view() if one_view else refinement
        return cls(network, config, reader, chosen, Path(checkpoint).name, template, refinement)

    @property
    def reads_notes(self) -> bool:
        """False for an image-only network: every note is passed over, and no language model loads."""
        return self.config.network.reads_notes

    @property
    def encoder_name(self) -> str:
        return self.encoder.name if self.reads_notes else "no language model, the network is image-only"

    def warm_up(self) -> None:
        """Load the language model ahead of the first note, if this network reads notes."""
        if self.reads_notes:
            self.encoder.warm_up()

    @property
    def modalities(self) -> tuple[str, ...]:
        """The images this network looks at, "ct" first."""
        return self.config.network.modalities

    def open(
        self,
        volume: Volume,
        on_progress: Progress | None = None,
        *,
        others: Mapping[str, Volume] = MappingProxyType({}),
    ) -> OpenCT:
        """Bring a CT to the network's grid and encode it, view by view and tile by tile.

        Args:
            others: the images beside the CT by modality, as `Case.others` gives them; registered to it, on any grid.
        Raises:
            InputError: a volume that is not a CT of a body in HU, or other images than this network looks at.
        """
        tell = on_progress or _quiet
        tell(0.0, "Reading the CT")
        image, placement = forward(volume, self.config.grid, self._beside(others))
        field = self.config.network.field
        views = self.refinement.views
        tiles = [tiles_of(image, view.anchor(placement.anchor), field) for view in views]
        total, done, seen = sum(map(len, tiles)), 0, []
        for view, own in zip(views, tiles, strict=True):
            features = []
            for tile in own:
                tell(done / total, f"Encoding the image ({done + 1} of {total})")
                features.append(self._encode(view.shown(tile.cut(image, field))))
                done += 1
            seen.append(_Seen(view, own, features))
        tell(1.0, "Image encoded")
        return OpenCT(self, volume.affine, placement, seen)

    def _beside(self, others: Mapping[str, Volume]) -> dict[str, Volume]:
        """The images beside the CT in the order of the network's channels."""
        beside = [modality for modality in self.modalities if modality != CT]
        for modality in beside:
            if modality not in others:
                raise InputError(
                    f'{self.checkpoint_name} looks at an image "{modality}" beside the CT, and there is none. '
                    f"Pass it: --image {modality}=FILE, or others={{...}}."
                )
        for modality in others:
            if modality not in beside:
                raise InputError(f'{self.checkpoint_name} does not look at an image "{modality}". Leave it out.')
        return {modality: others[modality] for modality in beside}

    def read(self, note: Note, *, template: str | None = None, kept: Collection[str] = ()) -> NoteReading:
        """De-identify a note, find its facts and write the prompt that the language model will read.

        Args:
            template: instead of the segmenter's own.
            kept: keys of redactions that the user took back; see `read_note`.
        Raises:
            InputError: an empty note, or one that is no text.
        """
        budget, count = self.encoder.spec.max_tokens, self.encoder.count
        return read_note(note.text, template=template or self.template, kept=kept, budget=budget, count_tokens=count)

    def encode_prompts(self, prompts: Sequence[str]) -> TextFeatures:
        """Hidden states of prompts, from the cache where they were read before.

        Raises:
            InputError: a language model of another width than the network reads.
        """
        text = self.encoder.encode(prompts).to(self.device)
        if text.tokens.shape[-1] != self.config.network.token_width:
            raise InputError(
                f"{self.encoder.spec.model} has states of width {text.tokens.shape[-1]}; {self.checkpoint_name} reads "
                f"{self.config.network.token_width}. Use {self.config.encoder.model}."
            )
        return text

    def provenance(self, reading: NoteReading | None, shape: Sequence[int], affine: np.ndarray) -> dict[str, object]:
        """What is said of contours that this segmenter draws with a note, or without one, on a CT of this grid."""
        prompt = reading.prompt if reading else ""
        read = bool(prompt)
        return {
            "llmseg": __version__,
            "checkpoint": self.checkpoint_name,
            "steps": self.config.trained.get("steps"),
            "condition": "text" if read else "no-text",
            "text_encoder": self.encoder.spec.model if read else None,
            "text_encoder_fingerprint": self.encoder.fingerprint if read else None,
            "modalities": list(self.modalities),
            "note_sha256": _sha256(reading.text) if reading else None,
            "template": reading.template if reading else None,
            "prompt_sha256": _sha256(prompt) if read else None,
            "prompt_dropped": list(reading.dropped) if reading else [],
            "note_cut": self.encoder.cuts(prompt) if read else False,
            "grid_mm": list(self.config.grid.spacing_mm),
            "refinement": self.refinement.to_json(),
            "shape": list(shape),
            "affine": affine.tolist(),
        }

    @torch.inference_mode()
    def _encode(self, tile: torch.Tensor) -> list[torch.Tensor]:
        tile = tile[None].to(self.device, memory_format=torch.channels_last_3d)
        with self._autocast():
            return self.network.encode_image(tile)

    @torch.inference_mode()
    def _decode(self, features: list[torch.Tensor], text: TextFeatures | None) -> torch.Tensor:
        with self._autocast():
            logits = self.network.decode(features, text)
        return self.network.probabilities(logits).cpu()

    def _autocast(self) -> torch.autocast:
        return autocast(self.device, self.config.network)


@dataclass(frozen=True, eq=False)
class _Seen:
    """What the network saw of a CT in one view: its tiles, and the features of each."""

    view: View
    tiles: list[Tile]
    features: list[list[torch.Tensor]]


class OpenCT:
    """One CT whose image is encoded; every further note costs a decode.

    Args:
        placement: where the network's grid lies in the CT.
    """

    def __init__(self, segmenter: Segmenter, affine: np.ndarray, placement: Placement, seen: list[_Seen]):
        self.placement = placement
        self._segmenter, self._affine, self._seen = segmenter, affine, seen

    @property
    def core(self) -> Box:
        """The part of the network's grid that the anchor's tile covers."""
        field = self._segmenter.config.network.field
        return overlap(self._seen[0].tiles[0].origin, field, self.placement.size)[0]

    def read(self, note: Note, **options: object) -> NoteReading:
        """What the segmenter makes of a note; see `Segmenter.read`."""
        return self._segmenter.read(note, **options)

    def segment(self, note: Note | NoteReading | None, on_progress: Progress | None = None) -> Segmentation:
        """Contour every structure with this note, or without one (None), on the CT's own voxels.

        A note that states nothing the template asks for is passed over, and the provenance says so ("no-text").

        Args:
            note: a note, or what `Segmenter.read` made of one.
        Raises:
            InputError: an empty note.
        """
        [drawn] = self.segment_each([note], on_progress)
        return drawn

    def segment_each(
        self, notes: Sequence[Note | NoteReading | None], on_progress: Progress | None = None
    ) -> Iterator[Segmentation]:
        """Contour with each of several notes: decoded in batches, placed on the CT one by one as they are asked for.

        Raises:
            InputError: an empty note.
        """
        tell = on_progress or _quiet
        tell(0.0, "Reading the note" if any(notes) else "Drawing without a note")
        readings = self._read_each(notes)
        share, size = 1 / len(readings), max(1, DECODE_BATCH // len(self._seen))
        for start in range(0, len(readings), size):
            batch = readings[start : start + size]

            def tell_batch(done: float, what: str, first: int = start, size: int = len(batch)) -> None:
                tell((first + done * size) * share, what)

            for done, (reading, views) in enumerate(zip(batch, self._decoded(batch, tell_batch), strict=True)):
                tell_batch(0.7 + 0.3 * done / len(batch), "Placing contours on the CT")
                probabilities = self._refined(views)
                yield Segmentation(
                    self._placed(probabilities),
                    self._segmenter.provenance(reading, self.placement.shape, self._affine),
                    partial(self._on_input_grid, probabilities),
                    self._agreement(views, probabilities),
                    partial(self._likelihood, probabilities),
                )
        tell(1.0, "Done")

    def draw(self, notes: Sequence[Note | NoteReading | None]) -> list[list[torch.Tensor]]:
        """What the network itself gives on its grid, for each note in each view; nothing is refined yet.

        Returns:
            (K, X, Y, Z) probabilities, of the views in the order of `Refinement.views`.
        """
        return self._decoded(self._read_each(notes), _quiet)

    def _read_each(self, notes: Sequence[Note | NoteReading | None]) -> list[NoteReading | None]:
        segmenter = self._segmenter
        readings = [segmenter.read(note) if isinstance(note, Note) else note for note in notes]
        return [reading if segmenter.reads_notes else None for reading in readings]

    def _decoded(self, readings: Sequence[NoteReading | None], tell: Progress) -> list[list[torch.Tensor]]:
        """(K, X, Y, Z) on the network's grid for each reading in each view; what asks for nothing draws without."""
        prompts = [reading.prompt if reading else "" for reading in readings]
        total, done = sum(len(seen.tiles) for seen in self._seen), 0
        drawn: list[list[torch.Tensor]] = [[] for _ in prompts]
        for seen in self._seen:
            told = [seen.view.told(prompt) for prompt in prompts]
            text = self._segmenter.encode_prompts([prompt for prompt in told if prompt]) if any(told) else None
            tiles: list[list[torch.Tensor]] = [[] for _ in prompts]
            for features in seen.features:
                tell(0.1 + 0.6 * done / total, "Drawing with the note" if text else "Drawing without a note")
                for row, part in enumerate(self._decoded_tile(seen.view, features, told, text)):
                    tiles[row].append(part)
                done += 1
            for row, own in enumerate(tiles):
                drawn[row].append(blend(own, seen.tiles, self.placement.size))
        return drawn

    def _decoded_tile(
        self, view: View, features: list[torch.Tensor], prompts: Sequence[str], text: TextFeatures | None
    ) -> Iterator[torch.Tensor]:
        """(K, *field) for each prompt, the right way round; `text` holds those that are not empty, in order."""
        segmenter, names = self._segmenter, self._segmenter.config.network.structures
        noted = iter(view.turned_back(segmenter._decode(features, text), names) if text else ())
        plain = None if all(prompts) else view.turned_back(segmenter._decode(features, None), names)[0]
        for prompt in prompts:
            yield next(noted) if prompt else plain

    def _refined(self, views: Sequence[torch.Tensor]) -> np.ndarray:
        """(K, X, Y, Z) mean of the views, refined structure by structure."""
        segmenter, core = self._segmenter, self.core
        mean = sum(views[1:], start=views[0]) / len(views)
        spacing_mm, names = segmenter.config.grid.spacing_mm, segmenter.config.network.structures
        refine = segmenter.refinement.refine
        return np.stack([refine(n, p, spacing_mm, core) for n, p in zip(names, mean.numpy(), strict=True)])

    def _agreement(self, views: Sequence[torch.Tensor], probabilities: np.ndarray) -> dict[str, float]:
        """How well the views agree with what is drawn: mean DSC of each structure; NaN where none draws it."""
        if len(views) == 1:
            return {}
        refinement, agreement = self._segmenter.refinement, {}
        for row, name in enumerate(self._segmenter.config.network.structures):
            threshold = refinement.threshold(name)
            contour = probabilities[row] >= threshold
            scores = [dice(contour, view[row].numpy() >= threshold) for view in views]
            agreement[name] = float(np.nanmean(scores)) if not np.isnan(scores).all() else float("nan")
        return agreement

    def _placed(self, probabilities: np.ndarray) -> Structures:
        threshold, names = self._segmenter.refinement.threshold, self._segmenter.config.network.structures
        masks = {n: inverse_mask(p, self.placement, threshold(n)) for n, p in zip(names, probabilities, strict=True)}
        return Structures(masks, self._affine)

    def _on_input_grid(self, probabilities: np.ndarray) -> dict[str, np.ndarray]:
        calibrated, names = self._segmenter.refinement.calibrated, self._segmenter.config.network.structures
        return {n: calibrated(n, p) for n, p in zip(names, inverse(probabilities, self.placement), strict=True)}

    def _likelihood(self, probabilities: np.ndarray, name: str) -> Likelihood:
        refinement, row = self._segmenter.refinement, self._segmenter.config.network.structures.index(name)
        at_contour = refinement.calibrated(name, np.array([refinement.threshold(name)]))[0]
        values = refinement.calibrated(name, probabilities[row])
        return Likelihood(values, affine_on_grid(self.placement), float(at_contour))


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _quiet(share: float, what: str) -> None:
    pass
