"""The labels do not belong to the inputs.

## What it does
Before the first step the survey holds inputs against targets: is the target of an example closer to its neighbours',
or to what a linear fit to the others says, than shuffled targets are? Where it is not, and after a twentieth of the
run the net is no better than a constant on validation, it says so as information and asks for a fit of 16 examples:
that much is true of every net that has not begun, on a relation that no simple model sees. What decides is what the
net learns: where it knows its training examples better and better and nothing of it holds for others, after three
tenths of the run, the labels say nothing about their inputs; at four fifths of the run, where nothing was learned at
all, that is a warning, too. Not of a net whose weights have hardly moved, or whose loss on training examples has not
come down to a constant's: its steps are too short for that, whatever its labels are. A net that does not learn the 16
examples either may have another fault besides, which is then treated.

## Why it matters
No rate, net or patience learns what is not there; all that can be learned is the training split by heart.

## What to do
Look at twenty examples beside their labels. Look for two lists that were shuffled, sorted or filtered apart, an index that
is off by one, a join on the wrong key.

## Fix safety
Needs a person: the fault is in the data. Nothing is turned, rolled back or stopped on its account; nor is it while nothing can be
told, except for a rate that a sweep finds ten times too low at least (OPT102): a net that hardly moves has not begun.

## When to ignore it
The relation is one that neither neighbours nor a linear fit can see (parity, a cipher) and the net needs its time.

## References
- Gretton et al., «A Kernel Statistical Test of Independence», NeurIPS 2007
- Zhang et al., «Understanding deep learning requires rethinking generalization», ICLR 2017 (random labels)
"""

from math import isfinite
from statistics import median

from rules.facts import InputFacts, LossFacts, ProbeFacts, RunFacts, TaskFacts, ValidationFacts
from rules.learning import CHANCE_SHARE, LAST_PROBE_SHARE, at_chance, skill
from rules.remedies import advice
from rules.symptoms import MISJUDGED, RUNAWAY, STUCK
from rules.vocabulary import Evidence, Finding, Severity, rule

ASSOCIATION_LIMIT = 5.0
"""Spreads of shuffled targets: 13 data sets gave 15 to 160, their shuffled targets at most 4 (150 times, measured)."""
LEAST_EXAMPLES = 100
"""Behind it: of fewer, a weak relation does not stand out; nor does it of classes so rare that few of theirs are among them."""
BY_HEART_EVALUATIONS = 3
"""In a row: what the net knows of its training examples lies above what it knows of others in the median of them."""
BY_HEART_SHARE = 0.3
"""Of the run: before, nets have known their examples by heart and found the rule behind them after all (parity of four bits)."""
END_SHARE = 0.8
"""Of the run: relations that neighbours and lines do not see were learned after a third of it, and after two thirds."""
EVALUATIONS = 2
"""At chance: one may come before the net has begun."""
OF_A_NET = ("OPT103", "OPT104", "ARC101", "ARC103", "ARC104", "GEN103")
"""What is not called the cause of learning nothing any more, after the first evaluation."""
OF_WHAT_IS_OPEN = (*OF_A_NET, "OPT101", "OPT109", "GEN102")
"""What looks the same of a net that has not begun, after the second."""
OF_ITSELF = ("OPT107", "OPT115")
"""What stands by evidence of its own, a brake or rare inputs, and keeps a net at chance whatever its labels are."""
OF_LABELS = tuple(code for code in (*RUNAWAY, *STUCK, *MISJUDGED) if code not in OF_ITSELF)
"""What a run shows whose labels say nothing."""
WALKED = 0.25
"""Way of the weights so far, in lengths of theirs, at four fifths of the run: 1.1 to 7 where labels said nothing, .5
and more in healthy runs, .06 at the most at rates too low by a factor of a hundred (fault bench)."""
ABOVE_CHANCE = 1.05
"""Times a constant's loss: labels that say nothing do not keep a net from coming down to that, but for the noise of its
steps (1.01; at a rate too low, or for rare inputs, 1.03 to 2.5)."""
KNOWN_SKILL = 0.3
"""On the way to perfection, of training examples: a net that was there has learned something, whatever it lost since (.56
before a rescue threw a net back, .14 the most where labels said nothing)."""
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
    late = run.progress >= END_SHARE
    nothing = _at_chance(task, validation) or (late and _knew_nothing(task, loss, validation))
    if not unrelated or not run.warm or not nothing:
        return None
    early = len(validation.evaluations) < EVALUATIONS
    if early and not at_chance(task, loss):
        return None
    fitted = "single_batch_fit" in probes.done
    learns = fitted and probes.fit_last_loss <= FIT_SHARE * probes.fit_first_loss
    heart = run.progress >= BY_HEART_SHARE and _by_heart(task, validation)
    powerful = _evenness(task) * inputs.association_examples >= LEAST_EXAMPLES
    over = late and (learns or not fitted) and _has_tried(run, task, loss, validation)
    severity = Severity.INFO
    if powerful and not early:
        severity = Severity.ERROR if heart else Severity.WARNING if over else Severity.INFO
    undecided = severity is Severity.INFO
    found = "shuffled labels would go with their inputs as well"
    learned = f"; 16 examples {'are' if learns else 'are not'} learned by heart{'' if learns else ' either'}"
    learned += f" ({probes.fit_first_loss:.2g} to {probes.fit_last_loss:.2g})"
    known = f"; {validation.last.train_metric:.3g} on its training examples" if heart else ""
    end = (
        ": the net may not have begun, or there is nothing to learn"
        if undecided
        else ": nothing is turned, the fault is in the data"
    )
    return Finding(
        code="DAT112",
        name="labels_do_not_belong",
        severity=severity,
        message=f"the {'first' if early else 'best'} {task.metric} is {validation.best.metric:.3g}, "
        f"a constant's {task.baseline_metric:.3g}{known}, and {found}{learned if fitted else ''}{end}",
        evidence=(
            Evidence(fact="inputs.association", value=inputs.association, limit=ASSOCIATION_LIMIT),
            Evidence(fact="validation.best", value=validation.best.metric, limit=task.baseline_metric),
        ),
        causes=("labels that were shuffled apart from their inputs", "inputs that hold nothing about the labels"),
        probes=() if early or fitted or run.progress > LAST_PROBE_SHARE else ("single_batch_fit",),
        eased_by_knobs=fitted and not learns,
        undecided=undecided,
        misleads=undecided and not early and (learns or not fitted),
        explains=OF_A_NET if early else OF_WHAT_IS_OPEN if undecided else OF_LABELS,
        fixes=(advice("look at twenty examples beside their labels, and at how the two were joined"),),
    )


