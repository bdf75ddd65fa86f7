"""The loss counts what was contoured and nothing else, and agrees with MONAI's where the two mean the same."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from monai.losses import DiceLoss, FocalLoss
from monai.networks.utils import one_hot

from llmseg.training.losses import dice_focal

B, K, SPACE = 2, 3, (6, 5, 4)
ALL = torch.ones(B, K, dtype=torch.bool)
EVEN = torch.ones(K)
DICE = {"dice_weight": 1.0, "focal_weight": 0.0}
FOCAL = {"dice_weight": 0.0, "focal_weight": 1.0}


def drawn(seed: int = 0, outputs: int = K) -> torch.Tensor:
    return torch.randn(B, outputs, *SPACE, generator=torch.Generator().manual_seed(seed)) * 3


def shares(seed: int = 1) -> torch.Tensor:
    return torch.rand(B, K, *SPACE, generator=torch.Generator().manual_seed(seed))


def masks(seed: int = 1) -> torch.Tensor:
    return (shares(seed) > 0.6).float()


def classes(seed: int = 2) -> torch.Tensor:
    """(B, K + 1, ...) one-hot, background first."""
    labels = torch.randint(K + 1, (B, 1, *SPACE), generator=torch.Generator().manual_seed(seed))
    return one_hot(labels, K + 1)


def gradient(logits: torch.Tensor, *rest, **options) -> torch.Tensor:
    logits = logits.clone().requires_grad_()
    dice_focal(logits, *rest, **options).total.backward()
    return logits.grad


@given(st.lists(st.booleans(), min_size=B * K, max_size=B * K), st.booleans())
def test_what_nobody_contoured_changes_neither_loss_nor_gradient(contoured, softmax):
    known = torch.tensor(contoured).reshape(B, K)
    logits = drawn(outputs=K + softmax)
    other = torch.where(known[..., None, None, None], masks(), 1 - masks())
    here, there = (dice_focal(logits, t, known, EVEN, softmax=softmax) for t in (masks(), other))
    assert torch.equal(here.total, there.total)
    pull = gradient(logits, masks(), known, EVEN, softmax=softmax)
    assert torch.equal(pull, gradient(logits, other, known, EVEN, softmax=softmax))
    if not softmax:  # where channels compete, an unknown one is still pushed by its neighbours
        assert torch.equal(pull.abs().sum((2, 3, 4)) > 0, known)


def test_an_unknown_organ_may_be_drawn_anywhere():
    known = ALL.clone()
    known[0, 1] = False
    elsewhere = drawn()
    elsewhere[0, 1] = -elsewhere[0, 1]
    assert torch.equal(
        dice_focal(drawn(), masks(), known, EVEN).total, dice_focal(elsewhere, masks(), known, EVEN).total
    )


@pytest.mark.parametrize("softmax", [False, True])
def test_nothing_known_is_no_loss_and_no_gradient(softmax):
    logits = drawn(outputs=K + softmax)
    assert dice_focal(logits, masks(), ~ALL, EVEN, softmax=softmax).total == 0
    assert not gradient(logits, masks(), ~ALL, EVEN, softmax=softmax).any()


def test_a_perfect_drawing_costs_nothing():
    loss = dice_focal((masks() * 2 - 1) * 20, masks(), ALL, EVEN)
    assert loss.dice < 1e-6
    assert loss.focal < 1e-6


def test_a_perfect_drawing_costs_nothing_with_softmax():
    loss = dice_focal(classes() * 40, classes()[:, 1:], ALL, EVEN, softmax=True)
    assert loss.dice < 1e-5
    assert loss.focal < 1e-5


def test_an_empty_target_drawn_empty_costs_nothing():
    nothing = torch.zeros(B, K, *SPACE)
    assert dice_focal(nothing - 20, nothing, ALL, EVEN).total < 1e-4


@pytest.mark.parametrize("squared", [False, True])
def test_dice_is_monais(squared):
    reference = DiceLoss(sigmoid=True, smooth_nr=1, smooth_dr=1, squared_pred=squared)
    for targets in (masks(), shares()):
        ours = dice_focal(drawn(), targets, ALL, EVEN, squared=squared).dice
        torch.testing.assert_close(ours, reference(drawn(), targets))


def test_squared_dice_is_best_where_the_probability_is_the_share_of_the_voxel():
    targets = shares().clamp(0.01, 0.99)
    assert dice_focal(targets.logit(), targets, ALL, EVEN, squared=True).dice < 1e-6
    assert dice_focal(targets.logit(), targets, ALL, EVEN).dice > 0.1


def test_dice_is_monais_with_softmax():
    reference = DiceLoss(softmax=True, include_background=False, smooth_nr=1, smooth_dr=1)
    logits = drawn(outputs=K + 1)
    ours = dice_focal(logits, classes()[:, 1:], ALL, EVEN, softmax=True)
    torch.testing.assert_close(ours.dice, reference(logits, classes()))


@pytest.mark.parametrize("gamma", [1.0, 2.0, 3.0])
def test_focal_is_monais_on_masks(gamma):
    reference = FocalLoss(gamma=gamma)
    ours = dice_focal(drawn(), masks(), ALL, EVEN, gamma=gamma)
    torch.testing.assert_close(ours.focal, reference(drawn(), masks()))


@pytest.mark.parametrize("softmax", [False, True])
def test_focal_vanishes_where_the_probability_is_the_share_of_the_voxel(softmax):
    if softmax:
        probabilities = drawn(outputs=K + 1).softmax(1)
        logits, targets = probabilities.log(), probabilities[:, 1:]
    else:
        targets = shares().clamp(0.01, 0.99)
        logits = targets.logit()
    loss = dice_focal(logits, targets, ALL, EVEN, softmax=softmax)
    assert loss.focal < 1e-9
    assert dice_focal(logits + drawn(5, logits.shape[1]), targets, ALL, EVEN, softmax=softmax).focal > 1e-3


def test_the_total_is_alpha_dice_plus_beta_focal():
    loss = dice_focal(drawn(), shares(), ALL, EVEN, dice_weight=0.7, focal_weight=4.0)
    torch.testing.assert_close(loss.total, 0.7 * loss.dice + 4 * loss.focal)


@pytest.mark.parametrize("part", [DICE, FOCAL])
def test_a_structure_counts_by_its_weight_among_those_known(part):
    weights, known = torch.tensor([2.0, 1.0, 5.0]), ALL.clone()
    known[1, 2] = False

    def alone(sample: int, structure: int) -> torch.Tensor:
        only = torch.zeros_like(ALL)
        only[sample, structure] = True
        return dice_focal(drawn(), masks(), only, EVEN, **part).total

    each = torch.stack([torch.stack([alone(b, k) for k in range(K)]) for b in range(B)])
    share = known * weights
    expected = B * ((each * share).sum(1) / share.sum(1)).mean()
    torch.testing.assert_close(dice_focal(drawn(), masks(), known, weights, **part).total, expected)


def test_logits_in_half_precision_give_a_loss_in_full():
    logits = drawn().bfloat16()
    loss = dice_focal(logits, shares(), ALL, EVEN)
    assert loss.total.dtype == torch.float32
    torch.testing.assert_close(loss.total, dice_focal(logits.float(), shares(), ALL, EVEN).total)


@given(st.integers(0, 10_000))
def test_every_voxel_pulls_towards_its_target(seed):
    targets = masks(seed)
    pull = gradient(drawn(seed), targets, ALL, EVEN, **FOCAL)
    assert torch.equal(pull > 0, targets == 0)
