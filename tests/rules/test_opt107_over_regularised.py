"""OPT107 over regularised: when it speaks, when it is silent, when it is not assessed."""

from typing import Any

import pytest

from rules.optimisation.opt107_over_regularised import over_regularised
from rules.vocabulary import Deed, Effect, Severity
from tests.rules.situations import assessed, evaluations, knobs, layers, missing_without


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param(
            {
                "loss": {"now": 2.0, "fall_share": 0.0},
                "validation": evaluations([2.0, 2.0], [0.3, 0.3], train=2.0),
                "knobs": knobs(weight_decay=0.2),
            },
            id="decay of a fifth",
        ),
        pytest.param(
            {
                "loss": {"now": 2.0, "fall_share": 0.0},
                "validation": evaluations([2.0, 2.0], [0.3, 0.3], train=2.0),
                "knobs": knobs(dropout=0.8),
            },
            id="heavy dropout",
        ),
        pytest.param(
            {
                "run": {"step": 60},
                "loss": {"now": 2.29, "fall_share": 0.01, "curve": ((10, 2.35), (60, 2.29))},
                "validation": evaluations([2.29], [0.2], train=2.28),
                "knobs": knobs(dropout=0.9),
            },
            id="a dropout that leaves a tenth, early in a run that creeps",
        ),
    ],
)
def test_it_speaks(changes: dict[str, Any]) -> None:
    finding = assessed(over_regularised, changes)
    assert finding is not None
    assert (finding.code, finding.name) == ("OPT107", "over_regularised")


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({}, id="healthy"),
        pytest.param(
            {"loss": {"now": 2.0, "fall_share": 0.0}, "validation": evaluations([2.0, 2.0], [0.3, 0.3], train=2.0)},
            id="usual decay",
        ),
        pytest.param(
            {
                "loss": {"now": 2.0, "fall_share": 0.0},
                "validation": evaluations([2.0, 2.0], [0.3, 0.3], train=2.0),
                "knobs": knobs(weight_decay=0.2, optimizer="adamw"),
            },
            id="AdamW decouples",
        ),
        pytest.param(
            {
                "loss": {"now": 2.0, "fall_share": 0.0},
                "validation": evaluations([2.6], [0.3], train=2.0),
                "knobs": knobs(weight_decay=0.2),
            },
            id="a gap to close",
        ),
        pytest.param({"knobs": knobs(weight_decay=0.2)}, id="it learns all the same"),
        pytest.param(
            {
                "run": {"step": 60},
                "loss": {"now": 1.9, "fall_share": 0.2, "curve": ((10, 2.35), (60, 1.9))},
                "validation": evaluations([1.6], [0.5], train=1.6),
                "knobs": knobs(dropout=0.8),
            },
            id="a young net that learns under a heavy dropout",
        ),
        pytest.param(
            {
                "loss": {"now": 2.0, "fall_share": 0.0},
                "validation": evaluations([2.0, 2.0], [0.3, 0.3], train=2.0),
                "layers": {"layers": layers(2.0, 3.0, 5.0)},
                "knobs": knobs(weight_decay=0.2),
            },
            id="the data pull harder",
        ),
        pytest.param(
            {
                "run": {"step": 200},
                "loss": {"now": 2.3, "fall_share": 0.0},
                "validation": evaluations([2.3], [0.1], train=2.3),
                "knobs": knobs(dropout=0.5),
            },
            id="a dropout of a half in a young run",
        ),
    ],
)
def test_it_is_silent(changes: dict[str, Any]) -> None:
    assert assessed(over_regularised, changes) is None


@pytest.mark.parametrize("group", ["run", "task", "loss", "validation", "layers", "knobs"])
def test_it_is_not_assessed_without_a_group(group: str) -> None:
    assert missing_without(over_regularised, group) == (group,)


def test_the_decay_goes_back_to_a_customary_one() -> None:
    stuck = {"loss": {"now": 2.0, "fall_share": 0.0}, "validation": evaluations([2.0], [0.3], train=2.0)}
    finding = assessed(over_regularised, {**stuck, "knobs": knobs(weight_decay=0.2, dropout=0.6)})
    assert finding is not None
    assert [(fix.turns[0].knob, fix.turns[0].to) for fix in finding.fixes] == [
        ("weight_decay", pytest.approx(1e-4)),
        ("dropout", 0.0),
    ]


