"""GEN104 validation too small: when it speaks, when it is silent, when it is not assessed."""

from typing import Any

import pytest

from rules.generalisation.gen104_validation_too_small import validation_too_small
from tests.rules.situations import assessed, evaluations, missing_without


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param(
            {
                "task": {"val_examples": 30},
                "validation": evaluations([0.5] * 5, [0.8, 0.9, 0.9, 0.95, 0.9], error=0.05),
            },
            id="thirty examples",
        ),
        pytest.param(
            {"task": {"val_examples": 30}, "validation": evaluations([0.1] * 5, [0.9, 0.97, 1.0, 1.0, 1.0], error=0.0)},
            id="thirty of thirty are right",
        ),
    ],
)
def test_it_speaks(changes: dict[str, Any]) -> None:
    finding = assessed(validation_too_small, changes)
    assert finding is not None
    assert (finding.code, finding.name) == ("GEN104", "validation_too_small")


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({}, id="healthy"),
        pytest.param(
            {"task": {"higher_is_better": False}, "validation": evaluations([0.5] * 5, error=0.05)},
            id="an error is no share",
        ),
        pytest.param(
            {"run": {"step": 250}, "validation": evaluations([0.5] * 5, error=0.05, every=50)}, id="the run is young"
        ),
        pytest.param(
            {"validation": evaluations([0.5] * 5, [0.3, 0.4, 0.6, 0.7, 0.8], error=0.05)}, id="a gain beyond the noise"
        ),
        pytest.param({"validation": evaluations([2.3] * 5, [0.1] * 5, error=0.05)}, id="nothing is learned"),
        pytest.param({"validation": evaluations([0.5] * 3, [0.9] * 3, error=0.05)}, id="one late evaluation"),
        pytest.param(
            {"validation": evaluations([0.1] * 5, [1.0] * 5, error=0.0)}, id="a thousand of a thousand are right"
        ),
        pytest.param(
            {
                "task": {"kind": "regression", "val_examples": 30},
                "validation": evaluations([0.1] * 5, [1.0] * 5, error=0.0),
            },
            id="what is no share of the examples",
        ),
    ],
)
def test_it_is_silent(changes: dict[str, Any]) -> None:
    assert assessed(validation_too_small, changes) is None


@pytest.mark.parametrize("group", ["run", "task", "validation"])
def test_it_is_not_assessed_without_a_group(group: str) -> None:
    assert missing_without(validation_too_small, group) == (group,)


@pytest.mark.parametrize(("train", "said"), [(100_000, "hold out about"), (300, "judge by several folds")])
def test_it_never_asks_for_more_examples_than_there_are(train: int, said: str) -> None:
    late = evaluations([0.5] * 5, [0.8, 0.9, 0.9, 0.95, 0.9], error=0.05)
    finding = assessed(
        validation_too_small, {"task": {"val_examples": 30, "train_examples": train}, "validation": late}
    )
    assert finding is not None
    assert finding.fixes[0].name.startswith(said)
