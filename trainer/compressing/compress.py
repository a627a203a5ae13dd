"""The finished model is made smaller, written, read back, and scored beside the original.

Pruning sets the weights that matter least to zero and writes the rest with a bit mask: as many as the metric on the
validation split bears. What matters is judged by LAMP (Lee et al. 2021, arXiv 2010.07611), which ranks magnitudes over the
whole net without emptying a layer of small weights. Int8 writes weights with eight bits and a scale for each output channel.
Both are packings of the file (`trainer.compressing.packing`): bytes fall, arithmetic and speed stay as they were. Where a model is slow
enough for it, int8 also computes in eight bits (`trainer.compressing.quantise`), if that proves faster and the metric bears it.
The measured latency shows which it is. The test split is only reported.
"""

import copy
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from trainer.commands import Compress
from trainer.compressing.latency import EXAMPLES, latencies
from trainer.compressing.packing import Packing, pack, packable, unpack
from trainer.compressing.proving import prove
from trainer.compressing.quantise import QuantiseError, calibrate, why_not
from trainer.data.batch import Batch
from trainer.data.feed import open_feed
from trainer.data.source import Split
from trainer.evaluate import in_order
from trainer.export import describe, read_model, save_model, write_model
from trainer.metrics import Metrics
from trainer.stepping.pieces import moved
from trainer.training import Training
from trainer.wire import Compressed, Told, TrialEnded, read_event

AMOUNTS = (0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.85, 0.9, 0.93, 0.95, 0.97)
"""Shares of weights to try: closer together where a step still takes away a third of what is left."""

SEARCH_MARGIN = 0.5
"""The search stops at half of the loss that is allowed: it looks at the same examples that judge its pick."""

INT8_FROM_PARAMETERS = 100_000
"""A smaller model is fast enough: compiling would take longer than its training."""

INT8_FROM_S = 0.004
"""A float pass over 32 examples. An MLP of 0.5 ms became 1.6 times slower in int8, where each layer costs a fixed time;
convolutional nets of 20 ms became 2.4 to 4.3 times faster (one core with AVX2)."""

HELD_MOST_BYTES = 256 << 20
"""A split whose decoded examples fit in here is fetched once, however many amounts are tried."""


PENDING = "pending-"
"""What the name of a copy begins with until it is kept."""


class CompressError(Exception):
    """The model cannot be made smaller this way; the text says why."""


@dataclass
class Compression:
    """A compressed copy on disk, and how it did beside the original. It has its own name only once it is kept."""

    event: Compressed
    pending: Path

    @property
    def path(self) -> Path:
        """Where the copy lies when it is kept."""
        return Path(self.event.path)

    def keep(self) -> None:
        """Give the copy its name."""
        self.pending.replace(self.path)

    def discard(self) -> None:
        """Delete the copy."""
        self.pending.unlink(missing_ok=True)


def clear(folder: Path) -> None:
    """Settle copies that a trainer which died had made: those that it has told to stay are there, the others are deleted."""
    events = [read_event(line) for line in _lines(folder / "events.jsonl", "compressed", "trial_ended")]
    told = {one.trial for one in events if isinstance(one, TrialEnded) and one.went_on_from == "candidate"}
    made = [one for one in events if isinstance(one, Compressed)]
    stay = {Path(one.path).name for one in made if one.trial in told}
    for name in {Path(one.path).name for one in made} - stay:
        (folder / name).unlink(missing_ok=True)
    for left in folder.glob(f"{PENDING}*.safetensors"):
        left.unlink(missing_ok=True)


def _lines(journal: Path, *kinds: str) -> list[str]:
    if not journal.exists():
        return []
    with journal.open(encoding="utf-8", errors="replace") as lines:
        return [line for line in lines if any(f'"kind":"{kind}"' in line for kind in kinds)]


@dataclass(frozen=True)
class _Made:
    """A copy as it was written, what it says of each split, and how long a small batch takes."""

    path: Path
    outputs: dict[str, Tensor]
    latency_before_s: float
    latency_after_s: float
    note: str


