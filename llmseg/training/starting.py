"""Start a run from the weights of a checkpoint instead of from nothing."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path

import torch

from llmseg.case import InputError
from llmseg.model.checkpoint import CheckpointConfig, load_checkpoint
from llmseg.model.network import NetworkConfig
from llmseg.training.config import TrainConfig

log = logging.getLogger(__name__)

_DRAWING = ("structures", "activation", "fusion")
"""What shapes only the decoder, which may start afresh."""


@dataclass(frozen=True, eq=False)
class Start:
    """The weights of a checkpoint that a run starts from.

    Args:
        source: its folder as it was named, and `weights_hash`, sha256 of its weights.
        described: its config.
        weights: its network's state.
    """

    source: str
    weights_hash: str
    described: CheckpointConfig
    weights: Mapping[str, torch.Tensor]

    @property
    def pretrained(self) -> bool:
        """Whether it has aligned images with notes, but contoured nothing yet."""
        return self.described.trained.get("stage") == "pretrain"

    @property
    def reads(self) -> bool:
        """Whether its reader was taught."""
        return self.described.network.fusion != "none"

    @property
    def reading(self) -> dict[str, float]:
        """How well its reader read notes in wordings never trained on."""
        return dict(self.described.trained.get("reading") or {})


def read_start(checkpoint: str | Path, config: TrainConfig) -> Start:
    """Read a checkpoint to start from.

    Raises:
        InputError: no such checkpoint, or one whose image encoder or reader is built otherwise; names what differs.
    """
    network, described = load_checkpoint(checkpoint)
    theirs, ours = described.network, config.network
    differ = [
        f"network.{f.name} = {getattr(theirs, f.name)} there and {getattr(ours, f.name)} here"
        for f in fields(NetworkConfig)
        if f.name not in _DRAWING and getattr(theirs, f.name) != getattr(ours, f.name)
    ]
    if (
        ours.fusion != "none"
        and theirs.fusion != "none"
        and described.encoder_fingerprint != config.encoder.fingerprint
    ):
        differ.append(f"the language model is {described.encoder} there and {config.encoder} here")
    if differ:
        raise InputError(
            f"{checkpoint} does not fit the config: {'; '.join(differ)}. Adapt the config, or leave it out."
        )
    if described.grid != config.grid:
        log.warning(
            "%s was trained on a grid of %s mm, this run is on %s mm.",
            checkpoint,
            described.grid.spacing_mm,
            config.grid.spacing_mm,
        )
    content = (Path(checkpoint) / "model.safetensors").read_bytes()
    return Start(str(checkpoint), hashlib.sha256(content).hexdigest(), described, network.state_dict())


def take_weights(network: torch.nn.Module, start: Start) -> list[str]:
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
        wanted = part in ("encoder", "reader") or not start.pretrained
        if wanted and {n: v.shape for n, v in here.items()} == {n: v.shape for n, v in there.items()}:
            ours |= there
            taken.append(part)
    network.load_state_dict(ours)
    log.info("Taken from %s: %s", start.source, ", ".join(taken))
    return taken
