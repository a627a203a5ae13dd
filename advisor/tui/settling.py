"""What a viewer does once it has shown its first frame: it gives way to the training, and fetches its pages."""

import gc
import os
from contextlib import suppress
from importlib import import_module
from pathlib import Path

NICE = 10
"""The onlookers yield to the training, once there is something to see: the first frame is some tenths of a second's work."""


def yield_to_training() -> None:
    """Give way to the training with every thread, and look for garbage from now on, never among what is there."""
    # Linux keeps the niceness of each thread by itself, those of native libraries included; elsewhere it is the process's.
    tasks = Path("/proc/self/task")
    for task in [int(one.name) for one in tasks.iterdir()] if tasks.exists() else [0]:
        with suppress(ProcessLookupError):  # a thread that has just ended
            os.setpriority(os.PRIO_PROCESS, task, max(os.getpriority(os.PRIO_PROCESS, task), NICE))
    gc.freeze()
    gc.enable()


def load_pages() -> None:
    """Import the pages before they are asked for, so that the first key to one waits no longer than the next."""
    for name in ("asking", "datapage", "endpage", "findings", "help", "logpage", "pages"):
        import_module(f"advisor.tui.{name}")
