"""Single steps stand far out of the loss or the gradient norm.

## What it does
Counts the steps among the last 50 whose loss or gradient norm lies eight robust spreads over the median of
the last 128, and at least four times as high.

## Why it matters
One such step can undo what a hundred have learned, and moments carry it on for as long as they remember.

## What to do
Clip the gradients at the 90th percentile of their norms, unless they are clipped already, and look at the examples of
those batches.

## Fix safety
Clipping changes what is learned; a fork with a control arm decides.

## When to ignore it
A handful in a thousand steps is normal, and from ten times the usual gradient the guard clips them (auto and advise mode).

## References
- Pascanu et al., «On the difficulty of training recurrent neural networks», 2013
- Goyal et al., «Accurate, Large Minibatch SGD», 2017
"""

from rules.facts import GradientFacts, KnobFacts, LossFacts, RunFacts
from rules.remedies import advice, clip_at, clip_norm, possible
from rules.vocabulary import Evidence, Finding, Fix, Severity, rule

OUTLIERS_LIMIT = 3
"""In 50 steps: clean runs have 2 in ten thousand (measured, tests/bench)."""


@rule("NUM103")
def loss_outliers(run: RunFacts, loss: LossFacts, gradients: GradientFacts, knobs: KnobFacts) -> Finding | None:
    """Find a burst of steps that stand out."""
    if not run.warm or loss.outliers_in_50 < OUTLIERS_LIMIT:
        return None
    clips: tuple[Fix, ...] = ()
    if knobs.number("clip") == 0:
        clips = possible(
            knobs, clip_at(clip_norm(gradients.p90), "nobody can say: it prevents setbacks, and they come by chance")
        )
    return Finding(
        code="NUM103",
        name="loss_outliers",
        severity=Severity.INFO,
        message=f"{loss.outliers_in_50} of the last 50 steps are far out in loss or gradient norm",
        evidence=(Evidence(fact="loss.outliers_in_50", value=loss.outliers_in_50, limit=OUTLIERS_LIMIT),),
        causes=("broken or mislabelled examples", "the learning rate is at the edge of what is stable"),
        fixes=(*clips, advice("look at the examples of those batches", improves="loss")),
    )
