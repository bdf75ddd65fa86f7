"""ContextUNETR: the image is encoded once, the note enters only in the decoder.

    image (B, 1, X, Y, Z) --encode_image--> skips, finest first --decode(skips, text)--> logits (B, K, X, Y, Z)

So a second note on the same CT costs a decode, and the contour without a note is one more decode.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import torch
from monai.networks.blocks import (
    TransformerBlock,
    UnetrBasicBlock,
    UnetResBlock,
    UnetrPrUpBlock,
)
from monai.networks.nets import ViT
from torch import nn

from llmseg.case import STRUCTURES, InputError
from llmseg.model.fusions import FUSIONS, NoteMemory, Slots
from llmseg.model.reader import TextReader
from llmseg.text.encoder import TextFeatures

INPUTS = 2  # the CT in its full window and in the soft-tissue window

SLOT_WIDTH = 64
"""Width of what a voxel finds when it looks at a note, for cross-attention."""

_NORM = {"spatial_dims": 3, "norm_name": "instance"}


@dataclass(frozen=True)
class NetworkConfig:
    """Everything needed to build the network again.

    Args:
        encoder: "vit", the paper's, or "conv", which learns more from 150 patients on two cores.
        field: voxels of the training field; larger CTs are tiled with it.
        channels: feature maps per level, finest first; the last level is the bottleneck.
        activation: "sigmoid" per structure, because a target may overlap an organ, or the paper's "softmax".
        fusion: "gated", the paper's residual; "cross", attention of every voxel over the note, from its Discussion;
            "film", scale and shift of whole feature maps; or "none" for an image-only network.
        token_width: D of the language model's hidden states.
        context_width: length of the vector the reader makes of a note.
        pooling, queries: how the reader reads; see TextReader.
        depth, heads: transformer blocks at the bottleneck ("conv") or of the whole encoder ("vit").
        vit_width: hidden size of the "vit" encoder.
    """

    encoder: str = "conv"
    field: tuple[int, int, int] = (64, 64, 80)
    channels: tuple[int, ...] = (16, 32, 64, 128, 192)
    structures: tuple[str, ...] = STRUCTURES
    activation: str = "sigmoid"
    fusion: str = "gated"
    token_width: int = 576
    context_width: int = 128
    pooling: str = "queries"
    queries: int = 8
    depth: int = 2
    heads: int = 6
    vit_width: int = 384

    def __post_init__(self):
        for name in ("field", "channels", "structures"):
            object.__setattr__(self, name, tuple(getattr(self, name)))
        choices = {
            "encoder": ("conv", "vit"),
            "activation": ("sigmoid", "softmax"),
            "fusion": tuple(FUSIONS),
            "pooling": ("queries", "mean", "last"),
        }
        for name, allowed in choices.items():
            if getattr(self, name) not in allowed:
                raise InputError(
                    f"{name} = {getattr(self, name)!r} is not one of {', '.join(allowed)}. Correct the config."
                )
        if len(self.channels) < 2 or not self.structures:
            raise InputError(f"{len(self.channels)} channels for {len(self.structures)} structures. Name more of them.")
        if len(self.field) != 3 or any(edge <= 0 or edge % self.patch for edge in self.field):
            raise InputError(
                f"Field {self.field} is not three multiples of {self.patch} voxels. Adapt field or channels."
            )
        for name in ("channels", "token_width", "context_width", "queries", "vit_width"):
            if np.min(getattr(self, name)) < 1:
                raise InputError(f"{name} = {getattr(self, name)}; it must be 1 or more. Correct the config.")
        width = self.vit_width if self.encoder == "vit" else self.channels[-1]
        if self.heads < 1 or width % self.heads:
            raise InputError(f"heads = {self.heads} does not divide a width of {width}. Adapt heads or channels.")

    @property
    def patch(self) -> int:
        """Edge of one bottleneck voxel in voxels of the finest level: 16 for five levels, the paper's patch."""
        return 2 ** (len(self.channels) - 1)


