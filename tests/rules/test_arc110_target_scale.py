"""ARC110 target scale: when it speaks, when it is silent, when it is not assessed."""

from math import nan
from typing import Any

import pytest

from rules.architecture.arc110_target_scale import target_scale
from rules.facts import KnobFacts, ProbeFacts
from rules.vocabulary import Deed, Effect, Finding, Severity, Turned
from tests.rules.situations import KNOBS, assessed, knobs, missing_without

EARLY = {"step": 80, "steps_total": 1000}
FIXED = knobs(turnable=frozenset(KNOBS) - {"scale_targets"})
RESCUED = (Effect.RESCUE, Deed.START_OVER)
TRIED = (Effect.CHANGES_LEARNING, Deed.START_OVER)
TOLD = (Effect.NEEDS_A_PERSON, Deed.PERSON)


def told(mean: float, std: float, now: float, **rest: Any) -> Finding | None:
    """Return what is said of a target of this mean and spread, whose loss stands at `now`."""
    start = mean**2 + std**2 + 0.3**2
    changes = {
        "run": EARLY,
        "task": {"kind": "regression", "baseline_loss": std**2},
        "outputs": {"shape": (), "loss_kind": "squared", "target_mean": mean, "target_std": std, "first_rms": 0.3},
        "loss": {"now": now, "at_start": start, "curve": ((10, start), (80, now))},
    }
    return assessed(target_scale, changes | rest)


def deeds(finding: Finding | None) -> list[tuple[Effect, Deed]]:
    assert finding is not None
    return [(fix.effect, fix.deed) for fix in finding.fixes]


@pytest.mark.parametrize(
    ("mean", "std", "now", "severity", "fixes"),
    [
        pytest.param(90.0, 30.0, 7000.0, Severity.WARNING, [TRIED, TOLD], id="it creeps to its mean"),
        pytest.param(90.0, 30.0, 600.0, Severity.INFO, [TOLD], id="it has passed the constant"),
        pytest.param(90.0, 30.0, 200.0, Severity.INFO, [TOLD], id="it learns"),
        pytest.param(0.0, 40.0, 1700.0, Severity.WARNING, [TRIED, TOLD], id="wide, about zero"),
        pytest.param(90.0, 30.0, 1e9, Severity.ERROR, [RESCUED, TOLD], id="it blows up"),
        pytest.param(0.0, 0.01, 9e-4, Severity.WARNING, [TRIED, TOLD], id="far too small"),
    ],
)
def test_it_speaks(mean: float, std: float, now: float, severity: Severity, fixes: list[tuple[Effect, Deed]]) -> None:
    finding = told(mean, std, now)
    assert finding is not None
    assert (finding.code, finding.name, finding.severity) == ("ARC110", "target_scale", severity)
    assert bool(finding.explains) == (severity is not Severity.INFO)
    assert ("OPT101" in finding.explains, finding.eased_by_knobs) == (severity is Severity.ERROR,) * 2
    assert deeds(finding) == fixes
    assert all(fix.turns == (Turned(knob="scale_targets", to=True),) for fix in finding.fixes[:-1])


def test_a_run_that_its_first_steps_have_thrown_to_the_constant_is_compared_with_a_new_start() -> None:
    curve = ((10, 1e6), (40, 950.0), (80, 905.0))
    finding = told(90.0, 30.0, 905.0, loss={"now": 905.0, "at_start": 9000.0, "curve": curve, "highest_early": 1e7})
    assert deeds(finding) == [TRIED, TOLD]
    assert finding is not None
    assert {"OPT101", "ARC103", "NUM102"} <= set(finding.explains)


@pytest.mark.parametrize(("onset", "first"), [(1, TOLD), (2, RESCUED), (5, RESCUED)])
def test_a_loss_that_is_no_number_from_the_first_step_on_has_another_cause(
    onset: int, first: tuple[Effect, Deed]
) -> None:
    broken = {"now": nan, "at_start": 9000.0, "non_finite_in_50": 9, "non_finite_steps": 9, "non_finite_onset": onset}
    finding = told(90.0, 30.0, nan, loss=broken)
    assert deeds(finding)[0] == first
    assert finding is not None
    assert bool(finding.explains) == (first == RESCUED)


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({}, id="standardised"),
        pytest.param({"task": {"kind": "classification"}}, id="classes"),
        pytest.param({"outputs": {"target_mean": 150.0, "target_std": 77.0, "first_rms": 150.0}}, id="outputs in its units"),
        pytest.param({"outputs": {"target_mean": 90.0, "target_std": 30.0}, "knobs": knobs(scale_targets=True)}, id="scaled by the run"),
        pytest.param({"outputs": {"target_mean": -1.0, "target_std": 0.0, "first_rms": 0.3}, "task": {"kind": "regression", "baseline_loss": 0.0}}, id="a target that never changes"),
        pytest.param({"outputs": {"target_mean": 0.0, "target_std": 0.0, "first_rms": 0.3}, "task": {"kind": "regression", "baseline_loss": 0.0}}, id="a target of zeros"),
        pytest.param({"outputs": {"target_mean": 1234.1, "target_std": 2e-13, "first_rms": 0.3}}, id="one value, and what rounding adds"),
    ],
)  # fmt: skip
def test_it_is_silent(changes: dict[str, Any]) -> None:
    assert told(0.0, 1.0, 2.0, **changes) is None


def test_where_targets_cannot_be_scaled_a_rate_that_a_sweep_finds_much_better_is_started_over_with() -> None:
    def picked(rate: float) -> Finding | None:
        return told(90.0, 30.0, 7000.0, knobs=FIXED, probes=ProbeFacts(done=frozenset({"lr_sweep"}), lr_pick=rate))

    asked = told(90.0, 30.0, 7000.0, knobs=FIXED)
    assert asked is not None
    assert asked.probes == ("lr_sweep",)
    assert deeds(picked(1.0)) == [RESCUED, TOLD]
    assert deeds(picked(0.1)) == [TOLD]


def test_no_sweep_is_asked_for_where_targets_can_be_scaled() -> None:
    finding = told(90.0, 30.0, 7000.0)
    assert finding is not None
    assert finding.probes == ()


def test_a_run_of_a_trainer_that_knows_no_such_knob_is_told_what_to_do() -> None:
    known = KnobFacts(values={"lr": 0.1}, turnable=frozenset())
    finding = told(90.0, 30.0, 7000.0, knobs=known)
    assert finding is not None
    assert deeds(finding)[-1] == TOLD
    assert not any(fix.turns for fix in finding.fixes)


@pytest.mark.parametrize("group", ["run", "task", "loss", "outputs", "knobs", "probes"])
def test_it_is_not_assessed_without_a_group(group: str) -> None:
    assert missing_without(target_scale, group) == (group,)
