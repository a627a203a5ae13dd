"""OPT112 clip too low: when it speaks, when it is silent, when it is not assessed."""

from typing import Any

import pytest

from rules.optimisation.opt112_clip_too_low import clip_too_low
from rules.vocabulary import Deed, Severity, Turned
from tests.rules.situations import assessed, knobs, missing_without

CREEPS = {"at_start": 2.4, "now": 2.3, "best": 2.3, "fall_share": 0.01, "noise_share": 0.05, "curve": ((10, 2.38),)}
CLIPPED = {"loss": CREEPS, "gradients": {"clipped_share": 1.0}, "knobs": knobs(clip=1e-3)}


def test_it_speaks_with_the_share_and_the_factor() -> None:
    finding = assessed(clip_too_low, CLIPPED)
    assert finding is not None
    assert (finding.code, finding.name, finding.severity) == ("OPT112", "clip_too_low", Severity.WARNING)
    assert finding.message == "100% of the last steps were clipped, to 1/1000 of their gradient (1 to 0.001)"


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({}, id="healthy"),
        pytest.param({**CLIPPED, "run": {"step": 40}}, id="young"),
        pytest.param({**CLIPPED, "knobs": knobs(clip=0.5)}, id="clipped to a half"),
        pytest.param({**CLIPPED, "gradients": {"clipped_share": 0.4}}, id="fewer than half of the steps"),
        pytest.param({**CLIPPED, "knobs": knobs(clip=1e-3, optimizer="adam")}, id="Adam divides it out"),
        pytest.param({**CLIPPED, "loss": {}}, id="it learns all the same"),
        pytest.param({**CLIPPED, "knobs": knobs()}, id="no clip"),
    ],
)
def test_it_is_silent(changes: dict[str, Any]) -> None:
    assert assessed(clip_too_low, changes) is None


@pytest.mark.parametrize("group", ["run", "task", "loss", "gradients", "knobs"])
def test_it_is_not_assessed_without_a_group(group: str) -> None:
    assert missing_without(clip_too_low, group) == (group,)


@pytest.mark.parametrize(
    ("step", "deed", "clip"),
    [
        pytest.param(100, Deed.START_OVER, 0.0, id="early: without one"),
        pytest.param(700, Deed.TURN, 2.5, id="late: the usual norm"),
    ],
)
def test_a_clip_is_left_out_while_the_norms_are_those_of_a_net_that_did_not_learn(
    step: int, deed: Deed, clip: float
) -> None:
    finding = assessed(clip_too_low, {**CLIPPED, "run": {"step": step}})
    assert finding is not None
    assert finding.fixes[0].deed is deed
    assert finding.fixes[0].turns == (Turned(knob="clip", to=clip),)


def test_the_clip_is_not_below_one_while_a_net_that_has_learned_nothing_has_small_gradients() -> None:
    small = {"clipped_share": 1.0, "now": 0.3, "p90": 0.4}
    finding = assessed(clip_too_low, {**CLIPPED, "run": {"step": 700}, "gradients": small})
    assert finding is not None
    assert finding.fixes[0].turns == (Turned(knob="clip", to=1.0),)
