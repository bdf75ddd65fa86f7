"""ContextUNETR: the image is encoded once, the note enters only in the decoder."""

from __future__ import annotations

import pytest
import torch
from tiny import CONV, VIT, network, network_config, text
from torch import nn

from llmseg.case import InputError
from llmseg.model.checkpoint import CheckpointConfig, load_checkpoint, save_checkpoint
from llmseg.model.fusions import CrossAttention, FiLM, NoText, Slots, TextGate, TwoWayAttention
from llmseg.model.network import ContextUNETR
from llmseg.preprocessing import Grid
from llmseg.text.encoder import EncoderSpec, TextFeatures

FUSION_CLASSES = {
    "gated": TextGate,
    "cross": CrossAttention,
    "two-way": TwoWayAttention,
    "film": FiLM,
    "none": NoText,
}
NEARLY = {"atol": 1e-4, "rtol": 1e-4}
"""As close as other sums of the same numbers come."""

ENCODERS = pytest.mark.parametrize("encoder", [CONV, VIT], ids=["conv", "vit"])
EVERY_FUSION = pytest.mark.parametrize("fusion", FUSION_CLASSES)
READING_FUSION = pytest.mark.parametrize("fusion", ["gated", "cross", "two-way", "film"])

ATTENDING_FUSION = pytest.mark.parametrize("fusion", ["cross", "two-way"])


def image(batch: int = 2, field=(16, 16, 16)) -> torch.Tensor:
    return torch.rand(batch, 1, *field, generator=torch.Generator().manual_seed(0))


def nudged(**changes) -> ContextUNETR:
    """A network whose fusions do not start close to passing the image through."""
    built = network(**changes)
    with torch.no_grad():
        for part in (built.bottleneck_gate, *(level.gate for level in built.levels)):
            for weight in part.parameters():
                weight.add_(0.3 * torch.randn_like(weight))
    return built


@ENCODERS
@EVERY_FUSION
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


@READING_FUSION
@ENCODERS
def test_a_note_changes_the_logits(encoder, fusion):
    built = nudged(**encoder, fusion=fusion)
    features = built.encode_image(image())
    with_note, without = built.decode(features, text()), built.decode(features, None)
    assert not torch.allclose(with_note, without, atol=1e-3)
    assert not torch.allclose(built.decode(features, text(seed=1)), with_note, atol=1e-3)


@ENCODERS
def test_an_image_only_network_cannot_see_the_note(encoder):
    built = network(**encoder, fusion="none")
    features = built.encode_image(image())
    assert torch.equal(built.decode(features, text()), built.decode(features, None))


@EVERY_FUSION
def test_each_level_of_the_decoder_takes_the_note(fusion):
    built = network(fusion=fusion)
    assert isinstance(built.bottleneck_gate, FUSION_CLASSES[fusion])
    finest = NoText if fusion == "two-way" else FUSION_CLASSES[fusion]
    assert [type(level.gate) for level in built.levels] == [FUSION_CLASSES[fusion]] * 2 + [finest]


@EVERY_FUSION
def test_padding_does_not_change_the_logits(fusion):
    built = nudged(fusion=fusion)
    features, note = built.encode_image(image()), text((4, 3))
    longer = torch.full((2, 6, note.tokens.shape[-1]), 7.0)
    padded = TextFeatures(
        torch.cat((note.tokens, longer), dim=1), torch.cat((note.mask, torch.zeros(2, 6, dtype=torch.bool)), dim=1)
    )
    torch.testing.assert_close(built.decode(features, padded), built.decode(features, note), **NEARLY)


@EVERY_FUSION
def test_a_dropped_note_is_no_note(fusion):
    built = nudged(fusion=fusion)
    features, notes = built.encode_image(image()), text()
    kept = built.decode(features, notes)
    without = built.decode(features, None)
    mixed = built.decode(features, notes, torch.tensor([True, False]))
    torch.testing.assert_close(mixed[0], kept[0], **NEARLY)
    torch.testing.assert_close(mixed[1], without[1], **NEARLY)
    torch.testing.assert_close(built.decode(features, notes, torch.tensor([False, False])), without, **NEARLY)


@EVERY_FUSION
def test_one_note_serves_a_batch_of_images(fusion):
    built = nudged(fusion=fusion)
    features, note = built.encode_image(image()), text((4,))
    shared = built.decode(features, note)
    torch.testing.assert_close(shared, built.decode(features, note[[0, 0]]), **NEARLY)
    for row in range(2):
        alone = built.decode([f[row : row + 1] for f in features], note)
        torch.testing.assert_close(shared[row : row + 1], alone, **NEARLY)