class ContextUNETR(nn.Module):
    """Draws every structure of a head-and-neck CT, steered by a clinical note.

    Source: LLMSeg III.A. Departures: sigmoid instead of softmax and a convolutional encoder by default; the note may
    be missing, for which a learned null context stands.
    """

    def __init__(self, config: NetworkConfig):
        super().__init__()
        self.config = config
        self.encoder = (ViTEncoder if config.encoder == "vit" else ConvEncoder)(config)
        self.reader = TextReader(config.token_width, config.context_width, config.queries, config.pooling)
        self.null_context = nn.Parameter(torch.zeros(config.context_width))
        self.memory = NoteMemory(SLOT_WIDTH, self.reader) if config.fusion == "cross" else None
        note_width = config.context_width if self.memory is None else SLOT_WIDTH
        fusion = FUSIONS[config.fusion]
        self.bottleneck_gate = fusion(config.channels[-1], note_width)
        levels = range(len(config.channels) - 2, -1, -1)
        self.levels = nn.ModuleList(
            DecoderLevel(config.channels[i + 1], config.channels[i], fusion, note_width) for i in levels
        )
        outputs = len(config.structures) + (config.activation == "softmax")
        self.head = nn.Conv3d(config.channels[0], outputs, kernel_size=1)
        if config.activation == "sigmoid":
            # Most voxels belong to no structure; starting there saves the first hundreds of steps.
            nn.init.constant_(self.head.bias, -4.0)

    def encode_image(self, image: torch.Tensor) -> list[torch.Tensor]:
        """(B, 1, X, Y, Z) image in [0, 1] -> one feature map per level, finest first."""
        # Soft tissue fills a tenth of the range; a second channel shows it in its own window (-160 to 240 HU).
        soft = ((image - 0.42) * 10).clamp(-2, 2)
        return self.encoder(torch.cat((image * 2 - 1, soft), dim=1))

    def context(self, text: TextFeatures | None, batch: int, keep: torch.Tensor | None = None) -> torch.Tensor:
        """(B, width) context: the note as read, or the null context where there is none or `keep` (B,) is false."""
        null = self.null_context.expand(batch, -1)
        if text is None:
            return null
        read = self.reader(text)
        return read if keep is None else torch.where(keep[:, None], read, null)

    def decode(
        self, features: list[torch.Tensor], text: TextFeatures | None, keep: torch.Tensor | None = None
    ) -> torch.Tensor:
        """Draw with a note, or without (None).

        Args:
            features: what `encode_image` returned.
            text: one note per image, one note for all images, or several notes on one image.
            keep: (B,) bool; false drops that sample's note.
        Returns:
            (B, K, X, Y, Z) logits; K + 1 with background first for softmax.
        """
        images, notes = len(features[0]), 1 if text is None else len(text.mask)
        assert images == notes or 1 in (images, notes), f"{notes} notes for {images} images"
        batch = max(images, notes)
        note = self._note(text, batch, keep)
        x = self.bottleneck_gate(features[-1], note)
        for level, skip in zip(self.levels, reversed(features[:-1]), strict=True):
            x = level(x, skip, note)
        logits = self.head(x)
        return logits.expand(batch, -1, -1, -1, -1)  # an image-only network draws once for all notes

    def _note(self, text: TextFeatures | None, batch: int, keep: torch.Tensor | None) -> torch.Tensor | Slots:
        """What the fusions of this network take from the notes of `batch` samples."""
        if self.memory is not None:
            return self.memory(self.reader, self.null_context, text, batch, keep)
        return self.context(text, batch, keep).expand(batch, -1)

    def probabilities(self, logits: torch.Tensor) -> torch.Tensor:
        """(B, K or K + 1, ...) logits -> (B, K, ...) probabilities of the structures."""
        logits = logits.float()
        return logits.sigmoid() if self.config.activation == "sigmoid" else logits.softmax(1)[:, 1:]

    def forward(self, image: torch.Tensor, text: TextFeatures | None, keep: torch.Tensor | None = None) -> torch.Tensor:
        return self.decode(self.encode_image(image), text, keep)


