"""Ctrl-C and SIGTERM, counted: once means stop, twice means at once. A closed terminal is no reason to stop."""

import signal
from types import FrameType

INTERRUPTED = 130
"""Exit code after Ctrl-C (128 + SIGINT)."""
TERMINATED = 143
"""Exit code after SIGTERM (128 + SIGTERM), and after a wish to stop."""


class Interrupts:
    """The signals that this process was sent."""

    def __init__(self) -> None:
        self.heard: list[int] = []

    def listen(self) -> None:
        """Take the signals of this process from now on; main thread only."""
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self._hear)
        signal.signal(signal.SIGHUP, signal.SIG_IGN)

    def _hear(self, number: int, _frame: FrameType | None) -> None:
        self.heard.append(number)

    @property
    def exit_code(self) -> int:
        """Exit code of a run that was stopped."""
        return INTERRUPTED if self.heard and self.heard[0] == signal.SIGINT else TERMINATED
