"""Writes the logs under `tests/logs/data` by small real trainings with the libraries themselves.

    python3 -m venv VENV && VENV/bin/pip install torch scikit-learn transformers accelerate lightning keras \
        tensorboard mlflow-skinny trackio wandb
    VENV/bin/python tests/logs/write.py [FORMAT[:CASE] …]

Each case is a multilayer perceptron on scikit-learn's digits (1 797 images of 8 × 8, 10 classes). What is wrong with a
case is in its name: the rate grows every step (diverging), 120 training examples with three tenths of the labels wrong
(overfitting), a rate of 0 (lr_zero), an infinite pixel from half of the run on (nan), two hidden units and labels of which
a third are wrong (plateau). Nothing is fetched from anywhere.
"""

import contextlib
import csv
import json
import os
import shutil
import sqlite3
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from sklearn.datasets import load_digits
from torch import nn

HERE = Path(__file__).parent / "data"
BATCH = 32
SEED = 7
LARGEST_BYTES = 59_000


@dataclass(frozen=True)
class Case:
    """One training."""

    name: str
    epochs: int
    lr: float
    hidden: int = 64
    examples: int = 1200
    wrong: float = 0.0
    growth: float = 1.0
    """Factor of the rate from step to step."""
    breaks: bool = False

    @property
    def steps_per_epoch(self) -> int:
        return -(-self.examples // BATCH)


CASES = (
    Case("healthy", epochs=20, lr=1e-3),
    Case("healthy_fast", epochs=12, lr=3e-3, hidden=128),
    Case("diverging", epochs=20, lr=1e-3, growth=1.015),
    Case("overfitting", epochs=60, lr=1e-2, hidden=256, examples=120, wrong=0.3),
    Case("lr_zero", epochs=12, lr=0.0),
    Case("nan", epochs=12, lr=1e-3, breaks=True),
    Case("plateau", epochs=30, lr=3e-2, hidden=2, wrong=0.33),
)


def data(case: Case) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Return training inputs and labels, validation inputs and labels."""
    digits = load_digits()
    order = np.random.default_rng(SEED).permutation(len(digits.target))
    x, y = (digits.data[order] / 16).astype(np.float32), digits.target[order].astype(np.int64)
    train_x, train_y = x[: case.examples].copy(), y[: case.examples].copy()
    draw = np.random.default_rng(SEED + 1)
    wrong = draw.random(case.examples) < case.wrong
    train_y[wrong] = draw.integers(0, 10, int(wrong.sum()))
    return train_x, train_y, x[1297:], y[1297:]


def network(case: Case) -> nn.Sequential:
    torch.manual_seed(SEED)
    activation = nn.Tanh() if case.hidden < 8 else nn.ReLU()
    return nn.Sequential(nn.Linear(64, case.hidden), activation, nn.Linear(case.hidden, 10))


def breaks_at(case: Case) -> int:
    return case.epochs * case.steps_per_epoch // 2 if case.breaks else 10**9


def train(case: Case) -> Iterator[dict[str, float]]:
    """Train by a plain loop; yield a row every ten steps and one after each epoch."""
    tx, ty, vx, vy = (torch.from_numpy(one) for one in data(case))
    model = network(case)
    optimizer = torch.optim.Adam(model.parameters(), lr=case.lr)
    step = 0
    generator = torch.Generator().manual_seed(SEED)
    for epoch in range(case.epochs):
        for batch in torch.randperm(len(tx), generator=generator).split(BATCH):
            step += 1
            inputs = tx[batch]
            if step >= breaks_at(case):
                inputs = inputs * float("inf")
            loss = nn.functional.cross_entropy(model(inputs), ty[batch])
            optimizer.zero_grad()
            loss.backward()
            norm = nn.utils.clip_grad_norm_(model.parameters(), 1e12)
            optimizer.step()
            optimizer.param_groups[0]["lr"] *= case.growth
            if step % 10 == 0:
                yield {
                    "step": step,
                    "epoch": epoch,
                    "train/loss": loss.item(),
                    "train/grad_norm": norm.item(),
                    "lr": optimizer.param_groups[0]["lr"],
                }
        with torch.no_grad():
            scores = model(vx)
        yield {
            "step": step,
            "epoch": epoch + 1,
            "val/loss": nn.functional.cross_entropy(scores, vy).item(),
            "val/accuracy": (scores.argmax(1) == vy).float().mean().item(),
        }


def place(kind: str, case: Case) -> Path:
    folder = HERE / kind / case.name
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return folder


def write_plain(case: Case) -> None:
    rows = list(train(case))
    names = ["step", "epoch", "train/loss", "train/grad_norm", "lr", "val/loss", "val/accuracy"]
    with (place("csv", case) / "log.csv").open("w", newline="") as file:
        table = csv.DictWriter(file, names)
        table.writeheader()
        table.writerows({key: f"{value:.7g}" for key, value in row.items()} for row in rows)
    lines = place("jsonl", case) / "log.jsonl"
    lines.write_text("".join(json.dumps({k: float(f"{v:.7g}") for k, v in row.items()}) + "\n" for row in rows))


def write_tensorboard(case: Case) -> None:
    from torch.utils.tensorboard import SummaryWriter

    with SummaryWriter(str(place("tensorboard", case))) as writer:
        for row in train(case):
            for name, value in row.items():
                if name != "step":
                    writer.add_scalar(name, value, int(row["step"]))


def write_wandb(case: Case) -> None:
    import wandb

    with tempfile.TemporaryDirectory() as scratch:
        os.environ |= {
            "WANDB_MODE": "offline",
            "WANDB_DIR": scratch,
            "WANDB_SILENT": "true",
            "WANDB_DISABLE_GIT": "true",
        }
        os.environ |= {"WANDB_DISABLE_CODE": "true", "WANDB_CONSOLE": "off", "WANDB__DISABLE_STATS": "true"}
        quiet = wandb.Settings(x_disable_stats=True, x_disable_meta=True, console="off", x_disable_machine_info=True)
        run = wandb.init(
            dir=scratch, project="digits", name=case.name, config={"lr": case.lr, "batch_size": BATCH}, settings=quiet
        )
        for row in train(case):
            run.log({key: value for key, value in row.items() if key != "step"}, step=int(row["step"]))
        run.finish()
        wandb.teardown()  # the file is whole only when the service has ended
        for written in Path(scratch).rglob("*.wandb"):
            folder = place("wandb", case) / "offline-run-20261122_210000-abcd1234"
            folder.mkdir()
            content = written.read_bytes()[:LARGEST_BYTES]  # a longer one is kept as one that is still being written
            (folder / written.name).write_bytes(content)


def write_mlflow(case: Case) -> None:
    import mlflow

    scratch = Path(tempfile.mkdtemp()) / "mlruns"
    os.environ["MLFLOW_ALLOW_FILE_STORE"] = "true"
    mlflow.set_tracking_uri(scratch.as_uri())
    mlflow.set_experiment("digits")
    with mlflow.start_run(run_name=case.name):
        mlflow.log_params({"lr": case.lr, "batch_size": BATCH, "epochs": case.epochs})
        for row in train(case):
            mlflow.log_metrics({k: v for k, v in row.items() if k != "step"}, step=int(row["step"]))
    folder = place("mlflow", case)
    for written in scratch.glob("*/*/metrics/**/*"):
        if written.is_file():
            target = folder / "mlruns" / written.relative_to(scratch)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(written, target)
    for written in scratch.glob("*/*/params/*"):
        target = folder / "mlruns" / written.relative_to(scratch)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(written, target)


def write_trackio(case: Case) -> None:
    scratch = Path(os.environ.setdefault("TRACKIO_DIR", tempfile.mkdtemp()))
    import trackio

    folder = place("trackio", case)
    trackio.init(
        project=f"digits-{case.name}", name=case.name, config={"lr": case.lr, "batch_size": BATCH}, embed=False,
        auto_log_cpu=False,
    )  # fmt: skip
    for row in train(case):
        trackio.log({k: v for k, v in row.items() if k != "step"}, step=int(row["step"]))
    trackio.finish()
    with contextlib.closing(sqlite3.connect(scratch / f"digits-{case.name}.db")) as whole:  # its log of writes too
        whole.execute("VACUUM INTO ?", (str(folder / f"digits-{case.name}.db"),))
    with contextlib.closing(sqlite3.connect(folder / f"digits-{case.name}.db", isolation_level=None)) as kept:
        names = [name for (name,) in kept.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        for name in names:  # trackio's empty tables and their indices are four fifths of the file
            if name not in ("metrics", "configs", "sqlite_sequence"):
                kept.execute(f"DROP TABLE {name}")
        for (name,) in kept.execute("SELECT name FROM sqlite_master WHERE type = 'index' AND sql NOT NULL").fetchall():
            kept.execute(f"DROP INDEX {name}")
        kept.execute("VACUUM")


def write_huggingface(case: Case) -> None:
    import transformers
    from torch.utils.data import Dataset

    tx, ty, vx, vy = (torch.from_numpy(one) for one in data(case))
    if case.breaks:
        tx[:40] = float("inf")

    class Examples(Dataset):
        def __init__(self, x: torch.Tensor, y: torch.Tensor) -> None:
            self.x, self.y = x, y

        def __len__(self) -> int:
            return len(self.x)

        def __getitem__(self, at: int) -> dict[str, torch.Tensor]:
            return {"inputs": self.x[at], "labels": self.y[at]}

    class Model(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.net = network(case)

        def forward(self, inputs: torch.Tensor, labels: torch.Tensor) -> dict[str, torch.Tensor]:
            logits = self.net(inputs)
            return {"loss": nn.functional.cross_entropy(logits, labels), "logits": logits}

    class Grows(transformers.TrainerCallback):
        def on_step_end(self, args, state, control, optimizer=None, lr_scheduler=None, **_):  # type: ignore[no-untyped-def]
            for base, group in enumerate(optimizer.param_groups):
                lr_scheduler.base_lrs[base] *= case.growth
                group["lr"] *= case.growth

    def accuracy(seen):  # type: ignore[no-untyped-def]
        return {"accuracy": float((seen.predictions.argmax(-1) == seen.label_ids).mean())}

    scratch = tempfile.mkdtemp()
    arguments = transformers.TrainingArguments(
        output_dir=scratch, num_train_epochs=case.epochs, learning_rate=case.lr, per_device_train_batch_size=BATCH,
        logging_steps=10, eval_strategy="epoch", save_strategy="epoch", save_total_limit=1, report_to=[], seed=SEED,
        lr_scheduler_type="constant" if case.hidden < 8 else "linear", use_cpu=True, disable_tqdm=True, max_grad_norm=0.0 if case.growth > 1 else 1.0,
    )  # fmt: skip
    trainer = transformers.Trainer(
        model=Model(), args=arguments, train_dataset=Examples(tx, ty), eval_dataset=Examples(vx, vy),
        compute_metrics=accuracy, callbacks=[Grows()] if case.growth > 1 else [],
    )  # fmt: skip
    trainer.train()
    folder = place("huggingface", case)
    for written in Path(scratch).glob("checkpoint-*/trainer_state.json"):
        (folder / written.parent.name).mkdir()
        shutil.copy(written, folder / written.parent.name / written.name)


def write_lightning(case: Case) -> None:
    import lightning
    from lightning.pytorch.loggers import CSVLogger
    from torch.utils.data import DataLoader, TensorDataset

    tx, ty, vx, vy = (torch.from_numpy(one) for one in data(case))

    class Module(lightning.LightningModule):
        def __init__(self) -> None:
            super().__init__()
            self.net = network(case)

        def training_step(self, batch, at):  # type: ignore[no-untyped-def]
            inputs, labels = batch
            if self.global_step >= breaks_at(case):
                inputs = inputs * float("inf")
            loss = nn.functional.cross_entropy(self.net(inputs), labels)
            self.log("train_loss", loss, on_step=True, on_epoch=True)
            return loss

        def validation_step(self, batch, at):  # type: ignore[no-untyped-def]
            scores = self.net(batch[0])
            self.log("val_loss", nn.functional.cross_entropy(scores, batch[1]))
            self.log("val_acc", (scores.argmax(1) == batch[1]).float().mean())

        def configure_optimizers(self):  # type: ignore[no-untyped-def]
            optimizer = torch.optim.Adam(self.parameters(), lr=case.lr)
            grow = torch.optim.lr_scheduler.ExponentialLR(optimizer, case.growth)
            return [optimizer], [{"scheduler": grow, "interval": "step"}]

    scratch = tempfile.mkdtemp()
    trainer = lightning.Trainer(
        max_epochs=case.epochs, accelerator="cpu", logger=CSVLogger(scratch, name=""), log_every_n_steps=4,
        enable_checkpointing=False, enable_progress_bar=False, enable_model_summary=False,
        callbacks=[lightning.pytorch.callbacks.LearningRateMonitor("step")], num_sanity_val_steps=0,
    )  # fmt: skip
    shuffled = DataLoader(TensorDataset(tx, ty), BATCH, shuffle=True, generator=torch.Generator().manual_seed(SEED))
    trainer.fit(Module(), shuffled, DataLoader(TensorDataset(vx, vy), 500))
    folder = place("lightning", case)
    (written,) = Path(scratch).rglob("metrics.csv")
    shutil.copy(written, folder / "metrics.csv")


def write_keras(case: Case) -> None:
    os.environ["KERAS_BACKEND"] = "torch"
    import keras

    tx, ty, vx, vy = data(case)
    if case.breaks:
        tx[:1] = np.inf  # Keras logs epochs: the first that meets the pixel is lost
    keras.utils.set_random_seed(SEED)
    active = "tanh" if case.hidden < 8 else "relu"
    layers = [keras.layers.Input((64,)), keras.layers.Dense(case.hidden, activation=active), keras.layers.Dense(10)]
    model = keras.Sequential(layers)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.Adam(case.lr), loss, metrics=["accuracy"])
    folder = place("keras", case)
    growth = case.growth**case.steps_per_epoch
    rate = keras.callbacks.LearningRateScheduler(lambda epoch, now: now * growth if epoch else now)
    history = model.fit(
        tx, ty, BATCH, case.epochs, validation_data=(vx, vy), verbose=0,
        callbacks=[keras.callbacks.CSVLogger(str(folder / "training.csv")), *([rate] if growth > 1 else [])],
    )  # fmt: skip
    target = place("keras_history", case) / "history.json"
    target.write_text(json.dumps({name: [float(one) for one in column] for name, column in history.history.items()}))


WRITERS = {
    "plain": write_plain,
    "tensorboard": write_tensorboard,
    "huggingface": write_huggingface,
    "lightning": write_lightning,
    "keras": write_keras,
    "mlflow": write_mlflow,
    "wandb": write_wandb,
    "trackio": write_trackio,
}

if __name__ == "__main__":
    torch.set_num_threads(1)
    for asked in sys.argv[1:] or WRITERS:
        kind, _, case_name = asked.partition(":")
        for one in CASES:
            if case_name in ("", one.name):
                WRITERS[kind](one)
                print(kind, one.name, flush=True)
