"""Half precision where the hardware has it, and not where it would be imitated."""

from __future__ import annotations

import torch


def has_bf16(device: torch.device) -> bool:
    """Whether the device multiplies bfloat16 itself: a processor that does not is hundreds of times slower at it."""
    if device.type == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    return bool(torch.ops.mkldnn._is_mkldnn_bf16_supported())


def autocast(device: torch.device) -> torch.autocast:
    """bfloat16 where the device has it; on a GPU that has not, float16; else full precision."""
    dtype = torch.bfloat16 if has_bf16(device) or device.type == "cpu" else torch.float16
    return torch.autocast(device.type, dtype=dtype, enabled=device.type != "cpu" or has_bf16(device))
