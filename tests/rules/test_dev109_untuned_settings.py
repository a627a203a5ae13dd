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


def screened(
    turns: dict[str, Any], gain: float, same_batch_gain: float, timed: frozenset[str] = frozenset({"amp"})
) -> ProbeFacts:
    return ProbeFacts(
        done=frozenset({"throughput_screen"}),
        screened=timed,
        screen_turns=turns,
        screen_gain=gain,
        screen_same_batch_gain=same_batch_gain,
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
        pytest.param(LONG | {"probes": screened({}, 0.0, 0.0)}, id="nothing was faster"),
        pytest.param(LONG | {"probes": screened(TOGETHER, 0.02, 0.02)}, id="hardly faster"),
        pytest.param(
            LONG | {"probes": screened(TOGETHER, 0.4, 0.4), "knobs": knobs(channels_last=True, amp="auto")},
            id="all is turned already",
        ),
    ],
)
def test_it_is_silent(changes: dict[str, Any]) -> None:
    assert assessed(untuned_settings, changes) is None


def test_what_was_fastest_together_is_one_fix_and_what_leaves_the_batch_alone_another() -> None:
    found = assessed(untuned_settings, LONG | {"probes": screened({**TOGETHER, "batch_size": 128}, 0.6, 0.4)})
    assert found is not None
    first, second = found.fixes
    assert {turn.knob: turn.to for turn in first.turns} == {**TOGETHER, "batch_size": 128}
    assert {turn.knob: turn.to for turn in second.turns} == TOGETHER
    assert (first.effect, second.effect) == (Effect.CHANGES_LEARNING, Effect.OTHER_ROUNDING)
    assert first.guards, "a larger batch may be taken back by the metric"
    assert first.expected > second.expected


@pytest.mark.parametrize(
    ("gain", "run"),
    [
        pytest.param(0.42, {"step": 500, "steps_total": 4000}, id="the batch saves next to nothing more"),
        pytest.param(0.9, {"step": 3200, "steps_total": 4000}, id="too few steps would remain"),
    ],
)
def test_a_larger_batch_has_to_be_worth_it(gain: float, run: dict[str, int]) -> None:
    changes = {**LONG, "run": run, "probes": screened({**TOGETHER, "batch_size": 128}, gain, 0.4)}
    found = assessed(untuned_settings, changes)
    assert found is not None
    assert [turn.knob for fix in found.fixes for turn in fix.turns] == list(TOGETHER)


@pytest.mark.parametrize("group", ["run", "phases", "knobs", "probes"])
def test_it_is_not_assessed_without_a_group(group: str) -> None:
    assert missing_without(untuned_settings, group) == (group,)