class _Judge:
    """Scores models on the splits of a run, without augmentation, dropout or mixed precision."""

    def __init__(self, training: Training) -> None:
        self._training = training
        self._held: dict[str, list[Batch]] = {}

    @property
    def metrics(self) -> Metrics:
        return self._training.setup.metrics

    @property
    def splits(self) -> tuple[str, ...]:
        """Splits to score on: validation decides, the test split, where there is one, is only reported."""
        return ("val",) if self._training.setup.source.test is None else ("val", "test")

    def value(self, outputs: Tensor, targets: Tensor) -> float:
        """Return the main metric."""
        return self.metrics.main_value(outputs, targets)

    def inputs(self) -> dict[str, Tensor] | None:
        """Return the inputs of each split as one float tensor, or nothing where they are no such or too many."""
        whole = {}
        for split in self.splits:
            parts, held_bytes = [], 0
            for batch in self.batches(split):
                if not isinstance(batch.inputs, Tensor) or batch.inputs.dtype != torch.float32:
                    return None
                held_bytes += batch.inputs.nbytes
                if held_bytes > HELD_MOST_BYTES:
                    return None
                parts.append(batch.inputs.cpu())
            whole[split] = torch.cat(parts)
        return whole

    @torch.no_grad()
    def outputs(self, model: nn.Module, split: str) -> tuple[Tensor, Tensor]:
        """Return outputs and targets of a split, on the host."""
        outputs, targets = [], []
        for batch in self.batches(split):
            outputs.append(model(moved(batch.inputs, self._training.device)).float().cpu())
            targets.append(batch.targets.cpu())
        return torch.cat(outputs), torch.cat(targets)

    def batches(self, split: str) -> Iterator[Batch]:
        """Yield a split's batches in order; they are kept where there is room."""
        if split in self._held:
            yield from self._held[split]
            return
        source = self._training.setup.source
        part: Split = getattr(source, split)
        feed = open_feed(
            part,
            source.collate,
            device=self._training.device,
            seed=self._training.config.train.seed,
            workers=0,
            prefetch=1,
            cache=False,
        )
        held: list[Batch] | None = []
        held_bytes = 0
        try:
            for batch in feed.batches(in_order(np.arange(part.examples))):
                yield batch
                held_bytes += batch.inputs.nbytes if isinstance(batch.inputs, Tensor) else HELD_MOST_BYTES
                held = [*held, batch] if held is not None and held_bytes < HELD_MOST_BYTES else None
        finally:
            feed.close()
        if held is not None:
            self._held[split] = held

    def lost(self, before: float, after: float) -> float:
        """Return how much of the main metric is gone, relative to what it was; negative for a gain."""
        worse = before - after if self.metrics.higher_is_better else after - before
        return worse / abs(before) if before else worse


def run(training: Training, command: Compress) -> Compression:
    """Compress the best model of a finished run as asked, write it beside the original, and score both.

    Pruning takes at least `command.amount` of the weights, and more as long as the validation metric stays within half of
    `advisor.compress_loss` (relative).

    Raises:
        CompressError: when nothing would be gained, or the file cannot be written.
    """
    model = training.best_model()
    weights = {name: value.detach().cpu() for name, value in model.state_dict().items()}
    if not any(packable(weight) for weight in weights.values()):
        raise CompressError("the model has no weight of 256 values or more: there is nothing to make smaller")
    judge = _Judge(training)
    before = {split: judge.outputs(model, split) for split in judge.splits}
    if command.method == "prune":
        made = _prune(training, judge, model, command.amount, judge.value(*before["val"]))
    else:
        made = _in_int8(training, judge, model, before) or _packed(training, judge, model, "int8", weights)
    bytes_before = (training.folder / "best.safetensors").stat().st_size
    if made.path.stat().st_size >= bytes_before:
        made.path.unlink()
        raise CompressError(
            f"the {made.path.stem.removeprefix(PENDING)} copy is no smaller than the {bytes_before} bytes of the original"
        )
    (outputs, targets), after = before["val"], made.outputs["val"]
    event = Compressed(
        trial=command.trial,
        method=command.method,
        path=str(made.path.with_name(made.path.name.removeprefix(PENDING))),
        bytes_before=bytes_before,
        bytes_after=made.path.stat().st_size,
        latency_before_s=made.latency_before_s,
        latency_after_s=made.latency_after_s,
        metric_before=judge.value(outputs, targets),
        metric_after=judge.value(after, targets),
        standard_error=judge.metrics.paired_error(outputs, after, targets),
        note=made.note,
        test_before=judge.value(*before["test"]) if "test" in before else None,
        test_after=judge.value(made.outputs["test"], before["test"][1]) if "test" in before else None,
    )
    return Compression(event, made.path)


def _prune(training: Training, judge: _Judge, model: nn.Module, least: float, metric: float) -> _Made:
    amount = _most(training, judge, model, least, metric)
    weights = {name: value.detach().cpu() for name, value in model.state_dict().items()}
    note = f"{amount:.0%} of the weights are zero, the rest has 16 bits; it loads as a dense model and is as fast as before"
    return _packed(training, judge, model, "pruned", pruned(weights, amount), note)


def _packed(
    training: Training, judge: _Judge, model: nn.Module, name: str, weights: dict[str, Tensor], note: str = ""
) -> _Made:
    """Write a copy that is small on disk and computes as before."""
    path = _write(training, name, weights, Packing("int8" if name == "int8" else "mask"))
    copied = copy.deepcopy(model)
    copied.load_state_dict(read_model(path)[1])
    batch = moved(next(judge.batches("val")).inputs, training.device)
    before_s, after_s = latencies([model, copied], batch, training.device)
    if name == "int8":
        note = "weights are stored with 8 bits; it loads as a float model and is as fast as before"
        parameters = sum(weight.numel() for weight in weights.values())
        if before_s >= INT8_FROM_S and parameters >= INT8_FROM_PARAMETERS and (reason := why_not()):
            note += f": {reason}"
    outputs = {split: judge.outputs(copied, split)[0] for split in judge.splits}
    return _Made(path, outputs, before_s, after_s, note)


