"""What each fusion costs: weights, multiply-adds and milliseconds of one decode with a note.

    python benchmarks/fusions.py

Decodes of all fusions alternate, so that a machine that slows down slows all of them; the figure is the median of
five. Multiply-adds are torch's count, which leaves out softmax, norms and activations.
"""

import statistics
import time

import torch
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from llmseg.model.fusions import FUSIONS
from llmseg.model.network import ContextUNETR, NetworkConfig
from llmseg.text.encoder import TextFeatures

TOKENS = 80  # of a note
REPEATS = 5


def main() -> None:
    torch.manual_seed(0)
    networks = {}
    for fusion in FUSIONS:
        network = ContextUNETR(NetworkConfig(fusion=fusion)).eval().requires_grad_(False)
        networks[fusion] = network.to(memory_format=torch.channels_last_3d)
    config = networks["none"].config
    text = TextFeatures(torch.randn(1, TOKENS, config.token_width), torch.ones(1, TOKENS, dtype=torch.bool))
    with torch.no_grad(), torch.autocast("cpu", dtype=torch.bfloat16):
        features = networks["none"].encode_image(torch.rand(1, 1, *config.field))
        multiply_adds = {fusion: _multiply_adds(network, features, text) for fusion, network in networks.items()}
        spent = {fusion: [] for fusion in networks}
        for network in networks.values():
            network.decode(features, text)
        for _ in range(REPEATS):
            for fusion, network in networks.items():
                began = time.perf_counter()
                network.decode(features, text)
                spent[fusion].append(time.perf_counter() - began)
    milliseconds = {fusion: 1000 * statistics.median(times) for fusion, times in spent.items()}
    print(
        f"One decode of {config.field} voxels with a note of {TOKENS} tokens, {torch.get_num_threads()} threads, bf16"
    )
    print(f"{'fusion':8}{'weights':>12}{'of fusion':>12}{'G mult-adds':>13}{'ms':>8}{'of none':>9}")
    bare = _weights(networks["none"])
    for fusion, network in networks.items():
        weights = _weights(network)
        share = milliseconds[fusion] / milliseconds["none"]
        print(
            f"{fusion:8}{weights:12,}{weights - bare:12,}{multiply_adds[fusion] / 1e9:13.2f}"
            f"{milliseconds[fusion]:8.0f}{share:9.2f}"
        )


def _weights(network: ContextUNETR) -> int:
    return sum(weight.numel() for weight in network.parameters())


def _multiply_adds(network: ContextUNETR, features: list[torch.Tensor], text: TextFeatures) -> float:
    """Counted at full precision and with plain attention: the counter knows neither autocast nor the CPU's kernel."""
    counter = FlopCounterMode(display=False)
    with torch.autocast("cpu", enabled=False), sdpa_kernel(SDPBackend.MATH), counter:
        network.decode([feature.float() for feature in features], text)
    return counter.get_total_flops() / 2


if __name__ == "__main__":
    main()
