"""The outputs go through a softmax before a loss that applies one itself.

## What it does
With a second softmax, cross entropy cannot fall below a floor that depends only on the number of classes (1.46 for
ten). Speaks when training and validation losses all lie above it although most examples are classified rightly.

## Why it matters
The gradient is a fraction of what it should be: such nets learn slowly and end several points lower.

## What to do
Let the model return raw outputs (logits); apply softmax only where probabilities are shown.

## Fix safety
Changes the network itself: tried by a fork whose candidate is built anew without what stands behind the last layer. Where
the model calls softmax in its own forward, it needs a person.

## When to ignore it
The loss has a constant part of its own (strong label smoothing in your own loss, an added penalty).

## References
- Nikanjam et al., «Automatic Fault Detection for Deep Learning Programs Using Graph Transformations», 2021
- PyTorch, «CrossEntropyLoss» (expects unnormalised logits)
"""

from math import e, log

from rules.facts import KnobFacts, RunFacts, TaskFacts, ValidationFacts
from rules.learning import skill
from rules.remedies import advice, possible, surgery
from rules.vocabulary import Evidence, Finding, Severity, rule

JUDGED_SHARE = 0.20
"""Of the run: by then a net that classifies well has a low loss."""
EVALUATIONS = 3
"""Evaluations that must all lie above the floor."""
SKILL_LIMIT = 0.6
"""On the way to perfection: a sound net that good has a loss well below the floor."""
FALL_LIMIT = 0.05
"""Relative fall of the loss over those evaluations: a sound net that learns slowly is right before it is sure, but its loss
still falls (digits, AdamW 3e-4: 1.77 at .72, and 13 % less two epochs later)."""
LEAST_CLASSES = 4
"""With two or three classes the floor is so low that sound nets stay above it."""


@rule("ARC106")
def softmax_twice(run: RunFacts, task: TaskFacts, validation: ValidationFacts, knobs: KnobFacts) -> Finding | None:
    """Find a loss that stays above the floor of a second softmax while the net is right."""
    classes, last, seen = len(task.classes), validation.last, validation.evaluations
    judged = run.warm and run.progress >= JUDGED_SHARE and len(seen) >= EVALUATIONS
    if task.kind != "classification" or classes < LEAST_CLASSES or not judged:
        return None
    floor = log(e + classes - 1) - 1
    least = min(min(one.loss, one.train_loss) for one in seen)
    before, now = seen[-EVALUATIONS], seen[-1]
    falls = now.loss < (1 - FALL_LIMIT) * before.loss or now.train_loss < (1 - FALL_LIMIT) * before.train_loss
    if falls or not least >= floor or not skill(task, last.metric) >= SKILL_LIMIT:
        return None
    return Finding(
        code="ARC106",
        name="softmax_twice",
        severity=Severity.WARNING,
        message=f"{least:.3g} is the least loss although {task.metric} is {last.metric:.3g}: "
        f"two softmaxes in a row cannot fall below {floor:.3g}",
        evidence=(
            Evidence(fact="validation.loss", value=least, limit=floor),
            Evidence(fact="validation.metric", value=last.metric, limit=task.baseline_metric),
        ),
        causes=("a softmax in the model before cross entropy",),
        explains=("OPT102", "OPT104", "GEN103"),
        fixes=(
            advice("return raw outputs from the model, without softmax", improves="loss"),
            *possible(
                knobs,
                surgery("leave out the softmax behind the last layer", "the floor of the loss goes", output="none"),
            ),
        ),
    )
