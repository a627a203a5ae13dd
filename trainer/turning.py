"""Turning knobs: what must happen to the run when a knob's value changes, as one transaction.

Most knobs are only read by the next step. Those below do something when they turn; each deed takes the run with all new
values already in place.
"""

from collections.abc import Callable, Iterable
from typing import Any, cast

import torch

from trainer.config import ClassWeights, Sampler, spared_twice, weighed_twice
from trainer.data.feed import CacheRefused
from trainer.knobs import SPECS, KnobError, KnobValue
from trainer.models.layers import set_dropout
from trainer.stepping.ema import Averaged
from trainer.stepping.optim import lay_out_moments, set_beta2, set_momentum, set_weight_decay
from trainer.stepping.precision import multiply_in_tf32
from trainer.stepping.selftest import pieces_differ, recomputed_differs, replicas_differ
from trainer.surgery import mixing, standardise, target_scale
from trainer.training import Training
from trainer.words import Change, Turned

REWARM_STEPS = 100
"""A fresh optimizer has no moments: its rate rises over so many steps (knobs.md: 100-1000), at most a 20th of the run."""


ADAPTIVE = frozenset({"adam", "adamw", "rmsprop"})
"""Optimizers that divide a step by the root of the gradient's square."""

SECOND_MOMENTS = ("betas", "alpha")
"""How torch's optimizers of that kind call the decay of the square: the mark of a user's own one."""


def check_turns(training: Training, turns: Iterable[Turned], *, restart: bool = False) -> dict[str, KnobValue]:
    """Return the wanted values in the knobs' own types, and those that follow from them.

    Args:
        training: The run.
        turns: What is wanted.
        restart: The run is to be built anew: knobs that turn only so can be among them.

    Raises:
        KnobError: when one of them cannot be turned, or not to that value; nothing has changed then.
    """
    known = {knob.name: knob for knob in training.catalogue()}
    values: dict[str, KnobValue] = {}
    for turned in turns:
        if turned.knob not in known:
            raise KnobError(f"there is no knob {turned.knob!r} in this run")
        if known[turned.knob].turns == "restart" and not restart:
            raise KnobError(f"{turned.knob} turns only at a restart")
        values[turned.knob] = known[turned.knob].check(turned.to)
    _refuse_together(training, values)
    return values | _following(training, values)


def _refuse_together(training: Training, values: dict[str, KnobValue]) -> None:
    """Refuse what weighs rare classes beyond balance, or what compiling does itself; other knobs may turn beside such."""
    now = {**training.knobs, **values}
    why = ""
    if values.keys() & {"compile", "activation_checkpointing"}:
        why = spared_twice(str(now["compile"]), bool(now["activation_checkpointing"]))
    if values.keys() & {"class_weights", "sampler", "logit_adjustment"}:
        why = why or weighed_twice(str(now["class_weights"]), str(now["sampler"]), float(now["logit_adjustment"]))
    if why:
        raise KnobError(f"these cannot be had together: {why}")


def _following(training: Training, values: dict[str, KnobValue]) -> dict[str, KnobValue]:
    """Return what turns with the batch size unless it is turned itself, so that an example weighs as much as before.

    The rate in proportion for SGD and its kin (Goyal et al. 2017, arXiv 1706.02677), by the root for Adam's (Malladi et
    al. 2022, arXiv 2205.10287); what decays at each step (the second moment, the averaged weights) to the power of the
    ratio, for there are as many more or fewer steps. Of a user's own optimizer only the rate is a knob.
    """
    ratio = float(values.get("batch_size", training.batch_size)) / training.batch_size
    if ratio == 1.0:
        return {}
    now = {**training.knobs, **values}
    own = training.setup.optimizer is not None
    squares = any(key in group for group in training.optimizer.param_groups for key in SECOND_MOMENTS)
    adaptive = squares if own else now["optimizer"] in ADAPTIVE
    wanted = {"lr": float(now["lr"]) * (ratio**0.5 if adaptive else ratio)}
    if not own and now["optimizer"] in ("adam", "adamw"):
        wanted["beta2"] = float(now["beta2"]) ** ratio
    if now["ema"]:
        wanted["ema"] = float(now["ema"]) ** ratio
    return {
        name: min(value, SPECS[name].high or value)
        for name, value in wanted.items()
        if name not in values and name not in training.unavailable
    }


