"""The validation examples are not prepared as the training examples are.

## What it does
Compares each evaluation with the loss on a sample of the training examples, taken in the same mode. Speaks where the net
knows the training examples well, and on validation its loss has been over twice that of guessing from the first evaluation
on, and has not come down since. A net that overfits passes guessing on its way; this one never was so near. Guessed is among
all classes alike: where one is rare in training, it may be frequent here.

## Why it matters
Every score is then one of other inputs than the net was made for: the best checkpoint, each trial and the final figure are
chosen by them.

## What to do
Print mean and spread of a training batch and of a validation batch side by side. Give both the same preparation: scaling,
order of columns, tokenizer, channel order.

## Fix safety
Needs a person: the fault is in the code or in the data. Nothing is turned, rolled back or stopped on its account, and no
regulariser is tried against it.

## When to ignore it
The validation split is of another kind on purpose (another year, another sensor). Its loss still says that the net is sure
of what it gets wrong there.

## References
- Breck et al., «Data Validation for Machine Learning», MLSys 2019 (skew between training and serving)
- Rabanser et al., «Failing Loudly: Detecting Dataset Shift», NeurIPS 2019
"""

from math import log

from rules.facts import TaskFacts, ValidationFacts
from rules.learning import LEARNED_SHARE
from rules.remedies import advice
from rules.symptoms import MISJUDGED
from rules.vocabulary import Evidence, Finding, Severity, rule

EVALUATIONS = 2
"""One may have met steps that were too long, or few examples."""
ASTRAY_TIMES = 2.0
"""Times the loss of guessing, at every evaluation so far: nets that overfit begin at .2 to 1.1 of it (fault bench)."""

COMES_DOWN_SHARE = 0.9
"""Of the first validation loss: what falls below that was only far off at first, as weights that were drawn too large are."""
WHOLE_TIMES = 10.0
"""From here on a multiple is told without a decimal."""


@rule("DAT116")
def validation_differs(task: TaskFacts, validation: ValidationFacts) -> Finding | None:
    """Find a validation split that is none of what the net was trained on."""
    last, first = validation.last, validation.evaluations[0]
    least = min(one.loss for one in validation.evaluations)
    if len(validation.evaluations) < EVALUATIONS or not task.baseline_loss > 0:
        return None
    guess = max(task.baseline_loss, log(max(len(task.classes), 1)))
    known = last.train_loss < LEARNED_SHARE * task.baseline_loss
    if not known or not least > max(ASTRAY_TIMES * guess, COMES_DOWN_SHARE * first.loss):
        return None
    times = last.loss / guess
    return Finding(
        code="DAT116",
        name="validation_differs",
        severity=Severity.WARNING,
        message=f"the validation loss is {last.loss:.3g}, {times:.{0 if times >= WHOLE_TIMES else 1}f} times that of guessing, and that of "
        f"training examples {last.train_loss:.2g}: the two are not prepared alike, or not of one kind",
        evidence=(
            Evidence(fact="validation.loss", value=least, limit=ASTRAY_TIMES * guess),
            Evidence(fact="validation.train_loss", value=last.train_loss, limit=LEARNED_SHARE * task.baseline_loss),
        ),
        causes=(
            "a scaling, transform or order of columns that only one of the splits gets",
            "validation examples from elsewhere",
        ),
        explains=(*MISJUDGED, "OPT104", "OPT105"),
        fixes=(advice("print mean and spread of a training and of a validation batch, and prepare both alike"),),
    )
