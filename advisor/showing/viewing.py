"""A run on the live screen, and how it ended when it was driven by another process."""

import gc
import sys
import time
from typing import TYPE_CHECKING

from advisor.driving.attach import LOOK_EVERY_S, closing
from advisor.driving.lease import HEARTBEAT_S, is_driven
from advisor.runs import Run

if TYPE_CHECKING:
    from advisor.driving.outcome import Outcome
    from advisor.showing.headless import FailOn


def view(run: Run, *, fail_on: "FailOn", readonly: bool = False) -> int:
    """Show a run until the viewer leaves; return the exit code of the run if it has ended by then, else 0.

    Raises:
        Mistake: when the trainer ended because the user has to mend something.
    """
    # The screen comes first: what is needed when it closes is imported then, and it looks for garbage from then on.
    gc.disable()
    from advisor.tui.app import run_ui

    code = run_ui(run, readonly=readonly)
    closed = closing(run)
    if closed is None or is_driven(run):
        from advisor.showing.progress import write_line

        write_line(sys.stdout, _goes_on(run))
        return code
    from advisor.showing.headless import show_outcome

    return show_outcome(run, ended(run, closed.why, closed.exit_code), as_json=False, fail_on=fail_on)


def _goes_on(run: Run) -> str:
    """Return how a run goes on that was not closed; one that nobody drives does not, or not as it should."""
    from advisor.tui import words
    from advisor.tui.care import GONE_S, Care

    care = Care(run, patience_s=GONE_S)
    end = time.monotonic() + GONE_S + HEARTBEAT_S
    care.look()
    while not care.driven and not care.left and time.monotonic() < end:
        time.sleep(LOOK_EVERY_S)
        care.look()
    return care.advice() or f"the run goes on: `advisor watch {words.place(run.folder)}` joins it again"


def ended(run: Run, why: str, exit_code: int) -> "Outcome":
    """Return the outcome of a run that another driver has closed."""
    from advisor.driving.outcome import DONE, Outcome
    from advisor.report.schema import Report

    exits = [entry for entry in run.read_ledger() if entry.kind == "trainer_exited"]
    text = exits[-1].why if exits and exit_code != DONE else ""
    report = Report.model_validate_json(run.report.read_bytes()) if run.report.exists() else None
    return Outcome(why, exit_code, text, report)
