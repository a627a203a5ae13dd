"""Your own model and data: a recurrent net reads handwritten digits row by row.

    advisor train examples/own_task.toml --headless

`make_task` is all that a training of your own needs: a plain `nn.Module`, and data as arrays, tensors, torch Datasets or DataLoaders.
The loss follows from the target (whole numbers: cross entropy), a validation split is made of the training data.
"""

import numpy as np
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from torch import Tensor, nn

from trainer import Task


class RowReader(nn.Module):
    """A GRU that is shown the eight rows of an image one after the other, and names the digit at the end."""

    def __init__(self, hidden: int = 64, dropout: float = 0.1) -> None:
        super().__init__()
        self.gru = nn.GRU(input_size=8, hidden_size=hidden, batch_first=True)
        self.dropout = nn.Dropout(dropout)
        self.head = nn.Linear(hidden, 10)

    def forward(self, rows: Tensor) -> Tensor:
        """Map rows [B, 8, 8] to logits [B, 10]."""
        states, _ = self.gru(rows)
        logits: Tensor = self.head(self.dropout(states[:, -1]))
        return logits


def worst_recall(logits: Tensor, targets: Tensor) -> float:
    """Return the share found of the digit that is found least; the main metric stays the first of the list."""
    believed = logits.argmax(1)
    return min(float((believed[targets == digit] == digit).float().mean()) for digit in targets.unique())


def accuracy(logits: Tensor, targets: Tensor) -> float:
    """Return the share of images that are named right."""
    return float((logits.argmax(1) == targets).float().mean())


def make_task(seed: int) -> Task:
    """Return the model with its training and test data; the run's seed also draws the test split."""
    digits = load_digits()
    rows = (digits.images / 8 - 1).astype(np.float32)
    train, test, train_labels, test_labels = train_test_split(
        rows, digits.target, test_size=0.2, random_state=seed, stratify=digits.target
    )
    return Task(
        model=RowReader(),
        train=(train, train_labels),
        test=(test, test_labels),
        metrics=[accuracy, worst_recall],
        classes=[str(name) for name in digits.target_names],
    )
