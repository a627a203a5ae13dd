"""What to change, in the words of the framework whose log it is: lines to paste, not knobs of ours."""

import re
from collections.abc import Iterable, Mapping
from math import isfinite

from rules.vocabulary import Deed, Finding, Fix, Severity, Value

TRAINING_ARGUMENTS = "TrainingArguments"
Lines = Mapping[str, str]

KNOB_LINES: Mapping[str, Lines] = {
    "lr": {
        "huggingface": "TrainingArguments(learning_rate={value})",
        "lightning": "torch.optim.AdamW(self.parameters(), lr={value})  # configure_optimizers",
        "keras": "model.compile(optimizer=keras.optimizers.Adam(learning_rate={value}), …)",
        "ultralytics": 'model.train(lr0={value}, optimizer="AdamW", …)  # optimizer="auto", the default, ignores lr0',
        "pytorch": "torch.optim.AdamW(model.parameters(), lr={value})",
    },
    "schedule": {
        "huggingface": 'TrainingArguments(lr_scheduler_type="cosine")',
        "lightning": "torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=self.trainer.max_epochs)",
        "keras": "keras.optimizers.schedules.CosineDecay(initial_learning_rate, decay_steps)",
        "ultralytics": "model.train(cos_lr=True, …)",
        "pytorch": "torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=epochs)",
    },
    "warmup": {
        "huggingface": "TrainingArguments(warmup_steps={value})  # a share; before transformers 5: warmup_ratio",
        "lightning": "torch.optim.lr_scheduler.LinearLR(optimizer, start_factor=0.01, total_iters=warmup_steps)",
        "keras": "keras.optimizers.schedules.CosineDecay(0.0, decay_steps, warmup_target=rate, warmup_steps=…)",
        "ultralytics": "model.train(warmup_epochs=3, …)",
        "pytorch": "torch.optim.lr_scheduler.LinearLR(optimizer, start_factor=0.01, total_iters=warmup_steps)",
    },
    "clip": {
        "huggingface": "TrainingArguments(max_grad_norm={value})",
        "lightning": "Trainer(gradient_clip_val={value})",
        "keras": "keras.optimizers.Adam(…, clipnorm={value})",
        "ultralytics": "# Ultralytics clips at a norm of 10; only a lower lr0 is left to turn",
        "pytorch": "torch.nn.utils.clip_grad_norm_(model.parameters(), {value})  # between backward() and step()",
    },
    "weight_decay": {
        "huggingface": "TrainingArguments(weight_decay={value})",
        "lightning": "torch.optim.AdamW(self.parameters(), lr=…, weight_decay={value})",
        "keras": "keras.optimizers.AdamW(…, weight_decay={value})",
        "ultralytics": "model.train(weight_decay={value}, …)",
        "pytorch": "torch.optim.AdamW(model.parameters(), lr=…, weight_decay={value})",
    },
    "dropout": {
        "huggingface": "AutoConfig.from_pretrained(…, hidden_dropout_prob={value})",
        "lightning": "torch.nn.Dropout({value})  # before the last layer",
        "keras": "keras.layers.Dropout({value})  # before the last layer",
        "ultralytics": "model.train(dropout={value}, …)  # of classifiers; others: more augmentation, mixup=0.1",
        "pytorch": "torch.nn.Dropout({value})  # before the last layer",
    },
    "label_smoothing": {
        "huggingface": "TrainingArguments(label_smoothing_factor={value})",
        "lightning": "torch.nn.functional.cross_entropy(scores, labels, label_smoothing={value})",
        "keras": "keras.losses.CategoricalCrossentropy(label_smoothing={value})  # takes one-hot labels",
        "ultralytics": "# raise augmentation instead: model.train(mixup=0.1, …)",
        "pytorch": "torch.nn.CrossEntropyLoss(label_smoothing={value})",
    },
    "early_stop": {
        "huggingface": "Trainer(callbacks=[EarlyStoppingCallback(early_stopping_patience=5)], …)\n"
        'TrainingArguments(load_best_model_at_end=True, metric_for_best_model="eval_loss", eval_strategy="epoch", '
        'save_strategy="epoch")',
        "lightning": 'Trainer(callbacks=[EarlyStopping(monitor="val_loss", patience=5)])',
        "keras": "model.fit(callbacks=[keras.callbacks.EarlyStopping(patience=5, restore_best_weights=True)], …)",
        "ultralytics": "model.train(patience=10, …)",
        "pytorch": "# keep the state of the best evaluation, and stop after five without a gain",
    },
    "batch_size": {
        "huggingface": "TrainingArguments(per_device_train_batch_size={value})",
        "lightning": "DataLoader(…, batch_size={value})",
        "keras": "model.fit(batch_size={value}, …)",
        "ultralytics": "model.train(batch={value}, …)",
        "pytorch": "DataLoader(…, batch_size={value})",
    },
}
"""Knob of ours → framework → the lines that turn it there."""

