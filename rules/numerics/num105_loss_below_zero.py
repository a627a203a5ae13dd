"""The loss has no floor: it can be made smaller for ever without anything being learned.

## What it does
Looks which standard loss the task's own is a multiple of. Names one whose sign is wrong, a log likelihood of outputs that are
no logarithms (raw outputs, without a log-softmax), and a binary cross entropy of targets outside 0 and 1.

## Why it matters
A step makes such a loss smaller by making the outputs larger. It falls below zero and on to minus infinity, the weights grow
until they are not finite, and what comes out is no better than chance, or worse.

## What to do
Take the minus sign away; give `log_softmax(outputs)` to a negative log likelihood, or take `CrossEntropyLoss` on raw outputs;
bring the targets of a binary cross entropy into 0 to 1.

## Fix safety
In the first half of the run (in one of fewer than 100 steps, the first nine tenths) it begins anew with the standard loss in place of the task's own: a rescue, applied without a trial,
for each step so far has led away. Later a fork tries it that is judged by the metric. No rate, clip or rollback mends it; where outputs and targets do not allow another loss, the task's code needs a person.

## When to ignore it
The loss is made large on purpose (unlearning, an adversary): mute the rule. A loss of another kind (a density, a similarity)
may go below zero rightly; the rule is silent on it.

## References
- PyTorch, «NLLLoss» (expects log-probabilities)
- Nikanjam et al., «Automatic Fault Detection for Deep Learning Programs Using Graph Transformations», 2021
"""

from math import isfinite

from rules.facts import KnobFacts, OutputFacts, RunFacts, TaskFacts
from rules.learning import pays_to_start_over
from rules.remedies import advice, begin_anew, possible, standard_loss
from rules.vocabulary import Evidence, Finding, Severity, rule

SYMPTOMS = (
    "NUM101", "NUM102", "NUM103", "OPT101", "OPT102", "OPT103", "OPT104", "OPT105", "OPT106", "OPT109", "OPT110",
    "GEN101", "GEN102", "GEN103", "ARC101", "ARC102", "ARC103", "ARC104", "DAT102",
)  # fmt: skip


@rule("NUM105")
def loss_below_zero(run: RunFacts, task: TaskFacts, outputs: OutputFacts, knobs: KnobFacts) -> Finding | None:
    """Find a loss that falls for ever."""
    kind, bounded = outputs.loss_kind, isfinite(outputs.reach_low) and isfinite(outputs.reach_high)
    beyond = outputs.target_low < 0 or outputs.target_high > 1
    if kind and outputs.loss_factor < 0:
        message = f"the loss is {outputs.loss_factor:.3g} times the {kind.replace('_', ' ')}: its sign is wrong"
        cause, said = "a minus sign too many, or a score that was to be made large", "take the minus sign from the loss"
    elif kind == "likelihood" and not bounded:
        message = f"the loss is {outputs.loss:.3g} and has no floor: a log likelihood of outputs that are no logarithms"
        cause, said = (
            "NLLLoss without a log-softmax before it",
            "use CrossEntropyLoss, or return log_softmax(outputs, 1)",
        )
    elif kind == "binary_cross_entropy" and task.kind == "regression" and beyond:
        message = (
            f"the loss is {outputs.loss:.3g} and has no floor: a binary cross entropy of targets from "
            f"{outputs.target_low:.3g} to {outputs.target_high:.3g}"
        )
        cause, said = "targets that are no probabilities", "bring the targets into 0 to 1, or use MSELoss"
    else:
        return None
    meant = "the squared error" if task.kind == "regression" else "cross entropy"
    instead = (
        begin_anew(
            f"{meant} in place of the task's loss",
            lost=True,
            improves="metric",
            expected=0.0,
            estimated_by="applied, not tried: each step of such a loss leads away from what is to be learned",
            loss="standard",
        )
        if pays_to_start_over(run)
        else standard_loss(f"take {meant} in place of the task's loss", "it has a floor")
    )
    return Finding(
        code="NUM105",
        name="loss_below_zero",
        severity=Severity.ERROR,
        message=message,
        evidence=(
            Evidence(fact="outputs.loss_kind", value=kind, limit="cross_entropy"),
            Evidence(fact="outputs.loss_factor", value=outputs.loss_factor, limit=0.0),
        ),
        causes=(cause,),
        explains=SYMPTOMS,
        fixes=(advice(said, improves="loss"), *possible(knobs, instead)),
    )
