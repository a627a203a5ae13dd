"""One optimizer step: forward and backward over the batch (in pieces, if it must be), guard, clip, update.

Out of memory is no error here: the same batch is run again in smaller pieces, with the random state and the buffers it
began with, and the run goes on.
"""

from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import torch

from trainer.augment import augment
from trainer.data.batch import Batch
from trainer.guard import total_norm
from trainer.layers import LayerProbe
from trainer.optim import parameters_of, set_rate
from trainer.schedule import factor, rewarm
from trainer.training import Training
from trainer.window import begin, end
from trainer.wire import GuardActed, MemoryRanOut


class MemoryExhausted(Exception):
    """A single example does not fit on the device; the text says what to do."""


@dataclass
class Taken:
    """What one step was like. Losses and norms stay on the device until the beat."""

    loss: torch.Tensor
    norm: torch.Tensor
    skipped: bool
    clipped: bool


def rate_now(training: Training) -> float:
    """Return the learning rate of the next step."""
    knobs, progress = training.knobs, training.progress
    return (
        float(knobs["lr"])
        * factor(str(knobs["schedule"]), training.share_done, float(knobs["warmup"]))
        * rewarm(progress.samples, progress.rewarm_since, progress.rewarm_over)
    )


def take_step(training: Training, batch: Batch, layers: LayerProbe | None = None) -> Taken:
    """Train on one batch and move on by its examples.

    Raises:
        MemoryExhausted: when the device cannot even hold one example.
    """
    window = begin(training, batch.ticket)
    set_rate(training.optimizer, rate_now(training))
    inputs, targets = to_device(training, batch)
    training.clocks.mark("to_device")
    if training.knobs["augment"]:
        inputs = augment(inputs, float(training.knobs["augment_strength"]), training.augmenter)
    while True:
        before = _state_of_batch(training)
        try:
            loss = _accumulate(training, inputs, targets, batch)
            break
        except torch.OutOfMemoryError:
            pass
        _shrink(training, len(targets))
        _restore_batch(training, before)
    window.updating = True
    taken = _update(training, loss, layers)
    training.clocks.mark("optimizer")
    training.progress.step += 1
    training.progress.samples += len(targets)
    end(training)
    return taken


def to_device(training: Training, batch: Batch) -> tuple[Any, torch.Tensor]:
    """Return inputs and targets on the device, in the memory layout of now."""
    return in_layout(training, batch.inputs), batch.targets.to(training.device, non_blocking=True)


def in_layout(training: Training, inputs: Any) -> Any:
    """Return inputs on the device, in the memory layout of now."""
    inputs = moved(inputs, training.device)
    if training.knobs["channels_last"] and isinstance(inputs, torch.Tensor) and inputs.dim() == 4:
        return inputs.contiguous(memory_format=torch.channels_last)
    return inputs


