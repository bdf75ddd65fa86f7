"""What a training step costs beyond its arithmetic, and steps per second beside MONAI's UNETR and DynUNet.

    python benchmarks/training.py [--field X Y Z] [--batch B] [--repeats N]

All networks take the same tensors, and their steps alternate, so that a machine that slows down slows all of them;
figures are medians. A bare step is forward, loss, backward and optimiser; a training step also sets the rate, moves the
batch, cuts the gradient, averages the weights and keeps the figures. Loading data is not in either: training prints the
share of time it waits for it.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable
from itertools import repeat
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import torch

from llmseg.model.architectures import build_network
from llmseg.model.network import NetworkConfig
from llmseg.text.encoder import TextFeatures
from llmseg.training.config import TrainConfig
from llmseg.training.finetune import Beginning, Contouring
from llmseg.training.patients import Patients
from llmseg.training.run import Course, Processes
from llmseg.training.runfolder import RunFolder
from llmseg.training.samples import Batch

TOKENS = 80  # of a note
NETWORKS = {"ContextUNETR": "context-unetr", "MONAI UNETR": "unetr", "MONAI DynUNet": "dynunet"}


def measure(field: tuple[int, int, int] = (32, 32, 48), batch: int = 1, repeats: int = 5) -> dict[str, float]:
    """Seconds of a training step ("training") and of the bare step of each network."""
    torch.manual_seed(0)
    config = TrainConfig(network=NetworkConfig(field=field), batch=batch, log_every=10**9)
    same = _batch(config)
    processes = Processes.of(config.precision, config.network)
    with (
        tempfile.TemporaryDirectory() as scratch,
        RunFolder.open(Path(scratch) / "run", {}, resume=False) as folder,
    ):
        tasks = {name: _task(config, architecture, processes) for name, architecture in NETWORKS.items()}
        steps = {name: _bare_step(task, same, processes) for name, task in tasks.items()}
        course = Course(config, _task(config, "context-unetr", processes), folder, processes, lambda *told: None)
        batches = repeat(same)
        steps["training"] = lambda: course._take_step(batches)
        for step in steps.values():
            step()
        spent = {name: [] for name in steps}
        for _ in range(repeats):
            for name, step in steps.items():
                spent[name].append(_seconds(step, processes.device))
    return {name: statistics.median(times) for name, times in spent.items()}


def _batch(config: TrainConfig) -> Batch:
    size, network = config.batch, config.network
    mask = torch.ones(size, TOKENS, dtype=torch.bool)
    return Batch(
        torch.rand(size, 1, *network.field),
        (torch.rand(size, len(network.structures), *network.field) > 0.9).float(),
        torch.ones(size, len(network.structures), dtype=torch.bool),
        TextFeatures(torch.randn(size, TOKENS, network.token_width), mask),
        torch.arange(size) % 2 == 0,
    )


def _task(config: TrainConfig, architecture: str, processes: Processes) -> Contouring:
    network = build_network(NetworkConfig(architecture=architecture, field=config.network.field))
    network.reader.eval().requires_grad_(False)
    everything = SimpleNamespace(known=np.ones(len(config.network.structures), dtype=bool))
    patients = Patients([everything], [], [])
    return Contouring(config, [], patients, None, None, Beginning(network, {}, {}), processes)


def _bare_step(task: Contouring, batch: Batch, processes: Processes) -> Callable[[], None]:
    model = task.model.to(processes.device, memory_format=torch.channels_last_3d)
    optimiser = torch.optim.AdamW([p for p in model.parameters() if p.requires_grad], lr=1e-6)
    batch = batch.to(processes.device)

    def step() -> None:
        with processes.accelerator.autocast():
            loss = task.figures(model, batch)["loss"]
        loss.backward()
        optimiser.step()
        optimiser.zero_grad(set_to_none=True)

    return step


def _seconds(step: Callable[[], object], device: torch.device) -> float:
    if device.type == "cuda":
        torch.cuda.synchronize()
    began = time.perf_counter()
    step()
    if device.type == "cuda":
        torch.cuda.synchronize()
    return time.perf_counter() - began


def main() -> None:
    parser = argparse.ArgumentParser(description="Time training steps.")
    parser.add_argument("--field", type=int, nargs=3, default=(32, 32, 48), help="voxels")
    parser.add_argument("--batch", type=int, default=1)
    parser.add_argument("--repeats", type=int, default=5)
    options = parser.parse_args()
    seconds = measure(tuple(options.field), options.batch, options.repeats)
    print(f"Steps of {options.batch} x {tuple(options.field)} voxels, {torch.get_num_threads()} threads")
    for name in NETWORKS:
        print(f"{name:16}{1 / seconds[name]:8.2f} steps/s, bare")
    print(f"{'llmseg train':16}{1 / seconds['training']:8.2f} steps/s")
    print(f"training step against the bare one: {seconds['training'] / seconds['ContextUNETR']:.3f}")


if __name__ == "__main__":
    main()
