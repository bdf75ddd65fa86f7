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
from monai.networks.layers.factories import Norm
from monai.networks.nets import ViT
from torch import nn

from llmseg.case import CT, STRUCTURES, InputError, kind_of
from llmseg.model.fusions import FUSIONS, NoteMemory, NoText, Slots
from llmseg.model.reader import TextReader
from llmseg.text.encoder import TextFeatures

SLOT_WIDTH = 64
"""Width of what a voxel finds when it looks at a note, for fusions by attention."""

ARCHITECTURES = ("context-unetr", "text-only", "unetr", "swin-unetr", "dynunet")
"""What NetworkConfig.architecture may name; llmseg/model/architectures.py builds each."""


class ChannelNorm(nn.Module):
    """Instance normalisation, computed as batch normalisation of one sample at a time.

    PyTorch's own copies channels-last maps to and fro, and of a single sample its gradient is wrong (2.13). Its group
    normalisation with one channel a group has a gradient that alone takes two thirds of a training step on a processor.
    """

    def __init__(self, num_features: int, eps: float = 1e-5, affine: bool = False):
        super().__init__()
        self.eps = eps
        self.weight = nn.Parameter(torch.ones(num_features)) if affine else None
        self.bias = nn.Parameter(torch.zeros(num_features)) if affine else None

    def forward(self, maps: torch.Tensor) -> torch.Tensor:
        # Not through nn.functional, which refuses a map of one voxel.
        constants = (self.weight, self.bias, None, None, True, 0.0, self.eps, True)
        return torch.cat([torch.batch_norm(map, *constants) for map in maps.split(1)])


Norm.add_factory_callable("channel", lambda spatial_dims: ChannelNorm)
_NORM = {"spatial_dims": 3, "norm_name": "channel"}


