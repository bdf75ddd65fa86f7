"""Every network a config can name answers alike; what it may not look at, it does not look at."""

from __future__ import annotations

import pytest
import torch
from monai.networks.nets import UNETR, DynUNet, SwinUNETR
from tiny import network_config, text

from llmseg.case import InputError
from llmseg.model.architectures import build_network
from llmseg.model.checkpoint import CheckpointConfig, load_checkpoint, save_checkpoint
from llmseg.model.network import ARCHITECTURES, ContextUNETR, ContourNetwork
from llmseg.preprocessing import Grid
from llmseg.text.encoder import EncoderSpec

FIELDS = {"swin-unetr": (32, 16, 40)}
"""Where the usual tiny field is too small; neither edge of this one is what a swin-unetr asks for."""

EVERY = pytest.mark.parametrize("architecture", ARCHITECTURES)
MONAI = pytest.mark.parametrize("architecture", ["unetr", "swin-unetr", "dynunet"])


def built(architecture: str, seed: int = 0, **changes) -> ContourNetwork:
    torch.manual_seed(seed)
    sizes = {"field": FIELDS.get(architecture, (16, 24, 16)), "vit_width": 8, **changes}
    network = build_network(network_config(architecture=architecture, **sizes)).eval()
    with torch.no_grad():  # a new network draws the same nothing everywhere
        for weight in network.parameters():
            weight.add_(0.1 * torch.randn_like(weight))
    return network.requires_grad_(False)


def image(network: ContourNetwork, batch: int = 2, seed: int = 0) -> torch.Tensor:
    return torch.rand(batch, 1, *network.config.field, generator=torch.Generator().manual_seed(seed))


@EVERY
@pytest.mark.parametrize(("activation", "channels"), [("sigmoid", 10), ("softmax", 11)])
def test_logits_lie_on_the_fields_voxels(architecture, activation, channels):
    network = built(architecture, activation=activation)
    logits = network(image(network), text())
    assert logits.shape == (2, channels, *network.config.field)
    assert network.probabilities(logits).shape == (2, 10, *network.config.field)


@EVERY
def test_encoding_then_decoding_is_the_whole_network(architecture):
    network = built(architecture)
    features = network.encode_image(image(network))
    assert all(len(feature) == 2 for feature in features)
    torch.testing.assert_close(network.decode(features, text()), network(image(network), text()))


@EVERY
def test_an_untrained_network_draws_nothing(architecture):
    torch.manual_seed(0)
    network = build_network(network_config(architecture=architecture, field=FIELDS.get(architecture, (16,) * 3)))
    assert network.probabilities(network(image(network), None)).mean() < 0.2


@EVERY
def test_notes_change_the_contours_of_networks_that_read_them(architecture):
    network = built(architecture)
    features = network.encode_image(image(network))
    with_note, other, without = (network.decode(features, t) for t in (text(), text(seed=1), None))
    reads = not torch.equal(with_note, without)
    assert reads == network.config.reads_notes == (not torch.equal(with_note, other))
    assert reads == (architecture in ("context-unetr", "text-only"))


@EVERY
def test_images_change_the_contours_of_all_networks_but_one(architecture):
    network = built(architecture)
    same = torch.equal(network(image(network), text()), network(image(network, seed=1), text()))
    assert same == (architecture == "text-only")


def test_an_image_only_context_unetr_reads_no_notes():
    assert not network_config(fusion="none").reads_notes


def test_a_text_only_network_reads_notes_whatever_the_fusion():
    assert network_config(architecture="text-only", fusion="none").reads_notes


@EVERY
def test_several_notes_on_one_image_are_each_drawn_as_if_alone(architecture):
    network = built(architecture)
    features, notes = network.encode_image(image(network, 1)), text((5, 3, 7))
    together = network.decode(features, notes)
    assert len(together) == 3
    for row in range(3):
        alone = network.decode(features, notes[row : row + 1])
        torch.testing.assert_close(together[row : row + 1], alone, atol=1e-4, rtol=1e-4)


@EVERY
def test_one_note_serves_a_batch_of_images(architecture):
    network = built(architecture)
    note = text((4,))
    torch.testing.assert_close(
        network(image(network), note), network(image(network), note[[0, 0]]), atol=1e-4, rtol=1e-4
    )


