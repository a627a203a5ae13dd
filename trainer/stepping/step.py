"""One optimizer step: forward and backward over the batch (in pieces, if it must be), guard, clip, update."""

from dataclasses import dataclass
from math import inf, isfinite

import torch

from trainer.data.batch import Batch
from trainer.stepping.accumulate import accumulate, tell_fewer
from trainer.stepping.augment import augment
from trainer.stepping.guard import total_norm
from trainer.stepping.optim import parameters_of, set_rate
from trainer.stepping.pieces import Seen, to_device
from trainer.stepping.recovery import after_step, until_it_fits, updated_wholly
from trainer.stepping.schedule import factor, rewarm
from trainer.stepping.window import begin, end
from trainer.training import Training, Window
from trainer.watching.layers import LayerProbe
from trainer.wire import GuardActed, Told


@dataclass
class Taken:
    """What one step was like. Losses and norms stay on the device until the beat."""

    loss: torch.Tensor
    norm: torch.Tensor | None
    """Nothing where it was not taken: see `trainer.stepping.norms`."""
    skipped: bool
    clipped: bool
    rate: float = 0.0
    """That was set for it."""


def rate_now(training: Training) -> float:
    """Return the learning rate of the next step."""
    knobs, progress = training.knobs, training.progress
    return (
        float(knobs["lr"])
        * factor(str(knobs["schedule"]), training.share_done, float(knobs["warmup"]))
        * rewarm(progress.samples, progress.rewarm_since, progress.rewarm_over)
    )


def take_step(training: Training, batch: Batch, layers: LayerProbe | None = None, *, recovers: bool = True) -> Taken:
    """Train on one batch and move on by its examples.

    Args:
        training: The run.
        batch: What it trains on.
        layers: Looks at the layers during this step.
        recovers: Out of memory, the batch is run again in smaller pieces. Without it, and wherever the run is not
            watched (arms, probes), the run is left as it was and the error goes on.

    Raises:
        MemoryExhausted: when the device cannot even hold one example; the run is as it was before the batch.
        UpdateTorn: when memory ran out in the middle of an update; the run has to go back to a snapshot.
        torch.OutOfMemoryError: see `recovers`.
    """
    window = begin(training, batch)
    rate = rate_now(training)
    set_rate(training.optimizer, rate)
    examples, recovers = batch.targets.shape[0], recovers and training.watching
    if training.room.may_run_out:
        taken, seen = until_it_fits(
            training,
            examples,
            lambda: _attempt(training, batch, layers, window),
            spare=layers.give_up if layers is not None else None,
            recovers=recovers,
        )
    else:
        taken, seen = _attempt(training, batch, layers, window)
    taken.rate = rate
    training.progress.step += 1
    training.progress.samples += examples
    end(training)
    _watch_labels(training, batch, seen)
    if training.replicas.untold and recovers:
        tell_fewer(training)
    if training.room.may_run_out and recovers:
        after_step(training, examples)
    return taken


def _attempt(training: Training, batch: Batch, layers: LayerProbe | None, window: Window) -> tuple[Taken, list[Seen]]:
    """Run the batch, from its inputs to the update; whatever fails in here is run again from its beginning.

    What is told about it is told when nothing can fail any more.

    Returns:
        The step, and what the net made of each piece where the labels are watched.
    """
    window.updating = False
    inputs, targets = to_device(training, batch)
    training.clocks.mark("to_device")
    if training.knobs["augment"]:
        inputs = augment(inputs, float(training.knobs["augment_strength"]), training.augmenter)
    loss, seen = accumulate(training, inputs, targets, batch, hooked=layers is not None)
    window.updating = True
    taken, acted = _update(training, loss, layers)
    training.clocks.mark("optimizer")
    for event in acted:
        _tell(training, event)
    return taken, seen


def _watch_labels(training: Training, batch: Batch, seen: list[Seen]) -> None:
    """Let the labels be judged by what the net made of them; they are given up where memory is too short for that."""
    if training.labels is None:
        return
    try:
        if training.watching and not seen:
            training.labels.pass_by(batch.targets.shape[0])
        for indices, outputs, wanted in seen:
            training.labels.observe(indices, outputs, wanted)
    except torch.OutOfMemoryError:
        training.labels = None
        text = "memory is too short to watch the labels: they are not judged any further"
        training.link.say(Told(**training.progress.where(), level="warning", text=text))


