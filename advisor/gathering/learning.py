"""Facts about learning: loss, gradients, evaluations, layers, classes, labels."""

from dataclasses import replace
from math import isnan

from advisor.gathering import setting as gather_setting
from advisor.gathering.sums import passes_over, share_of_a_batch
from advisor.signals.signals import Signals
from advisor.signals.windows import median_of
from rules.facts import (
    ClassFacts,
    GradientFacts,
    LabelFacts,
    LayerFact,
    LayerFacts,
    LossFacts,
    RateFacts,
    StreamFacts,
    ValidationFacts,
)
from trainer.words import SCORED_AT_ONCE, Layer

LEAST_NORMS = 10
"""Gradient norms before there is a median worth the name."""
LEAST_EPOCHS_FOR_LABELS = 3
"""Before it, what a net does not believe yet is what it has not learned yet (rules.facts.LabelFacts)."""


def loss(signals: Signals) -> LossFacts | None:
    """Return the training loss, once it can be smoothed or has become non-finite.

    Of a run that goes on from an arm which began anew nobody saw the first step; an untrained net loses about what guessing does.
    """
    signal = signals.loss
    if not signal.known:
        return None
    chance = gather_setting.task(signals) if signal.begun_unseen else None
    return LossFacts(
        at_start=signal.at_start if chance is None else chance.baseline_loss,
        now=signal.now,
        best=signal.best,
        best_step=signal.best_step,
        fall_share=signal.fall_share,
        noise_share=signal.noise_share,
        above_best_steps=signal.above_best_steps,
        non_finite_steps=signal.non_finite_steps,
        non_finite_in_a_row=signal.non_finite_in_a_row,
        non_finite_in_50=signal.non_finite_within(50),
        non_finite_in_500=signal.non_finite_within(500),
        non_finite_onset=signal.onset,
        outliers_in_50=signal.outliers_in_50(),
        curve=tuple(signal.curve[-100:]),
        highest_early=signal.highest_early,
        non_finite_last=signal.non_finite_last,
    )


def gradients(signals: Signals) -> GradientFacts | None:
    """Return the norm of the whole gradient."""
    signal = signals.gradients
    if len(signal.norms) < LEAST_NORMS:
        return None
    recent = signal.recent()
    return GradientFacts(
        at_start=signal.at_start,
        now=median_of(recent),
        p90=signal.p90,
        largest=max(recent),
        clipped_share=signal.clipped_share,
    )


def rate(signals: Signals) -> RateFacts | None:
    """Return the rate as it was set and as it was held; nothing before the first beat."""
    signal = signals.rate
    if isnan(signal.set):
        return None
    return RateFacts(set=signal.set, held=signal.held, apart_since=signal.apart_since, jump=signal.jump)


def validation(signals: Signals) -> ValidationFacts | None:
    """Return the evaluations of the branch that counts, once there is one.

    The losses are those of batches as they train, where the loss adds up its examples: what is held against them is.
    """
    signal, started = signals.validation, signals.started
    if not signal.evaluations:
        return None
    seen = tuple(signal.evaluations)
    if started is not None:
        held_out = share_of_a_batch(signals, started.task, passes_over(started.task.val_examples))
        sample = share_of_a_batch(signals, started.task, (min(started.task.val_examples, SCORED_AT_ONCE),))
        seen = tuple(replace(one, loss=one.loss * held_out, train_loss=one.train_loss * sample) for one in seen)
    return ValidationFacts(evaluations=seen, higher_is_better=signal.higher_is_better)


def layers(signals: Signals) -> LayerFacts | None:
    """Return the layers as medians over the last three measurements."""
    checks = signals.layers.checks
    if not checks:
        return None
    newest = checks[-1]
    by_name = [{layer.name: layer for layer in check.layers} for check in checks]
    return LayerFacts(
        layers=tuple(_layer([check[one.name] for check in by_name if one.name in check]) for one in newest.layers),
        checks=len(checks),
        first_rows_identical=all(check.first_rows_identical for check in checks),
        unchanged=tuple(name for name in newest.unchanged if all(name in check.unchanged for check in checks)),
        tensors=newest.tensors,
        left_out=newest.left_out,
        idle=tuple(name for name in newest.idle if all(name in check.idle for check in checks)),
        gradients_left=newest.gradients_left,
        at_start=tuple(_layer([one]) for one in signals.layers.first.layers) if signals.layers.first else (),
    )


def _layer(seen: list[Layer]) -> LayerFact:
    return LayerFact(
        name=seen[-1].name,
        kind=seen[-1].kind,
        grad_norm=_middle([layer.grad_norm for layer in seen]),
        weight_norm=_middle([layer.weight_norm for layer in seen]),
        update_ratio=_middle([layer.update_ratio for layer in seen]),
        dead_share=_middle([layer.dead_share for layer in seen if layer.dead_share is not None]),
        saturated_share=_middle([layer.saturated_share for layer in seen if layer.saturated_share is not None]),
        weight_std=_middle([layer.weight_std for layer in seen if layer.weight_std is not None]),
        fan_in=seen[-1].fan_in,
        fan_out=seen[-1].fan_out,
        units=seen[-1].units,
        twin_share=_middle([layer.twin_share for layer in seen if layer.twin_share is not None]),
        input_share=_middle([layer.input_share for layer in seen if layer.input_share is not None]),
    )


def _middle(values: list[float]) -> float:
    """Return the median of what is finite; where nothing is, the newest value says what it is (NaN, infinity)."""
    found = median_of(values)
    return found if found == found or not values else values[-1]


def classes(signals: Signals) -> ClassFacts | None:
    """Return the classes of a classification, once the data were surveyed."""
    survey = signals.survey
    if survey is None or not any(survey.class_counts):
        return None
    return ClassFacts(counts=survey.class_counts, recalls=signals.validation.recalls)


def labels(signals: Signals) -> LabelFacts | None:
    """Return what the training has told about the labels."""
    heard = signals.labels
    if heard is None or heard.epochs < LEAST_EPOCHS_FOR_LABELS:
        return None
    return LabelFacts(noise_share=heard.noise_share, suspects=len(heard.suspects), epochs=heard.epochs)


def stream(signals: Signals) -> StreamFacts | None:
    """Return what goes into the net."""
    signal = signals.stream
    if not signal.first:
        return None
    later = tuple(signal.later) if signal.gathered else ()
    return StreamFacts(first=tuple(signal.first), later=later)
