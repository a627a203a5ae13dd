"""The loss is not the one that the outputs and targets ask for.

## What it does
Looks which standard loss the task's own is a multiple of, from how it answers to the model's outputs. Names an absolute
error or a plain probability where classes are learned, a softmax over a single unit, a squared error of outputs that
lie far from the 0 and 1 they are held against, and the cross entropy of one class where an example may have several or none.

## Why it matters
The gradient of an absolute error on probabilities nearly vanishes for every example that the net gets wrong, the more so
the more classes there are: such a run stops at a fraction of what cross entropy reaches. A softmax over one unit is 1
whatever the net does: nothing can be learned. A softmax over marks that exclude each other does not let two of them be right, and
cannot say that none is.

## What to do
Classes: `torch.nn.CrossEntropyLoss()` on raw outputs, one for each class. Yes or no with one output,
or several marks: `torch.nn.BCEWithLogitsLoss()`.

## Fix safety
Cross entropy in place of the task's own loss is tried by a fork that is judged by the metric; so is leaving out a softmax
over one unit. Where outputs and targets do not allow it, the task's code needs a person.

## When to ignore it
An absolute error is chosen on purpose against many wrong labels; it then needs a longer run. A squared error on classes
works where the outputs begin near 0 and 1, so it is only mentioned. Marks are meant as draws from one distribution (a
multinomial likelihood, as of recommenders).

## References
- Zhang and Sabuncu, «Generalized Cross Entropy Loss for Training Deep Neural Networks with Noisy Labels», 2018 (why an
  absolute error on classes learns slowly)
- Hui and Belkin, «Evaluation of Neural Architectures Trained with Square Loss vs Cross-Entropy», 2021
"""

from math import isfinite, prod

from rules.facts import KnobFacts, OutputFacts, TaskFacts
from rules.remedies import advice, possible, standard_loss, surgery
from rules.vocabulary import Evidence, Finding, Fix, Severity, rule

FAR_RMS = 3.0
"""Root mean square of outputs that are held against 0 and 1 by a squared error: a net begins below 1, and one that begins
above 3 has an error, and so a gradient, ten times that of guessing."""
WORDS = {
    "absolute": "the mean absolute error of the outputs",
    "absolute_of_softmax": "the mean absolute error of the probabilities",
    "likelihood": "the probability of the right class, without its logarithm",
    "likelihood_of_softmax": "the probability of the right class, without its logarithm",
    "squared": "the squared error of the outputs",
    "squared_of_softmax": "the squared error of the probabilities",
}
"""How the losses are called that do not fit classes."""
SYMPTOMS = (
    "OPT101", "OPT102", "OPT103", "OPT104", "OPT105", "OPT108", "OPT109", "GEN101", "GEN102",
    "GEN103", "ARC101", "ARC103", "ARC104", "DAT101", "DAT102", "DAT112",
)  # fmt: skip


@rule("ARC107")
def loss_does_not_fit(task: TaskFacts, outputs: OutputFacts, knobs: KnobFacts) -> Finding | None:
    """Find a loss that was made for other outputs or other targets."""
    if "softmax" in outputs.behind and prod(outputs.shape) == 1:
        drop = surgery("leave out the softmax behind the last layer", "the output can change", output="none")
        said = "use one sigmoid unit with BCELoss, or one unit for each class with CrossEntropyLoss and no softmax"
        fixes = (advice(said, improves="loss"), *possible(knobs, drop))
        return _finding(
            Severity.ERROR, "1 is the output for every example: a softmax over a single unit", outputs, fixes
        )
    if outputs.loss_kind == "cross_entropy_of_marks":
        each = standard_loss("take binary cross entropy in place of the task's loss", "each mark is learned for itself")
        said = "use loss = torch.nn.BCEWithLogitsLoss() on raw outputs, one for each mark"
        message = f"{prod(outputs.shape)} marks, of which several may be right, share the cross entropy of 1 class"
        return _finding(Severity.WARNING, message, outputs, (advice(said, improves="loss"), *possible(knobs, each)))
    kind, bounded = outputs.loss_kind, isfinite(outputs.reach_low) and isfinite(outputs.reach_high)
    if task.kind != "classification" or kind not in WORDS or (kind == "likelihood" and not bounded):
        return None
    line = advice(_line(outputs, len(task.classes)), improves="loss")
    instead = standard_loss("take cross entropy in place of the task's loss", "its gradient does not vanish")
    fixes = (line, *possible(knobs, instead))
    if not kind.startswith("squared"):
        message = (
            f"{len(task.classes)} classes are learned by {WORDS[kind]}: its gradient nearly vanishes where it is wrong"
        )
        return _finding(Severity.WARNING, message, outputs, fixes)
    far = outputs.rms > FAR_RMS
    message = f"the outputs are of the size {outputs.rms:.2g}, and {WORDS[kind]} holds them against classes as 0 and 1"
    return (
        _finding(Severity.WARNING, message, outputs, fixes)
        if far
        else _finding(Severity.INFO, message, outputs, (line,))
    )


def _finding(severity: Severity, message: str, outputs: OutputFacts, fixes: tuple[Fix, ...]) -> Finding:
    """Return the finding; a squared error explains nothing by itself: rate and initialisation are to blame with it."""
    return Finding(
        code="ARC107",
        name="loss_does_not_fit",
        severity=severity,
        message=message,
        evidence=(
            Evidence(fact="outputs.loss_kind", value=outputs.loss_kind, limit="cross_entropy"),
            Evidence(fact="outputs.rms", value=outputs.rms, limit=FAR_RMS),
        ),
        causes=("a loss that was made for other outputs or other targets",),
        explains=() if outputs.loss_kind.startswith("squared") else SYMPTOMS,
        built_in=True,
        fixes=fixes,
    )


def _line(outputs: OutputFacts, classes: int) -> str:
    if prod(outputs.shape) == 1 and classes == 2:
        return "use loss = torch.nn.BCEWithLogitsLoss() on the raw output, with the classes as floats"
    if outputs.sums_to_one:
        return "use loss = torch.nn.CrossEntropyLoss(), and return raw outputs from the model, without softmax"
    return "use loss = torch.nn.CrossEntropyLoss() on raw outputs, one for each class"
