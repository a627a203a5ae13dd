"""Two causes at once: one candidate with both fixes, when it is made, what it is called, and what is left when it loses."""

from typing import Any

import pytest

from advisor.deciding.budget import Budget
from advisor.deciding.options import Try
from advisor.ledger import Entry, Measured, Undone, Wished
from rules.vocabulary import Deed, Effect, Fix, Severity
from tests.advisor.choosing import LEARNING, attempt, chosen, history, whys
from tests.advisor.literal import fix, scene, standing

EARLY = scene(step=60, steps_left=1940)
DRAWN = fix(LEARNING, deed=Deed.START_OVER, name="start over: draw the weights anew", turns={"dropout": 0.1})
SCALED = fix(LEARNING, deed=Deed.START_OVER, name="start over with scaled inputs", turns={"weight_decay": 1e-4})
FIRST = {"severity": Severity.ERROR}


def tried(*given: Any, **fields: Any) -> Fix | None:
    deed = chosen(*given, at=scene(**{"step": 60, "steps_left": 1940, **fields})).deed
    return deed.fix if isinstance(deed, Try) else None


def test_two_causes_whose_fixes_begin_before_the_first_step_are_tried_as_one_candidate_named_as_both() -> None:
    fork = chosen(standing("ARC900", DRAWN, **FIRST), standing("DAT900", SCALED), at=EARLY).deed
    assert isinstance(fork, Try)
    assert (fork.code, fork.how, fork.from_start, fork.own_rate) == ("ARC900", "fork", True, True)
    assert fork.fix.name == "start over: draw the weights anew, together with DAT900: start over with scaled inputs"
    assert fork.fix.turns == (*DRAWN.turns, *SCALED.turns)


@pytest.mark.parametrize(
    ("other", "fields"),
    [
        pytest.param(standing("DAT900", SCALED, severity=Severity.INFO), {}, id="an opportunity is no cause"),
        pytest.param(standing("DAT900", SCALED, nursery=True), {}, id="a rule of the nursery"),
        pytest.param(standing("DAT900", SCALED, probes=("zeroed_input",)), {"probes_done": frozenset({"zeroed_input"})}, id="its cause is not told apart"),
        pytest.param(standing("DAT900", fix(LEARNING, turns={"weight_decay": 1e-4})), {}, id="it goes on from now, and something is learned"),
        pytest.param(standing("DAT900", DRAWN.model_copy(update={"name": "the same knob"})), {}, id="both turn one knob"),
        pytest.param(standing("DAT900", SCALED.model_copy(update={"effect": Effect.NEEDS_A_PERSON})), {}, id="it needs a person"),
        pytest.param(standing("DAT900", SCALED.model_copy(update={"improves": "balanced_loss"})), {}, id="they are judged by other scores"),
    ],
)  # fmt: skip
def test_a_fix_is_tried_alone_where_no_other_cause_masks_it(other: Any, fields: dict[str, Any]) -> None:
    assert tried(standing("ARC900", DRAWN, **FIRST), other, **fields) == DRAWN


def test_a_symptom_of_the_first_cause_is_no_second_one() -> None:
    assert tried(standing("ARC900", DRAWN, explains=("DAT900",), **FIRST), standing("DAT900", SCALED)) == DRAWN


def test_while_nothing_is_learned_a_turn_from_here_on_joins_too_and_another_loss_is_judged_by_the_metric() -> None:
    other_loss = fix(LEARNING, turns={"weight_decay": 1e-4}, improves="metric", name="take cross entropy")
    both = tried(standing("ARC900", DRAWN, **FIRST), standing("ARC907", other_loss), learned_nothing=True)
    assert both is not None
    assert (both.deed, both.improves) == (Deed.START_OVER, "metric")


def lost(trial: str, one: Fix, gain: float) -> list[Entry]:
    begun, *heard, judged = attempt(trial, one, "rolled_back", code="ARC900", step=60)
    measured = Measured(median=gain, low=gain, high=gain, unit="relative tail_loss")
    return [begun, *heard, judged.model_copy(update={"measured": measured})]


@pytest.mark.parametrize(
    ("gain", "next_one"),
    [
        pytest.param(0.004, "begin otherwise, together with DAT900: start over with scaled inputs", id="no gain"),
        pytest.param(-0.01, "begin otherwise, together with DAT900: start over with scaled inputs", id="no loss"),
        pytest.param(-0.2, DRAWN.name, id="it was worse"),
    ],
)
def test_a_part_of_what_showed_nothing_is_not_tried_alone(gain: float, next_one: str) -> None:
    other = fix(LEARNING, deed=Deed.START_OVER, name="begin otherwise", turns={"label_smoothing": 0.1})
    cause, second = standing("ARC900", DRAWN, other, **FIRST), standing("DAT900", SCALED)
    both = chosen(cause, second, at=EARLY).deed
    assert isinstance(both, Try)
    after = chosen(cause, second, at=EARLY, past=history(*lost("t1", both.fix, gain))).deed
    assert isinstance(after, Try)
    assert after.fix.name == next_one


