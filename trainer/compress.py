"""The finished model is made smaller, written, read back, and scored beside the original.

Pruning sets the weights that matter least to zero and writes the rest with a bit mask: as many as the metric on the
validation split bears. What matters is judged by LAMP (Lee et al. 2021, arXiv 2010.07611), which ranks magnitudes over the
whole net without emptying a layer of small weights. Int8 writes weights with eight bits and a
scale for each output channel. Both are packings of the file (`trainer.packing`): bytes fall, arithmetic and speed stay as
they were, and that is what the measured latency shows. The test split is only reported.
"""

import copy
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from trainer.data.batch import Batch
from trainer.data.feed import open_feed
from trainer.data.source import Split
from trainer.evaluate import in_order
from trainer.export import describe, read_model, save_model, write_model
from trainer.metrics import Metrics
from trainer.packing import Packing, packable
from trainer.step import moved
from trainer.training import Training
from trainer.wire import Compress, Compressed

AMOUNTS = (0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.85, 0.9, 0.93, 0.95, 0.97)
"""Shares of weights to try: closer together where a step still takes away a third of what is left."""

SEARCH_MARGIN = 0.5
"""The search stops at half of the loss that is allowed: it looks at the same examples that judge its pick."""

LATENCY_EXAMPLES = 32
"""One small batch: neither a single example, which times the interpreter, nor a training batch."""

LATENCY_ROUNDS = 30
"""The median of 30 interleaved passes is steady to a few per cent beside a busy neighbour."""

LATENCY_WARM_UP = 5
"""Passes that are thrown away: allocators and kernels settle."""

HELD_MOST_BYTES = 256 << 20
"""A split whose decoded examples fit in here is fetched once, however many amounts are tried."""


class CompressError(Exception):
    """The model cannot be made smaller this way; the text says why."""


@dataclass
class Compression:
    """A compressed copy on disk, and how it did beside the original."""

    event: Compressed
    path: Path

    def discard(self) -> None:
        """Delete the copy."""
        self.path.unlink(missing_ok=True)


class _Judge:
    """Scores models on the splits of a run, without augmentation, dropout or mixed precision."""

    def __init__(self, training: Training) -> None:
        self._training = training
        self._held: dict[str, list[Batch]] = {}

    @property
    def metrics(self) -> Metrics:
        return self._training.setup.metrics

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
    before, targets = judge.outputs(model, "val")
    metric_before = judge.metrics.main_value(before, targets)
    if command.method == "prune":
        amount = _most(training, judge, model, command.amount, metric_before)
        smaller, packing, name = pruned(weights, amount), Packing("mask"), "pruned"
        note = f"{amount:.0%} of the weights are zero, the rest has 16 bits; it loads as a dense model and is as fast as before"
    else:
        smaller, packing, name = weights, Packing("int8"), "int8"
        note = "weights are stored with 8 bits; it loads as a float model and is as fast as before"
    path, bytes_before = _write(training, name, smaller, packing)
    if path.stat().st_size >= bytes_before:
        path.unlink()
        raise CompressError(f"the {name} copy is no smaller than the {bytes_before} bytes of the original")
    copied = copy.deepcopy(model)
    copied.load_state_dict(read_model(path)[1])
    after, _ = judge.outputs(copied, "val")
    latency_before_s, latency_after_s = _latency(model, copied, next(judge.batches("val")), training.device)
    event = Compressed(
        trial=command.trial,
        method=command.method,
        path=str(path),
        bytes_before=bytes_before,
        bytes_after=path.stat().st_size,
        latency_before_s=latency_before_s,
        latency_after_s=latency_after_s,
        metric_before=metric_before,
        metric_after=judge.metrics.main_value(after, targets),
        standard_error=judge.metrics.paired_error(before, after, targets),
        note=note,
        **_on_test(training, judge, model, copied),
    )
    return Compression(event, path)


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


def _write(training: Training, name: str, weights: dict[str, Tensor], packing: Packing) -> tuple[Path, int]:
    """Write the copy beside the original; return its path and the original's size."""
    original = training.folder / "best.safetensors"
    about = describe(training.setup, training.progress.best_step)
    try:
        if not original.exists():
            save_model(training.folder, training.setup, training.best_model().state_dict(), training.progress.best_step)
        path = write_model(training.folder / f"{name}.safetensors", weights, about, packing)
    except OSError as failed:
        raise CompressError(f"it could not be written ({failed.strerror or failed}): free some space") from None
    return path, original.stat().st_size


def _on_test(training: Training, judge: _Judge, model: nn.Module, copied: nn.Module) -> dict[str, Any]:
    if training.setup.source.test is None:
        return {}
    before, targets = judge.outputs(model, "test")
    after, _ = judge.outputs(copied, "test")
    return {
        "test_before": judge.metrics.main_value(before, targets),
        "test_after": judge.metrics.main_value(after, targets),
    }


@torch.no_grad()
def _latency(before: nn.Module, after: nn.Module, batch: Batch, device: torch.device) -> tuple[float, float]:
    """Return median seconds of one small batch for both models, their passes interleaved."""
    inputs = moved(batch.inputs, device)
    inputs = inputs[:LATENCY_EXAMPLES] if isinstance(inputs, Tensor) else inputs
    times: tuple[list[float], list[float]] = ([], [])
    with _denormals_flushed():
        for passed in range(LATENCY_WARM_UP + LATENCY_ROUNDS):
            for model, taken in zip((before, after), times, strict=True):
                begun = perf_counter()
                model(inputs)
                if device.type != "cpu":
                    torch.accelerator.synchronize(device)
                if passed >= LATENCY_WARM_UP:
                    taken.append(perf_counter() - begun)
    return median(times[0]), median(times[1])


@contextmanager
def _denormals_flushed() -> Iterator[None]:
    """Keep numbers near zero from slowing the passes: with them a net can time up to nine times slower."""
    torch.set_flush_denormal(True)
    try:
        yield
    finally:
        torch.set_flush_denormal(False)
