"""Whether somebody still drives the run that is looked at."""

from collections.abc import Callable

import pytest

from advisor import ledger
from advisor.driving.lease import HEARTBEAT_S, Lease
from advisor.runs import Run
from advisor.story.story import Story
from advisor.tui.asking import Asked
from advisor.tui.care import ENDINGS, GONE_S, START_S, Care
from advisor.tui.endpage import ReportPage
from tests.tui.conftest import Open, until, wishes
from tests.tui.recording import Recording
from trainer import wire


class Clock:
    """Time that only goes on when it is told to."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.mark.parametrize(("trains", "left"), [(True, "unwatched"), (False, "died unwatched")])
def test_a_run_whose_driver_has_gone_is_called_so_and_no_longer_once_it_has_a_new_one(
    recorded: Callable[[str], Run], trains: bool, left: str
) -> None:
    run, clock = recorded("healthy"), Clock()
    care = Care(run, clock=clock, trains=lambda _: trains)
    lease = Lease(run)
    care.look()
    lease.release()
    clock.now += HEARTBEAT_S
    care.look()
    assert care.left == ""
    clock.now += GONE_S
    care.look()
    assert care.left == left
    assert str(run.folder) in care.advice()
    lease = Lease(run)
    clock.now += HEARTBEAT_S
    care.look()
    assert (care.left, care.advice()) == ("", "")
    lease.release()


def test_a_driver_that_is_being_started_has_its_time_and_a_run_that_needs_none_is_left_by_nobody(
    recorded: Callable[[str], Run],
) -> None:
    run, clock = recorded("healthy"), Clock()
    care = Care(run, clock=clock, trains=lambda _: True)
    clock.now += 2 * START_S
    care.look()
    assert care.left == ""
    Lease(run).release()
    care = Care(run, clock=clock, trains=lambda _: True)
    clock.now += START_S / 2
    care.look()
    assert care.left == ""
    clock.now += START_S
    care.look()
    assert care.left == "unwatched"


async def test_a_run_that_nobody_drives_says_so_and_takes_no_wish(opened: Open) -> None:
    async with opened("healthy", (120, 40)) as (app, pilot):
        app.feeder.care = Care(app.run_files, patience_s=0.0, trains=lambda _: False)
        Lease(app.run_files).release()
        await until(app, pilot, lambda: app.overview.seen.word == "died unwatched")
        await pilot.pause()
        assert any("advisor resume" in one.message for one in app._notifications)
        await pilot.press("f")
        assert not isinstance(app.screen, Asked)
        assert wishes(app.run_files) == []


def test_a_folder_that_was_moved_is_missed_and_found_again(recorded: Callable[[str], Run]) -> None:
    run, clock = recorded("healthy"), Clock()
    care, away = Care(run, clock=clock), run.folder.with_name("away")
    run.folder.rename(away)
    care.look()
    assert care.left == "folder gone"
    away.rename(run.folder)
    clock.now += HEARTBEAT_S
    care.look()
    assert care.left == ""


def test_a_trainer_that_failed_is_no_end_while_its_driver_may_restart_it(recorded: Callable[[str], Run]) -> None:
    run, clock = recorded("crashed"), Clock()
    told = Story()
    for event in run.read_events():
        told.hear(event)
    care = Care(run, clock=clock, trains=lambda _: False)
    lease = Lease(run)
    care.look()
    assert care.word(told, told.last_t) == "recovering"
    lease.release()
    clock.now += HEARTBEAT_S
    care.look()
    assert care.word(told, told.last_t) == "failed"


async def test_a_run_that_goes_on_after_a_failure_takes_wishes_and_shows_its_report_at_the_end(opened: Open) -> None:
    async with opened("crashed") as (app, pilot):
        await until(app, pilot, lambda: isinstance(app.screen, ReportPage))
        await pilot.pause()
        made = Recording.go_on(app.run_files, step=1000)
        made.start()
        made.train(400)
        made.flush()
        await until(app, pilot, lambda: app.overview.seen.word not in ENDINGS)
        await pilot.press("escape", "f")
        assert isinstance(app.screen, Asked)
        await pilot.press("n")
        made.say(wire.RunEnded(why="finished", seconds=9.0), ledger.RunClosed(why="finished", exit_code=0))
        made.flush()
        await until(app, pilot, lambda: isinstance(app.screen, ReportPage))
        await pilot.pause()
        assert isinstance(app.screen, ReportPage)