@EVERY_FUSION
def test_one_note_can_be_dropped_for_some_images(fusion):
    built = nudged(fusion=fusion)
    features, note = built.encode_image(image()), text((4,))
    mixed = built.decode(features, note, torch.tensor([True, False]))
    torch.testing.assert_close(mixed[0], built.decode(features, note)[0], **NEARLY)
    torch.testing.assert_close(mixed[1], built.decode(features, None)[1], **NEARLY)


@ENCODERS
@EVERY_FUSION
def test_many_notes_on_one_image_are_each_drawn_as_if_alone(encoder, fusion):
    built = nudged(**encoder, fusion=fusion)
    features, notes = built.encode_image(image(1)), text((5, 3, 7))
    together = built.decode(features, notes)
    assert together.shape[0] == 3
    for row in range(3):
        alone = built.decode(features, notes[row : row + 1])
        torch.testing.assert_close(together[row : row + 1], alone, **NEARLY)


@READING_FUSION
def test_some_of_many_notes_on_one_image_can_be_dropped(fusion):
    built = nudged(fusion=fusion)
    features, notes = built.encode_image(image(1)), text((5, 3))
    mixed = built.decode(features, notes, torch.tensor([False, True]))
    torch.testing.assert_close(mixed[:1], built.decode(features, None), rtol=1e-3, atol=1e-3)
    torch.testing.assert_close(mixed[1:], built.decode(features, notes[1:]), rtol=1e-3, atol=1e-3)


def test_notes_that_do_not_fit_the_images_are_a_mistake():
    built = network()
    with pytest.raises(AssertionError, match="3 notes for 2 images"):
        built.decode(built.encode_image(image()), text((5, 3, 4)))


@EVERY_FUSION
def test_half_precision_draws_the_same(fusion):
    built = nudged(fusion=fusion)
    full = built(image(), text())
    with torch.autocast("cpu", dtype=torch.bfloat16):
        half = built(image(), text())
    assert (full - half).square().mean().sqrt() < 0.1 * full.std()


@ENCODERS
@EVERY_FUSION
def test_the_image_is_encoded_without_the_note(encoder, fusion):
    built = network(**encoder, fusion=fusion)
    with torch.no_grad():
        before = built.encode_image(image())
        for part in built.children():
            for weight in part.parameters() if part is not built.encoder else ():
                weight.normal_()
        after = built.encode_image(image())
    assert all(torch.equal(a, b) for a, b in zip(before, after, strict=True))


@ENCODERS
@EVERY_FUSION
def test_encoding_then_decoding_is_the_whole_network(encoder, fusion):
    built = network(**encoder, fusion=fusion)
    torch.testing.assert_close(built(image(), text()), built.decode(built.encode_image(image()), text()))


@ENCODERS
@EVERY_FUSION
def test_decoding_leaves_the_features_for_the_next_note(encoder, fusion):
    built = network(**encoder, fusion=fusion)
    features = built.encode_image(image())
    kept = [f.clone() for f in features]
    built.decode(features, text())
    assert all(torch.equal(a, b) for a, b in zip(features, kept, strict=True))


@ENCODERS
@READING_FUSION
def test_gradients_reach_every_weight_that_is_used(encoder, fusion):
    built = network(**encoder, fusion=fusion).requires_grad_(True)
    built(image(), text(), torch.tensor([True, False])).square().mean().backward()
    without = {name for name, weight in built.named_parameters() if weight.grad is None or not weight.grad.any()}
    # MONAI's blocks bring a norm for cross-attention, and its ViT one after the last tap, that nothing here uses.
    assert {name for name in without if "norm_cross_attn" not in name and "vit.norm." not in name} == set()


@ATTENDING_FUSION
@pytest.mark.parametrize("pooling", ["queries", "mean", "last"])
def test_voxels_look_at_the_tokens_and_not_only_at_what_was_read(fusion, pooling):
    built = nudged(fusion=fusion, pooling=pooling)
    features, note = built.encode_image(image()), text()
    read = built.reader(note)
    built.reader.forward = lambda text: read
    assert not torch.allclose(built.decode(features, text(seed=1)), built.decode(features, note), atol=1e-3)


