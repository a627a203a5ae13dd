"""A run without a screen: its driver runs in this process, its progress goes to standard output."""

import json
import sys
from typing import Literal

from rich.console import Console

from advisor.driver import How, drive
from advisor.interrupts import Interrupts
from advisor.mistakes import Mistake
from advisor.outcome import DONE, FAILED, MISTAKE, Outcome
from advisor.progress import open_progress, write_line
from advisor.report.schema import Report
from advisor.runs import Run
from advisor.story import Story

FOUND = 1
"""Exit code of a run that is done but has findings at or above `--fail-on`."""

FailOn = Literal["info", "warning", "error", "never"]
LEVELS = ("none", "info", "warning", "error")


def drive_headless(run: Run, how: How, *, as_json: bool, fail_on: FailOn, story: Story | None = None) -> int:
    """Drive a run to its end with progress on standard output; return the exit code.

    Raises:
        Mistake: when the trainer ended because the user has to mend something.
        LeaseHeld: when the run has a driver.
    """
    interrupts = Interrupts()
    interrupts.listen()
    progress = open_progress(story)
    try:
        outcome = drive(run, how, progress, interrupts)
    finally:
        progress.close()
    return show_outcome(run, outcome, as_json=as_json, fail_on=fail_on)


def show_outcome(run: Run, outcome: Outcome, *, as_json: bool, fail_on: FailOn) -> int:
    """Show how a run ended; return the exit code.

    Raises:
        Mistake: when the trainer ended because the user has to mend something.
    """
    if outcome.report is not None:
        show_report(run, outcome.report)
    if outcome.exit_code == MISTAKE:
        raise Mistake(outcome.text or f"the trainer could not begin: see {run.trainer_log}")
    if outcome.exit_code == FAILED:
        print(f"advisor: the run failed: {outcome.text or 'no word'} (see {run.trainer_log})", file=sys.stderr)
    if as_json:
        write_line(sys.stdout, paths(run))
    if outcome.exit_code == DONE and outcome.report is not None and reaches(outcome.report.level, fail_on):
        return FOUND
    return outcome.exit_code


def show_report(run: Run, report: Report) -> None:
    """Print the report's first page and where the whole of it lies."""
    from advisor.report.page import first_page

    console = Console()
    with console.capture() as page:
        console.print()
        console.print(first_page(report))
        console.print(f"\nreport  {run.report.with_suffix('.html')}", soft_wrap=True, highlight=False)
    write_line(sys.stdout, page.get().rstrip("\n"))


def paths(run: Run) -> str:
    """Return the one JSON object that `--json` ends with."""
    return json.dumps({"run": str(run.folder), "report": str(run.report)})


def reaches(level: str, fail_on: FailOn) -> bool:
    """Tell whether the worst finding that stands is at or above the level to fail on."""
    return fail_on != "never" and LEVELS.index(level) >= LEVELS.index(fail_on)
