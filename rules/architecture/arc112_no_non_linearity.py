"""Linear layers follow each other with nothing between.

## What it does
Looks for a net of two linear layers or more in which each takes the very output of the one before, at most past layers that
bend nothing (dropout, flatten, batch norm), once the loss shows that there is something left to learn.

## Why it matters
Linear layers in a row are one linear layer: the net can learn no more than a linear model, whatever its width and depth.

## What to do
Put an activation (ReLU) behind every layer but the last, and begin anew: what a linear net has found is no start for another.

## Fix safety
Changes the network itself: tried by a fork whose candidate is built anew, from before step 0 in a young run. On data that a
linear model tells apart it brings nothing, and is not kept.

## When to ignore it
A linear model is meant, in several factors, for itself. Two factors of low rank are passed over anyway.

## References
- Goodfellow et al., «Deep Learning», 2016, section 6.1
"""

from rules.facts import KnobFacts, LossFacts, ModelFacts, RunFacts, TaskFacts
from rules.operations import operation
from rules.remedies import advice, possible
from rules.vocabulary import Evidence, Finding, Severity, rule

LEARNED_SHARE = 0.05
"""Of the chance loss: below it there is nothing left that an activation could bring."""


@rule("ARC112")
def no_non_linearity(
    run: RunFacts, task: TaskFacts, loss: LossFacts, model: ModelFacts, knobs: KnobFacts
) -> Finding | None:
    """Find a deep net that is a linear model."""
    whole = bool(model.straight) and len(model.straight) >= model.layers - 1
    if not run.warm or not whole or loss.now <= LEARNED_SHARE * task.baseline_loss:
        return None
    return Finding(
        code="ARC112",
        name="no_non_linearity",
        severity=Severity.WARNING,
        message=f"{model.layers} linear layers follow each other with no activation between: they are one linear model",
        evidence=(Evidence(fact="model.straight", value=len(model.straight), limit=model.layers - 1),),
        causes=("the activations were left out",),
        explains=("GEN103", "OPT102", "OPT104", "ARC101", "DAT112"),
        fixes=(
            advice("put an activation (ReLU) behind every layer but the last", improves="loss"),
            *possible(
                knobs,
                operation(
                    run,
                    task,
                    loss,
                    "put ReLU behind the layers, and draw the weights anew (He)",
                    "the net can learn what is not linear, and weights found for a linear one are no start for that",
                    activation="relu",
                    init="he",
                ),
            ),
        ),
    )
