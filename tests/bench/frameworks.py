"""Examples a second, and the time of a whole short run, beside other people's training loops.

    python -m venv beside && beside/bin/pip install -e . torchvision lightning transformers accelerate fastai skorch
    OMP_NUM_THREADS=1 beside/bin/python -m tests.bench.frameworks [ROUNDS] [PART OF A TASK'S NAME]

The same net, tensors, batch size and AdamW (fused, at a constant rate, without clipping) in one process and one thread; the
forms take turns within each round, in another order each time. Each runs as its own documentation has it for speed: no
progress bars, logs, checkpoints or validation (Lightning `barebones`). What is not installed is left out, and said so.

A steady epoch is the median of all but the first, in processor time. The whole run is the wall time of one call, without
imports and without reading the data; the trainer's has a survey, a journal, a checkpoint, two evaluations and the exported
model in it, the others' have nothing but training.
"""

import importlib.util
import logging
import sys
import tempfile
import warnings
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from statistics import median
from time import perf_counter, process_time
from typing import Any

import torch
from sklearn.datasets import load_breast_cancer
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from advisor.driving.orders import Orders, make_run
from trainer.commands import Command
from trainer.config import Config, parse
from trainer.link import FileLink
from trainer.run import run
from trainer.setup import build

ROUNDS = 5
RATE, DECAY = 1e-3, 0.05


@dataclass
class Task:
    """One training that all forms do."""

    name: str
    config: Config
    epochs: int
    stamps: list[float] = field(default_factory=list)
    """Processor time at the beginning of each epoch."""

    def fresh(self) -> tuple[nn.Module, TensorDataset]:
        """Return a new net, and the training split."""
        torch.manual_seed(0)
        setup = build(self.config)
        assert setup.source.train.tensors is not None
        return setup.model.train(), TensorDataset(*setup.source.train.tensors)

    @property
    def batch(self) -> int:
        """Examples of a step."""
        return self.config.train.batch_size

    def stamp(self, *_: Any, **__: Any) -> None:
        """Remember when an epoch begins."""
        self.stamps.append(process_time())

    def loader(self, examples: TensorDataset) -> DataLoader[Any]:
        """Return the loader that the other frameworks take."""
        return DataLoader(examples, batch_size=self.batch, shuffle=True)


def tasks(folder: Path) -> list[Task]:
    """Return the trainings: a table of pictures, pictures, a CSV file."""
    cancer = load_breast_cancer(as_frame=True).frame
    cancer.to_csv(folder / "cancer.csv", index=False)
    cases: list[tuple[str, int, dict[str, Any], dict[str, Any], int]] = [
        ("digits, mlp 128-64", 20, {"source": "sklearn:digits"}, {"name": "mlp"}, 64),
        (
            "Fashion-MNIST (4,000), cnn 16-32-64",
            3,
            {"source": "idx:/usr/share/datasets/fashion-mnist", "limit": 4_000},
            {"name": "cnn", "width": 16},
            64,
        ),
        (
            "breast cancer as CSV, mlp 128-64",
            40,
            {"source": f"csv:{folder}/cancer.csv", "target": "target"},
            {"name": "mlp"},
            32,
        ),
    ]
    made = []
    for name, epochs, data, model, batch in cases:
        train = {
            "epochs": epochs,
            "batch_size": batch,
            "lr": RATE,
            "threads": 1,
            "eval_every": epochs,
            "weight_decay": DECAY,
        }
        more = {"schedule": "constant", "warmup": 0.0}
        made.append(Task(name, parse({"data": data, "model": model, "train": train | more}, "the bench"), epochs))
    return made


class _Counting(FileLink):
    """A link that knows where an epoch begins."""

    def __init__(self, folder: Path, task: Task, steps: int) -> None:
        super().__init__(folder)
        self._task, self._steps, self._taken = task, steps, 0

    def heard(self) -> list[Command]:
        """Return what was heard, at a step boundary."""
        if self._taken % self._steps == 0:
            self._task.stamp()
        self._taken += 1
        return super().heard()


