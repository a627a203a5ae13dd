"""Viewers of a run that another process drives: the live screen, or progress lines."""

import sys
import time
from collections.abc import Iterator

from advisor.attach import closing
from advisor.headless import FailOn, for_people, show_outcome
from advisor.lease import is_driven
from advisor.ledger import read_entry
from advisor.outcome import DONE, Outcome
from advisor.progress import open_progress, write_line
from advisor.runs import Run
from advisor.story import Story
from advisor.streaming import LineStream
from trainer.journal import JournalReader
from trainer.wire import read_event

FOLLOW_EVERY_S = 0.1
"""Progress lines come once a second; ten looks a second keep them fresh."""


def view(run: Run, *, fail_on: FailOn, readonly: bool = False) -> int:
    """Show a run until the viewer leaves; return the exit code of the run if it has ended by then, else 0.

    Raises:
        Mistake: when the trainer ended because the user has to mend something.
    """
    from advisor.tui.app import run_ui

    code = run_ui(run, readonly=readonly)
    closed = closing(run)
    if closed is None or is_driven(run):
        write_line(sys.stdout, f"the run goes on: `advisor watch {run.folder}` joins it again")
        return code
    return show_outcome(run, ended(run, closed.why, closed.exit_code), as_json=False, fail_on=fail_on)


def ended(run: Run, why: str, exit_code: int) -> Outcome:
    """Return the outcome of a run that another driver has closed."""
    from advisor.report.schema import Report

    exits = [entry for entry in run.read_ledger() if entry.kind == "trainer_exited"]
    text = exits[-1].why if exits and exit_code != DONE else ""
    report = Report.model_validate_json(run.report.read_bytes()) if run.report.exists() else None
    return Outcome(why, exit_code, text, report)


def follow(run: Run, stream: LineStream | None = None) -> bool:
    """Print the progress of a run that another process drives; return whether it has ended, not the viewer left.

    A Ctrl-C leaves the viewer, never the run; so does whoever stops reading the stream.

    Args:
        run: The run.
        stream: Where the ledger goes as lines of JSON, from its first entry on; the progress then goes to standard error.
    """
    events, ledger = JournalReader(run.events), JournalReader(run.ledger)
    story = Story()
    for line in _read_all(events):
        if (event := read_event(line)) is not None:
            story.hear(event)
    for line in _read_all(ledger):
        if stream is not None:
            stream.write(line)
        if (entry := read_entry(line)) is not None:
            story.enter(entry)
    progress = open_progress(story, for_people(stream is not None))
    try:
        while stream is None or stream.has_reader:
            driven = is_driven(run)
            for line in events.read():
                if (event := read_event(line)) is not None:
                    progress.hear(event)
            for line in ledger.read():
                if stream is not None:
                    stream.write(line)
                if (entry := read_entry(line)) is not None:
                    progress.enter(entry)
            progress.tick()
            if not driven:
                return True
            time.sleep(FOLLOW_EVERY_S)
        return False
    except KeyboardInterrupt:
        return False
    finally:
        progress.close()


def _read_all(reader: JournalReader) -> Iterator[str]:
    while lines := reader.read():
        yield from lines
