"""Progress lines of a run that another process drives."""

import time
from collections.abc import Iterator

from advisor.driving.lease import is_driven
from advisor.ledger import read_entry
from advisor.runs import Run
from advisor.showing.headless import for_people
from advisor.showing.progress import open_progress
from advisor.showing.streaming import LineStream
from advisor.story.story import Story
from trainer.journal import JournalReader
from trainer.wire import read_event

FOLLOW_EVERY_S = 0.1
"""Progress lines come once a second; ten looks a second keep them fresh."""


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
