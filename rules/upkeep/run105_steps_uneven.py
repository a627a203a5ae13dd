"""Some steps take far longer than the others.

## What it does
Counts the steps over three spreads beyond the usual one and over twice it, and what each of them met: Python's garbage
collector, an evaluation or a checkpoint just before, a wait for input, a thread that did not run, or more work in the step.
Speaks when there were more than ten, they cost a twentieth of the time, and each of them some milliseconds.

## Why it matters
What comes now and then is missed by every mean; and in a run on several devices all wait for the one that is late.

## What to do
Collector: fewer objects that live long (arrays in place of lists of lists), or `gc.freeze()` after the data are read. Input:
more batches ahead, and look at the items that take longest. Waiting: another program on the same cores or disk. Work: inputs
of very different lengths belong into buckets.

## Fix safety
Needs a person: what is to be changed lies in the code, or outside the run.

## When to ignore it
The machine is shared, and the time is not yours to have.

## References
- Dean and Barroso, «The Tail at Scale», 2013
"""

from rules.facts import PaceFacts, RunFacts
from rules.remedies import advice
from rules.vocabulary import Evidence, Finding, Severity, rule

SLOW_LIMIT = 10
"""Steps (rules.md): fewer are chance."""
SHARE_LIMIT = 0.05
"""Of the wall time: less is not worth anyone's attention."""
GREAT_SHARE = 0.2
"""Of the wall time: worth a word however little each of them takes."""
EXCESS_LIMIT_S = 0.005
"""Of a slow step: less is what the scheduler deals in (a slice is 3 ms), and what a loader that gathers some small batches at
a time gives back at the next ones. A loop of half a millisecond a step that nothing was wrong with had 7 % of its time so."""
OF_THE_SYSTEM = "waiting"
"""What a step met whose thread did not run."""

MET: dict[str, tuple[str, str]] = {
    "collection": (
        "Python's garbage collector",
        "keep fewer objects alive (arrays, not lists of lists), or call gc.freeze() once the data are read",
    ),
    "input": (
        "a wait for input",
        "let workers prepare more batches ahead (train.prefetch), and look at the slowest items",
    ),
    "evaluation": (
        "an evaluation just before",
        "evaluate less often, or let the evaluation leave its caches as they were",
    ),
    "checkpoint": ("a checkpoint just before", "write checkpoints less often, or to another disk than the data's"),
    "waiting": ("a thread that did not run", "look for other programs on the same cores or disk (top, iotop)"),
    "work": ("more to do in the step itself", "put inputs of like lengths into one batch"),
}
"""Name in words and what to do, of each."""


@rule("RUN105", nursery=True)
def steps_uneven(run: RunFacts, pace: PaceFacts) -> Finding | None:
    """Find a run whose steps are now and then far longer."""
    if not run.warm or pace.slow <= SLOW_LIMIT or pace.excess_share < SHARE_LIMIT:
        return None
    if pace.excess_s < EXCESS_LIMIT_S and pace.excess_share < GREAT_SHARE:
        return None
    first = next(iter(pace.met), OF_THE_SYSTEM)
    met, answer = MET.get(first, MET[OF_THE_SYSTEM])
    share = pace.met.get(first, 0) / max(pace.slow, 1)
    return Finding(
        code="RUN105",
        name="steps_uneven",
        severity=Severity.INFO,
        message=f"{pace.slow} of {pace.steps} steps took over twice the usual time, {pace.excess_share:.0%} of all; "
        f"{share:.0%} of them met {met}",
        evidence=(
            Evidence(fact="pace.slow", value=pace.slow, limit=SLOW_LIMIT),
            Evidence(fact="pace.excess_share", value=pace.excess_share, limit=SHARE_LIMIT),
            Evidence(fact="pace.excess_s", value=pace.excess_s, limit=EXCESS_LIMIT_S),
        ),
        causes=tuple(f"{MET.get(name, MET[OF_THE_SYSTEM])[0]} ({count} of them)" for name, count in pace.met.items()),
        fixes=(
            advice(
                answer,
                improves="time",
                expected=pace.excess_share * share,
                estimated_by="all that these steps took beyond the usual",
            ),
        ),
    )
