"""The training that `naive_start` begins naively with: five convolutions, and pictures that are transformed one by one."""

from pathlib import Path

import torch
from torch import Tensor, nn
from torch.utils.data import Dataset
from torchvision.transforms import v2

from trainer import Task
from trainer.data.sources.idx import read_idx

FASHION = Path("/usr/share/datasets/fashion-mnist")
WIDTH = 16


class Pictures(Dataset[tuple[Tensor, Tensor]]):
    """Fashion-MNIST as a tutorial has it: each picture is made floats and normalised whenever it is asked for."""

    def __init__(self) -> None:
        self.pixels = torch.from_numpy(read_idx(FASHION / "train-images-idx3-ubyte.gz").copy())
        self.labels = torch.from_numpy(read_idx(FASHION / "train-labels-idx1-ubyte.gz").copy()).long()
        self.transform = v2.Compose([v2.ToDtype(torch.float32, scale=True), v2.Normalize([0.286], [0.353])])

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor]:
        return self.transform(self.pixels[index][None]), self.labels[index]


def network() -> nn.Sequential:
    """Return five convolutions with batch norm; pictures [B, 1, 28, 28] become ten logits."""

    def block(inputs: int, outputs: int) -> list[nn.Module]:
        return [nn.Conv2d(inputs, outputs, 3, padding=1, bias=False), nn.BatchNorm2d(outputs), nn.ReLU()]

    return nn.Sequential(
        *block(1, WIDTH),
        *block(WIDTH, 2 * WIDTH),
        nn.MaxPool2d(2),
        *block(2 * WIDTH, 2 * WIDTH),
        nn.MaxPool2d(2),
        *block(2 * WIDTH, 4 * WIDTH),
        *block(4 * WIDTH, 4 * WIDTH),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(4 * WIDTH, 10),
    )


def make_task() -> Task:
    """Return the task."""
    return Task(model=network(), train=Pictures())
