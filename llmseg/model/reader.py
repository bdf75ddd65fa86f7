"""Learned queries that read a note's tokens into one context vector."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import torch
from torch import nn

from llmseg.text.encoder import TextFeatures
from llmseg.text.facts import DOSES_GY, N_STAGES, NECKS, NODES, SIDES, SITES, T_STAGES
from llmseg.text.stated import StatedFacts

_CHOICES = {"site": SITES, "side": SIDES, "neck": NECKS, "t_stage": T_STAGES, "n_stage": N_STAGES}
_DOSES = tuple(f"{dose} Gy" for dose in DOSES_GY[1:])
FACT_HEADS = {
    **{fact: len(choices) + 1 for fact, choices in _CHOICES.items()},
    **dict.fromkeys(_DOSES, 3),
    **{f"{side} {level}": len(DOSES_GY) + 2 for side, level in NODES},
}
"""What pretraining asks of a note: fact -> number of answers, the last of them "not stated"."""


def fact_targets(said: StatedFacts) -> list[int]:
    """The right answer to each of FACT_HEADS, in order."""
    stated = {"side": "midline" if said.side == "bilateral" else said.side, "site": said.site, "neck": said.neck}
    stated |= {"t_stage": (said.t_stage or "")[:2], "n_stage": (said.n_stage or "")[:2]}
    answers = [
        choices.index(stated[fact]) if stated[fact] in choices else len(choices) for fact, choices in _CHOICES.items()
    ]
    answers += [int(dose in said.dose_gy) if said.dose_gy else 2 for dose in DOSES_GY[1:]]
    plan = {(side, level): DOSES_GY.index(dose) + 1 for side, level, dose in said.nodes if dose in DOSES_GY}
    return answers + [plan.get(node, 0) if said.nodes else len(DOSES_GY) + 1 for node in NODES]


def descend(
    parameters: Iterable[nn.Parameter], loss_of: Callable[[torch.Tensor], torch.Tensor], count: int, steps: int
) -> None:
    """Take steps of AdamW with one cycle of the rate, each on 64 rows drawn from `count`.

    Args:
        loss_of: rows (64,) -> loss.
    """
    optimiser = torch.optim.AdamW(parameters, lr=1e-3, weight_decay=1e-2)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, max_lr=2e-3, total_steps=steps)
    for _ in range(steps):
        loss = loss_of(torch.randint(count, (64,)))
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        schedule.step()


class TextReader(nn.Module):
    """A few learned queries attend over the tokens of one layer of a frozen language model.

    Mean pooling ("mean") is the paper's way and stays available; it loses most of side and neck on unseen wording. So
    does the last token's state ("last"), in which a causal model has read all others.

    Args:
        token_width: D of the language model.
        width: length of the context vector.
        queries: how many places of the note are looked at; each gets its own answer.
        pooling: "queries", "mean" or "last".
    Source: LLMSeg III.A (mean of the final states, projected); departure: learned queries over a middle layer.
    """

    def __init__(self, token_width: int, width: int = 128, queries: int = 8, pooling: str = "queries"):
        super().__init__()
        self.pooling, self.width = pooling, width
        # Features of different notes are nearly parallel before they are standardised over the training notes.
        self.register_buffer("mean", torch.zeros(token_width))
        self.register_buffer("deviation", torch.ones(token_width))
        head = 64
        pooled = queries * head if pooling == "queries" else token_width
        if pooling == "queries":
            self.queries = nn.Parameter(torch.randn(queries, head) * 0.1)
            self.key = nn.Linear(token_width, head)
            self.value = nn.Linear(token_width, head)
        self.project = nn.Sequential(nn.LayerNorm(pooled), nn.Linear(pooled, 2 * width), nn.GELU(), nn.Dropout(0.1),
                                     nn.Linear(2 * width, width), nn.LayerNorm(width))  # fmt: skip

    @torch.no_grad()
    def reset(self) -> None:
        """Start anew from torch's random state, whatever was drawn from it before."""
        if self.pooling == "queries":
            self.queries.normal_(std=0.1)
        for module in self.modules():
            if isinstance(module, nn.Linear | nn.LayerNorm):
                module.reset_parameters()

    @torch.no_grad()
    def standardise(self, text: TextFeatures) -> None:
        """Take mean and deviation of the tokens of the training notes."""
        tokens = text.tokens[text.mask]
        self.mean.copy_(tokens.mean(0))
        self.deviation.copy_(tokens.std(0).clamp_min(1e-3))

    def forward(self, text: TextFeatures) -> torch.Tensor:
        """(B, T, D) tokens -> (B, width) context."""
        tokens = ((text.tokens - self.mean) / self.deviation).clamp(-10, 10)
        if self.pooling == "mean":
            weights = text.mask.unsqueeze(-1).float()
            return self.project((tokens * weights).sum(1) / weights.sum(1))
        if self.pooling == "last":
            return self.project(tokens[torch.arange(len(tokens)), text.mask.sum(1) - 1])
        scores = torch.einsum("qh,bth->bqt", self.queries, self.key(tokens))  # (B, Q, T)
        attention = scores.masked_fill(~text.mask.unsqueeze(1), -torch.inf).softmax(-1)
        return self.project((attention @ self.value(tokens)).flatten(1))