def changes_of(training: Training, turns: Iterable[Turned]) -> tuple[Change, ...]:
    """Return what turns will change at a restart, checked; nothing has turned yet.

    Raises:
        KnobError: when one of them cannot be turned, or not to that value.
    """
    values = check_turns(training, turns, restart=True)
    return tuple(Change(knob=name, old=training.knobs[name], new=value) for name, value in values.items())


def turn(training: Training, turns: Iterable[Turned]) -> tuple[Change, ...]:
    """Turn knobs and return what has changed, for the undo record.

    Raises:
        KnobError: when a knob refuses; nothing has changed then.
    """
    values = check_turns(training, turns)
    check_pieces(training, values)
    check_replicas(training, values)
    check_recomputed(training, values)
    changes = tuple(Change(knob=name, old=training.knobs[name], new=value) for name, value in values.items())
    try:
        set_knobs(training, {change.knob: change.new for change in changes if change.old != change.new})
    except CacheRefused as refused:
        set_knobs(training, {change.knob: change.old for change in changes if change.old != change.new})
        raise KnobError(str(refused)) from None
    return changes


def check_pieces(training: Training, values: dict[str, KnobValue]) -> None:
    """Check that a batch in other pieces has the same gradient, where the catalogue promises it.

    Raises:
        KnobError: when it has not. A net with batch norm promises nothing: there the turn changes what is learned.
    """
    promised = any(knob.name == "micro_batch" and knob.effect == "other_rounding" for knob in training.catalogue())
    if promised and "micro_batch" in values and (differs := pieces_differ(training, int(values["micro_batch"]))):
        raise KnobError(f"micro_batch cannot be turned here: {differs}")


def check_replicas(training: Training, values: dict[str, KnobValue]) -> None:
    """Check that followers start, and that a batch that is dealt out to them has the same gradient, where that is promised.

    Raises:
        KnobError: when there are no such followers, or it has not.
    """
    if "replicas" not in values:
        return
    promised = any(knob.name == "replicas" and knob.effect == "other_rounding" for knob in training.catalogue())
    if differs := replicas_differ(training, int(values["replicas"]), promised=promised):
        raise KnobError(f"replicas cannot be turned here: {differs}")


def check_recomputed(training: Training, values: dict[str, KnobValue]) -> None:
    """Check that the gradient stays what it is where activations are computed again.

    Raises:
        KnobError: when it does not.
    """
    if values.get("activation_checkpointing") and (differs := recomputed_differs(training)):
        raise KnobError(f"activation_checkpointing cannot be turned here: {differs}")


def turn_back(training: Training, changes: Iterable[Change]) -> tuple[Change, ...]:
    """Take changes back and return what that changed. The old values were in force: they are not checked again.

    Raises:
        CacheRefused: when what was cached before does not fit any more.
    """
    done = tuple(Change(knob=one.knob, old=training.knobs[one.knob], new=one.old) for one in changes)
    set_knobs(training, {one.knob: one.new for one in done if one.old != one.new})
    return done


def undo(changes: Iterable[Change]) -> tuple[Turned, ...]:
    """Return the turns that take changes back."""
    return tuple(Turned(knob=change.knob, to=change.old) for change in changes)


def set_knobs(training: Training, values: dict[str, KnobValue]) -> None:
    """Set values that were checked, and do what they ask for."""
    training.knobs.update(values)
    for deed in dict.fromkeys(DEEDS[name] for name in DEEDS if name in values):
        deed(training)
    if not LEARNING.isdisjoint(values):
        training.guard.forget()


def loader_of(values: dict[str, KnobValue]) -> dict[str, Any]:
    """Return the loader's part of the knobs, as the supply takes it."""
    return {
        "workers": int(values["workers"]),
        "prefetch": int(values["prefetch"]),
        "cache": bool(values["cache"]),
    }


def apply_first(training: Training) -> None:
    """Bring the run in line with the knobs that nothing was built by yet, at its start."""
    for deed in (
        _turn_objective,
        _turn_inputs,
        _turn_targets,
        _turn_precision,
        _turn_tf32,
        _turn_layout,
        _turn_threads,
        _turn_average,
    ):
        deed(training)


