"""alpha * Dice + beta * Focal, over what was contoured and nothing else."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch.nn import functional


@dataclass(frozen=True)
class Loss:
    """The loss of a batch, and its two parts before they are weighted."""

    total: torch.Tensor
    dice: torch.Tensor
    focal: torch.Tensor


def dice_focal(
    logits: torch.Tensor,
    targets: torch.Tensor,
    known: torch.Tensor,
    weights: torch.Tensor,
    *,
    dice_weight: float = 1.0,
    focal_weight: float = 10.0,
    gamma: float = 2.0,
    squared: bool = False,
    softmax: bool = False,
) -> Loss:
    """Compound loss of each sample, averaged over its known structures by their weights, then over the samples.

    So the loss of a large batch is the mean of its parts', however it was split over passes or processes.
    Targets are the share of a voxel inside the contour, so both parts take fractions. An organ that nobody contoured
    (`known` false) is unknown, not absent: it adds nothing.

    Args:
        logits: (B, K, X, Y, Z); K + 1 with background first for softmax.
        targets: (B, K, X, Y, Z) in [0, 1].
        known: (B, K) bool.
        weights: (K,) of each structure.
        squared: Dice with squared masses below the line, which is best where the probability is the share of the voxel;
            without, Dice wants 0 or 1 even of a voxel that a contour crosses.
    Source: LLMSeg III.C; alpha, beta and gamma are not given there. Squared: Milletari et al., 3DV 2016. Focal: Lin et
        al., ICCV 2017, with |t - p| as the modulating term for fractional targets (Li et al., NeurIPS 2020).
    """
    space = (2, 3, 4)
    if softmax:
        log_probabilities = logits.float().log_softmax(1)[:, 1:]
        probabilities = log_probabilities.exp()
        cross = -(targets * log_probabilities + (1 - targets) * torch.log1p(-probabilities.clamp(max=1 - 1e-6)))
    else:
        probabilities = logits.float().sigmoid()
        cross = functional.binary_cross_entropy_with_logits(logits.float(), targets, reduction="none")
    focal = ((targets - probabilities).abs() ** gamma * cross).mean(space)
    overlap = (probabilities * targets).sum(space)
    masses = (probabilities**2 + targets**2 if squared else probabilities + targets).sum(space)
    dice = 1 - (2 * overlap + 1) / (masses + 1)
    shares = known * weights
    shares = shares / shares.sum(1, keepdim=True).clamp_min(1e-6) / len(shares)
    dice, focal = (dice * shares).sum(), (focal * shares).sum()
    return Loss(dice_weight * dice + focal_weight * focal, dice.detach(), focal.detach())
