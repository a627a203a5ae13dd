"""The trainer stands still.

## What it does
Speaks when nothing has been heard of the trainer for twenty times its usual step (and at least ten seconds), while it is
neither in a trial nor paused, and says in which line it stands: the advisor asks the trainer's process for its stack, which
costs nothing before. What is known to take its time, and a trainer that cannot be asked (macOS, or code of the user's own
that has taken the signal), is given five minutes.

## Why it matters
A deadlock, a dead network mount or a socket that nobody answers looks from outside like a long step, for days.

## What to do
Look at the line that is named. In the loader: a lock or a thread taken along by fork (set the worker's start to spawn, open
files in the worker), a file system that does not answer. On the device: a collective that another process did not enter.

## Fix safety
Needs a person. The last checkpoint is on disk; `advisor resume` goes on from it after the trainer was ended.

## When to ignore it
It does what you know to take long, for the first time: a first evaluation, a compilation.

## References
- Python, «faulthandler: Dump the Python traceback»
"""

from rules.facts import StallFacts
from rules.remedies import advice
from rules.vocabulary import Evidence, Finding, Severity, rule
from rules.wording import in_time

TIMES_LIMIT = 20.0
"""Of the usual step (rules.md)."""
SILENT_LIMIT_S = 10.0
"""Seconds: less is a disk that is busy."""


@rule("RUN106")
def stalled(stall: StallFacts) -> Finding | None:
    """Find a trainer that takes no further step."""
    limit_s = max(TIMES_LIMIT * stall.usual_s, SILENT_LIMIT_S)
    if stall.silent_s < limit_s:
        return None
    doing = f"; it {stall.doing}" if stall.doing else ""
    where = f"; it stands in {stall.where}" if stall.where else ""
    return Finding(
        code="RUN106",
        name="stalled",
        severity=Severity.ERROR,
        message=f"{in_time(stall.silent_s)} without a step, {stall.silent_s / max(stall.usual_s, 1e-6):,.0f} times the usual"
        f"{where}{doing}",
        evidence=(Evidence(fact="stall.silent_s", value=stall.silent_s, limit=limit_s),),
        causes=("a lock or a queue that is never released", "a file system or network that does not answer",
                "a process of the same run that did not come along"),
        fixes=(advice(f"look at {stall.where}" if stall.where else "look at the last lines of trainer.log", improves="time"),),
    )  # fmt: skip
