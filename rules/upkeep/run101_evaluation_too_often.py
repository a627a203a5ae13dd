"""The run spends its time on evaluations.

## What it does
Looks at the share of the wall time that went into evaluations, and works out at once how far apart they would have to
be to cost a small share; but ten of them must still come, and seconds that nobody would miss are not worth a coarser
curve. It asks for one change in a run and is then silent: the share so far still holds what was spent before the change.

## Why it matters
An evaluation teaches the net nothing. Ten to twenty of them show a curve as well as hundreds.

## What to do
Evaluate less often, so that the share falls to a seventieth of the time.

## Fix safety
Same mathematics: an evaluation changes nothing that is learned. The best checkpoint may come from a coarser grid.

## When to ignore it
The curve itself is what you are after.

## References
- Prechelt, «Early Stopping – But When?», 1998 (strips of several epochs)
"""

from math import floor

from rules.facts import KnobFacts, PhaseFacts, RunFacts
from rules.remedies import possible, turned
from rules.vocabulary import Effect, Evidence, Finding, Fix, Severity, rule

SHARE_LIMIT = 0.02
"""Of the wall time: less is within the noise of a step's time."""
SEVERE_SHARE = 0.5
"""Of the wall time: the run evaluates more than it trains."""
TARGET_SHARE = 0.015
"""Of the wall time, to come down to: below the limit, so that it need not be asked for twice."""
LEFT_LIMIT = 10
"""Evaluations that must still come, for a curve and for stopping early."""
LEAST_SAVED_S = 5.0
"""Seconds, in what is left of the run: for less, evaluations stay as close as they were asked for."""
LEAST_STRETCH = 1.25
"""Times the present interval: less would save a fifth of the evaluations at most."""


@rule("RUN101")
def evaluation_too_often(run: RunFacts, phases: PhaseFacts, knobs: KnobFacts) -> Finding | None:
    """Find a run that evaluates too often."""
    share, now = phases.evaluation_share, knobs.number("eval_every")
    if not run.warm or share <= SHARE_LIMIT or "eval_every" in knobs.confirmed:
        return None
    most = run.steps_left / (LEFT_LIMIT * max(run.steps_per_epoch, 1))
    interval = _round_down(min(now * _odds(share) / _odds(TARGET_SHARE), most))
    if interval < LEAST_STRETCH * now:
        return None
    left = share * now / interval / (1 - share + share * now / interval)
    if (share - left) / (1 - share) * run.steps_left * phases.step_s < LEAST_SAVED_S:
        return None
    fix = Fix(
        name=f"evaluate every {interval:g} epochs",
        effect=Effect.SAME_MATHEMATICS,
        turns=turned(eval_every=interval),
        improves="time",
        expected=share - left,
        estimated_by=f"{now / interval:.0%} of the evaluations: {left:.0%} of the time instead of {share:.0%}",
    )
    return Finding(
        code="RUN101",
        name="evaluation_too_often",
        severity=Severity.WARNING if phases.evaluation_share >= SEVERE_SHARE else Severity.INFO,
        message=f"{phases.evaluation_share:.0%} of the time goes into evaluations",
        evidence=(Evidence(fact="phases.evaluation_share", value=phases.evaluation_share, limit=SHARE_LIMIT),),
        causes=("evaluations come too often", "the validation split is large for this training split"),
        fixes=possible(knobs, fix),
    )


def _odds(share: float) -> float:
    """Return seconds of evaluation for each second of all else."""
    return share / max(1 - share, 1e-9)


def _round_down(epochs: float) -> float:
    """Return whole epochs, or tenths of one below two."""
    return float(floor(epochs)) if epochs >= 2 else floor(10 * epochs) / 10
