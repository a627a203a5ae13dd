"""The loss is not the one that the outputs and targets ask for.

## What it does
Looks which standard loss the task's own is a multiple of, from how it answers to the model's outputs. Names an
absolute error or a plain probability where classes are learned, a cross entropy that shares one out where an example
may have several marks or none, a softmax over a single unit, and a squared error of outputs that lie far from the 0
and 1 they are held against.

## Why it matters
The gradient of an absolute error on probabilities nearly vanishes for every example that the net gets wrong, the more so
the more classes there are: such a run stops at a fraction of what cross entropy reaches. A softmax over one unit is 1
whatever the net does: nothing can be learned. Under one cross entropy marks compete: of several right ones each is held
below its share, and an example with none teaches nothing.

## What to do
Classes: `torch.nn.CrossEntropyLoss()` on raw outputs, one for each class. Yes or no with one output:
`torch.nn.BCEWithLogitsLoss()`. Several marks at once: the same, with one output for each.

## Fix safety
The standard loss in place of the task's own is tried by a fork that is judged by the metric; so is leaving out a
softmax over one unit. Where outputs and targets do not allow it, the task's code needs a person.

## When to ignore it
An absolute error is chosen on purpose against many wrong labels; it then needs a longer run. A squared error on classes
works where the outputs begin near 0 and 1, so it is only mentioned. Marks that are only ranked, never held against a
threshold, may share one cross entropy (Mahajan et al. 2018).

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
    if outputs.loss_kind == "cross_entropy_of_several":
        return _shared_out(outputs, knobs)
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


def _shared_out(outputs: OutputFacts, knobs: KnobFacts) -> Finding:
    """Return what is wrong with one cross entropy over marks that do not exclude each other."""
    instead = standard_loss("take binary cross entropy in place of the task's loss", "each mark is learned for itself")
    said = "use loss = torch.nn.BCEWithLogitsLoss() on raw outputs, one for each mark"
    message = (
        f"{prod(outputs.shape)} marks, of which an example may have several or none, are learned by a cross entropy "
        "that shares 1 out among them"
    )
    return _finding(Severity.WARNING, message, outputs, (advice(said, improves="loss"), *possible(knobs, instead)))


def _finding(severity: Severity, message: str, outputs: OutputFacts, fixes: tuple[Fix, ...]) -> Finding:
    """Return the finding; a squared error explains nothing by itself: rate and initialisation are to blame with it."""
    return Finding(
        code="ARC107",
        name="loss_does_not_fit",
        severity=severity,
        message=message,
        evidence=(
            Evidence(fact="outputs.loss_kind", value=outputs.loss_kind, limit=_wanted(outputs)),
            Evidence(fact="outputs.rms", value=outputs.rms, limit=FAR_RMS),
        ),
        causes=("a loss that was made for other outputs or other targets",),
        explains=() if outputs.loss_kind.startswith("squared") else SYMPTOMS,
        built_in=True,
        fixes=fixes,
    )


def _wanted(outputs: OutputFacts) -> str:
    return "binary_cross_entropy" if outputs.loss_kind == "cross_entropy_of_several" else "cross_entropy"


def _line(outputs: OutputFacts, classes: int) -> str:
    if prod(outputs.shape) == 1 and classes == 2:
        return "use loss = torch.nn.BCEWithLogitsLoss() on the raw output, with the classes as floats"
    if outputs.sums_to_one:
        return "use loss = torch.nn.CrossEntropyLoss(), and return raw outputs from the model, without softmax"
    return "use loss = torch.nn.CrossEntropyLoss() on raw outputs, one for each class"
