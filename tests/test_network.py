"""ContextUNETR: the image is encoded once, the note enters only in the decoder."""

from __future__ import annotations

import pytest
import torch
from tiny import CONV, VIT, network, network_config, text
from torch import nn

from llmseg.case import InputError
from llmseg.model.network import ContextUNETR, TextGate

ENCODERS = pytest.mark.parametrize("encoder", [CONV, VIT], ids=["conv", "vit"])


def image(batch: int = 2, field=(16, 16, 16)) -> torch.Tensor:
    return torch.rand(batch, 1, *field, generator=torch.Generator().manual_seed(0))


@ENCODERS
@pytest.mark.parametrize("fusion", ["gated", "none"])
def test_logits_have_one_channel_per_structure_on_the_images_voxels(encoder, fusion):
    built = network(**encoder, fusion=fusion, field=(16, 24, 32))
    logits = built(image(2, (16, 24, 32)), text())
    assert logits.shape == (2, 10, 16, 24, 32)


@ENCODERS
def test_features_halve_from_level_to_level(encoder):
    features = network(**encoder).encode_image(image())
    assert [f.shape[1] for f in features] == [4, 8, 8, 16]
    assert [f.shape[-1] for f in features] == [16, 8, 4, 2]


def test_sigmoid_lets_structures_overlap():
    built = network()
    logits = built(image(), text())
    torch.testing.assert_close(built.probabilities(logits), logits.sigmoid())


def test_softmax_adds_background_and_shares_each_voxel():
    built = network(activation="softmax")
    logits = built(image(), text())
    assert logits.shape[1] == 11
    probabilities = built.probabilities(logits)
    assert probabilities.shape[1] == 10
    torch.testing.assert_close(probabilities.sum(1) + logits.softmax(1)[:, 0], torch.ones(2, 16, 16, 16))


def test_an_untrained_network_draws_nothing():
    torch.manual_seed(0)
    fresh = ContextUNETR(network_config()).eval()
    assert fresh.probabilities(fresh(image(), None)).mean() < 0.2


@ENCODERS
def test_a_note_changes_the_logits(encoder):
    built = network(**encoder)
    features = built.encode_image(image())
    with_note, without = built.decode(features, text()), built.decode(features, None)
    assert not torch.allclose(with_note, without, atol=1e-3)
    assert not torch.allclose(built.decode(features, text(seed=1)), with_note, atol=1e-3)


@ENCODERS
def test_an_image_only_network_cannot_see_the_note(encoder):
    built = network(**encoder, fusion="none")
    features = built.encode_image(image())
    assert torch.equal(built.decode(features, text()), built.decode(features, None))


def test_each_level_of_the_decoder_takes_the_note():
    built = network()
    assert isinstance(built.bottleneck_gate, TextGate)
    assert [type(level.gate) for level in built.levels] == [TextGate] * 3


def test_a_dropped_note_is_no_note():
    built = network()
    features, notes = built.encode_image(image()), text()
    kept = built.decode(features, notes)
    without = built.decode(features, None)
    mixed = built.decode(features, notes, torch.tensor([True, False]))
    torch.testing.assert_close(mixed[0], kept[0])
    torch.testing.assert_close(mixed[1], without[1])
    torch.testing.assert_close(built.decode(features, notes, torch.tensor([False, False])), without)


def test_one_note_serves_a_batch_of_images():
    built = network()
    features, note = built.encode_image(image()), text((4,))
    shared = built.decode(features, note)
    for row in range(2):
        alone = built.decode([f[row : row + 1] for f in features], note)
        torch.testing.assert_close(shared[row : row + 1], alone)


@ENCODERS
def test_the_image_is_encoded_without_the_note(encoder):
    built = network(**encoder)
    with torch.no_grad():
        before = built.encode_image(image())
        for part in (built.reader, built.bottleneck_gate, built.levels, built.head):
            for weight in part.parameters():
                weight.normal_()
        after = built.encode_image(image())
    assert all(torch.equal(a, b) for a, b in zip(before, after, strict=True))


