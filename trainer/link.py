"""The link between a training loop and whoever watches it: the only file here that touches the run directory.

Any loop can use it: `say` events, `heard` commands at step boundaries. It never raises into the loop and never waits
unless it is asked to.
"""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from trainer.commands import Answer, Command
from trainer.journal import JournalReader, JournalWriter, is_held
from trainer.wire import Event, Told, WireError, read_command, write

POLL_S = 0.02
"""Looking for commands more often than this buys nothing that a person feels; a look costs 5 to 20 µs in a loop that has
other things in its caches."""

WAIT_POLL_S = 0.001
"""While the loop stands and waits for an answer."""


class Link(Protocol):
    """What a training loop says and hears."""

    @property
    def dropped(self) -> int:
        """Events that could not be written."""
        ...

    @property
    def own_process(self) -> bool:
        """Whether the trainer has a process of its own, so that another one can take its place."""
        ...

    def say(self, event: Event) -> None:
        """Let an event be known."""
        ...

    def heard(self) -> list[Command]:
        """Return the commands that have come since the last call, in order; at once."""
        ...

    def attached(self) -> bool:
        """Tell whether a driver is there to answer."""
        ...

    def wait_until_heard(self, seconds: float) -> bool:
        """Wait until the driver has heard all that was said, at most so long, and only while one is attached.

        Returns:
            Whether it has.
        """
        ...


class FileLink:
    """The link of a trainer in its own process: events and commands are lines in the run directory."""

    own_process = True

    def __init__(self, folder: Path, heard_bytes: int | None = None) -> None:
        """Open the link.

        Args:
            folder: The run's.
            heard_bytes: How far the commands were heard by a process that this one goes on from; left out: all that are
                there are another trainer's.
        """
        self._events = JournalWriter(folder / "events.jsonl")
        self._control = JournalReader(folder / "control.jsonl", heard_bytes or 0)
        if heard_bytes is None:
            self._control.skip_to_end()
        self._lease = folder / "driver.lease"
        self._waiting: list[Command] = []
        self._looked_at = 0.0
        self._said = count_lines(folder / "events.jsonl")
        self._answered = 0

    @property
    def heard_bytes(self) -> int:
        """How far the commands have been read."""
        return self._control.offset

    @property
    def dropped(self) -> int:
        """Events that a full disk has cost."""
        return self._events.dropped

    def say(self, event: Event) -> None:
        """Append the event, with the time."""
        if self._events.append(write(event.model_copy(update={"t": time.time()}))):
            self._said += 1

    def heard(self) -> list[Command]:
        """Return new commands; the file is looked at every 20 ms at most."""
        now = time.perf_counter()
        if not self._waiting and now - self._looked_at < POLL_S:
            return []
        self._look(now)
        commands, self._waiting = self._waiting, []
        return commands

    def attached(self) -> bool:
        """Tell whether some process holds the driver's lease."""
        return is_held(self._lease)

    def wait_until_heard(self, seconds: float) -> bool:
        """Wait for an answer that covers the last event; commands that come meanwhile are kept for `heard`."""
        start = time.perf_counter()
        checked = start
        while self._answered < self._said:
            now = time.perf_counter()
            if now - start >= seconds:
                return False
            if now - checked >= 0.25 or checked == start:
                if not self.attached():
                    return False
                checked = now
            self._look(now)
            if self._answered < self._said:
                time.sleep(WAIT_POLL_S)
        return True

    def _look(self, now: float) -> None:
        self._looked_at = now
        for line in self._control.read():
            try:
                command = read_command(line)
            except WireError as wrong:
                self.say(Told(level="warning", text=f"a command was not understood: {wrong}"))
                continue
            if isinstance(command, Answer):
                self._answered = max(self._answered, command.heard)
            else:
                self._waiting.append(command)


class MemoryLink:
    """The link of a trainer that shares its process with the driver: every event is answered on the spot."""

    dropped = 0
    own_process = False

    def __init__(self, hear: Callable[[Event], list[Command]]) -> None:
        self._hear = hear
        self._waiting: list[Command] = []

    def say(self, event: Event) -> None:
        """Hand the event over and keep the commands that it brings."""
        self._waiting += self._hear(event.model_copy(update={"t": time.time()}))

    def heard(self) -> list[Command]:
        """Return the commands that the events so far have brought."""
        commands, self._waiting = self._waiting, []
        return commands

    def attached(self) -> bool:
        """Tell that the driver is there: it is in this process."""
        return True

    def wait_until_heard(self, seconds: float) -> bool:  # noqa: ARG002 – every link has it
        """Return at once: what was said was heard."""
        return True


def count_lines(path: Path) -> int:
    """Return how many whole lines a file holds."""
    with path.open("rb") as file:
        return sum(chunk.count(b"\n") for chunk in iter(lambda: file.read(1 << 20), b""))
