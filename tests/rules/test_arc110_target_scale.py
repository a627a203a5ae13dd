"""ARC110 target scale: when it speaks, when it is silent, when it is not assessed."""

from typing import Any

import pytest

from rules.architecture.arc110_target_scale import target_scale
from rules.facts import ProbeFacts
from rules.vocabulary import Deed, Finding, Severity
from tests.rules.situations import assessed, missing_without

EARLY = {"step": 80, "steps_total": 1000}


def told(mean: float, std: float, now: float, **rest: Any) -> Finding | None:
    """Return what is said of a target of this mean and spread, whose loss stands at `now`."""
    changes = {
        "run": EARLY,
        "task": {"kind": "regression", "baseline_loss": std**2},
        "outputs": {"shape": (), "loss_kind": "squared", "target_mean": mean, "target_std": std, "first_rms": 0.3},
        "loss": {"now": now, "at_start": mean**2 + std**2, "curve": ((10, mean**2 + std**2), (80, now))},
    }
    return assessed(target_scale, changes | rest)


@pytest.mark.parametrize(
    ("mean", "std", "now", "severity"),
    [
        pytest.param(90.0, 30.0, 7000.0, Severity.WARNING, id="it creeps to its mean"),
        pytest.param(90.0, 30.0, 200.0, Severity.INFO, id="it has got there"),
        pytest.param(0.0, 40.0, 1700.0, Severity.WARNING, id="wide, about zero"),
        pytest.param(90.0, 30.0, 1e9, Severity.ERROR, id="it blows up"),
        pytest.param(0.0, 0.01, 9e-4, Severity.INFO, id="far too small"),
    ],
)
def test_it_speaks(mean: float, std: float, now: float, severity: Severity) -> None:
    finding = told(mean, std, now)
    assert finding is not None
    assert (finding.code, finding.name, finding.severity) == ("ARC110", "target_scale", severity)
    assert bool(finding.explains) == (severity is not Severity.INFO)
    assert ("OPT101" in finding.explains, finding.eased_by_knobs) == (severity is Severity.ERROR,) * 2


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({}, id="standardised"),
        pytest.param({"task": {"kind": "classification"}}, id="classes"),
        pytest.param({"outputs": {"target_mean": 150.0, "target_std": 77.0, "first_rms": 150.0}}, id="outputs in its units"),
    ],
)  # fmt: skip
def test_it_is_silent(changes: dict[str, Any]) -> None:
    assert told(0.0, 1.0, 2.0, **changes) is None


def test_a_rate_that_a_sweep_finds_much_better_is_started_over_with() -> None:
    asked = told(90.0, 30.0, 7000.0)
    assert asked is not None
    assert asked.probes == ("lr_sweep",)
    picked = told(90.0, 30.0, 7000.0, probes=ProbeFacts(done=frozenset({"lr_sweep"}), lr_pick=1.0))
    alike = told(90.0, 30.0, 7000.0, probes=ProbeFacts(done=frozenset({"lr_sweep"}), lr_pick=0.1))
    assert picked is not None
    assert alike is not None
    assert [fix.deed for fix in picked.fixes] == [Deed.PERSON, Deed.START_OVER]
    assert [fix.deed for fix in alike.fixes] == [Deed.PERSON]


@pytest.mark.parametrize("group", ["run", "task", "loss", "outputs", "knobs", "probes"])
def test_it_is_not_assessed_without_a_group(group: str) -> None:
    assert missing_without(target_scale, group) == (group,)
