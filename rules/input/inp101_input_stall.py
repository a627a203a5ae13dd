"""The input pipeline starves the device.

## What it does
Looks for a loop that spends more than a tenth of each step waiting for its next batch, and in sum more than a second
over what is left of the run. Steps on a batch that lies there already (probe cached_batch) tell the ceiling: what the
same step would take without the wait.

## Why it matters
Waiting is the one cost of a step that buys no learning at all.

## What to do
Keep the decoded items in memory when they fit into a quarter of what is free; else give the loader more workers, up
to the cores that are idle; else let the workers run further ahead. Where the cause is known (INP102 to INP108), that
finding's own answer comes first.

## Fix safety
Same mathematics: the batches are the same and come in the same order. Rounds with and without decide.

## When to ignore it
The disk or network is itself at its limit; more workers then only queue.

## References
- torch.utils.data, «Single- and Multi-process Data Loading»
- Mohan et al., «Analyzing and Mitigating Data Stalls in DNN Training», 2021
"""

from math import isfinite

from rules.facts import HostFacts, KnobFacts, LoaderFacts, PhaseFacts, ProbeFacts, RunFacts
from rules.remedies import advice, possible
from rules.stalls import (
    busy_s,
    cost,
    keep_items,
    look_further_ahead,
    more_workers,
    severity,
    stalled,
    wait_evidence,
)
from rules.vocabulary import Evidence, Finding, rule

CEILING_PAYS_STEPS = 2500
"""Steps left: of fewer, the 23 of the ceiling's probe would be more than a hundredth."""


@rule("INP101")
def input_stall(
    run: RunFacts, phases: PhaseFacts, loader: LoaderFacts, host: HostFacts, knobs: KnobFacts, probes: ProbeFacts
) -> Finding | None:
    """Find a loop that waits for its data."""
    if not stalled(run, loader):
        return None
    ceiling_s = probes.cached_step_s
    known = isfinite(ceiling_s) and ceiling_s > 0
    told = f"; on a batch that is there a step takes {ceiling_s * 1000:.1f} ms" if known else ""
    ceiling = (Evidence(fact="probes.cached_step_s", value=ceiling_s, limit=phases.step_s),) if known else ()
    return Finding(
        code="INP101",
        name="input_stall",
        severity=severity(run, loader),
        message=f"{loader.wait_share:.0%} of each step is spent waiting for data ({cost(run, loader)}){told}",
        evidence=(
            wait_evidence(loader),
            Evidence(fact="loader.fetch_s", value=loader.fetch_s, limit=busy_s(loader)),
            Evidence(fact="host.idle_cores", value=host.idle_cores, limit=1),
            *ceiling,
        ),
        causes=("items are decoded anew in every epoch", "too few workers", "a slow disk or network"),
        probes=("fetched_batch", *(("cached_batch",) if run.steps_left >= CEILING_PAYS_STEPS else ())),
        explains=("DEV103",),
        fixes=(
            *possible(knobs, *keep_items(loader, host), *more_workers(loader, host), *look_further_ahead(loader, host)),
            advice(
                "make the items cheaper: decode once, store smaller files, transform whole batches",
                improves="step_s",
                expected=1 - min(ceiling_s / phases.step_s, 1.0) if known else loader.wait_share,
                estimated_by="without the wait a step is shorter by its share",
            ),
        ),
    )
