"""From the list into a run and back, in one process and on one terminal."""

import os
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console
from textual.app import App

from advisor.driving.supervise import NICE
from advisor.mistakes import Mistake
from advisor.runs import Run
from advisor.tui.hangup import end_with_terminal
from advisor.tui.plain import lacks_letters
from advisor.tui.run_list import Choice, Place, RunListApp
from advisor.tui.run_list_watch import RunWatch
from advisor.tui.themes import first_theme

if TYPE_CHECKING:
    from advisor.tui.app import AdvisorApp

SWITCH_S = 0.001
"""A key waits no longer for the thread that reads the runs' files."""
REPLAY_SPEED = 20.0
"""As `advisor replay` plays."""


class Visit:
    """One person at one terminal; when it hangs up, whatever is shown closes and nothing is opened after it."""

    def __init__(self) -> None:
        self.over = False
        self._no_color = os.environ.get("NO_COLOR")
        self._shown: App[Any] | None = None
        end_with_terminal(self._leave)

    def show(self, make: Callable[[], App[Any]]) -> Any:
        """Make an app and show it until it is left; return its result, nothing where the terminal has hung up."""
        if self._no_color is not None:
            os.environ["NO_COLOR"] = self._no_color  # each app of Textual takes it out when it is made
        self._shown = app = make()
        return None if self.over else app.run()

    def _leave(self) -> None:
        self.over = True
        if self._shown is not None:
            self._shown.exit(None)


def browse(here: Path) -> int:
    """Show the run list of a folder until the person leaves; return the exit code.

    A run that is opened fills the terminal; leaving it comes back to the list.

    Args:
        here: The working directory: the run that it is, the runs in it and in its `runs`.
    """
    # A driver inherits the niceness of the thread that starts it: this one is made before the list gives way.
    starter = ThreadPoolExecutor(1, thread_name_prefix="starter")
    starter.submit(os.getpid).result()
    give_way()
    ascii_only = lacks_letters(sys.stdout.encoding or "", os.environ)
    theme = first_theme(Console(force_terminal=True).color_system, os.environ)
    visit, place, watch = Visit(), Place(theme=theme), RunWatch(here)
    watch.start()
    try:
        while (choice := visit.show(lambda: RunListApp(watch, place, ascii_only=ascii_only))) is not None:
            visit.show(partial(_opened, choice, starter, ascii_only, place.theme))
    finally:
        watch.close()
        starter.shutdown(wait=False)
    return 0


def give_way() -> None:
    """Yield to the trainings on this machine, as every onlooker does."""
    os.setpriority(os.PRIO_PROCESS, 0, max(os.getpriority(os.PRIO_PROCESS, 0), NICE))
    sys.setswitchinterval(SWITCH_S)


def _opened(choice: Choice, starter: ThreadPoolExecutor, ascii_only: bool, theme: str) -> "AdvisorApp":
    from advisor.driving.attach import start_driver
    from advisor.tui.app import AdvisorApp  # the first frame of the list does not wait for it
    from advisor.tui.care import Care

    run, row = Run(choice.row.folder), choice.row
    replay = REPLAY_SPEED if choice.how == "replay" else None
    readonly = replay is not None or not row.live
    if replay is None and row.state == "unwatched":
        try:
            starter.submit(start_driver, run, "join").result()
        except Mistake:  # the run is shown all the same; its driver.log says why
            readonly = True
    app = AdvisorApp(run, readonly=readonly, replay=replay, ascii_only=ascii_only)
    app.theme = theme
    if row.state == "died unwatched":
        app.feeder.care = Care(run, patience_s=0.0)  # the list has looked long enough
    return app