def _new_optimizer(training: Training) -> None:
    training.optimizer = training.make_optimizer()
    steps = min(REWARM_STEPS, training.steps_total // 20)
    training.progress.rewarm_since = training.progress.samples
    training.progress.rewarm_over = steps * training.batch_size


def turn_optimizer(training: Training) -> None:
    """Give the optimizer the decay, momentum and beta2 of the knobs."""
    set_weight_decay(training.optimizer, float(training.knobs["weight_decay"]))
    set_momentum(training.optimizer, float(training.knobs["momentum"]))
    set_beta2(training.optimizer, float(training.knobs["beta2"]))


def _turn_objective(training: Training) -> None:
    training.objective.standard = training.knobs["loss"] == "standard"
    training.objective.class_weights = cast("ClassWeights", training.knobs["class_weights"])
    training.objective.label_smoothing = float(training.knobs["label_smoothing"])
    training.objective.logit_adjustment = float(training.knobs["logit_adjustment"])
    training.objective.focal = float(training.knobs["focal"])


def _turn_inputs(training: Training) -> None:
    """Let the model standardise its inputs, or give it its own forward back."""
    if not training.knobs["standardise"]:
        mixing.take_off(training.model, mixing.Standardised)
    elif not mixing.is_on(training.model, mixing.Standardised):
        mixing.put_on(training.model, mixing.Standardised, *standardise.scale_of(training.setup.source))
    if training.averaged is not None:
        training.averaged.fit()


def _turn_targets(training: Training) -> None:
    """Let the model and its loss scale the targets, or leave them as they are."""
    if not training.knobs["scale_targets"]:
        mixing.take_off(training.model, mixing.InTargetUnits)
        training.objective.take_in_spreads(None)
    elif not mixing.is_on(training.model, mixing.InTargetUnits):
        scale = target_scale.scale_of(training.setup.source)
        mixing.put_on(training.model, mixing.InTargetUnits, *scale)
        training.objective.take_in_spreads(scale)
    if training.averaged is not None:
        training.averaged.fit()


def _turn_dropout(training: Training) -> None:
    set_dropout(training.model, float(training.knobs["dropout"]))


def _turn_precision(training: Training) -> None:
    training.precision.set(str(training.knobs["amp"]))


def _turn_tf32(training: Training) -> None:
    if "tf32" not in training.unavailable:
        multiply_in_tf32(bool(training.knobs["tf32"]))


def _turn_layout(training: Training) -> None:
    layout = torch.channels_last if training.knobs["channels_last"] else torch.contiguous_format
    if training.setup.model_info.has_conv:
        training.model.to(memory_format=layout)
        lay_out_moments(training.optimizer)
        if training.averaged is not None:
            training.averaged.lay_out()


def _turn_threads(training: Training) -> None:
    training.share_threads()


def _turn_average(training: Training) -> None:
    """Begin an average with the weights of now, or let it go."""
    if not training.knobs["ema"]:
        training.averaged = None
    elif training.averaged is None:
        training.averaged = Averaged(training.model)


def _rebuild_loader(training: Training) -> None:
    training.supply.exchange(training.supply.build_feed(**loader_of(training.knobs))).close()


def _redraw(training: Training) -> None:
    knobs = training.knobs
    training.supply.redraw(shuffle=bool(knobs["shuffle"]), sampler=cast("Sampler", knobs["sampler"]))


def _resize_batch(training: Training) -> None:
    training.supply.resize(training.batch_size)


Deed = Callable[[Training], None]

DEEDS: dict[str, Deed] = {
    "optimizer": _new_optimizer,
    "weight_decay": turn_optimizer,
    "momentum": turn_optimizer,
    "beta2": turn_optimizer,
    "ema": _turn_average,
    "amp": _turn_precision,
    "tf32": _turn_tf32,
    "dropout": _turn_dropout,
    "standardise": _turn_inputs,
    "scale_targets": _turn_targets,
    "label_smoothing": _turn_objective,
    "class_weights": _turn_objective,
    "logit_adjustment": _turn_objective,
    "focal": _turn_objective,
    "loss": _turn_objective,
    "channels_last": _turn_layout,
    "threads": _turn_threads,
    "replicas": _turn_threads,
    "batch_size": _resize_batch,
    "shuffle": _redraw,
    "sampler": _redraw,
    "workers": _rebuild_loader,
    "prefetch": _rebuild_loader,
    "cache": _rebuild_loader,
}
"""What has to be done when a knob turns; knobs that are not here are read by the next step."""

LEARNING = frozenset(
    {
        "lr",
        "optimizer",
        "momentum",
        "beta2",
        "weight_decay",
        "batch_size",
        "label_smoothing",
        "class_weights",
        "logit_adjustment",
        "focal",
        "shuffle",
        "sampler",
        "loss",
        "standardise",
        "scale_targets",
    }
)
"""Knobs after whose turn other losses and norms are usual."""
