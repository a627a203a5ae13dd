"""Join a run that is going on, or look at one that was."""

from pathlib import Path
from typing import Annotated

import typer

from advisor.commands.train import has_screen

RunFolder = Annotated[Path, typer.Argument(metavar="RUN", help="The run's folder.")]


def watch(
    run: RunFolder,
    headless: Annotated[bool, typer.Option("--headless", help="Progress lines instead of the screen.")] = False,
    readonly: Annotated[bool, typer.Option("--readonly", help="No key changes the run.")] = False,
    as_json: Annotated[
        bool,
        typer.Option(
            "--json",
            help="No screen: the whole ledger as lines of JSON on standard output, last a line with run and report; "
            "progress on standard error.",
        ),
    ] = False,
) -> int:
    """Join a run, and give it a driver if it has none."""
    from advisor.driving.attach import await_driver, closing, launch_driver
    from advisor.driving.lease import is_driven
    from advisor.runs import open_run
    from advisor.showing.viewing import ended, view

    joined = open_run(run)
    driver = launch_driver(joined, "join") if closing(joined) is None and not is_driven(joined) else None
    if has_screen() and not headless and not as_json:
        return view(joined, fail_on="never", readonly=readonly)
    from advisor.showing.following import follow
    from advisor.showing.headless import paths, show_outcome
    from advisor.showing.streaming import LineStream

    if driver is not None:
        await_driver(joined, driver, "join")
    stream = LineStream() if as_json else None
    if not follow(joined, stream):
        if stream is not None:
            stream.write(paths(joined))
        return 0

    closed = closing(joined)
    code = closed.exit_code if closed is not None else 0
    return show_outcome(joined, ended(joined, closed.why if closed else "", code), as_json=as_json, fail_on="never")


def replay(
    run: RunFolder,
    speed: Annotated[float, typer.Option(min=0.1, help="How many times faster than it was.")] = 20.0,
) -> int:
    """Play a recorded run on the screen."""
    from advisor.mistakes import Mistake
    from advisor.runs import open_run

    recorded = open_run(run)
    if not recorded.events.exists():
        raise Mistake(f"{run} has no events to play: it never began")
    if not has_screen():
        raise Mistake("replay needs a terminal: `advisor report` prints what came of the run")
    from advisor.tui.app import run_ui

    return run_ui(recorded, readonly=True, replay=speed)
