"""The loader's workers cost more than they save.

## What it does
Looks for a loop with workers that waits longer for a batch than fetching it in the trainer itself would take.

## Why it matters
Each batch is packed, sent between processes and unpacked; for small items that is more work than making them, and
the workers take cores from the step.

## What to do
Fetch in the trainer (workers 0).

## Fix safety
Same mathematics: the batches are the same and come in the same order. Rounds with and without decide.

## When to ignore it
The wait comes from another load on the machine that will go away.

## References
- torch.utils.data, «Single- and Multi-process Data Loading»
"""

from rules.facts import KnobFacts, LoaderFacts, RunFacts
from rules.remedies import possible, turned
from rules.stalls import WORTH_S
from rules.vocabulary import Effect, Evidence, Finding, Fix, Severity, rule

WAIT_OVER_FETCH = 1.2
"""Wait over fetching time: with workers that help, the wait is a fraction of the fetch."""
GAIN_LIMIT = 0.02
"""Of a step: what rounds can show."""


@rule("INP102")
def workers_hurt(run: RunFacts, loader: LoaderFacts, knobs: KnobFacts) -> Finding | None:
    """Find workers that slow the loop down."""
    if not run.warm or loader.workers == 0 or not loader.wait_s > WAIT_OVER_FETCH * loader.fetch_s:
        return None
    saved_s = loader.wait_s - loader.fetch_s
    gain = loader.wait_share * saved_s / loader.wait_s
    if gain < GAIN_LIMIT or saved_s * run.steps_left < WORTH_S:
        return None
    fix = Fix(
        name="fetch in the trainer (workers 0)",
        effect=Effect.SAME_MATHEMATICS,
        turns=turned(workers=0),
        improves="step_s",
        expected=gain,
        estimated_by="the wait less the time that fetching in the trainer takes",
    )
    return Finding(
        code="INP102",
        name="workers_hurt",
        severity=Severity.INFO,
        message=f"a batch from {loader.workers} workers is waited for {loader.wait_s * 1000:.1f} ms; fetched in the trainer it would "
        f"take {loader.fetch_s * 1000:.1f} ms ({saved_s * run.steps_left:.0f} s of what is left)",
        evidence=(
            Evidence(fact="loader.wait_s", value=loader.wait_s, limit=WAIT_OVER_FETCH * loader.fetch_s),
            Evidence(fact="loader.workers", value=loader.workers, limit=0),
        ),
        causes=("items so small that sending them costs more than making them", "more processes than cores"),
        explains=("INP101",),
        fixes=possible(knobs, fix),
    )
