"""NUM106 loss summed: when it speaks, when it is silent, when it is not assessed."""

from math import nan
from typing import Any

import pytest

from rules.numerics.num106_loss_summed import loss_summed
from rules.vocabulary import Deed, Effect, Severity
from tests.rules.situations import KNOBS, assessed, knobs, missing_without


@pytest.mark.parametrize(
    ("changes", "severity"),
    [
        pytest.param({"knobs": knobs(lr=0.1)}, Severity.WARNING, id="a rate that is 6.4 for a mean"),
        pytest.param({"knobs": knobs(lr=2e-3, optimizer="momentum")}, Severity.WARNING, id="1.3 by its momentum"),
        pytest.param({"knobs": knobs(lr=1e-3)}, Severity.INFO, id="a rate that was chosen for it"),
        pytest.param({"knobs": knobs(lr=0.1, optimizer="adam")}, Severity.INFO, id="adam divides it out"),
        pytest.param({"knobs": knobs(frozenset(KNOBS) - {"optimizer"}, lr=0.1)}, Severity.INFO, id="an optimizer of their own"),
    ],
)  # fmt: skip
def test_it_speaks(changes: dict[str, Any], severity: Severity) -> None:
    finding = assessed(loss_summed, {"outputs": {"sum_factor": 2.0, "loss_kind": ""}} | changes)
    assert finding is not None
    assert (finding.code, finding.name, finding.severity) == ("NUM106", "loss_summed", severity)
    lowered = [fix.turns[0].to for fix in finding.fixes if fix.turns]
    assert lowered == (
        [pytest.approx(float(changes["knobs"].values["lr"]) / 64)] if severity is Severity.WARNING else []
    )


@pytest.mark.parametrize(
    ("step", "now", "deed", "effect"),
    [
        pytest.param(60, 1.2, Deed.START_OVER, Effect.CHANGES_LEARNING, id="early: compared with a new start"),
        pytest.param(60, 9.0, Deed.START_OVER, Effect.RESCUE, id="nothing was learned"),
        pytest.param(60, nan, Deed.START_OVER, Effect.RESCUE, id="no longer a number"),
        pytest.param(700, 9.0, Deed.TURN, Effect.CHANGES_LEARNING, id="too late to start over"),
    ],
)
def test_the_mean_of_a_standard_loss_is_taken_rather_than_another_rate(
    step: int, now: float, deed: Deed, effect: Effect
) -> None:
    finding = assessed(
        loss_summed,
        {"run": {"step": step}, "loss": {"now": now}, "outputs": {"sum_factor": 2.0}, "knobs": knobs(lr=0.1)},
    )
    assert finding is not None
    fix = finding.fixes[1]
    assert [turn.knob for turn in fix.turns] == ["loss"]
    assert (fix.deed, fix.effect, fix.improves) == (deed, effect, "metric")


@pytest.mark.parametrize(
    "factor",
    [
        pytest.param(1.0, id="a mean"),
        pytest.param(float("nan"), id="a loss that does not answer"),
        pytest.param(4.0, id="a sum of all pairs"),
        pytest.param(1.4, id="something else"),
    ],
)
def test_it_is_silent(factor: float) -> None:
    assert assessed(loss_summed, {"outputs": {"sum_factor": factor}}) is None


@pytest.mark.parametrize("group", ["run", "task", "loss", "outputs", "knobs"])
def test_it_is_not_assessed_without_a_group(group: str) -> None:
    assert missing_without(loss_summed, group) == (group,)


@pytest.mark.parametrize(
    ("loss", "severity"),
    [
        pytest.param({"highest_early": 40.0, "now": 2.0}, Severity.WARNING, id="its first steps threw it"),
        pytest.param({"now": 9.0, "curve": ((10, 5.0),)}, Severity.WARNING, id="it has risen"),
        pytest.param({}, Severity.INFO, id="it learns"),
    ],
)
def test_a_rate_that_a_mean_would_bear_is_too_high_where_the_run_suffers(
    loss: dict[str, Any], severity: Severity
) -> None:
    facts = {"run": {"step": 60}, "outputs": {"sum_factor": 2.0}, "knobs": knobs(lr=8e-3), "loss": loss}
    finding = assessed(loss_summed, facts)
    assert finding is not None
    assert finding.severity is severity
