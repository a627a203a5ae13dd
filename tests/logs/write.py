"""Writes the logs under `tests/logs` by small real trainings with the libraries themselves.

    python3 -m venv VENV && VENV/bin/pip install torch scikit-learn transformers accelerate lightning keras \
        tensorboard mlflow-skinny trackio wandb ultralytics
    VENV/bin/python -m tests.logs.write data|seen|unseen [FORMAT[:CASE] …]

`data` are the cases that the readers were built on, `seen` and `unseen` the stories of the fault bench
(`tests/logs/stories.py`). Nothing is fetched from anywhere.
"""

import contextlib
import csv
import json
import os
import shutil
import sqlite3
import sys
import tempfile
from pathlib import Path

import numpy as np
import torch
from torch import nn

from tests.logs.stories import BATCH, CASES, HERE, SETS, Case, breaks_at, data, network, stories, train

LARGEST_BYTES = 59_000


def place(kind: str, case: Case) -> Path:
    folder = HERE / case.root / kind / case.name
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return folder


def write_plain(case: Case) -> None:
    rows = list(train(case))
    names = list(dict.fromkeys(name for row in rows for name in row))
    with (place("csv", case) / "log.csv").open("w", newline="") as file:
        table = csv.DictWriter(file, names)
        table.writeheader()
        table.writerows({key: f"{value:.7g}" for key, value in row.items()} for row in rows)
    if case.root != "data":
        return
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
        logging_steps=10, eval_strategy="epoch", save_strategy="epoch", save_total_limit=1, report_to=[], seed=case.seed,
        lr_scheduler_type="constant" if case.hidden < 8 else "linear", use_cpu=True, disable_tqdm=True, max_grad_norm=0.0 if case.growth != 1 else 1.0,
    )  # fmt: skip
    trainer = transformers.Trainer(
        model=Model(), args=arguments, train_dataset=Examples(tx, ty), eval_dataset=Examples(vx, vy),
        compute_metrics=accuracy, callbacks=[Grows()] if case.growth != 1 else [],
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
    shuffled = DataLoader(
        TensorDataset(tx, ty), BATCH, shuffle=True, generator=torch.Generator().manual_seed(case.seed)
    )
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
    keras.utils.set_random_seed(case.seed)
    active = "tanh" if case.hidden < 8 else "relu"
    layers = [
        keras.layers.Input((64,)),
        keras.layers.Dense(case.hidden, activation=active),
        keras.layers.Dense(case.classes),
    ]
    model = keras.Sequential(layers)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.Adam(case.lr), loss, metrics=["accuracy"])
    folder = place("keras", case)
    growth = case.growth**case.steps_per_epoch
    rate = keras.callbacks.LearningRateScheduler(lambda epoch, now: now * growth if epoch else now)
    history = model.fit(
        tx, ty, BATCH, case.epochs, validation_data=(vx, vy), verbose=0,
        callbacks=[keras.callbacks.CSVLogger(str(folder / "training.csv")), *([rate] if growth != 1 else [])],
    )  # fmt: skip
    if case.root != "data":
        return
    target = place("keras_history", case) / "history.json"
    target.write_text(json.dumps({name: [float(one) for one in column] for name, column in history.history.items()}))


YOLO_NET = """
nc: {classes}
scales: {{n: [1.0, 1.0, 1024]}}
backbone:
  - [-1, 1, Conv, [{width}, 3, 2]]
  - [-1, 1, Conv, [{width}, 3, 2]]
head:
  - [-1, 1, Classify, [{classes}]]
"""


def write_ultralytics(case: Case) -> None:
    if case.breaks or case.hidden < 8:
        return  # it logs nothing of a loss that is lost, and its schedule and batch norm bring the small net to learn
    from PIL import Image
    from ultralytics import YOLO

    scratch = Path(tempfile.mkdtemp())
    tx, ty, vx, vy = data(case)
    low, high = float(tx.min()), float(tx.max())
    for split, inputs, labels in (("train", tx, ty), ("val", vx, vy)):
        for at, (row, label) in enumerate(zip(inputs, labels, strict=True)):
            folder = scratch / "digits" / split / f"class{label}"
            folder.mkdir(parents=True, exist_ok=True)
            grey = ((row.reshape(8, 8) - low) / (high - low) * 255).clip(0, 255).astype(np.uint8)
            Image.fromarray(grey).resize((32, 32)).save(folder / f"{at}.png")
    net = scratch / "yolo26n-cls.yaml"
    net.write_text(YOLO_NET.format(classes=case.classes, width=case.hidden if case.hidden in (2, 192) else 16))
    model = YOLO(str(net), task="classify")

    def begin_epoch(trainer) -> None:  # type: ignore[no-untyped-def]
        factor = case.growth**case.steps_per_epoch if trainer.epoch else 1.0
        trainer.scheduler.base_lrs = [factor * rate for rate in trainer.scheduler.base_lrs]

    model.add_callback("on_train_epoch_start", begin_epoch)
    model.train(
            data=str(scratch / "digits"), epochs=case.epochs, imgsz=32, batch=BATCH, optimizer="AdamW", lr0=case.lr,
            lrf=1.0 if case.growth != 1 else 0.1, warmup_epochs=0.0, seed=case.seed, device="cpu", workers=0, plots=False, save=False,
            verbose=False, project=str(scratch / "runs"), name="run", amp=False, auto_augment=None, erasing=0.0,
            fliplr=0.0, hsv_h=0.0, hsv_s=0.0, hsv_v=0.0, scale=0.0, patience=0,
        )  # fmt: skip
    folder = place("ultralytics", case)
    for name in ("results.csv", "args.yaml"):
        if (scratch / "runs" / "run" / name).exists():
            shutil.copy(scratch / "runs" / "run" / name, folder / name)


WRITERS = {
    "ultralytics": write_ultralytics,
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
    which, *formats = sys.argv[1:] or ["data"]
    cases = stories(which) if which in SETS else CASES
    for asked in formats or WRITERS:
        kind, _, case_name = asked.partition(":")
        for one in cases:
            if case_name in ("", one.name):
                WRITERS[kind](one)
                print(which, kind, one.name, flush=True)