def _in_int8(
    training: Training, judge: _Judge, model: nn.Module, before: dict[str, tuple[Tensor, Tensor]]
) -> _Made | None:
    """Write a copy that computes in int8; nothing where it cannot, is not worth it, or does not prove faster and as good."""
    inputs = judge.inputs() if not why_not() and training.device.type == "cpu" else None
    parameters = sum(one.numel() for one in model.parameters())
    if inputs is None or parameters < INT8_FROM_PARAMETERS:
        return None
    if latencies([model], inputs["val"], training.device)[0] < INT8_FROM_S:
        return None
    weights = {name: value.detach().cpu() for name, value in model.state_dict().items()}
    rounded = copy.deepcopy(model)
    rounded.load_state_dict(unpack(*pack(weights, Packing("int8"))))
    try:
        ranges = calibrate(rounded, inputs["val"])
        path = _write(training, "int8", weights, Packing("int8"), {"ranges": ranges})
        proof = prove(path, inputs, stopping=lambda: training.ending == "stopped")
    except QuantiseError as refused:
        training.link.say(Told(level="info", text=f"the int8 copy will compute in float: {refused}"))
        return None
    outputs, targets = before["val"]
    lost = judge.lost(judge.value(outputs, targets), judge.value(proof.outputs["val"], targets))
    compiled = "" if proof.compiled_s is None else f"; torch.compile alone gives {proof.compiled_s * 1e3:.3g} ms"
    times = (
        f"{proof.float_s * 1e3:.3g} → {proof.int8_s * 1e3:.3g} ms for {EXAMPLES} examples on this processor{compiled}"
    )
    rival_s = proof.float_s if proof.compiled_s is None else min(proof.float_s, proof.compiled_s)
    if proof.int8_s >= rival_s or lost > training.config.advisor.compress_loss:
        told = f"the int8 copy will compute in float: in int8 it gives {times}, and loses {lost:.2%} of the metric"
        training.link.say(Told(level="info", text=told))
        return None
    note = f"computes in int8, compiled when it is loaded: {times}"
    return _Made(path, proof.outputs, proof.float_s, proof.int8_s, note)


def pruned(weights: dict[str, Tensor], amount: float) -> dict[str, Tensor]:
    """Return weights of which the share `amount` that matters least, over all layers together, is zero."""
    scores = {name: lamp_scores(weight) for name, weight in weights.items() if packable(weight)}
    every = torch.cat([score.flatten() for score in scores.values()])
    limit = every.kthvalue(max(1, round(amount * len(every)))).values
    return weights | {name: weights[name] * (score > limit) for name, score in scores.items()}


def lamp_scores(weight: Tensor) -> Tensor:
    """Return how much each weight matters, comparable between layers: its square over those of all larger ones."""
    squares, order = weight.double().square().flatten().sort()
    remaining = squares.flip(0).cumsum(0).flip(0)
    scores = torch.empty_like(squares)
    scores[order] = squares / remaining.clamp(min=torch.finfo(torch.float64).tiny)
    return scores.reshape(weight.shape)


def _most(training: Training, judge: _Judge, model: nn.Module, least: float, metric_before: float) -> float:
    """Return the largest amount of pruning, from `least` up, that the validation metric bears, by bisection."""
    allowed = SEARCH_MARGIN * training.config.advisor.compress_loss
    weights = {name: value.detach().cpu() for name, value in model.state_dict().items()}
    trial = copy.deepcopy(model)
    amounts = [least, *(amount for amount in AMOUNTS if amount > least)]
    good, bad = 0, len(amounts)
    while bad - good > 1:
        middle = (good + bad) // 2
        trial.load_state_dict(pruned(weights, amounts[middle]))
        lost = judge.lost(metric_before, judge.metrics.main_value(*judge.outputs(trial, "val")))
        good, bad = (middle, bad) if lost <= allowed else (good, middle)
    return amounts[good]


def _write(
    training: Training, name: str, weights: dict[str, Tensor], packing: Packing, more: dict[str, Any] | None = None
) -> Path:
    """Write the copy beside the original, which is written too where it is not there yet."""
    about = describe(training.setup, training.progress.best_step) | (more or {})
    try:
        if not (training.folder / "best.safetensors").exists():
            save_model(training.folder, training.setup, training.best_model().state_dict(), training.progress.best_step)
        return write_model(training.folder / f"{PENDING}{name}.safetensors", weights, about, packing)
    except OSError as failed:
        raise CompressError(f"it could not be written ({failed.strerror or failed}): free some space") from None
