"""The brakes are on: regularisation holds the net back more than the data ask for.

## What it does
Compares, from the first twentieth of the run, the pull of weight decay on the weights with the pull of the data: where
it is nearly as strong, the loss is not low yet and validation no worse than training, the decay holds the net down; while the
loss falls under a decay that is not quite so strong, it only slows it, and that is information.
Dropout and label smoothing at values that alone can do that are judged after a third of the run, when a high loss has
stopped falling; a dropout that leaves less than a third, as soon as a straight line through the loss ends high.

## Why it matters
Regularisation trades training fit for generalisation; where there is no gap to close it only costs.

## What to do
Take the strongest brake off: weight decay to what is customary, dropout and smoothing to zero. A net that has learned nothing
yet, or was pressed flat, starts over in the first half of the run, any that is still high in its first fifth.

## Fix safety
Changes what is learned; a fork with a control arm decides, and the main metric is a guard. Starting over is a rescue,
applied and not tried: a fork from weights that have decayed to nothing shows no gain within its few steps.

## When to ignore it
The loss has a high floor by nature, and the regularisation is there to keep weights small for another reason.

## References
- Zhang et al., «Three Mechanisms of Weight Decay Regularization», 2019
- Loshchilov and Hutter, «Decoupled Weight Decay Regularization», 2019
"""

from statistics import median

from rules.facts import KnobFacts, LayerFacts, LossFacts, RunFacts, TaskFacts, ValidationFacts
from rules.learning import (
    CHANCE_SHARE,
    HIGH_LOSS_SHARE,
    STALLED_FALL_SHARE,
    SUSPECTED_SHARE,
    creeps,
    heads_for,
    learned_nothing,
    learns_badly,
    pays_to_start_over,
)
from rules.remedies import advice, possible, turned
from rules.vocabulary import METRIC_GUARD, Deed, Effect, Evidence, Finding, Fix, Severity, Value, rule

JUDGED_SHARE = 0.30
"""Of the run, for dropout and smoothing: before, a high loss is only young."""
PULL_LIMIT = 0.3
"""Decay · norm of the weights over norm of the gradient, median of the layers: five runs under a decay of .05 to .3 never
had less, healthy ones and labels with noise under 1e-4 to 1e-2 at most .1 (fault bench)."""
HELD_PULL = 0.6
"""The same: so strong a decay holds a net down even while its loss falls. Nets that learned in spite of .34 and .46, within a tenth
of the run, had outgrown it soon after."""
EARLY_SHARE = 0.20
"""Of the run: what a net has learned by then under such a decay is worth less than a sound start and the steps won."""
COUPLED_DECAY_LIMIT = 0.01
"""L2 in the gradient: a hundred times what is customary (1e-4). With less, a weak gradient is to blame, not the decay."""
DECOUPLED_DECAY_LIMIT = 0.5
"""AdamW multiplies it with the rate, and its gradient tells nothing of its pull: ten times what is customary (0.05)."""
DROPOUT_LIMIT = 0.5
"""Share: a half is customary (Srivastava et al. 2014); above it, less is kept than is dropped."""
FAR_DROPOUT = 0.7
"""Share: it leaves less than a third, beyond all that is customary (.2 to .5; Srivastava et al. 2014), and need not be waited
for where the run creeps."""
SMOOTHING_LIMIT = 0.3
"""Share: three times what is customary."""
HELD_LOSS_SHARE = 0.2
"""Of the chance loss, for a decay that pulls nearly as hard as the data: at the end of what a net can learn any decay does."""
GAP_LIMIT = 0.1
"""Relative gap between validation and training loss: with more, there is something to regularise."""
CUSTOMARY_DECAY = 1e-4
"""In the gradient."""
CUSTOMARY_DECOUPLED_DECAY = 0.05
"""Where the rate multiplies it (knobs.md)."""
CLOSED_SHARE = 0.2
"""Of the loss, carefully said: digits at decay 0.2 gained three quarters of the error."""