SWEEP_LINES: Lines = {
    "huggingface": "# try learning_rate at 0.1, 1 and 10 times its value for some hundred steps each",
    "lightning": "lightning.pytorch.tuner.Tuner(trainer).lr_find(model)",
    "keras": "# try learning_rate at 0.1, 1 and 10 times its value for an epoch each",
    "ultralytics": "# try lr0 at 0.1, 1 and 10 times its value for some epochs each",
    "pytorch": "# try lr at 0.1, 1 and 10 times its value for some hundred steps each",
}

_NAN_RATE = re.compile(r"\blr(?: to)? nan\b")
_ASSIGNED = re.compile(r"train\.(\w+) = (\S+)")
_ROLL_BACK = re.compile(r"^roll back to before step (\d+) with")
_STEP = re.compile(r"\bstep (\d+)")
_STEPS = re.compile(r"\b(\d+) steps\b")


SIGNS: Mapping[str, frozenset[str]] = {
    "huggingface": frozenset({"train/global_step", "train/total_flos", "eval/samples_per_second", "eval/runtime"}),
    "lightning": frozenset({"trainer/global_step", "hp_metric", "lr-Adam", "lr-AdamW", "lr-SGD"}),
    "ultralytics": frozenset({"lr/pg0", "metrics/mAP50-95(B)"}),
    "keras": frozenset({"train/epoch_loss", "val/epoch_loss", "epoch/loss", "epoch/val_loss"}),
}
"""Framework → columns that only its own loggers write, whatever they write to."""


def framework_of(written_by: str, columns: Iterable[str]) -> str:
    """Return whose configuration the advice is for: of a tracker's log, the framework whose columns it holds.

    Args:
        written_by: What the format tells; `pytorch` where it tells nothing.
        columns: Names of the columns.
    """
    there = set(columns)
    return written_by if written_by != "pytorch" else next((one for one in SIGNS if SIGNS[one] & there), written_by)


def lines_of(fix: Fix, framework: str) -> str:
    """Return the lines that make a fix part of the next training; empty where no line does."""
    if fix.deed is Deed.STOP and fix.improves == "time":
        return KNOB_LINES["early_stop"][framework]
    turns: dict[str, Value] = {turn.knob: turn.to for turn in fix.turns}
    if not turns and (told := _ASSIGNED.search(fix.name)):
        turns = {told[1]: told[2]}
    if not turns:
        return SWEEP_LINES[framework] if fix.deed is Deed.START_OVER else ""
    written = [
        KNOB_LINES[knob][framework].format(value=_written(value)) for knob, value in turns.items() if knob in KNOB_LINES
    ]
    return "\n".join(written)


def plain(text: str, epoch_steps: int) -> str:
    """Return a rule's words without what the log does not know: an unlogged rate, our configuration keys, steps.

    Args:
        text: What the rule says.
        epoch_steps: Steps that stand for one epoch in a log of epochs; 0 where the log has steps.
    """
    text = _NAN_RATE.sub("the learning rate", text)
    text = _ROLL_BACK.sub(r"go on from a checkpoint before step \1, with", text).replace(
        "with clip ", "with gradients clipped at "
    )
    text = _ASSIGNED.sub(lambda found: f"{found[1]} {found[2]}", text).replace("batch_size 0", "twice the batch size")
    text = text.replace(" (data.val_fraction)", "")
    if epoch_steps:
        text = _STEP.sub(lambda found: f"epoch {-(-int(found[1]) // epoch_steps)}", text)
        text = _STEPS.sub(lambda found: _epochs(int(found[1]) / epoch_steps), text)
    return text


def is_suspicion(finding: Finding) -> bool:
    """Tell whether only a probe could tell: one that nobody can make on a training that is over."""
    return finding.severity is Severity.INFO and any(
        fix.deed is Deed.START_OVER and not fix.turns for fix in finding.fixes
    )


def tells_a_saving(finding: Finding) -> bool:
    """Tell whether a finding is worth most when it is first seen: what stopping then would have saved."""
    return any(fix.improves == "time" for fix in finding.fixes)


def _epochs(count: float) -> str:
    return "1 epoch" if count == 1 else f"{count:g} epochs"


def _written(value: Value) -> str:
    if isinstance(value, float):
        return f"{value:.3g}" if isfinite(value) else "…"
    return "…" if value in ("0", 0) else str(value)
