"""The gradients are clipped to next to nothing.

## What it does
Looks for a run that creeps although every step was clipped, and to less than a tenth of its gradient. Without a second
moment in the optimizer the steps are that much shorter than the rate says.

## Why it matters
A clip is meant for the few steps that stand out. One that takes hold of all of them is a rate a tenth, or a thousandth,
of the one that is given, and a rate sweep under it finds none that helps.

## What to do
Start over without a clip while nothing was learned: gradients grow when a net begins to learn, and a clip at the norms seen so
far would take hold of all of them again. Later clip at their 90th percentile, at 1 at the least.

## Fix safety
Starting over is a rescue: applied, not tried; nothing was learned that could be lost. Later a fork with a control arm
decides.

## When to ignore it
The gradients are normalised on purpose and the rate is made to match; then the loss falls and nothing is said.

## References
- Pascanu et al., «On the difficulty of training recurrent neural networks», 2013
- Zhang et al., «Why gradient clipping accelerates training», 2020
"""

from rules.facts import GradientFacts, KnobFacts, LossFacts, RunFacts, TaskFacts
from rules.learning import creeps, heads_for, learned_nothing, pays_to_start_over, suspected
from rules.remedies import FALLBACK_CLIP, clip_at, clip_norm, possible, start_over
from rules.vocabulary import Evidence, Finding, Fix, Severity, rule

CLIPPED_SHARE = 0.9
"""Of the last 50 steps: healthy runs with a clip have a tenth, transformers in their first steps all, at factors of 2 to 5."""
CLIPPED_FACTOR = 10.0
"""Norm over clip: so much shorter is each step; a rate a tenth of the right one is what OPT102 calls too low."""
UNMOVED = frozenset({"adam", "adamw", "rmsprop"})
"""Optimizers that divide by the size of the gradient: a clip of all steps alike changes nothing."""
CLOSED_SHARE = 0.3
"""Of the loss, carefully said (OPT102)."""


@rule("OPT112")
def clip_too_low(
    run: RunFacts, task: TaskFacts, loss: LossFacts, gradients: GradientFacts, knobs: KnobFacts
) -> Finding | None:
    """Find a run whose steps are all clipped to a fraction."""
    clip = knobs.number("clip")
    if not suspected(run) or not clip > 0 or knobs.values["optimizer"] in UNMOVED:
        return None
    factor = gradients.now / clip
    if gradients.clipped_share < CLIPPED_SHARE or not factor >= CLIPPED_FACTOR or not creeps(run, task, loss):
        return None
    norm = max(clip_norm(gradients.p90), FALLBACK_CLIP)
    from_start = learned_nothing(task, loss) and pays_to_start_over(run)
    fix = _unclipped() if from_start else clip_at(norm, "nobody can say: the steps become as long as the rate says")
    return Finding(
        code="OPT112",
        name="clip_too_low",
        severity=Severity.WARNING,
        message=f"{gradients.clipped_share:.0%} of the last steps were clipped, to 1/{factor:.0f} of their gradient "
        f"({gradients.now:.2g} to {clip:.2g})",
        evidence=(
            Evidence(fact="gradients.clipped_share", value=gradients.clipped_share, limit=CLIPPED_SHARE),
            Evidence(fact="gradients.now", value=gradients.now, limit=CLIPPED_FACTOR * clip),
            Evidence(fact="loss.now", value=heads_for(run, task, loss), limit=task.baseline_loss),
        ),
        causes=(f"the clip of {clip:g} is far below the usual gradient",),
        explains=("OPT102", "OPT103", "OPT104", "OPT108", "OPT109", "GEN102", "GEN103"),
        fixes=possible(knobs, fix),
    )


def _unclipped() -> Fix:
    """Return a new start without a clip: the norms of a net that did not learn say nothing of those of one that does."""
    start = start_over("nothing was learned that could be lost", expected=CLOSED_SHARE, clip=0.0)
    return start.model_copy(update={"name": "start over without clipping"})
