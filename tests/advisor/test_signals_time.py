"""What the steps wait for now and then: which share of the time the newest waits took."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from advisor.gathering.gather import gather
from advisor.signals.time import RECENT_WAITS, WaitSignal
from rules.facts import PhaseFacts
from tests.advisor.literal import beats, started, told
from trainer.wire import CheckpointWritten, Event


def written(step: int, seconds: float) -> CheckpointWritten:
    return CheckpointWritten(t=step * 0.01, step=step, name="last", path="last.json", seconds=seconds, bytes=1000)


def share(*events: Event) -> float:
    phases = gather(told(started(), *sorted(events, key=lambda event: event.t))).groups["phases"]
    assert isinstance(phases, PhaseFacts)
    return phases.checkpoint_share


def test_a_few_checkpoints_have_their_share_of_the_whole_run() -> None:
    assert share(*beats(200), written(200, 0.4), *beats(400, since=200)) == pytest.approx(0.1)


def test_a_disk_that_has_become_faster_is_known_after_some_checkpoints() -> None:
    slow = [written(step, 0.5) for step in range(100, 1000, 100)]
    fast = [written(step, 0.001) for step in range(1000, 2000, 100)]
    assert share(*beats(900), *slow) == pytest.approx(0.5)
    assert share(*beats(900), *beats(1900, since=900), *slow, *fast) == pytest.approx(0.001)


def test_no_checkpoint_takes_no_time() -> None:
    assert share(*beats(200)) == 0


@given(st.lists(st.floats(0, 10), max_size=40), st.floats(0, 100))
def test_a_share_is_one_whatever_was_waited_for(waits: list[float], later_s: float) -> None:
    signal, now_s = WaitSignal(), 0.0
    for wait in waits:
        now_s += 2 * wait
        signal.push(now_s, wait)
    told_share = signal.share(now_s + later_s)
    assert 0 <= told_share <= 1
    if later_s == 0 and sum(waits[-RECENT_WAITS + 1 :]) > 1:
        assert told_share == pytest.approx(0.5)
