"""DAT101 class imbalance: when it speaks, when it is silent, when it is not assessed."""

from math import nan
from typing import Any

import pytest

from rules.data.dat101_class_imbalance import class_imbalance
from rules.vocabulary import METRIC_GUARD, Severity
from tests.rules.situations import KNOBS, assessed, evaluations, knobs, missing_without


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"classes": {"counts": (600, 500, 30), "recalls": (0.95, 0.9, 0.2)}}, id="a rare class is missed"),
        pytest.param(
            {"classes": {"counts": (600, 500, 100), "recalls": (0.95, 0.9, 0.2)}}, id="a class less rare is lost wholly"
        ),
    ],
)
def test_it_speaks(changes: dict[str, Any]) -> None:
    finding = assessed(class_imbalance, changes)
    assert finding is not None
    assert (finding.code, finding.name) == ("DAT101", "class_imbalance")


@pytest.mark.parametrize(
    ("rare", "step", "train_loss", "severity"),
    [
        pytest.param(30, 500, 0.2, Severity.WARNING, id="the training split is learned"),
        pytest.param(30, 100, 0.2, Severity.WARNING, id="learned early"),
        pytest.param(30, 100, 1.2, Severity.INFO, id="on its way"),
        pytest.param(30, 400, 1.2, Severity.WARNING, id="far rarer, and no better after two fifths"),
        pytest.param(30, 400, 2.2, Severity.INFO, id="nothing learned yet"),
        pytest.param(100, 900, 1.2, Severity.INFO, id="less rare, and the net is still on its way"),
        pytest.param(100, 900, 0.2, Severity.WARNING, id="less rare, and lost"),
    ],
)
def test_what_is_rare_is_learned_last(rare: int, step: int, train_loss: float, severity: Severity) -> None:
    finding = assessed(
        class_imbalance,
        {
            "run": {"step": step},
            "classes": {"counts": (600, 500, rare), "recalls": (0.95, 0.9, 0.2)},
            "validation": evaluations([1.0], [0.7], train=train_loss),
            "task": {"baseline_loss": 2.3},
        },
    )
    assert finding is not None
    assert finding.severity is severity


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({}, id="healthy"),
        pytest.param({"classes": {"counts": (600, 500, 30), "recalls": (0.95, 0.9, 0.85)}}, id="it is recognised"),
        pytest.param({"classes": {"counts": (600, 500, 100), "recalls": (0.95, 0.9, 0.5)}}, id="not that rare"),
        pytest.param({"classes": {"counts": (600, 500, 200), "recalls": (0.95, 0.9, 0.2)}}, id="not rare"),
        pytest.param({"classes": {"counts": (600, 500, 30), "recalls": ()}}, id="not evaluated"),
        pytest.param(
            {"classes": {"counts": (600, 500, 30), "recalls": (1.0, 0.0, 0.0)}, "run": {"step": 30}},
            id="nothing learned yet",
        ),
        pytest.param(
            {"classes": {"counts": (600, 500, 500, 30), "recalls": (1.0, 0.0, 0.0, 0.0)}},
            id="the common ones are not learned",
        ),
        pytest.param(
            {"classes": {"counts": (600, 500, 30), "recalls": (0.95, 0.9, nan)}}, id="not in the validation split"
        ),
    ],
)
def test_it_is_silent(changes: dict[str, Any]) -> None:
    assert assessed(class_imbalance, changes) is None


@pytest.mark.parametrize("group", ["run", "task", "loss", "validation", "classes", "knobs"])
def test_it_is_not_assessed_without_a_group(group: str) -> None:
    assert missing_without(class_imbalance, group) == (group,)


