"""The net learns its training examples by heart.

## What it does
Looks for a validation loss whose last three values lie, in the median, a fifth and a twentieth of the chance loss
above the least before them, while the training loss is at its own least. It needs four evaluations. Where the loss on
training examples is well below that on validation, a rise that goes on is told sooner: from a twentieth. A net whose
training loss is not below chance, or as high on training examples as on others, or has risen there as well, remembers
nothing: what rises there has another cause.

## Why it matters
Each further step makes the net surer of what it remembers and worse at what it has not seen.

## What to do
In this order, one at a time: augment images; smooth labels; raise the weight decay; add dropout. Stopping at the best
evaluation is always there (GEN102), and more data or a smaller net are for the next run.

## Fix safety
Changes what is learned; a fork with a control arm decides on the validation loss, with the main metric as guard.

## When to ignore it
The metric you care for still stands: a net that is sure and right pays with its loss only where it is wrong. The rule
then speaks as information (unless the loss is most of the way back to guessing), as it does for a model that is good all the
same, and where the loss swings as far from one evaluation to the next.

## References
- Goodfellow et al., «Deep Learning», 2016, chapter 7
- Guo et al., «On Calibration of Modern Neural Networks», 2017
"""

from math import sqrt
from statistics import median

from rules.facts import KnobFacts, LossFacts, RunFacts, TaskFacts, ValidationFacts
from rules.learning import LEARNED_SHARE, skill
from rules.remedies import advice, possible, turned
from rules.vocabulary import METRIC_GUARD, Effect, Evidence, Finding, Fix, Severity, Value, rule

EVALUATIONS = 4
"""With fewer there is no least value that three others could lie above."""
RECENT = 3
"""Evaluations whose median counts: one bad one is no trend."""
RISE_LIMIT = 1.2
"""Times the least validation loss."""
MEANT_SHARE = 0.05
"""Of the chance loss: a rise near zero is no loss of anything."""
EARLY_RISE_LIMIT = 1.05
"""The same where the rise goes on and the gap is wide: together they say as much as a fifth alone."""
EARLY_MEANT_SHARE = 0.03
"""Of the chance loss, likewise."""
EARLY_EVALUATIONS = 4
"""Since the least value: a rise over four of them is a trend."""
GAP_SHARE = 0.7
"""Loss on training examples over that on validation: a net that generalises is above."""
NO_GAP_SHARE = 0.9
"""The same: above it both are as bad, and a rise of both is none of memory."""
OPENED_SHARE = 0.5
"""Of the rise: with less of it between training examples and others, the net got worse at both, for a while."""
BY_HEART_SHARE = 0.1
"""The same: below it, what there is to learn from the training examples is learned."""
HIGH_RISE = 1.5
"""Times the least: the net is sure of what it gets wrong, whatever the metric says."""
ASTRAY_SHARE = 0.7
"""Of the chance loss: so near to guessing the loss is back where the metric holds all the same. Runs that overfit came to .8 and
more; of healthy twins, surer than they are right, .44 to .67 (their metric stood)."""
SWING_SPREADS = 2.0
"""Spreads of the validation loss about the mean of its neighbours: every warning about 12 runs that overfit stood at 3.5 or
more, a healthy run at a high rate that swings at .9 (fault bench)."""
GAUSSIAN = 1.4826
"""Median deviations in a standard one."""
FALLING_FACTOR = 1.1
"""Times the least smoothed training loss: still at its best."""
FALLING_SHARE = 0.02
"""Of the chance loss above that least: near zero a loss may double and still be at its best."""
GOOD_SKILL = 0.9
"""On the way to perfection: a good model is no alarm, and its best state is kept."""
NOISE_ERRORS = 2.0
"""Standard errors that a good model may seem worse by on a small validation split."""
RECOVERED_SHARE = 0.5
"""Of the rise: regularisers seldom win back all of it."""
SMOOTHING = 0.1
"""Share of the target: what image classifiers use since Szegedy et al. 2016."""
LEAST_DECAY = 1e-3
"""Weight decay to begin with where there is none."""
DECAY_FACTOR = 10.0
"""A step of decay that shows within an epoch."""
DECAY_MOST = 0.5
"""Above it, decay alone keeps a net from learning (OPT107)."""
MORE_DROPOUT = 0.1
"""Share: one step."""


