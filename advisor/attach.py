"""A driver of its own for a run that a screen, or nobody, looks at: started here, it outlives whoever started it."""

import sys
import time

from advisor.driver import How
from advisor.lease import is_driven
from advisor.ledger import RunClosed
from advisor.mistakes import Mistake
from advisor.runs import Run
from advisor.supervise import log_tail, start_detached

START_PATIENCE_S = 20.0
"""A driver takes its lease within a second; on a machine that is busy to the brim it may take ten."""
LOOK_EVERY_S = 0.02


def start_driver(run: Run, how: How) -> None:
    """Start a detached driver and wait until it holds the lease.

    Raises:
        Mistake: when it ends before it does.
    """
    command = [sys.executable, "-P", "-m", "advisor.driver", str(run.folder), "--how", how]
    driver = start_detached(command, run.driver_log)
    deadline = time.monotonic() + START_PATIENCE_S
    while not is_driven(run):
        if driver.poll() is not None:
            if driver.returncode == 0 or how == "join":
                return
            last = log_tail(run.driver_log)
            text = last[-1].removeprefix("advisor: ") if last else f"exit code {driver.returncode}"
            raise Mistake(f"the driver did not start: {text} (see {run.driver_log})")
        if time.monotonic() > deadline:
            raise Mistake(f"the driver has not started within {START_PATIENCE_S:.0f} s: see {run.driver_log}")
        time.sleep(LOOK_EVERY_S)


def closing(run: Run) -> RunClosed | None:
    """Return how a run was closed; nothing for one that is not, or that was taken up again."""
    closed: RunClosed | None = None
    for entry in run.read_ledger():
        if isinstance(entry, RunClosed):
            closed = entry
        elif entry.kind == "driver_started":
            closed = None
    return closed