class DecoderLevel(nn.Module):
    """Upsample, let the note modulate, join the skip, refine."""

    def __init__(self, coarse: int, fine: int, fusion: type[nn.Module], note_width: int):
        super().__init__()
        self.up = nn.ConvTranspose3d(coarse, fine, kernel_size=2, stride=2)
        self.gate = fusion(fine, note_width)
        self.refine = UnetResBlock(in_channels=2 * fine, out_channels=fine, kernel_size=3, stride=1, **_NORM)

    def forward(self, x: torch.Tensor, skip: torch.Tensor, note: torch.Tensor | Slots) -> torch.Tensor:
        modulated = self.gate(self.up(x), note)
        return self.refine(torch.cat((modulated, skip.expand(len(modulated), -1, -1, -1, -1)), dim=1))


class ConvEncoder(nn.Module):
    """Residual convolutions down to the bottleneck, where a small transformer with learnable 3D positions follows."""

    def __init__(self, config: NetworkConfig):
        super().__init__()
        channels = (INPUTS, *config.channels)
        self.stages = nn.ModuleList(
            UnetResBlock(in_channels=a, out_channels=b, kernel_size=3, stride=1 if i == 0 else 2, **_NORM)
            for i, (a, b) in enumerate(pairwise(channels))
        )
        width = config.channels[-1]
        grid = [edge // config.patch for edge in config.field]
        self.positions = nn.Parameter(torch.randn(1, width, *grid) * 0.02)
        self.blocks = nn.ModuleList(TransformerBlock(width, 2 * width, config.heads) for _ in range(config.depth))

    def forward(self, x: torch.Tensor) -> list[torch.Tensor]:
        features = []
        for stage in self.stages:
            x = stage(x)
            features.append(x)
        tokens = (x + self.positions).flatten(2).transpose(1, 2)  # (B, T, C)
        for block in self.blocks:
            tokens = block(tokens)
        features[-1] = tokens.transpose(1, 2).reshape(x.shape)
        return features


class ViTEncoder(nn.Module):
    """The paper's encoder: patches, learnable 3D positions, transformer blocks tapped at even depths as skips.

    Source: LLMSeg III.A.1 after UNETR (Hatamizadeh et al., WACV 2022).
    """

    def __init__(self, config: NetworkConfig):
        super().__init__()
        levels, width = len(config.channels), config.vit_width
        if config.depth < levels - 1:
            raise InputError(
                f"A vit encoder of {levels} levels taps {levels - 1} blocks; depth is {config.depth}. Raise it."
            )
        self.vit = ViT(
            in_channels=INPUTS,
            img_size=config.field,
            patch_size=config.patch,
            hidden_size=width,
            mlp_dim=4 * width,
            num_layers=config.depth,
            num_heads=config.heads,
            proj_type="conv",
            pos_embed_type="learnable",
        )
        self.taps = [round((i + 1) * config.depth / (levels - 1)) - 1 for i in range(levels - 1)]
        self.grid = [edge // config.patch for edge in config.field]
        self.finest = UnetrBasicBlock(
            in_channels=INPUTS, out_channels=config.channels[0], kernel_size=3, stride=1, res_block=True, **_NORM
        )
        self.lifts = nn.ModuleList(
            UnetrPrUpBlock(
                in_channels=width,
                out_channels=config.channels[level],
                num_layer=levels - 2 - level,
                kernel_size=3,
                stride=1,
                upsample_kernel_size=2,
                conv_block=True,
                res_block=True,
                **_NORM,
            )
            for level in range(1, levels - 1)
        )
        self.coarsest = nn.Conv3d(width, config.channels[-1], kernel_size=1)

    def forward(self, x: torch.Tensor) -> list[torch.Tensor]:
        _, states = self.vit(x)
        maps = [states[tap].transpose(1, 2).reshape(len(x), -1, *self.grid) for tap in self.taps]
        skips = [lift(tapped) for lift, tapped in zip(self.lifts, maps[:-1], strict=True)]
        return [self.finest(x), *skips, self.coarsest(maps[-1])]
