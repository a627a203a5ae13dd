"""The brakes are on: regularisation holds the net back more than the data ask for.

## What it does
Looks, after a third of the run, for a training loss that is still high and has stopped falling, as bad in training
as in validation, while weight decay, dropout or label smoothing stand at values that alone can do that. A loss that
sits at chance, in evaluations too, is judged after a seventh already.

## Why it matters
Regularisation trades training fit for generalisation; where there is no gap to close it only costs.

## What to do
Take the strongest brake off: weight decay to a hundredth, dropout and smoothing to zero. A net at chance has been
pressed flat: in the first half of the run it starts over.

## Fix safety
Changes what is learned; a fork with a control arm decides, and the main metric is a guard. Starting over is a rescue,
applied and not tried: a fork from weights that have decayed to nothing shows no gain within its few steps.

## When to ignore it
The loss has a high floor by nature, and the regularisation is there to keep weights small for another reason.

## References
- Zhang et al., «Three Mechanisms of Weight Decay Regularization», 2019
- Loshchilov and Hutter, «Decoupled Weight Decay Regularization», 2019
"""

from rules.facts import KnobFacts, LossFacts, RunFacts, TaskFacts, ValidationFacts
from rules.learning import CHANCE_SHARE, HIGH_LOSS_SHARE, at_chance, learns_badly
from rules.remedies import possible, turned
from rules.vocabulary import METRIC_GUARD, Deed, Effect, Evidence, Finding, Fix, Severity, Value, rule

JUDGED_SHARE = 0.30
"""Of the run: before, a high loss is only young."""
COLLAPSED_SHARE = 0.15
"""Of the run: healthy runs have left chance after a tenth (OPT103)."""
START_OVER_SHARE = 0.50
"""Of the run: until then a new start pays (OPT101)."""
COUPLED_DECAY_LIMIT = 0.01
"""L2 in the gradient: a hundred times what is customary (1e-4); digits at 0.2 end at .3 instead of .97 (measured)."""
DECOUPLED_DECAY_LIMIT = 0.5
"""AdamW multiplies it with the rate: ten times what is customary (0.05)."""
DROPOUT_LIMIT = 0.5
"""Share: above a half, less is kept than is dropped."""
SMOOTHING_LIMIT = 0.3
"""Share: three times what is customary."""
GAP_LIMIT = 0.1
"""Relative gap between validation and training loss: with more, there is something to regularise."""
DECAY_CUT = 0.01
"""From a hundred times too much back to what is customary."""
CLOSED_SHARE = 0.2
"""Of the loss, carefully said: digits at decay 0.2 gained three quarters of the error."""


@rule("OPT107")
def over_regularised(
    run: RunFacts, task: TaskFacts, loss: LossFacts, validation: ValidationFacts, knobs: KnobFacts
) -> Finding | None:
    """Find a net that its regularisation keeps from learning."""
    last = validation.last
    gap = last.loss / last.train_loss - 1 if last.train_loss > 0 else last.loss / loss.now - 1
    collapsed = at_chance(task, loss) and not min(last.loss, last.train_loss) < CHANCE_SHARE * task.baseline_loss
    judged = COLLAPSED_SHARE if collapsed else JUDGED_SHARE
    if run.progress < judged or not learns_badly(run, task, loss) or not gap < GAP_LIMIT:
        return None
    decay_limit = DECOUPLED_DECAY_LIMIT if knobs.values["optimizer"] == "adamw" else COUPLED_DECAY_LIMIT
    brakes = [
        (name, knobs.number(name), limit, to)
        for name, limit, to in (
            ("weight_decay", decay_limit, DECAY_CUT * knobs.number("weight_decay")),
            ("dropout", DROPOUT_LIMIT, 0.0),
            ("label_smoothing", SMOOTHING_LIMIT, 0.0),
        )
        if knobs.number(name) >= limit
    ]
    if not brakes:
        return None
    strongest = brakes[0]
    return Finding(
        code="OPT107",
        name="over_regularised",
        severity=Severity.WARNING,
        message=f"{loss.now:.3g} is where the loss stays, with {strongest[0]} {strongest[1]:g} and no gap to validation",
        evidence=(
            Evidence(fact="loss.now", value=loss.now, limit=HIGH_LOSS_SHARE * task.baseline_loss),
            *(Evidence(fact=f"knobs.{name}", value=value, limit=limit) for name, value, limit, _ in brakes),
        ),
        causes=tuple(f"{name} {value:g}" for name, value, _, _ in brakes),
        explains=("OPT103", "OPT104", "OPT108", "OPT109", "GEN102", "GEN103", "ARC101", "ARC103", "ARC105"),
        fixes=possible(
            knobs,
            *((_start_over(strongest[0], strongest[3]),) if collapsed and run.progress <= START_OVER_SHARE else ()),
            *(_release(name, to) for name, _, _, to in brakes),
        ),
    )


def _release(name: str, to: Value) -> Fix:
    return Fix(
        name=f"lower {name} to {to:g}",
        effect=Effect.CHANGES_LEARNING,
        turns=turned(**{name: to}),
        improves="loss",
        guards=(METRIC_GUARD,),
        expected=CLOSED_SHARE,
        estimated_by="a fraction of what the same turn gained on small faulty runs",
    )


def _start_over(name: str, to: Value) -> Fix:
    return Fix(
        name=f"start over with {name} {to:g}",
        effect=Effect.RESCUE,
        deed=Deed.START_OVER,
        turns=turned(**{name: to}),
        improves="loss",
        expected=CLOSED_SHARE,
        estimated_by="applied, not tried: within a fork's few steps weights that decayed to nothing show no gain",
    )
