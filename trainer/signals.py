"""SIGTERM and SIGINT: the first ends the run at the next step boundary, the second ends the process at once."""

import os
import signal
from types import FrameType

from trainer.training import Training

_heard: list[int] = []


def stop_on_signals(current: list[Training]) -> None:
    """Let signals stop the training in progress; SIGHUP is ignored, a closed terminal is no reason to stop."""

    def hear(number: int, _frame: FrameType | None) -> None:
        if _heard:
            os._exit(128 + number)
        _heard.append(number)
        if not current:
            raise SystemExit(128 + number)
        current[0].ending = "stopped"

    signal.signal(signal.SIGTERM, hear)
    signal.signal(signal.SIGINT, hear)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)


def stopped_by() -> int:
    """Return the exit code of the signal that stopped the run; 0 when none did."""
    return 128 + _heard[0] if _heard else 0
