"""Watching the run costs more than it should.

## What it does
Looks at the share of a step that goes into our own measurements, in runs of more than half a minute. In lockstep the
run waits for us on purpose, and nothing is timed.

## Why it matters
An adviser that slows the run down has to earn that back first.

## What to do
Longer steps (a larger batch) make the share smaller; a run can also be trained without the adviser.

## Fix safety
There is no fix to apply. Nothing that is learned depends on it.

## When to ignore it
The steps are so short (below a millisecond) that any clock shows.

## References
- Nethercote, «Dynamic Binary Analysis and Instrumentation», 2004 (what observation costs)
"""

from rules.facts import PhaseFacts, RunFacts
from rules.vocabulary import Evidence, Finding, Severity, rule

SHARE_LIMIT = 0.01
"""Of a step: the bound that this project sets itself."""
RUN_LIMIT_S = 30.0
"""Seconds of training in all: one per cent of less is not worth anyone's attention."""


@rule("RUN103")
def watching_costs(run: RunFacts, phases: PhaseFacts) -> Finding | None:
    """Find a run that we slow down."""
    share = phases.shares.get("advisor", 0.0)
    if not run.warm or share <= SHARE_LIMIT or phases.step_s * run.steps_total < RUN_LIMIT_S:
        return None
    return Finding(
        code="RUN103",
        name="watching_costs",
        severity=Severity.INFO,
        message=f"{share:.1%} of each step goes into watching it",
        evidence=(Evidence(fact="phases.shares", value=share, limit=SHARE_LIMIT),),
        causes=("steps that are very short",),
    )
