"""A driver of its own for a run that a screen, or nobody, looks at: started here, it outlives whoever started it."""

import subprocess
import sys
import time
from typing import TYPE_CHECKING

from advisor.driving.lease import is_driven
from advisor.ledger import RunClosed
from advisor.mistakes import Mistake
from advisor.runs import Run

if TYPE_CHECKING:  # a screen that looks on comes up without what drives a run
    from advisor.driving.driver import How

START_PATIENCE_S = 20.0
"""A driver takes its lease within a second; on a machine that is busy to the brim it may take ten."""
LOOK_EVERY_S = 0.02


def launch_driver(run: Run, how: "How") -> subprocess.Popen[bytes]:
    """Start a detached driver and return at once."""
    from advisor.driving.supervise import start_detached

    command = [sys.executable, "-P", "-m", "advisor.driving.driver", str(run.folder), "--how", how]
    return start_detached(command, run.driver_log)


def await_driver(run: Run, driver: subprocess.Popen[bytes], how: "How") -> None:
    """Wait until a driver that was launched holds the lease, or has ended because another one does.

    Raises:
        Mistake: when it ends before it does.
    """
    from advisor.driving.supervise import log_tail

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


def start_driver(run: Run, how: "How") -> None:
    """Start a detached driver and wait until it holds the lease.

    Raises:
        Mistake: when it ends before it does.
    """
    await_driver(run, launch_driver(run, how), how)


def closing(run: Run) -> RunClosed | None:
    """Return how a run was closed; nothing for one that is not, or that was taken up again."""
    closed: RunClosed | None = None
    for entry in run.read_ledger():
        if isinstance(entry, RunClosed):
            closed = entry
        elif entry.kind == "driver_started":
            closed = None
    return closed
