"""Half precision where the hardware has it and computes it rightly."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from llmseg.model.network import NetworkConfig

LEAST_VOXELS = 3
"""Along every axis of a network's coarsest maps, for a processor to compute it in bfloat16.

oneDNN 3.12 adds to smaller ones whatever the memory behind them holds: now and then a gradient of 1e38.
"""


def adds_up_in_bf16(device: torch.device, network: NetworkConfig) -> bool:
    """Whether the device gets this network's sums right in bfloat16; a processor fails at the smallest maps."""
    return device.type != "cpu" or min(network.coarsest) >= LEAST_VOXELS


def has_bf16(device: torch.device, network: NetworkConfig) -> bool:
    """Whether the device multiplies bfloat16 itself, which is hundreds of times faster than imitation, and rightly."""
    if device.type == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    return bool(torch.ops.mkldnn._is_mkldnn_bf16_supported()) and adds_up_in_bf16(device, network)


def autocast(device: torch.device, network: NetworkConfig) -> torch.autocast:
    """bfloat16 where the device has it for this network; on a GPU that has not, float16; else full precision."""
    half = has_bf16(device, network)
    dtype = torch.bfloat16 if half or device.type == "cpu" else torch.float16
    return torch.autocast(device.type, dtype=dtype, enabled=device.type != "cpu" or half)