@EVERY
def test_a_dropped_note_is_no_note(architecture):
    network = built(architecture)
    features = network.encode_image(image(network))
    mixed = network.decode(features, text(), torch.tensor([True, False]))
    torch.testing.assert_close(mixed[0], network.decode(features, text())[0], atol=1e-4, rtol=1e-4)
    torch.testing.assert_close(mixed[1], network.decode(features, None)[1], atol=1e-4, rtol=1e-4)


@EVERY
def test_notes_that_do_not_fit_the_images_are_a_mistake(architecture):
    network = built(architecture)
    with pytest.raises(AssertionError, match="3 notes for 2 images"):
        network(image(network), text((5, 3, 4)))


@EVERY
def test_a_step_of_training_lowers_the_loss(architecture):
    network = built(architecture).train().requires_grad_(True)
    network.reader.eval().requires_grad_(False)
    learned = [weight for weight in network.parameters() if weight.requires_grad]
    optimiser = torch.optim.SGD(learned, lr=1e-2)
    losses = []
    for _ in range(3):
        optimiser.zero_grad()
        loss = network(image(network), text(), torch.tensor([True, False])).square().mean()
        loss.backward()
        optimiser.step()
        losses.append(loss.item())
    assert losses[0] > losses[1] > losses[2]


def test_gradients_reach_every_weight_of_a_text_only_network():
    network = built("text-only").requires_grad_(True)
    network(image(network), text(), torch.tensor([True, False])).square().mean().backward()
    without = {name for name, weight in network.named_parameters() if weight.grad is None or not weight.grad.any()}
    assert without == set()


@pytest.mark.parametrize(("architecture", "kind"), [("unetr", UNETR), ("swin-unetr", SwinUNETR), ("dynunet", DynUNet)])
def test_monais_networks_are_monais(architecture, kind):
    network = built(architecture)
    assert type(network.net) is kind
    assert {name.split(".")[0] for name in network.state_dict()} == {"net"}


@MONAI
def test_a_field_is_padded_with_air_and_its_contours_cut_back(architecture):
    network = built(architecture, field=(32, 24, 40))
    wider = {"unetr": (32, 32, 48), "swin-unetr": (32, 32, 64), "dynunet": (32, 24, 40)}[architecture]
    seen = []
    network.net.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
    assert network(image(network), None).shape[2:] == (32, 24, 40)
    assert seen[0].shape[2:] == wider
    beyond = seen[0][:, :, :, 24:]
    assert not beyond.numel() or (beyond[:, 0] == -1).all()


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"architecture": "nnunet"}, "architecture = 'nnunet' is not one of context-unetr, text-only, unetr"),
        ({"architecture": "dynunet", "channels": (8, 16)}, "A dynunet has 3 levels or more"),
        ({"architecture": "swin-unetr", "field": (32, 32, 16)}, "leaves a swin-unetr one voxel"),
        ({"architecture": "unetr", "vit_width": 8, "heads": 3}, "heads = 3 does not divide a width of 8"),
    ],
)
def test_a_network_that_cannot_be_built_is_refused_in_one_line(changes, says):
    with pytest.raises(InputError, match=says) as refused:
        build_network(network_config(**changes))
    assert "\n" not in str(refused.value)


@EVERY
def test_a_checkpoint_brings_each_network_back(tmp_path, architecture):
    network = built(architecture)
    described = CheckpointConfig(network.config, Grid(), EncoderSpec("a/model", 3), "0123456789abcdef", {"steps": 7})
    save_checkpoint(tmp_path / "point", network, described, "# A card\n")
    loaded, read = load_checkpoint(tmp_path / "point")
    assert type(loaded) is type(network)
    assert read.network == network.config
    network.load_state_dict({key: value.half().float() for key, value in network.state_dict().items()})
    assert torch.equal(loaded(image(network), text()), network(image(network), text()))


def test_a_checkpoint_without_an_architecture_is_the_projects_own():
    loaded, config = load_checkpoint("assets/checkpoints/openkbp")
    assert isinstance(loaded, ContextUNETR)
    assert config.network.architecture == "context-unetr"
