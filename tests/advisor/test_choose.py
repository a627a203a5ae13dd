from dataclasses import replace
from typing import Any

import pytest

from advisor.assess import Standing
from advisor.budget import Budget, ForkPlan, afford_fork, plan_fork, rounds_steps
from advisor.causes import parts
from advisor.choose import Choice, choose
from advisor.consider import STARTS_S, AskProbe, Scene, Try
from advisor.history import History
from advisor.ledger import (
    Entry,
    Found,
    Judged,
    Measured,
    ProbeAsked,
    Proposed,
    TrainerExited,
    TrialHeard,
    TrialStarted,
    Wished,
)
from advisor.scene import scene_of
from advisor.settings import Settings
from advisor.signals import Signals
from rules.vocabulary import Deed, Effect, Fix, Severity
from tests.advisor.literal import finding, fix, knobs, scene, standing, started
from trainer.wire import Probed

LEARNING, SPEED, ROUNDING = Effect.CHANGES_LEARNING, Effect.SAME_MATHEMATICS, Effect.OTHER_ROUNDING


def history(*entries: Entry) -> History:
    made = History()
    made.hear(started())
    for entry in entries:
        made.enter(entry)
    return made


def attempt(
    trial: str, one: Fix, outcome: str, *, code: str = "OPT900", how: str = "fork", step: int = 300
) -> list[Entry]:
    return [
        TrialStarted(trial=trial, code=code, fix=one, how=how, old={}, expected_cost_s=1.0, step=step),
        TrialHeard(trial=trial, what="control", numbers={"steps": 40.0, "loss": 1.0}, step=step),
        Judged(trial=trial, code=code, outcome=outcome, why="a literal", cost_s=1.0, step=step),
    ]


def chosen(*standings: Standing, past: History | None = None, at: Scene | None = None) -> Choice:
    return choose(standings, parts(one.finding for one in standings), past or history(), at or scene())


def whys(choice: Choice) -> list[str]:
    return [no.why.partition(":")[0] for no in choice.refusals]


def test_a_learning_fix_is_tried_by_a_fork_and_a_loader_fix_by_rounds() -> None:
    fork = chosen(standing("OPT900", fix(LEARNING))).deed
    assert isinstance(fork, Try)
    assert (fork.how, fork.steps, fork.nulls, fork.replicates) == ("fork", 100, 1, 2)
    rounds = chosen(standing("INP900", fix(SPEED))).deed
    assert isinstance(rounds, Try)
    assert (rounds.how, rounds.agreement_passes) == ("rounds", 3)
    other = chosen(standing("DEV900", fix(ROUNDING))).deed
    assert isinstance(other, Try)
    assert (other.how, other.agreement_passes) == ("rounds", 20)


ANEW = fix(LEARNING, deed=Deed.START_OVER)


def test_a_fix_that_suits_a_run_from_its_first_step_is_compared_with_a_run_that_began_with_it() -> None:
    early = scene(step=60, steps_left=940, fall_share=0.5)
    fork = chosen(standing("DAT900", ANEW), at=early).deed
    assert isinstance(fork, Try)
    assert (fork.how, fork.from_start, fork.steps) == ("fork", True, 60), "although the run improves"
    assert fork.nulls + fork.replicates >= 2


@pytest.mark.parametrize(
    ("step", "share", "reason"),
    [
        pytest.param(20, 0.5, "too soon", id="nothing to compare yet"),
        pytest.param(120, 0.01, "budget", id="the arms cost too much"),
        pytest.param(300, 0.5, "too late", id="too far to begin anew"),
    ],
)
def test_arms_from_the_start_are_run_neither_too_soon_nor_too_late(step: int, share: float, reason: str) -> None:
    choice = chosen(standing("DAT900", ANEW), at=scene(step=step, steps_left=1000 - step, budget_share=share))
    assert choice.deed is None
    assert whys(choice) == [reason]


def test_a_short_run_pays_for_a_shorter_fork() -> None:
    short = Budget(share=0.1, spent_steps=0, steps_total=200)
    fork = chosen(standing("OPT900", fix(LEARNING)), at=replace(scene(step=40, steps_left=160), budget=short)).deed
    assert isinstance(fork, Try)
    assert fork.steps == 30


