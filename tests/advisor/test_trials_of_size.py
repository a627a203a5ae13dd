"""Trials of what makes a model or a training smaller: compressed copies, and rounds judged by the peak of memory."""

import pytest

from rules.vocabulary import Deed, Effect
from tests.advisor.literal import compressed, ended, fix, followed, opened, rounds
from trainer.commands import Compress, Decide
from trainer.wire import (
    Event,
    StretchTaken,
    Told,
)


@pytest.mark.parametrize(
    ("events", "outcome", "arm"),
    [
        pytest.param([compressed(300, 0.9)], "kept", "candidate", id="smaller and as good"),
        pytest.param([compressed(300, 0.8)], "rolled_back", "control", id="too much worse"),
        pytest.param([Told(text="int8: the extra is missing")], "refused", None, id="cannot be done"),
    ],
)
def test_a_compressed_copy_is_judged(events: list[Event], outcome: str, arm: str | None) -> None:
    trial = opened(fix(Effect.FREE, deed=Deed.COMPRESS, method="int8", turns={}), "compression")
    assert trial.begin() == (Compress(trial="t1", method="int8"),)
    verdict, commands, _, _ = followed(trial, *events, ended("t1", arm or "control", seconds=3.0))
    assert verdict is not None
    assert (verdict.outcome, verdict.cost_s) == (outcome, 3.0)
    assert commands == ([Decide(trial="t1", arm=arm)] if arm else [])


def test_a_copy_whose_verdict_came_too_late_is_not_called_kept() -> None:
    trial = opened(fix(Effect.FREE, deed=Deed.COMPRESS, method="int8", turns={}), "compression")
    verdict, _, _, _ = followed(trial, compressed(300, 0.9), ended("t1", "control"))
    assert verdict is not None
    assert (verdict.outcome, "too late" in verdict.why) == ("undecided", True)


@pytest.mark.parametrize(
    ("with_bytes", "outcome", "turned"),
    [pytest.param(60, "kept", 2, id="spared"), pytest.param(99, "rolled_back", 0, id="not")],
)
def test_rounds_of_a_fix_for_memory_are_judged_by_the_peak_and_not_by_time(
    with_bytes: int, outcome: str, turned: int
) -> None:
    trial = opened(fix(Effect.SAME_MATHEMATICS, improves="bytes"), "rounds")
    peaks = {"control": 100, "candidate": with_bytes}
    slower = [
        one.model_copy(update={"peak_bytes": peaks[one.arm]}) for one in rounds(-0.2) if isinstance(one, StretchTaken)
    ]
    verdict, commands, heard, _ = followed(trial, *slower, ended("t1").model_copy(update={"crowded_share": 0.9}))
    assert verdict is not None
    assert verdict.outcome == outcome
    assert len(commands) == turned
    assert heard[0].numbers["with_bytes"] == with_bytes
