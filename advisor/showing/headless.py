"""A run without a screen: its driver runs in this process, its progress goes to standard output.

With `--json` standard output belongs to the machine that reads it, and everything for people goes to standard error.
"""

import json
import sys
from typing import TYPE_CHECKING, Literal, TextIO

from rich.console import Console

from advisor.driving.interrupts import Interrupts
from advisor.driving.outcome import DONE, FAILED, MISTAKE, Outcome
from advisor.mistakes import Mistake
from advisor.report.schema import Report
from advisor.runs import Run
from advisor.showing.harmless import Harmless, harmless
from advisor.showing.progress import open_progress, write_line
from advisor.showing.streaming import LineStream, Streamed
from advisor.story.story import Story

if TYPE_CHECKING:  # what shows how a run ended does without what drives it
    from advisor.driving.driver import How

FOUND = 1
"""Exit code of a run that is done but has findings at or above `--fail-on`."""

FailOn = Literal["info", "warning", "error", "never"]
LEVELS = ("none", "info", "warning", "error")


def drive_headless(run: Run, how: "How", *, as_json: bool, fail_on: FailOn, story: Story | None = None) -> int:
    """Drive a run to its end with progress on standard output; return the exit code.

    Args:
        run: The run.
        how: Whether its trainer is started, taken up again or there already.
        as_json: Write the ledger to standard output as lines of JSON, the paths last; the progress to standard error.
        fail_on: From which severity on a finding that stands makes the exit code 1.
        story: What is known of the run already.

    Raises:
        Mistake: when the trainer ended because the user has to mend something.
        LeaseHeld: when the run has a driver.
    """
    from advisor.driving.driver import drive

    interrupts = Interrupts()
    interrupts.listen()
    progress = open_progress(story, for_people(as_json))
    onlooker = Streamed(LineStream(), progress) if as_json else progress
    try:
        outcome = drive(run, how, onlooker, interrupts)
    finally:
        progress.close()
    return show_outcome(run, outcome, as_json=as_json, fail_on=fail_on)


def show_outcome(run: Run, outcome: Outcome, *, as_json: bool, fail_on: FailOn) -> int:
    """Show how a run ended; return the exit code.

    Raises:
        Mistake: when the trainer ended because the user has to mend something.
    """
    if outcome.report is not None:
        show_report(run, outcome.report, for_people(as_json))
    if outcome.exit_code == MISTAKE:
        raise Mistake(outcome.text or f"the trainer could not begin: see {run.trainer_log}")
    if outcome.exit_code == FAILED:
        print(f"advisor: the run failed: {outcome.text or 'no word'} (see {run.trainer_log})", file=sys.stderr)
    if as_json:
        LineStream().write(paths(run))
    if outcome.exit_code == DONE and outcome.report is not None and reaches(outcome.report.level, fail_on):
        return FOUND
    return outcome.exit_code


def for_people(as_json: bool) -> TextIO:
    """Return where text for people goes: standard error where standard output is read by a machine."""
    return sys.stderr if as_json else sys.stdout


def show_report(run: Run, report: Report, out: TextIO | None = None) -> None:
    """Print the report's first page and where the whole of it lies, on standard output if nothing else is said."""
    from advisor.report.page import first_page

    out = out or sys.stdout
    console = Console(file=out)
    with console.capture() as page:
        console.print()
        console.print(Harmless(first_page(report)))
        place = harmless(str(run.report.with_suffix(".html")))
        console.print(f"\nreport  {place}", soft_wrap=True, highlight=False, markup=False)
    write_line(out, "\n".join(line.rstrip() for line in page.get().rstrip("\n").split("\n")))


def paths(run: Run) -> str:
    """Return the one JSON object that `--json` ends with."""
    return json.dumps({"run": str(run.folder), "report": str(run.report)})


def reaches(level: str, fail_on: FailOn) -> bool:
    """Tell whether the worst finding that stands is at or above the level to fail on."""
    return fail_on != "never" and LEVELS.index(level) >= LEVELS.index(fail_on)
