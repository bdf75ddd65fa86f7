"""Everything small: a language model of a few words, a network of a few channels, a body of a few voxels."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

from llmseg.case import Volume
from llmseg.model.checkpoint import CheckpointConfig, save_checkpoint
from llmseg.model.network import ContextUNETR, NetworkConfig
from llmseg.preprocessing import Grid
from llmseg.text.encoder import EncoderSpec, TextEncoder, TextFeatures

TOKEN_WIDTH, LAYERS = 16, 4
WORDS = "left right side neck oropharynx larynx tumour of the both and 70 63 56 gy . ,"
NOTE, OTHER_NOTE = "tumour of the left oropharynx , 70 gy", "tumour of the right larynx and both side of the neck"
CONV = {"depth": 1, "heads": 2}
VIT = {"encoder": "vit", "depth": 3, "heads": 2, "vit_width": 8}
BAR = (slice(-4, 2), slice(3, 7), slice(-6, 3))
"""Bone inside `body`, in voxels from its middle."""


def write_language_model(folder: Path, kind: str = "llama", seed: int = 0, layers: int = LAYERS) -> Path:
    """A random language model with a tokenizer of whole words, as `save_pretrained` leaves it."""
    from tokenizers import Tokenizer
    from tokenizers.models import WordLevel
    from tokenizers.normalizers import BertNormalizer
    from tokenizers.pre_tokenizers import Whitespace
    from transformers import BertConfig, BertModel, LlamaConfig, LlamaModel, PreTrainedTokenizerFast

    special = {"llama": ("<pad>", "<s>", "<unk>"), "bert": ("[PAD]", "[CLS]", "[UNK]")}[kind]
    vocabulary = {word: i for i, word in enumerate((*special, *WORDS.split()))}
    tokenizer = Tokenizer(WordLevel(vocabulary, unk_token=special[2]))
    tokenizer.normalizer = BertNormalizer()
    tokenizer.pre_tokenizer = Whitespace()
    start = {"llama": "bos_token", "bert": "cls_token"}[kind]
    PreTrainedTokenizerFast(tokenizer_object=tokenizer, pad_token=special[0], **{start: special[1]}).save_pretrained(
        folder
    )
    sizes = {
        "vocab_size": len(vocabulary),
        "hidden_size": TOKEN_WIDTH,
        "intermediate_size": 2 * TOKEN_WIDTH,
        "num_hidden_layers": layers,
        "num_attention_heads": 2,
        "max_position_embeddings": 512,
        "initializer_range": 0.5,
        "pad_token_id": 0,
    }
    torch.manual_seed(seed)
    model = LlamaModel(LlamaConfig(**sizes)) if kind == "llama" else BertModel(BertConfig(**sizes))
    model.save_pretrained(folder)
    return folder


def network_config(**changes) -> NetworkConfig:
    small = {
        "field": (16, 16, 16),
        "channels": (4, 8, 8, 16),
        "token_width": TOKEN_WIDTH,
        "context_width": 8,
        "queries": 2,
        **CONV,
    }
    return NetworkConfig(**{**small, **changes})


def network(seed: int = 0, **changes) -> ContextUNETR:
    """A random network that is ready to draw; its contours fill half of the field."""
    torch.manual_seed(seed)
    built = ContextUNETR(network_config(**changes)).eval().requires_grad_(False)
    built.head.bias.zero_()
    built.null_context.normal_()
    return built


def text(lengths: tuple[int, ...] = (5, 3), seed: int = 0, width: int = TOKEN_WIDTH) -> TextFeatures:
    """Random hidden states of notes with so many tokens, zero where padded."""
    rng = torch.Generator().manual_seed(seed)
    mask = torch.arange(max(lengths))[None] < torch.tensor(lengths)[:, None]
    return TextFeatures(torch.randn(*mask.shape, width, generator=rng) * mask[..., None], mask)


def checkpoint_config(language_model: Path, fingerprint: str | None = None, **changes) -> CheckpointConfig:
    spec = EncoderSpec(str(language_model), layer=2)
    fingerprint = fingerprint or TextEncoder(spec, cache=language_model).fingerprint
    return CheckpointConfig(network_config(**changes), Grid(), spec, fingerprint, {"steps": 7, "seed": 0})


def write_checkpoint(folder: Path, language_model: Path, **changes) -> Path:
    config = checkpoint_config(language_model, **changes)
    save_checkpoint(folder, network(**changes), config, "# A tiny checkpoint\n")
    return folder


def body(shape: tuple[int, int, int] = (30, 26, 28), spacing_mm: float = 4.0, bar: tuple[slice, ...] = BAR) -> Volume:
    """An ellipsoid of soft tissue in air on an RAS grid, with a bar of bone off its middle."""
    centred = [np.arange(n) - (n - 1) / 2 for n in shape]
    squares = [(axis / (n / 2 - 3)) ** 2 for axis, n in zip(centred, shape, strict=True)]
    inside = squares[0][:, None, None] + squares[1][None, :, None] + squares[2][None, None, :] <= 1
    rng = np.random.default_rng(0)
    array = np.where(inside, 40 + 15 * rng.standard_normal(shape), -1000.0)
    array[tuple(slice(n // 2 + part.start, n // 2 + part.stop) for n, part in zip(shape, bar, strict=True))] = 900.0
    affine = np.diag([spacing_mm] * 3 + [1.0])
    affine[:3, 3] = -10.0, 20.0, 30.0
    return Volume(array, affine, name="body.nii.gz")
