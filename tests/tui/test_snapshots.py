"""The screens as pictures. After a wanted change: pytest tests/tui/test_snapshots.py -m '' --snapshot-update, then look."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot

from advisor.ledger import RunClosed
from advisor.report.build import write_report
from advisor.runs import Run
from advisor.tui import run_list_folds
from advisor.tui.app import AdvisorApp
from advisor.tui.run_list import RunListApp
from advisor.tui.run_list_watch import RunWatch
from tests.tui.conftest import clock_of, read_all
from tests.tui.recording import EPOCH_T, STATES, STEPS_TOTAL, Recording, record
from trainer.wire import RunEnded, TrainingEnded, read_event

SIZES = [
    pytest.param((80, 24), id="80x24", marks=pytest.mark.slow),
    pytest.param((120, 40), id="120x40"),
    pytest.param((200, 60), id="200x60", marks=pytest.mark.slow),
]


USUAL = ("trying", "crashed", "nan")
"""States that the default run looks at; the slow one looks at all."""


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("state", [pytest.param(one, marks=() if one in USUAL else pytest.mark.slow) for one in STATES])
def test_a_state_looks_as_it_did(
    snap_compare: Callable[..., bool], recorded: Callable[[str], Run], state: str, size: tuple[int, int]
) -> None:
    run = recorded(state)
    app = AdvisorApp(run, clock=clock_of(run, state))

    async def settle(pilot: Pilot[Any]) -> None:
        await read_all(app, pilot)
        app._quiet_left = 0
        app.pull()
        await pilot.pause()

    assert snap_compare(app, terminal_size=size, run_before=settle)


def finish(run: Run) -> Run:
    """Let a run that was recorded go on to its end, with its report."""
    last = read_event(run.events.read_bytes().splitlines()[-1])
    assert last is not None
    made = Recording(run, last.t, last.step)
    made.train(STEPS_TOTAL - last.step)
    made.say(TrainingEnded(why="finished", best_step=STEPS_TOTAL), RunEnded(why="finished", seconds=61.0))
    made.say(RunClosed(why="finished", exit_code=0))
    made.flush()
    write_report(run)
    return run


@pytest.mark.parametrize("size", SIZES)
def test_the_end_screen_looks_as_it_did(
    snap_compare: Callable[..., bool], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, size: tuple[int, int]
) -> None:
    monkeypatch.chdir(tmp_path)
    run = finish(record(Path("digits_troubled"), "healthy"))
    app = AdvisorApp(run, clock=clock_of(run, "healthy"))

    async def settle(pilot: Pilot[Any]) -> None:
        await read_all(app, pilot)
        app.pull()
        await pilot.pause()

    assert snap_compare(app, terminal_size=size, run_before=settle)


@pytest.mark.parametrize("size", SIZES)
def test_the_run_list_looks_as_it_did(
    snap_compare: Callable[..., bool], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, size: tuple[int, int]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(
        run_list_folds, "TAIL_BYTES", 1 << 24
    )  # read whole: the curves do not hang on the bytes of a line
    runs = [record(Path("runs") / state, state) for state in STATES]
    for age, run in enumerate([*runs, finish(record(Path("runs") / "finished", "healthy"))]):
        run.about.write_text(run.about.read_text().replace('"seed": 0', f'"seed": 0, "created": {EPOCH_T + 60 * age}'))
    watch = RunWatch(Path(), clock=lambda: EPOCH_T + 5000)
    watch.start()
    watch.read_all.wait(20)
    app = RunListApp(watch)

    async def settle(pilot: Pilot[Any]) -> None:
        app.show()
        await pilot.press("space", "down")
        await pilot.pause()

    try:
        assert snap_compare(app, terminal_size=size, run_before=settle)
    finally:
        watch.close()
