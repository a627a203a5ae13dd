"""What activation checkpointing spares at the peak of a step, and what it costs in time.

    OMP_NUM_THREADS=1 .venv/bin/python -m tests.bench.recomputing [ROUNDS]

Nets of the house and of torchvision, one step (forward and backward) without and with it, in turns, by processor time. The
peak is counted (`trainer.stepping.simulated`): whatever the kernels make while it lives, less weights and gradients.
"""

import sys
from collections.abc import Callable
from contextlib import nullcontext
from statistics import median
from time import process_time

import torch
import torchvision
from torch import nn

from trainer.config import ModelConfig
from trainer.models.build import build_model
from trainer.stepping.recomputing import names_of, recomputed
from trainer.stepping.simulated import SimulatedMemory

ROUNDS = 5


def named(name: str) -> Callable[[], nn.Module]:
    """Return what builds a net of the house."""
    return lambda: build_model(ModelConfig(name=name, width=16), 0.1, (3, 32, 32), 10)


def encoder() -> nn.Module:
    """Return a transformer encoder of six layers."""
    return nn.TransformerEncoder(nn.TransformerEncoderLayer(64, 4, 256, 0.1, batch_first=True), 6)


NETS: dict[str, tuple[Callable[[], nn.Module], tuple[int, ...]]] = {
    "cnn 16": (named("cnn"), (64, 3, 32, 32)),
    "resnet 16": (named("resnet"), (64, 3, 32, 32)),
    "transformer, 6 layers of 64": (encoder, (16, 64, 64)),
    "torchvision resnet18": (lambda: torchvision.models.resnet18(num_classes=10), (16, 3, 64, 64)),
    "torchvision vgg11_bn": (lambda: torchvision.models.vgg11_bn(num_classes=10), (2, 3, 64, 64)),
    "torchvision mobilenet_v3_small": (lambda: torchvision.models.mobilenet_v3_small(num_classes=10), (16, 3, 64, 64)),
    "torchvision convnext_tiny": (lambda: torchvision.models.convnext_tiny(num_classes=10), (4, 3, 64, 64)),
    "torchvision densenet121": (lambda: torchvision.models.densenet121(num_classes=10), (4, 3, 64, 64)),
    "torchvision vit_b_32": (lambda: torchvision.models.vit_b_32(image_size=64, num_classes=10), (16, 3, 64, 64)),
}


def step(model: nn.Module, inputs: torch.Tensor, *, again: bool) -> None:
    """Run forward and backward."""
    model.zero_grad(set_to_none=False)
    with recomputed(model) if again else nullcontext():
        outputs = model(inputs)
    outputs.square().mean().backward()


def peak_bytes(model: nn.Module, inputs: torch.Tensor, *, again: bool) -> int:
    """Return the peak of a step besides weights and gradients."""
    memory = SimulatedMemory()
    held = [*model.parameters(), *(parameter.grad for parameter in model.parameters())]
    with memory.counting(held):
        resident = memory.held_bytes
        step(model, inputs, again=again)
    return memory.peak_bytes - resident


def main(rounds: int) -> None:
    """Print a table, a row for each net."""
    print(
        "| net | blocks | peak MiB, without → with | spared | × time (least .. most) |\n| --- | --- | --- | --- | --- |"
    )
    for name, (build, shape) in NETS.items():
        torch.manual_seed(0)
        model, inputs = build().train(), torch.randn(shape)
        step(model, inputs, again=False)
        before, after = (peak_bytes(model, inputs, again=again) for again in (False, True))
        ratios = []
        for number in range(rounds):
            seconds = {}
            for again in (False, True) if number % 2 else (True, False):
                begun = process_time()
                step(model, inputs, again=again)
                seconds[again] = process_time() - begun
            ratios.append(seconds[True] / seconds[False])
        print(
            f"| {name} | {len(names_of(model))} | {before / 2**20:.1f} → {after / 2**20:.1f} | {1 - after / before:.0%} "
            f"| {median(ratios):.2f} ({min(ratios):.2f} .. {max(ratios):.2f}) |",
            flush=True,
        )


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else ROUNDS)
