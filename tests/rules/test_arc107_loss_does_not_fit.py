"""ARC107 loss does not fit: when it speaks, when it is silent, when it is not assessed."""

from typing import Any

import pytest

from rules.architecture.arc107_loss_does_not_fit import loss_does_not_fit
from rules.vocabulary import Severity
from tests.rules.situations import assessed, missing_without

PROBABILITIES = {"sums_to_one": True, "reach_low": 0.0, "reach_high": 1.0, "behind": ("softmax",)}


@pytest.mark.parametrize(
    ("changes", "severity", "said"),
    [
        pytest.param(
            {"outputs": {"loss_kind": "absolute_of_softmax"}},
            Severity.WARNING,
            "CrossEntropyLoss() on raw outputs",
            id="absolute error of probabilities",
        ),
        pytest.param(
            {"outputs": PROBABILITIES | {"loss_kind": "absolute"}},
            Severity.WARNING,
            "without softmax",
            id="absolute error of outputs that are probabilities",
        ),
        pytest.param(
            {"outputs": {"loss_kind": "likelihood_of_softmax"}}, Severity.WARNING, "CrossEntropyLoss", id="no logarithm"
        ),
        pytest.param(
            {"outputs": PROBABILITIES | {"loss_kind": "likelihood"}},
            Severity.WARNING,
            "without softmax",
            id="likelihood of probabilities",
        ),
        pytest.param(
            {"outputs": {"loss_kind": "squared", "rms": 35.0}},
            Severity.WARNING,
            "CrossEntropyLoss",
            id="squared error of outputs far from 0 and 1",
        ),
        pytest.param({"outputs": {"loss_kind": "squared", "rms": 0.4}}, Severity.INFO, "CrossEntropyLoss", id="squared error"),
        pytest.param(
            {"outputs": {"loss_kind": "squared", "shape": (1,)}, "task": {"classes": ("no", "yes")}},
            Severity.INFO,
            "BCEWithLogitsLoss",
            id="one output for yes and no",
        ),
        pytest.param(
            {"outputs": {"loss_kind": "", "shape": (1,), "behind": ("softmax",), "spread": 0.0}},
            Severity.ERROR,
            "one unit for each class",
            id="a softmax over one unit",
        ),
        pytest.param(
            {"outputs": {"loss_kind": "cross_entropy_of_marks"}, "task": {"kind": "multilabel"}},
            Severity.WARNING,
            "one for each mark",
            id="one class each, of several marks",
        ),
    ],
)  # fmt: skip
def test_it_speaks(changes: dict[str, Any], severity: Severity, said: str) -> None:
    finding = assessed(loss_does_not_fit, changes)
    assert finding is not None
    assert (finding.code, finding.name, finding.severity) == ("ARC107", "loss_does_not_fit", severity)
    assert said in finding.fixes[0].name


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({}, id="cross entropy"),
        pytest.param({"outputs": {"loss_kind": ""}}, id="a loss that nobody knows"),
        pytest.param({"outputs": {"loss_kind": "log_likelihood"} | PROBABILITIES}, id="log likelihood of probabilities"),
        pytest.param({"outputs": {"loss_kind": "likelihood"}}, id="likelihood of raw outputs is NUM105's"),
        pytest.param({"outputs": {"loss_kind": "absolute", "shape": ()}, "task": {"kind": "regression"}}, id="a number"),
    ],
)  # fmt: skip
def test_it_is_silent(changes: dict[str, Any]) -> None:
    assert assessed(loss_does_not_fit, changes) is None


@pytest.mark.parametrize(("rms", "turned"), [(35.0, ["loss"]), (0.4, [])])
def test_another_loss_is_tried_only_where_the_present_one_does_harm(rms: float, turned: list[str]) -> None:
    finding = assessed(loss_does_not_fit, {"outputs": {"loss_kind": "squared", "rms": rms}})
    assert finding is not None
    assert [turn.knob for fix in finding.fixes for turn in fix.turns] == turned


def test_a_squared_error_is_no_excuse_for_what_else_is_wrong() -> None:
    far = assessed(loss_does_not_fit, {"outputs": {"loss_kind": "squared", "rms": 35.0}})
    assert far is not None
    assert not far.explains


@pytest.mark.parametrize("group", ["task", "outputs", "knobs"])
def test_it_is_not_assessed_without_a_group(group: str) -> None:
    assert missing_without(loss_does_not_fit, group) == (group,)
