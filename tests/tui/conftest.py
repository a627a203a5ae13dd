"""What the tests of the terminal UI share: recorded runs, and an app that has read all of one."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path

import pytest
from textual.pilot import Pilot

from advisor.ledger import Wished
from advisor.runs import Run
from advisor.tui.app import AdvisorApp
from tests.tui.recording import record

Open = Callable[..., AbstractAsyncContextManager[tuple[AdvisorApp, Pilot[int]]]]


@pytest.fixture
def recorded(tmp_path: Path) -> Callable[[str], Run]:
    """Return a function that records a run in one of the seven states."""
    return lambda state: record(tmp_path / "digits_troubled", state)


def clock_of(run: Run, state: str) -> Callable[[], float]:
    """Return a clock that stands right after the run's last event; a minute later for a stalled one."""
    lines = run.events.read_text().splitlines() if run.events.exists() else []
    last_t = json.loads(lines[-1])["t"] if lines else 0.0
    return lambda: last_t + (60.0 if state == "stalled" else 0.1)


@pytest.fixture
def opened(recorded: Callable[[str], Run]) -> Open:
    """Return a context manager that opens the app on a recorded run and waits until it has read it."""

    @asynccontextmanager
    async def open_app(
        state: str, size: tuple[int, int] = (80, 24), **options: object
    ) -> AsyncIterator[tuple[AdvisorApp, Pilot[int]]]:
        run = recorded(state)
        app = AdvisorApp(run, clock=clock_of(run, state), **options)  # type: ignore[arg-type]
        async with app.run_test(size=size) as pilot:
            await read_all(app, pilot)
            yield app, pilot

    return open_app


async def read_all(app: AdvisorApp, pilot: Pilot[int]) -> None:
    """Wait until the feeder has read what is there and the screen shows it."""
    app.feeder.caught_up.wait(10)
    app.pull()
    await pilot.pause()


async def until(app: AdvisorApp, pilot: Pilot[int], holds: Callable[[], bool]) -> None:
    """Wait until the screen, fed as it goes, shows what it is to show.

    Raises:
        TimeoutError: when it does not within ten seconds.
    """
    async with asyncio.timeout(10):
        while not holds():
            await pilot.pause(0.02)
            app.pull()


def wishes(run: Run) -> list[Wished]:
    """Return everything that viewers have wished."""
    lines = [line for path in sorted(run.wishes.glob("*.jsonl")) for line in path.read_text().splitlines()]
    return [Wished.model_validate_json(line) for line in lines]
