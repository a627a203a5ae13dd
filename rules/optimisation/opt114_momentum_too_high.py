"""The momentum remembers more steps than the run can bear.

## What it does
Looks for a momentum whose memory, 1 / (1 - momentum), is longer than a twentieth of the run, in a run whose loss has
climbed from its least, was thrown up or stands far out in step after step. Where the memory is longer than a quarter of the
run, any climb of the smoothed loss is enough.

## Why it matters
A gradient that comes again and again moves the net by the rate times that memory: 0.999 takes steps a hundred times
longer than 0.9 does at the same rate, and goes on in a direction for a thousand steps after it has stopped being right.
A rate sweep is too short to feel it.

## What to do
Momentum 0.9. In the first half of the run start over with it.

## Fix safety
Starting over is a rescue: applied, not tried. Later a fork with a control arm decides.

## When to ignore it
The rate was lowered to match the momentum, and the loss falls steadily; then nothing is said.

## References
- Sutskever et al., «On the importance of initialization and momentum in deep learning», 2013
- Goh, «Why Momentum Really Works», Distill 2017
"""

from rules.facts import KnobFacts, LossFacts, RunFacts, TaskFacts
from rules.learning import pays_to_start_over, thrown_up
from rules.remedies import possible, turned
from rules.vocabulary import METRIC_GUARD, Deed, Effect, Evidence, Finding, Fix, Severity, rule

WITH_MOMENTUM = frozenset({"momentum", "nesterov", "rmsprop"})
CUSTOMARY = 0.9
"""A memory of ten steps."""
MEMORY_LIMIT = 100.0
"""Steps, ten times the memory of the customary 0.9: below it, momentum is a matter of taste."""
MEMORY_SHARE = 0.05
"""Of the run: a longer memory does not forget the first steps in time."""
FAR_TOO_LONG_SHARE = 0.25
"""Of the run: with such a memory most of it is spent on swings, and the first of them need not be a steep one."""
CLIMB_STEPS = 10
"""Steps over 1.5 × the least smoothed loss: NUM102 waits for twenty and more, but it does not know why."""
OUTLIERS = 3
"""Among the last 50 steps: clean runs have 0 to 15 in ten thousand (NUM103)."""
MEANT_SHARE = 0.1
"""Of the chance loss: a smaller climb is noise around a converged loss (NUM102)."""
CLOSED_SHARE = 0.3
"""Of the loss, carefully said: a run that climbs has this much to win at the least."""


@rule("OPT114")
def momentum_too_high(run: RunFacts, task: TaskFacts, loss: LossFacts, knobs: KnobFacts) -> Finding | None:
    """Find a run that its momentum carries past every minimum."""
    if knobs.values["optimizer"] not in WITH_MOMENTUM or not knobs.can("momentum"):
        return None
    momentum = knobs.number("momentum")
    memory = 1 / max(1 - momentum, 1e-9)
    steep = loss.above_best_steps >= CLIMB_STEPS or memory >= FAR_TOO_LONG_SHARE * run.steps_total
    climbs = steep and loss.now - loss.best > MEANT_SHARE * task.baseline_loss
    limit = max(MEMORY_LIMIT, MEMORY_SHARE * run.steps_total)
    shaken = loss.outliers_in_50 >= OUTLIERS or thrown_up(task, loss)
    if not run.warm or memory < limit or not (climbs or shaken):
        return None
    start_over = pays_to_start_over(run)
    fix = Fix(
        name=f"start over with momentum {CUSTOMARY}" if start_over else f"lower momentum to {CUSTOMARY}",
        effect=Effect.RESCUE if start_over else Effect.CHANGES_LEARNING,
        deed=Deed.START_OVER if start_over else Deed.TURN,
        turns=turned(momentum=CUSTOMARY),
        improves="loss",
        guards=() if start_over else (METRIC_GUARD,),
        expected=CLOSED_SHARE,
        estimated_by="a guess on the low side: the loss had been lower, and was carried on",
    )
    return Finding(
        code="OPT114",
        name="momentum_too_high",
        severity=Severity.ERROR,
        message=f"a momentum of {momentum:g} remembers {memory:.0f} steps, in a run of {run.steps_total}: the loss "
        f"is carried from {loss.best:.3g} to {loss.now:.3g}",
        evidence=(
            Evidence(fact="knobs.momentum", value=memory, limit=limit),
            Evidence(fact="loss.above_best_steps", value=loss.above_best_steps, limit=CLIMB_STEPS),
            Evidence(fact="loss.outliers_in_50", value=loss.outliers_in_50, limit=OUTLIERS),
        ),
        causes=(f"a momentum of {momentum:g}", "the learning rate is too high"),
        explains=SYMPTOMS,
        fixes=possible(knobs, fix),
    )


SYMPTOMS = (
    "NUM101", "NUM102", "NUM103", "OPT101", "OPT103", "OPT104", "OPT105", "OPT106", "OPT109", "ARC102", "ARC103",
    "ARC104", "GEN102",
)  # fmt: skip
"""What overshooting brings about."""