def moved(value: Any, device: torch.device) -> Any:
    """Return a structure of tensors on the device."""
    if isinstance(value, torch.Tensor):
        return value.to(device, non_blocking=True)
    if isinstance(value, dict):
        return {key: moved(part, device) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(moved(part, device) for part in value)
    return value


def cut(value: Any, start: int, stop: int) -> Any:
    """Return the examples `start:stop` of a structure of tensors."""
    if isinstance(value, torch.Tensor):
        return value[start:stop]
    if isinstance(value, dict):
        return {key: cut(part, start, stop) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(cut(part, start, stop) for part in value)
    return value


def piece_size(training: Training, examples: int) -> int:
    """Return how many examples are on the device at once."""
    return int(training.knobs["micro_batch"]) or examples


def _accumulate(training: Training, inputs: Any, targets: torch.Tensor, batch: Batch) -> torch.Tensor:
    """Leave the gradient of the mean loss over the whole batch in the parameters, and return that loss."""
    examples = len(targets)
    size = min(piece_size(training, examples), examples)
    limit = training.config.train.memory_limit
    total = torch.zeros((), device=training.device)
    for start in range(0, examples, size):
        if limit and min(size, examples) > limit:
            raise torch.OutOfMemoryError(f"train.memory_limit: {size} examples at once are more than {limit}")
        whole = size >= examples
        part = inputs if whole else cut(inputs, start, start + size)
        wanted = targets if whole else targets[start : start + size]
        with training.precision.context():
            outputs = training.model(part)
            loss = training.objective(outputs, wanted, normaliser=examples)
        training.clocks.mark("forward")
        training.precision.scaler.scale(loss).backward()  # type: ignore[no-untyped-call]
        training.clocks.mark("backward")
        total += loss.detach()
        if training.watching and training.labels is not None:
            training.labels.observe(batch.ticket.indices[start : start + size], outputs.detach(), wanted)
    return total


def _update(training: Training, loss: torch.Tensor, layers: LayerProbe | None) -> Taken:
    optimizer, scaler = training.optimizer, training.precision.scaler
    if scaler.is_enabled():
        scaler.unscale_(optimizer)
    gradients = [p.grad for p in parameters_of(optimizer) if p.grad is not None]
    norm = total_norm(gradients)
    if layers is not None:
        layers.before(training.model)
    skipped, clipped = _guard(training, loss, norm, gradients)
    if scaler.is_enabled():
        scaler.step(optimizer)
        scaler.update()
    elif not skipped:
        optimizer.step()
    if not skipped:
        training.average()
    training.model.zero_grad(set_to_none=True)
    return Taken(loss, norm, skipped, clipped)


def _guard(
    training: Training, loss: torch.Tensor, norm: torch.Tensor, gradients: list[torch.Tensor]
) -> tuple[bool, bool]:
    """Skip or clip the step where it must be; return (skipped, clipped)."""
    guard, limit = training.guard, float(training.knobs["clip"])
    if training.device.type != "cpu":
        return _guard_on_device(training, loss, norm, gradients), False
    value, height = float(loss), float(norm)
    finite = value - value == 0.0 and height - height == 0.0
    if not finite and not training.precision.scaler.is_enabled():
        why = "non_finite_loss" if value - value != 0.0 else "non_finite_gradient"
        _tell(training, GuardActed(why=why, deed="skipped" if guard.active else "saw", value=value))
        if guard.active:
            return True, False
    ceiling = limit or float("inf")
    if height > guard.limit:
        _tell(training, GuardActed(why="gradient_outlier", deed="clipped" if guard.active else "saw", value=height))
        if guard.active:
            ceiling = min(ceiling, guard.usual())
    if height > ceiling:
        torch._foreach_mul_(gradients, ceiling / height)
        return False, True
    return False, False


def _guard_on_device(training: Training, loss: torch.Tensor, norm: torch.Tensor, gradients: list[torch.Tensor]) -> bool:
    """Do the same without a synchronisation: what is non-finite is turned into a step that the kernel leaves out."""
    guard, limit = training.guard, float(training.knobs["clip"])
    ceiling = min(limit or float("inf"), guard.usual() if guard.active else float("inf"))
    trigger = min(limit or float("inf"), guard.limit if guard.active else float("inf"))
    if trigger < float("inf"):
        scale = torch.where(norm > trigger, ceiling / norm, torch.ones_like(norm))
        torch._foreach_mul_(gradients, scale)
    if hasattr(training.optimizer, "found_inf"):
        del training.optimizer.found_inf
    if not guard.active or training.precision.scaler.is_enabled():
        return False
    bad = ~(torch.isfinite(norm) & torch.isfinite(loss))
    if all(group.get("fused") for group in training.optimizer.param_groups):
        training.optimizer.found_inf = bad.float()  # type: ignore[attr-defined]
        return False
    return bool(bad)


def _tell(training: Training, event: GuardActed) -> None:
    training.guard.acted_step = training.progress.step
    if training.watching:
        training.link.say(event.model_copy(update=training.progress.where()))


# ---------------------------------------------------------------- out of memory


def _state_of_batch(training: Training) -> tuple[Any, ...] | None:
    """Return what a second run of the batch needs to be the same; nothing where memory does not run out like this."""
    if training.device.type == "cpu" and not training.config.train.memory_limit:
        return None
    device = torch.cuda.get_rng_state(training.device) if training.device.type == "cuda" else None
    return torch.get_rng_state(), device, [buffer.clone() for buffer in training.model.buffers()]


def _restore_batch(training: Training, before: tuple[Any, ...] | None) -> None:
    training.model.zero_grad(set_to_none=True)
    if before is None:
        return
    host, device, buffers = before
    torch.set_rng_state(host)
    if device is not None:
        torch.cuda.set_rng_state(device, training.device)
    for buffer, old in zip(training.model.buffers(), buffers, strict=True):
        buffer.copy_(old)


def _shrink(training: Training, examples: int) -> None:
    """Halve the examples on the device at once, after the failed step's frames are gone."""
    training.model.zero_grad(set_to_none=True)
    size = min(piece_size(training, examples), examples)
    if size <= 1:
        raise MemoryExhausted("a single example does not fit on the device: use a smaller model or input, or train.amp")
    if training.device.type == "cuda":
        torch.cuda.empty_cache()
    with suppress(AttributeError):
        torch.mps.empty_cache() if training.device.type == "mps" else None
    training.knobs["micro_batch"] = max(size // 2, 1)
    event = MemoryRanOut(micro_batch_before=size, micro_batch_after=max(size // 2, 1))
    training.link.say(event.model_copy(update=training.progress.where()))
