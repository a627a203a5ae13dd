"""What trials may cost: the budget, the horizon of a fork, what is pooled, and what is charged."""

from dataclasses import replace
from typing import Any

import pytest

from advisor.deciding.budget import (
    BORROWED_FOR_A_CAUSE,
    Budget,
    ForkPlan,
    afford_fork,
    plan_fork,
    rounds_steps,
    shortest_horizon,
)
from advisor.deciding.options import STARTS_S, Try
from advisor.deciding.scene import scene_of
from advisor.deciding.settings import Settings
from advisor.ledger import (
    Entry,
    Found,
    Judged,
    Measured,
    ProbeAsked,
    TrialHeard,
    TrialStarted,
)
from advisor.signals.signals import Signals
from rules.vocabulary import Deed, Severity
from tests.advisor.choosing import LEARNING, ROUNDING, chosen, history, whys
from tests.advisor.literal import finding, fix, scene, scored, standing, started
from trainer.wire import Probed, TrialBegan


@pytest.mark.parametrize(
    ("share", "spent", "forked", "room", "fork_room"),
    [
        pytest.param(0.1, 0, True, 100, 100, id="a tenth of the run"),
        pytest.param(0.1, 60, True, 40, 40, id="what was spent is gone"),
        pytest.param(0.1, 200, True, 0, 0, id="never less than nothing"),
        pytest.param(0.1, 0, False, 100, 300, id="the first fork may borrow"),
        pytest.param(0.1, 60, False, 40, 240, id="what a probe has borrowed counts"),
        pytest.param(0.0, 0, False, 0, 0, id="from no budget nothing can be borrowed"),
    ],
)
def test_trials_cost_at_most_their_share(
    share: float, spent: float, forked: bool, room: float, fork_room: float
) -> None:
    budget = Budget(share=share, spent_steps=spent, steps_total=1000, forked=forked)
    assert budget.room_steps == pytest.approx(room)
    assert budget.fork_room_steps == pytest.approx(fork_room)
    assert replace(budget, probed=forked).probe_room_steps == pytest.approx(fork_room)


@pytest.mark.parametrize(
    ("spent", "nothing_learned", "room"),
    [
        pytest.param(100, False, 275, id="up to nearly four times the budget"),
        pytest.param(375, False, 0, id="no more than that"),
        pytest.param(375, True, 125, id="up to five times, where nothing is learned"),
    ],
)
def test_for_a_cause_every_fork_borrows(spent: float, nothing_learned: bool, room: float) -> None:
    budget = Budget(share=0.1, spent_steps=spent, steps_total=1000, forked=True)
    assert budget.fork_room_steps == 0
    assert budget.for_a_cause(nothing_learned=nothing_learned).fork_room_steps == pytest.approx(room)


@pytest.mark.parametrize(
    ("spent", "least"),
    [pytest.param(0, 40, id="the first"), pytest.param(311, 32, id="little is left"), pytest.param(365, 24, id="less")],
)
def test_a_second_cause_is_looked_at_for_as_long_as_the_first_has_left_room(spent: float, least: int) -> None:
    budget = Budget(share=0.1, spent_steps=spent, steps_total=1000, forked=True)
    assert shortest_horizon(budget.for_a_cause()) == least
    assert shortest_horizon(budget) == 40