def _by_heart(task: TaskFacts, validation: ValidationFacts) -> bool:
    """Tell whether the net has learned something of its training examples that does not hold for others."""
    seen = validation.evaluations[-BY_HEART_EVALUATIONS:]
    sign = 1 if task.higher_is_better else -1
    ahead = median(sign * (one.train_metric - one.metric) - NOISE_FACTOR * one.standard_error for one in seen)
    fits = median(one.train_loss for one in seen) < CHANCE_SHARE * task.baseline_loss
    return len(seen) == BY_HEART_EVALUATIONS and ahead > 0 and fits


def _knew_nothing(task: TaskFacts, loss: LossFacts, validation: ValidationFacts) -> bool:
    """Tell whether the training loss is at chance, and no training examples were ever known: validation had luck then."""
    knew = any(skill(task, one.train_metric) > KNOWN_SKILL for one in validation.evaluations)
    return at_chance(task, loss) and not knew


def _has_tried(run: RunFacts, task: TaskFacts, loss: LossFacts, validation: ValidationFacts) -> bool:
    """Tell whether the steps were long enough to learn: weights that moved, a loss as low as a constant's."""
    taken = [one.train_loss for one in validation.evaluations if isfinite(one.train_loss)]
    came_down = min([loss.best, *taken]) <= ABOVE_CHANCE * task.baseline_loss
    return came_down and not run.walked < WALKED


def _evenness(task: TaskFacts) -> float:
    """Return the smallest class over what it would have if all had as many, 1 at the most."""
    if not task.smallest_class or not task.classes:
        return 1.0
    return min(task.smallest_class * len(task.classes) / max(task.train_examples, 1), 1.0)


def _at_chance(task: TaskFacts, validation: ValidationFacts) -> bool:
    """Tell whether the evaluations beat guessing by no more than luck."""
    guess = task.baseline_metric
    if task.classes and task.higher_is_better:  # a class that is common in training may be rare in validation
        guess = max(guess, 1 / len(task.classes))
    sign = 1 if task.higher_is_better else -1
    ahead = median(sign * (one.metric - guess) for one in validation.evaluations)
    usual = median(one.standard_error for one in validation.evaluations)
    return ahead <= NOISE_FACTOR * usual and not skill(task, validation.best.metric) > LUCKY_SKILL
