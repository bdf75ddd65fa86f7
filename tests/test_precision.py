"""Half precision only where the hardware has it."""

from __future__ import annotations

import ctypes
import sys

import pytest
import torch

from llmseg.model import precision
from llmseg.model.architectures import build_network
from llmseg.model.network import ChannelNorm, NetworkConfig
from llmseg.training import run

CPU = torch.device("cpu")
WIDE = NetworkConfig(field=(48, 48, 48), channels=(8, 8, 16, 16, 16), heads=2)
SMALL = NetworkConfig(field=(32, 32, 32), channels=(8, 8, 16, 16, 16), heads=2)
PERTURB = -6
"""M_PERTURB of glibc's malloc.h: what every block of memory is filled with."""


@pytest.mark.parametrize("native", [True, False])
def test_a_processor_computes_in_bf16_only_where_it_has_it(monkeypatch, native):
    monkeypatch.setattr(torch.ops.mkldnn, "_is_mkldnn_bf16_supported", lambda: native)
    assert precision.has_bf16(CPU, WIDE) is native
    with precision.autocast(CPU, WIDE):
        product = torch.ones(2, 2) @ torch.ones(2, 2)
    assert product.dtype == (torch.bfloat16 if native else torch.float32)


@pytest.mark.parametrize(("native", "chosen"), [(True, "bf16"), (False, "no")])
def test_training_left_to_itself_does_the_same(monkeypatch, native, chosen):
    monkeypatch.setattr(run, "has_bf16", lambda device, network: native)
    assert run.Processes.of("auto", WIDE).accelerator.mixed_precision == chosen
    assert run.Processes.of("no", WIDE).accelerator.mixed_precision == "no"


def test_a_processor_computes_the_smallest_maps_in_full(monkeypatch):
    monkeypatch.setattr(torch.ops.mkldnn, "_is_mkldnn_bf16_supported", lambda: True)
    assert (WIDE.coarsest, SMALL.coarsest) == ((3, 3, 3), (2, 2, 2))
    assert not precision.has_bf16(CPU, SMALL)


@pytest.mark.parametrize(
    ("architecture", "coarsest"),
    [("context-unetr", (3, 3, 4)), ("dynunet", (3, 3, 4)), ("unetr", (3, 3, 4)), ("swin-unetr", (2, 2, 2))],
)
def test_the_coarsest_maps_are_those_of_the_network_itself(architecture, coarsest):
    config = NetworkConfig(architecture=architecture, fusion="none", field=(48, 48, 64))
    edges = []
    network = build_network(config).eval()
    for layer in network.modules():
        if isinstance(layer, torch.nn.Conv3d):
            layer.register_forward_hook(lambda layer, seen, maps: edges.append(tuple(maps.shape[2:])))
    with torch.no_grad():
        network(torch.rand(1, 1, *config.field), None)
    assert min(edges) == config.coarsest == coarsest


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="fills memory by glibc's own means")
@pytest.mark.parametrize("config", [WIDE, SMALL], ids=["wide", "small"])
def test_what_memory_held_before_changes_no_contour_and_no_gradient(config):
    torch.manual_seed(0)
    network, libc = build_network(config).to(memory_format=torch.channels_last_3d), ctypes.CDLL(None)
    image = torch.rand(2, 1, *config.field)

    def learned(filling: int) -> list[torch.Tensor]:
        libc.mallopt(PERTURB, filling)
        try:
            network.zero_grad(set_to_none=True)
            with precision.autocast(CPU, config):
                drawn = network(image, None)
            drawn.float().square().mean().backward()
        finally:
            libc.mallopt(PERTURB, 0)
        return [drawn, *(weight.grad for weight in network.parameters() if weight.grad is not None)]

    plain = learned(0)
    for filling in (127, 128):
        assert all(map(torch.equal, plain, learned(filling)))


@pytest.mark.parametrize("pulled", [torch.contiguous_format, torch.channels_last_3d])
@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last_3d])
@pytest.mark.parametrize("samples", [1, 3])
def test_batch_normalisation_sample_by_sample_is_instance_normalisation(samples, layout, pulled):
    maps = (torch.randn(samples, 5, 6, 7, 8) * 3 + 1).to(memory_format=layout)
    pull = torch.randn_like(maps).to(memory_format=pulled)

    def by_definition(x):
        variance, mean = torch.var_mean(x, (2, 3, 4), correction=0, keepdim=True)
        return (x - mean) / (variance + 1e-5).sqrt()

    def normalised(norm):
        learned = maps.clone().requires_grad_()
        drawn = norm(learned)
        drawn.backward(pull)
        return drawn, learned.grad

    ours = normalised(ChannelNorm(5))
    for mine, defined in zip(ours, normalised(by_definition), strict=True):
        torch.testing.assert_close(mine, defined, atol=1e-5, rtol=1e-5)
        assert mine.is_contiguous(memory_format=layout)  # else every convolution after it copies


def test_a_map_of_one_voxel_normalises_to_nothing():
    assert ChannelNorm(5)(torch.randn(2, 5, 1, 1, 1)).abs().max() < 1e-3
