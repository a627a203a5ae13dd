"""Ends a viewer whose terminal is gone: nobody sees it any more, and it would only take time from the training."""

import os
import select
import signal
import threading
from collections.abc import Callable

GRACE_S = 3.0
"""A screen that cannot leave in so long is stuck in writing to a terminal that is no more; it is then ended at once."""
GONE = select.POLLHUP | select.POLLERR | select.POLLNVAL
HUNG_UP_CODE = 128 + signal.SIGHUP


def end_with_terminal(leave: Callable[[], None], terminal: int = 0) -> None:
    """Call `leave` as soon as the terminal hangs up, or a SIGHUP or SIGTERM comes; end the process if that hangs.

    A closed terminal need not send a signal: only the leader of a session gets one, and only from its own terminal. A
    thread sleeps in poll(2) until the other end is closed; it costs nothing while it waits.

    Args:
        leave: Asks the screen to close; called once, from any thread.
        terminal: The file that keys are read from.
    """
    once = threading.Lock()

    def part() -> None:
        if once.acquire(blocking=False):
            end = threading.Timer(GRACE_S, os._exit, (HUNG_UP_CODE,))
            end.daemon = True
            end.start()
            leave()

    def watch() -> None:
        poll = select.poll()
        poll.register(terminal, 0)
        while not any(state & GONE for _, state in poll.poll()):
            pass
        part()

    for number in (signal.SIGHUP, signal.SIGTERM):
        signal.signal(number, lambda *_: part())
    threading.Thread(target=watch, name="hangup", daemon=True).start()
