"""Load once, open a CT once, segment it with as many notes as you like.

segmenter = Segmenter.load("assets/checkpoints/openkbp")
ct = segmenter.open(read_volume("ct.nii.gz"))
with_note, without = ct.segment(Note("T3N2b carcinoma of the left oropharynx ...")), ct.segment(None)
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from llmseg import __version__
from llmseg.case import InputError, Note, Segmentation, Structures, Volume
from llmseg.model.checkpoint import CheckpointConfig, load_checkpoint
from llmseg.model.network import ContextUNETR
from llmseg.model.tiling import Tile, blend, drop_islands, tiles_of
from llmseg.preprocessing import Placement, forward, inverse, inverse_mask
from llmseg.text.encoder import TextEncoder, TextFeatures

log = logging.getLogger(__name__)

Progress = Callable[[float, str], None]
"""Called with the share done and what is being done; an exception it raises aborts and leaves nothing half done."""

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
        self, network: ContextUNETR, config: CheckpointConfig, encoder: TextEncoder, device: torch.device, name: str
    ):
        self.network = network.to(device, memory_format=torch.channels_last_3d)
        self.config, self.encoder, self.device, self.checkpoint_name = config, encoder, device, name

    @classmethod
    def load(
        cls,
        checkpoint: str | Path = DEFAULT_CHECKPOINT,
        device: str = "auto",
        *,
        encoder: str | None = None,
        allow_encoder_mismatch: bool = False,
        cache: Path | None = None,
    ) -> Segmenter:
        """Load a checkpoint folder; the language model itself loads with the first note that is not cached.

        Args:
            device: "auto", "cpu" or "cuda".
            encoder: read notes with this language model (Hugging Face id or folder) instead of the checkpoint's.
            allow_encoder_mismatch: accept one whose fingerprint is not the checkpoint's; docs/encoders.md has the cost.
            cache: folder of encoded notes; default ~/.cache/llmseg.
        Raises:
            InputError: no such checkpoint, keys that do not match, or another language model than it was trained with.
        """
        chosen = choose_device(device)
        network, config = load_checkpoint(checkpoint)
        spec = replace(config.encoder, model=encoder) if encoder else config.encoder
        reader = TextEncoder(spec, device=str(chosen), cache=cache)
        if config.network.fusion != "none" and reader.fingerprint != config.encoder_fingerprint:
            problem = (
                f"{Path(checkpoint).name} was trained with the language model {config.encoder.model} "
                f"({config.encoder_fingerprint}); this one is {reader.name}"
            )
            if not allow_encoder_mismatch:
                raise InputError(f"{problem}. Use the trained one, or --allow-encoder-mismatch.")
            log.warning("%s. Contours with text will be worse.", problem)
        return cls(network, config, reader, chosen, Path(checkpoint).name)

    @property
    def reads_notes(self) -> bool:
        """False for an image-only network: every note is passed over, and no language model loads."""
        return self.config.network.fusion != "none"

    @property
    def encoder_name(self) -> str:
        return self.encoder.name if self.reads_notes else "no language model, the network is image-only"

    def warm_up(self) -> None:
        """Load the language model ahead of the first note, if this network reads notes."""
        if self.reads_notes:
            self.encoder.warm_up()

    def open(self, volume: Volume, on_progress: Progress | None = None) -> OpenCT:
        """Bring a CT to the network's grid and encode it, tile by tile.

        Raises:
            InputError: a volume that is not a CT of a body in HU.
        """
        tell = on_progress or _quiet
        tell(0.0, "Reading the CT")
        image, placement = forward(volume, self.config.grid)
        field = self.config.network.field
        tiles = tiles_of(image, placement.anchor, field)
        features = []
        for done, tile in enumerate(tiles):
            tell(done / len(tiles), f"Encoding the image ({done + 1} of {len(tiles)})")
            features.append(self._encode(tile.cut(image, field)))
        tell(1.0, "Image encoded")
        return OpenCT(self, volume.affine, placement, tiles, features)

    def encode_note(self, note: Note) -> TextFeatures:
        """Hidden states of the note, from the cache where it was read before.

        Raises:
            InputError: an empty note, or a language model of another width than the network reads.
        """
        text = self.encoder.encode([note.text]).to(self.device)
        if text.tokens.shape[-1] != self.config.network.token_width:
            raise InputError(
                f"{self.encoder.spec.model} has states of width {text.tokens.shape[-1]}; {self.checkpoint_name} reads "
                f"{self.config.network.token_width}. Use {self.config.encoder.model}."
            )
        return text

    @torch.inference_mode()
    def _encode(self, tile: torch.Tensor) -> list[torch.Tensor]:
        tile = tile[None].to(self.device, memory_format=torch.channels_last_3d)
        with self._autocast():
            return self.network.encode_image(tile)

    @torch.inference_mode()
    def _decode(self, features: list[torch.Tensor], text: TextFeatures | None) -> torch.Tensor:
        with self._autocast():
            logits = self.network.decode(features, text)
        return self.network.probabilities(logits)[0].cpu()

    def _autocast(self) -> torch.autocast:
        return torch.autocast(self.device.type, dtype=torch.bfloat16)


class OpenCT:
    """One CT whose image is encoded; every further note costs a decode."""

    def __init__(
        self,
        segmenter: Segmenter,
        affine: np.ndarray,
        placement: Placement,
        tiles: list[Tile],
        features: list[list[torch.Tensor]],
    ):
        self._segmenter, self._affine, self._placement = segmenter, affine, placement
        self._tiles, self._features = tiles, features

    def segment(self, note: Note | None, on_progress: Progress | None = None) -> Segmentation:
        """Contour every structure with this note, or without one (None), on the CT's own voxels.

        Raises:
            InputError: an empty note.
        """
        tell = on_progress or _quiet
        note = note if self._segmenter.reads_notes else None
        names = self._segmenter.config.network.structures
        probabilities = self._probabilities(note, tell)
        masks = {}
        for row, name in enumerate(names):
            tell(0.7 + 0.3 * row / len(names), "Placing contours on the CT")
            masks[name] = inverse_mask(probabilities[row], self._placement)
        tell(1.0, "Done")

        def on_request() -> dict[str, np.ndarray]:
            return dict(zip(names, inverse(probabilities, self._placement), strict=True))

        return Segmentation(Structures(masks, self._affine), self._provenance(note), on_request)

    def _probabilities(self, note: Note | None, tell: Progress) -> torch.Tensor:
        text = None
        if note is not None:
            tell(0.0, "Reading the note")
            text = self._segmenter.encode_note(note)
        drawn = []
        for done, features in enumerate(self._features):
            tell(0.1 + 0.6 * done / len(self._features), "Drawing with the note" if note else "Drawing without a note")
            drawn.append(self._segmenter._decode(features, text))
        joined = blend(drawn, self._tiles, self._placement.size)
        return drop_islands(joined, self._tiles[0].origin, self._segmenter.config.network.field)

    def _provenance(self, note: Note | None) -> dict[str, object]:
        segmenter = self._segmenter
        return {
            "llmseg": __version__,
            "checkpoint": segmenter.checkpoint_name,
            "steps": segmenter.config.trained.get("steps"),
            "condition": "text" if note else "no-text",
            "text_encoder": segmenter.encoder.spec.model if note else None,
            "text_encoder_fingerprint": segmenter.encoder.fingerprint if note else None,
            "note_sha256": hashlib.sha256(note.text.encode()).hexdigest() if note else None,
            "note_cut": segmenter.encoder.cuts(note.text) if note else False,
            "grid_mm": list(segmenter.config.grid.spacing_mm),
            "shape": list(self._placement.shape),
            "affine": self._affine.tolist(),
        }


def _quiet(share: float, what: str) -> None:
    pass
