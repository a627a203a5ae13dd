"""The outputs go through a softmax before a loss that applies one itself.

## What it does
Looks at one batch before it is trained on: are the outputs probabilities (each row sums to 1), and does the loss of outputs
that are sure and right stay far above zero? A loss that takes probabilities is then nothing; one that applies a softmax of
its own has a floor (1.46 for ten classes). It also names a loss that takes the cross entropy of its own softmax.

## Why it matters
The gradient is a fraction of what it should be: such nets learn slowly and end several points lower.

## What to do
Let the model return raw outputs (logits); apply softmax only where probabilities are shown.

## Fix safety
Changes the network itself: tried by a fork whose candidate is built anew without what stands behind the last layer, in a young
run from before step 0: weights that were trained behind it are a bad place to go on from. Where the model calls softmax in its own
forward, it needs a person. A softmax in the loss goes when plain cross entropy is tried.

## When to ignore it
The loss has a constant part of its own (an added penalty) that is large beside the loss of guessing.

## References
- Nikanjam et al., «Automatic Fault Detection for Deep Learning Programs Using Graph Transformations», 2021
- PyTorch, «CrossEntropyLoss» (expects unnormalised logits)
"""

from rules.facts import KnobFacts, OutputFacts, RunFacts, TaskFacts
from rules.operations import begun_early
from rules.remedies import advice, possible, standard_loss, surgery
from rules.vocabulary import Evidence, Finding, Fix, Severity, rule

FLOOR_LIMIT = 0.2
"""Of the loss of guessing: two softmaxes leave 0.45 of it for two classes and more for each further one; a loss of
probabilities leaves nothing, and one with its labels smoothed by a tenth about 0.15."""
SYMPTOMS = (
    "OPT101", "OPT102", "OPT103", "OPT104", "OPT108", "OPT109", "GEN102", "GEN103", "ARC101", "ARC104", "DAT101",
    "DAT102", "DAT112",
)  # fmt: skip


@rule("ARC106")
def softmax_twice(run: RunFacts, task: TaskFacts, outputs: OutputFacts, knobs: KnobFacts) -> Finding | None:
    """Find probabilities where the loss takes logits."""
    within = outputs.loss_kind == "cross_entropy_of_softmax"
    several = task.kind != "regression" and bool(outputs.shape) and outputs.shape[0] > 1
    if not within and not (several and outputs.sums_to_one and outputs.floor_share > FLOOR_LIMIT):
        return None
    if within:
        message = "2 softmaxes follow each other: the loss takes the cross entropy of a softmax, and applies one itself"
        said = "give the raw outputs to the loss: cross_entropy(outputs, targets), without softmax"
    else:
        message = (
            f"{outputs.floor_share:.0%} of the loss of guessing is left where the net is sure and right: "
            "its outputs are probabilities, and the loss applies a softmax itself"
        )
        said = "return raw outputs from the model, without softmax"
    drop = (
        standard_loss("take plain cross entropy in place of the task's loss", "the floor of the loss goes")
        if within
        else begun_early(run, _without())
    )
    return Finding(
        code="ARC106",
        name="softmax_twice",
        severity=Severity.WARNING,
        message=message,
        evidence=(
            Evidence(fact="outputs.sums_to_one", value=outputs.sums_to_one, limit=False),
            Evidence(fact="outputs.floor_share", value=outputs.floor_share, limit=FLOOR_LIMIT),
            Evidence(fact="outputs.loss_kind", value=outputs.loss_kind, limit="cross_entropy"),
        ),
        causes=("a softmax in the loss" if within else "a softmax in the model before cross entropy",),
        explains=SYMPTOMS,
        built_in=True,
        fixes=(advice(said, improves="loss"), *possible(knobs, drop)),
    )


def _without() -> Fix:
    return surgery("leave out the softmax behind the last layer", "the floor of the loss goes", output="none")