def ours(task: Task) -> None:
    """Train with the trainer, watched, its files written."""
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch) / "run"
        make_run(folder, "run", Orders(config=task.config, mode="watch", lockstep=False))
        examples = len(task.fresh()[1])
        run(folder, _Counting(folder, task, -(-examples // task.batch)))


def by_hand(task: Task) -> None:
    """Train with a DataLoader and a loop."""
    model, examples = task.fresh()
    optimizer = torch.optim.AdamW(model.parameters(), lr=RATE, weight_decay=DECAY, fused=True)
    batches, loss_of = task.loader(examples), nn.CrossEntropyLoss()
    for _ in range(task.epochs):
        task.stamp()
        for inputs, targets in batches:
            optimizer.zero_grad()
            loss = loss_of(model(inputs), targets)
            loss.backward()
            optimizer.step()


def lightning(task: Task) -> None:
    """Train with Lightning."""
    from lightning.pytorch import LightningModule, Trainer

    model, examples = task.fresh()

    class Module(LightningModule):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.model = model

        def on_train_epoch_start(self) -> None:
            task.stamp()

        def training_step(self, batch: Any, _: int) -> torch.Tensor:
            return nn.functional.cross_entropy(self.model(batch[0]), batch[1])

        def configure_optimizers(self) -> torch.optim.Optimizer:
            return torch.optim.AdamW(self.parameters(), lr=RATE, weight_decay=DECAY, fused=True)

    trainer = Trainer(max_epochs=task.epochs, accelerator="cpu", barebones=True)
    trainer.fit(Module(), task.loader(examples))


def transformers(task: Task) -> None:
    """Train with the Trainer of Hugging Face."""
    from transformers import Trainer, TrainerCallback, TrainingArguments

    model, examples = task.fresh()

    class Wrapped(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.model = model

        def forward(self, inputs: torch.Tensor, labels: torch.Tensor) -> dict[str, torch.Tensor]:
            outputs = self.model(inputs)
            return {"loss": nn.functional.cross_entropy(outputs, labels), "logits": outputs}

    class Stamping(TrainerCallback):  # type: ignore[misc]
        on_epoch_begin = task.stamp

    def collate(rows: list[Any]) -> dict[str, torch.Tensor]:
        return {"inputs": torch.stack([row[0] for row in rows]), "labels": torch.stack([row[1] for row in rows])}

    with tempfile.TemporaryDirectory() as scratch:
        arguments = TrainingArguments(
            output_dir=scratch,
            per_device_train_batch_size=task.batch,
            num_train_epochs=task.epochs,
            learning_rate=RATE,
            weight_decay=DECAY,
            lr_scheduler_type="constant",
            max_grad_norm=0.0,
            optim="adamw_torch_fused",
            use_cpu=True,
            disable_tqdm=True,
            logging_strategy="no",
            save_strategy="no",
            report_to=[],
            remove_unused_columns=False,
        )
        trainer = Trainer(model=Wrapped(), args=arguments, train_dataset=examples, data_collator=collate)
        trainer.add_callback(Stamping())
        trainer.train()


def fastai(task: Task) -> None:
    """Train with fastai."""
    from fastai.callback.core import Callback, CancelValidException
    from fastai.data.core import DataLoaders
    from fastai.learner import Learner
    from fastai.optimizer import OptimWrapper

    model, examples = task.fresh()

    class Stamping(Callback):  # type: ignore[misc]
        def before_epoch(self) -> None:
            task.stamp()

        def before_validate(self) -> None:
            raise CancelValidException

    loaders = DataLoaders(task.loader(examples), task.loader(examples), device=torch.device("cpu"))

    def optimizer(parameters: Any, lr: float, **_: Any) -> Any:
        return OptimWrapper(parameters, torch.optim.AdamW, lr=lr, weight_decay=DECAY, fused=True)

    learner = Learner(loaders, model, loss_func=nn.CrossEntropyLoss(), opt_func=optimizer, cbs=[Stamping()])
    with learner.no_logging():
        learner.fit(task.epochs, RATE)


def skorch(task: Task) -> None:
    """Train with skorch."""
    from skorch import NeuralNetClassifier
    from skorch.callbacks import Callback

    model, examples = task.fresh()

    class Stamping(Callback):  # type: ignore[misc]
        def on_epoch_begin(self, *_: Any, **__: Any) -> None:
            task.stamp()

    net = NeuralNetClassifier(
        model,
        criterion=nn.CrossEntropyLoss,
        optimizer=torch.optim.AdamW,
        optimizer__weight_decay=DECAY,
        optimizer__fused=True,
        lr=RATE,
        batch_size=task.batch,
        max_epochs=task.epochs,
        train_split=None,
        iterator_train__shuffle=True,
        verbose=0,
        callbacks=[Stamping()],
        callbacks__print_log=None,
        callbacks__valid_acc=None,
    )
    net.fit(*examples.tensors)


FORMS: dict[str, tuple[Callable[[Task], None], str]] = {
    "training-advisor, watched": (ours, ""),
    "by hand, DataLoader": (by_hand, ""),
    "Lightning": (lightning, "lightning"),
    "Hugging Face Trainer": (transformers, "transformers"),
    "fastai": (fastai, "fastai"),
    "skorch": (skorch, "skorch"),
}


def main(rounds: int, only: str) -> None:
    """Train in all forms in turns and print a table for each task."""
    warnings.simplefilter("ignore")
    logging.disable(logging.WARNING)
    there = {name: form for name, (form, needs) in FORMS.items() if not needs or importlib.util.find_spec(needs)}
    for name in FORMS.keys() - there.keys():
        print(f"{name} is not installed: left out")
    with tempfile.TemporaryDirectory() as scratch:
        for task in [task for task in tasks(Path(scratch)) if only in task.name]:
            examples = len(task.fresh()[1])
            epochs: dict[str, list[float]] = {name: [] for name in there}
            whole: dict[str, list[float]] = {name: [] for name in there}
            for number in range(rounds + 1):
                for name, form in list(there.items())[:: 1 if number % 2 else -1]:
                    task.stamps.clear()
                    begun = perf_counter()
                    form(task)
                    if number:
                        whole[name].append(perf_counter() - begun)
                        epochs[name].append(median(b - a for a, b in list(pairwise(task.stamps))[1:]))
            _print(task.name, examples, epochs, whole)


def _print(name: str, examples: int, epochs: dict[str, list[float]], whole: dict[str, list[float]]) -> None:
    print(f"\n{name}: {examples} examples, {len(next(iter(whole.values())))} rounds\n")
    print("| form | examples a second | × ours (least .. most) | whole run s | × ours (least .. most) |")
    print("| --- | --- | --- | --- | --- |")
    first = next(iter(epochs))
    for form, seconds in epochs.items():
        rates = [base / mine for mine, base in zip(seconds, epochs[first], strict=True)]
        times = [mine / base for mine, base in zip(whole[form], whole[first], strict=True)]
        print(
            f"| {form} | {examples / median(seconds):,.0f} | {median(rates):.2f} ({min(rates):.2f} .. {max(rates):.2f}) "
            f"| {median(whole[form]):.2f} | {median(times):.2f} ({min(times):.2f} .. {max(times):.2f}) |"
        )


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else ROUNDS, sys.argv[2] if len(sys.argv) > 2 else "")
