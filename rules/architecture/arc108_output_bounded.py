"""What stands behind the last layer keeps the outputs from where they have to go.

## What it does
Looks at what the outputs cannot leave (a ReLU stays at or above 0, a sigmoid within 0 and 1, a tanh within -1 and 1) and asks
the loss what is left of it at the best outputs within that reach, beside the loss of guessing. Names also logits of which
many are 0 to the bit: a ReLU has cut them off.

## Why it matters
What lies outside the reach cannot be learned at any rate. Behind a ReLU the units below zero get no gradient and stay there;
behind a sigmoid or tanh the gradient vanishes exactly where the output should go on.

## What to do
Let the last layer end without an activation. Where the bound is meant, bring the target into it, or take the loss that
expects such outputs (BCELoss for a sigmoid).

## Fix safety
Changes the network itself: tried by a fork whose candidate is built anew without what stands behind the last layer, in a young
run from before step 0: weights that were trained behind it are a bad place to go on from. Where the model calls it in its own
forward, it needs a person.

## When to ignore it
The few targets outside the reach are errors of measurement.

## References
- Goodfellow et al., «Deep Learning», 2016, section 6.2.2 (output units and the losses that belong to them)
- Zhang et al., «AUTOTRAINER», ICSE 2021 (a ReLU on the logits)
"""

from math import isfinite

from rules.facts import KnobFacts, OutputFacts, RunFacts
from rules.operations import begun_early
from rules.remedies import advice, possible, surgery
from rules.vocabulary import Evidence, Finding, Severity, rule

FLOOR_LIMIT = 0.05
"""Of the loss of guessing: below a twentieth the bound costs less than the noise of most targets does."""
CUT_SHARE = 0.1
"""Of the logits that are exactly 0: a ReLU behind them cuts off about half, nothing else leaves any."""
ALL_SHARE = 0.9
"""Of the logits: where nearly all are 0, they never got above it, which dead or equal units before them do as well."""
OF_LOGITS = frozenset({"cross_entropy", "cross_entropy_of_softmax", "likelihood", "binary_cross_entropy"})
"""Losses that mean something by outputs below zero."""
SYMPTOMS = (
    "OPT101", "OPT102", "OPT103", "OPT104", "OPT105", "OPT108", "OPT109", "GEN102", "GEN103",
    "ARC101", "ARC103", "ARC104", "ARC110", "DAT101", "DAT102", "DAT112",
)  # fmt: skip


@rule("ARC108")
def output_bounded(run: RunFacts, outputs: OutputFacts, knobs: KnobFacts) -> Finding | None:
    """Find outputs that cannot reach their targets."""
    some = CUT_SHARE <= outputs.zero_share <= ALL_SHARE
    cut = outputs.reach_low == 0 and some and outputs.loss_kind in OF_LOGITS
    short = outputs.floor_share > FLOOR_LIMIT
    if outputs.sums_to_one or not (cut or short):
        return None
    what = f"a {outputs.activation} behind the last layer" if outputs.behind else "something behind the last layer"
    if short:
        ends = (
            f"from {outputs.target_low:.2g} to {outputs.target_high:.2g}" if isfinite(outputs.target_low) else "beyond"
        )
        message = (
            f"{outputs.floor_share:.0%} of the loss of guessing stays at the best outputs: {what} keeps them within "
            f"[{outputs.reach_low:g}, {outputs.reach_high:g}], and the targets go {ends}"
        )
    else:
        message = f"{outputs.zero_share:.0%} of the logits are 0 to the bit: {what} cuts them off"
    drop = surgery(f"leave out the {outputs.activation} behind the last layer", "the outputs can go on", output="none")
    drop = begun_early(run, drop)  # what was learned within the bound drove the units before it to its ends
    return Finding(
        code="ARC108",
        name="output_bounded",
        severity=Severity.WARNING,
        message=message,
        evidence=(
            Evidence(fact="outputs.floor_share", value=outputs.floor_share, limit=FLOOR_LIMIT),
            Evidence(fact="outputs.zero_share", value=outputs.zero_share, limit=CUT_SHARE),
        ),
        causes=(f"{what}, where the loss takes raw outputs",),
        explains=SYMPTOMS,
        built_in=True,
        fixes=(
            advice(f"leave out the {outputs.activation} behind the last layer", improves="loss"),
            *possible(knobs, drop),
        ),
    )
