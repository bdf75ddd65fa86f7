"""Start a run from the weights of a checkpoint instead of from nothing."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path

import torch

from llmseg.case import InputError
from llmseg.model.checkpoint import CheckpointConfig, load_checkpoint
from llmseg.model.network import ContourNetwork, NetworkConfig
from llmseg.training.config import TrainConfig

log = logging.getLogger(__name__)

PRETRAIN = "pretrain"
"""The stage of a checkpoint whose images and notes have met, but which has contoured nothing yet."""

_DRAWING = ("structures", "activation", "fusion")
"""What shapes only the decoder, which may start afresh."""


@dataclass(frozen=True, eq=False)
class Checkpoint:
    """A checkpoint to start from.

    Args:
        folder: as it was named.
        weights_hash: sha256 of its weights.
        described: its config.
        weights: its network's state.
    """

    folder: str
    weights_hash: str
    described: CheckpointConfig
    weights: Mapping[str, torch.Tensor]

    @property
    def reads(self) -> bool:
        """Whether its reader was taught."""
        return self.described.network.reads_notes

    @property
    def reading(self) -> dict[str, float]:
        """How well its reader reads notes in wordings never trained on: fact -> accuracy."""
        return dict(self.described.trained.get("reading") or {})

    @property
    def draws(self) -> bool:
        """Whether it has learned to contour, and not only to match images with notes."""
        return self.described.trained.get("stage") != PRETRAIN


def read_start(folder: str | Path, config: TrainConfig) -> Checkpoint:
    """Read a checkpoint to start from.

    Raises:
        InputError: no such checkpoint, or one whose image encoder or reader is built otherwise; names what differs.
    """
    network, described = load_checkpoint(folder)
    theirs, ours = described.network, config.network
    differ = [
        f"network.{f.name} = {getattr(theirs, f.name)} there and {getattr(ours, f.name)} here"
        for f in fields(NetworkConfig)
        if f.name not in _DRAWING and getattr(theirs, f.name) != getattr(ours, f.name)
    ]
    both_read = theirs.reads_notes and ours.reads_notes
    if both_read and described.encoder_fingerprint != config.encoder.fingerprint:
        differ.append(f"the language model is {described.encoder} there and {config.encoder} here")
    if differ:
        raise InputError(f"{folder} does not fit the config: {'; '.join(differ)}. Adapt it, or leave out --init.")
    if described.grid != config.grid:
        there, here = described.grid.spacing_mm, config.grid.spacing_mm
        log.warning("%s was trained on a grid of %s mm; this run has %s mm.", folder, there, here)
    content = (Path(folder) / "model.safetensors").read_bytes()
    return Checkpoint(str(folder), hashlib.sha256(content).hexdigest(), described, network.state_dict())


def provenance_of(start: Checkpoint, taken: Sequence[str]) -> dict[str, object]:
    """Where the weights of a run came from, for its checkpoint to tell."""
    trained = start.described.trained
    said = {key: trained[key] for key in ("stage", "steps", "manifests") if key in trained}
    return {"checkpoint": start.folder, "weights": start.weights_hash, **said, "taken": list(taken)}


def take_weights(network: ContourNetwork, start: Checkpoint) -> list[str]:
    """Give a new network the weights of a checkpoint.

    The image encoder and the reader are always taken; of a checkpoint that contours, also every other part that has
    the same shape here.

    Returns:
        the parts that were taken; the others start afresh.
    """
    ours = network.state_dict()
    parts = dict.fromkeys(name.split(".")[0] for name in ours)
    taken = []
    for part in parts:
        here, there = (
            {name: value for name, value in weights.items() if name.split(".")[0] == part}
            for weights in (ours, start.weights)
        )
        wanted = part in ("encoder", "reader") or start.draws
        if wanted and {n: v.shape for n, v in here.items()} == {n: v.shape for n, v in there.items()}:
            ours |= there
            taken.append(part)
    network.load_state_dict(ours)
    log.info("Taken from %s: %s", start.folder, ", ".join(taken))
    return taken
