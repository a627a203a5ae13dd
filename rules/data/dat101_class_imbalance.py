"""Rare classes are not recognised because there are so few of them.

## What it does
Looks for a training split whose largest class has ten times the examples of its smallest, together with a recall of
the rare classes that is 15 points below that of the common ones, once the common ones are learned; or four times the
examples and 50 points. What is rare is learned last, so it is said as information while the net is on its way: as a warning
once its training loss is a quarter of a constant's, or, of the wider ratio, after three tenths of the run below a constant's.

## Why it matters
The mean loss hardly notices a class of one in a hundred; a net can be right almost always and never on that class.

## What to do
Even out how often classes count, by half, which costs the common classes little; fully first where the gap is wide and the
validation split holds the rare classes as often as the others, so that its accuracy pays for nothing. By weights of the loss;
where these did not help, by an adjustment of the outputs in the loss, then by drawing the examples of rare classes more often,
which a loss of the task's own takes, too; last by a focal loss, which counts what the net is sure of already less.

## Fix safety
Changes what is learned; a fork decides on the loss with all classes alike, which tells in fifty steps what the recall of
rare classes tells in some hundred. The unweighted loss may rise, so it is no guard; the main metric may not fall by more
than a standard error. Adjustment, weights and draws alike shift what the net takes for the usual share of a class, so its
probabilities are no longer those of the data.

## When to ignore it
The rare classes do not matter to you, or calibrated probabilities matter more than recall: all of these shift them.

## References
- Johnson and Khoshgoftaar, «Survey on deep learning with class imbalance», 2019
- Menon et al., «Long-tail learning via logit adjustment», 2021
- Lin et al., «Focal loss for dense object detection», 2017
"""

from math import isfinite
from statistics import fmean

from rules.facts import ClassFacts, KnobFacts, LossFacts, RunFacts, TaskFacts, ValidationFacts
from rules.learning import LEARNED_SHARE
from rules.remedies import advice, possible, turned
from rules.vocabulary import METRIC_GUARD, Effect, Evidence, Finding, Fix, Severity, Turned, rule

RATIO_LIMIT = 10.0
"""Largest over smallest class: below, plain training copes (Johnson and Khoshgoftaar 2019)."""
MILD_RATIO_LIMIT = 4.0
"""Largest over smallest class, where the gap is wide: wrong labels among them make rare classes look less rare."""
RECALL_GAP_LIMIT = 0.15
"""Points of recall between common and rare classes: less is within the noise of small classes."""
WIDE_GAP = 0.5
"""Of recall: classes that are as good as never recognised need all of the weight; the root closes a part of such a gap."""
COMMON_LEARNED = 0.5
"""Mean recall of the common classes: below, the net has not learned anything yet."""
FITTED_SHARE = 0.25
"""Of a constant's loss, on training examples: what the training can teach is taken up. Healthy nets whose rare class ended at .7 to
.8 did not know it at all above two fifths (classes of 1 in 20, 1 in 10, 1 in 30)."""
JUDGED_SHARE = 0.30
"""Of the run: where the training loss stays above that."""
REPAIRED_SHARE = {"sqrt": 0.4, "balanced": 0.5}
"""Of the gap, what weights closed on faulty runs (digits, classes kept 1 in 25: recall .26 → .79)."""
ADJUSTMENT = {"sqrt": 0.5, "balanced": 1.0}
"""Times the log frequency: 1 makes all classes alike (Menon et al. 2021), half of it is the root, as of weights."""
FOCUS = 2.0
"""The power of the focal loss that did best in Lin et al. 2017."""
FOCUSED_SHARE = 0.1
"""Of the gap: a focal loss knows of doubt, not of rarity; from the start it gave digits 3 points, clothes and a table −1 each."""


@rule("DAT101")
def class_imbalance(
    run: RunFacts, task: TaskFacts, loss: LossFacts, validation: ValidationFacts, classes: ClassFacts, knobs: KnobFacts
) -> Finding | None:
    """Find rare classes that are recognised much less often than common ones."""
    if not run.warm or len(classes.recalls) != len(classes.counts):
        return None
    top = max(classes.counts)
    held = [pair for pair in zip(classes.counts, classes.recalls, strict=True) if pair[0] and isfinite(pair[1])]
    far = classes.ratio >= RATIO_LIMIT
    times, limit = (RATIO_LIMIT, RECALL_GAP_LIMIT) if far else (MILD_RATIO_LIMIT, WIDE_GAP)
    rare = [recall for count, recall in held if count * times <= top]
    common = [recall for count, recall in held if count * times > top]
    if not rare or not common or fmean(common) < COMMON_LEARNED or fmean(common) - fmean(rare) < limit:
        return None
    gap = fmean(common) - fmean(rare)
    full_first = gap >= WIDE_GAP and not _counts_as_trained(task, validation, classes)
    order = ("balanced", "sqrt") if full_first else ("sqrt", "balanced")
    weighed_fully = (
        "balanced" in (knobs.values["class_weights"], knobs.values.get("sampler"))
        or _adjusted(knobs) >= ADJUSTMENT["balanced"]
    )
    return Finding(
        code="DAT101",
        name="class_imbalance",
        severity=Severity.WARNING
        if not weighed_fully and _is_over(run, task, loss, validation, far)
        else Severity.INFO,
        message=f"{len(rare)} of {len(held)} classes are rare and recognised {fmean(rare):.0%} of the time, "
        f"the others {fmean(common):.0%}",
        evidence=(
            Evidence(fact="classes.ratio", value=classes.ratio, limit=times),
            Evidence(fact="classes.recalls", value=gap, limit=limit),
        ),
        causes=("the loss is dominated by the common classes", "too few examples to learn the rare classes from"),
        explains=("GEN102", "GEN103", "OPT104", "DAT102"),
        fixes=(
            *(() if weighed_fully else _evened(knobs, order, gap * len(rare) / len(held))),
            advice("collect more examples of the rare classes", improves="rare_recall"),
        ),
    )


