"""The validation split is too small for the differences that matter.

## What it does
After three tenths of the run, looks at the standard error of the main metric at the last evaluation (of a share that is 0
or 1: at half of Wilson's interval, since thirty of thirty is no certainty), and at what the evaluations since then have gained. Speaks when the error is large and that gain, which decides on the best checkpoint
and on every fix, is smaller than two errors.

## Why it matters
Two models, two settings or two checkpoints that differ by less than twice that error cannot be told apart; the best
one of many is then the luckiest one.

## What to do
Hold out more (data.val_fraction), or judge by several folds.

## Fix safety
Needs a person: the split stays as it is while a run goes on.

## When to ignore it
You only want to see that the run learns.

## References
- Wilson, «Probable Inference, the Law of Succession, and Statistical Inference», 1927
- Bouthillier et al., «Accounting for Variance in Machine Learning Benchmarks», 2021
"""

from math import ceil, sqrt

from rules.facts import Evaluation, RunFacts, TaskFacts, ValidationFacts
from rules.learning import skill
from rules.remedies import advice
from rules.vocabulary import Evidence, Finding, Severity, rule

ERROR_LIMIT = 0.02
"""Points of the metric: fixes gain some points; at two standard errors, four of them would drown."""
JUDGED_SHARE = 0.30
"""Of the run: before, the metric still rises by more than any noise, and the error falls with it."""
EVALUATIONS = 3
"""Since then: two have one difference, and that is chance."""
LEARNED_SKILL = 0.1
"""On the way to perfection: of a run that learns nothing there are no gains to judge."""
MOST_HELD_OUT = 0.5
"""Of the examples that are there: with more, too few are left to learn from."""
NOISE_FACTOR = 2.0
"""Standard errors: a smaller gain cannot be told from none."""
INTERVAL_ERRORS = 2.0
"""Standard errors to either side of Wilson's interval: 95 of 100."""


@rule("GEN104")
def validation_too_small(run: RunFacts, task: TaskFacts, validation: ValidationFacts) -> Finding | None:
    """Find a validation split whose noise hides what is being judged."""
    error = _error(task, validation.last)
    late = [one.metric for one in validation.evaluations if one.step >= JUDGED_SHARE * run.steps_total]
    if not run.warm or not task.higher_is_better or not error > ERROR_LIMIT or len(late) < EVALUATIONS:
        return None
    gain = max(late) - late[0]
    if not gain < NOISE_FACTOR * error or not skill(task, validation.best.metric) >= LEARNED_SKILL:
        return None
    needed = ceil(task.val_examples * (error / ERROR_LIMIT) ** 2)
    there = needed <= MOST_HELD_OUT * (task.train_examples + task.val_examples)
    held_out = f"hold out about {needed} examples (data.val_fraction), or judge" if there else "judge"
    return Finding(
        code="GEN104",
        name="validation_too_small",
        severity=Severity.INFO,
        message=f"the standard error of {task.metric} is {error:.3f} on {task.val_examples} validation examples; "
        f"the last {len(late)} evaluations gained {gain:.3f}",
        evidence=(
            Evidence(fact="validation.standard_error", value=error, limit=ERROR_LIMIT),
            Evidence(fact="validation.gain", value=gain, limit=NOISE_FACTOR * error),
        ),
        causes=("too few examples are held out",),
        fixes=(advice(f"{held_out} by several folds"),),
    )


def _error(task: TaskFacts, last: Evaluation) -> float:
    """Return the standard error; of a share of few examples no less than what Wilson's interval leaves open."""
    share, count = last.metric, task.val_examples
    if task.kind != "classification" or not 0 <= share <= 1 or not count:
        return last.standard_error
    wide = INTERVAL_ERRORS**2 / count
    return max(last.standard_error, sqrt(share * (1 - share) / count + wide / (4 * count)) / (1 + wide))
