"""ARC109 target shape: when it speaks, when it is silent, when it is not assessed."""

from math import nan
from typing import Any

import pytest

from rules.architecture.arc109_target_shape import target_shape
from rules.vocabulary import Severity
from tests.rules.situations import assessed, missing_without

ALL_PAIRS = {"pairing_share": 1e-7, "target_use_share": 0.4}


@pytest.mark.parametrize(
    ("outputs", "severity", "said"),
    [
        pytest.param(ALL_PAIRS | {"shape": (1,)}, Severity.ERROR, "outputs.squeeze(1)", id="[B, 1] against [B]"),
        pytest.param(
            ALL_PAIRS | {"shape": (), "target_shape": (1,)},
            Severity.ERROR,
            "targets.squeeze(1)",
            id="[B] against [B, 1]",
        ),
        pytest.param(ALL_PAIRS | {"shape": ()}, Severity.ERROR, "print both shapes", id="within the loss"),
        pytest.param(
            {"pairing_share": 0.0, "target_use_share": 0.0}, Severity.WARNING, "hold the outputs", id="targets not used"
        ),
        pytest.param({"order_share": 0.3}, Severity.WARNING, "off by one", id="an order that counts"),
        pytest.param({"shape": (1000,)}, Severity.INFO, "10 outputs", id="a head for other classes"),
    ],
)
def test_it_speaks(outputs: dict[str, Any], severity: Severity, said: str) -> None:
    finding = assessed(target_shape, {"outputs": outputs})
    assert finding is not None
    assert (finding.code, finding.name, finding.severity) == ("ARC109", "target_shape", severity)
    assert said in finding.fixes[0].name
    assert not any(fix.turns for fix in finding.fixes)


@pytest.mark.parametrize(
    "outputs",
    [
        pytest.param({}, id="one by one"),
        pytest.param({"shape": (24,), "loss_kind": ""}, id="outputs that are no classes: an embedding"),
        pytest.param({"pairing_share": nan, "target_use_share": nan}, id="all targets of the batch are alike"),
        pytest.param({"order_share": nan}, id="a loss that is drawn"),
        pytest.param(
            {"pairing_share": 1e-7, "target_use_share": 0.4, "order_share": nan}, id="a drawn loss of all pairs"
        ),
        pytest.param({"order_share": 1e-6}, id="rounding"),
        pytest.param(
            {"pairing_share": 0.0, "target_use_share": 0.0, "rms": 1e-9, "spread": 1e-9}, id="outputs of no size"
        ),
        pytest.param(
            {"pairing_share": 0.0, "target_use_share": 0.0, "rms": 0.1, "spread": 1e-6}, id="outputs that are all alike"
        ),
    ],
)
def test_it_is_silent(outputs: dict[str, Any]) -> None:
    assert assessed(target_shape, {"outputs": outputs}) is None


@pytest.mark.parametrize("group", ["task", "outputs"])
def test_it_is_not_assessed_without_a_group(group: str) -> None:
    assert missing_without(target_shape, group) == (group,)
