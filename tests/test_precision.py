"""Half precision only where the hardware has it."""

from __future__ import annotations

import pytest
import torch

from llmseg.model import precision
from llmseg.model.network import ChannelNorm
from llmseg.training import run

CPU = torch.device("cpu")


@pytest.mark.parametrize("native", [True, False])
def test_a_processor_computes_in_bf16_only_where_it_has_it(monkeypatch, native):
    monkeypatch.setattr(torch.ops.mkldnn, "_is_mkldnn_bf16_supported", lambda: native)
    assert precision.has_bf16(CPU) is native
    with precision.autocast(CPU):
        product = torch.ones(2, 2) @ torch.ones(2, 2)
    assert product.dtype == (torch.bfloat16 if native else torch.float32)


@pytest.mark.parametrize(("native", "chosen"), [(True, "bf16"), (False, "no")])
def test_training_left_to_itself_does_the_same(monkeypatch, native, chosen):
    monkeypatch.setattr(run, "has_bf16", lambda device: native)
    assert run.Processes.of("auto").accelerator.mixed_precision == chosen
    assert run.Processes.of("no").accelerator.mixed_precision == "no"


@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last_3d])
def test_groups_of_one_channel_are_instance_normalisation(layout):
    maps = (torch.randn(2, 5, 6, 7, 8) * 3 + 1).to(memory_format=layout)
    torch.testing.assert_close(ChannelNorm(5)(maps), torch.nn.InstanceNorm3d(5)(maps), atol=1e-5, rtol=1e-5)