ORDER = [
    pytest.param([("A", fix(LEARNING)), ("B", fix(Effect.RESCUE))], "B", id="rescue first"),
    pytest.param([("A", fix(LEARNING)), ("B", fix(SPEED))], "B", id="same mathematics before learning"),
    pytest.param([("A", fix(ROUNDING)), ("B", fix(SPEED))], "B", id="same mathematics before other rounding"),
    pytest.param([("A", fix(SPEED)), ("B", fix(Effect.FREE))], "B", id="free before all"),
    pytest.param([("A", fix(SPEED, expected=0.1)), ("B", fix(SPEED, expected=0.5))], "B", id="the larger gain first"),
    pytest.param([("A", fix(SPEED)), ("B", fix(SPEED, turns={"threads": 2}))], "B", id="what is cheaper to undo first"),
    pytest.param([("A", fix(SPEED)), ("B", fix(SPEED))], "A", id="else by code"),
]


@pytest.mark.parametrize(("options", "first"), ORDER)
def test_of_several_findings_the_order_is_kept(options: list[tuple[str, Fix]], first: str) -> None:
    # None of the findings is a cause: the order is then that of the fixes alone.
    deed = chosen(*[standing(code, one, severity=Severity.INFO) for code, one in options]).deed
    assert isinstance(deed, Try)
    assert deed.code == first


def test_a_symptom_waits_while_its_cause_is_open() -> None:
    cause, symptom = standing("OPT901", fix(LEARNING), explains=("ARC901",)), standing("ARC901", fix(SPEED))
    choice = chosen(cause, symptom)
    assert isinstance(choice.deed, Try)
    assert choice.deed.code == "OPT901"
    assert whys(choice) == ["cause first"]


def test_a_symptom_whose_cause_has_nothing_left_to_try_is_tried() -> None:
    lost = history(*attempt("t1", fix(), "rolled_back", code="OPT901"))
    choice = chosen(standing("OPT901", fix(), explains=("ARC901",)), standing("ARC901", fix(SPEED)), past=lost)
    assert isinstance(choice.deed, Try)
    assert choice.deed.code == "ARC901"


PERSON = fix(Effect.NEEDS_A_PERSON, deed=Deed.PERSON, turns={})
IN_CODE = standing("NUM904", PERSON, explains=("NUM902",), severity=Severity.ERROR)
RESCUED = standing("NUM902", fix(Effect.RESCUE), severity=Severity.ERROR)

HELD = [
    pytest.param([RESCUED], id="a rollback"),
    pytest.param([standing("NUM902", fix(Effect.RESCUE, deed=Deed.START_OVER))], id="a new start"),
    pytest.param([standing("NUM902", fix(Effect.RESCUE, deed=Deed.STOP, turns={}))], id="giving up"),
    pytest.param([standing("NUM902", fix(LEARNING))], id="a turn"),
    pytest.param([standing("NUM902", fix(Effect.FREE, deed=Deed.STOP, turns={}))], id="stopping at the best"),
    pytest.param([standing("NUM902", fix(), probes=("lr_sweep",), severity=Severity.ERROR)], id="a probe for a fix"),
    pytest.param(
        [standing("NUM902", PERSON, explains=("OPT905",)), standing("OPT905", fix(LEARNING))],
        id="a symptom of a symptom",
    ),
]


@pytest.mark.parametrize("symptoms", HELD)
def test_nothing_is_done_on_account_of_a_fault_in_code_or_data(symptoms: list[Standing]) -> None:
    choice = chosen(IN_CODE, *symptoms)
    assert choice.deed is None
    assert set(whys(choice)) <= {"needs a person", "held back"}
    assert choice.offers == ()
    assert chosen(IN_CODE, *symptoms, at=scene(mode="advise")).offers == ()


