"""Weights in 8 bits on a CPU: a quarter of the memory, and a note reads the same alone or beside others."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional

from llmseg.case import InputError


class Int8Linear(nn.Module):
    """A linear layer that keeps one byte per weight, and one scale per output.

    Only weights are rounded. Rounding activations too, as torch's dynamic quantisation does with one scale for a whole
    batch, would let a note's states depend on its neighbours and drown in the few huge values every LLM has.
    """

    def __init__(self, linear: nn.Linear):
        super().__init__()
        weight = linear.weight.detach().float()
        scale = (weight.abs().amax(1) / 127).clamp_min(torch.finfo(torch.float32).tiny)
        self.register_buffer("weight", (weight / scale[:, None]).round().to(torch.int8))
        self.register_buffer("scale", scale)
        self.register_buffer("bias", None if linear.bias is None else linear.bias.detach().float())

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        product = functional.linear(x, self.weight.to(x.dtype)) * self.scale
        return product if self.bias is None else product + self.bias


def quantise(blocks: nn.Module) -> None:
    """Replace every linear layer within by its 8-bit twin, one after the other.

    Raises:
        InputError: there is none.
    """
    found = [
        (parent, name)
        for parent in blocks.modules()
        for name, child in parent.named_children()
        if isinstance(child, nn.Linear)
    ]
    if not found:
        raise InputError("This language model has no linear layers that int8 could shrink. Choose fp32 or bf16.")
    for parent, name in found:
        setattr(parent, name, Int8Linear(getattr(parent, name)))