@ENCODERS
def test_encoding_then_decoding_is_the_whole_network(encoder):
    built = network(**encoder)
    torch.testing.assert_close(built(image(), text()), built.decode(built.encode_image(image()), text()))


@ENCODERS
def test_decoding_leaves_the_features_for_the_next_note(encoder):
    built = network(**encoder)
    features = built.encode_image(image())
    kept = [f.clone() for f in features]
    built.decode(features, text())
    assert all(torch.equal(a, b) for a, b in zip(features, kept, strict=True))


@ENCODERS
def test_gradients_reach_every_weight_that_is_used(encoder):
    built = network(**encoder).requires_grad_(True)
    built(image(), text(), torch.tensor([True, False])).square().mean().backward()
    without = {name for name, weight in built.named_parameters() if weight.grad is None}
    # MONAI's blocks bring a norm for cross-attention, and its ViT one after the last tap, that nothing here uses.
    assert {name for name in without if "norm_cross_attn" not in name and "vit.norm." not in name} == set()


def test_the_gate_is_the_papers_concatenation_and_convolution():
    channels, width = 6, 5
    torch.manual_seed(0)
    gate = TextGate(channels, width)
    concatenated = nn.Conv3d(channels + width, 2 * channels, kernel_size=1)
    with torch.no_grad():
        weights = torch.cat((gate.image.weight[:, :, 0, 0, 0], gate.text.weight), dim=1)
        concatenated.weight.copy_(weights[:, :, None, None, None])
        concatenated.bias.copy_(gate.image.bias + gate.text.bias)
    x, context = torch.randn(2, channels, 3, 4, 5), torch.randn(2, width)
    everywhere = context[:, :, None, None, None].expand(-1, -1, 3, 4, 5)
    update, opened = concatenated(torch.cat((x, everywhere), dim=1)).chunk(2, dim=1)
    torch.testing.assert_close(gate(x, context), x + opened.sigmoid() * update.tanh())


def test_a_closed_gate_lets_the_image_pass_unchanged():
    gate = TextGate(4, 3)
    with torch.no_grad():
        gate.image.bias[4:] = -1e4
    x = torch.randn(1, 4, 2, 2, 2)
    assert torch.equal(gate(x, torch.randn(1, 3)), x)


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"encoder": "resnet"}, "encoder = 'resnet' is not one of conv, vit"),
        ({"activation": "relu"}, "activation = 'relu' is not one of sigmoid, softmax"),
        ({"fusion": "attention"}, "fusion = 'attention' is not one of gated, none"),
        ({"pooling": "max"}, "pooling = 'max' is not one of queries, mean"),
        ({"field": (16, 16, 20)}, r"\(16, 16, 20\) is not three multiples of 8 voxels"),
        ({"field": (16, 16)}, r"\(16, 16\) is not three multiples"),
        ({"field": (16, 16, 0)}, r"\(16, 16, 0\) is not three multiples"),
        ({"channels": ()}, "0 channels for 10 structures"),
        ({"channels": (16,)}, "1 channels for 10 structures"),
        ({"channels": (4, 8, 0, 16)}, r"channels = \(4, 8, 0, 16\); it must be 1 or more"),
        ({"structures": ()}, "4 channels for 0 structures"),
        ({"heads": 3}, "heads = 3 does not divide a width of 16"),
        ({"heads": 0}, "heads = 0 does not divide"),
        ({**VIT, "heads": 3}, "heads = 3 does not divide a width of 8"),
        ({**VIT, "depth": 2}, "taps 3 blocks; depth is 2"),
        ({"queries": 0}, "queries = 0; it must be 1 or more"),
        ({"token_width": 0}, "token_width = 0"),
        ({"context_width": -8}, "context_width = -8"),
        ({**VIT, "vit_width": 0}, "vit_width = 0"),
    ],
)
def test_a_network_that_cannot_be_built_is_refused_in_one_line(changes, says):
    with pytest.raises(InputError, match=says) as refused:
        ContextUNETR(network_config(**changes))
    assert "\n" not in str(refused.value)
