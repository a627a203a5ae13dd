"""The loss or a gradient is not a number any more.

## What it does
Counts the steps whose loss or gradient was NaN or infinite. Single ones are the guard's business (it leaves them out);
three in a row, or half of the last 50, mean that the weights, or what goes into them, are lost. Single ones that come
again and again lie in the data or in the code: that is said, and nothing is turned. So too where a sweep from the start
meets one at rates that are next to nothing: no rate did that.

## Why it matters
One NaN in the weights turns every later loss into NaN. All steps after the onset are wasted.

## What to do
Go back to a state from before the onset and clip the gradients; when it happened in the first steps, start over with
the rate that a sweep picks. If it comes back: half the rate and a new warm-up; then look at the code and the data.

## Fix safety
Rescue: applied and not tried, because there is no sound run to compare with. The state before the rollback is lost.

## When to ignore it
Single steps that a float16 loss scaler skips are its way of finding the scale; the rule allows for five in a row, and
for 1 % of the last 500.

## References
- Micikevicius et al., «Mixed Precision Training», 2018 (loss scaling)
- Chowdhery et al., «PaLM», 2022, section 5.1 (rewind and skip the batches)
"""

from math import isfinite, isnan

from rules.facts import BranchFacts, KnobFacts, LossFacts, ProbeFacts, RunFacts
from rules.rescue import early, ladder, look_at_the_code
from rules.vocabulary import Evidence, Finding, Severity, rule

LOST_STEPS = 3
"""Steps in a row: one or two are left out by the guard and over; the third says that the weights are lost."""
MOSTLY = 25
"""Of the last 50 steps: as good as all of them."""
SCALER_STEPS = 5
"""In a row, under float16: a loss scaler may leave some out while it looks for its scale (trials.md)."""
SCALER_IN_500 = 5
"""1 % of 500 steps: a scaler that leaves out more has no scale that fits (trials.md)."""
SINGLE_STEPS = 3
"""Single steps over the run: it is no accident any more, and worth a look at the data."""
SYMPTOMS = ("NUM102", "NUM103", "ARC102", "OPT104", "OPT105", "OPT106", "OPT109", "GEN102", "GEN103")
HEALED_STEPS = 500
"""Steps after the last one with a finite loss: that trouble is over."""
NO_RATE_SHARE = 0.01
"""Of the rate: a loss that is no number at a hundredth of it, and gave no pick on the way, is not of the rate's making."""


@rule("NUM101")
def non_finite(
    run: RunFacts,
    loss: LossFacts,
    knobs: KnobFacts,
    probes: ProbeFacts,
    branch: BranchFacts,
) -> Finding | None:
    """Find a run whose loss or gradients have stopped being numbers."""
    onset = loss.non_finite_onset
    if isfinite(loss.now) and run.step - max(onset, loss.non_finite_last) > HEALED_STEPS:
        return None
    scaled = knobs.values["amp"] in ("fp16", "auto")
    limit = SCALER_STEPS if scaled else LOST_STEPS
    lost = loss.non_finite_in_a_row >= limit or loss.non_finite_in_50 >= MOSTLY
    if not (lost or (scaled and loss.non_finite_in_500 > SCALER_IN_500)):
        return None if scaled or loss.non_finite_steps < SINGLE_STEPS else _single(loss)
    fixes, asked = ladder(run, onset, branch.clip_norm, knobs, probes, branch)
    at_any_rate = isnan(probes.lr_pick) and probes.lr_finite_to < NO_RATE_SHARE * knobs.number("lr")
    if at_any_rate:
        fixes, asked = (), ()
    first = "the learning rate is too high from the start" if early(run, onset) else "a steep place on the way"
    of_the_data = ("an input that is not a number", "a loss that takes a logarithm or root of 0")
    return Finding(
        code="NUM101",
        name="non_finite",
        severity=Severity.ERROR,
        message=f"{loss.non_finite_steps} steps since step {onset} had a loss or gradient that is not a number"
        + (", and a sweep met one at every rate: not recoverable by a knob" if at_any_rate else ""),
        evidence=(Evidence(fact="loss.non_finite_in_a_row", value=loss.non_finite_in_a_row, limit=limit),),
        causes=of_the_data if at_any_rate else (first, *of_the_data),
        probes=asked,
        explains=SYMPTOMS,
        fixes=(*fixes, look_at_the_code()),
    )


def _single(loss: LossFacts) -> Finding:
    """Return what is said of single steps: the run lives, and going back would only bring it to the same example."""
    return Finding(
        code="NUM101",
        name="non_finite",
        severity=Severity.WARNING,
        message=f"{loss.non_finite_steps} single steps had a loss or gradient that is not a number; "
        "each was left out and the run goes on: not recoverable by a knob",
        evidence=(Evidence(fact="loss.non_finite_steps", value=loss.non_finite_steps, limit=SINGLE_STEPS),),
        causes=("an example that is not a number", "a loss that takes a logarithm or root of 0"),
        fixes=(look_at_the_code(),),
    )
