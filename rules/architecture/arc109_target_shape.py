"""Outputs and targets are not held against each other one by one.

## What it does
Asks the loss: does it change when the targets are dealt out to other examples (it must), when all examples get one target
(it must), and when outputs and targets change places together (it must not)? A loss that compares every output with every
target, because [B, 1] was broadcast against [B], does not know which target is whose. Of a loss that is a known one for classes,
counts the outputs too: each is taken for a class there, and in a loss of the task's own it may be anything.

## Why it matters
Such a loss is least when all outputs are the mean of the targets: it falls a little, and the net learns a constant.

## What to do
Give outputs and targets one shape before the loss: `outputs.squeeze(1)` or `targets.unsqueeze(1)`.

## Fix safety
Needs a person: the loss is in the task's code. Nothing that is turned could mend it.

## When to ignore it
The loss does not use the targets on purpose (they are only scored).

## References
- PyTorch, «Broadcasting semantics», and the warning of `torch.nn.MSELoss` on sizes that differ
- Humbatova et al., «Taxonomy of Real Faults in Deep Learning Systems», ICSE 2020 (wrong shape of the output)
"""

from rules.facts import OutputFacts, TaskFacts
from rules.remedies import advice
from rules.vocabulary import Evidence, Finding, Severity, rule

SAME_SHARE = 1e-5
"""Of the loss: float32 adds up a batch to 1e-6, and a loss that knows which target is whose changes by half or more."""
USED_SHARE = 1e-3
"""A loss that changes by more when all targets are one does look at them."""
ALIKE_SHARE = 1e-3
"""Spread between examples over the size of the outputs: where all are alike, rounding hides whose target is whose; a net
that can learn begins with a tenth or more."""
TINY_RMS = 1e-4
"""Size of the outputs: below it the loss is that of guessing to the last digit, whoever owns which target."""
ORDER_SHARE = 0.01
"""Of the loss: adding up in another order changes it by 1e-6."""
SYMPTOMS = (
    "OPT101", "OPT102", "OPT103", "OPT104", "OPT105", "OPT108", "OPT109", "GEN101", "GEN102", "GEN103",
    "ARC101", "ARC103", "DAT102", "DAT112",
)  # fmt: skip


@rule("ARC109")
def target_shape(task: TaskFacts, outputs: OutputFacts) -> Finding | None:
    """Find a loss that does not hold each output against its own target."""
    if outputs.spread <= ALIKE_SHARE * outputs.rms or outputs.rms <= TINY_RMS:
        return None
    used, paired = outputs.target_use_share, outputs.pairing_share
    if paired <= SAME_SHARE and used > USED_SHARE and outputs.order_share <= SAME_SHARE:
        message = (
            f"the loss changes by {paired:.1g} when targets change owners: it compares every output with every target"
        )
        return _finding(Severity.ERROR, message, outputs, _same_shape(outputs))
    if paired <= SAME_SHARE and used <= SAME_SHARE:
        message = f"the loss changes by {used:.1g} when all targets are made one: it does not use them"
        return _finding(Severity.WARNING, message, outputs, "hold the outputs against the targets in the loss")
    if outputs.order_share > ORDER_SHARE:
        message = f"the loss changes by {outputs.order_share:.0%} when outputs and targets change places together"
        said = "look for an index in the loss that is off by one, or rows taken for columns (transpose, reshape)"
        return _finding(Severity.WARNING, message, outputs, said)
    width, classes = (outputs.shape[0] if outputs.shape else 1), len(task.classes)
    if task.kind == "classification" and outputs.loss_kind and 2 <= classes < width:
        message = f"{width} outputs are made for {classes} classes"
        return _finding(Severity.INFO, message, outputs, f"let the last layer have {classes} outputs")
    return None


def _same_shape(outputs: OutputFacts) -> str:
    if outputs.shape == (1,) and not outputs.target_shape:
        return "write loss(outputs.squeeze(1), targets): outputs are [B, 1], targets [B]"
    if outputs.target_shape == (1,) and not outputs.shape:
        return "write loss(outputs, targets.squeeze(1)): outputs are [B], targets [B, 1]"
    return "give outputs and targets one shape where the loss subtracts them: print both shapes there"


def _finding(severity: Severity, message: str, outputs: OutputFacts, said: str) -> Finding:
    return Finding(
        code="ARC109",
        name="target_shape",
        severity=severity,
        message=message,
        evidence=(
            Evidence(fact="outputs.pairing_share", value=outputs.pairing_share, limit=SAME_SHARE),
            Evidence(fact="outputs.target_use_share", value=outputs.target_use_share, limit=USED_SHARE),
            Evidence(fact="outputs.order_share", value=outputs.order_share, limit=ORDER_SHARE),
        ),
        causes=("outputs and targets of different shapes, made to fit by broadcasting",),
        explains=() if severity is Severity.INFO else SYMPTOMS,
        fixes=(advice(said, improves="loss"),),
    )