@pytest.mark.parametrize(
    ("total", "forked", "cost"),
    [
        pytest.param(340, False, 102, id="a short run borrows for its first fork"),
        pytest.param(340, True, None, id="never for its second"),
        pytest.param(5000, False, 500, id="a long run need not borrow"),
        pytest.param(150, False, None, id="three times the budget pay for no fork"),
    ],
)
def test_a_fork_borrows_only_where_the_budget_pays_for_none(total: int, forked: bool, cost: float | None) -> None:
    plan = afford_fork(Budget(0.1, 0, total, forked=forked), total // 2, 0.0, lambda steps: 0)
    if cost is None:
        assert isinstance(plan, str)
    else:
        assert isinstance(plan, ForkPlan)
        assert plan.cost_steps <= cost


@pytest.mark.parametrize(
    ("steps_left", "room", "known", "expected"),
    [
        pytest.param(1000, 1000, 0, (100, 1, 2), id="room for everything"),
        pytest.param(1000, 150, 0, (50, 1, 2), id="less reach before fewer arms"),
        pytest.param(1000, 119, 3, (59, 1, 1), id="one candidate, and a null arm of its own"),
        pytest.param(1000, 80, 0, (40, 1, 1), id="never without one"),
        pytest.param(1000, 79, 3, "budget", id="then not at all, however many are known"),
        pytest.param(100_000, 10_000, 0, (100, 1, 2), id="never further than 100 steps"),
        pytest.param(130, 1000, 0, (40, 1, 2), id="never nearer than 40"),
        pytest.param(110, 1000, 0, "too late", id="too late"),
    ],
)
def test_a_fork_fits_its_budget(steps_left: int, room: float, known: int, expected: object) -> None:
    plan = plan_fork(steps_left, room, 0.0, lambda steps: known)
    if isinstance(plan, str):
        assert plan.partition(":")[0] == expected
    else:
        assert (plan.steps, plan.nulls, plan.replicates) == expected
        assert plan.cost_steps <= room


@pytest.mark.parametrize(
    ("turns", "steps_left", "expected"),
    [
        pytest.param({"lr": 0.01}, 2000, 100, id="a rate: a tenth of what remains, at most 100"),
        pytest.param({"augment": True}, 2000, 200, id="a regulariser: an epoch"),
        pytest.param({"weight_decay": 0.1}, 2000, 200, id="more decay: an epoch"),
        pytest.param({"augment": True}, 450, 150, id="an epoch that leaves time to pay"),
        pytest.param({"beta2": 0.99}, 20_000, 2000, id="moments that adapt: twice their memory, the longer of both"),
        pytest.param({"beta2": 0.99}, 5000, "too late", id="no time for that"),
    ],
)
def test_a_fork_looks_as_far_as_its_fix_needs(turns: dict[str, Any], steps_left: int, expected: object) -> None:
    room = Budget(share=0.5, spent_steps=0, steps_total=40_000)
    at = scene(steps_left=steps_left, steps_per_epoch=200, budget=room)
    option = chosen(standing("OPT900", fix(turns=turns)), at=at)
    if isinstance(expected, str):
        assert [no.reason for no in option.refusals] == [expected]
    else:
        assert isinstance(option.deed, Try)
        assert option.deed.steps == expected


def test_what_made_steps_several_times_as_long_is_not_tried_again_in_a_later_phase() -> None:
    slow = Measured(median=-4.0, low=-4.0, high=-4.0, unit="relative step_s")
    one = fix(ROUNDING)
    for measured, tried in ((slow, True), (None, False)):
        past = history(
            TrialStarted(trial="t1", code="A", fix=one, how="rounds", old={}, expected_cost_s=1.0, step=10),
            Judged(
                trial="t1", code="A", outcome="rolled_back", why="a literal", measured=measured, cost_s=1.0, step=20
            ),
        )
        assert past.tried("A", one, "another phase") is tried


def test_rounds_of_fast_steps_take_many_of_them() -> None:
    assert rounds_steps(0.1) == 320
    assert rounds_steps(0.001) == 4000


# ---------------------------------------------------------------- history


def test_null_arms_are_pooled_within_a_phase_and_about_a_horizon() -> None:
    def fork(trial: str, steps: float, null: float, step: int) -> list[Entry]:
        return [
            TrialStarted(trial=trial, code="A", fix=fix(), how="fork", old={}, expected_cost_s=1.0, step=step),
            TrialHeard(trial=trial, what="control", numbers={"steps": steps, "loss": 1.0}, step=step),
            TrialHeard(trial=trial, what="null", numbers={"steps": steps, "loss": null}, step=step),
            Judged(trial=trial, code="A", outcome="kept", why="a literal", cost_s=1.0, step=step),
        ]

    past = history(
        *fork("t1", 40, 1.1, 300), *fork("t2", 70, 0.9, 310), *fork("t3", 400, 5.0, 320), *fork("t4", 40, 7.0, 1500)
    )
    assert past.null_pool("loss", past.phase(300), 40) == pytest.approx((0.1, -0.1))
    assert past.null_pool("accuracy", past.phase(300), 40) == ()
    assert past.spent_s == 4.0


@pytest.mark.parametrize(("from_start", "charged"), [(False, 80), (True, 120)])
def test_a_control_that_is_trained_once_more_from_the_start_is_charged_too(from_start: bool, charged: int) -> None:
    past = history()
    past.hear(TrialBegan(trial="t1", how="fork", steps=120, from_start=from_start))
    for arm in ("control", "candidate", "null"):
        past.hear(scored("t1", arm, 1.0))
    assert past.spent_steps == charged


def test_from_the_start_a_rate_of_its_own_needs_room_for_one_arm_more() -> None:
    anew = fix(LEARNING, deed=Deed.START_OVER, turns={"dropout": 0.1})
    own_rate = []
    for room in (3 * 60 + 60, 4 * 60 + 60):
        at = scene(
            step=60,
            steps_left=1940,
            budget=Budget(share=room / (2000 * BORROWED_FOR_A_CAUSE), spent_steps=0, steps_total=2000),
        )
        fork = chosen(standing("ARC900", anew), at=at).deed
        assert isinstance(fork, Try)
        own_rate.append(fork.own_rate)
    assert own_rate == [False, True]


def test_a_probe_is_charged_unless_it_was_asked_for_a_failing_run() -> None:
    probed = Probed(probe="lr_sweep", seconds=2.0, result={})
    asked = ProbeAsked(code="OPT900", probe="lr_sweep")
    bill = []
    for severity in (Severity.WARNING, Severity.ERROR):
        past = history(Found(finding=finding("OPT900", severity=severity), role="cause"), asked)
        past.hear(probed)
        bill.append((past.spent_s, past.spent_steps))
    unasked = history()
    unasked.hear(probed)
    assert bill == [(2.0, 60), (0.0, 0)]
    assert unasked.spent_s == 0.0


@pytest.mark.parametrize(
    ("anew_s", "tried"),
    [
        pytest.param(0.05, True, id="beside the net in training"),
        pytest.param(STARTS_S, False, id="by two starts of a process"),
    ],
)
def test_a_network_built_anew_is_charged_what_it_costs(anew_s: float, tried: bool) -> None:
    operation = fix(LEARNING, turns={"activation": "gelu"})
    choice = chosen(standing("ARC900", operation), at=scene(budget_share=0.1, anew_s=anew_s))
    assert isinstance(choice.deed, Try) is tried
    assert whys(choice) == ([] if tried else ["budget"])


@pytest.mark.parametrize(("said", "held"), [(0.05, 0.05), (float("nan"), STARTS_S)])
def test_what_a_network_built_anew_costs_is_told_by_the_trainer(said: float, held: float) -> None:
    signals = Signals()
    signals.hear(started(anew_s=said))
    assert scene_of(signals, history(), Settings(mode="auto")).anew_s == held
