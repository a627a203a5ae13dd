"""Probes: short experiments on a copy of the run's state that tell apart causes with the same symptom.

Each starts from a snapshot and puts it back: the run is to the bit as it was.
"""

import copy
from collections.abc import Callable
from math import inf, isfinite, nan, sqrt
from time import perf_counter
from typing import Any

import torch
from torch import nn

from trainer.commands import Probe
from trainer.data.batch import Batch
from trainer.data.parts import take_apart
from trainer.evaluate import evaluating
from trainer.probing.holders import memory_holders
from trainer.probing.memory_model import memory_model
from trainer.probing.screen import throughput_screen
from trainer.probing.sweep import pick_rate
from trainer.probing.tried_twice import relative_difference
from trainer.state.snapshot import Snapshot, restore, take
from trainer.stepping.pieces import cut, to_device
from trainer.stepping.step import take_step
from trainer.training import Training
from trainer.turning import set_knobs
from trainer.wire import Probed

SWEEP_LOW = 1e-5
SWEEP_HIGH = {"adam": 1.0, "adamw": 1.0, "rmsprop": 1.0}
SWEEP_HIGH_ELSE = 10.0
SWEEP_STEPS = 60
"""60 steps from 1e-5 to 1 (Adam's kin) or 10 (SGD): the recipe with the fewest bad picks of six (tests/bench)."""

SECOND_STEPS = 100
"""A sweep without a pick is made once more, slower and up to 10."""

SWEEPS = frozenset({"lr_sweep", "adaptive_sweep"})
ADAPTIVE = "adamw"
"""The optimizer of the second one (rules.optimisation.opt115_rare_inputs)."""

SWEEP_SMOOTHING = 0.9
SWEEP_STOP = 4.0
"""The sweep ends when the running mean of the loss is four times its least (Smith 2017, arXiv 1506.01186)."""

FIT_EXAMPLES = 16
FIT_STEPS = 60
"""A sound net can learn 16 examples by heart in so many steps."""

CACHED_STEPS = 20
CACHED_WARM_STEPS = 3
FETCHED_BATCHES = 8


def run(training: Training, command: Probe, start: Snapshot) -> None:
    """Run a probe and tell its answer, which in lockstep is waited on; the state of the run is as before.

    Where memory is measured, the copy to go back to lies on the host, so that it is no part of what is measured.
    A sweep always begins at the state before the first step: from a later state it misleads (tests/bench/RESULTS.md). The
    knobs are those of now.
    """
    begun = perf_counter()
    here, guard = take(training, on_host=command.probe == "memory_model"), copy.deepcopy(training.guard)
    training.watching = False
    try:
        if command.from_start or command.probe in SWEEPS:
            restore(training, start, with_knobs=False)
        result = PROBES[command.probe](training)
    finally:
        restore(training, here)
        training.guard = guard
        training.watching = True
    training.link.say(
        Probed(
            **training.progress.where(),
            trial=command.trial,
            probe=command.probe,
            seconds=perf_counter() - begun,
            result=result,
        )
    )


def _lr_sweep(training: Training) -> dict[str, Any]:
    """Train with a rate that grows at every step, and pick a rate from the curve of the losses."""
    start, optimizer = take(training), str(training.knobs["optimizer"])
    rates, losses = sweep_rates(training, SWEEP_STEPS)
    pick, spread = pick_rate(rates, losses, optimizer)
    if pick is None:
        restore(training, start)
        rates, losses = sweep_rates(training, SECOND_STEPS, SWEEP_HIGH_ELSE)
        pick, spread = pick_rate(rates, losses, optimizer)
    moved = _moved_share(training.model, start.model)
    return {"pick": nan if pick is None else pick, "spread": spread, "rates": rates, "losses": losses, "moved": moved}


def _moved_share(model: nn.Module, before: dict[str, torch.Tensor]) -> float:
    """Return how far the weights that are trained lie from where they were, over their size then."""
    apart = size = 0.0
    for name, parameter in model.named_parameters():
        if parameter.requires_grad and name in before:
            then = before[name].to(parameter.device)
            apart += float((parameter.detach() - then).square().sum())
            size += float(then.square().sum())
    return sqrt(apart / size) if size else nan


def _adaptive_sweep(training: Training) -> dict[str, Any]:
    """Sweep the rate under an optimizer that gives each weight a step of its own."""
    set_knobs(training, {"optimizer": ADAPTIVE})
    return _lr_sweep(training)


def sweep_rates(training: Training, steps: int, high: float = 0.0) -> tuple[list[float], list[float]]:
    """Train with a rate that grows at every step; return the rates and the loss of each step's batch before the step.

    Args:
        training: Stands before its first step; its knobs and its state are another ones afterwards.
        steps: At most: a loss that explodes ends the sweep.
        high: The last rate; 0 = what suits the optimizer.
    """
    high = high or SWEEP_HIGH.get(str(training.knobs["optimizer"]), SWEEP_HIGH_ELSE)
    set_knobs(training, {"schedule": "constant", "warmup": 0.0})
    training.progress.rewarm_over = 0
    guarded, training.guard.active = training.guard.active, False
    rates, losses, average, least = [], [], 0.0, inf
    try:
        for number, batch in enumerate(training.supply.look_ahead(steps)):
            rate = SWEEP_LOW * (high / SWEEP_LOW) ** (number / (steps - 1))
            training.knobs["lr"] = rate
            loss = float(take_step(training, batch).loss)
            rates.append(rate)
            losses.append(loss)
            average = SWEEP_SMOOTHING * average + (1 - SWEEP_SMOOTHING) * loss
            smooth = average / (1 - SWEEP_SMOOTHING ** (number + 1))
            least = min(least, smooth)
            if not isfinite(loss) or smooth > SWEEP_STOP * least:
                break
    finally:
        training.guard.active = guarded
    return rates, losses


