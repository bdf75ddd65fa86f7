"""Start a run from the weights of checkpoints instead of from nothing."""

from __future__ import annotations

import hashlib
import logging
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
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

_NESTED = ("field", "channels")
"""What differs between a network and the one inside it, which sees the same field on coarser voxels."""


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
    finer = finer_levels(ours, theirs)
    may_differ = _DRAWING + _NESTED * bool(finer)
    differ = [
        f"network.{f.name} = {getattr(theirs, f.name)} there and {getattr(ours, f.name)} here"
        for f in fields(NetworkConfig)
        if f.name not in may_differ and getattr(theirs, f.name) != getattr(ours, f.name)
    ]
    both_read = theirs.reads_notes and ours.reads_notes
    if both_read and described.encoder_fingerprint != config.encoder.fingerprint:
        differ.append(f"the language model is {described.encoder} there and {config.encoder} here")
    if differ:
        raise InputError(f"{folder} does not fit the config: {'; '.join(differ)}. Adapt it, or leave out --init.")
    there, here = described.grid, config.grid
    inner_mm = tuple(mm * 2.0**finer for mm in here.spacing_mm)
    if there.spacing_mm != inner_mm or replace(there, spacing_mm=here.spacing_mm) != here:
        log.warning("%s was trained on a grid of %s mm; here it gets one of %s mm.", folder, there.spacing_mm, inner_mm)
    content = (Path(folder) / "model.safetensors").read_bytes()
    return Checkpoint(str(folder), hashlib.sha256(content).hexdigest(), described, network.state_dict())


def finer_levels(ours: NetworkConfig, theirs: NetworkConfig) -> int:
    """How many levels finer than all of theirs our network has, where theirs is the inner part of it.

    Negative where ours is the inner part of theirs; 0 where neither is, or both are as deep.
    """
    shared = min(len(ours.channels), len(theirs.channels))
    same_levels = ours.channels[-shared:] == theirs.channels[-shared:]
    same_field = [edge // ours.patch for edge in ours.field] == [edge // theirs.patch for edge in theirs.field]
    convolves = all((c.architecture, c.encoder) == ("context-unetr", "conv") for c in (ours, theirs))
    return len(ours.channels) - len(theirs.channels) if same_levels and same_field and convolves else 0


def take_all(network: ContourNetwork, starts: Sequence[Checkpoint]) -> dict[str, object]:
    """Give a new network the weights of checkpoints, a later one's over an earlier one's.

    Returns:
        where they came from, for its own checkpoint to tell: of the last one, and under "over" of those before it.
    """
    told: dict[str, object] = {}
    for start in starts:
        trained = start.described.trained
        said = {key: trained[key] for key in ("stage", "steps", "manifests") if key in trained}
        taken = take_weights(network, start)
        over = {"over": told} if told else {}
        told = {"checkpoint": start.folder, "weights": start.weights_hash, **said, "taken": taken, **over}
    return told


def take_weights(network: ContourNetwork, start: Checkpoint) -> list[str]:
    """Give a new network the weights of a checkpoint.

    The image encoder and the reader are always taken; of a checkpoint that contours, also every other part that has
    the same shape here, so that a decoder without a way in for notes keeps all but that of one with. Of a network that
    is the inner part of this one, or the other way round, what both have.

    Returns:
        the parts that were taken, one name for a whole that was; the others stay as they were.
    """
    finer = finer_levels(network.config, start.described.network)
    theirs = _shared_levels(start.weights, finer) if finer else start.weights
    ours, taken = network.state_dict(), []
    parts = list(dict.fromkeys(map(_part_of, ours)))
    for part in parts:
        here, there = (
            {name: value for name, value in weights.items() if _part_of(name) == part} for weights in (ours, theirs)
        )
        wanted = _whole_of(part) in ("encoder", "reader") or start.draws
        if wanted and {n: v.shape for n, v in here.items()} == {n: v.shape for n, v in there.items()}:
            ours |= there
            taken.append(part)
    network.load_state_dict(ours)
    left = {_whole_of(part) for part in parts if part not in taken}
    told = list(dict.fromkeys(part if _whole_of(part) in left else _whole_of(part) for part in taken))
    log.info("Taken from %s: %s", start.folder, ", ".join(told))
    return told


def _shared_levels(weights: Mapping[str, torch.Tensor], finer: int) -> dict[str, torch.Tensor]:
    """What a network of so many finer levels shares with one of these weights, under the names it has there.

    Stages of the encoder count from the finest, levels of the decoder from the coarsest. What looks at the image and
    what draws belong to the finest level that each has.
    """
    shared = {}
    for name, value in weights.items():
        if stage := re.match(r"encoder\.stages\.(\d+)", name):
            number = int(stage[1]) + finer
            if number > max(0, finer):
                shared[f"encoder.stages.{number}{name[stage.end() :]}"] = value
        elif _whole_of(name) != "head":
            shared[name] = value
    return shared


def _whole_of(name: str) -> str:
    return name.split(".")[0]


def _part_of(name: str) -> str:
    """The part of a weight: "head", a level of the encoder, or what a level of the decoder does ("levels.0.gate")."""
    return ".".join(name.split(".")[: 3 if _whole_of(name) in ("encoder", "levels") else 1])
