"""The client process of one visitor: the run list, or one run, on the pipes that textual-serve gives it.

It keeps nothing: a reload starts another one. Its visitor's leaving, or the server's end, ends it; the run goes on.
"""

import argparse
import inspect
import os
import sys
import time
from pathlib import Path
from typing import Any

from textual.app import App
from textual.events import AppBlur

from advisor.mistakes import Mistake
from advisor.runs import Run
from advisor.tui.app import AdvisorApp
from advisor.tui.hangup import end_with_terminal
from advisor.tui.run_list import RunListApp
from advisor.tui.run_list_open import REPLAY_SPEED, give_way
from advisor.tui.run_list_reading import RunReader, living_trainers
from advisor.tui.run_list_watch import RunWatch


class Awake:
    """An app that does not mind being called out of focus.

    Textual's driver for browsers says so once at the start, after the browser has told of its focus; the footer would
    then stand still, and keys that go to no widget be lost. A tab out of focus sends no keys anyway.
    """

    def on_app_blur(self, event: AppBlur) -> None:
        """Stay as it is."""
        event.prevent_default()


class VisitedRun(Awake, AdvisorApp):
    """One run in a browser."""

    CSS_PATH = str(Path(inspect.getfile(AdvisorApp)).with_name("app.tcss"))


class VisitedList(Awake, RunListApp):
    """The run list in a browser."""


def main(arguments: list[str] | None = None) -> int:
    """Show what is asked for until the visitor leaves; return the exit code."""
    parser = argparse.ArgumentParser(prog="advisor.web.visit", description="Show a run, or the list, in a browser.")
    parser.add_argument("here", type=Path)
    parser.add_argument("--run", type=Path)
    parser.add_argument("--control", action="store_true")
    parser.add_argument("--replay", action="store_true")
    chosen = parser.parse_args(arguments)
    app = _run(chosen) if chosen.run is not None else _list(chosen.here)
    end_with_terminal(lambda: app.exit(0))
    app.run()
    return 0


def _run(chosen: argparse.Namespace) -> App[Any]:
    run = Run(chosen.run)
    row = RunReader(chosen.run, chosen.here).look(time.time(), living_trainers)
    live = row is not None and row.live
    if row is not None and row.state == "unwatched" and chosen.control:
        _give_driver(run)
    give_way()
    return VisitedRun(
        run,
        readonly=not (chosen.control and live),
        replay=REPLAY_SPEED if chosen.replay else None,
    )


def _list(here: Path) -> App[Any]:
    give_way()
    os.chdir(here)
    runs = RunWatch(here)
    runs.start()
    return VisitedList(runs, in_browser=True)


def _give_driver(run: Run) -> None:
    """Give a run whose driver is gone another one, as `advisor watch` does; without one it is shown all the same."""
    from advisor.driving.attach import start_driver

    try:
        start_driver(run, "join")
    except Mistake as failed:
        print(f"advisor: {failed}", file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main())
