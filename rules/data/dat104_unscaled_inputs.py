"""The inputs reach the net on very different or very large scales.

## What it does
Looks at the inputs as the model gets them: the spread of the features and their means.

## Why it matters
One rate has to serve all weights; where one feature is a hundred times larger than another, the rate that suits the
one is wrong for the other, and gradients grow with the inputs.

## What to do
Scale each feature to mean 0 and spread 1 by the training split (data.standardise does), or divide pixels by 255.

## Fix safety
Needs a person: the inputs of a run do not change under way.

## When to ignore it
The first layer normalises its inputs (a batch norm in front), or the inputs are counts that an embedding looks up.

## References
- LeCun et al., «Efficient BackProp», 1998, section 4.3
"""

from rules.facts import InputFacts, TaskFacts
from rules.remedies import advice
from rules.vocabulary import Evidence, Finding, Severity, rule

STD_RATIO_LIMIT = 100.0
"""Widest over narrowest feature."""
STD_LIMIT = 10.0
"""Spread of the widest feature: narrow features alone do no harm."""
MEAN_LIMIT = 10.0
"""Largest absolute mean: standardised data have 0, pixels divided by 255 below 1."""


@rule("DAT104")
def unscaled_inputs(task: TaskFacts, inputs: InputFacts) -> Finding | None:
    """Find inputs that one rate cannot serve."""
    ratio = inputs.std_high / inputs.std_low if inputs.std_low > 0 else 1.0
    uneven = task.inputs != "image" and ratio > STD_RATIO_LIMIT and inputs.std_high > STD_LIMIT
    large = inputs.mean_abs > MEAN_LIMIT or (task.inputs == "image" and inputs.std_high > STD_LIMIT)
    if not uneven and not large:
        return None
    return Finding(
        code="DAT104",
        name="unscaled_inputs",
        severity=Severity.WARNING,
        message=f"{inputs.std_high:.3g} is the widest spread of a feature, {inputs.std_low:.2g} the narrowest, "
        f"{inputs.mean_abs:.3g} the largest mean",
        evidence=(
            Evidence(fact="inputs.std_high", value=inputs.std_high, limit=STD_LIMIT),
            Evidence(fact="inputs.std_ratio", value=ratio, limit=STD_RATIO_LIMIT),
            Evidence(fact="inputs.mean_abs", value=inputs.mean_abs, limit=MEAN_LIMIT),
        ),
        causes=("raw values of different units", "pixels from 0 to 255"),
        explains=("NUM101", "NUM102", "NUM103", "OPT101", "OPT103", "OPT104", "OPT105", "OPT106", "ARC102", "ARC103",
                  "ARC104", "GEN103"),
        eased_by_knobs=True,
        fixes=(advice("scale each feature to mean 0 and spread 1 (data.standardise = true)", improves="loss"),),
    )  # fmt: skip