NOT_HELD = [
    pytest.param([RESCUED], id="nothing explains it"),
    pytest.param([standing("NUM904", PERSON), RESCUED], id="the fault explains something else"),
    pytest.param(
        [standing("NUM904", PERSON, explains=("NUM902",), severity=Severity.INFO), RESCUED], id="it is only a hint"
    ),
    pytest.param(
        [standing("NUM904", PERSON, explains=("NUM902",), eased_by_knobs=True), RESCUED], id="a knob makes up for it"
    ),
    pytest.param(
        [standing("NUM904", PERSON, fix(turns={"nothing": 1}), explains=("NUM902",)), RESCUED],
        id="a knob could mend it",
    ),
    pytest.param(
        [
            standing("NUM904", fix(Effect.NEEDS_A_PERSON, deed=Deed.START_OVER, turns={}), explains=("NUM902",)),
            RESCUED,
        ],
        id="a sweep may yet find a rate",
    ),
    pytest.param(
        [standing("ARC900", fix(turns={"nothing": 1}), explains=("NUM904",)), IN_CODE, RESCUED],
        id="it is itself a symptom of what a knob mends",
    ),
]


@pytest.mark.parametrize("standings", NOT_HELD)
def test_what_no_fault_in_code_accounts_for_is_rescued(standings: list[Standing]) -> None:
    deed = chosen(*standings).deed
    assert isinstance(deed, Try)
    assert deed.code == "NUM902"


def test_a_fault_in_code_that_does_not_stand_yet_holds_nothing() -> None:
    once = replace(IN_CODE, stands=False)
    deed = choose((once, RESCUED), parts([RESCUED.finding]), history(), scene()).deed
    assert isinstance(deed, Try)


def test_a_probe_of_a_pass_comes_before_a_rescue_and_a_sweep_does_not() -> None:
    passes = standing("OPT905", fix(), probes=("zeroed_input",))
    assert chosen(passes, RESCUED).deed == AskProbe("OPT905", "zeroed_input", from_start=False)
    sweeps = standing("OPT905", fix(), probes=("lr_sweep",))
    assert isinstance(chosen(sweeps, RESCUED).deed, Try)


def test_a_finding_that_is_not_ripe_is_left_alone() -> None:
    assert chosen(standing("OPT900", fix(LEARNING), seen=0)) == Choice(None, (), ())


REFUSED = [
    pytest.param(fix(Effect.NEEDS_A_PERSON), {}, "needs a person", id="a person has to do it"),
    pytest.param(fix(turns={"amp": "bf17"}), {}, "cannot be turned here", id="no such value"),
    pytest.param(fix(turns={"nothing": 1}), {}, "cannot be turned here", id="no such knob"),
    pytest.param(
        fix(),
        {"knobs": {one.name: one for one in knobs({"lr": "the user's own"})}},
        "cannot be turned here",
        id="taken",
    ),
    pytest.param(fix(), {"budget_share": 0.0}, "budget", id="no budget"),
    pytest.param(fix(), {"steps_left": 60}, "too late", id="too late for a fork"),
    pytest.param(fix(SPEED), {"steps_left": 200}, "too late", id="too late for rounds"),
    pytest.param(fix(SPEED), {"lockstep": True}, "lockstep", id="nothing is timed in lockstep"),
    pytest.param(fix(LEARNING, improves="step_s"), {}, "cannot be tried", id="a fork does not time"),
    pytest.param(fix(), {"fall_share": 0.3}, "still improving", id="the run improves"),
    pytest.param(
        fix(Effect.FREE, deed=Deed.COMPRESS), {"finished": True, "compress": False}, "switched off", id="not wanted"
    ),
]


@pytest.mark.parametrize(("one", "at", "reason"), REFUSED)
def test_a_fix_that_is_not_tried_has_a_reason(one: Fix, at: dict[str, object], reason: str) -> None:
    choice = chosen(standing("OPT900", one), at=scene(**at))
    assert choice.deed is None
    assert whys(choice) == [reason]


def test_the_next_fix_of_a_finding_is_tried_when_the_first_cannot_be() -> None:
    second = fix(name="second", turns={"clip": 1.0})
    deed = chosen(standing("OPT900", fix(turns={"amp": "bf17"}), second)).deed
    assert isinstance(deed, Try)
    assert deed.fix.name == "second"


def test_what_was_tried_in_this_phase_is_not_tried_again_and_the_next_one_is() -> None:
    second = fix(name="second", turns={"clip": 1.0})
    past = history(*attempt("t1", fix(), "rolled_back"))
    deed = chosen(standing("OPT900", fix(), second), past=past).deed
    assert isinstance(deed, Try)
    assert deed.fix.name == "second"


