"""The choice among findings: what is tried, how, and why something is not."""

from dataclasses import replace

import pytest

from advisor.deciding.budget import Budget
from advisor.deciding.choose import Choice
from advisor.deciding.options import AskProbe, Try
from advisor.ledger import (
    ProbeAsked,
    Proposed,
    TrainerExited,
    Wished,
)
from rules.vocabulary import Deed, Effect, Fix, Severity
from tests.advisor.choosing import LEARNING, ROUNDING, SPEED, attempt, chosen, history, whys
from tests.advisor.literal import fix, knobs, scene, standing


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


def test_an_opportunity_that_ends_a_swing_is_tried_by_two_pairs_of_arms_and_looks_less_far_for_it() -> None:
    short = replace(scene(step=0, steps_left=330, scoring_steps=2), budget=Budget(0.1, 0, 330))
    usual, swing = (
        chosen(standing("DAT900", fix(LEARNING, turns=turns), severity=Severity.INFO), at=short).deed
        for turns in ({"lr": 0.5}, {"shuffle": False})
    )
    assert isinstance(usual, Try)
    assert isinstance(swing, Try)
    assert (usual.steps, usual.replicates) == (40, 1)
    assert (swing.steps, swing.replicates, swing.nulls) == (30, 2, 1)


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
    assert (fork.steps, fork.replicates) == (25, 2)


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
        fix(Effect.FREE, deed=Deed.TURN, turns={"ema": 0.99}),
        {"steps_left": 150, "evaluation_steps": 100},
        "too late",
        id="one evaluation is left for averaged weights",
    ),
    pytest.param(
        fix(Effect.FREE, deed=Deed.COMPRESS), {"finished": True, "compress": False}, "switched off", id="not wanted"
    ),
]


@pytest.mark.parametrize(("one", "at", "reason"), REFUSED)
def test_a_fix_that_is_not_tried_has_a_reason(one: Fix, at: dict[str, object], reason: str) -> None:
    choice = chosen(standing("OPT900", one), at=scene(**at))
    assert choice.deed is None
    assert whys(choice) == [reason]


def test_averaged_weights_are_tried_while_two_evaluations_are_left() -> None:
    average = fix(Effect.FREE, deed=Deed.TURN, turns={"ema": 0.99})
    deed = chosen(standing("OPT900", average), at=scene(steps_left=199, evaluation_steps=100)).deed
    assert isinstance(deed, Try)
    assert deed.how == "free"


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


def test_what_is_built_wrong_does_not_wait_for_the_run_to_slow_down() -> None:
    at = scene(fall_share=0.3)
    assert chosen(standing("OPT900", fix(), built_in=True), at=at).deed is not None


def test_what_is_built_wrong_is_tried_from_here_on_where_it_cannot_begin_anew() -> None:
    wrong, at = standing("OPT900", ANEW, built_in=True), scene(step=60, steps_left=940)
    first = chosen(wrong, at=at).deed
    then = chosen(wrong, past=history(*attempt("t1", ANEW, "refused", step=60)), at=at).deed
    assert isinstance(first, Try)
    assert isinstance(then, Try)
    assert (first.from_start, then.from_start, then.fix.deed) == (True, False, Deed.TURN)


def test_a_run_that_improves_is_not_waited_for_where_a_look_later_is_too_late() -> None:
    warned, noted = (standing("OPT900", fix(), severity=severity) for severity in (Severity.WARNING, Severity.INFO))
    late = scene(fall_share=0.3, steps_left=150)
    assert isinstance(chosen(warned, at=late).deed, Try)
    assert chosen(noted, at=late).deed is None
    assert chosen(warned, at=scene(fall_share=0.3, steps_left=400)).deed is None


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
