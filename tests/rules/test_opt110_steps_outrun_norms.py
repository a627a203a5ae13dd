"""OPT110 steps outrun norms: when it speaks, when it is silent, when it is not assessed."""

from typing import Any

import pytest

from rules.facts import Evaluation, ProbeFacts, ValidationFacts
from rules.optimisation.opt110_steps_outrun_norms import steps_outrun_norms
from rules.vocabulary import Deed, Severity, Turned
from tests.rules.situations import assessed, missing_without


def evaluated(loss: float, train_loss: float, times: int = 1) -> ValidationFacts:
    one = Evaluation(step=100, loss=loss, metric=0.1, standard_error=0.02, train_loss=train_loss, train_metric=0.1)
    return ValidationFacts(evaluations=(one,) * times, higher_is_better=True)


LOST = {"model": {"has_norm": True}, "validation": evaluated(54_066.0, 51_000.0), "loss": {"now": 1.9}}


def test_it_speaks_and_asks_for_a_sweep() -> None:
    finding = assessed(steps_outrun_norms, LOST)
    assert finding is not None
    assert (finding.code, finding.severity, finding.probes) == ("OPT110", Severity.ERROR, ("lr_sweep",))


def test_three_lost_evaluations_in_a_row_are_no_lag_even_where_the_training_goes_well() -> None:
    changes = {**LOST, "loss": {"now": 0.14}, "validation": evaluated(54_066.0, 51_000.0, times=3)}
    assert assessed(steps_outrun_norms, changes) is not None


def guessing(train_metric: float = 0.12, train_loss: float = 2.4, times: int = 3) -> ValidationFacts:
    """Return evaluations that know nothing of the training examples, and lie no farther off than that."""
    one = Evaluation(100, loss=2.45, metric=0.1, standard_error=0.02, train_loss=train_loss, train_metric=train_metric)
    return ValidationFacts(evaluations=(one,) * times, higher_is_better=True)


def test_averages_that_never_follow_leave_a_net_that_only_guesses() -> None:
    slow = {**LOST, "loss": {"now": 0.14}}
    finding = assessed(steps_outrun_norms, {**slow, "validation": guessing()})
    assert finding is not None
    assert any("averages" in cause for cause in finding.causes)
    for sound in (guessing(train_metric=0.6), guessing(train_loss=1.2), guessing(times=2)):
        assert assessed(steps_outrun_norms, {**slow, "validation": sound}) is None
    learning = {**LOST, "loss": {"now": 1.7}, "validation": guessing()}
    assert assessed(steps_outrun_norms, learning) is None, "a loss on its way says little yet"


def test_a_sweep_that_blames_the_rate_starts_over() -> None:
    probes = ProbeFacts(done=frozenset({"lr_sweep"}), lr_pick=0.01)
    finding = assessed(steps_outrun_norms, {**LOST, "probes": probes})
    assert finding is not None
    assert finding.fixes[0].deed is Deed.START_OVER
    assert finding.fixes[0].turns == (Turned(knob="lr", to=0.01),)
    assert "10 times" in finding.message


def test_a_sweep_that_clears_the_rate_leaves_it_to_a_person() -> None:
    probes = ProbeFacts(done=frozenset({"lr_sweep"}), lr_pick=0.08)
    finding = assessed(steps_outrun_norms, {**LOST, "probes": probes})
    assert finding is not None
    assert finding.severity is Severity.WARNING
    assert finding.fixes[0].deed is Deed.PERSON


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({}, id="healthy"),
        pytest.param({**LOST, "run": {"step": 10}}, id="young"),
        pytest.param({**LOST, "loss": {"now": 0.14}}, id="lost once, and the training goes well"),
        pytest.param(
            {**LOST, "loss": {"now": 0.14}, "validation": evaluated(54_066.0, 51_000.0, times=2)}, id="lost twice"
        ),
        pytest.param({**LOST, "model": {"has_norm": False}}, id="no norm that could be outrun"),
        pytest.param({**LOST, "validation": evaluated(9.0, 0.2), "loss": {"now": 0.2}}, id="overfit, not lost"),
        pytest.param({**LOST, "validation": evaluated(40.0, 40.0), "loss": {"now": 39.0}}, id="training is lost too"),
        pytest.param({**LOST, "validation": evaluated(4.0, 4.0), "loss": {"now": 1.9}}, id="averages still young"),
        pytest.param(
            {**LOST, "task": {"baseline_loss": -0.33}, "validation": evaluated(-0.5, -0.5), "loss": {"now": -0.5}},
            id="a loss below zero that falls",
        ),
    ],
)
def test_it_is_silent(changes: dict[str, Any]) -> None:
    assert assessed(steps_outrun_norms, changes) is None


def test_it_is_not_assessed_without_an_evaluation() -> None:
    assert missing_without(steps_outrun_norms, "validation") == ("validation",)
