"""The gradients of earlier steps are still there when a step begins.

## What it does
Looks, before the backward pass of a step, whether any trainable tensor still holds a gradient; every look is exact. Where
the loss climbs or stays while the gradients grow, it asks for a probe that takes the gradient of one batch twice: the two
must be equal.

## Why it matters
Each step then follows the sum of all gradients since the start: momentum without friction. The run swings ever wider and
never settles, whatever the rate (test accuracy on digits .18, .32 and .12 where .97 is usual).

## What to do
Set the gradients to zero in every step: `optimizer.zero_grad()` before `loss.backward()`, and let no `zero_grad` of your
own and no hook keep them.

## Fix safety
Needs a person: the fault is in the code. Nothing is turned, rolled back or stopped on its account.

## When to ignore it
You accumulate gradients over batches on purpose; `train.micro_batch` does that with the right mean.

## References
- Jiang et al., «Training with Confidence: Catching Silent Errors in Deep Learning Training» (TrainCheck), OSDI 2025
- StackOverflow 60335387
"""

from math import isfinite

from rules.facts import GradientFacts, LayerFacts, LossFacts, ProbeFacts, RunFacts
from rules.learning import STALLED_FALL_SHARE
from rules.remedies import advice
from rules.symptoms import MISJUDGED, RUNAWAY, STUCK
from rules.vocabulary import Evidence, Finding, Severity, rule

DIFFERENCE_LIMIT = 0.1
"""Relative, of two gradients of one batch: rounding and kernels without order differ by less than a thousandth."""
GROWTH = 5.0
"""Gradient now over at the start: a net that learns has a smaller one, and a sum of steps has a larger one soon."""


@rule("NUM104")
def gradients_pile_up(
    run: RunFacts, loss: LossFacts, gradients: GradientFacts, layers: LayerFacts, probes: ProbeFacts
) -> Finding | None:
    """Find gradients that nobody has set to zero."""
    probed = "gradient_twice" in probes.done
    differs = probes.gradient_difference_share if probed else 0.0
    if layers.gradients_left:
        said = f"{layers.gradients_left} of {layers.tensors} trainable tensors still hold a gradient when a step begins"
        evidence = Evidence(fact="layers.gradients_left", value=layers.gradients_left, limit=0)
    elif differs > DIFFERENCE_LIMIT:
        said = f"{differs:.0%} is the difference of two gradients of one batch: the first is still in the second"
        evidence = Evidence(fact="probes.gradient_difference_share", value=differs, limit=DIFFERENCE_LIMIT)
    elif not probed and run.warm and _grows(loss, gradients):
        said = (
            f"{gradients.now / gradients.at_start:.0f} times its first size is the gradient, and the loss does not fall"
        )
        evidence = Evidence(fact="gradients.now", value=gradients.now, limit=GROWTH * gradients.at_start)
    else:
        return None
    certain = layers.gradients_left > 0 or probed
    return Finding(
        code="NUM104",
        name="gradients_pile_up",
        severity=Severity.ERROR if certain else Severity.INFO,
        message=f"{said}: nothing is turned, the fault is in the code" if certain else said,
        evidence=(evidence,),
        causes=("gradients that are never set to zero",) + (() if certain else ("steps that are too long",)),
        probes=() if certain else ("gradient_twice",),
        explains=(*RUNAWAY, *STUCK, *MISJUDGED) if certain else (),
        fixes=(advice("call optimizer.zero_grad() in every step, before loss.backward()", improves="loss"),),
    )


def _grows(loss: LossFacts, gradients: GradientFacts) -> bool:
    grown = isfinite(gradients.now) and gradients.now > GROWTH * gradients.at_start > 0
    return grown and not loss.fall_share >= STALLED_FALL_SHARE
