"""The run waits for its checkpoints.

## What it does
Looks at the share of the wall time that went into writing the newest checkpoints.

## Why it matters
The device stands still while tensors are copied and written.

## What to do
Write them from a copy while the training goes on: the training waits for the copy alone. Where that is on already, write
them less often, or to a faster disk.

## Fix safety
Same mathematics: what lies on disk is the state of its step, whole or not at all. It takes memory of the host for one more
copy, and a share of a core. How much work may be lost in a crash, by writing less often, is yours to say.

## When to ignore it
The machine may be taken away at any time, and the checkpoints are what saves the run.

## References
- Mohan et al., «CheckFreq: Frequent, Fine-Grained DNN Checkpointing», 2021
"""

from rules.facts import KnobFacts, PhaseFacts, RunFacts
from rules.remedies import advice, possible, turned
from rules.vocabulary import Effect, Evidence, Finding, Fix, Severity, rule

SHARE_LIMIT = 0.02
"""Of the wall time (CheckFreq keeps it below 3.5 %)."""

COPIED_GAIN = 0.2
"""Of what checkpoints cost. The copy takes 8 to 22 % of it, but on a processor the steps meanwhile take up to twice as long
(tests/bench/RESULTS.md): less is left to gain there than beside an accelerator, or where a slow disk is what is waited for."""


@rule("RUN102")
def checkpoint_slow(run: RunFacts, phases: PhaseFacts, knobs: KnobFacts) -> Finding | None:
    """Find a run that waits for its checkpoints."""
    share = phases.checkpoint_share
    if not run.warm or share <= SHARE_LIMIT or "async_checkpoints" in knobs.confirmed:
        return None
    behind = Fix(
        name="write checkpoints while the training goes on",
        effect=Effect.SAME_MATHEMATICS,
        turns=turned(async_checkpoints=True),
        improves="time",
        expected=COPIED_GAIN * share,
        estimated_by="the training waits for a copy of the state alone, and shares the cores with the writing",
    )
    return Finding(
        code="RUN102",
        name="checkpoint_slow",
        severity=Severity.INFO,
        message=f"{share:.0%} of the time goes into writing checkpoints",
        evidence=(Evidence(fact="phases.checkpoint_share", value=share, limit=SHARE_LIMIT),),
        causes=("checkpoints come too often", "a slow disk"),
        fixes=(
            *possible(knobs, behind),
            advice(
                "write them less often (train.checkpoint_every), or to a faster disk",
                improves="time",
                expected=share / 2,
                estimated_by="half of the checkpoints, half of their time",
            ),
        ),
    )
