"""A trial from its first command to its verdict: which kind it is, and how it ends when the trainer ends it."""

from dataclasses import dataclass

from advisor.deciding.options import Try
from advisor.trials.compression import CompressionTrial
from advisor.trials.fork import ForkTrial
from advisor.trials.free import AverageTrial, StopTrial, UntriedTurn
from advisor.trials.judge import Verdict
from advisor.trials.rescue import RescueTrial
from advisor.trials.rounds import RoundsTrial
from advisor.trials.scoring import score_of
from advisor.trials.words import Moved, Setting, Trial, over
from rules.vocabulary import Deed
from trainer.wire import CommandRefused, Event, RunEnded, RunStarted, TrainingEnded


@dataclass(frozen=True)
class Circumstances:
    """What a trial has to know of the run besides its setting."""

    pool: tuple[float, ...] = ()
    """fork: differences of earlier null arms."""
    steps_per_epoch: int = 0
    onset: int = 0
    """rescue: step at which the trouble began."""
    loss_now: float = float("nan")
    """rescue: the smoothed loss."""
    rescued: bool = False
    best_step: int = 0
    """early stop: step of the best evaluation."""
    compress_loss: float = 0.01
    evaluation_steps: int = 0
    """averaged weights: steps between two evaluations."""


def open_trial(chosen: Try, setting: Setting, about: Circumstances) -> Trial:
    """Return the trial of a choice, before its first command."""
    match chosen.how:
        case "rounds":
            return RoundsTrial(setting, agreement_passes=chosen.agreement_passes)
        case "fork":
            return ForkTrial(
                setting,
                score=score_of(chosen.fix, setting.metric) or chosen.fix.improves,
                steps=chosen.steps,
                nulls=chosen.nulls,
                replicates=chosen.replicates,
                pool=about.pool,
                steps_per_epoch=about.steps_per_epoch,
                from_start=chosen.from_start,
                own_rate=chosen.own_rate,
            )
        case "rescue":
            return RescueTrial(setting, onset=about.onset, loss_before=about.loss_now, again=about.rescued)
        case "compression":
            return CompressionTrial(setting, most_loss=about.compress_loss)
        case "free" if chosen.fix.deed is Deed.STOP:
            return StopTrial(setting, best_step=about.best_step)
        case "free" if any(turn.knob == "ema" and turn.to for turn in chosen.fix.turns):
            return AverageTrial(setting, evaluation_steps=about.evaluation_steps)
        case _:
            return UntriedTurn(setting)


def advance(trial: Trial, event: Event) -> Moved:
    """Return what an event makes of a trial; a refusal, a restart and the end of the run end every kind alike."""
    match event:
        case CommandRefused() if event.trial == trial.setting.trial:
            return over(trial.setting, Verdict("refused", f"the trainer refused: {event.why}"))
        case RunEnded():
            return abandon(trial, f"the run ended ({event.why})")
        case RunStarted() if event.trial == trial.setting.trial:
            return Moved(trial)
        case RunStarted():
            return abandon(trial, "the trainer was started again")
        case TrainingEnded():
            moved = trial.advance(event)
            return moved if moved.trial is None else abandon(moved.trial, "the training ended")
        case _:
            return trial.advance(event)


def abandon(trial: Trial, event: str) -> Moved:
    """Return the end of a trial that nobody will finish; a rescue that was done stays, its recovery not shown."""
    if isinstance(trial, RescueTrial) and trial.done:
        return over(trial.setting, Verdict("applied_untried", f"{event} before the recovery was shown"))
    return over(trial.setting, Verdict("undecided", f"{event} before there was a verdict"))
