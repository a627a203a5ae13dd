"""Causes before symptoms: what waits for a cause, what a fault in code holds back, what the nursery may do."""

from dataclasses import replace

import pytest

from advisor.deciding.assess import Standing
from advisor.deciding.causes import parts
from advisor.deciding.choose import choose
from advisor.deciding.options import AskProbe, Try
from rules.vocabulary import Deed, Effect, Severity
from tests.advisor.choosing import LEARNING, SPEED, attempt, chosen, history, whys
from tests.advisor.literal import fix, scene, standing

ANEW = fix(LEARNING, deed=Deed.START_OVER)


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


@pytest.mark.parametrize("symptoms", HELD)
@pytest.mark.parametrize("tried", [False, True])
def test_nothing_is_done_about_what_misleading_batches_show(symptoms: list[Standing], tried: bool) -> None:
    sorted_order = standing("NUM904", fix(LEARNING), explains=("NUM902",), misleads=True)
    past = history(*attempt("t1", fix(LEARNING), "undecided", code="NUM904")) if tried else history()
    choice = chosen(sorted_order, *symptoms, past=past)
    assert (choice.deed is None) if tried else (isinstance(choice.deed, Try) and choice.deed.code == "NUM904")
    assert set(whys(choice)) <= {"needs a person", "held back"}
    told = [no.why for no in choice.refusals if no.reason == "held back"]
    assert all("misleads while it stands" in why for why in told)


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


def test_a_fork_for_something_else_leaves_the_budget_to_a_cause_that_only_waits() -> None:
    cause = standing("ARC900", ANEW, severity=Severity.ERROR)
    other = standing("ARC901", fix(LEARNING))
    choice = chosen(cause, other, at=scene(step=10, steps_left=1990))
    assert choice.deed is None
    assert whys(choice) == ["too soon", "cause first"]


def test_findings_that_explain_each_other_in_a_ring_have_one_cause_though_another_cause_stands_beside() -> None:
    ring = {"ARC901": "ARC902", "ARC902": "ARC903", "ARC903": "ARC901"}
    standings = [standing(code, fix(LEARNING), explains=(other,)) for code, other in ring.items()]
    standings[1] = standing("ARC902", fix(LEARNING), explains=("ARC903",), severity=Severity.ERROR)
    told = parts(one.finding for one in (*standings, standing("DAT900")))
    assert {code: (part.role, part.explained_by) for code, part in told.items()} == {
        "ARC902": ("cause", ""),
        "ARC903": ("symptom", "ARC902"),
        "ARC901": ("symptom", "ARC903"),
        "DAT900": ("contributing", ""),
    }
    deed = chosen(*standings, standing("DAT900")).deed
    assert isinstance(deed, Try)
    assert deed.code == "ARC902"
