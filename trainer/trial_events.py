"""What the trainer says of a trial: began, stretches taken, arms scored, ended.

No torch is imported here: the advisor reads this file too.
"""

from typing import Literal

from pydantic import Field

from trainer.words import Arm, EventWord


class TrialBegan(EventWord):
    """The trainer has begun the rounds or the fork that it was asked for."""

    kind: Literal["trial_began"] = "trial_began"
    trial: str
    how: Literal["rounds", "fork", "compression"]
    steps: int
    from_start: bool = False
    """fork: its arms begin before the first step and end at the step of now."""


class AgreementMeasured(EventWord):
    """Both arms on the same weights and batches, without a step."""

    kind: Literal["agreement_measured"] = "agreement_measured"
    trial: str
    passes: int
    loss_difference: float
    """Mean absolute difference of the losses over max(loss, 0.05)."""
    gradient_cosine: float
    """Least cosine of the whole gradients."""


class StretchTaken(EventWord):
    """One stretch of a round."""

    kind: Literal["stretch_taken"] = "stretch_taken"
    trial: str
    round: int
    arm: Arm
    steps: int
    timed_samples: int
    timed_s: float
    """Wall seconds of the timed part, the data wait in it."""
    peak_bytes: int = 0
    """Of the device's memory in the timed part, at its peak; 0 where nobody counts it."""


class ArmScored(EventWord):
    """One arm of a fork has run and was scored on the fixed probe set."""

    kind: Literal["arm_scored"] = "arm_scored"
    trial: str
    arm: Arm
    replicate: int = 0
    """Whose batches it trained on: 0 the control's, k those of the k-th null arm."""
    steps: int
    seconds: float
    scores: dict[str, float]
    """loss, the task's metrics, balanced_accuracy and rare_recall for classes, train_loss (as trained), gap (held-out
    loss less that of a sample of the training split); tail_loss, tail_<metric>: by weights averaged over the last half;
    better_loss, better_<metric>: by those or the last ones, whichever have the lower loss."""
    standard_errors: dict[str, float]
    examples: int = 0
    """That it was scored on; 0 where an older trainer did not say."""
    one_example: dict[str, float] = Field(default_factory=dict)
    """Of the scores that count examples: the most that one example is worth in them."""
    diverged: bool = False
    rate: float = float("nan")
    """The rate that it was trained at, before the schedule; of a candidate perhaps one that a sweep picked for it."""


class TrialEnded(EventWord):
    """Rounds or fork are over, and the run goes on from the arm `went_on_from`; a compressed copy stays (candidate) or not."""

    kind: Literal["trial_ended"] = "trial_ended"
    trial: str
    went_on_from: Arm
    seconds: float
    """What the trial cost: time that the run would not have spent without it."""
    set_up_s: float = 0.0
    """rounds: what it takes to bring the candidate's loader up, to be paid again when it is kept; what was compiled
    stays in memory."""
    swept_steps: int = 0
    """fork: what a sweep for the candidate took."""
    crowded_share: float = float("nan")
    """rounds: share of this machine's processors that other programs used meanwhile; NaN where nobody can tell."""
    why: str = ""
