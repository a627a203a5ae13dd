"""A suspicion that a run was wrong from its start: it stands at first sight, and its sweep is paid for in any run."""

import pytest

from advisor.deciding.assess import needed
from advisor.deciding.budget import FIRST_SUSPICION_STEPS, Budget
from advisor.deciding.causes import parts
from advisor.deciding.choose import choose
from advisor.deciding.history import PROBE_STEPS, History
from advisor.deciding.options import AskProbe
from advisor.ledger import Found, ProbeAsked
from rules.remedies import new_start
from rules.vocabulary import Severity
from tests.advisor.literal import finding, fix, scene, standing
from trainer.wire import KnobsConfirmed, Probed
from trainer.words import Change

SUSPICION = {"probes": ("lr_sweep",), "severity": Severity.INFO}


def test_a_suspicion_stands_at_first_sight_and_another_opportunity_at_second() -> None:
    assert needed(finding("OPT900", new_start(), **SUSPICION)) == 1
    assert needed(finding("OPT900", fix(), **SUSPICION)) == 2


@pytest.mark.parametrize(
    ("steps_total", "first", "asked"),
    [
        pytest.param(150, new_start(), True, id="a short run that may start over"),
        pytest.param(35, new_start(), True, id="a run of some dozen steps"),
        pytest.param(150, fix(), False, id="a short run in which a fork would have to follow"),
        pytest.param(2000, fix(), True, id="a run that pays for both"),
    ],
)
def test_a_sweep_is_paid_for_where_a_new_start_may_follow(steps_total: int, first: object, asked: bool) -> None:
    one = standing("OPT900", first, **SUSPICION)
    at = scene(budget=Budget(share=0.1, spent_steps=0, steps_total=steps_total))
    deed = choose([one], parts([one.finding]), History(), at).deed
    assert isinstance(deed, AskProbe) is asked


def test_a_second_suspicion_has_to_fit_into_the_budget() -> None:
    assert Budget(share=0.1, spent_steps=60, steps_total=150, probed=True).suspicion_room_steps == 0
    assert Budget(share=0.1, spent_steps=0, steps_total=150).suspicion_room_steps == FIRST_SUSPICION_STEPS


@pytest.mark.parametrize("nothing", [True, False])
def test_where_nothing_was_learned_a_second_suspicion_borrows_too(nothing: bool) -> None:
    past = History()
    past.probed = True
    budget = Budget(share=0.1, spent_steps=60, steps_total=500, probed=True)
    one = standing("OPT900", new_start(), **SUSPICION)
    deed = choose([one], parts([one.finding]), past, scene(budget=budget, learned_nothing=nothing)).deed
    assert isinstance(deed, AskProbe) is nothing


def test_what_a_sweep_costs_is_what_a_first_suspicion_may() -> None:
    assert PROBE_STEPS["lr_sweep"] == FIRST_SUSPICION_STEPS


@pytest.mark.parametrize(
    ("knob", "again"),
    [pytest.param("weight_decay", True, id="another training"), pytest.param("lr", False, id="the rate")],
)
def test_a_sweep_may_be_asked_for_anew_when_the_training_is_another_one(knob: str, again: bool) -> None:
    past = History()
    past.enter(Found(finding=finding("OPT900"), role="cause"))
    past.enter(ProbeAsked(code="OPT900", probe="lr_sweep"))
    past.hear(Probed(probe="lr_sweep", seconds=1.0, result={}))
    past.hear(KnobsConfirmed(step=10, changes=(Change(knob=knob, old=0.2, new=0.1),), trial="t1"))
    assert ("lr_sweep" not in past.asked, not past.probed) == (again, again)
    assert past.spent_steps == 60
