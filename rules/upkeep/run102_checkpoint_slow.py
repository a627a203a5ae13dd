"""The run waits for its checkpoints.

## What it does
Looks at the share of the wall time that went into writing checkpoints.

## Why it matters
The device stands still while tensors are copied and written.

## What to do
Write them less often, or to a faster disk.

## Fix safety
Needs a person: how much work may be lost in a crash is yours to say.

## When to ignore it
The machine may be taken away at any time, and the checkpoints are what saves the run.

## References
- Mohan et al., «CheckFreq: Frequent, Fine-Grained DNN Checkpointing», 2021
"""

from rules.facts import PhaseFacts, RunFacts
from rules.remedies import advice
from rules.vocabulary import Evidence, Finding, Severity, rule

SHARE_LIMIT = 0.02
"""Of the wall time (CheckFreq keeps it below 3.5 %)."""


@rule("RUN102")
def checkpoint_slow(run: RunFacts, phases: PhaseFacts) -> Finding | None:
    """Find a run that waits for its checkpoints."""
    share = phases.checkpoint_share
    if not run.warm or share <= SHARE_LIMIT:
        return None
    return Finding(
        code="RUN102",
        name="checkpoint_slow",
        severity=Severity.INFO,
        message=f"{share:.0%} of the time goes into writing checkpoints",
        evidence=(Evidence(fact="phases.checkpoint_share", value=share, limit=SHARE_LIMIT),),
        causes=("checkpoints come too often", "a slow disk"),
        fixes=(
            advice(
                "write them less often (train.checkpoint_every), or to a faster disk",
                improves="time",
                expected=share / 2,
                estimated_by="half of the checkpoints, half of their time",
            ),
        ),
    )
