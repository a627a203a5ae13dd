"""The run spends its time on evaluations.

## What it does
Looks at the share of the wall time that went into evaluations, and whether enough of them would be left at half the
rate.

## Why it matters
An evaluation teaches the net nothing. Ten to twenty of them show a curve as well as hundreds.

## What to do
Evaluate half as often.

## Fix safety
Same mathematics: an evaluation changes nothing that is learned. The best checkpoint may come from a coarser grid.

## When to ignore it
The curve itself is what you are after.

## References
- Prechelt, «Early Stopping – But When?», 1998 (strips of several epochs)
"""

from rules.facts import KnobFacts, PhaseFacts, RunFacts
from rules.remedies import possible, turned
from rules.vocabulary import Effect, Evidence, Finding, Fix, Severity, rule

SHARE_LIMIT = 0.05
"""Of the wall time."""
SEVERE_SHARE = 0.5
"""Of the wall time: the run evaluates more than it trains."""
LEFT_LIMIT = 10
"""Evaluations that must still come at half the rate, for a curve and for stopping early."""


@rule("RUN101")
def evaluation_too_often(run: RunFacts, phases: PhaseFacts, knobs: KnobFacts) -> Finding | None:
    """Find a run that evaluates too often."""
    interval = 2 * knobs.number("eval_every")
    to_come = run.steps_left / max(interval * run.steps_per_epoch, 1)
    if not run.warm or phases.evaluation_share <= SHARE_LIMIT or to_come < LEFT_LIMIT:
        return None
    fix = Fix(
        name=f"evaluate every {interval:g} epochs",
        effect=Effect.SAME_MATHEMATICS,
        turns=turned(eval_every=interval),
        improves="time",
        expected=phases.evaluation_share / 2,
        estimated_by="half of the evaluations, half of their time",
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
