"""The first steps threw the net about, because the rate did not warm up.

## What it does
Looks for a run without warm-up whose loss rose, in its first tenth, well above where it began, and then came down.

## Why it matters
The run recovered, but from a worse place than its initialisation; the first steps were spent on the way back.

## What to do
Start with a warm-up of five per cent. In the run at hand it is too late for that.

## Fix safety
Needs a person: it is a matter for the next run.

## When to ignore it
The rise is small against what was learned afterwards.

## References
- Goyal et al., «Accurate, Large Minibatch SGD», 2017 (gradual warm-up)
- Liu et al., «On the Variance of the Adaptive Learning Rate and Beyond», 2020
"""

from rules.facts import KnobFacts, LossFacts, RunFacts, TaskFacts
from rules.remedies import advice
from rules.vocabulary import Evidence, Finding, Severity, rule

FIRST_SHARE = 0.10
"""Of the run: where a warm-up acts."""
RISE_LIMIT = 1.5
"""Times the loss at the start (or of a constant, if that is higher)."""
WARM_UP_SHARE = 0.05
"""Of the run: the upper end of what is customary (2 to 5 %)."""


@rule("OPT106")
def warm_up_missing(run: RunFacts, task: TaskFacts, loss: LossFacts, knobs: KnobFacts) -> Finding | None:
    """Find a run that was thrown back by its first steps."""
    first = [value for step, value in loss.curve if step <= FIRST_SHARE * run.steps_total]
    if not run.warm or run.progress <= FIRST_SHARE or knobs.number("warmup") > 0 or not first:
        return None
    start = max(loss.at_start, task.baseline_loss)
    thrown = start > 0 and max(first) > RISE_LIMIT * start  # of a loss below zero there is no multiple
    if not thrown or not loss.now < task.baseline_loss:
        return None
    return Finding(
        code="OPT106",
        name="warm_up_missing",
        severity=Severity.INFO,
        message=f"the loss rose to {max(first) / start:.1f} times its first value before it came down: there is no warm-up",
        evidence=(
            Evidence(fact="loss.curve", value=max(first), limit=RISE_LIMIT * start),
            Evidence(fact="knobs.warmup", value=0.0, limit=WARM_UP_SHARE),
        ),
        fixes=(advice(f"start the next run with train.warmup = {WARM_UP_SHARE}", improves="loss"),),
    )
