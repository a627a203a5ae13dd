"""The inputs reach the net on very different, very large or very small scales.

## What it does
Looks at the inputs as the model gets them: the spread of the features and their means. It is silent once the model
standardises its inputs.

## Why it matters
One rate has to serve all weights; where one feature is a hundred times larger than another, the rate that suits the
one is wrong for the other, and gradients grow with the inputs. A rate that suits such inputs by chance leaves the net
slow or blind to the small features.

## What to do
Let the model standardise its inputs by the training split (train.standardise): each feature with mean 0 and spread 1.
It pays from the first step on, so the run begins anew with it. In your own code: scale the data before they reach the
net (data.standardise does), or divide pixels by 255.

## Fix safety
Changes what is learned. A run that goes on is compared with one that began with scaled inputs, both trained from the
first step to the step of now, and goes on from the better one. A run that is lost already (its loss not finite, above
where it began, or high still after one of its first steps threw it up) is begun anew: applied, not tried.

## When to ignore it
The first layer normalises its inputs (a batch norm in front), or the inputs are counts that an embedding looks up. A run
whose loss is down to half of guessing learns all the same: the rule then speaks as information.

## References
- LeCun et al., «Efficient BackProp», 1998, section 4.3
"""

from rules.facts import InputFacts, KnobFacts, LossFacts, RunFacts, TaskFacts
from rules.learning import HIGH_LOSS_SHARE, lost_or_thrown
from rules.remedies import advice, possible, standardised_inputs
from rules.vocabulary import Evidence, Finding, Severity, rule

STD_RATIO_LIMIT = 100.0
"""Widest over narrowest feature."""
STD_LIMIT = 10.0
"""Spread of the widest feature: narrow features alone do no harm."""
MEAN_LIMIT = 20.0
"""Largest absolute mean: standardised data have 0, pixels divided by 255 below 1; digits from 0 to 16, with means up to
12, learn as well as scaled ones (.98)."""
SMALL_LIMIT = 0.01
"""Largest absolute value of all: pixels that were divided by 255 twice reach 0.004, and no bias can help that."""
GAINED_SHARE = 0.5
"""Of the loss: digits from 0 to 255 went from .08 to .98 of them right, columns over three decades from .62 to .97."""


@rule("DAT104")
def unscaled_inputs(
    run: RunFacts, task: TaskFacts, loss: LossFacts, inputs: InputFacts, knobs: KnobFacts
) -> Finding | None:
    """Find inputs that one rate cannot serve."""
    ratio = inputs.std_high / inputs.std_low if inputs.std_low > 0 else 1.0
    uneven = task.inputs != "image" and ratio > STD_RATIO_LIMIT and inputs.std_high > STD_LIMIT
    large = inputs.mean_abs > MEAN_LIMIT or (task.inputs == "image" and inputs.std_high > STD_LIMIT)
    small = 0 < inputs.abs_max < SMALL_LIMIT
    if not (uneven or large or small) or knobs.values.get("standardise", False):
        return None
    learns = loss.now <= HIGH_LOSS_SHARE * task.baseline_loss
    return Finding(
        code="DAT104",
        name="unscaled_inputs",
        severity=Severity.INFO if learns else Severity.WARNING,
        message=f"the widest spread of a feature is {inputs.std_high:.3g}, the narrowest {inputs.std_low:.2g}, "
        f"the largest mean {inputs.mean_abs:.3g}",
        evidence=(
            Evidence(fact="inputs.std_high", value=inputs.std_high, limit=STD_LIMIT),
            Evidence(fact="inputs.std_ratio", value=ratio, limit=STD_RATIO_LIMIT),
            Evidence(fact="inputs.mean_abs", value=inputs.mean_abs, limit=MEAN_LIMIT),
        ),
        causes=("raw values of different units", "pixels from 0 to 255", "values that were divided twice"),
        explains=("NUM101", "NUM102", "NUM103", "OPT101", "OPT102", "OPT103", "OPT104", "OPT105", "OPT106", "OPT109",
                  "OPT110", "OPT115", "ARC101", "ARC102", "ARC103", "ARC104", "GEN102", "GEN103",
                  *(() if learns else ("GEN101",))),
        eased_by_knobs=True,
        fixes=(
            *possible(knobs, standardised_inputs(GAINED_SHARE, lost=lost_or_thrown(run, task, loss))),
            advice("scale each feature to mean 0 and spread 1 in your own code, too (data.standardise = true)", improves="loss"),
        ),
    )  # fmt: skip
