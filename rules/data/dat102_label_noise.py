"""Some labels look wrong.

## What it does
Takes the estimate that the training itself gives: the share of labels that the net does not believe among those
examples that it is surest about. A net is heard only where the rest of its data is fitted, or where the labels that it
does not believe look drawn by chance: one that underfits, or learns badly, is no witness.

## Why it matters
Wrong labels are first ignored and later learned by heart; in the validation split they put a ceiling on every metric.

## What to do
Look at the suspects that the report shows, worst first. Meanwhile smooth the labels, which keeps the net from being
sure of the wrong ones.

## Fix safety
No label is changed or dropped. Smoothing changes what is learned; a fork with a control arm decides on the metric.

## When to ignore it
Rare but right examples look like suspects too: look before you drop any.

## References
- Northcutt et al., «Confident Learning», 2021
- Lukasik et al., «Does label smoothing mitigate label noise?», 2020
"""

from math import sqrt
from statistics import median

from rules.facts import KnobFacts, LabelFacts, RunFacts, TaskFacts, ValidationFacts
from rules.learning import skill
from rules.remedies import advice, possible, turned
from rules.vocabulary import METRIC_GUARD, Effect, Evidence, Finding, Fix, Severity, rule

EPOCHS = 3
"""Epochs of beliefs: fewer have not told hard examples from wrong ones."""
NOISE_LIMIT = 0.03
"""Share of the labels: clean ones read as .00-.01, and one in twenty as .04-.08 (tests/bench/label_noise.py)."""
SEVERE_NOISE = 0.05
"""Share of the labels that it is surely above: more than one in twenty, with two standard errors to spare."""
SURE_ERRORS = 2.0
"""Standard errors of the share: of a few hundred labels, a dozen hard ones look like wrong ones."""
WITNESS_SKILL = 0.3
"""On the way to perfection, in the median evaluation: with half of the labels wrong a sound net gets to .5, a net thrown
about on digits stays at .05. What it fits by heart is no testimony."""
SMOOTHING = 0.1
"""Share of the target: the usual amount."""
WON_SHARE = 0.2
"""Of the noise: what smoothing wins back in accuracy (Lukasik et al. 2020, at 20 % noise)."""


@rule("DAT102")
def label_noise(
    run: RunFacts, task: TaskFacts, validation: ValidationFacts, labels: LabelFacts, knobs: KnobFacts
) -> Finding | None:
    """Find a share of labels that the net does not believe."""
    if not run.warm or labels.epochs < EPOCHS or not labels.noise_share >= NOISE_LIMIT:
        return None
    if not median(skill(task, one.metric) for one in validation.evaluations) >= WITNESS_SKILL:
        return None
    smooth = Fix(
        name=f"smooth labels by {SMOOTHING}",
        effect=Effect.CHANGES_LEARNING,
        turns=turned(label_smoothing=SMOOTHING),
        improves="metric",
        guards=(METRIC_GUARD,),
        expected=WON_SHARE * labels.noise_share,
        estimated_by=f"{WON_SHARE:.0%} of the wrong labels, as published for smoothing",
    )
    share = min(labels.noise_share, 1.0)
    surely = share - SURE_ERRORS * sqrt(share * (1 - share) / max(task.train_examples, 1))
    return Finding(
        code="DAT102",
        name="label_noise",
        severity=Severity.WARNING if surely >= SEVERE_NOISE else Severity.INFO,
        message=f"{labels.noise_share:.0%} of the training labels look wrong "
        f"(about {round(labels.noise_share * task.train_examples)} of {task.train_examples})",
        evidence=(
            Evidence(fact="labels.noise_share", value=labels.noise_share, limit=NOISE_LIMIT),
            Evidence(fact="labels.epochs", value=labels.epochs, limit=EPOCHS),
        ),
        causes=("wrong labels", "classes that cannot be told apart by these inputs"),
        explains=("GEN101",),
        fixes=(
            *(possible(knobs, smooth) if knobs.number("label_smoothing") < SMOOTHING else ()),
            advice(f"look at the {labels.suspects} suspects in the report and correct what is wrong"),
        ),
    )
