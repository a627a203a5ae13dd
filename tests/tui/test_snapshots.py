"""The screens as pictures. After a wanted change: pytest tests/tui/test_snapshots.py -m '' --snapshot-update, then look."""

from collections.abc import Callable
from typing import Any

import pytest
from textual.pilot import Pilot

from advisor.runs import Run
from advisor.tui.app import AdvisorApp
from tests.tui.conftest import clock_of, read_all
from tests.tui.recording import STATES

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
