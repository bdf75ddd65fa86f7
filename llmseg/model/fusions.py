"""How a note steers a feature map of the decoder: five fusions with one call, `fusion(x, note)`.

Shapes: B batch, C channels, W width of the note's context, S slots a voxel may look at, N voxels.

A map of one image and several notes gives one map per note. All start close to passing the image through.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import nn
from torch.nn import functional

from llmseg.model.reader import TextReader
from llmseg.text.encoder import TextFeatures

_HEAD = 16  # width of an attention head; at the finest level there is one
_SLIGHT = 0.01  # deviation of the first weights on the note's way in


class Fusion(nn.Module):
    """What a decoder asks of a fusion: what it takes of the note, and where it stands."""

    reads_slots = False
    """Whether it takes the note as `Slots` or as one context (B, W)."""
    on_skips = False
    """Whether it works on the skips or on the map that comes up from the level below."""
    at_finest = True
    """Whether the finest level has one too."""


class TextGate(Fusion):
    """Concatenate the note's context to every voxel, mix, and let a gate decide how much of it each voxel takes.

    A 1x1x1 convolution over the concatenation equals one over the image plus one over the context, which is the same
    everywhere: so the context is never copied to every voxel.

    Source: LLMSeg III.A.3.
    """

    def __init__(self, channels: int, context_width: int):
        super().__init__()
        self.image = nn.Conv3d(channels, 2 * channels, kernel_size=1)
        self.text = nn.Linear(context_width, 2 * channels)

    def forward(self, x: torch.Tensor, context: torch.Tensor) -> torch.Tensor:
        mixed = self.image(x) + self.text(context)[:, :, None, None, None]
        update, gate = mixed.chunk(2, dim=1)
        return x + torch.sigmoid(gate) * torch.tanh(update)


class FiLM(Fusion):
    """The note's context scales and shifts every feature map as a whole.

    Source: Perez et al., FiLM: Visual Reasoning with a General Conditioning Layer, AAAI 2018.
    """

    def __init__(self, channels: int, context_width: int):
        super().__init__()
        self.text = nn.Linear(context_width, 2 * channels)
        nn.init.normal_(self.text.weight, std=_SLIGHT)
        nn.init.zeros_(self.text.bias)

    def forward(self, x: torch.Tensor, context: torch.Tensor) -> torch.Tensor:
        scale, shift = self.text(context)[:, :, None, None, None].chunk(2, dim=1)
        return x + (x * scale + shift)


class NoText(Fusion):
    """The fusion of an image-only network: the note has no way in."""

    def __init__(self, channels: int, context_width: int):
        super().__init__()

    def forward(self, x: torch.Tensor, context: torch.Tensor) -> torch.Tensor:
        return x


@dataclass(frozen=True, eq=False)
class Slots:
    """What the voxels of B samples may look at: values (B, S, W), and bias (B, S) on their scores, -inf for "not"."""

    values: torch.Tensor
    bias: torch.Tensor


class NoteMemory(nn.Module):
    """A note as slots for cross-attention: no note, the note as read, and each of its tokens.

    Queries over raw tokens do not learn to read through the segmentation loss, so the tokens come as the pretrained
    reader sees them: by its keys (what a token speaks of) and values (what it says of it). Where the reader averages
    or takes one state, the standardised tokens stand for themselves.
    """

    def __init__(self, width: int, reader: TextReader):
        super().__init__()
        self._reads_by_key = reader.pooling == "queries"
        seen = reader.key.out_features + reader.value.out_features if self._reads_by_key else len(reader.mean)
        self.tokens = nn.Linear(seen, width)
        self.context = nn.Linear(reader.width, width)
        self.norm = nn.LayerNorm(width)

    def forward(
        self,
        reader: TextReader,
        null_context: torch.Tensor,
        text: TextFeatures | None,
        batch: int,
        keep: torch.Tensor | None = None,
    ) -> Slots:
        """Slots of `batch` samples; of the null slot alone where there is no note or `keep` (B,) is false."""
        null = self.context(null_context).expand(batch, 1, -1)
        bias = null.new_zeros(batch, 1, dtype=torch.float32)
        if text is None:
            return Slots(self.norm(null), bias)
        read = self.context(reader(text))[:, None]
        note = torch.cat((read, self.tokens(self._seen(reader, text.tokens))), dim=1)
        # All tokens together begin with the say of one slot: a long note must not drown what was read in it.
        shares = text.mask.float() / text.mask.sum(1, keepdim=True)
        weights = torch.cat((torch.ones_like(shares[:, :1]), shares), dim=1).expand(batch, -1)
        if keep is not None:
            weights = weights * keep[:, None]
        values = torch.cat((null, note.expand(batch, -1, -1)), dim=1)
        return Slots(self.norm(values), torch.cat((bias, weights.log()), dim=1))

    def _seen(self, reader: TextReader, tokens: torch.Tensor) -> torch.Tensor:
        tokens = ((tokens - reader.mean) / reader.deviation).clamp(-10, 10)
        return torch.cat((reader.key(tokens), reader.value(tokens)), dim=-1) if self._reads_by_key else tokens


class Attention(nn.Module):
    """Rows of one set look at the rows of another."""

    def __init__(self, width: int, seen_width: int, heads: int):
        super().__init__()
        self.heads = heads
        inner = heads * _HEAD
        self.query = nn.Linear(width, inner)
        self.key = nn.Linear(seen_width, inner)
        self.value = nn.Linear(seen_width, inner)
        self.out = nn.Linear(inner, width)

    def look(self, rows: torch.Tensor, seen: torch.Tensor, bias: torch.Tensor | None = None) -> torch.Tensor:
        """(B, N, W) rows and (B, S, V) seen -> (B, N, W) found; bias (B, S) on the scores, -inf for "not"."""
        queries = self._by_head(self.query(rows))  # (B, heads, N, head)
        batch = max(len(rows), len(seen))
        found = functional.scaled_dot_product_attention(
            queries.expand(batch, -1, -1, -1),
            self._by_head(self.key(seen)).expand(batch, -1, -1, -1),
            self._by_head(self.value(seen)).expand(batch, -1, -1, -1),
            attn_mask=None if bias is None else bias[:, None, None].to(queries.dtype),
        )
        return self.out(found.transpose(1, 2).flatten(2))

    def _by_head(self, rows: torch.Tensor) -> torch.Tensor:
        return rows.unflatten(-1, (self.heads, _HEAD)).transpose(1, 2)


def _slight(layer: nn.Linear) -> None:
    nn.init.normal_(layer.weight, std=_SLIGHT)
    nn.init.zeros_(layer.bias)


class CrossAttention(Fusion, Attention):
    """Every voxel looks at the note's slots and adds what it finds.

    The scores of 330,000 voxels and a note are never held at once (scaled_dot_product_attention goes block by block),
    so that the finest level can afford it too; benchmarks/fusions.py has the cost.

    Source: LLMSeg V, which suggests it; Vaswani et al., Attention Is All You Need, NeurIPS 2017.
    """

    reads_slots = True

    def __init__(self, channels: int, slot_width: int):
        Attention.__init__(self, channels, slot_width, max(1, channels // _HEAD))
        self.norm = nn.LayerNorm(channels)
        _slight(self.out)

    def forward(self, x: torch.Tensor, note: Slots) -> torch.Tensor:
        voxels = x.movedim(1, -1)  # (B, X, Y, Z, C)
        update = self.look(self.norm(voxels).flatten(1, 3), note.values, note.bias)
        return x + update.unflatten(1, voxels.shape[1:4]).movedim(-1, 1)


class TwoWayAttention(Fusion):
    """The note's slots look at each other and at the voxels; then every voxel looks at what the slots have become.

    It stands on the skips, the finest left out: there it would cost more than the rest of the network. Voxels carry
    their place in the field, so that a slot can look for one.

    Source: the first LLMSeg (Oh et al., Nature Communications 2024), after the decoder of Segment Anything (Kirillov
    et al., ICCV 2023).
    """

    reads_slots = on_skips = True
    at_finest = False

    def __init__(self, channels: int, slot_width: int):
        super().__init__()
        heads = max(1, channels // _HEAD)
        self.among_slots = Attention(slot_width, slot_width, slot_width // _HEAD)
        self.at_voxels = Attention(slot_width, channels, heads)
        self.at_slots = Attention(channels, slot_width, heads)
        wide = 2 * slot_width
        self.mix = nn.Sequential(nn.Linear(slot_width, wide), nn.GELU(), nn.Linear(wide, slot_width))
        self.slot_norms = nn.ModuleList(nn.LayerNorm(slot_width) for _ in range(3))
        self.voxel_norm = nn.LayerNorm(channels)
        self.place = nn.Linear(3, channels)
        _slight(self.at_slots.out)

    def forward(self, x: torch.Tensor, note: Slots) -> torch.Tensor:
        shape = x.shape[2:]
        voxels = self.voxel_norm(x.flatten(2).transpose(1, 2)) + self.place(_places(shape, x.device))  # (B, N, C)
        first, second, third = self.slot_norms
        slots = first(note.values + self.among_slots.look(note.values, note.values, note.bias))
        slots = second(slots + self.at_voxels.look(slots, voxels))
        slots = third(slots + self.mix(slots))
        update = self.at_slots.look(voxels, slots, note.bias)
        return x + update.transpose(1, 2).unflatten(2, shape)


def _places(shape: torch.Size, device: torch.device) -> torch.Tensor:
    """(N, 3) where each voxel lies in the field, from -1 to 1 along each axis."""
    axes = [torch.linspace(-1, 1, count, device=device) for count in shape]
    return torch.stack(torch.meshgrid(*axes, indexing="ij"), dim=-1).flatten(0, 2)


FUSIONS = {"gated": TextGate, "cross": CrossAttention, "two-way": TwoWayAttention, "film": FiLM, "none": NoText}
"""NetworkConfig.fusion -> what stands at every level of the decoder."""
