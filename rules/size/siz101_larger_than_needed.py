"""The finished model is larger than its task needs.

## What it does
Looks, when the training is over, at a model that beats a constant predictor and has enough weights that it pays to
store them smaller.

## Why it matters
Most weights of a trained net can go, or be kept in eight bits, without a change that a test would show. What is
left is quicker to load, to send and, on many devices, to run.

## What to do
Compress a copy: eight-bit integers, or pruning of the least weights. The original stays.

## Fix safety
Free: the copy is scored beside the original and kept only if the metric falls by no more than one per cent and the
file is smaller. Whether it is faster is measured and said; fewer weights are not always fewer seconds.

## When to ignore it
The model is going to be trained further; compress at the end.

## References
- Han et al., «Deep Compression», 2016
- Jacob et al., «Quantization and Training of Neural Networks for Efficient Integer-Arithmetic-Only Inference», 2018
"""

from rules.facts import ModelFacts, RunFacts, TaskFacts, ValidationFacts
from rules.learning import skill
from rules.vocabulary import Deed, Effect, Evidence, Finding, Fix, Guard, Severity, rule

PARAMETERS_LIMIT = 2_000
"""A smaller model (8 kB) is mostly names and headers."""
SKILL_LIMIT = 0.1
"""On the way from a constant predictor to perfection: a model that learned nothing is not worth compressing."""
LOSS_LIMIT = 0.01
"""Relative loss of the metric that compression may cost."""
INT8_GAIN = 0.7
"""Of the bytes: one byte for four, less scales and what stays in full precision."""
PRUNE_GAIN = 0.4
"""Of the bytes: a third of the weights of a trained net or more, and half of the bits of the rest, less the list of their places."""


@rule("SIZ101")
def larger_than_needed(
    run: RunFacts, task: TaskFacts, model: ModelFacts, validation: ValidationFacts
) -> Finding | None:
    """Find a finished model that could be stored much smaller."""
    learned = skill(task, validation.best.metric)
    if not run.finished or model.parameters < PARAMETERS_LIMIT or not learned >= SKILL_LIMIT:
        return None
    return Finding(
        code="SIZ101",
        name="larger_than_needed",
        severity=Severity.INFO,
        message=f"{model.parameters:,} weights of 4 bytes were trained on {task.train_examples:,} examples",
        evidence=(
            Evidence(fact="model.parameters", value=model.parameters, limit=PARAMETERS_LIMIT),
            Evidence(fact="validation.best", value=validation.best.metric, limit=task.baseline_metric),
        ),
        fixes=(
            _compress("int8", "store the weights in eight bits", INT8_GAIN, "one byte for four"),
            _compress(
                "prune",
                "prune the least weights",
                PRUNE_GAIN,
                "a third of the weights and half of the bits of the rest, less their places",
            ),
        ),
    )


def _compress(method: str, name: str, gain: float, why: str) -> Fix:
    return Fix(
        name=name,
        effect=Effect.FREE,
        deed=Deed.COMPRESS,
        improves="bytes",
        guards=(Guard(metric="metric", tolerance=LOSS_LIMIT, unit="relative"),),
        expected=gain,
        estimated_by=why,
        method=method,
    )