@ATTENDING_FUSION
@pytest.mark.parametrize("pooling", ["queries", "mean", "last"])
def test_voxels_look_at_what_was_read_and_not_only_at_the_tokens(fusion, pooling):
    built = nudged(fusion=fusion, pooling=pooling)
    features, note = built.encode_image(image()), text()
    before = built.decode(features, note)
    read = built.reader(text(seed=1))
    built.reader.forward = lambda text: read
    assert not torch.allclose(built.decode(features, note), before, atol=1e-3)


def test_a_long_note_begins_with_no_more_say_than_a_short_one():
    built = network(fusion="cross")
    slots = built.memory(built.reader, built.null_context, text((5, 3)), batch=2)
    torch.testing.assert_close(slots.bias.exp(), torch.tensor([[1, 1, *[1 / 5] * 5], [1, 1, *[1 / 3] * 3, 0, 0]]))


def test_cross_attention_is_the_softmax_over_slots_of_each_voxel():
    torch.manual_seed(0)
    fusion = CrossAttention(32, 6)
    x, slots = torch.randn(2, 32, 3, 4, 5), Slots(torch.randn(2, 7, 6), torch.randn(2, 7))
    voxel, values = x[1, :, 2, 0, 3], slots.values[1]
    query, keys = fusion.query(fusion.norm(voxel)), fusion.key(values)
    found = []
    for head in (slice(0, 16), slice(16, 32)):
        attention = (keys[:, head] @ query[head] / 16**0.5 + slots.bias[1]).softmax(0)
        found.append(attention @ fusion.value(values)[:, head])
    expected = voxel + fusion.out(torch.cat(found))
    torch.testing.assert_close(fusion(x, slots)[1, :, 2, 0, 3], expected)


def test_what_a_voxel_finds_depends_on_the_other_voxels_the_note_looked_at():
    torch.manual_seed(0)
    fusion = TwoWayAttention(32, 64)
    nn.init.normal_(fusion.at_slots.out.weight)
    slots = Slots(torch.randn(1, 3, 64), torch.zeros(1, 3))
    x = torch.randn(1, 32, 2, 2, 2)
    other = x.clone()
    other[..., 1] = torch.randn(1, 32, 2, 2)
    update, changed = fusion(x, slots) - x, fusion(other, slots) - other
    assert not torch.allclose(update[..., 0], changed[..., 0], atol=1e-3)


def test_the_note_looks_at_where_a_voxel_lies():
    torch.manual_seed(0)
    fusion = TwoWayAttention(32, 64)
    nn.init.normal_(fusion.at_slots.out.weight)
    slots, x = Slots(torch.randn(1, 3, 64), torch.zeros(1, 3)), torch.randn(1, 32, 2, 2, 2)
    turned = fusion(x.flip(2), slots).flip(2)
    assert not torch.allclose(turned, fusion(x, slots), atol=1e-3)


def test_film_scales_and_shifts_whole_feature_maps():
    fusion = FiLM(4, 3)
    x, context = torch.randn(2, 4, 2, 3, 2), torch.randn(2, 3)
    scale, shift = fusion.text(context).chunk(2, dim=1)
    torch.testing.assert_close(fusion(x, context)[1, 2], x[1, 2] * (1 + scale[1, 2]) + shift[1, 2])


@pytest.mark.parametrize("fusion", ["cross", "two-way", "film"])
def test_a_new_fusion_lets_the_image_pass_almost_unchanged(fusion):
    torch.manual_seed(0)
    built = ContextUNETR(network_config(fusion=fusion)).eval()
    x = torch.randn(2, 16, 2, 2, 2)
    note = built._note(text(), 2, None)
    assert (built.bottleneck_gate(x, note) - x).abs().mean() < 0.1


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
        ({"fusion": "attention"}, "fusion = 'attention' is not one of gated, cross, two-way, film, none"),
        ({"pooling": "max"}, "pooling = 'max' is not one of queries, mean, last"),
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


@EVERY_FUSION
@pytest.mark.parametrize("pooling", ["queries", "mean", "last"])
def test_a_checkpoint_brings_each_fusion_back(tmp_path, fusion, pooling):
    built = nudged(fusion=fusion, pooling=pooling)
    described = CheckpointConfig(built.config, Grid(), EncoderSpec("a/model", 3), "0123456789abcdef", {"steps": 7})
    save_checkpoint(tmp_path / "point", built, described, "# A card\n")
    loaded, read = load_checkpoint(tmp_path / "point")
    assert read.network.fusion == fusion
    built.load_state_dict({key: value.half().float() for key, value in built.state_dict().items()})
    assert torch.equal(loaded(image(), text()), built(image(), text()))
