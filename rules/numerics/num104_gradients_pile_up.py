"""The gradients of earlier steps are still there when a step begins.

## What it does
Before the first step the gradient of a few examples is taken three times: all must be equal, and each has the same more
than the one before where those are still in it. And at every look, before the backward pass, no trainable tensor may hold a gradient. Both
are exact.

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

from rules.facts import LayerFacts, ModelFacts
from rules.remedies import advice
from rules.symptoms import MISJUDGED, RUNAWAY, STUCK
from rules.vocabulary import Evidence, Finding, Severity, rule

ADDED_LIMIT = 0.05
"""Over the first gradient: rounding and kernels without order add less than a thousandth, and never the same again."""


@rule("NUM104")
def gradients_pile_up(layers: LayerFacts, model: ModelFacts) -> Finding | None:
    """Find gradients that nobody has set to zero."""
    if layers.gradients_left:
        said = f"{layers.gradients_left} of {layers.tensors} trainable tensors still hold a gradient when a step begins"
        evidence = Evidence(fact="layers.gradients_left", value=layers.gradients_left, limit=0)
    elif model.gradient_added > ADDED_LIMIT:
        said = f"{model.gradient_added:.0%} of the first gradient is added whenever that of the same examples is taken again"
        evidence = Evidence(fact="model.gradient_added", value=model.gradient_added, limit=ADDED_LIMIT)
    else:
        return None
    return Finding(
        code="NUM104",
        name="gradients_pile_up",
        severity=Severity.ERROR,
        message=f"{said}: nothing is turned, the fault is in the code",
        evidence=(evidence,),
        causes=("gradients that are never set to zero", "hooks that add earlier gradients"),
        explains=(*RUNAWAY, *STUCK, *MISJUDGED),
        fixes=(advice("call optimizer.zero_grad() in every step, before loss.backward()", improves="loss"),),
    )