def _update(training: Training, loss: torch.Tensor, layers: LayerProbe | None) -> tuple[Taken, list[GuardActed]]:
    """Update the parameters, or leave them where the guard says so; return what the guard did besides."""
    optimizer, scaler = training.optimizer, training.precision.scaler
    if scaler.is_enabled():
        scaler.unscale_(optimizer)
    gradients: list[torch.Tensor] = []
    norm = None
    if training.norms.due(needed=_hangs_on_the_norm(training)):
        training.norms.begin()
        gradients = [p.grad for p in parameters_of(optimizer) if p.grad is not None]
        norm = total_norm(gradients)
        training.norms.end()
    if layers is not None and not layers.given_up:
        layers.before(training.model)
    skipped, clipped, acted = _guard(training, loss, norm, gradients)
    if scaler.is_enabled():
        updated_wholly(training, lambda: scaler.step(optimizer))
        scaler.update()
    elif not skipped:
        updated_wholly(training, lambda: training.update(optimizer))
    if not skipped:
        training.average()
    training.drop_gradients()
    return Taken(loss, norm, skipped, clipped), acted


def _hangs_on_the_norm(training: Training) -> bool:
    """Tell whether a step is taken otherwise for its norm, or something goes wrong, or what is seen must not depend on time."""
    guard = training.guard
    return (
        guard.active
        or bool(training.knobs["clip"])
        or training.lockstep
        or training.device.type != "cpu"
        or training.precision.scaler.is_enabled()
        or guard.armed(training.progress.step)
    )


def _guard(
    training: Training, loss: torch.Tensor, norm: torch.Tensor | None, gradients: list[torch.Tensor]
) -> tuple[bool, bool, list[GuardActed]]:
    """Skip or clip the step where it must be; return (skipped, clipped, what is to be told)."""
    guard, limit = training.guard, float(training.knobs["clip"]) or inf
    if norm is not None and training.device.type != "cpu":
        return _guard_on_device(training, loss, norm, gradients), False, []
    value, height = float(loss), 0.0 if norm is None else float(norm)
    acted: list[GuardActed] = []
    if not (isfinite(value) and isfinite(height)) and not training.precision.scaler.is_enabled():
        why = "non_finite_gradient" if isfinite(value) else "non_finite_loss"
        acted.append(GuardActed(why=why, deed="skipped" if guard.active else "saw", value=value))
        if guard.active:
            return True, False, acted
    ceiling = limit
    if outlier := guard.outlier(value, min(height, limit)):
        clips = guard.clips(outlier, value, min(height, limit))
        height_or_loss = height if outlier == "gradient_outlier" else value
        acted.append(GuardActed(why=outlier, deed="clipped" if clips else "saw", value=height_or_loss))
        if clips:
            ceiling = min(ceiling, guard.usual)
    if height > ceiling:
        torch._foreach_mul_(gradients, ceiling / height)
        return False, True, acted
    return False, False, acted


def _guard_on_device(training: Training, loss: torch.Tensor, norm: torch.Tensor, gradients: list[torch.Tensor]) -> bool:
    """Do the same without a synchronisation: what is non-finite is turned into a step that the kernel leaves out.

    The fused kernels leave a step out by a flag on the device. Other optimizers have to be asked from the host, which
    waits for the device once a step.
    """
    guard, limit = training.guard, float(training.knobs["clip"]) or inf
    usual = min(limit, guard.usual) if guard.active else limit
    if usual < inf:
        tamed = norm.clamp(max=limit)
        stands_out = (tamed > guard.gross) | ((tamed > guard.harmful) & (loss > guard.loss_limit))
        ceiling = torch.where(stands_out, usual, limit)
        torch._foreach_mul_(gradients, torch.where(norm > ceiling, ceiling / norm, torch.ones_like(norm)))
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
