"""Write a language model that rounds to the packaged GGUF but is not it, to measure what a mismatch costs.

The hub's unquantised weights lie somewhere inside the GGUF's rounding intervals. This draws one such model: every
weight of each block of 32 moves by up to half of that block's Q4_1 step, (max - min) / 15.

    python benchmarks/encoder_mismatch.py runs/unrounded
    python -m llmseg evaluate --data data/openkbp --out results/mismatch \\
        --encoder runs/unrounded --allow-encoder-mismatch
"""

import sys
from pathlib import Path

import torch
from transformers import AutoModel, AutoTokenizer

from llmseg.text.encoder import converted_package

BLOCK = 32


def unrounded(weight: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
    """One of the weights that round to this one: uniform within half a quantisation step, block by block."""
    blocks = weight.reshape(-1, BLOCK)
    step = (blocks.amax(1, keepdim=True) - blocks.amin(1, keepdim=True)) / 15
    return (blocks + (torch.rand(blocks.shape, generator=generator) - 0.5) * step).reshape(weight.shape)


def main(destination: str) -> None:
    source = converted_package()
    model = AutoModel.from_pretrained(source, dtype=torch.float32)
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for weight in model.parameters():
            if weight.dim() == 2:
                weight.copy_(unrounded(weight, generator))
    model.to(torch.float16).save_pretrained(Path(destination))
    AutoTokenizer.from_pretrained(source).save_pretrained(Path(destination))
    print(f"{destination}: evaluate it with --encoder {destination} --allow-encoder-mismatch")


if __name__ == "__main__":
    main(sys.argv[1])