@dataclass(frozen=True)
class NetworkConfig:
    """Everything needed to build the network again.

    Args:
        architecture: "context-unetr", the project's own; "text-only", a prior drawn from the note alone; or, from the
            image alone, MONAI's "unetr", "swin-unetr" and "dynunet" (nnU-Net's network).
        encoder: "vit", the paper's, or "conv", which learns more from 150 patients on two cores.
        modalities: the images it looks at: "ct", and beside it any of "pet" and "mr", told apart as in "mr-t1".
        field: voxels of the training field; larger CTs are tiled with it.
        channels: feature maps per level, finest first; the last level is the bottleneck.
        activation: "sigmoid" per structure, because a target may overlap an organ, or the paper's "softmax".
        fusion: "gated", the paper's residual; "cross", attention of every voxel over the note, from its Discussion;
            "two-way", attention between the note and the skips in both directions, as LLMSeg's first version had it;
            "film", scale and shift of whole feature maps; or "none" for an image-only network.
        token_width: D of the language model's hidden states.
        context_width: length of the vector the reader makes of a note.
        pooling, queries: how the reader reads; see TextReader.
        depth, heads: transformer blocks at the bottleneck ("conv") or of the whole encoder ("vit").
        vit_width: hidden size of the "vit" encoder, and of "unetr".
    """

    architecture: str = "context-unetr"
    encoder: str = "conv"
    modalities: tuple[str, ...] = (CT,)
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
        for name in ("modalities", "field", "channels", "structures"):
            object.__setattr__(self, name, tuple(getattr(self, name)))
        choices = {
            "architecture": ARCHITECTURES,
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
        if [kind_of(m) for m in self.modalities].count(CT) != 1 or self.modalities[0] != CT:
            raise InputError(f"modalities = {self.modalities}; expected ct first, and one CT. Correct the config.")
        if len(set(self.modalities)) < len(self.modalities):
            raise InputError(f"modalities = {self.modalities}; expected each once. Correct the config.")
        if len(self.channels) < 2 or not self.structures:
            raise InputError(f"{len(self.channels)} channels for {len(self.structures)} structures. Name more of them.")
        if len(self.field) != 3 or any(edge <= 0 or edge % self.patch for edge in self.field):
            raise InputError(
                f"Field {self.field} is not three multiples of {self.patch} voxels. Adapt field or channels."
            )
        for name in ("channels", "token_width", "context_width", "queries", "vit_width"):
            if np.min(getattr(self, name)) < 1:
                raise InputError(f"{name} = {getattr(self, name)}; it must be 1 or more. Correct the config.")
        vit = self.architecture == "unetr" or (self.architecture == "context-unetr" and self.encoder == "vit")
        width = self.vit_width if vit else self.channels[-1]
        if self.heads < 1 or width % self.heads:
            raise InputError(f"heads = {self.heads} does not divide a width of {width}. Adapt heads or channels.")

    @property
    def reads_notes(self) -> bool:
        """False for a network that draws from the image alone: it passes every note over."""
        return self.architecture == "text-only" or (self.architecture == "context-unetr" and self.fusion != "none")

    @property
    def inputs(self) -> int:
        """How many channels `shown` makes of an image: one for each modality, and a second one for the CT."""
        return len(self.modalities) + 1

    @property
    def outputs(self) -> int:
        """How many channels are drawn: the structures, and for softmax the background before them."""
        return len(self.structures) + (self.activation == "softmax")

    @property
    def patch(self) -> int:
        """Edge of one bottleneck voxel in voxels of the finest level: 16 for five levels, the paper's patch."""
        return 2 ** (len(self.channels) - 1)

    @property
    def divisor(self) -> int:
        """Edge of one voxel of the coarsest maps: the patch, but for two of MONAI's networks, which have their own."""
        return {"unetr": 16, "swin-unetr": 32}.get(self.architecture, self.patch)

    @property
    def coarsest(self) -> tuple[int, ...]:
        """Voxels of the coarsest maps, of a field padded to what the network divides by."""
        return tuple(-(-edge // self.divisor) for edge in self.field)


class ContourNetwork(nn.Module):
    """What every network can do: encode an image once, then decode it with any note, or without one.

    A network brings `encode_image`, `decode` and, where it reads notes, a `reader` and a `null_context`.
    """

    def __init__(self, config: NetworkConfig):
        super().__init__()
        self.config = config

    def encode_image(self, image: torch.Tensor) -> list[torch.Tensor]:
        """(B, modalities, X, Y, Z) image in [0, 1] -> all that `decode` needs to know of it, one row per image."""
        raise NotImplementedError

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
        raise NotImplementedError

    def forward(self, image: torch.Tensor, text: TextFeatures | None, keep: torch.Tensor | None = None) -> torch.Tensor:
        return self.decode(self.encode_image(image), text, keep)

    def context(self, text: TextFeatures | None, batch: int, keep: torch.Tensor | None = None) -> torch.Tensor:
        """(B, width) context: the note as read, or the null context where there is none or `keep` (B,) is false."""
        null = self.null_context.expand(batch, -1)
        if text is None:
            return null
        read = self.reader(text).expand(batch, -1)
        return read if keep is None else torch.where(keep[:, None], read, null)

    def probabilities(self, logits: torch.Tensor) -> torch.Tensor:
        """(B, K or K + 1, ...) logits -> (B, K, ...) probabilities of the structures."""
        logits = logits.float()
        return logits.sigmoid() if self.config.activation == "sigmoid" else logits.softmax(1)[:, 1:]


def shown(image: torch.Tensor) -> torch.Tensor:
    """(B, M, X, Y, Z) image in [0, 1], the CT first -> (B, M + 1, X, Y, Z) channels: what a network looks at."""
    ct, others = image[:, :1], image[:, 1:]
    # Soft tissue fills a tenth of the range; a second channel shows it in its own window (-160 to 240 HU).
    soft = ((ct - 0.42) * 10).clamp(-2, 2)
    return torch.cat((ct * 2 - 1, soft, others * 2 - 1), dim=1)


def drawn_for(images: int, text: TextFeatures | None) -> int:
    """How many contours so many images and their notes make: one note serves all images, one image all notes."""
    notes = 1 if text is None else len(text.mask)
    assert images == notes or 1 in (images, notes), f"{notes} notes for {images} images"
    return max(images, notes)


def start_empty(head: nn.Conv3d, activation: str) -> None:
    """Let a new network draw nothing: most voxels belong to no structure, and it saves the first hundreds of steps."""
    if activation == "sigmoid":
        nn.init.constant_(head.bias, -4.0)


class ContextUNETR(ContourNetwork):
    """Draws every structure of a head-and-neck CT, steered by a clinical note.

    Source: LLMSeg III.A. Departures: sigmoid instead of softmax and a convolutional encoder by default; the note may
    be missing, for which a learned null context stands.
    """

    def __init__(self, config: NetworkConfig):
        super().__init__(config)
        self.encoder = (ViTEncoder if config.encoder == "vit" else ConvEncoder)(config)
        self.reader = TextReader(config.token_width, config.context_width, config.queries, config.pooling)
        self.null_context = nn.Parameter(torch.zeros(config.context_width))
        fusion = FUSIONS[config.fusion]
        self.memory = NoteMemory(SLOT_WIDTH, self.reader) if fusion.reads_slots else None
        note_width = SLOT_WIDTH if fusion.reads_slots else config.context_width
        self.bottleneck_gate = fusion(config.channels[-1], note_width)
        levels = range(len(config.channels) - 2, -1, -1)
        self.levels = nn.ModuleList(
            DecoderLevel(
                config.channels[i + 1], config.channels[i], fusion if i or fusion.at_finest else NoText, note_width
            )
            for i in levels
        )
        self.head = nn.Conv3d(config.channels[0], config.outputs, kernel_size=1)
        start_empty(self.head, config.activation)

    def encode_image(self, image: torch.Tensor) -> list[torch.Tensor]:
        """(B, modalities, X, Y, Z) image in [0, 1] -> one feature map per level, finest first."""
        return self.encoder(shown(image))

    def decode(
        self, features: list[torch.Tensor], text: TextFeatures | None, keep: torch.Tensor | None = None
    ) -> torch.Tensor:
        batch = drawn_for(len(features[0]), text)
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
        return self.context(text, batch, keep)


class DecoderLevel(nn.Module):
    """Upsample, let the note modulate that or the skip, join the two, refine."""

    def __init__(self, coarse: int, fine: int, fusion: type[nn.Module], note_width: int):
        super().__init__()
        self.up = nn.ConvTranspose3d(coarse, fine, kernel_size=2, stride=2)
        self.gate = fusion(fine, note_width)
        self.refine = UnetResBlock(in_channels=2 * fine, out_channels=fine, kernel_size=3, stride=1, **_NORM)

    def forward(self, x: torch.Tensor, skip: torch.Tensor, note: torch.Tensor | Slots) -> torch.Tensor:
        x = self.up(x)
        if self.gate.on_skips:
            skip = self.gate(skip, note)
        else:
            x = self.gate(x, note)
        batch = max(len(x), len(skip))
        joined = [part.expand(batch, -1, -1, -1, -1) for part in (x, skip)]
        return self.refine(torch.cat(joined, dim=1))


class ConvEncoder(nn.Module):
    """Residual convolutions down to the bottleneck, where a small transformer with learnable 3D positions follows."""

    def __init__(self, config: NetworkConfig):
        super().__init__()
        channels = (config.inputs, *config.channels)
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
            in_channels=config.inputs,
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
            in_channels=config.inputs, out_channels=config.channels[0], kernel_size=3, stride=1, res_block=True, **_NORM
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
