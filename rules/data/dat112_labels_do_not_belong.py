"""The labels do not belong to the inputs.

## What it does
Before the first step the survey holds inputs against targets: is the target of an example closer to its neighbours', or to
what a linear fit to the others says, than shuffled targets are? Where it is not, and after a twentieth of the run the net
is no better than a constant on validation, it asks for a fit of 16 examples. A net that learns those, and nothing that
holds for others, has labels that say nothing about their inputs; one that does not learn them may have another fault
besides, which is then treated. After one evaluation it only says so: a net at chance that early may not have begun.

## Why it matters
No rate, net or patience learns what is not there; all that can be learned is the training split by heart.

## What to do
Look at twenty examples beside their labels. Look for two lists that were shuffled, sorted or filtered apart, an index that
is off by one, a join on the wrong key.

## Fix safety
Needs a person: the fault is in the data. Nothing is turned, rolled back or stopped on its account.

## When to ignore it
The relation is one that neither neighbours nor a linear fit can see (parity, a cipher) and the net needs its time.

## References
- Gretton et al., «A Kernel Statistical Test of Independence», NeurIPS 2007
- Zhang et al., «Understanding deep learning requires rethinking generalization», ICLR 2017 (random labels)
"""

from statistics import median

from rules.facts import InputFacts, LossFacts, ProbeFacts, RunFacts, TaskFacts, ValidationFacts
from rules.learning import LAST_PROBE_SHARE, at_chance, skill
from rules.remedies import advice
from rules.symptoms import MISJUDGED, RUNAWAY, STUCK
from rules.vocabulary import Evidence, Finding, Severity, rule

ASSOCIATION_LIMIT = 5.0
"""Spreads of shuffled targets: 13 data sets gave 15 to 160, their shuffled targets at most 4 (150 times, measured)."""
LEAST_EXAMPLES = 100
"""Behind it: of fewer, a weak relation does not stand out."""
EVALUATIONS = 2
"""At chance: one may come before the net has begun."""
OF_A_NET = ("OPT103", "OPT104", "ARC101", "ARC103", "ARC104", "GEN103")
"""What is not called the cause of learning nothing any more, after the first evaluation."""
NOISE_FACTOR = 2.5
"""Standard errors by which the median of the evaluations may beat guessing."""
LUCKY_SKILL = 0.15
"""On the way to perfection, for the best evaluation of many: a net that learns nothing got to .11 in 25 (measured)."""
FIT_SHARE = 0.5
"""Last over first loss on 16 examples: a net and a loss that work get far below a half."""


@rule("DAT112")
def labels_do_not_belong(
    run: RunFacts,
    task: TaskFacts,
    loss: LossFacts,
    validation: ValidationFacts,
    inputs: InputFacts,
    probes: ProbeFacts,
) -> Finding | None:
    """Find targets that say nothing about their inputs."""
    unrelated = inputs.association <= ASSOCIATION_LIMIT and inputs.association_examples >= LEAST_EXAMPLES
    if not unrelated or not run.warm or not _at_chance(task, validation):
        return None
    early = len(validation.evaluations) < EVALUATIONS
    if early and not at_chance(task, loss):
        return None
    fitted = "single_batch_fit" in probes.done
    learns = fitted and probes.fit_last_loss <= FIT_SHARE * probes.fit_first_loss
    found = "shuffled labels would go with their inputs as well"
    heart = "are learned by heart" if learns else "are not learned by heart either"
    learned = f"; 16 examples {heart} ({probes.fit_first_loss:.2g} to {probes.fit_last_loss:.2g})"
    return Finding(
        code="DAT112",
        name="labels_do_not_belong",
        severity=Severity.INFO if early else Severity.ERROR,
        message=f"the {'first' if early else 'best'} {task.metric} is {validation.best.metric:.3g}, "
        f"a constant's {task.baseline_metric:.3g}, and {found}{learned if fitted else ''}"
        + ("" if early else ": nothing is turned, the fault is in the data"),
        evidence=(
            Evidence(fact="inputs.association", value=inputs.association, limit=ASSOCIATION_LIMIT),
            Evidence(fact="validation.best", value=validation.best.metric, limit=task.baseline_metric),
        ),
        causes=("labels that were shuffled apart from their inputs", "inputs that hold nothing about the labels"),
        probes=() if early or fitted or run.progress > LAST_PROBE_SHARE else ("single_batch_fit",),
        eased_by_knobs=fitted and not learns,
        explains=OF_A_NET if early else (*RUNAWAY, *STUCK, *MISJUDGED),
        fixes=(advice("look at twenty examples beside their labels, and at how the two were joined"),),
    )


def _at_chance(task: TaskFacts, validation: ValidationFacts) -> bool:
    """Tell whether the evaluations beat guessing by no more than luck."""
    guess = task.baseline_metric
    if task.classes and task.higher_is_better:  # a class that is common in training may be rare in validation
        guess = max(guess, 1 / len(task.classes))
    sign = 1 if task.higher_is_better else -1
    ahead = median(sign * (one.metric - guess) for one in validation.evaluations)
    usual = median(one.standard_error for one in validation.evaluations)
    return ahead <= NOISE_FACTOR * usual and not skill(task, validation.best.metric) > LUCKY_SKILL
