"""The machine twin of a run: its ledger as lines of JSON on standard output, each as it is written."""

import select
import sys
from typing import TextIO

from advisor.driving.onlooker import Onlooker
from advisor.ledger import Entry
from trainer.wire import Event

GONE = select.POLLERR | select.POLLHUP | select.POLLNVAL


class LineStream:
    """Lines of JSON, flushed one by one. A reader that goes away ends the stream and nothing else."""

    def __init__(self, out: TextIO | None = None) -> None:
        self._out = out or sys.stdout
        self._open = True

    def write(self, line: str) -> None:
        """Write one line as UTF-8, which JSON is, whatever the terminal speaks; nothing once the reader is gone."""
        if not self._open:
            return
        try:
            self._out.buffer.write(line.encode() + b"\n")
            self._out.flush()
        except (OSError, ValueError):
            self._open = False

    @property
    def has_reader(self) -> bool:
        """Tell whether somebody still reads: a pipe says so at once, without a line being written to it."""
        try:
            file = self._out.fileno()
        except (OSError, ValueError):
            return self._open
        poll = select.poll()
        poll.register(file, 0)
        if any(state & GONE for _, state in poll.poll(0)):
            self._open = False
        return self._open


class Streamed:
    """An onlooker beside another one: what goes into the ledger goes into the stream too."""

    def __init__(self, stream: LineStream, beside: Onlooker) -> None:
        self._stream = stream
        self._beside = beside

    def hear(self, event: Event) -> None:
        """Pass an event on."""
        self._beside.hear(event)

    def enter(self, entry: Entry) -> None:
        """Write an entry into the stream and pass it on."""
        self._stream.write(entry.model_dump_json())
        self._beside.enter(entry)

    def tick(self) -> None:
        """Pass the time on."""
        self._beside.tick()
