"""Merges a run's files into one stream in the order of time, however far behind the reader is."""

from collections import deque
from collections.abc import Callable
from pathlib import Path

from advisor.ledger import Entry, read_entry
from advisor.runs import Run
from advisor.sensors.sample import Sample, read_sample
from trainer.journal import JournalReader
from trainer.wire import Event, read_event
from trainer.words import EventWord

Record = Event | Entry | Sample
"""What a line of a run's files can be."""

CHUNK_BYTES = 1 << 18
"""A quarter of a megabyte is a few thousand records: parsing them takes a fraction of a second and little memory."""


def as_event(record: Record) -> Event | None:
    """Return the record as an event of the trainer; nothing when it is something else."""
    return record if isinstance(record, EventWord) else None


class Source:
    """One file of records; it looks one chunk ahead and no further."""

    def __init__(self, path: Path, read: Callable[[str], Record | None]) -> None:
        self._journal = JournalReader(path)
        self._read = read
        self._lines: deque[str] = deque()
        self._head: Record | None = None
        self._dry = False

    def wake(self) -> None:
        """Let the file be looked at again: it may have grown."""
        self._dry = False

    def head(self) -> Record | None:
        """Return the next record without taking it; nothing when there is none now."""
        while self._head is None:
            if not self._lines:
                if self._dry:
                    return None
                self._lines.extend(self._journal.read(CHUNK_BYTES))
                self._dry = not self._lines
                if self._dry:
                    return None
            self._head = self._read(self._lines.popleft())
        return self._head

    def take(self) -> None:
        """Go on to the next record."""
        self._head = None


class Stream:
    """The events, ledger entries and samples of a run as one stream."""

    def __init__(self, run: Run) -> None:
        self._sources = (
            Source(run.events, read_event),
            Source(run.ledger, read_entry),
            Source(run.samples, read_sample),
        )

    def wake(self) -> None:
        """Begin a new look at the files."""
        for source in self._sources:
            source.wake()

    def next_t(self) -> float | None:
        """Return when the next record was written (Unix time), without taking it; nothing when there is none now."""
        return min((head.t for source in self._sources if (head := source.head()) is not None), default=None)

    def next(self, until_t: float = float("inf")) -> Record | None:
        """Take the oldest record that is there and not younger than `until_t` (Unix time); nothing when there is none."""
        oldest: tuple[Source, Record] | None = None
        for source in self._sources:
            head = source.head()
            if head is not None and (oldest is None or head.t < oldest[1].t):
                oldest = (source, head)
        if oldest is None or oldest[1].t > until_t:
            return None
        oldest[0].take()
        return oldest[1]


class Tail:
    """The end of a text file: its last lines first, then what is added. Memory is bounded."""

    FIRST_BYTES = 1 << 16
    """What is read of a log at first: some hundred lines, whatever its size."""

    def __init__(self, path: Path, limit_lines: int = 5000) -> None:
        size = path.stat().st_size if path.exists() else 0
        self._journal = JournalReader(path, max(0, size - self.FIRST_BYTES))
        self._torn = size > self.FIRST_BYTES
        self.lines: deque[str] = deque(maxlen=limit_lines)
        self.count = 0
        """Lines read so far, those forgotten among them."""

    def read(self) -> None:
        """Take in what has been added."""
        while fresh := self._journal.read(CHUNK_BYTES):
            if self._torn:
                fresh, self._torn = fresh[1:], False
            self.lines.extend(fresh)
            self.count += len(fresh)


def last_t(path: Path) -> float:
    """Return the Unix time of the last event of a file; 0 when there is none."""
    tail = Tail(path)
    tail.read()
    for line in reversed(tail.lines):
        if (event := read_event(line)) is not None:
            return event.t
    return 0.0


def first_t(path: Path) -> float:
    """Return the Unix time of the first event of a file; 0 when there is none."""
    for line in JournalReader(path).read(1 << 14):
        if (event := read_event(line)) is not None:
            return event.t
    return 0.0
