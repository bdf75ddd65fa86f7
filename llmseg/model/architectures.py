"""Every network a config can name: the project's own, one that sees only the note, and MONAI's that see only the image.

All answer to `encode_image` and `decode`, so that one training, one Segmenter and one protocol serve them alike; all
normalise by the same module (`ChannelNorm`), so that none is slower for how it computes the same.
"""

from __future__ import annotations

import torch
from monai.networks.nets import UNETR, DynUNet, SwinUNETR
from torch import nn
from torch.nn import functional

from llmseg.case import InputError
from llmseg.model.network import (
    ContextUNETR,
    ContourNetwork,
    NetworkConfig,
    drawn_for,
    shown,
    start_empty,
)
from llmseg.model.reader import TextReader
from llmseg.text.encoder import TextFeatures


class TextPrior(ContourNetwork):
    """Draws where structures usually lie in patients of whom the same is said; the image has no say.

    The field hangs on the body's midline and top, so a place in it is a place in the anatomy. Drawn at half the
    field's resolution, because a prior is smooth, and interpolated.
    """

    def __init__(self, config: NetworkConfig):
        super().__init__(config)
        self.reader = TextReader(config.token_width, config.context_width, config.queries, config.pooling)
        self.null_context = nn.Parameter(torch.zeros(config.context_width))
        self.grid = [edge // config.patch for edge in config.field]
        coarsest, *finer = config.channels[:0:-1]
        self.seed = nn.Linear(config.context_width, coarsest * self.grid[0] * self.grid[1] * self.grid[2])
        levels = []
        for coarse, fine in zip((coarsest, *finer), finer, strict=False):
            levels += [nn.ConvTranspose3d(coarse, fine, kernel_size=2, stride=2), nn.LeakyReLU(0.01)]
            levels += [nn.Conv3d(fine, fine, kernel_size=3, padding=1), nn.LeakyReLU(0.01)]
        self.levels = nn.Sequential(*levels)
        self.head = nn.Conv3d(config.channels[1], config.outputs, kernel_size=1)
        start_empty(self.head, config.activation)

    def encode_image(self, image: torch.Tensor) -> list[torch.Tensor]:
        """Nothing of the image but how many there are."""
        return [image.new_empty(len(image), 0)]

    def decode(
        self, features: list[torch.Tensor], text: TextFeatures | None, keep: torch.Tensor | None = None
    ) -> torch.Tensor:
        batch = drawn_for(len(features[0]), text)
        x = self.seed(self.context(text, batch, keep)).unflatten(1, (-1, *self.grid))
        logits = self.head(self.levels(x))
        return functional.interpolate(logits, size=self.config.field, mode="trilinear")


class ImageOnly(ContourNetwork):
    """One of MONAI's networks: all of it encodes the image, and a note changes nothing.

    A field that is no multiple of what the network divides by is padded with air, and the contours cut back.
    """

    def __init__(self, config: NetworkConfig):
        super().__init__(config)
        self.reader = nn.Identity()  # there is nothing to teach, and nothing to keep
        self.padding = [-edge % config.divisor for edge in config.field]
        padded = tuple(e + p for e, p in zip(config.field, self.padding, strict=True))
        self.net = _MONAI[config.architecture](config, padded)
        out = self.net.output_block if isinstance(self.net, DynUNet) else self.net.out
        start_empty(out.conv.conv, config.activation)

    def encode_image(self, image: torch.Tensor) -> list[torch.Tensor]:
        """(B, modalities, X, Y, Z) image in [0, 1] -> the logits: nothing is left to decode."""
        x, y, z = image.shape[2:]
        padded = functional.pad(image, [amount for p in reversed(self.padding) for amount in (0, p)])
        return [self.net(shown(padded))[:, :, :x, :y, :z]]

    def decode(
        self, features: list[torch.Tensor], text: TextFeatures | None, keep: torch.Tensor | None = None
    ) -> torch.Tensor:
        return features[0].expand(drawn_for(len(features[0]), text), -1, -1, -1, -1)


def _unetr(config: NetworkConfig, field: tuple[int, int, int]) -> UNETR:
    return UNETR(
        in_channels=config.inputs,
        out_channels=config.outputs,
        img_size=field,
        feature_size=config.channels[0],
        hidden_size=config.vit_width,
        mlp_dim=4 * config.vit_width,
        num_heads=config.heads,
        norm_name="channel",
    )


def _swin_unetr(config: NetworkConfig, field: tuple[int, int, int]) -> SwinUNETR:
    if max(field) <= 32:
        raise InputError(f"Field {config.field} leaves a swin-unetr one voxel. Let one edge be above 32.")
    # Its first heads take 12 channels at a time.
    return SwinUNETR(
        in_channels=config.inputs,
        out_channels=config.outputs,
        feature_size=max(12, 12 * round(config.channels[0] / 12)),
        norm_name="channel",
    )


def _dynunet(config: NetworkConfig, field: tuple[int, int, int]) -> DynUNet:
    levels = len(config.channels)
    if levels < 3:
        raise InputError(f"A dynunet has 3 levels or more; channels = {config.channels}. Name more of them.")
    return DynUNet(
        spatial_dims=3,
        in_channels=config.inputs,
        out_channels=config.outputs,
        kernel_size=[3] * levels,
        strides=[1] + [2] * (levels - 1),
        upsample_kernel_size=[2] * (levels - 1),
        filters=config.channels,
        norm_name=("channel", {"affine": True}),
    )


_MONAI = {"unetr": _unetr, "swin-unetr": _swin_unetr, "dynunet": _dynunet}
"""Architecture -> how it is built."""


def build_network(config: NetworkConfig) -> ContourNetwork:
    """The untrained network that a config describes.

    Raises:
        InputError: sizes this architecture cannot have.
    """
    if config.architecture == "context-unetr":
        return ContextUNETR(config)
    return (TextPrior if config.architecture == "text-only" else ImageOnly)(config)