@rule("OPT107")
def over_regularised(
    run: RunFacts, task: TaskFacts, loss: LossFacts, validation: ValidationFacts, layers: LayerFacts, knobs: KnobFacts
) -> Finding | None:
    """Find a net that its regularisation keeps from learning."""
    last = validation.last
    gap = last.loss / last.train_loss - 1 if last.train_loss > 0 else last.loss / loss.now - 1
    high = loss.now > HIGH_LOSS_SHARE * task.baseline_loss
    held = loss.now > HELD_LOSS_SHARE * task.baseline_loss
    if not run.warm or run.progress < SUSPECTED_SHARE or not held or not gap < GAP_LIMIT:
        return None
    pull = _pull(layers, knobs)
    stopped = high and run.progress >= JUDGED_SHARE and learns_badly(run, task, loss)
    chokes = high and knobs.number("dropout") >= FAR_DROPOUT and creeps(run, task, loss)
    decoupled = knobs.values["optimizer"] == "adamw"
    decays = stopped if decoupled else pull >= PULL_LIMIT
    decay, dropout, smoothing = (knobs.number(name) for name in ("weight_decay", "dropout", "label_smoothing"))
    limit = DECOUPLED_DECAY_LIMIT if decoupled else COUPLED_DECAY_LIMIT
    customary = CUSTOMARY_DECOUPLED_DECAY if decoupled else CUSTOMARY_DECAY
    known = (
        ("weight_decay", decay, decays and decay >= limit, customary),
        ("dropout", dropout, chokes or (stopped and dropout > DROPOUT_LIMIT), 0.0),
        ("label_smoothing", smoothing, stopped and smoothing >= SMOOTHING_LIMIT, 0.0),
    )
    brakes = [(name, value, to) for name, value, holds, to in known if holds]
    if not brakes:
        return None
    name, value, to = brakes[0]
    slowed = name == "weight_decay" and not decoupled and pull < HELD_PULL and loss.fall_share >= STALLED_FALL_SHARE
    pulled = f"a weight decay of {value:g} pulls at the weights {pull:.2g} times as hard as the data, and the loss is {loss.now:.3g}"
    end = loss.now if stopped else heads_for(run, task, loss)
    stays = f"the loss {'stays at' if stopped else 'ends at best at'} {end:.3g}, with {name} {value:g} and no gap to validation"
    knows = min(last.loss, last.train_loss) < CHANCE_SHARE * task.baseline_loss
    flat = learned_nothing(task, loss) and not knows and pays_to_start_over(run)
    start_over = flat or (high and name == "weight_decay" and run.progress <= EARLY_SHARE)
    return Finding(
        code="OPT107",
        name="over_regularised",
        severity=Severity.INFO if slowed else Severity.WARNING,
        message=stays if decoupled or name != "weight_decay" else pulled,
        evidence=(
            Evidence(fact="loss.now", value=loss.now, limit=HIGH_LOSS_SHARE * task.baseline_loss),
            Evidence(fact="layers.layers", value=pull, limit=PULL_LIMIT),
            *(Evidence(fact=f"knobs.{brake}", value=held, limit=off) for brake, held, off in brakes),
        ),
        causes=tuple(f"{brake} {held:g}" for brake, held, _ in brakes),
        explains=SYMPTOMS if slowed else (*SYMPTOMS, "DAT112"),
        fixes=(
            *possible(
                knobs,
                *((_start_over(name, to),) if start_over else ()),
                *(_release(brake, off) for brake, _, off in brakes),
            ),
            *(
                advice(f"set {brake} to {off:g} where your code sets it to {held:g}", improves="loss")
                for brake, held, off in brakes
                if not knobs.can(brake)
            ),
        ),
    )


SYMPTOMS = (
    "OPT101", "OPT102", "OPT103", "OPT104", "OPT105", "OPT108", "OPT109", "GEN102", "GEN103", "ARC101", "ARC103", "ARC105",
    "DAT101",
)  # fmt: skip
"""What is seen of a net that is pressed flat."""


def _pull(layers: LayerFacts, knobs: KnobFacts) -> float:
    """Return how hard weight decay pulls at the weights, in pulls of the data."""
    decay = knobs.number("weight_decay")
    pulls = [decay * one.weight_norm / one.grad_norm for one in layers.layers if one.grad_norm > 0]
    return median(pulls) if pulls else 0.0


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
