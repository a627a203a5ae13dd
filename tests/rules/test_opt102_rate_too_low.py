"""OPT102 rate too low: when it speaks, when it is silent, when it is not assessed."""

from typing import Any

import pytest

from rules.facts import ProbeFacts
from rules.optimisation.opt102_rate_too_low import rate_too_low
from rules.vocabulary import Severity
from tests.rules.situations import assessed, knobs, missing_without

SWEPT = frozenset({"lr_sweep"})


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param(
            {
                "loss": {
                    "at_start": 2.4,
                    "now": 2.2,
                    "fall_share": 0.02,
                    "noise_share": 0.05,
                    "curve": ((10, 2.38), (500, 2.2)),
                }
            },
            id="heads for the heights",
        ),
        pytest.param(
            {
                "loss": {
                    "at_start": 2.4,
                    "now": 2.2,
                    "fall_share": 0.02,
                    "noise_share": 0.05,
                    "curve": ((10, 2.38), (500, 2.2)),
                },
                "probes": ProbeFacts(done=SWEPT, lr_pick=5.0),
            },
            id="the sweep wants fifty times more",
        ),
    ],
)
def test_it_speaks(changes: dict[str, Any]) -> None:
    finding = assessed(rate_too_low, changes)
    assert finding is not None
    assert (finding.code, finding.name) == ("OPT102", "rate_too_low")


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({}, id="healthy"),
        pytest.param({"run": {"step": 200}, "loss": {"now": 1.8, "noise_share": 0.05}}, id="falls fast enough"),
        pytest.param(
            {
                "run": {"step": 200},
                "knobs": knobs(warmup=0.2),
                "loss": {
                    "at_start": 2.4,
                    "now": 2.2,
                    "fall_share": 0.02,
                    "noise_share": 0.05,
                    "curve": ((10, 2.38), (500, 2.2)),
                },
            },
            id="in its warm-up",
        ),
        pytest.param(
            {"loss": {"now": 2.3, "noise_share": 0.05, "curve": ((10, 5.0),)}}, id="it rose: steps are not too short"
        ),
        pytest.param(
            {
                "loss": {
                    "at_start": 2.4,
                    "now": 2.2,
                    "fall_share": 0.02,
                    "noise_share": 0.05,
                    "curve": ((10, 2.38), (500, 2.2)),
                },
                "probes": ProbeFacts(done=SWEPT, lr_pick=0.3),
            },
            id="the sweep agrees",
        ),
    ],
)
def test_it_is_silent(changes: dict[str, Any]) -> None:
    assert assessed(rate_too_low, changes) is None


@pytest.mark.parametrize("group", ["run", "task", "loss", "knobs", "probes"])
def test_it_is_not_assessed_without_a_group(group: str) -> None:
    assert missing_without(rate_too_low, group) == (group,)


SLOW = {"at_start": 2.4, "now": 2.2, "fall_share": 0.02, "noise_share": 0.05, "curve": ((10, 2.38), (500, 2.2))}


def test_the_rate_is_raised_to_the_pick_or_half_the_way() -> None:
    finding = assessed(rate_too_low, {"loss": SLOW, "probes": ProbeFacts(done=SWEPT, lr_pick=10.0)})
    assert finding is not None
    assert finding.severity is Severity.WARNING
    assert [fix.turns[0].to for fix in finding.fixes] == pytest.approx([10.0, 1.0])