def _is_over(run: RunFacts, task: TaskFacts, loss: LossFacts, validation: ValidationFacts, far: bool) -> bool:
    """Tell whether the net has learned what it will: a net that is on its way learns its rare classes last."""
    trained = validation.last.train_loss
    left = (trained if isfinite(trained) else loss.now) / task.baseline_loss if task.baseline_loss > 0 else 0.0
    late = run.progress >= JUDGED_SHARE
    return (left <= FITTED_SHARE and (far or late)) or (far and late and left <= LEARNED_SHARE)


def _counts_as_trained(task: TaskFacts, validation: ValidationFacts, classes: ClassFacts) -> bool:
    """Tell whether the validation split is as imbalanced as the training split, by what its accuracy is the mean of."""
    held = [pair for pair in zip(classes.counts, classes.recalls, strict=True) if pair[0] and isfinite(pair[1])]
    by_count = sum(count * recall for count, recall in held) / sum(count for count, _ in held)
    alike = fmean(recall for _, recall in held)
    accuracy = validation.last.metric
    return task.metric == "accuracy" and abs(accuracy - by_count) < abs(accuracy - alike)


def _adjusted(knobs: KnobFacts) -> float:
    """Return the logit adjustment in use; 0 where the run is of a time when there was none."""
    return knobs.number("logit_adjustment") if "logit_adjustment" in knobs.values else 0.0


def _evened(knobs: KnobFacts, order: tuple[str, str], gain_limit: float) -> tuple[Fix, ...]:
    """Return the fixes that give rare classes their due, in the order in which they are tried; never two of them at once.

    Weights go before the adjustment: turned midway in six faulty trainings of six seeds each, they ended 0.7 points of balanced
    accuracy above it, with 3 more on digits that are there six times each and 1.4 fewer on a table.
    """
    first, second = order
    focus = _focus(gain_limit)
    if _adjusted(knobs) > 0:
        return possible(knobs, _adjust("balanced", gain_limit), focus)
    if knobs.values["class_weights"] != "none":
        return possible(knobs, *(_weigh(how, gain_limit) for how in order), focus)
    draws = [_draw(how, gain_limit) for how in order]
    if knobs.values.get("sampler", "none") != "none" or not knobs.can("class_weights"):
        return possible(knobs, *draws, focus)
    return possible(
        knobs, _weigh(first, gain_limit), _adjust(first, gain_limit), draws[0], _weigh(second, gain_limit), focus
    )


def _adjust(how: str, gain_limit: float) -> Fix:
    to = ADJUSTMENT[how]
    return _evening(
        f"adjust the loss by class frequency ({to:g})", turned(logit_adjustment=to), REPAIRED_SHARE[how], gain_limit
    )


def _focus(gain_limit: float) -> Fix:
    return _evening(f"focal loss ({FOCUS:g})", turned(focal=FOCUS), FOCUSED_SHARE, gain_limit)


def _weigh(how: str, gain_limit: float) -> Fix:
    return _evening(f"weigh the loss by class ({how})", turned(class_weights=how), REPAIRED_SHARE[how], gain_limit)


def _draw(how: str, gain_limit: float) -> Fix:
    return _evening(
        f"draw rare classes more often ({how})",
        turned(sampler=how),
        REPAIRED_SHARE[how],
        gain_limit,
        besides="; the net's probabilities become those of the classes as they are drawn",
    )


def _evening(
    name: str,
    turns: tuple[Turned, ...],
    share: float,
    gain_limit: float,
    *,
    besides: str = "",
) -> Fix:
    return Fix(
        name=name,
        effect=Effect.CHANGES_LEARNING,
        turns=turns,
        improves="balanced_loss",
        guards=(METRIC_GUARD,),
        expected=share * gain_limit,
        estimated_by=f"{share:.0%} of the recall gap, averaged over all classes{besides}",
    )