def test_a_fix_that_lost_alone_is_joined_to_that_of_a_cause_that_is_found_later() -> None:
    scaled = standing("DAT900", SCALED, explains=("ARC900",))
    past = history(*attempt("t1", SCALED, "undecided", code="DAT900", step=60))
    both = chosen(standing("ARC900", DRAWN), scaled, at=EARLY, past=past).deed
    assert isinstance(both, Try)
    assert (both.code, both.fix.turns) == ("ARC900", (*DRAWN.turns, *SCALED.turns))


def test_what_was_kept_for_two_causes_has_mended_both() -> None:
    both = tried(standing("ARC900", DRAWN, **FIRST), standing("DAT900", SCALED))
    assert both is not None
    past = history(*attempt("t1", both, "kept", code="ARC900", step=60))
    assert [past.mended((code,)) for code in ("ARC900", "DAT900", "OPT900")] == [True, True, False]


def test_in_advise_mode_each_fix_is_offered_by_itself() -> None:
    choice = chosen(
        standing("ARC900", DRAWN, **FIRST),
        standing("DAT900", SCALED),
        at=scene(mode="advise", step=60, steps_left=1940),
    )
    assert {offer.fix.name for offer in choice.offers} == {DRAWN.name, SCALED.name}


def test_what_would_begin_before_the_first_step_goes_on_from_now_where_that_is_all_that_can_be_paid() -> None:
    dear = scene(
        step=300, steps_left=1700, learned_nothing=True, budget=Budget(share=0.1, spent_steps=300, steps_total=2000)
    )
    fork = chosen(standing("ARC900", DRAWN, **FIRST), at=dear).deed
    assert isinstance(fork, Try)
    assert (fork.from_start, fork.fix.deed) == (False, Deed.TURN)
    assert fork.fix.name == "draw the weights anew, from here on"
    taken_back = history(*attempt("t1", fork.fix, "kept", code="ARC900", step=300), Wished(wish="undo", target="t1"))
    later = scene(**{**vars(dear), "phase": "0.1"})
    assert whys(chosen(standing("ARC900", DRAWN, **FIRST), at=later, past=taken_back)) == ["budget"]
    knows = chosen(standing("ARC900", DRAWN, **FIRST), at=scene(**{**vars(dear), "learned_nothing": False}))
    assert (knows.deed, whys(knows)) == (None, ["budget"])


@pytest.mark.parametrize("gain", [0.004, -0.2])
def test_two_that_lost_together_are_not_tried_again_with_the_other_named_first(gain: float) -> None:
    cause, second = standing("ARC900", DRAWN, **FIRST), standing("DAT900", SCALED)
    past: list[Entry] = []
    tried_turns: list[frozenset[str]] = []
    while isinstance(fork := chosen(cause, second, at=EARLY, past=history(*past)).deed, Try):
        tried_turns.append(frozenset(turn.knob for turn in fork.fix.turns))
        begun, heard, judged = lost(f"t{len(tried_turns)}", fork.fix, gain)
        past += [
            one.model_copy(update={"code": fork.code}) if one is not heard else one for one in (begun, heard, judged)
        ]
    assert len(tried_turns) == len(set(tried_turns))
    assert tried_turns[0] == {"dropout", "weight_decay"}


@pytest.mark.parametrize("target", ["t1", "ARC900", "DAT900"])
def test_what_a_person_takes_back_is_tried_neither_together_nor_apart(target: str) -> None:
    cause, second = standing("ARC900", DRAWN, **FIRST), standing("DAT900", SCALED)
    both = chosen(cause, second, at=EARLY).deed
    assert isinstance(both, Try)
    taken_back = [Wished(wish="undo", target=target, step=60), Undone(trial="t1", why="a person took it back", step=60)]
    past = history(*attempt("t1", both.fix, "kept", code="ARC900", step=60), *taken_back)
    after = chosen(cause, second, at=EARLY, past=past)
    assert after.deed is None
    assert set(whys(after)) == {"vetoed"}


def test_a_fix_that_holds_already_is_no_part_of_another_candidate() -> None:
    held = scene(step=60, steps_left=1940)
    decay = held.knobs["weight_decay"]
    knobs = {**held.knobs, "weight_decay": decay.model_copy(update={"value": 1e-4})}
    assert tried(standing("ARC900", DRAWN, **FIRST), standing("DAT900", SCALED), knobs=knobs) == DRAWN
