"""DEV109 untuned settings: when it speaks, when it is silent, when it is not assessed."""

from typing import Any

import pytest

from rules.device.dev109_untuned_settings import untuned_settings
from rules.facts import ProbeFacts
from rules.vocabulary import Effect
from tests.rules.situations import assessed, knobs, missing_without

LONG = {
    "phases": {"step_s": 0.2, "shares": {"forward": 0.3, "backward": 0.5, "optimizer": 0.1}},
    "run": {"step": 500, "steps_total": 4000},
}
TOGETHER = {"channels_last": True, "amp": "auto"}


def screened(turns: dict[str, Any], gain: float, batches: dict[int, float] | None = None) -> ProbeFacts:
    return ProbeFacts(
        done=frozenset({"throughput_screen"}),
        screened=frozenset({"amp"}),
        screen_turns=turns,
        screen_gain=gain,
        screen_batches=batches or {},
    )


def test_a_long_run_asks_for_the_screen_before_anything_is_offered() -> None:
    finding = assessed(untuned_settings, LONG)
    assert finding is not None
    assert (finding.code, finding.name) == ("DEV109", "untuned_settings")
    assert finding.probes == ("throughput_screen",)
    assert finding.fixes == ()


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({}, id="healthy, and over soon"),
        pytest.param(LONG | {"phases": {"step_s": 0.001, "shares": {"forward": 0.9}}}, id="steps of a millisecond"),
        pytest.param(LONG | {"phases": {"step_s": 0.2, "shares": {"forward": 0.2}}}, id="a run that waits"),
        pytest.param(LONG | {"run": {"step": 10, "steps_total": 4000}}, id="its first steps"),
        pytest.param(LONG | {"probes": screened({}, 0.0)}, id="nothing was faster"),
        pytest.param(LONG | {"probes": screened(TOGETHER, 0.02)}, id="hardly faster"),
        pytest.param(
            LONG | {"probes": screened(TOGETHER, 0.4), "knobs": knobs(channels_last=True, amp="auto")},
            id="all is turned already",
        ),
    ],
)
def test_it_is_silent(changes: dict[str, Any]) -> None:
    assert assessed(untuned_settings, changes) is None


def test_what_was_fastest_together_is_one_fix_and_what_leaves_the_batch_alone_another() -> None:
    found = assessed(untuned_settings, LONG | {"probes": screened(TOGETHER, 0.4, {64: 0.2, 128: 0.33})})
    assert found is not None
    first, second = found.fixes
    assert {turn.knob: turn.to for turn in first.turns} == {**TOGETHER, "batch_size": 128}
    assert {turn.knob: turn.to for turn in second.turns} == TOGETHER
    assert (first.effect, second.effect) == (Effect.CHANGES_LEARNING, Effect.OTHER_ROUNDING)
    assert first.guards, "a larger batch may be taken back by the metric"
    assert first.expected > second.expected


@pytest.mark.parametrize(
    ("saved", "step", "taken"),
    [
        pytest.param(
            {128: 0.3, 256: 0.5, 512: 0.51}, 500, 256, id="the smallest that is nearly as fast as the fastest"
        ),
        pytest.param({128: 0.3, 256: 0.5, 512: 0.6}, 5500, 256, id="of those that leave enough steps"),
        pytest.param({128: -0.2, 256: 0.08}, 500, None, id="none is worth it"),
        pytest.param({128: 0.5}, 7200, None, id="none leaves enough steps"),
        pytest.param({}, 500, None, id="none was timed"),
    ],
)
def test_the_batch_is_taken_at_the_knee(saved: dict[int, float], step: int, taken: int | None) -> None:
    run = {"step": step, "steps_total": 8000}
    found = assessed(untuned_settings, {**LONG, "run": run, "probes": screened(TOGETHER, 0.4, saved)})
    assert found is not None
    sizes = [turn.to for fix in found.fixes for turn in fix.turns if turn.knob == "batch_size"]
    assert sizes == ([] if taken is None else [taken])
    assert found.fixes[-1].turns == tuple(turn for turn in found.fixes[0].turns if turn.knob != "batch_size")


@pytest.mark.parametrize("group", ["run", "phases", "knobs", "probes"])
def test_it_is_not_assessed_without_a_group(group: str) -> None:
    assert missing_without(untuned_settings, group) == (group,)
