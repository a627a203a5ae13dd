"""NUM103 loss outliers: when it speaks, when it is silent, when it is not assessed."""

from typing import Any

import pytest

from rules.numerics.num103_loss_outliers import loss_outliers
from tests.rules.situations import assessed, knobs, missing_without


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"loss": {"outliers_in_50": 4}}, id="a burst"),
    ],
)
def test_it_speaks(changes: dict[str, Any]) -> None:
    finding = assessed(loss_outliers, changes)
    assert finding is not None
    assert (finding.code, finding.name) == ("NUM103", "loss_outliers")


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({}, id="healthy"),
        pytest.param({"loss": {"outliers_in_50": 2}}, id="two"),
        pytest.param({"loss": {"outliers_in_50": 4}, "run": {"step": 30}}, id="young"),
    ],
)
def test_it_is_silent(changes: dict[str, Any]) -> None:
    assert assessed(loss_outliers, changes) is None


@pytest.mark.parametrize("group", ["run", "loss", "gradients", "knobs"])
def test_it_is_not_assessed_without_a_group(group: str) -> None:
    assert missing_without(loss_outliers, group) == (group,)


def test_what_is_clipped_already_is_not_clipped_again() -> None:
    burst = {"loss": {"outliers_in_50": 4}}
    loose, clipped = assessed(loss_outliers, burst), assessed(loss_outliers, {**burst, "knobs": knobs(clip=1.0)})
    assert loose is not None
    assert clipped is not None
    assert loose.fixes[0].name == "clip gradients at 2.5"
    assert not any(fix.turns for fix in clipped.fixes)
