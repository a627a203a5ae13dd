"""The state of a run as one word, as a person would say it."""

from advisor.story.told import InterventionState, Word
from trainer import wire

STALL_FACTOR = 20
"""A step that takes 20 times the median is not a slow step (rules.md)."""
STALL_LEAST_S = 10.0
"""A shorter silence is a checkpoint or a loader that starts its workers."""
STALL_EVALUATIONS = 3
"""Nothing is heard during an evaluation: three times the longest so far is no evaluation any more."""
WARM_UP_STEPS = 20
WARM_UP_SHARE = 0.05
"""Rules stay silent for the first max(20 steps, 5 % of the run), as in `rules.facts.RunFacts.warm`."""

ENDINGS: dict[str, Word] = {
    "finished": "finished",
    "early_stop": "finished",
    "stopped": "stopped",
    "hopeless": "failed",
    "mistake": "failed",
    "failed": "failed",
}
"""The word for each way in which the trainer may end."""


def state_word(
    *,
    started: wire.RunStarted | None,
    ended: wire.RunEnded | None,
    step: int,
    trial: InterventionState | None,
    dead: bool,
    paused: bool,
    recovering: bool,
    training_over: bool,
) -> Word:
    """Return the word for a run of which this much is known."""
    if ended is not None:
        return ENDINGS[ended.why]
    if dead:
        return "failed"
    if started is None:
        return "waiting"
    if paused:
        return "paused"
    if recovering or (trial is not None and trial.how == "rescue"):
        return "recovering"
    if trial is not None:
        return "trying a fix"
    if training_over:
        return "finishing"
    return "training" if step >= max(WARM_UP_STEPS, WARM_UP_SHARE * started.steps_total) else "warming up"


def patience_s(step_s: float | None, longest_evaluation_s: float) -> float:
    """Return the silence in seconds after which a run that trains is stalled."""
    return max(STALL_LEAST_S, STALL_FACTOR * (step_s or 0.0), STALL_EVALUATIONS * longest_evaluation_s)
