"""OPT115 rare inputs: when it speaks, when it is silent, when it is not assessed."""

from dataclasses import replace
from math import nan
from typing import Any

import pytest

from rules.facts import LayerFacts, ProbeFacts
from rules.optimisation.opt115_rare_inputs import rare_inputs
from rules.vocabulary import Deed, Effect, Finding, Severity, Turned
from tests.rules.situations import KNOBS, assessed, knobs, layers, missing_without

EARLY = {"step": 80, "steps_total": 1000}
CREEPS = {"at_start": 2.4, "now": 2.28, "best": 2.28, "fall_share": 0.01, "noise_share": 0.05, "curve": ((10, 2.38),)}


def of(*shares: float, checks: int = 3) -> LayerFacts:
    """Return layers whose gradients come down to these shares of their inputs."""
    usual = layers(*([0.1] * len(shares)))
    return LayerFacts(tuple(replace(one, input_share=share) for one, share in zip(usual, shares, strict=True)), checks)


def swept(pick: float) -> ProbeFacts:
    return ProbeFacts(done=frozenset({"adaptive_sweep"}), adaptive_pick=pick)


RARE: dict[str, Any] = {"run": EARLY, "loss": CREEPS, "layers": of(0.07, nan)}


def said(**changes: Any) -> Finding:
    finding = assessed(rare_inputs, {**RARE, **changes})
    assert finding is not None
    assert (finding.code, finding.name) == ("OPT115", "rare_inputs")
    assert "OPT102" in finding.explains
    return finding


def test_it_asks_for_a_sweep_before_it_warns() -> None:
    finding = said()
    assert finding.severity is Severity.INFO
    assert finding.message.startswith("0.07 of the inputs of layer0 take a step's gradient")
    assert finding.probes == ("adaptive_sweep",)
    assert [(fix.effect, fix.deed) for fix in finding.fixes] == [
        (Effect.NEEDS_A_PERSON, Deed.START_OVER),
        (Effect.NEEDS_A_PERSON, Deed.PERSON),
    ]


@pytest.mark.parametrize(
    ("now", "effect"),
    [
        pytest.param(2.28, Effect.RESCUE, id="nothing was learned"),
        pytest.param(2.0, Effect.CHANGES_LEARNING, id="something was learned"),
    ],
)
@pytest.mark.parametrize("optimizer", ["sgd", "momentum", "nesterov"])
def test_the_run_starts_over_with_adamw_at_the_rate_of_the_sweep(now: float, effect: Effect, optimizer: str) -> None:
    slow = {**EARLY, "step": 300} if now < 2.1 else EARLY
    finding = said(
        run=slow, loss={**CREEPS, "now": now, "best": now}, probes=swept(0.02), knobs=knobs(optimizer=optimizer)
    )
    assert (finding.severity, finding.probes) == (Severity.WARNING, ())
    first = finding.fixes[0]
    assert (first.effect, first.deed) == (effect, Deed.START_OVER)
    assert set(first.turns) == {Turned(knob="optimizer", to="adamw"), Turned(knob="lr", to=0.02)}


def test_where_the_task_brings_its_own_optimizer_a_person_is_told_and_the_rate_may_still_be_turned() -> None:
    finding = said(knobs=knobs(turnable=frozenset(KNOBS) - {"optimizer"}))
    assert (finding.severity, finding.probes) == (Severity.WARNING, ())
    assert [fix.deed for fix in finding.fixes] == [Deed.PERSON]
    assert not finding.beyond_knobs


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"layers": of(0.4, nan)}, id="images and tables"),
        pytest.param({"layers": of(nan, nan)}, id="inputs that have no share"),
        pytest.param({"layers": of(0.07, nan, checks=2)}, id="looked at too seldom"),
        pytest.param({"knobs": knobs(optimizer="adam")}, id="a step of its own for each weight"),
        pytest.param({"loss": {"now": 1.0}}, id="it learns all the same"),
        pytest.param(
            {"loss": CREEPS | {"curve": ((10, 2.4), (20, 9.0), (80, 2.28))}}, id="it was thrown up: the rate is high"
        ),
        pytest.param({"run": {"step": 10, "steps_total": 1000}}, id="young"),
        pytest.param({"run": {"step": 700, "steps_total": 1000}}, id="too late for a new start"),
        pytest.param({"probes": swept(nan)}, id="no rate helps under AdamW either"),
    ],
)
def test_it_is_silent(changes: dict[str, Any]) -> None:
    assert assessed(rare_inputs, {**RARE, **changes}) is None


@pytest.mark.parametrize("group", ["run", "task", "loss", "layers", "knobs", "probes"])
def test_it_is_not_assessed_without_a_group(group: str) -> None:
    assert missing_without(rare_inputs, group) == (group,)
