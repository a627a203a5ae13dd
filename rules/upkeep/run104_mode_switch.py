"""The net is judged as if it were being trained.

## What it does
Before the first step the model is put into evaluation mode and judges one batch twice. Speaks when the two answers differ,
or when dropout or batch norm modules stay in training mode.

## Why it matters
With dropout on, or statistics of the batch, every score is of another and worse net than the one that is delivered, and
changes with whatever else is in the batch: the best checkpoint is chosen by luck.

## What to do
Call `model.eval()` before evaluating, and let a `train` method of your own pass its mode on. In functional form, hand the
mode over: `F.dropout(x, p, training=self.training)`.

## Fix safety
Needs a person: the fault is in the code. Nothing is turned, rolled back or stopped on its account.

## When to ignore it
The model draws random numbers in evaluation on purpose (Monte Carlo dropout, a sampled latent variable).

## References
- PyTorch documentation, «Evaluation Mode (nn.Module.eval)»
- Ioffe and Szegedy, «Batch Normalization», 2015 (statistics of the population in inference)
"""

from rules.facts import ModelFacts
from rules.remedies import advice
from rules.vocabulary import Evidence, Finding, Severity, rule

DIFFERENCE_LIMIT = 1e-3
"""Relative: kernels without a fixed order differ by a millionth; dropout of a hundredth by several per cent."""


@rule("RUN104")
def mode_switch(model: ModelFacts) -> Finding | None:
    """Find a model that does not evaluate."""
    differs = model.evaluation_difference > DIFFERENCE_LIMIT
    if not differs and not model.left_training:
        return None
    stay = f"{model.left_training} dropout or batch norm modules stay in training mode when the net is evaluated"
    apart = f"{model.evaluation_difference:.0%} is the difference of two evaluations of one batch"
    return Finding(
        code="RUN104",
        name="mode_switch",
        severity=Severity.WARNING,
        message=f"{stay if model.left_training else apart}: nothing is turned, the fault is in the code",
        evidence=(
            Evidence(fact="model.left_training", value=model.left_training, limit=0),
            Evidence(fact="model.evaluation_difference", value=model.evaluation_difference, limit=DIFFERENCE_LIMIT),
        )[0 if model.left_training else 1 :],
        causes=(
            "a train() or eval() of the model's own that ignores the mode",
            "dropout in functional form that is not told the mode",
        ),
        explains=("GEN101", "GEN102", "GEN103", "GEN104", "OPT104", "OPT105", "OPT107", "OPT110"),
        fixes=(advice("make the model do in evaluation mode what it is delivered to do (see `model.eval()`)"),),
    )
