"""Whether somebody still drives the run that is looked at."""

from collections.abc import Callable

import pytest

from advisor.driving.lease import HEARTBEAT_S, Lease
from advisor.runs import Run
from advisor.tui.asking import Asked
from advisor.tui.care import GONE_S, START_S, Care
from tests.tui.conftest import Open, wishes


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
        for _ in range(40):
            await pilot.pause(0.05)
            app.pull()
            if app.feeder.care.left:
                break
        app.pull()
        await pilot.pause()
        assert app.overview.seen.word == "died unwatched"
        assert any("advisor resume" in one.message for one in app._notifications)
        await pilot.press("f")
        assert not isinstance(app.screen, Asked)
        assert wishes(app.run_files) == []
