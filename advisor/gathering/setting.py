"""Facts about the setting: the run, the task, the data as surveyed, the network, the knobs, probes and rescues."""

from math import isfinite, isnan, nan
from typing import Any

from advisor.gathering.chance import drawn_chance, focal_chance, weighed_chance
from advisor.gathering.sums import share_of_a_batch
from advisor.signals.signals import Signals
from rules.facts import (
    BranchFacts,
    ColumnFact,
    DeviceFacts,
    InputFacts,
    KnobFacts,
    ModelFacts,
    ProbeFacts,
    RunFacts,
    SplitFacts,
    TableFacts,
    TaskFacts,
)
from trainer.words import TaskInfo


def run(signals: Signals) -> RunFacts | None:
    """Return where the run stands."""
    started = signals.started
    if started is None:
        return None
    batch_size = signals.knobs["batch_size"].value if "batch_size" in signals.knobs else 0
    return RunFacts(
        step=signals.step,
        steps_total=started.steps_total,
        epoch=signals.epoch,
        steps_per_epoch=started.steps_per_epoch,
        batch_size=int(batch_size),
        seed=started.seed,
        finished=signals.ended is not None,
        last_turn_step=signals.last_turn_step,
        walked=signals.layers.walked,
    )


def task(signals: Signals) -> TaskFacts | None:
    """Return what is learned."""
    if signals.started is None:
        return None
    told = signals.started.task
    return TaskFacts(
        kind=told.kind,
        inputs=told.inputs,
        classes=told.classes,
        train_examples=told.train_examples,
        val_examples=told.val_examples,
        metric=told.metric,
        higher_is_better=told.higher_is_better,
        baseline_metric=told.baseline_metric,
        baseline_loss=_chance(signals, told),
        smallest_class=min(filter(None, signals.survey.class_counts), default=0) if signals.survey is not None else 0,
    )


def _chance(signals: Signals, told: TaskInfo) -> float:
    """Return the loss that the training loss has where nothing is learned.

    That is the training split's own constant predictor; where classes are weighed, or drawn more often, of the classes as
    they then count, and under a focal loss what that comes to.
    """
    if "loss" in signals.knobs and signals.knobs["loss"].value == "standard":
        return told.baseline_standard_loss
    held = {name: knob.value for name, knob in signals.knobs.items()}
    how, drawn = held.get("class_weights", "none"), held.get("sampler", "none")
    focal = float(held.get("focal", 0.0))
    counts = signals.survey.class_counts if signals.survey is not None else ()
    if any(counts):
        if how != "none":
            return weighed_chance(counts, root=how == "sqrt", focal=focal)
        if drawn != "none":
            return drawn_chance(counts, root=drawn == "sqrt", focal=focal)
        if focal:
            return focal_chance(counts, focal)
    if how != "none" or isnan(told.baseline_train_loss):
        return told.baseline_loss * share_of_a_batch(signals, told, (told.val_examples,))
    return told.baseline_train_loss * share_of_a_batch(signals, told, (told.train_examples,))


def device(signals: Signals) -> DeviceFacts | None:
    """Return the device that trains."""
    if signals.started is None:
        return None
    told = signals.started.device
    return DeviceFacts(type=told.type, name=told.name, amp_dtypes=told.amp_dtypes, memory_bytes=told.memory_bytes)


def model(signals: Signals) -> ModelFacts | None:
    """Return the network in numbers."""
    if signals.started is None:
        return None
    told = signals.started.model
    return ModelFacts(
        parameters=told.parameters,
        layers=len(told.layers),
        has_conv=told.has_conv,
        has_norm=told.has_norm,
        has_dropout=told.has_dropout,
        frozen=told.parameters - told.trainable,
        frozen_as_drawn=told.frozen_as_drawn,
        evaluation_difference=told.evaluation_difference,
        left_training=told.left_training,
        gradient_added=told.gradient_added,
        straight=told.straight,
        blocks=told.blocks,
    )


def knobs(signals: Signals) -> KnobFacts | None:
    """Return the knobs and which of them can be turned in this run."""
    return KnobFacts(
        values={name: knob.value for name, knob in signals.knobs.items()},
        turnable=frozenset(name for name, knob in signals.knobs.items() if not knob.unavailable),
        confirmed=frozenset(signals.confirmed),
    )