@rule("GEN101")
def overfitting(
    run: RunFacts, task: TaskFacts, loss: LossFacts, validation: ValidationFacts, knobs: KnobFacts
) -> Finding | None:
    """Find a validation loss that rises while the training loss falls."""
    seen = validation.evaluations
    remembers = not loss.now >= LEARNED_SHARE * task.baseline_loss
    if not run.warm or len(seen) < EVALUATIONS or not remembers or _no_gap(validation) or _rises_together(validation):
        return None
    recent, least = median(one.loss for one in seen[-RECENT:]), min(one.loss for one in seen[:-RECENT])
    limit = max(RISE_LIMIT * least, least + MEANT_SHARE * task.baseline_loss)
    fallen = max(FALLING_FACTOR * loss.best, loss.best + FALLING_SHARE * task.baseline_loss)
    clear = min(recent, validation.last.loss) > limit
    last, best = validation.last, validation.best
    good = (
        skill(task, best.metric + NOISE_ERRORS * best.standard_error * (1 if task.higher_is_better else -1))
        >= GOOD_SKILL
    )
    if not (clear or (_early(task, validation, recent, least) and not good)) or not loss.now <= fallen:
        return None
    worse = _lost_of_the_metric(task, validation) > last.standard_error
    by_heart = last.train_loss <= BY_HEART_SHARE * last.loss
    rise = recent - least
    sure = rise >= SWING_SPREADS * _spread([one.loss for one in seen])
    astray = recent >= ASTRAY_SHARE * task.baseline_loss and (by_heart or (sure and recent > HIGH_RISE * least))
    grave = astray or (sure and clear and worse)
    return Finding(
        code="GEN101",
        name="overfitting",
        severity=Severity.WARNING if grave and not good else Severity.INFO,
        message=f"the validation loss is {recent:.3g}, up from {least:.3g}, while the training loss falls to {loss.now:.2g}"
        + ("" if worse else "; the metric has not suffered yet"),
        evidence=(
            Evidence(fact="validation.loss", value=recent, limit=limit),
            Evidence(fact="loss.now", value=loss.now, limit=fallen),
            Evidence(fact="validation.metric", value=last.metric, limit=best.metric),
        ),
        causes=("more weights than the examples can hold in check", "wrong labels that are learned by heart"),
        explains=() if good else ("GEN102", "OPT104"),
        fixes=(*possible(knobs, *_in_order(task, knobs, rise / recent)), advice("get more data, or a smaller net")),
    )


def _lost_of_the_metric(task: TaskFacts, validation: ValidationFacts) -> float:
    """Return how far the last evaluations lie below the best ones, median against median: the best single one was lucky."""
    sign = 1 if task.higher_is_better else -1
    metrics = [sign * one.metric for one in validation.evaluations]
    usual = [median(metrics[end - RECENT : end]) for end in range(RECENT, len(metrics) + 1)]
    return max(usual) - usual[-1]


def _no_gap(validation: ValidationFacts) -> bool:
    """Tell whether the loss on training examples is as high as that on others; not where nobody took it."""
    return validation.last.train_loss > NO_GAP_SHARE * validation.last.loss


def _rises_together(validation: ValidationFacts) -> bool:
    """Tell whether the loss on training examples has risen as well; not where nobody took it.

    A net that remembers knows its training examples ever better. One that was thrown is worse at all of them.
    """
    recent = sorted(validation.evaluations[-RECENT:], key=lambda one: one.loss)[RECENT // 2]
    least = min(validation.evaluations[:-RECENT], key=lambda one: one.loss)
    opened = (recent.loss - recent.train_loss) - (least.loss - least.train_loss)
    return opened < OPENED_SHARE * (recent.loss - least.loss)


def _spread(losses: list[float]) -> float:
    """Return by how much an evaluation stands off the mean of its neighbours by luck: a trend alone comes to 0."""
    apart = [abs(losses[at] - (losses[at - 1] + losses[at + 1]) / 2) for at in range(1, len(losses) - 1)]
    return GAUSSIAN * median(apart) / sqrt(1.5)


def _early(task: TaskFacts, validation: ValidationFacts, recent: float, least: float) -> bool:
    """Tell whether a smaller rise goes on while the gap is wide."""
    seen = [one.loss for one in validation.evaluations]
    since = len(seen) - 1 - seen.index(min(seen))
    before = median(seen[-2 * RECENT : -RECENT]) if len(seen) >= 2 * RECENT else recent
    limit = max(EARLY_RISE_LIMIT * least, least + EARLY_MEANT_SHARE * task.baseline_loss)
    wide = validation.last.train_loss <= GAP_SHARE * validation.last.loss
    return since >= EARLY_EVALUATIONS and before < recent and recent > limit and wide


def _in_order(task: TaskFacts, knobs: KnobFacts, rise_share: float) -> list[Fix]:
    decay = min(max(DECAY_FACTOR * knobs.number("weight_decay"), LEAST_DECAY), DECAY_MOST)
    ladder: list[tuple[str, str, Value, bool]] = [
        ("augment the images", "augment", True, task.inputs == "image"),
        (f"smooth labels by {SMOOTHING}", "label_smoothing", SMOOTHING, knobs.number("label_smoothing") < SMOOTHING),
        (f"raise weight_decay to {decay:g}", "weight_decay", decay, decay > knobs.number("weight_decay")),
        ("add dropout", "dropout", round(knobs.number("dropout") + MORE_DROPOUT, 3), knobs.number("dropout") < 0.5),
    ]
    return [
        Fix(
            name=name,
            effect=Effect.CHANGES_LEARNING,
            turns=turned(**{knob: to}),
            improves="loss",
            guards=(METRIC_GUARD,),
            expected=RECOVERED_SHARE * rise_share,
            estimated_by=f"{RECOVERED_SHARE:.0%} of the rise of the validation loss since its least",
        )
        for name, knob, to, fits in ladder
        if fits
    ]
