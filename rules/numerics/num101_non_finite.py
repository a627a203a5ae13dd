"""The loss or a gradient is not a number any more.

## What it does
Counts the steps since the onset whose loss or gradient was NaN or infinite. One or two are the guard's business (it
skips them); three mean that the weights, or what goes into them, are lost.

## Why it matters
One NaN in the weights turns every later loss into NaN. All steps after the onset are wasted.

## What to do
Go back to a state from before the onset and clip the gradients; when it happened in the first steps, start over with
the rate that a sweep picks. If it comes back: half the rate and a new warm-up; then look at the code and the data.

## Fix safety
Rescue: applied and not tried, because there is no sound run to compare with. The state before the rollback is lost.

## When to ignore it
Single steps that a float16 loss scaler skips are its way of finding the scale; the rule allows for five.

## References
- Micikevicius et al., «Mixed Precision Training», 2018 (loss scaling)
- Chowdhery et al., «PaLM», 2022, section 5.1 (rewind and skip the batches)
"""

from math import isfinite

from rules.facts import BranchFacts, KnobFacts, LossFacts, ProbeFacts, RunFacts
from rules.rescue import early, ladder, look_at_the_code
from rules.vocabulary import Evidence, Finding, Severity, rule

LOST_STEPS = 3
"""Steps: one or two are skipped by the guard and over; at the third it is no accident."""
SCALER_STEPS = 5
"""Steps under float16: a loss scaler may skip some in a row while it looks for its scale."""
SYMPTOMS = ("NUM102", "NUM103", "ARC102", "OPT104", "OPT105", "OPT106", "OPT109", "GEN102", "GEN103")
HEALED_STEPS = 500
"""Steps after the onset with a finite loss: that trouble is over."""


@rule("NUM101")
def non_finite(
    run: RunFacts,
    loss: LossFacts,
    knobs: KnobFacts,
    probes: ProbeFacts,
    branch: BranchFacts,
) -> Finding | None:
    """Find a run whose loss or gradients have stopped being numbers."""
    limit = SCALER_STEPS if knobs.values["amp"] in ("fp16", "auto") else LOST_STEPS
    onset = loss.non_finite_onset
    if loss.non_finite_steps < limit or (isfinite(loss.now) and run.step - onset > HEALED_STEPS):
        return None
    fixes, asked = ladder(run, onset, branch.clip_norm, knobs, probes, branch)
    return Finding(
        code="NUM101",
        name="non_finite",
        severity=Severity.ERROR,
        message=f"{loss.non_finite_steps} steps since step {onset} had a loss or gradient that is not a number",
        evidence=(Evidence(fact="loss.non_finite_steps", value=loss.non_finite_steps, limit=limit),),
        causes=(
            "the learning rate is too high from the start" if early(run, onset) else "a steep place on the way",
            "an input that is not a number",
            "a loss that takes a logarithm or root of 0",
        ),
        probes=asked,
        explains=SYMPTOMS,
        fixes=(*fixes, look_at_the_code()),
    )