def test_a_rule_that_lost_twice_is_muted_until_the_phase_changes() -> None:
    second, third = fix(name="second", turns={"clip": 1.0}), fix(name="third", turns={"dropout": 0.1})
    past = history(*attempt("t1", fix(), "rolled_back"), *attempt("t2", second, "undecided"))
    choice = chosen(standing("OPT900", fix(), second, third), past=past)
    assert choice.deed is None
    assert whys(choice) == ["muted"]
    assert isinstance(chosen(standing("OPT900", third), past=past, at=scene(phase="0.1")).deed, Try)


def test_after_a_kept_learning_fix_the_next_one_waits_until_its_effect_shows() -> None:
    past = history(*attempt("t1", fix(), "kept", step=390))
    other = standing("GEN900", fix(name="second", turns={"clip": 1.0}))
    assert whys(chosen(other, past=past, at=scene(step=400))) == ["cool-down"]
    assert whys(chosen(other, past=past, at=scene(step=480, last_evaluation_step=300))) == ["cool-down"]
    assert isinstance(chosen(other, past=past, at=scene(step=480, last_evaluation_step=450)).deed, Try)
    assert isinstance(chosen(standing("INP900", fix(SPEED)), past=past, at=scene(step=400)).deed, Try)


def test_a_run_that_improves_is_left_alone_unless_it_is_failing_or_a_person_wants_it() -> None:
    at = scene(fall_share=0.3)
    assert chosen(standing("OPT900", fix()), at=at).deed is None
    assert chosen(standing("OPT900", fix(), severity=Severity.ERROR), at=at).deed is not None
    assert chosen(standing("OPT900", fix()), at=scene(fall_share=0.3, validation_improves=False)).deed is not None


def test_a_turn_that_holds_already_is_neither_tried_nor_refused() -> None:
    assert chosen(standing("OPT900", fix(turns={"lr": 0.1}))) == Choice(None, (), ())


def test_a_fix_of_other_rounding_that_changes_learning_in_this_run_is_not_timed() -> None:
    table = {one.name: one for one in knobs()}
    table["micro_batch"] = table["micro_batch"].model_copy(update={"effect": "changes_learning"})
    choice = chosen(standing("DEV900", fix(ROUNDING, turns={"micro_batch": 8})), at=scene(knobs=table))
    assert whys(choice) == ["cannot be tried"]


def test_what_no_stretch_can_show_is_applied_untried() -> None:
    deed = chosen(standing("RUN900", fix(SPEED, improves="time", turns={"eval_every": 2.0}))).deed
    assert isinstance(deed, Try)
    assert deed.how == "untried"


def test_a_probe_comes_before_any_fix_and_is_asked_once() -> None:
    asking = standing("OPT900", fix(), probes=("lr_sweep",))
    deed = chosen(asking).deed
    assert deed == AskProbe("OPT900", "lr_sweep", from_start=False)
    asked = history(ProbeAsked(code="OPT900", probe="lr_sweep"))
    assert isinstance(chosen(asking, past=asked).deed, Try)
    assert isinstance(chosen(asking, at=scene(probes_done=frozenset({"lr_sweep"}))).deed, Try)


def test_a_probe_that_the_budget_has_no_room_for_is_asked_only_for_a_failing_run() -> None:
    at = scene(budget_share=0.009)
    unpaid = chosen(standing("OPT900", fix(), probes=("lr_sweep",)), at=at)
    assert (unpaid.deed, whys(unpaid)) == (None, ["budget"])
    failing = standing("OPT900", fix(), probes=("lr_sweep",), severity=Severity.ERROR)
    assert isinstance(chosen(failing, at=at).deed, AskProbe)


def test_a_start_over_is_probed_from_the_start() -> None:
    over = fix(Effect.RESCUE, deed=Deed.START_OVER)
    deed = chosen(standing("OPT900", over, probes=("lr_sweep",), severity=Severity.ERROR)).deed
    assert deed == AskProbe("OPT900", "lr_sweep", from_start=True)


def test_after_three_rescues_the_run_is_stopped_or_left_to_a_person() -> None:
    rescue = fix(Effect.RESCUE)
    past = history(*[one for n in range(3) for one in attempt(f"t{n}", rescue, "applied_untried", how="rescue")])
    assert whys(chosen(standing("NUM900", rescue), past=past)) == ["not recoverable by a knob"]
    stop = fix(Effect.RESCUE, deed=Deed.STOP, turns={})
    assert isinstance(chosen(standing("NUM900", stop), past=past).deed, Try)


