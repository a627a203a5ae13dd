"""Twenty kills with -9: the run goes on as it was, or with what was confirmed, and its files tell what happened."""

from pathlib import Path

import pytest

from tests.kills.kill import kill
from tests.kills.moments import MOMENTS, Moment, Who

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
