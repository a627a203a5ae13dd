"""What a choice and a trial have to know of the run, read off the signals and the history."""

from math import ceil, isfinite, nan

from advisor.deciding.budget import Budget
from advisor.deciding.history import History
from advisor.deciding.options import STARTS_S, Scene, Try
from advisor.deciding.settings import Settings
from advisor.gathering import learning as gather_learning
from advisor.gathering import setting as gather_setting
from advisor.signals.signals import Signals
from advisor.trials.scoring import score_of
from advisor.trials.trial import Circumstances
from advisor.trials.words import Setting
from rules.learning import learned_nothing
from rules.vocabulary import Value


def repeats(signals: Signals, settings: Settings) -> bool:
    """Tell whether the run is in lockstep: no decision may depend on wall time."""
    return settings.lockstep or (signals.started is not None and signals.started.lockstep)


def scene_of(signals: Signals, history: History, settings: Settings) -> Scene:
    """Return where the run stands. In lockstep its bill is counted in steps, else in seconds at today's step time."""
    total = _steps_total(signals)
    lockstep = repeats(signals, settings)
    step_s = 0.0 if lockstep else signals.step_s
    timed = step_s > 0
    evaluations = signals.validation.evaluations
    return Scene(
        mode=settings.mode,
        step=signals.step,
        steps_left=max(total - signals.step, 0),
        budget=Budget(
            share=settings.budget,
            spent_steps=history.spent_s / step_s if timed else history.spent_steps,
            steps_total=(signals.elapsed_s + signals.eta_s) / step_s if timed else total,
            probed=history.probed,
            forked=history.forked,
        ),
        knobs=signals.knobs,
        phase=history.phase(signals.step),
        metric=signals.validation.metric,
        finished=signals.ended is not None,
        lockstep=lockstep,
        compress=settings.compress,
        eta_s=signals.eta_s,
        step_s=step_s,
        scoring_steps=signals.validation.last_seconds / step_s if timed else 0.0,
        fall_share=signals.loss.fall_share,
        learned_nothing=_learned_nothing(signals),
        validation_improves=signals.validation.improving(),
        last_evaluation_step=evaluations[-1].step if evaluations else 0,
        evaluation_steps=_evaluation_steps(signals),
        probes_done=frozenset(signals.probes),
        steps_per_epoch=signals.started.steps_per_epoch if signals.started else 0,
        memory_counted=signals.started is not None and signals.started.device.memory_counted,
        anew_s=signals.started.anew_s if signals.started and isfinite(signals.started.anew_s) else STARTS_S,
    )


def setting_of(trial: str, chosen: Try, signals: Signals, lockstep: bool) -> Setting:
    """Return what a trial that begins now knows of its run."""
    held = _held(signals)
    return Setting(
        trial=trial,
        code=chosen.code,
        fix=chosen.fix,
        how=chosen.how,
        step=signals.step,
        t=signals.t,
        step_s=signals.step_s,
        eta_s=signals.eta_s,
        steps_left=max(_steps_total(signals) - signals.step, 0),
        metric=signals.validation.metric,
        higher_is_better=signals.validation.higher_is_better,
        old={turn.knob: held[turn.knob] for turn in chosen.fix.turns if turn.knob in held},
        lockstep=lockstep,
        guessing=_guessing(signals),
    )


def circumstances_of(chosen: Try, signals: Signals, history: History, settings: Settings) -> Circumstances:
    """Return what else the kind of this trial needs."""
    score = score_of(chosen.fix, signals.validation.metric) or ""
    return Circumstances(
        pool=history.null_pool(score, history.phase(signals.step), chosen.steps) if chosen.how == "fork" else (),
        steps_per_epoch=signals.started.steps_per_epoch if signals.started else 0,
        onset=signals.loss.onset or max(signals.step - signals.loss.above_best_steps, 0),
        loss_now=signals.loss.now,
        rescued=history.rescues() > 0,
        best_step=signals.validation.best_step,
        compress_loss=settings.compress_loss,
        evaluation_steps=_evaluation_steps(signals),
    )


def _guessing(signals: Signals) -> float:
    """Return the main metric of the best constant; of a trainer that does not say, that of the constant of least loss."""
    if signals.started is None:
        return nan
    task = signals.started.task
    return task.best_constant_metric if isfinite(task.best_constant_metric) else task.baseline_metric


def _learned_nothing(signals: Signals) -> bool:
    now, chance = gather_learning.loss(signals), gather_setting.task(signals)
    return now is not None and chance is not None and learned_nothing(chance, now)


def _held(signals: Signals) -> dict[str, Value]:
    return {name: knob.value for name, knob in signals.knobs.items()}


def _evaluation_steps(signals: Signals) -> int:
    """Return the steps between two evaluations, at the batch size of now."""
    if signals.started is None:
        return 0
    held = _held(signals)
    examples = float(held.get("eval_every", 1.0)) * signals.started.task.train_examples
    return ceil(examples / float(held.get("batch_size", 1)))


def _steps_total(signals: Signals) -> int:
    return signals.started.steps_total if signals.started else 0
