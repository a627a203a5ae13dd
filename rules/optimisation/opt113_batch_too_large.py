"""The batch is so large that the run makes too few steps.

## What it does
Looks, after a quarter of the run, for one that creeps in batches of a quarter of the training split or more (128
examples at the least), with fewer than 300 steps in all.

## Why it matters
A step moves the net by its rate, however many examples were averaged for it. Past the size at which the gradient's noise
is gone, more examples in a step only cost: the same epochs make fewer steps.

## What to do
A batch of 32, at the rate as it is, from the start.

## Fix safety
Starting over is a rescue: applied, not tried; nothing was learned that could be lost. Later it needs a person.

## When to ignore it
Full-batch methods on purpose, with the epochs to match.

## References
- McCandlish et al., «An Empirical Model of Large-Batch Training», 2018
- Keskar et al., «On Large-Batch Training for Deep Learning», 2017
"""

from rules.facts import KnobFacts, LossFacts, RunFacts, TaskFacts
from rules.learning import creeps, heads_for, pays_to_start_over
from rules.remedies import advice, possible, turned
from rules.vocabulary import Deed, Effect, Evidence, Finding, Fix, Severity, rule

FEW_STEPS = 300
"""In the whole run: the simplest nets of the fault bench take 200 and more."""
BATCH_SHARE = 0.25
"""Of the training split, in a batch: with a smaller one, it is the epochs that are few (cap of 20 %, knobs.md)."""
USUAL_BATCH = 32
"""Examples: the usual choice for small data."""
LEAST_CUT = 4
"""Times smaller: less than that changes little."""
JUDGED_SHARE = 0.25
"""Of the run: the first steps of a short one tell nothing of the others."""
CLOSED_SHARE = 0.3
"""Of the loss, carefully said (OPT102)."""


@rule("OPT113")
def batch_too_large(run: RunFacts, task: TaskFacts, loss: LossFacts, knobs: KnobFacts) -> Finding | None:
    """Find a run that makes too few steps, because each takes too many examples."""
    limit = max(BATCH_SHARE * task.train_examples, LEAST_CUT * USUAL_BATCH)
    if run.steps_total >= FEW_STEPS or run.batch_size < limit or run.progress < JUDGED_SHARE:
        return None
    if not creeps(run, task, loss):
        return None
    return Finding(
        code="OPT113",
        name="batch_too_large",
        severity=Severity.WARNING,
        message=f"the whole run takes {run.steps_total} steps, {run.steps_per_epoch} an epoch, and its loss "
        f"{loss.now:.3g} heads for {heads_for(run, task, loss):.3g}: a batch of {run.batch_size} is too large",
        evidence=(
            Evidence(fact="run.steps_total", value=run.steps_total, limit=FEW_STEPS),
            Evidence(fact="run.batch_size", value=run.batch_size, limit=limit),
        ),
        causes=(
            f"a batch of {run.batch_size} of {task.train_examples} examples",
            "the epochs are few",
            "the rate is too low",
        ),
        explains=("OPT102", "OPT103", "OPT104", "GEN102", "GEN103"),
        fixes=(
            *(possible(knobs, _start_over(USUAL_BATCH, knobs.number("lr"))) if pays_to_start_over(run) else ()),
            advice(f"start with train.batch_size = {USUAL_BATCH}", improves="loss"),
        ),
    )


def _start_over(size: int, lr: float) -> Fix:
    return Fix(
        name=f"start over with batch_size {size}",
        effect=Effect.RESCUE,
        deed=Deed.START_OVER,
        turns=turned(batch_size=size, lr=lr),
        improves="loss",
        expected=CLOSED_SHARE,
        estimated_by="applied, not tried: nothing was learned that could be lost",
    )
