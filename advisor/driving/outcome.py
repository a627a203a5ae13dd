"""How a run ended, as far as its driver is concerned: exit code, the one line, the report."""

import signal
import traceback
from dataclasses import dataclass

from advisor.driving.interrupts import INTERRUPTED, TERMINATED, Interrupts
from advisor.report.schema import Report
from advisor.runs import Run

DONE, MISTAKE, FAILED = 0, 2, 3
"""Exit codes of a run, also of the command that drove it; a stopped one ends with 130 or 143."""

QUIET_CODES = (None, INTERRUPTED, TERMINATED, -signal.SIGTERM, -signal.SIGINT)
"""How a trainer leaves that was asked to before it could speak; nothing: it was not our child."""


@dataclass(frozen=True)
class Outcome:
    """How a run ended."""

    why: str
    """finished, early_stop, stopped, hopeless, mistake or failed."""
    exit_code: int
    text: str = ""
    """The one line that says what a user has to mend, or how the run failed."""
    report: Report | None = None


def exit_code_of(why: str, interrupts: Interrupts) -> int:
    """Return the exit code of a run that ended for this reason."""
    match why:
        case "finished" | "early_stop":
            return interrupts.exit_code if interrupts.heard else DONE
        case "stopped":
            return interrupts.exit_code
        case "mistake":
            return MISTAKE
        case _:
            return FAILED


def try_report(run: Run) -> tuple[Report | None, str]:
    """Write the report; return it, and what went wrong: the training is done and safe whatever becomes of its report."""
    from advisor.report.build import write_report  # loads what only a report needs

    try:
        return write_report(run), ""
    except Exception as failed:  # the border between a run and its onlookers: recorded
        traceback.print_exc()
        return None, f"the report could not be written ({failed}): `advisor report {run.folder}` tries again"
