"""Twenty kills with -9: the run goes on as it was, or with what was confirmed, and its files tell what happened."""

from pathlib import Path

import pytest

from advisor.ledger import ProbeAsked, TrialStarted
from advisor.together import run_together
from tests.kills.kill import kill
from tests.kills.moments import MOMENTS, Moment, Who
from tests.kills.setups import SETUPS
from trainer.wire import ArmScored, RolledBack

OFTEN: tuple[Who, Who] = ("driver", "trainer")
TWENTY = [
    pytest.param(moment, who, id=f"{moment.state}: {who}")
    for number, moment in enumerate(MOMENTS)
    for who in OFTEN
    if who == OFTEN[number % 2]
][:20]
"""Each state once, the driver and the trainer in turn; `make kills` does both, again and again."""


@pytest.mark.slow
@pytest.mark.parametrize(("moment", "who"), TWENTY)
def test_a_kill_leaves_the_run_as_it_was(tmp_path: Path, moment: Moment, who: Who) -> None:
    assert kill(moment, who, 0, tmp_path).faults == []


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "least"),
    [
        ("forked", {TrialStarted: 1, ArmScored: 4}),
        ("swept", {ProbeAsked: 1}),
        ("rescued", {TrialStarted: 1, RolledBack: 1}),
    ],
)
def test_a_run_comes_through_the_states_that_it_is_chosen_for(
    tmp_path: Path, name: str, least: dict[type, int]
) -> None:
    told = run_together(SETUPS[name].config(tmp_path), tmp_path / "run")
    words = (*told.events, *told.entries)
    assert all(sum(isinstance(word, kind) for word in words) >= count for kind, count in least.items())
