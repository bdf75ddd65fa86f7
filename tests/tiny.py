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


def write_tokenizer(folder: Path, kind: str = "llama", **settings) -> int:
    """A tokenizer of whole words, padding 0 and starting with 1, as `save_pretrained` leaves it; returns its size."""
    from tokenizers import Tokenizer
    from tokenizers.models import WordLevel
    from tokenizers.normalizers import BertNormalizer
    from tokenizers.pre_tokenizers import Whitespace
    from transformers import PreTrainedTokenizerFast

    special = ("[PAD]", "[CLS]", "[UNK]") if kind == "bert" else ("<pad>", "<s>", "<unk>")
    vocabulary = {word: i for i, word in enumerate((*special, *WORDS.split()))}
    tokenizer = Tokenizer(WordLevel(vocabulary, unk_token=special[2]))
    tokenizer.normalizer = BertNormalizer()
    tokenizer.pre_tokenizer = Whitespace()
    settings["cls_token" if kind == "bert" else "bos_token"] = special[1]
    PreTrainedTokenizerFast(tokenizer_object=tokenizer, pad_token=special[0], **settings).save_pretrained(folder)
    return len(vocabulary)


def sizes_of_language_model(vocab_size: int, layers: int = LAYERS) -> dict:
    return {
        "vocab_size": vocab_size,
        "hidden_size": TOKEN_WIDTH,
        "intermediate_size": 2 * TOKEN_WIDTH,
        "num_hidden_layers": layers,
        "num_attention_heads": 2,
        "max_position_embeddings": 512,
        "initializer_range": 0.5,
        "pad_token_id": 0,
    }


def write_language_model(folder: Path, kind: str = "llama", seed: int = 0, layers: int = LAYERS) -> Path:
    """A random language model with a tokenizer of whole words, as `save_pretrained` leaves it."""
    from transformers import BertConfig, BertModel, LlamaConfig, LlamaModel

    sizes = sizes_of_language_model(write_tokenizer(folder, kind), layers)
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