FLAT = {"loss": {"now": 2.3, "fall_share": 0.0}, "validation": evaluations([2.3], [0.1], train=2.3)}


@pytest.mark.parametrize(
    ("changes", "rescued"),
    [
        pytest.param({"run": {"step": 200}}, True, id="a fifth of the run"),
        pytest.param({"run": {"step": 800}}, False, id="too late to start over"),
        pytest.param({"loss": {"now": 2.0, "fall_share": 0.0}}, False, id="it has learned something"),
        pytest.param({"run": {"step": 100}, "loss": {"now": 1.6}}, True, id="it has learned something in a tenth"),
        pytest.param(
            {"validation": evaluations([1.5], [0.5], train=1.5), "knobs": knobs(dropout=0.9)}, False,
            id="only dropout keeps the loss up",
        ),
    ],
)  # fmt: skip
def test_a_net_pressed_flat_starts_over(changes: dict[str, Any], rescued: bool) -> None:
    finding = assessed(over_regularised, {**FLAT, "knobs": knobs(weight_decay=0.2), **changes})
    assert finding is not None
    first = finding.fixes[0]
    assert (first.deed is Deed.START_OVER, first.effect is Effect.RESCUE) == (rescued, rescued)
    assert rescued <= (first.turns[0].knob == "weight_decay" and first.turns[0].to == pytest.approx(1e-4))


def test_a_decay_that_pulls_as_hard_as_the_data_is_lowered_on_trial_where_the_loss_is_half_way_down() -> None:
    half_way = {"loss": {"now": 0.8, "fall_share": 0.0}, "validation": evaluations([0.8], [0.8], train=0.8)}
    finding = assessed(over_regularised, {**half_way, "run": {"step": 100}, "knobs": knobs(weight_decay=0.2)})
    assert finding is not None
    assert [(fix.deed, fix.turns[0].knob) for fix in finding.fixes] == [(Deed.TURN, "weight_decay")]
    low = {"loss": {"now": 0.4, "fall_share": 0.0}, "validation": evaluations([0.4], [0.9], train=0.4)}
    assert assessed(over_regularised, {**low, "knobs": knobs(weight_decay=0.2)}) is None
    assert assessed(over_regularised, {**half_way, "knobs": knobs(dropout=0.8)}) is None


@pytest.mark.parametrize(
    ("gradient", "falls", "severity"),
    [
        pytest.param(1.0, 0.1, Severity.WARNING, id="as hard as the data, and the loss falls"),
        pytest.param(2.5, 0.1, Severity.INFO, id="less hard, and the loss falls"),
        pytest.param(2.5, 0.01, Severity.WARNING, id="less hard, and the loss stays"),
    ],
)
def test_a_decay_under_which_the_loss_falls_only_slows_it(gradient: float, falls: float, severity: Severity) -> None:
    young = {"run": {"step": 60}, "loss": {"now": 2.0, "fall_share": falls}}
    pulled = {"layers": {"layers": layers(0.3 * gradient, 0.3 * gradient)}}
    finding = assessed(over_regularised, {**FLAT, **young, **pulled, "knobs": knobs(weight_decay=0.3)})
    assert finding is not None
    assert finding.severity is severity


def test_decay_is_judged_from_the_first_twentieth_and_says_how_hard_it_pulls() -> None:
    young = {"run": {"step": 60}, "loss": {"now": 2.0, "fall_share": 0.1}}
    finding = assessed(over_regularised, {**FLAT, **young, "knobs": knobs(weight_decay=0.3)})
    assert finding is not None
    assert finding.message.startswith("a weight decay of 0.3 pulls at the weights 1 times as hard as the data")


def test_a_brake_that_the_tasks_own_code_holds_is_left_to_a_person() -> None:
    finding = assessed(
        over_regularised,
        {
            "loss": {"now": 2.0, "fall_share": 0.0},
            "validation": evaluations([2.0, 2.0], [0.3, 0.3], train=2.0),
            "knobs": knobs(turnable=frozenset({"lr"}), weight_decay=0.2),
        },
    )
    assert finding is not None
    assert [fix.name for fix in finding.fixes] == ["set weight_decay to 0.0001 where your code sets it to 0.2"]
    assert finding.fixes[0].effect is Effect.NEEDS_A_PERSON