@pytest.mark.parametrize(
    ("now", "recall", "accuracy", "offered"),
    [
        pytest.param(
            "none",
            0.6,
            0.82,
            ["weights sqrt", "adjustment 0.5", "draws sqrt", "weights balanced", "focus 2.0"],
            id="mild first",
        ),
        pytest.param(
            "none",
            0.2,
            0.68,
            ["weights balanced", "adjustment 1.0", "draws balanced", "weights sqrt", "focus 2.0"],
            id="full first where the gap is wide",
        ),
        pytest.param(
            "none",
            0.2,
            0.91,
            ["weights sqrt", "adjustment 0.5", "draws sqrt", "weights balanced", "focus 2.0"],
            id="mild first where the metric counts rare ones little",
        ),
        pytest.param("sqrt", 0.6, 0.82, ["weights balanced", "focus 2.0"], id="then full"),
        pytest.param("balanced", 0.2, 0.68, [], id="nothing left"),
    ],
)
def test_the_order_is_weights_adjustment_draws_and_focus_at_last(
    now: str, recall: float, accuracy: float, offered: list[str]
) -> None:
    rare = {"counts": (600, 500, 30), "recalls": (0.95, 0.9, recall)}
    seen = {"validation": evaluations([0.5] * 3, [accuracy] * 3)}
    finding = assessed(class_imbalance, {"classes": rare, "knobs": knobs(class_weights=now), **seen})
    assert finding is not None
    tried = [fix for fix in finding.fixes if fix.turns]
    words = {"class_weights": "weights", "sampler": "draws", "logit_adjustment": "adjustment", "focal": "focus"}
    assert [f"{words[fix.turns[0].knob]} {fix.turns[0].to}" for fix in tried] == offered
    assert all(fix.improves == "balanced_loss" and fix.guards == (METRIC_GUARD,) for fix in tried)


def test_where_a_loss_takes_no_weights_rare_classes_are_drawn_more_often() -> None:
    rare = {"counts": (600, 500, 30), "recalls": (0.95, 0.9, 0.6)}
    unweighable = knobs(frozenset(KNOBS) - {"class_weights", "logit_adjustment", "focal"})
    finding = assessed(class_imbalance, {"classes": rare, "knobs": unweighable})
    assert finding is not None
    draws = [fix for fix in finding.fixes if fix.turns]
    assert [fix.turns[0].to for fix in draws] == ["sqrt", "balanced"]
    assert {fix.improves for fix in draws} == {"balanced_loss"}, "a loss of one's own is asked class by class"
    assert all("probabilities become those of the classes as they are drawn" in fix.estimated_by for fix in draws)


@pytest.mark.parametrize(("now", "offered", "severity"), [("sqrt", ["balanced"], "warning"), ("balanced", [], "info")])
def test_weights_are_not_laid_over_draws(now: str, offered: list[str], severity: str) -> None:
    rare = {"counts": (600, 500, 30), "recalls": (0.95, 0.9, 0.6)}
    finding = assessed(class_imbalance, {"classes": rare, "knobs": knobs(sampler=now)})
    assert finding is not None
    assert [(fix.turns[0].knob, fix.turns[0].to) for fix in finding.fixes if fix.turns] == [
        *(("sampler", to) for to in offered),
        *([("focal", 2.0)] if offered else []),
    ]
    assert finding.severity == severity


@pytest.mark.parametrize(("now", "severity"), [("none", "warning"), ("sqrt", "warning"), ("balanced", "info")])
def test_where_no_weight_is_left_to_give_it_is_information(now: str, severity: str) -> None:
    rare = {"counts": (600, 500, 30), "recalls": (0.95, 0.9, 0.2)}
    finding = assessed(class_imbalance, {"classes": rare, "knobs": knobs(class_weights=now)})
    assert finding is not None
    assert finding.severity == severity


@pytest.mark.parametrize(
    ("now", "offered", "severity"),
    [(0.5, [("logit_adjustment", 1.0), ("focal", 2.0)], "warning"), (1.0, [], "info")],
)
def test_nothing_evens_out_the_classes_beside_an_adjustment(
    now: float, offered: list[tuple[str, float]], severity: str
) -> None:
    rare = {"counts": (600, 500, 30), "recalls": (0.95, 0.9, 0.6)}
    finding = assessed(class_imbalance, {"classes": rare, "knobs": knobs(logit_adjustment=now)})
    assert finding is not None
    assert [(fix.turns[0].knob, fix.turns[0].to) for fix in finding.fixes if fix.turns] == offered
    assert finding.severity == severity


def test_a_run_of_a_time_without_these_knobs_is_offered_weights_and_draws() -> None:
    rare = {"counts": (600, 500, 30), "recalls": (0.95, 0.9, 0.6)}
    old = {name: value for name, value in KNOBS.items() if name not in ("logit_adjustment", "focal")}
    finding = assessed(class_imbalance, {"classes": rare, "knobs": {"values": old, "turnable": frozenset(old)}})
    assert finding is not None
    assert {fix.turns[0].knob for fix in finding.fixes if fix.turns} == {"class_weights", "sampler"}