def test_frozen_nothing_is_tried() -> None:
    past = history(Wished(wish="freeze"))
    for one in (fix(), fix(SPEED), fix(Effect.RESCUE)):
        choice = chosen(standing("OPT900", one, probes=("lr_sweep",)), past=past)
        assert choice.deed is None
        assert whys(choice) == ["frozen"]
    assert chosen(standing("OPT900", fix()), past=history(Wished(wish="freeze"), Wished(wish="thaw"))).deed is not None


def test_in_advise_mode_a_fix_is_offered_and_tried_once_accepted() -> None:
    at = scene(mode="advise")
    choice = chosen(standing("OPT900", fix()), at=at)
    assert choice.deed is None
    assert [offer.how for offer in choice.offers] == ["fork"]
    offered = Proposed(proposal="p1", code="OPT900", fix=fix(), how="fork", expected_cost_s=1.0)
    for target in ("p1", "OPT900"):
        past = history(offered, Wished(wish="accept", target=target))
        assert isinstance(chosen(standing("OPT900", fix()), past=past, at=at).deed, Try)


def test_what_a_person_has_vetoed_is_not_tried() -> None:
    offered = Proposed(proposal="p1", code="OPT900", fix=fix(), how="fork", expected_cost_s=1.0)
    past = history(offered, Wished(wish="veto", target="p1"))
    assert whys(chosen(standing("OPT900", fix()), past=past)) == ["vetoed"]


def test_a_knob_that_was_on_trial_when_the_trainer_died_is_not_tried_again() -> None:
    past = history(TrainerExited(code=1, why="killed", suspect="lr, clip"))
    assert whys(chosen(standing("OPT900", fix()), past=past)) == ["cannot be turned here"]


def test_a_finished_run_has_nothing_but_its_model_left() -> None:
    small = standing("SIZ900", fix(Effect.FREE, deed=Deed.COMPRESS, method="int8"))
    deed = chosen(standing("OPT900", fix()), small, at=scene(finished=True)).deed
    assert isinstance(deed, Try)
    assert deed.how == "compression"
    assert chosen(small).deed is None


# ---------------------------------------------------------------- budget


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


def test_what_a_rule_of_the_nursery_finds_is_neither_acted_on_nor_a_cause() -> None:
    young = standing("OPT900", fix(LEARNING), severity=Severity.ERROR, nursery=True, explains=("OPT901",))
    ripe = standing("OPT901", fix(LEARNING))
    choice = chosen(young, ripe)
    assert isinstance(choice.deed, Try)
    assert choice.deed.code == "OPT901"
    assert {code: part.role for code, part in parts([young.finding, ripe.finding]).items()} == {
        "OPT900": "contributing",
        "OPT901": "cause",
    }
    assert chosen(young).deed is None


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


ANEW = fix(LEARNING, deed=Deed.START_OVER)


@pytest.mark.parametrize(
    ("step", "said"),
    [pytest.param(10, ["too soon", "cause first"], id="soon"), pytest.param(60, ["cause first"], id="now")],
)
def test_a_rescue_waits_for_a_cause_whose_fix_begins_before_the_first_step(step: int, said: list[str]) -> None:
    cause = standing("ARC900", ANEW, severity=Severity.ERROR, explains=("NUM900",))
    lost = standing("NUM900", fix(Effect.RESCUE), severity=Severity.ERROR)
    choice = chosen(cause, lost, at=scene(step=step, steps_left=2000 - step))
    assert whys(choice) == said
    assert choice.deed is None or choice.deed.code == "ARC900"


def test_a_probe_for_something_else_leaves_the_budget_to_a_cause_that_only_waits() -> None:
    cause = standing("ARC900", ANEW, severity=Severity.ERROR)
    other = standing("OPT900", fix(LEARNING), probes=("lr_sweep",), severity=Severity.INFO)
    assert chosen(cause, other, at=scene(step=10, steps_left=1990)).deed is None
    assert isinstance(chosen(other, at=scene(step=10, steps_left=1990)).deed, AskProbe)