def inputs(signals: Signals) -> InputFacts | None:
    """Return the inputs as the model gets them, once surveyed."""
    survey = signals.survey
    if survey is None:
        return None
    return InputFacts(
        features=survey.features,
        constant_features=survey.constant_features,
        missing_share=survey.missing_share,
        mean_abs=survey.input_mean,
        std_low=survey.input_std_low,
        std_high=survey.input_std_high,
        abs_max=survey.input_abs_max,
        outlying_share=survey.input_outlying_share,
        reach=survey.input_reach,
        unreadable=survey.unreadable,
        broken_share=survey.broken_share,
        association=survey.label_association,
        association_examples=survey.label_association_examples,
        linear_agreement=signals.stream.agreement,
    )


def table(signals: Signals) -> TableFacts | None:
    """Return the columns of a table."""
    survey = signals.survey
    if survey is None or not survey.columns:
        return None
    return TableFacts(
        columns=tuple(
            ColumnFact(
                name=column.name,
                missing_share=column.missing_share,
                unique=column.unique,
                std=column.std,
                correlation=column.correlation,
            )
            for column in survey.columns
        ),
        examples=survey.examples,
    )


def splits(signals: Signals) -> SplitFacts | None:
    """Return duplicates and overlap, once surveyed, and what the loader deals."""
    survey = signals.survey
    if survey is None:
        return None
    return SplitFacts(
        duplicate_share=survey.duplicate_share,
        conflicting_share=survey.conflicting_share,
        val_overlap_share=survey.val_overlap_share,
        test_overlap_share=survey.test_overlap_share,
        asked=signals.stream.asked,
        distinct=signals.stream.distinct,
    )


def branch(signals: Signals) -> BranchFacts | None:
    """Return what has been rescued so far."""
    onset = signals.loss.onset or max(signals.step - signals.loss.above_best_steps, 0)
    return BranchFacts(
        rollbacks=signals.rollbacks,
        last_rollback_step=signals.last_rollback_step,
        snapshots=tuple(dict.fromkeys(signals.snapshots)),
        rung_lr=signals.rung_lr,
        clip_norm=signals.gradients.p90_before(onset),
    )


def probes(signals: Signals) -> ProbeFacts | None:
    """Return the answers of the probes so far; there is always such a group."""
    answers = signals.probes
    sweep = answers.get("lr_sweep", {})
    fit = answers.get("single_batch_fit", {})
    zeroed = answers.get("zeroed_input", {})
    switch = answers.get("mode_switch", {})
    fetched = answers.get("fetched_batch", {})
    eval_loss = _number(switch, "eval_loss")
    screen = answers.get("throughput_screen", {})
    timed = screen.get("timed") or ()
    return ProbeFacts(
        done=frozenset(answers),
        lr_pick=_number(sweep, "pick"),
        lr_spread=_number(sweep, "spread"),
        lr_finite_to=_finite_to(sweep),
        lr_moved_share=_number(sweep, "moved"),
        adaptive_pick=_number(answers.get("adaptive_sweep", {}), "pick"),
        fit_first_loss=_number(fit, "first_loss"),
        fit_last_loss=_number(fit, "last_loss"),
        cached_step_s=_number(answers.get("cached_batch", {}), "step_s"),
        fetch_alone_s=_number(fetched, "alone_s"),
        fetch_asleep_share=_number(fetched, "asleep_share"),
        fetch_transform_share=_number(fetched, "transform_share"),
        fetch_collate_share=_number(fetched, "collate_share"),
        zeroed_output_share=_number(zeroed, "output_difference"),
        zeroed_loss_share=_share(_number(zeroed, "zeroed_loss"), _number(zeroed, "loss")),
        initial_loss=_number(answers.get("loss_at_init", {}), "loss"),
        mode_difference_share=_share(abs(_number(switch, "train_loss") - eval_loss), eval_loss),
        screened=frozenset(str(one.get("knob")) for one in timed),
        screen_turns=dict(screen.get("same_batch_turns", screen.get("turns")) or {}),
        screen_gain=float(screen.get("same_batch_gain", screen.get("gain", 0.0))),
        screen_batches={int(one["value"]): float(one["gain"]) for one in timed if one.get("knob") == "batch_size"},
    )


def _finite_to(sweep: dict[str, Any]) -> float:
    """Return the rate of the sweep's last step whose loss was a number; 0 where even the first one's was none."""
    told = list(zip(sweep.get("rates") or (), sweep.get("losses") or (), strict=False))
    if not told:
        return nan
    return max((float(rate) for rate, loss in told if isfinite(float(loss))), default=0.0)


def _number(answer: dict[str, Any], name: str) -> float:
    """Return a number of an answer; NaN where the probe could not tell. Non-finite numbers travel as strings."""
    value = answer.get(name)
    return nan if value is None else float(value)


def _share(part: float, whole: float) -> float:
    return part / abs(whole) if whole else nan