def _single_batch_fit(training: Training) -> dict[str, Any]:
    """Learn 16 examples by heart, without augmentation, smoothing and decay, at the rate of now and a tenth of it."""
    set_knobs(training, {"augment": False, "label_smoothing": 0.0, "schedule": "constant", "warmup": 0.0, "clip": 1.0})
    training.progress.rewarm_over = 0
    start = take(training)
    batch = next(training.supply.look_ahead(1))
    few = Batch(cut(batch.inputs, 0, FIT_EXAMPLES), batch.targets[:FIT_EXAMPLES], batch.ticket)
    best: dict[str, Any] = {}
    for share in (1.0, 0.1):
        restore(training, start)
        training.knobs["lr"] = float(training.knobs["lr"]) * share
        losses = [float(take_step(training, few).loss) for _ in range(FIT_STEPS)]
        if not best or losses[-1] < best["last_loss"]:
            best = {"first_loss": losses[0], "last_loss": losses[-1], "rate_share": share}
    return best


def _cached_batch(training: Training) -> dict[str, Any]:
    """Time steps that do not wait for their input: the ceiling of this run's speed."""
    batch = next(training.supply.look_ahead(1))
    inputs, targets = to_device(training, batch)
    there = Batch(inputs, targets, batch.ticket)
    for _ in range(CACHED_WARM_STEPS):
        take_step(training, there)
    seconds = []
    for _ in range(CACHED_STEPS):
        begun = perf_counter()
        take_step(training, there)
        if training.device.type != "cpu":
            torch.accelerator.synchronize()
        seconds.append(perf_counter() - begun)
    return {"step_s": sorted(seconds)[len(seconds) // 2], "examples": len(targets)}


def _fetched_batch(training: Training) -> dict[str, Any]:
    """Time the fetching of batches, without training on them; then of others in this process alone, part by part."""
    begun, count = perf_counter(), 0
    for _ in training.supply.look_ahead(FETCHED_BATCHES):
        count += 1
    fetched = {"fetch_s": (perf_counter() - begun) / max(count, 1)}
    alone = training.supply.look_alone(FETCHED_BATCHES)
    return fetched if alone is None else fetched | take_apart(*alone)


def _zeroed_input(training: Training) -> dict[str, Any]:
    """Compare the loss of one batch with that of the same batch without its inputs."""
    batch = next(training.supply.look_ahead(1))
    inputs, targets = to_device(training, batch)
    with evaluating(training.model), torch.no_grad():
        outputs, without = training.model(inputs).float(), training.model(_zeros(inputs)).float()
        loss = float(training.objective.plain(outputs, targets))
        nothing = float(training.objective.plain(without, targets))
    return {"loss": loss, "zeroed_loss": nothing, "output_difference": relative_difference(outputs, without)}


def _loss_at_init(training: Training) -> dict[str, Any]:
    """Measure the loss before anything is learned (ask for it with `from_start`)."""
    return {
        "loss": _loss_of_one(training, evaluation=True),
        "baseline_loss": training.setup.info.baseline_loss,
    }


def _mode_switch(training: Training) -> dict[str, Any]:
    """Compare one batch in training and in evaluation mode."""
    return {
        "train_loss": _loss_of_one(training, evaluation=False),
        "eval_loss": _loss_of_one(training, evaluation=True),
    }


def _loss_of_one(training: Training, *, evaluation: bool) -> float:
    batch = next(training.supply.look_ahead(1))
    inputs, targets = to_device(training, batch)
    with torch.no_grad():
        if not evaluation:
            training.model.train()
            return float(training.objective.plain(training.model(inputs).float(), targets))
        with evaluating(training.model):
            return float(training.objective.plain(training.model(inputs).float(), targets))


def _zeros(value: Any) -> Any:
    if isinstance(value, torch.Tensor):
        return torch.zeros_like(value)
    if isinstance(value, dict):
        return {key: _zeros(part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(_zeros(part) for part in value)
    return value


PROBES: dict[str, Callable[[Training], dict[str, Any]]] = {
    "lr_sweep": _lr_sweep,
    "adaptive_sweep": _adaptive_sweep,
    "single_batch_fit": _single_batch_fit,
    "cached_batch": _cached_batch,
    "fetched_batch": _fetched_batch,
    "zeroed_input": _zeroed_input,
    "loss_at_init": _loss_at_init,
    "mode_switch": _mode_switch,
    "memory_model": memory_model,
    "throughput_screen": throughput_screen,
    "memory_holders": memory_holders,
}
